"""The bytes of release assets, up and down: streamed, hashed on the way, and whole or not at all.

PyGithub's downloads keep the file in memory and check neither size nor digest; its uploads have no timeout, and
hash nothing (facts, section 3). Both are plain requests: "REST API endpoints for release assets" in GitHub's
documentation. One connection a thread is kept open.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

import requests

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine.files import open_file
from tagseal.names import show
from tagseal.services import transport
from tagseal.services.transport import BLOCK, Authorization

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

TIMEOUT = 60
"""Seconds without an answer, or without progress."""
_LARGEST = (1 << 31) + BLOCK
"""Bytes of an answer: an asset has less than 2 GiB, and a block more tells that it has another size."""
_HOSTS = frozenset(
    {"api.github.com", "github.com", "release-assets.githubusercontent.com", "objects.githubusercontent.com"}
)
_REDIRECTS = 5
_WORDS = 1000
"""Bytes of a refusal that are read."""
_ANSWER = 1 << 20
"""Bytes of an answer about one asset; the real ones have two thousand."""


class Transfers:
    """What moves assets with one token; from any thread."""

    def __init__(self, token: str, timeout: int) -> None:
        """Prepare; nothing is asked yet."""
        self._bearer = Authorization(f"Bearer {token}" if token else "")
        self._timeout = timeout
        self._threads = threading.local()

    def fetch(self, url: str, path: Path, *, size: int, sha256: str) -> str:
        """Fetch one asset into ``path``; return the sha256 of its bytes, hexadecimal.

        Args:
            url: The asset's, in the API.
            path: Replaced when the asset is there, whole.
            size: Bytes that are expected.
            sha256: Expected as well; empty where it is unknown.

        Raises:
            VerificationFailed: Its size or its digest is another.
            Refused: A redirect leads away from GitHub's hosts.
            requests.RequestException: The service failed.
        """
        partial = path.with_name(f".{path.name}.part")
        try:
            got_size, got = self._stream(url, partial, size)
            if got_size < size:
                raise requests.exceptions.ContentDecodingError(f"got {got_size} bytes, expected {size}")
            if got_size != size or (sha256 and got != sha256):
                raise VerificationFailed(
                    f"got {got_size} bytes with sha256 {got} for {path.name}, "
                    f"expected {size} bytes with sha256 {sha256 or 'unknown'}",
                    hint="Run the same command again. If it persists, somebody changes it on its way; of a draft of "
                    "yours, delete that asset.",
                    slug="download-differs",
                )
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return got

    def send(self, url: str, path: Path, *, sha256: str) -> dict[str, Any]:
        """Send one file as the body of a POST, and return the answer: an asset, as the server names it.

        The last block leaves only if all bytes are the expected ones: the server never has a whole other file.

        Raises:
            Refused: It is no regular file.
            VerificationFailed: Its bytes are not those that were sealed.
            requests.RequestException: The service failed; the file may have arrived.
            ValueError, TypeError: So did what answers in its place.
        """
        headers = {"Accept": "application/vnd.github+json", "Content-Type": "application/octet-stream"}
        with (
            open_file(path) as file,
            self._session.post(
                url,
                data=_Body(file, path.name, sha256),
                headers=headers,
                auth=self._bearer,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            if answer.status_code != requests.codes.created:
                raise _refusal(answer)
            body = answer.raw.read(_ANSWER, decode_content=True)
        found = json.loads(body)
        if not isinstance(found, dict):
            raise TypeError(f"got {type(found).__name__}, expected an object")
        return found

    @property
    def _session(self) -> requests.Session:
        """This thread's session."""
        if not hasattr(self._threads, "session"):
            self._threads.session = transport.session((self._timeout, self._timeout), most=_LARGEST)
        return cast("requests.Session", self._threads.session)

    def _stream(self, url: str, path: Path, size: int) -> tuple[int, str]:
        # A redirect leads to another host, which must not see the token.
        auth = self._bearer
        for _ in range(_REDIRECTS):
            with self._session.get(
                url,
                headers={"Accept": "application/octet-stream"},
                auth=auth,
                stream=True,
                allow_redirects=False,
            ) as answer:
                if answer.is_redirect:
                    url, auth = _target(url, answer.headers["Location"]), Authorization("")
                    continue
                if not answer.ok:
                    raise _refusal(answer)
                if auth is self._bearer and answer.headers.get("Content-Type", "").startswith("application/json"):
                    raise requests.exceptions.ContentDecodingError("got the asset's description, expected its bytes")
                return _save(answer, path, size)
        raise requests.TooManyRedirects(f"{_REDIRECTS} redirects")


class _Body:
    """A file on its way out, hashed as it goes; it has a length, so that the request names it."""

    def __init__(self, file: BufferedReader, name: str, sha256: str) -> None:
        self._file, self._name, self._expected = file, name, sha256
        self._left = os.fstat(file.fileno()).st_size
        self._size = self._left
        self._digest = hashlib.sha256()

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = BLOCK, /) -> bytes:
        """Return the next block; the last one only if the whole file is the expected one."""
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        self._digest.update(block)
        if not block or not self._left:
            self._hold()
        return block

    def _hold(self) -> None:
        if self._left or self._digest.hexdigest() != self._expected:
            raise VerificationFailed(
                f"got other bytes in {self._name} than the sealed ones while it was sent, "
                f"expected sha256 {self._expected}",
                hint="Something writes to the work folder. Find out what; then run the job that signs again.",
                slug="changed-while-sent",
            )


def _refusal(answer: requests.Response) -> requests.HTTPError:
    words = answer.raw.read(_WORDS, decode_content=True)
    return requests.HTTPError(words.decode("utf-8", "replace"), response=answer)


def _target(url: str, location: str) -> str:
    """Return where a redirect leads, if that is a host of GitHub's; it may be relative (RFC 9110 section 10.2.2)."""
    try:
        there = urljoin(url, location)
        parts = urlsplit(there)
        known = parts.scheme == "https" and parts.hostname in _HOSTS and parts.port in {None, 443}
    except ValueError:
        known = False
    if not known:
        raise Refused(
            # What follows the path may be a signature.
            f"got a redirect to {show(location.partition('?')[0])}, "
            f"expected https and one of {', '.join(sorted(_HOSTS))}",
            hint="Look at who answers for GitHub on this network.",
            slug="unknown-download-host",
        )
    return there


def _save(answer: requests.Response, path: Path, limit: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in answer.iter_content(BLOCK):
            size += len(chunk)
            if size > limit:
                break
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()
