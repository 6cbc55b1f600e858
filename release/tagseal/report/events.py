"""What a command of a rehearsal tells the rehearsal: values in a file, a line of JSON each.

The rehearsal names the file in the environment of its children (``TAGSEAL_EVENTS``), which counts on the loopback only.
What a child prints is for a person, and nothing is read out of it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine import actions
from tagseal.machine.actions import EVENTS
from tagseal.names import printable
from tagseal.records.parts import record as strict
from tagseal.report.passing import PassingReport
from tagseal.report.plain import Pauses, error_lines, step_line
from tagseal.report.sentences import About, asides, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Record
    from tagseal.report.plain import Report


class EventKind(StrEnum):
    """What happened."""

    step = "step"
    """A step gave its record."""
    aside = "aside"
    """A line besides a step's sentence."""
    remark = "remark"
    line = "line"
    """Whatever else is told in a line."""
    pause = "pause"
    failed = "failed"
    output = "output"
    """The last lines of another program that failed: the rehearsal's own event."""


@strict
class Failure:
    """An error, as it is told."""

    slug: str
    what: str
    context: tuple[str, ...]
    hint: str
    exit: int
    """The exit code."""

    @classmethod
    def of(cls, error: TagsealError) -> Failure:
        """Return what is told of an error."""
        return cls(slug=error.slug, what=error.what, context=error.context, hint=error.hint, exit=error.exit_code)


@strict
class ReportEvent:
    """One thing that happened in a child."""

    kind: EventKind
    text: str = ""
    """As a person reads it, in lines; of a pause: what failed."""
    verb: str = ""
    """The step's."""
    about: About = About.other
    """What an aside is about."""
    seconds: float = 0.0
    """That a pause takes."""
    failure: Failure | None = None
    """What the command ends with."""


class EventReport(PassingReport):
    """Pass everything to another report, and tell the rehearsal."""

    def __init__(self, inner: Report, path: Path) -> None:
        """Add to the file ``path``."""
        super().__init__(inner)
        self._path = path
        self._pauses = Pauses()

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Tell the step's sentence, and what a person should know besides."""
        super().finish(verb, record, seconds)
        self._tell(ReportEvent(kind=EventKind.step, verb=verb, text=step_line(verb, seconds, sentence(record))))
        for aside in asides(record):
            self._tell(ReportEvent(kind=EventKind.aside, verb=verb, about=aside.about, text=aside.text))

    def remark(self, text: str) -> None:
        """Tell it, marked."""
        super().remark(text)
        self._tell(ReportEvent(kind=EventKind.remark, text=f"note:    {printable(text)}"))

    def waiting(self, reason: str, seconds: float) -> None:
        """Tell it once, however many threads wait for the same in one pause."""
        super().waiting(reason, seconds)
        with self._pauses.begin(reason, seconds) as new:
            if new:
                self._tell(ReportEvent(kind=EventKind.pause, text=reason, seconds=seconds))

    def line(self, text: str) -> None:
        """Tell it."""
        super().line(text)
        self._tell(ReportEvent(kind=EventKind.line, text=text))

    def fail(self, error: TagsealError) -> None:
        """Tell the error."""
        super().fail(error)
        text = "\n".join(error_lines(error))
        self._tell(ReportEvent(kind=EventKind.failed, text=text, failure=Failure.of(error)))

    def _tell(self, event: ReportEvent) -> None:
        """Add a line in one act, for several threads tell."""
        line = json.dumps(dataclasses.asdict(event)).encode() + b"\n"
        with suppress(OSError):  # no run fails because nobody hears of it
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)


def events_file(environ: Mapping[str, str]) -> Path | None:
    """Return the file that a rehearsal reads; None where there is no rehearsal."""
    path = environ.get(EVENTS, "")
    try:
        return Path(path) if path and actions.loopback(environ) else None
    except Refused:  # the command itself says why
        return None
