"""What the packages hold that no release should, and what lies in the checkout that they should hold."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tagseal.machine import archives
from tagseal.names import show
from tagseal.project.readiness.place import READ_BY_A_RELEASE, untracked
from tagseal.records import Readiness, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tagseal.machine.git import Git

_OURS = ".github/tagseal/"
_SECRET = re.compile(r"(?:.*/)?(?:\.env|\.pypirc|\.netrc|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p12|pfx))")
_TESTS = re.compile(r"(?:.*[^a-z])?(?:tests?|testing|testdata|fixtures?|examples?|demos?|samples?)(?:[^a-z].*)?/.*")
"""Folders whose certificates and wheels everybody may have."""
_CODE = frozenset({".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".rs"})


def judge(packages: Path, git: Git) -> Iterator[Reason]:
    """Say what the packages hold that they should not, and which files of the checkout they should hold.

    Args:
        packages: The folder that has them.
        git: The person's checkout.
    """
    wheel = [name for path in packages.glob("*.whl") for name in archives.members(path)]
    sdist = [name for path in packages.glob("*.tar.gz") for name in archives.members(path)]
    yield from carried(sdist, wheel)
    yield from left_out(git.status().untracked, git.tracked_files(), wheel, sdist)


def carried(sdist: Iterable[str], wheel: Iterable[str]) -> Iterator[Reason]:
    """Say which files of an sdist are none of the project's source.

    Args:
        sdist: Its members, each below the folder that all are in.
        wheel: The wheel's members: what it holds as well is meant.
    """
    meant = {PurePosixPath(name).name for name in wheel}
    names = [name.partition("/")[2] for name in sdist]
    kinds: dict[str, list[str]] = {
        "what releases it": [name for name in names if name.startswith(_OURS)],
        "earlier packages": [
            name for name in names if name.startswith("dist/") or (name.endswith(".whl") and not name.startswith(_OURS))
        ],
        "what looks like a secret": [name for name in names if _SECRET.fullmatch(name)],
    }
    for kind, found in kinds.items():
        held = [name for name in found if not (_TESTS.fullmatch(name) or name.rpartition("/")[2] in meant)]
        if held:
            more = f" and {len(held) - 1} more" if held[1:] else ""
            yield Reason.broken(
                "sdist-carries-more",
                f"the sdist holds {kind}: {show(held[0])}{more}",
                "Leave it out where the build back end is told what an sdist holds: `exclude` of hatchling, "
                "MANIFEST.in of setuptools.",
                held[0],
            )


def left_out(
    untracked_files: Sequence[str], tracked: Sequence[str], wheel: Iterable[str], sdist: Iterable[str]
) -> Iterator[Reason]:
    """Say which files that git does not know the build would have taken: their neighbours are in a package.

    Args:
        untracked_files: Paths in the checkout.
        tracked: As these.
        wheel: Its members.
        sdist: As these.
    """
    installed = {*wheel}
    tails = {name for member in (*installed, *sdist) for name in _tails(member)}
    taken = {(path.parent, path.suffix) for path in map(PurePosixPath, tracked) if str(path) in tails}
    # A test or a page's configuration in the sdist makes no package of its folder: the wheel has it below a folder.
    packages = {name for name in installed if "/" in name and PurePosixPath(name).suffix in _CODE}
    code = {PurePosixPath(name).parent for name in tracked if not packages.isdisjoint(_tails(name))}
    # A hidden file is often a secret, which nobody should be told to commit.
    others = [
        name
        for name in untracked_files
        if name.split("/")[0] not in READ_BY_A_RELEASE and not any(part.startswith(".") for part in name.split("/"))
    ]
    inside = {name: None for name in others if not code.isdisjoint(PurePosixPath(name).parents)}
    beside = [
        name
        for name in others
        if name not in inside and (PurePosixPath(name).parent, PurePosixPath(name).suffix) in taken
    ]
    if inside:
        yield untracked(tuple(inside), Readiness.broken)
    if beside:
        yield untracked(beside, Readiness.not_yet)


def _tails(member: str) -> Iterator[str]:
    """Yield a member's path, and that path without the folders that stand before it."""
    parts = member.split("/")
    for start in range(len(parts)):
        yield "/".join(parts[start:])
