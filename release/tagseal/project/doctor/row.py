"""One line of what doctor says, and what it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.errors import TagsealError
    from tagseal.machine.git import Git
    from tagseal.workflow.document import Workflow
    from tagseal.workflow.release_jobs import ReleaseMap


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRow:
    """One line of the report."""

    check: str
    level: Literal["ok", "warning", "error"]
    text: str
    """What was found, with its place where it has one."""
    fix: str = ""
    """What to do; empty where all is well."""
    slug: str = ""
    file: str = ""
    line: int = 0
    """From 1; 0 without a place."""
    column: int = 0
    """As the line."""

    @classmethod
    def ok(cls, check: str, text: str) -> Self:
        """Return a line that asks for nothing."""
        return cls(check=check, level="ok", text=text)

    @classmethod
    def warning(cls, check: str, text: str, fix: str, slug: str) -> Self:
        """Return a line about what may be meant so."""
        return cls(check=check, level="warning", text=text, fix=fix, slug=slug)

    @classmethod
    def error(cls, check: str, text: str, fix: str, slug: str, file: str = "") -> Self:
        """Return a line about what is wrong."""
        return cls(check=check, level="error", text=text, fix=fix, slug=slug, file=file)


def failure(check: str, error: TagsealError, level: Literal["warning", "error"] = "error") -> DoctorRow:
    """Return the line for an error of ours."""
    context = f" ({'; '.join(error.context)})" if error.context else ""
    return DoctorRow(check=check, level=level, text=f"{error.what}{context}", fix=error.hint, slug=error.slug)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedProject:
    """What is looked at."""

    environ: Mapping[str, str]
    files: tuple[tuple[Path, Workflow], ...]
    """Workflow files, each read once, with the path to name it by."""
    map: ReleaseMap
    """What these do for a release."""
    named: bool
    """Whether a person named the files: all of them are judged then, not only those that can release."""
    offline: bool
    """Whether nobody on the network is asked."""
    git: Git | None
    """None outside of a checkout."""
    settings: Settings | None
    """None outside of a checkout, and where they are wrong."""
