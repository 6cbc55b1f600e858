"""Downloads of release assets: streamed, hashed, and put in place when whole.

PyGithub's own keep the file in memory and check neither size nor digest.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

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
_WORDS = 1000
"""Bytes of a refusal that are read."""


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
            with session.get(
                url, headers=headers, auth=auth, stream=True, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.is_redirect:
                    url, auth = _target(url, answer.headers["Location"]), _Bearer("")
                    continue
                if not answer.ok:
                    words = answer.raw.read(_WORDS, decode_content=True)
                    raise requests.HTTPError(words.decode("utf-8", "replace"), response=answer)
                return _save(answer, path, size)
    raise requests.TooManyRedirects(f"{_REDIRECTS} redirects")


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
            f"got a redirect to {shown(location.partition('?')[0])}, "
            f"expected https and one of {', '.join(sorted(_HOSTS))}",
            hint="Look at who answers for GitHub on this network.",
            slug="unknown-download-host",
        )
    return there


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
