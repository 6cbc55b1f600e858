"""Where a release is made: a checkout of a repository at GitHub, with everything committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.machine.git import repository
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
        yield Reason(
            slug="uncommitted-changes",
            readiness=Readiness.not_yet,
            what=f"{number_of(len(status.changed), 'tracked file')} with changes that no commit has: "
            f"{first(status.changed)}",
            fix="Commit them: `git commit --all`.",
        )
    if missing := [name for name in status.untracked if name.split("/")[0] in READ_BY_A_RELEASE]:
        yield untracked(missing, Readiness.not_yet)


def untracked(names: Sequence[str], readiness: Readiness) -> Reason:
    """Return the reason that files are which no commit has."""
    words = " ".join(quote_path(name) for name in names[:_SHOWN])
    return Reason(
        slug="files-untracked",
        readiness=readiness,
        what=f"untracked, and not in this release: {first(names)}",
        fix=f"`git add {words}{' …' if names[_SHOWN:] else ''}`, and commit; or name them in .gitignore.",
        place=names[0],
    )


def first(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    shown = ", ".join(show(name) for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if names[_SHOWN:] else shown


def _origin(candidate: Candidate) -> Iterator[Reason]:
    """Say where no tag could be pushed to, or no workflow would be run."""
    if repository(candidate.settings.repository, {}, candidate.git.origin()) is not None:
        return
    origin = candidate.git.origin()
    if origin is None:
        yield Reason(
            slug="identity-unknown",
            readiness=Readiness.not_yet,
            what="the checkout has no remote `origin`, so no tag can be pushed",
            fix="`git remote add origin git@github.com:OWNER/REPOSITORY.git`",
        )
        return
    yield Reason(
        slug="identity-unknown",
        readiness=Readiness.broken,
        what=f"origin is {show(origin)}, which is not at GitHub: releases are made by workflows of GitHub's alone",
        fix="`git remote set-url origin git@github.com:OWNER/REPOSITORY.git`; or, where it is at GitHub under another "
        'name, repository = "OWNER/REPOSITORY" in [tool.tagseal].',
    )
