"""The log behind Rekor: entries in a Merkle tree, and the promises and proofs about them.

What is told of an entry (Rekor's ``LogEntry``) carries

1. its canonical body, the log's identifier, its index, and the time at which it came in;
2. a signed entry timestamp over these four in canonical JSON (RFC 8785);
3. an inclusion proof (RFC 6962 section 2.1.1) up to a signed checkpoint of the tree as it is now.

A checkpoint is a signed note of three lines: origin, size, root (C2SP ``tlog-checkpoint``, Rekor's ``pkg/util``).
"""

from __future__ import annotations

import secrets
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tagseal.loopback.signatures import key_id
from tagseal.loopback.sigstore.merkle import Tree, leaf_hash

EARLIER = 4_163_431
"""How many entries the log's earlier trees hold. ``logIndex`` counts them and the index in an inclusion proof does
not, so a client that takes one for the other fails here as it would in production."""

_TREE_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    body: bytes
    """Canonical JSON."""
    index: int
    """In this tree, from 0."""
    time: int
    """When it came in: seconds since the epoch."""


class EntryLog:
    """An append-only log in memory with a fresh key; safe to use from several threads."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._tree_id = secrets.randbelow(2**63 - 1) + 1
        self._tree = Tree()
        self._hashes: list[str] = []
        self._leaves: dict[str, _Leaf] = {}
        self._lock = threading.Lock()
        self.started = datetime.now(UTC).replace(microsecond=0)
        """When its key came into use."""

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The key of checkpoints and signed entry timestamps."""
        return self._key.public_key()

    @property
    def key_id(self) -> bytes:
        """The log's identifier."""
        return key_id(self.public_key)

    def __len__(self) -> int:
        """Return the number of entries in this tree."""
        return len(self._tree)

    def uuid(self, body: bytes) -> str:
        """Return the name of an entry, there or not: the tree's identifier and the leaf's hash, hexadecimal."""
        return f"{self._tree_id:0{_TREE_DIGITS}x}{leaf_hash(body).hex()}"

    def add(self, body: bytes) -> bool:
        """Append an entry's canonical body; return False if it was there."""
        name = leaf_hash(body).hex()
        with self._lock:
            if name in self._leaves:
                return False
            self._leaves[name] = _Leaf(body=body, index=self._tree.append(body), time=int(time.time()))
            self._hashes.append(name)
            return True

    def by_uuid(self, uuid: str) -> dict[str, Any] | None:
        """Return what is told of an entry, by its name with or without the tree's identifier."""
        tree, name = uuid[:-64].lower(), uuid[-64:].lower()
        if tree not in {"", f"{self._tree_id:0{_TREE_DIGITS}x}"}:
            return None
        with self._lock:
            leaf = self._leaves.get(name)
            return self._checkpoint_of(leaf) if leaf else None

    def by_index(self, index: int) -> dict[str, Any] | None:
        """Return what is told of an entry, by its index over all trees."""
        with self._lock:
            within = index - EARLIER
            return self._checkpoint_of(self._leaves[self._hashes[within]]) if 0 <= within < len(self._tree) else None

    def state(self) -> dict[str, object]:
        """Return the tree's size, root and signed checkpoint (Rekor's ``LogInfo``)."""
        with self._lock:
            return {
                "inactiveShards": [],
                "rootHash": self._tree.root().hex(),
                "signedTreeHead": self._checkpoint(),
                "treeID": str(self._tree_id),
                "treeSize": len(self._tree),
            }

    def consistency(self, first: int, last: int) -> dict[str, object]:
        """Return the proof that the tree of ``first`` leaves is a prefix of that of ``last``.

        Raises:
            IndexError: The sizes are not ``0 < first <= last <= len(self)``.
        """
        with self._lock:
            proof = self._tree.consistency(first, last)
            return {"hashes": [one.hex() for one in proof], "rootHash": self._tree.root(last).hex()}

    def _checkpoint_of(self, leaf: _Leaf) -> dict[str, Any]:
        # 1. What the promise is about.
        promised: dict[str, str | int] = {
            "body": b64encode(leaf.body).decode(),
            "integratedTime": leaf.time,
            "logID": self.key_id.hex(),
            "logIndex": leaf.index + EARLIER,
        }
        # 3. The proof, within this tree.
        proof = {
            "checkpoint": self._checkpoint(),
            "hashes": [one.hex() for one in self._tree.inclusion(leaf.index)],
            "logIndex": leaf.index,
            "rootHash": self._tree.root().hex(),
            "treeSize": len(self._tree),
        }
        # 2. The promise.
        promise = b64encode(self._sign(rfc8785.dumps(promised))).decode()
        verification = {"inclusionProof": proof, "signedEntryTimestamp": promise}
        return {self.uuid(leaf.body): {**promised, "verification": verification}}

    def _checkpoint(self) -> str:
        root = b64encode(self._tree.root()).decode()
        note = f"{self._host} - {self._tree_id}\n{len(self._tree)}\n{root}\n"
        signature = b64encode(self.key_id[:4] + self._sign(note.encode())).decode()
        return f"{note}\n\N{EM DASH} {self._host} {signature}\n"

    def _sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))
