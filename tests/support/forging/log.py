"""Transparency logs whose keys the forger holds: they promise and prove whatever is wanted.

The forms are those of a bundle's ``TransparencyLogEntry`` in protobuf's JSON, of version 1 and 2 of Rekor.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from forging.certificates import START
from tagseal.loopback.signatures import key_id
from tagseal.loopback.sigstore.merkle import Tree

EARLIER = 4_163_431
"""Entries of the log's earlier trees: the index over all trees is never that of an inclusion proof."""
SOON = int(START.timestamp()) + 60
"""When entries come in: a minute after their certificates begin."""

HOST, TILES = "rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev"

_SIGNED = ec.ECDSA(hashes.SHA256())
_ED25519 = b"\x01"  # a signature type of C2SP signed-note


@dataclass(kw_only=True)
class Log:
    """A log of version 1, which promises and says when; ``claimed`` is another log's identifier."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    claimed: bytes = b""
    others: int = 5
    """How many entries there are before the first of ours."""
    tree: Tree = field(default_factory=Tree)

    def __post_init__(self) -> None:
        """Begin with entries of others, so that indexes are no zeros and proofs have hashes."""
        for number in range(self.others):
            self.tree.append(b"an entry of somebody else: %d" % number)

    @property
    def id(self) -> bytes:
        """The identifier that its entries show."""
        return self.claimed or key_id(self.key.public_key())

    def entry(self, body: bytes, *, when: int = SOON) -> dict[str, Any]:
        """Take an entry in; return what a bundle says of it."""
        index = self.tree.append(body)
        told = {
            "logIndex": str(index + EARLIER),
            **_kept(body, self.id),
            "integratedTime": str(when),
            "inclusionProof": self.proof(index),
        }
        return {**told, "inclusionPromise": {"signedEntryTimestamp": text(self.promise(told))}}

    def proof(self, index: int) -> dict[str, Any]:
        """Prove that a leaf is in the tree as it is now."""
        return _proof(self.tree, index, self.checkpoint())

    def checkpoint(self) -> str:
        """Sign the tree's head."""
        note = _note(f"{HOST} - 1193050959916656506", self.tree)
        return _signed(note, HOST, self.id, self.key.sign(note.encode(), _SIGNED))

    def promise(self, told: dict[str, Any]) -> bytes:
        """Sign what is told of an entry, as its signed entry timestamp."""
        payload = {
            "body": told["canonicalizedBody"],
            "integratedTime": int(told["integratedTime"]),
            "logID": self.id.hex(),
            "logIndex": int(told["logIndex"]),
        }
        return self.key.sign(rfc8785.dumps(payload), _SIGNED)


@dataclass(kw_only=True)
class Tiles:
    """A log of version 2, which only proves."""

    key: ed25519.Ed25519PrivateKey = field(default_factory=ed25519.Ed25519PrivateKey.generate)
    claimed: bytes = b""
    tree: Tree = field(default_factory=Tree)

    def __post_init__(self) -> None:
        """Begin with an entry of somebody else."""
        self.tree.append(b"an entry of somebody else")

    @property
    def id(self) -> bytes:
        """The identifier that its entries show: of the log's name and the key together (C2SP signed-note)."""
        named = TILES.encode() + b"\n" + _ED25519 + self.key.public_key().public_bytes_raw()
        return self.claimed or hashlib.sha256(named).digest()

    def entry(self, body: bytes) -> dict[str, Any]:
        """Take an entry in; return what a bundle says of it."""
        index = self.tree.append(body)
        return {
            "logIndex": str(index),
            **_kept(body, self.id),
            "integratedTime": "0",
            "inclusionProof": _proof(self.tree, index, self.checkpoint()),
        }

    def checkpoint(self) -> str:
        """Sign the tree's head."""
        note = _note(TILES, self.tree)
        return _signed(note, TILES, self.id, self.key.sign(note.encode()))


def text(content: bytes) -> str:
    """Return the bytes in Base64."""
    return b64encode(content).decode()


def _kept(body: bytes, log: bytes) -> dict[str, Any]:
    kind = json.loads(body)
    return {
        "logId": {"keyId": text(log)},
        "kindVersion": {"kind": kind["kind"], "version": kind["apiVersion"]},
        "canonicalizedBody": text(body),
    }


def _proof(tree: Tree, index: int, checkpoint: str) -> dict[str, Any]:
    return {
        "logIndex": str(index),
        "rootHash": text(tree.root()),
        "treeSize": str(len(tree)),
        "hashes": [text(one) for one in tree.inclusion(index)],
        "checkpoint": {"envelope": checkpoint},
    }


def _note(origin: str, tree: Tree) -> str:
    return f"{origin}\n{len(tree)}\n{text(tree.root())}\n"


def _signed(note: str, name: str, log: bytes, signature: bytes) -> str:
    return f"{note}\n\N{EM DASH} {name} {text(log[:4] + signature)}\n"
