"""What may lie in an archive: plain paths, each once, and links that every system takes to the same place inside.

The links are those that PEP 721's data filter lets through, and fewer:

1. A symbolic link stays in its own top folder. It goes up first, if at all: ``..`` behind a name means another place
   where that name is a link itself.
2. A hard link is a file of the same top folder that came before it.
3. Nothing lies below a link, on a system that takes capitals for small letters either.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from itertools import dropwhile, pairwise

from tagseal.names import show

_LONGEST = 4096
"""Characters of a member's path: the most that Linux takes."""


class UnsafeMember(Exception):  # noqa: N818 - a finding, turned into an error of ours at the border
    """Says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a link leads."""

    target: str
    """Of a symbolic link from its own folder, of a hard one from the archive's top."""
    symbolic: bool


class Members:
    """What was read of an archive so far."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        """SHA-256 of each file; of a symbolic link, of where it leads."""
        self.folders: set[str] = set()
        self._links: set[str] = set()

    def add(self, name: str, digest: str) -> None:
        """Add a file.

        Raises:
            Unsafe: The archive had this member before.
        """
        if name in self.digests:
            raise UnsafeMember(f"{show(name)} twice")
        self.digests[name] = digest

    def add_link(self, name: str, link: Link) -> None:
        """Add a link.

        Raises:
            Unsafe: It leads outside, or is not the same link to every reader.
        """
        self.add(name, _symbolic(name, link.target) if link.symbolic else self._hard(name, link.target))
        self._links.add(name)

    def _hard(self, name: str, target: str) -> str:
        """Return the digest of the file that a hard link is."""
        same_folder = target.partition("/")[0] == name.partition("/")[0]
        if target in self._links or target not in self.digests or not same_folder:
            raise UnsafeMember(f"{show(name)}, a hard link to what is no file above it in its own folder")
        return self.digests[target]

    def hold_nothing_below_links(self) -> None:
        """Hold that no member of the whole archive is written through a link.

        Raises:
            Unsafe: One is.
        """
        links = {_sortable(name) for name in self._links}
        folders = {_sortable(name) for name in self.folders}
        ordered = sorted(folders.union(map(_sortable, self.digests)))
        below = (name for link, name in pairwise(ordered) if link in links and name.startswith(f"{link}\0"))
        if found := next(below, None) or min(links & folders, default=None):
            path = found.replace("\0", "/")
            raise UnsafeMember(f"{show(path)}, which would be written through a link")


def inside(name: str) -> None:
    """Refuse a name that is not the plain relative path of one place inside the archive.

    Raises:
        Unsafe: It is none.
    """
    plain = bool(name) and len(name) <= _LONGEST and name == posixpath.normpath(name)
    if not plain or "\\" in name or "\0" in name or name.startswith(("/", "..")) or name[1:2] == ":":
        raise UnsafeMember(f"the name {show(name)}, which leads outside or is not plain")


def _symbolic(name: str, target: str) -> str:
    """Return the digest of where a symbolic link leads, which no file's bytes can have."""
    parts = [part for part in target.split("/") if part not in {"", "."}]
    down = list(dropwhile(lambda part: part == "..", parts))
    plain = bool(target) and not target.startswith("/") and target[1:2] != ":" and not {*target} & {"\\", "\0"}
    if not plain or ".." in down or len(parts) - len(down) >= name.count("/"):
        raise UnsafeMember(f"{show(name)}, a link that leads outside or is not plain: {show(target)}")
    return hashlib.sha256(f"symbolic link\0{target}".encode(errors="surrogateescape")).hexdigest()


def _sortable(name: str) -> str:
    """Return a key by which what lies below a name comes right behind it; capitals are small letters."""
    return name.casefold().replace("/", "\0")
