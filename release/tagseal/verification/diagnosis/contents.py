"""What bytes are at first glance: a page, an answer of an API, a pointer, a signature of another form.

A download that went wrong is usually a whole, well-formed file of another kind: a login page, an error as JSON.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.machine.files import open_file

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    # A page carries no signature, and no archive begins with a tag.
    (
        "an HTML page",
        re.compile(rb"\s*(?:<!doctype\s+html|<html|<head|<\?xml[^>]*>\s*<!doctype\s+html)", re.IGNORECASE),
    ),
    # git keeps large files elsewhere (Git LFS specification, version 1).
    ("a Git LFS pointer", re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n")),
    # The same address gives JSON or the file, by the Accept header.
    (
        "what GitHub's API says about the asset",
        re.compile(rb'\s*\{(?=.*"browser_download_url")(?=.*"content_type")', re.DOTALL),
    ),
    # An answer such as Not Found, or Bad credentials.
    ("an error of an API", re.compile(rb'\s*\{\s*"(?:message|error|errors|documentation_url|status)"\s*:', re.DOTALL)),
    # An object store's error, behind a link that has expired.
    ("an error of a file store", re.compile(rb"\s*(?:<\?xml[^>]*>)?\s*<Error>")),
)
_TEXTS = (
    ("an old bundle of cosign", re.compile(rb'\s*\{(?=.*"base64Signature")(?=.*"(?:cert|rekorBundle)")', re.DOTALL)),
    ("a PEM text", re.compile(rb"\s*-----BEGIN ")),
    # ECDSA over P-256: 70 to 72 bytes, DER, in base 64.
    ("a bare signature", re.compile(rb"\s*MEQ?[A-Za-z0-9+/]{80,120}={0,2}\s*")),
)
_ARCHIVES = {".whl": b"PK\x03\x04", ".zip": b"PK\x03\x04", ".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b"}
_COMMIT = re.compile(rb"PK\x05\x06.{16}\x28\x00[0-9a-f]{40}", re.DOTALL)
_END = 62
"""Bytes that end a ZIP file with a comment of a commit."""
_READ = 1 << 20
_MOST, _RATIO = 256 << 20, 30
"""Bytes, and times its own size, that a file may grow to while its end is looked for: thousands of links may lead to
one bomb."""


def page(head: bytes) -> str:
    """Name what was saved instead of a file, with its article; an empty string for what may well be the file."""
    return next((kind for kind, form in _KINDS if form.match(head)), "")


def signature(head: bytes) -> str:
    """Name another form of signature than a bundle; an empty string for none that is known."""
    return next((kind for kind, form in _TEXTS if form.match(head)), "")


def is_json(head: bytes) -> bool:
    """Tell whether the bytes begin as a JSON document does."""
    return head.lstrip()[:1] in {b"{", b"["}


def of_source(path: Path, head: bytes) -> bool:
    """Tell whether git packed it, as GitHub does for the "Source code" of a release: its commit is noted in it."""
    if head.startswith(_ARCHIVES[".gz"]):
        with suppress(zlib.error):
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 512).startswith(b"pax_global_header\0")
    if head.startswith(_ARCHIVES[".zip"]):
        with suppress(OSError, TagsealError), open_file(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _END))
            return _COMMIT.fullmatch(file.read(_END)) is not None
    return False


def looks_whole(path: Path, head: bytes) -> bool | None:
    """Tell whether an archive reaches its end; None for what is no archive, or cannot be read."""
    magic = _ARCHIVES.get(path.suffix)
    if magic is None or not head.startswith(magic):
        return None
    try:
        return zipfile.is_zipfile(path) if magic.startswith(b"PK") else _ends(path)
    except (OSError, zipfile.BadZipFile):  # in parts, as nobody makes them
        return None


def _ends(path: Path) -> bool | None:
    """Read a gzip file to its end, or as far as is reasonable."""
    try:
        most = min(_MOST, _RATIO * path.stat().st_size)
        with gzip.open(path) as file:
            for _ in range(most // _READ + 1):
                if not file.read(_READ):
                    return True
    except EOFError:
        return False
    except (gzip.BadGzipFile, zlib.error):
        return None
    return None
