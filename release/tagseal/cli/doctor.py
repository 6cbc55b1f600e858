"""``tagseal doctor [FILE…]``: what would go wrong, seen before the tag is pushed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report

_GOOD = {"ok": True, "warning": None, "error": False}
_WRONG = 2


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "doctor",
        help="show what would go wrong in a release, before a tag is pushed",
        description="Look at the project, or at these workflow files, ours or not: each line is ok, a warning or an "
        "error, with its place and what to do. Nothing is changed. Ends with 2 where there is an error, else with 0.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a workflow; default: all that can release")
    parser.add_argument("--offline", action="store_true", help="ask nobody on the network")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.project.doctor import examine  # noqa: PLC0415 - a YAML parser and the configuration

    rows = examine(Path.cwd(), options.files, os.environ, offline=options.offline)
    for row in rows:
        slug = f" [{row.slug}]" if row.slug else ""
        fix = f". {row.fix}" if row.fix else ""
        report.row(row.check if row.level == "ok" else row.level, _GOOD[row.level], f"{row.text}{fix}{slug}")
        if row.file and row.level != "ok":
            place = {"file": row.file, "line": row.line, "col": row.column}
            report.finding(row.level, row.slug, f"{row.text}{fix}", place)
    errors, warnings = (sum(row.level == level for row in rows) for level in ("error", "warning"))
    report.line(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    code = _WRONG if errors else 0
    return code, {"ok": not errors, "exit": code, "rows": [dataclasses.asdict(row) for row in rows]}
