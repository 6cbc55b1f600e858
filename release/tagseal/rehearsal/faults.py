"""Faults as a person names them: ``server-error``, or ``drop-after,host=uploads.github.com,method=POST,count=2``."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.errors import UsageError
from tagseal.loopback.faults import FAULTS, Fault
from tagseal.names import number_of, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tagseal.loopback.faults import Faults

_TEXTS = {"host", "method", "path"}
_NUMBERS = {"skip", "count"}
_WIDTH, _INDENT = 80, "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutcome:
    """A fault that was asked for, and what became of it."""

    fault: str
    """As the person named it."""
    hits: int
    """Requests that it hit."""
    count: int
    """Requests that it was to hit."""

    def __str__(self) -> str:
        if not self.hits:
            return f"note:    the fault {self.fault} hit no request: this run says nothing about it"
        number = number_of(self.hits, "request")
        return f"fault:   {self.fault} hit {number}{f' of up to {self.count}' if self.hits < self.count else ''}"


def outcomes(descriptions: Iterable[str], faults: Faults) -> tuple[FaultOutcome, ...]:
    """Return what became of the faults of these descriptions, which ``faults`` was set to."""
    return tuple(
        FaultOutcome(fault=description, hits=hits, count=fault.count)
        for description, (fault, hits) in zip(descriptions, faults.tally, strict=True)
    )


def faults_named(descriptions: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults of these descriptions.

    Raises:
        UsageError: A name or a key is unknown, or a value is not what it has to be.
    """
    return tuple(_fault(description) for description in descriptions)


def _fault(description: str) -> Fault:
    name, *pairs = description.split(",")
    given = dict(pair.partition("=")[::2] for pair in pairs)
    values: dict[str, Any] = {key: value for key, value in given.items() if key in _TEXTS}
    values |= {key: int(value) for key, value in given.items() if key in _NUMBERS and value.isdecimal()}
    if len(values) < len(pairs):
        raise UsageError(
            f"got the fault {show(description)}, "
            "expected NAME[,host=REGEX][,method=REGEX][,path=REGEX][,skip=N][,count=N]",
            hint="`--fault server-error,host=api.github.com,method=POST` fails the first write to GitHub.",
            slug="malformed-fault",
        )
    return Fault(name=name, **values)


def explain_all() -> Iterator[str]:
    """Yield the lines that explain every fault: its name, what happens then, and the report behind it."""
    width = min(_WIDTH, shutil.get_terminal_size().columns)
    for name, kind in FAULTS.items():
        yield name
        for text in (kind.happens, f"Reported: {kind.report}."):
            yield from textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def document() -> dict[str, object]:
    """Return the same as plain JSON data."""
    return {name: {"happens": kind.happens, "report": kind.report} for name, kind in FAULTS.items()}
