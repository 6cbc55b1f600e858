"""Wheels and sdists, read and never extracted.

An archive is data from outside. Refused are members that lie outside the archive's own folder, appear twice, are
devices, links in a wheel, or links in an sdist that lead outside (``tagseal.machine.members``); and archives that grow
beyond all proportion when they are read. Formats: the binary distribution format (PEP 427), the source distribution
format (PEP 625, PEP 721).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from packaging.metadata import parse_email

from tagseal.errors import VerificationFailed
from tagseal.machine.files import open_file
from tagseal.machine.members import Link, Members, UnsafeMember, inside
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedIOBase, BufferedReader
    from pathlib import Path

    from typing_extensions import Buffer

_MEMBERS = 100_000
_BASE = 64 * 1024 * 1024
"""Bytes that any archive may grow to."""
_RATIO = 100
"""Bytes beyond that for each byte of the archive."""
_METADATA = 8 * 1024 * 1024
"""Bytes of a metadata file."""
BOMB = "more content than its size allows"
"""What is found in an archive that grows too far."""
_PLAIN_COMPRESSION = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageContents:
    """What one pass over a package found."""

    name: str
    """As its metadata spells it."""
    version: str
    """As its metadata spells it."""
    classifiers: tuple[str, ...]
    requires_python: str
    """A set of versions, or nothing."""
    extras: bool
    """Whether some of what it needs comes with an extra alone."""
    members: Mapping[str, str]
    """Path of each file, with the SHA-256 of its bytes; of a symbolic link, of where it leads."""


def members(path: Path) -> Mapping[str, str]:
    """Return each file's path with the SHA-256 of its bytes.

    Raises:
        VerificationFailed: The archive is unsafe, damaged, or has no metadata.
    """
    return read(path).members


def read(path: Path) -> PackageContents:
    """Read a wheel or an sdist once, whole.

    Raises:
        VerificationFailed: The archive is unsafe, damaged, or has no metadata.
    """
    wheel = path.name.endswith(".whl")
    found = Members()
    texts: list[bytes] = []
    try:
        with open_file(path) as file:
            for name, content in (_wheel if wheel else _sdist)(file):
                inside(name)
                if content is None:
                    found.folders.add(name)
                elif isinstance(content, Link):
                    found.add_link(name, content)
                else:
                    keep = _describes(name, wheel=wheel)
                    digest, text = _hash(content, keep=keep)
                    found.add(name, digest)
                    texts += [text] if keep else []
        found.hold_nothing_below_links()
    except UnsafeMember as error:
        raise VerificationFailed(
            f"got {show(path.name)} with {error}, expected a plain archive",
            hint="Look at how it is built: an index and pip may refuse such an archive, or read another one in it.",
            slug="unsafe-archive",
        ) from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _damage(path, str(error)) from error
    if len(texts) != 1:
        raise _damage(path, f"{len(texts)} metadata files")
    raw, _ = parse_email(texts[0])
    if not raw.get("name") or not raw.get("version"):
        raise _damage(path, "no name or no version in its metadata")
    classifiers = tuple(raw.get("classifiers", ()))
    return PackageContents(
        name=raw["name"],
        version=raw["version"],
        classifiers=classifiers,
        requires_python=raw.get("requires_python", ""),
        extras=bool(raw.get("provides_extra")),
        members=found.digests,
    )


def _wheel(file: BufferedReader) -> Iterator[tuple[str, BufferedIOBase | None]]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len(infos) > _MEMBERS or sum(info.file_size for info in infos) > allowance(file):
            raise UnsafeMember(BOMB)
        for info in infos:
            if info.orig_filename != info.filename:
                raise UnsafeMember(f"the name {show(info.orig_filename)}")
            form = stat.S_IFMT(info.external_attr >> 16)
            if form not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise UnsafeMember(f"{show(info.filename)}, which is a link or a device")
            if info.flag_bits & 1 or info.compress_type not in _PLAIN_COMPRESSION:
                raise UnsafeMember(f"{show(info.filename)}, which is encrypted or packed in an unusual way")
            if info.is_dir():
                yield info.filename.rstrip("/"), None
                continue
            with archive.open(info) as stream:
                yield info.filename, cast("BufferedIOBase", stream)


def _sdist(file: BufferedReader) -> Iterator[tuple[str, BufferedIOBase | Link | None]]:
    plain = io.BufferedReader(Bounded(gzip.GzipFile(fileobj=file), allowance(file)))
    with tarfile.open(fileobj=plain, mode="r|") as archive:
        for count, member in enumerate(archive):
            if count > _MEMBERS:
                raise UnsafeMember(BOMB)
            name = member.name
            if member.isdir():
                yield name, None
            elif (member.issym() or member.islnk()) and not member.size:  # readers differ on bytes behind a link
                yield name, Link(target=member.linkname, symbolic=member.issym())
            elif member.isreg() and not member.issparse():
                yield name, cast("BufferedReader", archive.extractfile(member))
            else:
                raise UnsafeMember(f"{show(name)}, which is a device, a pipe, sparse or a link with bytes")


class Bounded(io.RawIOBase):
    """A stream that ends in an error when more is read from it than allowed."""

    def __init__(self, stream: gzip.GzipFile, allowed: int) -> None:
        self._stream = stream
        self._left = allowed

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer as far as possible and count what went in."""
        size = self._stream.readinto(buffer)
        self._left -= size
        if self._left < 0:
            raise UnsafeMember(BOMB)
        return size


def allowance(file: BufferedReader) -> int:
    """Return the bytes that an archive of this size may grow to; the file is at its beginning afterwards."""
    size = file.seek(0, 2)
    file.seek(0)
    return _BASE + _RATIO * size


def _describes(name: str, *, wheel: bool) -> bool:
    """Tell whether this member is the package's metadata file: one folder deep, by its name."""
    folder, _, file = name.partition("/")
    return file == "METADATA" and folder.endswith(".dist-info") if wheel else file == "PKG-INFO"


def _hash(stream: BufferedIOBase, *, keep: bool) -> tuple[str, bytes]:
    if keep:
        text = stream.read(_METADATA)
        return hashlib.sha256(text).hexdigest(), text
    return hashlib.file_digest(stream, "sha256").hexdigest(), b""


def _damage(path: Path, why: str) -> VerificationFailed:
    return VerificationFailed(
        f"got {show(path.name)}, which does not read as a package ({show(why)[1:-1]}), expected a wheel or an sdist",
        hint="Build it again; if it stays so, look at the build back end.",
        slug="damaged-package",
    )
