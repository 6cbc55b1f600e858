"""A blob on its way up: mounted, sent at once or in chunks, hashed as it goes, and whole or not at all.

1. ``POST`` begins an upload; with ``mount`` the registry may take the blob from a neighbour instead.
2. A small blob goes with the ``PUT`` that ends the upload. A large one goes in chunks, by ``PATCH``.
3. An answer is lost: ``GET`` of the upload tells how far the registry has come, and only the rest is sent.
4. A registry that does not take chunks, or of this size, or has forgotten the upload, gets smaller ones, then the
   blob at once. (GHCR takes 4 MiB a chunk. ECR's Range stands still. docker-registry 2.8 answers 404 to the address
   that it gave before the chunk whose answer was lost, and appends a chunk that comes twice: measured.)
5. The last block leaves only if all bytes are the expected ones: the registry never has a whole other blob.

Source: OCI distribution 1.1, "Pushing Blobs".
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tagseal.errors import Busy, TagsealError, UsageError, VerificationFailed
from tagseal.machine.files import open_file
from tagseal.names import number_of, show
from tagseal.services.images.registry import refusals
from tagseal.services.images.registry.client import RegistryRequest
from tagseal.services.transport import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

    from tagseal.services.images.registry.client import Answer, RegistryClient
    from tagseal.services.retry import Retry

CHUNK = 32 << 20
"""Bytes of a chunk; blobs up to this size are sent at once."""
SMALL_CHUNK = 4 << 20
"""Bytes of a chunk for a registry, or a proxy before it, that takes no larger ones; GHCR: ocx-sh/ocx#237."""

_CHUNKS = {"ghcr.io": (SMALL_CHUNK,)}
_SPEED = 4 << 20
"""Bytes a second at which a registry hashes and moves a blob before it answers."""
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})", re.ASCII)
_FORGOTTEN = frozenset({400, 404, 416})
_UPLOAD_INVALID = re.compile(rb"BLOB_UPLOAD_|DIGEST_INVALID|SIZE_INVALID")
"""Of a blob that is as it should be: the registry has lost the upload, or some of its bytes."""
_CREATED, _ACCEPTED, _CLIENT_ERRORS = 201, 202, 400
_PUT = frozenset({200, _CREATED, _ACCEPTED, 204})
"""What registries answer to bytes that they took; a redirect has taken nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    file: BufferedReader
    name: str
    sha256: str
    size: int

    @property
    def doing(self) -> str:
        return f"push {show(self.name)}, {number_of(self.size, 'byte')}"


@dataclass(slots=True, kw_only=True)
class _BlobUpload:
    """An upload that has begun."""

    place: str
    least: int
    """Bytes that a chunk must have at least, but the last."""
    end: int = 0
    """Bytes that the registry has."""
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    """Of those bytes."""


class _ChunksRefused(Exception):  # noqa: N818 - caught in this module
    """The registry does not take this blob in chunks of this size."""

    def __init__(self, *, smaller: bool) -> None:
        super().__init__()
        self.smaller = smaller
        """Whether it may take smaller ones."""


class _BlobPart:
    """A part of a blob on its way out, hashed as it goes."""

    def __init__(self, blob: _Blob, start: int, end: int, digest: hashlib._Hash) -> None:
        self._blob, self._size, self._left, self._last = blob, end - start, end - start, end == blob.size
        self.digest = digest
        blob.file.seek(start)

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = BLOCK, /) -> bytes:
        """Return the next block; the blob's last one only if the whole is the expected one."""
        block = self._blob.file.read(min(size, self._left))
        self.digest.update(block)
        cut = not block and self._left > 0
        self._left -= len(block)
        if cut or (self._last and not self._left and self.digest.hexdigest() != self._blob.sha256):
            raise _changed_blob(self._blob.name, self._blob.sha256)
        return block


