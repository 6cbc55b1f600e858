"""Whether a tree is ready to be released, as far as its files tell: nothing is built, and nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.project.readiness import index, notes, place, version, workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.project.readiness.candidate import Candidate
    from tagseal.records import Reason

CHECKS: tuple[Callable[[Candidate], Iterator[Reason]], ...] = (
    # Where it would be released from.
    place.look,
    # What a pushed tag would start.
    workflow.look,
    # Who takes the packages.
    index.look,
    # What it would be called.
    version.look,
    # What its page would say.
    notes.look,
)


def judge(candidate: Candidate) -> tuple[Reason, ...]:
    """Return why it is not ready, by check."""
    return tuple(dict.fromkeys(reason for check in CHECKS for reason in check(candidate)))
