"""Where a release is made: a checkout of a repository at GitHub, with everything committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.names import number_of, quote_path, show
from tagseal.records import Readiness, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.project.readiness.candidate import Candidate

_SHOWN = 3
READ_BY_A_RELEASE = ("tagseal.toml", ".github")
"""What a release reads besides the packages' own files."""


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say where no tag could be pushed to, and what a tag would leave out."""
    yield from _origin(candidate)
    status = candidate.git.status()
    if status.changed:
        count = number_of(len(status.changed), "tracked file")
        what = f"{count} with changes that no commit has: {first(status.changed)}"
        yield Reason.not_yet("uncommitted-changes", what, "Commit them: `git commit --all`.")
    if missing := [name for name in status.untracked if name.split("/")[0] in READ_BY_A_RELEASE]:
        yield untracked(missing, Readiness.not_yet)


def untracked(names: Sequence[str], readiness: Readiness) -> Reason:
    """Return the reason that files are which no commit has."""
    several = dict.fromkeys(name.rpartition("/")[0] or name for name in names)
    words = " ".join(map(quote_path, names if len(names) <= _SHOWN else several))
    instead = "" if names[0].split("/")[0] in READ_BY_A_RELEASE else "; or name them in .gitignore"
    return Reason(
        slug="files-untracked",
        readiness=readiness,
        what=f"untracked, and not in this release: {first(names)}",
        fix=f"`git add {words}`, and commit{instead}.",
        place=names[0],
    )


def first(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    shown = ", ".join(show(name) for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if names[_SHOWN:] else shown


def _origin(candidate: Candidate) -> Iterator[Reason]:
    """Say where no tag could be pushed to, or no workflow would be run."""
    if candidate.repository is not None:
        return
    origin = candidate.git.origin()
    if origin is None:
        what = "the checkout has no remote `origin`, so no tag can be pushed"
        fix = "`git remote add origin git@github.com:OWNER/REPOSITORY.git`"
        yield Reason.not_yet("identity-unknown", what, fix)
        return
    yield Reason.broken(
        "identity-unknown",
        f"origin is {show(origin)}, which is not at GitHub: releases are made by workflows of GitHub's alone",
        "`git remote set-url origin git@github.com:OWNER/REPOSITORY.git`; or, where it is at GitHub under another "
        'name, repository = "OWNER/REPOSITORY" in [tool.tagseal].',
    )
