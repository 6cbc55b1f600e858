"""The log behind the second version of Rekor: entries in a Merkle tree that anybody can read in tiles.

1. A checkpoint is a signed note of three lines, origin, size and root (C2SP ``tlog-checkpoint``); its signature is
   Ed25519, and names the key as C2SP ``signed-note`` does, by the log's name and the key together.
2. A tile holds up to 256 hashes of one level, an entry bundle the entries under a tile of level 0 (C2SP
   ``tlog-tiles``); where there are fewer yet, the width is part of the address.
3. There is no promise and no time: what is told of an entry (``TransparencyLogEntry``) is its proof.
"""

from __future__ import annotations

import hashlib
import threading
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from tagseal.loopback.sigstore.merkle import Tree

if TYPE_CHECKING:
    from tagseal.loopback.sigstore.tile_entries import LogEntry

WIDTH = 256
"""Hashes in a full tile."""
LARGEST = 0xFFFF
"""Bytes of an entry: its length stands in 16 bits."""

_ED25519 = b"\x01"  # a signature type of C2SP signed-note
_LEVELS = 8
"""Of the tree, in one of tiles."""


class TileLog:
    """An append-only log in memory with a fresh key; safe to use from several threads."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._key = ed25519.Ed25519PrivateKey.generate()
        self._tree = Tree()
        self._bodies: list[bytes] = []
        self._indexes: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self.started = datetime.now(UTC).replace(microsecond=0)
        """When its key came into use."""

    @property
    def public_key(self) -> ed25519.Ed25519PublicKey:
        """The key of checkpoints."""
        return self._key.public_key()

    @property
    def key_id(self) -> bytes:
        """The log's identifier: a checkpoint names the first four bytes."""
        return hashlib.sha256(self._host.encode() + b"\n" + _ED25519 + self.public_key.public_bytes_raw()).digest()

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._tree)

    def index(self, body: bytes) -> int | None:
        """Return where an entry is; None where it is not."""
        with self._lock:
            return self._indexes.get(body)

    def add(self, entry: LogEntry) -> dict[str, Any] | None:
        """Append an entry and return what is told of it; None where it is there already.

        Raises:
            ValueError: It is too large.
        """
        if len(entry.body) > LARGEST:
            raise ValueError(f"entry of {len(entry.body)} bytes")
        with self._lock:
            if entry.body in self._indexes:
                return None
            self._indexes[entry.body] = self._tree.append(entry.body)
            self._bodies.append(entry.body)
            return self._entry_answer(entry)

    def checkpoint(self) -> str:
        """Return the signed checkpoint of the tree as it is now."""
        with self._lock:
            return self._checkpoint()

    def tile(self, level: int, index: int, width: int = WIDTH) -> bytes:
        """Return the first ``width`` hashes of a tile.

        Raises:
            IndexError: There are not so many yet.
        """
        with self._lock:
            return b"".join(self._tree.row(level * _LEVELS, index * WIDTH, index * WIDTH + width))

    def entries(self, index: int, width: int = WIDTH) -> bytes:
        """Return the first ``width`` entries under a tile, each behind its length.

        Raises:
            IndexError: There are not so many yet.
        """
        first, end = index * WIDTH, index * WIDTH + width
        with self._lock:
            if end > len(self._bodies):
                raise IndexError(index)
            return b"".join(len(body).to_bytes(2) + body for body in self._bodies[first:end])

    def _entry_answer(self, entry: LogEntry) -> dict[str, Any]:
        index = self._indexes[entry.body]
        proof = {
            "logIndex": str(index),
            "rootHash": _text(self._tree.root()),
            "treeSize": str(len(self._tree)),
            "hashes": [_text(one) for one in self._tree.inclusion(index)],
            "checkpoint": {"envelope": self._checkpoint()},
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": _text(self.key_id)},
            "kindVersion": {"kind": entry.kind, "version": entry.version},
            "integratedTime": "0",
            "inclusionPromise": None,
            "inclusionProof": proof,
            "canonicalizedBody": _text(entry.body),
        }

    def _checkpoint(self) -> str:
        note = f"{self._host}\n{len(self._tree)}\n{_text(self._tree.root())}\n"
        signature = _text(self.key_id[:4] + self._key.sign(note.encode()))
        return f"{note}\n\N{EM DASH} {self._host} {signature}\n"


def _text(content: bytes) -> str:
    return b64encode(content).decode()
