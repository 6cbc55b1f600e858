"""Files as data from outside: found by pattern inside the project, read once, never through a link, nor written."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError
from tagseal.names import safe_file_name, show
from tagseal.records import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedReader

    from tagseal.records import Kind

BLOCK = 1024 * 1024
"""Bytes that are read at once."""
TEXT = 16 << 20
"""Bytes of a text of a project: the longest changelogs have two million."""


@contextmanager
def open_file(path: Path, *, follow: bool = False) -> Iterator[BufferedReader]:
    """Open a regular file for reading, without waiting; neither a folder nor a device nor a pipe is one.

    Args:
        path: Where it lies.
        follow: Whether a link to it is as good: where a person named it.

    Raises:
        Refused: It is something else.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    except OSError as error:
        if follow or not path.is_symlink():
            raise
        raise irregular(path, "a link") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise irregular(path, "no regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read(path: Path, most: int = TEXT, *, follow: bool = False) -> bytes:
    """Return the bytes of a regular file; of links, as :func:`opened`.

    Raises:
        Refused: It is something else.
        UsageError: It has more than ``most`` bytes.
    """
    with open_file(path, follow=follow) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise UsageError(
            f"got {show(path.name)} with more than {most} bytes, expected fewer",
            context=(str(path),),
            hint="Put a shorter file in its place, or name another.",
            slug="file-too-long",
        )
    return found


def is_own(root: Path, path: Path) -> bool:
    """Tell whether a path below ``root`` is a regular file of the project: no link in any part of it, no way out."""
    below = path.is_relative_to(root) and path.is_file()
    return below and path.resolve() == root.resolve() / path.relative_to(root)


def measure(path: Path) -> tuple[int, str]:
    """Return size in bytes and SHA-256, hexadecimal, of a regular file, read once; memory stays constant.

    Raises:
        Refused: It is something else.
    """
    with open_file(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def artifact(path: Path, kind: Kind) -> Artifact:
    """Return what this file is: name, size and digest of the bytes, read once.

    Raises:
        Refused: Its name is not safe, or it is no regular file.
        UsageError: It is empty.
    """
    size, digest = measure(path)
    return _describe(path, kind, size=size, digest=digest)


def copy_artifact(path: Path, folder: Path, kind: Kind) -> Artifact:
    """Copy a file into the folder under its own name; the bytes that are written are the bytes described.

    Raises:
        Refused: Its name is not safe, or it is no regular file.
        UsageError: It is empty, or the folder has a file of that name.
    """
    digest = hashlib.sha256()
    target = folder / safe_file_name(path.name)
    try:
        with open_file(path) as source, target.open("xb") as file:
            while block := source.read(BLOCK):
                digest.update(block)
                file.write(block)
            size = file.tell()
    except FileExistsError as error:
        raise duplicate(path.name) from error
    return _describe(path, kind, size=size, digest=digest.hexdigest())


def link_below(root: Path, path: Path) -> Path | None:
    """Return the first part of a path below ``root`` that is a link; None where there is none, or it is elsewhere."""
    places = [*reversed(path.parents), path]
    top = next((number for number, place in enumerate(places) if place.exists() and place.samefile(root)), len(places))
    return next((place for place in places[top + 1 :] if place.is_symlink()), None)


def below(root: Path, name: str) -> Path:
    """Return where a name from outside lies below ``root``, to be written: its last part may be a link, to be replaced.

    Raises:
        Refused: It leads out of ``root``, through a link or not, or into a git directory.
    """
    parts = Path(name).parts
    git = any("".join(filter(str.isprintable, part)).casefold() == ".git" for part in parts)
    if not parts or Path(name).is_absolute() or ".." in parts or git or link_below(root, root.joinpath(*parts[:-1])):
        raise leads_away(name)
    return root.joinpath(*parts)


def leads_away(name: str) -> Refused:
    """Return the error for a path that would be written elsewhere than it says."""
    return Refused(
        f"got the path {show(name)}, which a link or its own words lead elsewhere, expected a place to write to",
        hint="Put a folder in the place of the link, or name another path; then run the same command again.",
        slug="path-leads-away",
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place: whole and on disk, or not at all. A link there is replaced, not followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name as well
    finally:
        os.close(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left unfinished below a folder: files ``.NAME.part``, and hidden folders.

    No link is followed: a hidden one goes itself.
    """
    for path in sorted(folder.rglob(".*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.name.endswith(".part"):
            path.unlink(missing_ok=True)


def matching(root: Path, patterns: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that the patterns match below ``root``, sorted, each once.

    Raises:
        UsageError: A pattern matches no file, or two files have one name.
        Refused: A match lies outside, a link on the way included, or has an unsafe name.
    """
    found: set[Path] = set()
    for pattern in patterns:
        files = [path for path in root.glob(pattern) if not path.is_dir()]
        if not files:
            raise UsageError(
                f"got no file for the pattern {show(pattern)}, expected at least one",
                context=(f"looked below {root}",),
                hint="Make the file before this command, or correct the pattern in [tool.tagseal].",
                slug="pattern-without-file",
            )
        found.update(files)
    top, names = root.resolve(), set[str]()
    for path in found:
        if not path.parent.resolve().is_relative_to(top):
            raise Refused(
                f"got {show(str(path.relative_to(root)))}, to which a link leads outside, "
                "expected a file inside the project",
                hint="Copy the file into the project, or correct the pattern in [tool.tagseal].",
                slug="file-outside-project",
            )
        if safe_file_name(path.name) in names:
            raise duplicate(path.name)
        names.add(path.name)
    return tuple(sorted(found))


def duplicate(name: str) -> UsageError:
    """Return the error for two files that would have one name in the release."""
    return UsageError(
        f"got two files called {name}, expected names of their own",
        hint="Rename one of them: a release has one file of each name.",
        slug="duplicate-file-name",
    )


def _describe(path: Path, kind: Kind, *, size: int, digest: str) -> Artifact:
    if size == 0:
        raise UsageError(
            f"got {path.name} with 0 bytes, expected some",
            hint="Find out what should have written it: a release takes no empty file.",
            slug="empty-file",
        )
    return Artifact(kind=kind, name=safe_file_name(path.name), size=size, sha256=digest)


def irregular(path: Path, got: str) -> Refused:
    """Return the error for what is not a file itself."""
    return Refused(
        f"got {show(path.name)}, which is {got}, expected a regular file",
        hint="Put the file itself there.",
        slug="irregular-file",
    )
