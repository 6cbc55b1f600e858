"""Which of the releases that exist for a tag is kept, and how far a run may go with it (design, rule 7).

1. What is published is never changed. With ``release = "adopt"`` one without files, that somebody else made, is filled.
2. A draft that is not ours stops the run; with ``adopt`` it is the one that is filled. Two of them stop it always.
3. Of our own drafts the one with most wanted files is kept, the oldest of equals; only empty ones are discarded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.names import show
from tagseal.services.github import marker, mine
from tagseal.steps.draft import body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.services.github import Release
    from tagseal.steps.draft.wanted import WantedFile


class AllowedChange(IntEnum):
    """How far a run may go with a release; each reach includes those before it."""

    look = 0
    """Compare it."""
    fill = 1
    """Edit its notes and its flags, and send what is missing."""
    finish = 2
    """Replace what was begun and never finished."""
    replace = 3
    """Replace what has other bytes than the wanted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The release that is kept, and what becomes of the others."""

    kept: Release | None = None
    """None: a draft is to be made."""
    reach: AllowedChange = AllowedChange.replace
    theirs: str | None = None
    """What somebody else wrote, and our part of the body stands behind; None where all of it is ours."""
    discard: tuple[Release, ...] = ()
    """Empty drafts of ours."""
    left: tuple[Release, ...] = ()
    """Whatever else there is; nothing is done to it."""


def choose(
    releases: Sequence[Release], files: Mapping[str, WantedFile], *, tag: str, actor: str, adopt: bool = False
) -> Choice:
    """Return which release is kept.

    Args:
        releases: Whatever exists for the tag.
        files: The wanted files, by name.
        tag: The tag.
        actor: Whoever this token writes as.
        adopt: Whether what somebody else made is filled.

    Raises:
        Refused: A draft is not ours; with ``adopt``: there are two, or what is to be filled is locked.
    """
    public = next((release for release in releases if not release.draft), None)
    drafts = [release for release in releases if release.draft]
    foreign = [
        draft for draft in drafts if not mine(draft, tag, actor) or (adopt and body.theirs(draft.body) is not None)
    ]
    ours = sorted(
        (draft for draft in drafts if draft not in foreign), key=lambda one: (-_count_wanted(one, files), one.id)
    )
    if public is not None:
        found = _public(public, tag, adopt=adopt)
    elif foreign:
        found = _foreign(foreign, tag, adopt=adopt)
    else:
        found = Choice(kept=ours[0] if ours else None)
    others = [one for one in (*ours, *foreign) if one is not found.kept]
    empty = tuple(other for other in others if other in ours and not other.assets)
    left = tuple(other for other in others if other not in empty)
    return Choice(kept=found.kept, reach=found.reach, theirs=found.theirs, discard=empty, left=left)


def _count_wanted(release: Release, files: Mapping[str, WantedFile]) -> int:
    """Return how many of the wanted files a release has; where there is no digest, name and size count."""
    return sum(asset.name in files and files[asset.name].like(asset) is not False for asset in release.assets)


def _foreign(drafts: Sequence[Release], tag: str, *, adopt: bool) -> Choice:
    if not adopt or len(drafts) > 1:
        one = "one" if adopt else "none"
        raise Refused(
            f"got {'a draft' if len(drafts) == 1 else f'{len(drafts)} drafts'} for {tag} that this tool did not make, "
            f"expected {one} or its own",
            context=tuple(f"{draft.url} by {show(draft.author)}" for draft in drafts),
            hint="Keep one of them, and delete the others or publish them under another tag; then run the same "
            "command again."
            if adopt
            else "Ask whoever made it. Delete it, or publish it under another tag; then run the same command again. To "
            """have another tool's draft filled instead: release = "adopt" in [tool.tagseal], at the tagged commit.""",
            slug="stranger-draft",
        )
    reach = AllowedChange.replace if _has_our_part(drafts[0], tag) else AllowedChange.fill
    return Choice(kept=drafts[0], reach=reach, theirs=_theirs(drafts[0]))


def _has_our_part(release: Release, tag: str) -> bool:
    """Tell whether our part is in its body; one of another tag is a copy, and says nothing about the files."""
    return body.theirs(release.body) is not None and release.body.rstrip().endswith(marker(tag))


def _theirs(release: Release) -> str:
    """Return what somebody else wrote: all of it, before our part is in it."""
    theirs = body.theirs(release.body)
    return release.body if theirs is None else theirs


def _public(release: Release, tag: str, *, adopt: bool) -> Choice:
    """Return how far to go with what is published: no further than to look, unless it was left empty for us."""
    if not adopt:
        return Choice(kept=release, reach=AllowedChange.look)
    if _has_our_part(release, tag):  # by us, whole or in part
        locked = release.immutable or body.is_edited(release.body)
        return Choice(
            kept=release, reach=AllowedChange.look if locked else AllowedChange.finish, theirs=_theirs(release)
        )
    if release.assets or release.body.rstrip().endswith(marker(tag)):
        return Choice(kept=release, reach=AllowedChange.look)
    if release.immutable:
        raise Refused(
            f"got an immutable release for {tag} without files, expected one that can be filled",
            context=(f"{release.url} by {show(release.author)}",),
            hint="No file can be added to it any more. Let the other tool leave a draft, and release a new version.",
            slug="immutable-release",
        )
    return Choice(kept=release, reach=AllowedChange.fill, theirs=_theirs(release))
