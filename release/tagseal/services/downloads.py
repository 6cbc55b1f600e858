"""Downloads of release assets: streamed, hashed, and put in place when whole.

PyGithub's own keep the file in memory and check neither size nor digest.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from tagseal.errors import Refused, VerificationFailed
from tagseal.names import shown

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 60
"""Seconds without an answer."""
_CHUNK = 1 << 20
_HOSTS = frozenset(
    {"api.github.com", "github.com", "release-assets.githubusercontent.com", "objects.githubusercontent.com"}
)
_REDIRECTS = 5


def fetch(url: str, path: Path, *, token: str, size: int, sha256: str) -> None:
    """Fetch one asset into ``path``; ``size`` is in bytes, an empty ``sha256`` is unknown.

    Raises:
        VerificationFailed: Its size or its digest is another.
        Refused: A redirect leads away from GitHub's hosts.
        requests.RequestException: The service failed.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        got_size, got = _stream(url, partial, token, size)
        if got_size != size or (sha256 and got != sha256):
            raise VerificationFailed(
                f"got {got_size} bytes with sha256 {got} for {path.name}, "
                f"expected {size} bytes with sha256 {sha256 or 'unknown'}",
                hint="Run the same command again; if it persists, delete that asset from the draft.",
                slug="download-differs",
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class _Bearer(requests.auth.AuthBase):
    """Send this token and no other credentials: an auth object also keeps a ``~/.netrc`` out."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _stream(url: str, path: Path, token: str, size: int) -> tuple[int, str]:
    # A redirect leads to another host, which must not see the token.
    headers = {"Accept": "application/octet-stream"}
    auth = _Bearer(token)
    with requests.Session() as session:
        for _ in range(_REDIRECTS):
            _known_host(url)
            with session.get(
                url, headers=headers, auth=auth, stream=True, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.is_redirect:
                    url, auth = answer.headers["Location"], _Bearer("")
                    continue
                answer.raise_for_status()
                return _save(answer, path, size)
    raise requests.TooManyRedirects(f"{_REDIRECTS} redirects")


def _known_host(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname not in _HOSTS:
        raise Refused(
            f"got a redirect to {shown(f'{parts.scheme}://{parts.hostname}')}, "
            f"expected https and one of {', '.join(sorted(_HOSTS))}",
            hint="Look at who answers for GitHub on this network.",
            slug="unknown-download-host",
        )


def _save(answer: requests.Response, path: Path, limit: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in answer.iter_content(_CHUNK):
            size += len(chunk)
            if size > limit:
                break
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()
