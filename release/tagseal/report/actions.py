"""A job's log in GitHub Actions: plain lines, and an annotation for an error.

What a step tells may come from outside. The runner reads commands in whatever is printed, so it is told to stop
before the first step's line, with a word that nobody else knows, and to go on for the annotation and at the end.
Source: "Workflow commands" in GitHub's documentation.
"""

from __future__ import annotations

import re
import secrets
import threading
from typing import TYPE_CHECKING, Literal, TextIO

from tagseal.names import printable
from tagseal.report.plain import Plain, error_lines
from tagseal.report.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Record


_PLACE = re.compile(
    r"(?:^|(?<=[\s(]))(?P<file>[\w.][\w./-]*\.[a-z][a-z0-9]{0,4}):(?P<line>\d{1,6})(?::(?P<col>\d{1,5}))?\b"
)
"""A file of the checkout and a line, as our errors name them."""


class Actions(Plain):
    """Plain lines on one stream, for order matters here; ``::error`` shows an error on the run's page."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] | None = None) -> None:
        """Write to ``stream``, and to the summary that the job's environment names."""
        super().__init__(stream)
        self._summary = Summary(environ or {})
        self._word = ""
        self._begins = threading.Lock()

    def finished(self, verb: str, record: Record, seconds: float) -> None:
        """Print the step's line, and its remarks."""
        self._stop()
        super().finished(verb, record, seconds)
        self._summary.finished(verb, record, seconds)

    def remark(self, text: str) -> None:
        """Print it, marked."""
        self._stop()
        super().remark(text)

    def waiting(self, reason: str, seconds: float) -> None:
        """Print it once; the reason has the words of a service."""
        with self._begins:
            self._stop()
        super().waiting(reason, seconds)

    def outside(self) -> None:
        """Let the runner read no commands, until the end."""
        self._stop()

    def row(self, what: str, good: bool | None, text: str) -> None:  # noqa: FBT001 - read from a table
        """Print it."""
        self._stop()
        super().row(what, good, text)

    def failed(self, error: TagsealError) -> None:
        """Print the error, and annotate the run."""
        self._stop()
        for line in error_lines(error):
            self.line(line)
        self._resume()
        self._summary.failed(error)
        text = "\n".join([error.what, *error.context, error.hint])
        place = next(filter(None, map(_PLACE.search, (error.what, *error.context))), None)
        self._annotation("error", error.slug, text, place.groupdict() if place else {})

    def finding(self, level: Literal["warning", "error"], slug: str, text: str, place: Mapping[str, object]) -> None:
        """Annotate the file."""
        stopped = bool(self._word)
        self._resume()
        self._annotation(level, slug, text, place)
        if stopped:
            self._stop()

    def _annotation(self, level: str, slug: str, text: str, place: Mapping[str, object]) -> None:
        where = "".join(f",{name}={_property(str(value))}" for name, value in place.items() if value)
        self.line(f"::{level} title=tagseal {slug}{where}::{_data(text)}")

    def close(self, document: object = None) -> None:  # noqa: ARG002 - the document is for --json
        """Let the runner read commands again."""
        self._resume()

    def _stop(self) -> None:
        if not self._word:
            self._word = secrets.token_hex(16)
            self.line(f"::stop-commands::{self._word}")

    def _resume(self) -> None:
        if self._word:
            self.line(f"::{self._word}::")
            self._word = ""


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    """Escape a workflow command's data."""
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
