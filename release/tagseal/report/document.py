"""``--json``: one document on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from tagseal.records import to_object
from tagseal.report.events import Failure
from tagseal.report.passing import PassingReport

if TYPE_CHECKING:
    from tagseal.errors import TagsealError
    from tagseal.records import Record
    from tagseal.report.plain import Report


class DocumentReport(PassingReport):
    """Pass everything to another report, and print one document when the run is over."""

    def __init__(self, inner: Report) -> None:
        """Let ``inner`` speak on standard error."""
        super().__init__(inner)
        self._records: dict[str, object] = {}
        self._error: dict[str, object] | None = None

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Keep the record."""
        self._records[verb] = to_object(record)
        super().finish(verb, record, seconds)

    def fail(self, error: TagsealError) -> None:
        """Keep the error."""
        super().fail(error)
        self._error = dataclasses.asdict(Failure.of(error))

    def close(self, document: object = None) -> None:
        """Print the document."""
        super().close()
        body = document if isinstance(document, dict) else {"records": self._records}
        result = {"ok": self._error is None, **body, **({"error": self._error} if self._error else {})}
        # In the log of a job, GitHub's runner would read a command in the middle of a line.
        sys.stdout.write(json.dumps(result, indent=2).replace("##[", r"\u0023#[") + "\n")
