"""One folder of small files as a zip archive that has one form only: the same files are the same bytes, anywhere.

Members lie in one folder, sorted by name, stored as they are, with fixed times and modes. What is read back is
packed again and must be the same bytes: then nothing hides between the members, behind them or in their names.
Format: APPNOTE.TXT 6.3, without extensions.
"""

from __future__ import annotations

import io
import stat
import zipfile
from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine.files import open_file
from tagseal.names import safe_file_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 64 * 1024 * 1024
"""Bytes. A kit of 500 bundles has about 6 MB."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that the format knows."""
_UNIX = 3
_MODE = stat.S_IFREG | 0o644


def pack(folder: str, members: Mapping[str, bytes]) -> bytes:
    """Return these files, by base name, in a folder of an archive.

    Raises:
        Refused: A name is not safe.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(f"{safe_file_name(folder)}/{safe_file_name(name)}", _EPOCH)
            info.create_system, info.external_attr = _UNIX, _MODE << 16
            archive.writestr(info, members[name])
    return file.getvalue()


def unpack(path: Path, folder: str) -> dict[str, bytes]:
    """Return the files of such an archive by base name, in memory.

    Raises:
        OSError: It cannot be read.
        Refused: It is no regular file.
        VerificationFailed: It is no archive, or none that :func:`packed` makes.
    """
    with open_file(path) as file:
        content = file.read(LARGEST + 1)
    try:
        found = _members(content, folder)
        same = pack(folder, found) == content
    except (Refused, ValueError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise _other(path.name) from error
    if not same:
        raise _other(path.name)
    return found


def _members(content: bytes, folder: str) -> dict[str, bytes]:
    """Read what is stored as it is: nothing grows, and two members of one name are one too many for the caller."""
    if len(content) > LARGEST:
        raise ValueError(f"got more than {LARGEST} bytes")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        listed = archive.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED or one.file_size > len(content) for one in listed):
            raise ValueError("got a compressed member")
        return {one.filename.removeprefix(f"{folder}/"): archive.read(one) for one in listed}


def _other(name: str) -> VerificationFailed:
    return VerificationFailed(
        f"got {name}, which is not packed as this tool packs, expected the same bytes for the same files",
        hint="Run `tagseal run guard sign upload` again: it packs the archive anew.",
        slug="packed-otherwise",
    )
