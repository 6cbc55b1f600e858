"""A terminal: the same lines in colour, and a spinner for the step under way."""

from __future__ import annotations

import re
import textwrap
import threading
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from tagseal.names import printable
from tagseal.report.plain import (
    ERROR_INDENT,
    NOTE_INDENT,
    STEP_INDENT,
    WHAT,
    Report,
    detail_line,
    error_lines,
    row_indent,
    row_line,
    step_line,
    waiting_line,
)
from tagseal.report.sentences import asides, sentence

if TYPE_CHECKING:
    from rich.status import Status

    from tagseal.errors import TagsealError
    from tagseal.records import Record

_STYLES = {
    "error:": "bold red",
    "hint:": "bold",
    "more:": "dim",
    "note:": "yellow",
    "fault:": "yellow",
    "READY": "bold green",
    "NOT": "bold yellow",
    "BROKEN:": "bold red",
    "broken": "bold red",
    "FAILED": "bold red",
    "OK:": "green",
    "FAIL:": "bold red",
    "VERIFIED": "bold green",
    "Next:": "bold",
}
_INDENTS = {"error:": ERROR_INDENT, "hint:": ERROR_INDENT, "|": 4}
"""Columns that the rest of such a line stays below its beginning, by its first word."""
_WHOLE = {"Next:", "more:"}
"""Lines that end in what is to be copied, or clicked."""
_STEP = re.compile("[a-z]+ +ok +[0-9.]+s ")
_COMMAND, _SOLID = re.compile("`[^`]+`"), "\N{NO-BREAK SPACE}"
_MARKS = {True: "green", False: "bold red", None: "yellow"}


class _Progress:
    """The text beside the spinner: rich asks for it whenever it draws, so that seconds count down by themselves."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.said = ""
        self.pauses: dict[str, float] = {}
        """What failed, and until when its next try is waited for; written by several threads."""

    def __rich__(self) -> Text:
        now = time.monotonic()
        left = sorted((until - now, reason) for reason, until in self.pauses.copy().items() if until > now)
        said = waiting_line(left[0][1], left[0][0]) if left else self.said
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        return Text("  ".join(filter(None, (self.verb, said + more))), overflow="ellipsis", no_wrap=True)


class Terminal(Report):
    """Progress with rich; text from outside is never read as markup."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``, errors to standard error."""
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._status: Status | None = None
        self._progress = _Progress("")
        self._turn = threading.Lock()

    def begin(self, verb: str) -> None:
        """Turn the spinner on."""
        self._stop()
        self._progress = _Progress(verb)
        self._spin()

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Replace the spinner by the step's line."""
        self._stop()
        self.line(step_line(verb, seconds, sentence(record)))
        for aside in asides(record):
            self.line(aside.text)

    def remark(self, text: str) -> None:
        """Print it, marked."""
        self.line(f"note:    {printable(text)}")

    def say(self, text: str) -> None:
        """Show it beside the spinner."""
        self._progress.said = printable(text)
        self._spin()

    def waiting(self, reason: str, seconds: float) -> None:
        """Count down beside the spinner."""
        self._progress.pauses[reason] = time.monotonic() + seconds
        self._spin()

    def pause(self, reason: str, seconds: float) -> None:
        """Count down beside the spinner."""
        self.waiting(reason, seconds)

    def line(self, text: str) -> None:
        """Print one line, wrapped to the terminal."""
        self._print(self._console, text)

    def page(self, text: str) -> None:
        """Print it."""
        self._console.print(Text(text), soft_wrap=True)

    def row(self, what: str, good: bool | None, text: str, *, width: int = WHAT) -> None:  # noqa: FBT001 - read from a table
        """Print it, its mark in colour."""
        self._stop()
        styled = Text(self._wrap(row_line(what, good, text, width), row_indent(width)))
        styled.stylize("bold", 0, len(what))
        styled.stylize(_MARKS[good], width + 1, width + 3)
        self._console.print(styled, soft_wrap=True)

    def detail(self, text: str, *, width: int = WHAT) -> None:
        """Print it."""
        self._stop()
        self._console.print(Text(self._wrap(detail_line(text, width), row_indent(width))), soft_wrap=True)

    def fail(self, error: TagsealError) -> None:
        """Print the error."""
        self._stop()
        for text in error_lines(error):
            self._print(self._errors, text)

    def close(self, document: object = None) -> None:  # noqa: ARG002 - the document is for --json
        """Take the spinner away."""
        self._stop()

    def _print(self, console: Console, text: str) -> None:
        """Print a line; what is wrapped stays below its beginning, and what is to be copied is left whole."""
        first = text.split(maxsplit=1)[0] if text.strip() else ""
        below = len(text) - len(text.lstrip())
        if below or first not in _WHOLE:
            text = self._wrap(text, STEP_INDENT if _is_step(text) else _INDENTS.get(first, below or NOTE_INDENT))
        console.print(_style(text, first), soft_wrap=True)

    def _wrap(self, text: str, indent: int) -> str:
        """Return the text in lines; a name, an address and a `command` are never broken: they are to be copied."""
        width = max(self._console.width, 2 * STEP_INDENT)
        text = _COMMAND.sub(lambda found: found[0].replace(" ", _SOLID), text)
        head = text[:indent] if text[indent - 1 : indent] == " " else ""  # it never stands alone
        lines = textwrap.wrap(
            text.removeprefix(head),
            width,
            initial_indent=head,
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        return "\n".join(lines or [text]).replace(_SOLID, " ")

    def _spin(self) -> None:
        with self._turn:
            if self._status is None:
                self._status = self._console.status(self._progress, spinner="dots")
                self._status.start()

    def _stop(self) -> None:
        with self._turn:
            if self._status is not None:
                self._status.stop()
                self._status = None


def _is_step(text: str) -> bool:
    return _STEP.match(text) is not None


def _style(text: str, first: str) -> Text:
    styled = Text(text)
    if first in _STYLES:
        indent = len(text) - len(text.lstrip())
        styled.stylize(_STYLES[first], indent, indent + len(first))
    elif _is_step(text):
        styled.stylize("bold", 0, len(first))
        styled.stylize("green", 9, 11)
        styled.stylize("dim", 11, 19)
    return styled