class Uploads:
    """What pushes blobs to one repository; from any thread."""

    def __init__(self, client: RegistryClient, retry: Retry) -> None:
        """Prepare; nothing is sent yet."""
        self._client, self._retry = client, retry
        self._chunks: tuple[int, ...] = _CHUNKS.get(client.host, (CHUNK, SMALL_CHUNK))

    def has(self, sha256: str, doing: str, *, push: bool = False) -> bool:
        """Tell whether the registry has a blob; to ``push``, the token that may is shown, for it is needed anyway."""
        answer = self._client.ask(
            RegistryRequest(
                doing=doing, method="HEAD", url=f"{self._client.root}/blobs/sha256:{sha256}", push=push, led=True
            )
        )
        if answer.status not in {200, 404}:
            raise self._client.refusal(doing, answer)
        return answer.status != 404  # noqa: PLR2004

    def push(self, path: Path, *, sha256: str, size: int, mount_from: str) -> bool:
        """Push a blob; return False where it was there.

        Raises:
            VerificationFailed: The file's bytes are not those of the digest.
            UsageError: It cannot be read; or the credentials may not.
            Busy: The registry fails for longer than the patience.
        """
        with _blob(path, sha256, size) as blob:
            if self._retry.read(partial(self._is_stored, blob)):
                return False
            for chunk in self._chunks if size > CHUNK else ():
                try:
                    self._in_chunks(blob, chunk, mount_from)
                except _ChunksRefused as unfit:
                    if not unfit.smaller:
                        break
                    self._chunks = tuple(one for one in self._chunks if one < chunk)
                else:
                    return True
            self._at_once(blob, mount_from)
        return True

    def begin(self) -> None:
        """Begin an upload, and give it up."""
        doing = "begin an upload"
        answer = self._client.ask(
            RegistryRequest(doing=doing, method="POST", url=f"{self._client.root}/blobs/uploads/", push=True)
        )
        if answer.status not in {_CREATED, _ACCEPTED}:
            raise self._client.refusal(doing, answer)
        place = self._client.place(answer.url, answer.headers.get("Location", ""))
        with suppress(TagsealError):  # not every registry lets go of one before it forgets it
            self._client.ask(RegistryRequest(doing=doing, method="DELETE", url=place, push=True))

    def _at_once(self, blob: _Blob, mount: str) -> None:
        def send() -> bool:
            upload = self._begin(blob, mount)
            if upload is not None:
                answer = self._finish(upload, blob)
                if answer.status in _FORGOTTEN and _UPLOAD_INVALID.search(answer.content):
                    raise refusals.lost_upload(self._client.host, blob.doing, answer.content)
                if answer.status not in _PUT:
                    raise self._client.refusal(blob.doing, answer)
            return True

        self._retry.write(send, partial(self._is_stored, blob))

    def _in_chunks(self, blob: _Blob, chunk: int, mount: str) -> None:
        def finish() -> bool:
            if self._finish(upload, blob).status not in _PUT:
                raise _ChunksRefused(smaller=False)
            return True

        begun = self._retry.write(partial(self._begin, blob, mount), lambda: None)
        if begun is None:
            return
        upload = begun
        while upload.end < blob.size:
            end = min(blob.size, upload.end + max(chunk, upload.least))
            self._retry.write(partial(self._send, upload, blob, end), partial(self._has_arrived, upload, blob, end))
        self._retry.write(finish, partial(self._is_stored, blob))

    def _is_stored(self, blob: _Blob) -> bool | None:
        return self.has(blob.sha256, blob.doing, push=True) or None

    def _begin(self, blob: _Blob, mount: str) -> _BlobUpload | None:
        """Begin an upload; None where the blob was mounted instead."""
        query = "?" + urlencode({"mount": f"sha256:{blob.sha256}", "from": mount}) if mount else ""
        url = f"{self._client.root}/blobs/uploads/{query}"
        try:
            answer = self._client.ask(RegistryRequest(doing=blob.doing, method="POST", url=url, push=True, mount=mount))
            if answer.status not in {_CREATED, _ACCEPTED}:
                raise self._client.refusal(blob.doing, answer)
        except TagsealError as error:
            if not mount or isinstance(error, Busy):
                raise
            return self._begin(blob, "")  # the neighbour is not to be read
        if mount and answer.status == _CREATED:
            return None
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        place = self._client.place(answer.url, answer.headers.get("Location", ""))
        return _BlobUpload(place=place, least=min(int(least), blob.size) if least.isdecimal() else 0)

    def _send(self, upload: _BlobUpload, blob: _Blob, end: int) -> bool:
        """Send the bytes from where the registry stands to ``end``."""
        parts = list[_BlobPart]()

        def body() -> _BlobPart:
            parts.append(_BlobPart(blob, upload.end, end, upload.digest.copy()))
            return parts[-1]

        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{upload.end}-{end - 1}"}
        answer = self._client.ask(
            RegistryRequest(doing=blob.doing, method="PATCH", url=upload.place, push=True, headers=headers, body=body)
        )
        if answer.status not in _PUT or _stored_bytes(answer) not in {end, None}:
            raise _ChunksRefused(smaller=upload.end == 0)
        upload.place = self._client.place(answer.url, answer.headers.get("Location", ""))
        upload.end, upload.digest = end, parts[-1].digest
        return True

    def _has_arrived(self, upload: _BlobUpload, blob: _Blob, end: int) -> bool | None:
        """Ask how far the registry has come; True where that is ``end``."""
        answer = self._client.ask(RegistryRequest(doing=blob.doing, method="GET", url=upload.place, push=True))
        stored = _stored_bytes(answer)
        if answer.status >= _CLIENT_ERRORS or stored is None or not upload.end <= stored <= end:
            raise _ChunksRefused(smaller=False)
        if there := answer.headers.get("Location", ""):
            upload.place = self._client.place(answer.url, there)
        part = _BlobPart(blob, upload.end, stored, upload.digest)
        while part.read():
            pass
        upload.end = stored
        return True if stored == end else None

    def _finish(self, upload: _BlobUpload, blob: _Blob) -> Answer:
        """Send what is left of the blob, and end the upload."""
        return self._client.ask(
            RegistryRequest(
                doing=blob.doing,
                method="PUT",
                url=f"{upload.place}{'&' if '?' in upload.place else '?'}digest=sha256:{blob.sha256}",
                push=True,
                headers={"Content-Type": "application/octet-stream"},
                body=lambda: _BlobPart(blob, upload.end, blob.size, upload.digest.copy()),
                patience=blob.size / _SPEED,
            )
        )


@contextmanager
def _blob(path: Path, sha256: str, size: int) -> Iterator[_Blob]:
    try:
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size != size:
                raise _changed_blob(path.name, sha256)
            yield _Blob(file=file, name=path.name, sha256=sha256, size=size)
    except OSError as error:
        raise UsageError(
            f"got no blob {show(path.name)} to push, expected a file: {error.strerror}",
            hint="Run the job that built the image again.",
            slug="blob-unreadable",
        ) from error


def _stored_bytes(answer: Answer) -> int | None:
    """Return how many bytes a registry has; ``0-0`` is how most of them say none."""
    found = _RANGE.fullmatch(answer.headers.get("Range", ""))
    return None if found is None else int(found[1]) + 1 if found[1] != "0" else 0


def _changed_blob(name: str, sha256: str) -> VerificationFailed:
    return VerificationFailed(
        f"got other bytes in {show(name)} than those of the image while they were pushed, expected sha256 {sha256}",
        hint="Something writes to the work folder. Find out what; then run the job that built the image again.",
        slug="blob-changed",
    )
