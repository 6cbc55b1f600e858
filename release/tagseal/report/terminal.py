"""A terminal: the same lines in colour, and a spinner for the step under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from tagseal.names import printable
from tagseal.report.plain import error_lines, step_line
from tagseal.report.sentences import sentence

if TYPE_CHECKING:
    from rich.status import Status

    from tagseal.errors import TagsealError
    from tagseal.records import Record

_STYLES = {
    "error:": "bold red",
    "hint:": "bold",
    "more:": "dim",
    "note:": "yellow",
    "REHEARSED": "bold green",
    "FAILED": "bold red",
}


class Terminal:
    """Progress with rich; text from outside is never read as markup."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``, errors to standard error."""
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._status: Status | None = None
        self._verb = ""

    def started(self, verb: str) -> None:
        """Turn the spinner on."""
        self._verb = verb
        self._stop()
        self._status = self._console.status(Text(verb), spinner="dots")
        self._status.start()

    def finished(self, verb: str, record: Record, seconds: float) -> None:
        """Replace the spinner by the step's line."""
        self._stop()
        self.line(step_line(verb, seconds, sentence(record)))
        for text in getattr(record, "remarks", ()):
            self.remark(text)

    def remark(self, text: str) -> None:
        """Print it, marked."""
        self.line(f"note:    {printable(text)}")

    def say(self, text: str) -> None:
        """Show it beside the spinner."""
        if self._status is None:
            self.started(self._verb)
        if self._status is not None:
            self._status.update(Text(f"{self._verb}  {printable(text)}", overflow="ellipsis", no_wrap=True))

    def line(self, text: str) -> None:
        """Print one line, wrapped to the terminal."""
        self._console.print(_styled(text), soft_wrap=False)

    def failed(self, error: TagsealError) -> None:
        """Print the error."""
        self._stop()
        for text in error_lines(error):
            self._errors.print(_styled(text))

    def close(self, document: object = None) -> None:  # noqa: ARG002 - the document is for --json
        """Take the spinner away."""
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _styled(text: str) -> Text:
    styled = Text(text)
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if first in _STYLES:
        styled.stylize(_STYLES[first], 0, len(first))
    elif text[9:11] == "ok":
        styled.stylize("bold", 0, len(first))
        styled.stylize("green", 9, 11)
        styled.stylize("dim", 11, 19)
    return styled
