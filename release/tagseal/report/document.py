"""``--json``: one document on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Literal

from tagseal.records import to_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Record
    from tagseal.report.plain import Report


class DocumentReport:
    """Pass everything to another report, and print one document when the run is over."""

    def __init__(self, inner: Report) -> None:
        """Let ``inner`` speak on standard error."""
        self._inner = inner
        self._records: dict[str, object] = {}
        self._error: dict[str, object] | None = None

    def started(self, verb: str) -> None:
        """Pass it on."""
        self._inner.started(verb)

    def finished(self, verb: str, record: Record, seconds: float) -> None:
        """Keep the record."""
        self._records[verb] = to_object(record)
        self._inner.finished(verb, record, seconds)

    def remark(self, text: str) -> None:
        """Pass it on."""
        self._inner.remark(text)

    def say(self, text: str) -> None:
        """Pass it on."""
        self._inner.say(text)

    def waiting(self, reason: str, seconds: float) -> None:
        """Pass it on."""
        self._inner.waiting(reason, seconds)

    def line(self, text: str) -> None:
        """Pass it on."""
        self._inner.line(text)

    def page(self, text: str) -> None:
        """Pass it on."""
        self._inner.page(text)

    def row(self, what: str, good: bool | None, text: str) -> None:  # noqa: FBT001 - read from a table
        """Pass it on."""
        self._inner.row(what, good, text)

    def finding(self, level: Literal["warning", "error"], slug: str, text: str, place: Mapping[str, object]) -> None:
        """Pass it on."""
        self._inner.finding(level, slug, text, place)

    def failed(self, error: TagsealError) -> None:
        """Keep the error."""
        self._inner.failed(error)
        self._error = {
            "slug": error.slug,
            "what": error.what,
            "context": list(error.context),
            "hint": error.hint,
            "exit": error.exit_code,
        }

    def close(self, document: object = None) -> None:
        """Print the document."""
        self._inner.close()
        body = document if isinstance(document, dict) else {"records": self._records}
        result = {"ok": self._error is None, **body, **({"error": self._error} if self._error else {})}
        # In the log of a job, GitHub's runner would read a command in the middle of a line.
        sys.stdout.write(json.dumps(result, indent=2).replace("##[", r"\u0023#[") + "\n")
