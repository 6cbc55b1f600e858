"""``tagseal doctor [FILE…]``: what would go wrong, seen before the tag is pushed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tagseal.project.doctor import DoctorRow
    from tagseal.report.plain import Report

_GOOD = {"ok": True, "warning": None, "error": False}
_WRONG = 2


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "doctor",
        help="show what would go wrong in a release, before a tag is pushed",
        description="Look at the project, or at these workflow files, ours or not. What is wrong is told by rule, "
        "errors first, each with what to do and its places; then what is ok, and what was not looked at. In a workflow "
        "that runs no verb of ours only what loses or leaks a release is an error. Nothing is changed. Ends with 2 "
        "where there is an error, else with 0.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a workflow; default: all that can release")
    parser.add_argument("--offline", action="store_true", help="ask nobody on the network")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.names import number_of  # noqa: PLC0415 - with what follows
    from tagseal.project.doctor import examine  # noqa: PLC0415 - a YAML parser and the configuration
    from tagseal.report.plain import WHAT  # noqa: PLC0415 - has been imported by whoever reports

    seen = examine(Path.cwd(), options.files, os.environ, offline=options.offline)
    good = [row for row in seen.rows if row.level == "ok"]
    width = max([WHAT, len("warning"), *(len(row.check) for row in good)])
    for group in _groups(seen.rows):
        _tell(group, report, width)
    for row in good:
        report.row(row.check, _GOOD[row.level], row.text, width=width)
    if seen.unchecked:
        report.line(f"Not looked at: {', '.join(seen.unchecked)}")
    errors, warnings = (sum(row.level == level for row in seen.rows) for level in ("error", "warning"))
    report.line(f"{number_of(errors, 'error')}, {number_of(warnings, 'warning')}")
    code = _WRONG if errors else 0
    rows = [dataclasses.asdict(row) for row in seen.rows]
    return code, {"ok": not errors, "exit": code, "rows": rows, "unchecked": list(seen.unchecked)}


def _groups(rows: Sequence[DoctorRow]) -> list[list[DoctorRow]]:
    """Return what is wrong, by rule, errors first, each rule's findings by file and line."""
    groups: dict[tuple[str, str, str], list[DoctorRow]] = {}
    for row in rows:
        if row.level != "ok":
            groups.setdefault((row.level, row.slug, row.fix), []).append(row)
    worst_first = sorted(groups.values(), key=lambda group: group[0].level != "error")
    return [sorted(group, key=lambda row: (row.file, row.line, row.column)) for group in worst_first]


def _tell(group: Sequence[DoctorRow], report: Report, width: int) -> None:
    """Tell one rule: its name and what to do once, then each place with what was found there."""
    first = group[0]
    report.row(first.level, _GOOD[first.level], f"{first.slug}: {first.fix}" if first.fix else first.slug, width=width)
    for row in group:
        report.detail(row.text, width=width)
        if row.file and row.level != "ok":
            place = {"file": row.file, "line": row.line, "col": row.column}
            report.finding(row.level, row.slug, f"{row.text}. {row.fix}" if row.fix else row.text, place)
