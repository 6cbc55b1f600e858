"""Plain requests to an index, as any stranger sends them; ``uploads`` is twine's work."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from tagseal.errors import TagsealError
from tagseal.names import printable
from tagseal.services import transport
from tagseal.services.index import refusals
from tagseal.services.transport import BLOCK, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 1 << 31
"""Bytes of a package: a release takes none larger."""
_WORDS = 300
_MISSING = requests.codes.not_found
_REDIRECTS = 5


def ask(url: str, doing: str, most: int, *, accept: str = "application/json") -> bytes | None:
    """Return the body of an answer of at most so many bytes; None for "not found".

    Raises:
        Busy: Another try may help; ``doing`` completes "could not".
        ServiceError: The index refused.
    """
    with _border(doing), _answer(url, doing, {"Accept": accept}) as answer:
        if answer.status_code == _MISSING:
            return None
        _accept(answer, doing)
        body = answer.raw.read(most + 1, decode_content=True)
        if len(body) > most:
            raise refusals.garbled_answer(doing, f"more than {most:,} bytes")
        return bytes(body)


def download(url: str, doing: str, path: Path) -> str:
    """Fetch what lies at this address into ``path``, whole; return its sha256, hexadecimal.

    Raises:
        Busy: Another try may help.
        ServiceError: The index refused.
    """
    partial = path.with_name(f".{path.name}.part")
    digest, size = hashlib.sha256(), 0
    try:
        with _border(doing), _answer(url, doing, {}) as answer, partial.open("wb") as file:
            _accept(answer, doing)
            for block in answer.iter_content(BLOCK):
                size += len(block)
                if size > _LARGEST:
                    raise refusals.garbled_answer(doing, f"more than {_LARGEST:,} bytes")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()


@contextmanager
def _answer(url: str, doing: str, headers: dict[str, str]) -> Iterator[requests.Response]:
    """Give the answer, wherever redirects lead to: each of them to an address with TLS."""
    with transport.session(TIMEOUT, most=_LARGEST + BLOCK) as session:
        for _ in range(_REDIRECTS):
            with session.get(url, headers=headers, stream=True, allow_redirects=False) as answer:
                if not answer.is_redirect:
                    yield answer
                    return
                url = urljoin(url, answer.headers["Location"])
            if urlsplit(url).scheme != "https":
                raise refusals.garbled_answer(doing, "a redirect to an address without TLS")
    raise refusals.garbled_answer(doing, f"{_REDIRECTS} redirects")


def _accept(answer: requests.Response, doing: str) -> None:
    if not answer.ok:
        words = answer.raw.read(_WORDS, decode_content=True).decode("utf-8", "replace")
        said = printable(" ".join(f"{answer.reason} {words}".split()))
        raise refusals.error_for(doing, answer.status_code, said, answer.headers.get("Retry-After", ""))


@contextmanager
def _border(doing: str) -> Iterator[None]:
    """Let nothing foreign out of the block but errors of our own files."""
    try:
        yield
    except TagsealError:
        raise
    except requests.RequestException as error:
        raise refusals.unreachable(doing, printable(str(error))[:_WORDS]) from error
    except OSError:  # a file of ours
        raise
    except Exception as error:  # urllib3 lets some of its own through where a body is cut
        raise refusals.unreachable(doing, printable(f"{type(error).__name__}: {error}")[:_WORDS]) from error
