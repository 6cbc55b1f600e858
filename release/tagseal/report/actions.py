"""A job's log in GitHub Actions: plain lines, and an annotation for an error.

What a step tells may come from outside. The runner reads commands in whatever is printed, so it is told to stop
before the first step's line, with a word that nobody else knows, and to go on for the annotation and at the end.
Source: "Workflow commands" in GitHub's documentation.
"""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, TextIO

from tagseal.names import printable
from tagseal.report.plain import Plain, error_lines

if TYPE_CHECKING:
    from tagseal.errors import TagsealError
    from tagseal.records import Record


class Actions(Plain):
    """Plain lines on one stream, for order matters here; ``::error`` shows an error on the run's page."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        super().__init__(stream)
        self._word = ""
        self._begins = threading.Lock()

    def finished(self, verb: str, record: Record, seconds: float) -> None:
        """Print the step's line, and its remarks."""
        self._stop()
        super().finished(verb, record, seconds)

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
        text = "\n".join([error.what, *error.context, error.hint])
        self.line(f"::error title=tagseal {error.slug}::{_data(text)}")

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


def _data(text: str) -> str:
    """Escape a workflow command's data."""
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
