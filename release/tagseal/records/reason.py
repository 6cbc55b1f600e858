"""Why a release is not ready: one value for the rehearsal, for doctor and for the step that would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagseal.errors import TagsealError


class Readiness(StrEnum):
    """What a rehearsal says in the end. The better one comes first."""

    ready = "READY"
    not_yet = "NOT YET"
    """What a maintainer does at release time anyway is still to do."""
    broken = "BROKEN"
    """A real release of this tree would fail, or do harm."""

    @classmethod
    def of(cls, reasons: Iterable[Reason]) -> Readiness:
        """Return the worst of them; ready where there is none."""
        order = tuple(cls)
        return max((reason.readiness for reason in reasons), key=order.index, default=cls.ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps a tree from being released."""

    slug: str
    """Stable name, lower case with hyphens; of the error where a step would refuse."""
    readiness: Readiness
    what: str
    """One sentence without a full stop."""
    fix: str
    """What to do, with the command where there is one."""
    place: str = ""
    """File, or file and line; empty where it is none."""
    verb: str = ""
    """The step that would refuse it in a real release; empty where none would, and it would be released so."""

    @property
    def text(self) -> str:
        """What is wrong, with its place where the sentence does not name it."""
        file = self.place.partition(":")[0]
        return f"{self.place}: {self.what}" if file and file not in self.what else self.what

    @classmethod
    def broken(cls, slug: str, what: str, fix: str, place: str = "", *, verb: str = "") -> Self:
        """Return one for which a real release would fail, or do harm."""
        return cls(slug=slug, readiness=Readiness.broken, what=what, fix=fix, place=place, verb=verb)

    @classmethod
    def not_yet(cls, slug: str, what: str, fix: str, place: str = "") -> Self:
        """Return one that is still to do, and that no step would refuse."""
        return cls(slug=slug, readiness=Readiness.not_yet, what=what, fix=fix, place=place)

    @classmethod
    def of(cls, error: TagsealError, readiness: Readiness, *, verb: str, place: str = "") -> Self:
        """Return the reason that an error of a step is."""
        return cls(slug=error.slug, readiness=readiness, what=error.what, fix=error.hint, place=place, verb=verb)
