"""Container images on disk: OCI image layouts, taken from archives or folders and read back.

What is taken is normalised: ``oci-layout``, an ``index.json`` with one bare descriptor, and below ``blobs/sha256`` what
that descriptor reaches, nothing else. Every byte that is written was compared with its descriptor on the way. Source:
OCI image specification 1.1, "Image Layout".
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.services.images.layout import failures
from tagseal.services.images.layout.sources import BLOBS, Folder, open_source
from tagseal.services.images.layout.tree import path_of, walk
from tagseal.services.images.layout.values import Descriptor, LayoutImage

if TYPE_CHECKING:
    from tagseal.services.images.layout.sources import Source

__all__ = ["Descriptor", "LayoutImage", "blob", "copy", "frame", "read", "take"]

_BLOCK = 1 << 20
"""Bytes in memory at a time."""


def take(source: Path, folder: Path) -> LayoutImage:
    """Copy an image into a normalised layout, which takes the place of ``folder`` when it is whole.

    Args:
        source: An OCI archive (tar, gzipped or not), or the folder of a layout.
        folder: Made; what it held is removed.

    Raises:
        VerificationFailed: The archive is unsafe, or the image is incomplete, changed or not as specified.
        UsageError: It is no OCI image, or not one.
        Refused: A file is a link, a device or a pipe.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".layout-", dir=folder.parent) as room,
        open_source(source, Path(room)) as found,
    ):
        return copy(found, folder)


def copy(source: Source, folder: Path) -> LayoutImage:
    """Copy an image from wherever it can be read, as :func:`take` does."""
    staging = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        (staging / BLOBS).mkdir(parents=True)
        image = walk(source)
        for one in (*image.documents, *image.blobs):
            _stream(source, one, staging / path_of(one))
        for name, text in frame(image.root).items():
            (staging / name).write_bytes(text)
        if folder.exists():
            old = _aside(folder)
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(_aside(folder), ignore_errors=True)
    return image


def _aside(folder: Path) -> Path:
    """Return where the old layout lies while the new one takes its place; a run that was ended there is mended."""
    return folder.with_name(f"{folder.name}.old")


def read(folder: Path) -> LayoutImage:
    """Read back a normalised layout and hash every byte of it.

    Raises:
        VerificationFailed: Something is missing, changed, or there that the image does not reach.
        UsageError: It is no layout.
        Refused: A file is a link, a device or a pipe.
    """
    if not folder.exists() and _aside(folder).is_dir():
        _aside(folder).rename(folder)
    if not folder.is_dir() or folder.is_symlink():
        raise failures.absent(folder.name, "no folder")
    source = Folder(folder)
    image = walk(source)
    wanted = frame(image.root)
    for one in image.blobs:
        _stream(source, one, None)
    for name, text in wanted.items():
        with source.open(name) as (stream, size):
            if stream.read(size) != text:
                raise failures.damage(name, "is not as it was written")
    expected = {*wanted, *map(path_of, (*image.documents, *image.blobs))}
    if more := sorted(_names(folder) - expected):
        raise failures.damage(more[0], "belongs to no image here")
    return image


def blob(folder: Path, sha256: str) -> Path:
    """Return where a normalised layout has a document or blob."""
    return folder / BLOBS / sha256


def _stream(source: Source, expected: Descriptor, target: Path | None) -> None:
    """Hash a file, copy it where there is a target, and compare it with its descriptor."""
    digest = hashlib.sha256()
    with source.open(path_of(expected)) as (stream, size), ExitStack() as stack:
        if size != expected.size:
            raise failures.differs(expected, f"{size:,} bytes")
        file = stack.enter_context(target.open("xb")) if target else None
        left = size
        while left and (block := stream.read(min(_BLOCK, left))):
            left -= len(block)
            digest.update(block)
            if file:
                file.write(block)
    if left or digest.hexdigest() != expected.sha256:
        raise failures.differs(expected, f"{size - left:,} bytes with sha256 {digest.hexdigest()}")


def frame(root: Descriptor) -> dict[str, bytes]:
    """Return the two files that make a folder a layout: names and texts."""
    listed = {"mediaType": root.media_type, "digest": root.digest, "size": root.size}
    return {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [listed]}).encode(),
    }


def _names(folder: Path) -> set[str]:
    """Return the paths of all that is in a folder and is no folder itself."""
    return {
        Path(place, name).relative_to(folder).as_posix()
        for place, folders, names in os.walk(folder)
        for name in (*names, *(one for one in folders if Path(place, one).is_symlink()))
    }
