"""The files of a checkout against a commit, byte for byte, whatever git's index says of them.

``git status`` believes the index, which an earlier step may have told to look away (``--skip-worktree``,
``--assume-unchanged``, a sparse checkout, ``core.checkStat``), and the attributes in ``.git/info``. So the tree of the
commit is compared with the files themselves.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.machine.git import SUBMODULE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.machine.git import Git

_LINK, _PROGRAM = "120000", "100755"
"""Modes in a tree; any other but a submodule's is a plain file's (gitformat-index, "Index entry")."""
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z.-]+ [^\n]*\n)*?oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n"
)
"""What git has of a file that Git LFS keeps elsewhere (its specification, "The Pointer")."""
_POINTER_SIZE = 1024
"""Bytes; a pointer is smaller."""
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a checkout differs from a commit. Paths are relative to the root, with ``/``."""

    changed: tuple[str, ...]
    """Files of the commit that are missing or other files here, and files that only the index has."""
    untracked: tuple[str, ...]
    """Files that the commit does not have and git is not told to ignore."""
    files: frozenset[str]
    """All files of the commit."""

    @property
    def is_same(self) -> bool:
        """Whether these are the commit's files and no others."""
        return not self.changed and not self.untracked


def compare(git: Git, commit: str) -> Comparison:
    """Compare the files of a checkout with a commit.

    1. A file is the commit's if it has the bytes that the commit has, or those that git writes out for them by the
       attributes in the commit (ends of lines, say); no filter is run, and no link is followed.
    2. A file that Git LFS keeps elsewhere is its pointer, or what the pointer names by size and SHA-256.
    3. A submodule is on its commit, and its files are compared in the same way; one that is not there is left out.
    """
    tree = git.tree(commit)
    folders = {path: Path(path).parent for path in tree}
    linked = {folder for folder in {*folders.values()} if files.link_below(git.root, git.root / folder)}
    other = {path for path, entry in tree.items() if folders[path] in linked or not _is_same(git, path, *entry)}
    if plain := {path for path in other if tree[path][0] not in {_LINK, SUBMODULE}}:
        other -= {*_equal_after_checkout(git, commit, plain)}
    added = {*git.tracked_files()} - tree.keys()
    return Comparison(
        changed=tuple(sorted(other | added)),
        untracked=tuple(path for path in git.untracked_files() if path not in tree),
        files=frozenset(tree),
    )


def _is_same(git: Git, path: str, mode: str, digest: str) -> bool:
    """Tell whether a path of the checkout holds the very bytes that the commit has."""
    place = git.root / path
    if mode == SUBMODULE:
        return _is_same_module(git, path, digest)
    try:
        found = place.lstat()
    except OSError:
        return False
    if mode == _LINK:
        return stat.S_ISLNK(found.st_mode) and _link_object_id(place, digest) == digest
    executable = bool(found.st_mode & stat.S_IXUSR)
    return stat.S_ISREG(found.st_mode) and executable == (mode == _PROGRAM) and _object_id(place, digest) == digest


def _is_same_module(git: Git, path: str, commit: str) -> bool:
    place = git.root / path
    if not place.is_dir() or place.is_symlink():
        return not os.path.lexists(place)
    if (module := git.module(path)) is None:
        return not any(place.iterdir())
    return module.commit_of("HEAD") == commit and compare(module, commit).is_same


def _object_id(place: Path, like: str) -> str:
    """Return the object id of a file's bytes, by the algorithm of an id."""
    with files.open_file(place) as file:
        size = os.fstat(file.fileno()).st_size
        digest = _begin(size, like)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _link_object_id(place: Path, like: str) -> str:
    target = os.fsencode(place.readlink())
    digest = _begin(len(target), like)
    digest.update(target)
    return digest.hexdigest()


def _begin(size: int, like: str) -> hashlib._Hash:
    """Begin the id of a blob (Pro Git, "Git Objects"; 64 digits are SHA-256's)."""
    head = b"blob %d\0" % size
    return hashlib.sha256(head) if len(like) == hashlib.sha256().digest_size * 2 else hashlib.sha1(head)  # noqa: S324


def _equal_after_checkout(git: Git, commit: str, paths: set[str]) -> Iterator[str]:
    """Yield those of the paths that hold what git writes out for the commit, or what a pointer of Git LFS names."""
    with tempfile.TemporaryDirectory(prefix="tagseal-") as folder:
        reference = git.copy_to(Path(folder) / "reference", commit).root
        for path in paths:
            here, there = git.root / path, reference / path
            if here.is_file() and not files.link_below(git.root, here) and _is_written(here, there):
                yield path


def _is_written(here: Path, there: Path) -> bool:
    if (here.stat().st_mode ^ there.stat().st_mode) & stat.S_IXUSR:
        return False
    if (found := files.measure(here)) == files.measure(there):
        return True
    if there.stat().st_size > _POINTER_SIZE:
        return False
    pointer = _POINTER.fullmatch(files.read(there))
    return pointer is not None and found == (int(pointer[2]), pointer[1].decode())
