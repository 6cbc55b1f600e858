"""What a person, a log or a program is told: the only printers.

A step knows nothing of this; the pipeline tells a report what happens.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from tagseal.machine.actions import EVENTS
from tagseal.report.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.report.plain import Report

__all__ = ["choose"]


def choose(environ: Mapping[str, str], *, json: bool = False) -> Report:
    """Return the report that fits: JSON where asked, annotations in Actions, progress on a terminal, else lines."""
    stream = sys.stderr if json else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a name that this terminal has no letters for ends no run
    if environ.get("GITHUB_ACTIONS") == "true":
        from tagseal.report.actions import Actions  # noqa: PLC0415

        report: Report = Actions(stream, environ)
    elif stream.isatty() and environ.get("CI") != "true" and environ.get("TERM") != "dumb":
        from tagseal.report.terminal import Terminal  # noqa: PLC0415 - rich

        report = Terminal(stream)
    else:
        report = Plain(stream)
    if EVENTS in environ:
        from tagseal.report.events import EventReport, events_file  # noqa: PLC0415 - for children of a rehearsal

        if file := events_file(environ):
            report = EventReport(report, file)
    if json:
        from tagseal.report.document import DocumentReport  # noqa: PLC0415

        return DocumentReport(report)
    return report
