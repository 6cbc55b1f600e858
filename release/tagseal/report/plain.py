"""Plain lines, nothing redrawn: for pipes, logs and dumb terminals."""

from __future__ import annotations

import math
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from tagseal.names import printable
from tagseal.report.sentences import asides, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Record

DOCUMENTATION = "https://github.com/tagseal/tagseal/blob/main/.github/ERRORS.md"
NOTE_INDENT = 9
"""Columns before the text of a remark."""
STEP_INDENT = 20
"""Columns before a step's sentence."""
WHAT = 8
"""Columns for what a table's line is about, where the table does not say."""
ERROR_INDENT = 7
"""Columns before the text of an error's line."""
MARKS = {True: "ok", False: "no", None: "--"}


class Report:
    """Whatever is told what happens, and decides what is shown: by itself, nothing."""

    def begin(self, verb: str) -> None:
        """A step begins."""

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """A step gave its record."""

    def remark(self, text: str) -> None:
        """Something a person should know."""

    def say(self, text: str) -> None:
        """One line of progress."""

    def waiting(self, reason: str, seconds: float) -> None:
        """A pause begins, in one of several threads: what failed, and how long the pause takes."""

    def pause(self, reason: str, seconds: float) -> None:
        """A pause begins that is told of once: that of a child."""

    def line(self, text: str) -> None:
        """One line of the story."""

    def page(self, text: str) -> None:
        """A text of many lines that a person may keep: it stays as it is."""

    def row(self, what: str, good: bool | None, text: str, *, width: int = WHAT) -> None:  # noqa: FBT001 - read from a table
        """One line of a table: what it is about, in so many columns, whether it is good, not, or neither."""

    def detail(self, text: str, *, width: int = WHAT) -> None:
        """One line that belongs to the row above it, below that one's text."""

    def finding(self, level: Literal["warning", "error"], slug: str, text: str, place: Mapping[str, object]) -> None:
        """A line of a table speaks of a place: its ``file``, ``line`` and ``col``, from 1."""

    def fail(self, error: TagsealError) -> None:
        """The run ends with this error."""

    def close(self, document: object = None) -> None:
        """The run is over; ``document`` is its result for ``--json``."""


def step_line(verb: str, seconds: float, text: str, mark: str = "ok") -> str:
    """Return one line of the story: verb, mark, seconds, sentence."""
    return f"{verb:<8} {mark}  {seconds:4.1f}s  {printable(text)}"


def row_line(what: str, good: bool | None, text: str, width: int = WHAT) -> str:  # noqa: FBT001 - as above
    """Return one line of a table; its mark is a word, for colour may be absent."""
    return f"{what:<{width}} {MARKS[good]}  {printable(text)}"


def detail_line(text: str, width: int = WHAT) -> str:
    """Return one line that stands below the text of a table's line."""
    return f"{'':<{row_indent(width)}}{printable(text)}"


def row_indent(width: int = WHAT) -> int:
    """Return the columns before the text of a table's line."""
    return width + len(" ok  ")


def waiting_line(reason: str, seconds: float) -> str:
    """Return what is waited for, and for how long."""
    return f"waiting {max(1, math.ceil(seconds))} s: {printable(reason)}"


def error_lines(error: TagsealError) -> list[str]:
    """Return an error as lines: what, context, hint, and where to read more.

    A context line never begins with ``::``, which a workflow runner would take for a command.
    """
    return [
        f"error: {printable(error.what)}",
        *(f"  | {printable(part)}" for one in error.context for part in one.splitlines() or [""]),
        f"hint:  {printable(error.hint)}",
        f"more:  {DOCUMENTATION}#{error.slug} (exit {error.exit_code})",
    ]


class Pauses:
    """What is waited for: however many threads wait for the same, that is one pause."""

    def __init__(self) -> None:
        """Begin with none."""
        self._until: dict[str, float] = {}
        self._turn = threading.Lock()

    @contextmanager
    def begin(self, reason: str, seconds: float) -> Iterator[bool]:
        """Tell whether this pause is new; no other one begins before the block ends, and its line is written."""
        now = time.monotonic()
        with self._turn:
            new = now >= self._until.get(reason, 0)
            if new:
                self._until[reason] = now + seconds
            yield new


class Plain(Report):
    """Lines on one stream, errors on standard error; a log needs no promise of a step, and no progress."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._pauses = Pauses()

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Print the step's line, and its remarks."""
        self.line(step_line(verb, seconds, sentence(record)))
        for aside in asides(record):
            self.line(aside.text)

    def remark(self, text: str) -> None:
        """Print it, marked."""
        self.line(f"note:    {printable(text)}")

    def waiting(self, reason: str, seconds: float) -> None:
        """Print it once, however many threads wait for the same in one pause."""
        with self._pauses.begin(reason, seconds) as new:
            if new:
                self.pause(reason, seconds)

    def pause(self, reason: str, seconds: float) -> None:
        """Print it."""
        self.line(waiting_line(reason, seconds))

    def line(self, text: str) -> None:
        """Print it."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def page(self, text: str) -> None:
        """Print it."""
        self.line(text)

    def row(self, what: str, good: bool | None, text: str, *, width: int = WHAT) -> None:  # noqa: FBT001 - as above
        """Print it."""
        self.line(row_line(what, good, text, width))

    def detail(self, text: str, *, width: int = WHAT) -> None:
        """Print it."""
        self.line(detail_line(text, width))

    def fail(self, error: TagsealError) -> None:
        """Print the error."""
        for text in error_lines(error):
            sys.stderr.write(f"{text}\n")
