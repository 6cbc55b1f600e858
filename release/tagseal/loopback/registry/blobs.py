"""Blobs on disk, by digest, and uploads that are hashed while they come."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)
"""The registered algorithms (OCI image 1.1, "Registered Algorithms")."""

_BLOCK = 1 << 18


class _BodyStream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True, kw_only=True)
class Upload:
    """One upload session: what has come so far, in a file, with its running hash."""

    id: str
    state: str
    """Stands in the session's address: a client that builds addresses itself does not know it."""
    repository: str
    path: Path = field(repr=False)
    size: int = 0
    """Bytes that have come."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held while bytes come."""
    _sha256: Any = field(default_factory=hashlib.sha256, repr=False)

    def append(self, stream: _BodyStream) -> int:
        """Take the bytes of a stream, and count them; when it breaks, those that came are kept."""
        before = self.size
        with self.path.open("ab") as file:
            while block := stream.read(_BLOCK):
                self._sha256.update(block)
                self.size += file.write(block)
        return self.size - before

    def digest(self, algorithm: str) -> str:
        """Return the digest of what has come."""
        if algorithm == "sha256":
            return f"sha256:{self._sha256.hexdigest()}"
        with self.path.open("rb") as file:
            return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


class Blobs:
    """A folder of blobs, ``blobs/sha256/…`` as in an OCI layout, and of uploads."""

    def __init__(self, folder: Path) -> None:
        """Create the folders."""
        self.folder = folder
        for part in ("blobs/sha256", "blobs/sha512", "uploads"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the blob of this digest lies, a well-formed one."""
        algorithm, _, value = digest.partition(":")
        return self.folder / "blobs" / algorithm / value

    def begin(self, repository: str) -> Upload:
        """Open an upload."""
        identifier = secrets.token_hex(16)
        path = self.folder / "uploads" / identifier
        path.touch()
        return Upload(id=identifier, state=secrets.token_urlsafe(16), repository=repository, path=path)

    def keep(self, upload: Upload, digest: str) -> None:
        """Make a blob of an upload whose digest is right."""
        upload.path.replace(self.path(digest))
