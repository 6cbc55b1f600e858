"""A job's log in GitHub Actions: plain lines, and an annotation for an error.

What is told may come from outside. The runner reads commands in whatever is printed, in one form even in the middle of
a line, so it is told to stop before the first line, with a word that nobody else knows, and to go on for an annotation
and at the end. No command of ours has to ask for that. Source: "Workflow commands" in GitHub's documentation.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
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
        self._order = threading.RLock()

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Print the step's line, and its remarks."""
        super().finish(verb, record, seconds)
        self._summary.finish(verb, record, seconds)

    def line(self, text: str) -> None:
        """Print it where the runner reads no commands."""
        with self._order:
            if not self._word:
                self._word = secrets.token_hex(16)
                super().line(f"::stop-commands::{self._word}")
            super().line(text)

    def page(self, text: str) -> None:
        """Print it as it is into a file, which no runner reads, and like everything else into the log."""
        if _is_file(self._stream):
            super().line(text)
        else:
            self.line(text)

    def fail(self, error: TagsealError) -> None:
        """Print the error, and annotate the run."""
        for line in error_lines(error):
            self.line(line)
        self._summary.fail(error)
        text = "\n".join([error.what, *error.context, error.hint])
        place = next(filter(None, map(_PLACE.search, (error.what, *error.context))), None)
        self.finding("error", error.slug, text, place.groupdict() if place else {})

    def finding(self, level: Literal["warning", "error"], slug: str, text: str, place: Mapping[str, object]) -> None:
        """Annotate the file."""
        where = "".join(f",{name}={_property(str(value))}" for name, value in place.items() if value)
        with self._order:
            self.close()
            super().line(f"::{level} title=tagseal {slug}{where}::{_data(text)}")

    def close(self, document: object = None) -> None:  # noqa: ARG002 - the document is for --json
        """Let the runner read commands again."""
        with self._order:
            if self._word:
                super().line(f"::{self._word}::")
                self._word = ""


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # it has no number: not even a stream of the system's
        return False


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    """Escape a workflow command's data."""
    return printable(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
