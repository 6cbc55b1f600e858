"""Where an image is read from: the folder of a layout, or a tar archive of one, which is never extracted.

Members that are not part of a layout are passed over when they are plain files; links, devices, names that lead
outside and names that come twice are refused wherever they stand. A gzipped archive is unpacked, in bounds, into a file
without a name: index.json may stand behind the blobs, so all members are looked at before one is read.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from tagseal.machine import archives, files
from tagseal.machine.members import UnsafeMember, inside
from tagseal.names import show
from tagseal.services.images.layout import failures

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

BLOBS = "blobs/sha256"
_MEMBERS = 12_000
_HEADER = 1 << 20
"""Bytes that tarfile may read at once: a member's longest header."""
_LARGEST = 1 << 60
_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"


class Readable(Protocol):
    """A stream."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


class Source(Protocol):
    """A layout that can be read, whatever it lies in."""

    def open(self, name: str) -> AbstractContextManager[tuple[Readable, int]]:
        """Open one file by its path in the layout: its stream and its size in bytes.

        Raises:
            VerificationFailed: There is none.
        """


@contextmanager
def open_source(path: Path, room: Path) -> Iterator[Source]:
    """Open an archive or a layout's folder; ``room`` is a folder for what a gzipped archive unpacks to.

    Raises:
        UsageError: There is neither, or it is Docker's.
        Refused: It is a link, a device or a pipe.
        VerificationFailed: The archive is unsafe or damaged.
    """
    if path.is_symlink():
        raise files.irregular(path, "a link")
    if not path.exists():
        raise failures.absent(path.name, "nothing")
    if path.is_dir():
        yield Folder(path)
    else:
        with _archive(path, room) as source:
            yield source


class Folder:
    """A layout in a folder; no link in it is followed."""

    def __init__(self, path: Path) -> None:
        """Look whether it is a layout's.

        Raises:
            UsageError: It is none.
            Refused: One of its folders is a link.
        """
        self._path = path
        _is_layout(path.name, {one.name for one in path.iterdir()})
        for folder in (path / "blobs", path / BLOBS):
            if folder.is_symlink():
                raise files.irregular(folder, "a link")

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[Readable, int]]:
        """Open one file."""
        path = self._path / name
        if not path.is_symlink() and not path.exists():
            raise failures.missing(name)
        with files.open_file(path) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            yield file, size


class Archive:
    """A layout in a tar file: where each member begins, and its size."""

    def __init__(self, file: IO[bytes], members: Mapping[str, tuple[int, int]]) -> None:
        """Keep both."""
        self._file = file
        self._members = members

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[Readable, int]]:
        """Open one file."""
        if name not in self._members:
            raise failures.missing(name)
        at, size = self._members[name]
        yield _Member(self._file, at, size), size


class _Member:
    """One member's bytes."""

    def __init__(self, file: IO[bytes], at: int, size: int) -> None:
        self._file = file
        self._at = at
        self._left = size

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._at)
        block = self._file.read(min(size, self._left))
        self._at += len(block)
        self._left -= len(block)
        return block


class _Headers(io.RawIOBase):
    """What tarfile sees: a header may claim gigabytes, which it would read at once, or lead to before the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _HEADER:
            raise UnsafeMember(archives.BOMB)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if not 0 <= offset < _LARGEST:
            raise UnsafeMember("a member of a size that no file has")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _archive(path: Path, room: Path) -> Iterator[Archive]:
    with files.open_file(path) as file, tempfile.TemporaryFile(dir=room) as unpacked:
        try:
            plain: IO[bytes] = file
            packed = file.read(len(_GZIP)) == _GZIP
            allowed = archives.allowance(file)
            if packed:
                content = io.BufferedReader(archives.Bounded(gzip.GzipFile(fileobj=file), allowed))
                shutil.copyfileobj(content, unpacked, _BLOCK)
                plain = unpacked
            plain.seek(0)
            members = _members(plain, path.name)
        except UnsafeMember as error:
            raise failures.unsafe(path.name, str(error)) from error
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            raise failures.absent(path.name, f"no readable tar archive ({show(str(error))[1:-1]})") from error
        yield Archive(plain, members)


def _members(file: IO[bytes], name: str) -> Mapping[str, tuple[int, int]]:
    """Return where each file of an archive lies, by its path."""
    found: dict[str, tuple[int, int]] = {}
    findings: list[str] = []
    with tarfile.open(fileobj=_Headers(file), mode="r:") as archive:
        for count, member in enumerate(archive):
            if count >= _MEMBERS:
                raise UnsafeMember(archives.BOMB)
            try:
                _look(member, found)
            except UnsafeMember as error:
                findings.append(str(error))
    # First: `docker save` wrote links for years, and whoever brings such an archive needs the way out.
    _is_layout(name, found.keys())
    if findings:
        raise UnsafeMember(findings[0])
    return found


def _look(member: tarfile.TarInfo, found: dict[str, tuple[int, int]]) -> None:
    name = member.name.removeprefix("./")
    if name == "." and member.isdir():
        return
    inside(name)
    if member.isdir():
        return
    if not member.isreg() or member.issparse() or member.size < 0:
        raise UnsafeMember(f"{show(name)}, which is a link, a device, a pipe or sparse")
    if name in found:
        raise UnsafeMember(f"{show(name)} twice")
    found[name] = member.offset_data, member.size


def _is_layout(where: str, names: Collection[str]) -> None:
    """Tell a layout by the names at its top."""
    if "oci-layout" in names:
        return
    if "manifest.json" in names:
        raise failures.docker(f"{show(where)} as `docker save` writes it")
    raise failures.absent(where, "no oci-layout file")
