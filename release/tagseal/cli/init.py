"""``tagseal init``: what a project needs for its release, written once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import printable

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report

_GOOD = {"write": True, "add": True, "replace": True, "same": True, "differs": None}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "init",
        help="write the release workflow, and what it needs",
        description="Look at this project and write what releases it: workflow, hash-locked requirements, sessions, a "
        "job that rehearses pull requests, the guide. Nothing is written over, and a second run changes nothing.",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--diff", action="store_true", help="write nothing, and show what would be")
    instead.add_argument("--map", action="store_true", help="write nothing, and show what releases this project today")
    parser.add_argument(
        "--replace-workflow",
        action="store_true",
        help="let the new workflow take the old one's place; its file name and its environment are kept",
    )
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="keep this wheel of Tagseal under .github/")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.project.init import Options, init, look  # noqa: PLC0415 - templates, YAML and the configuration

    if options.map:
        from tagseal.report import release_map  # noqa: PLC0415 - a YAML parser

        found = look(Path.cwd(), os.environ).map
        report.page(release_map.table(found))
        return 0, {"ok": True, "map": release_map.document(found)}
    asked = Options(replace=options.replace_workflow, wheel=options.wheel, write=not options.diff)
    result = init(Path.cwd(), asked, os.environ)
    for change in result.changes:
        if options.diff and _GOOD[change.state] and change.state != "same":
            report.line(f"would {change.state}: {change.path}")
        else:
            report.row(change.state, _GOOD[change.state], change.path)
        if change.state == "differs" or options.diff:
            for line in change.diff:
                report.line(f"  {printable(line)}")
    for text in result.advice:
        report.remark(text)
    if any(change.state in {"write", "add", "replace"} for change in result.changes):
        report.line("Next: `tagseal doctor`, then `tagseal rehearse --workflow`, then commit all of it")
    return 0, {
        "ok": True,
        "files": [{"path": change.path, "state": change.state, "diff": change.diff} for change in result.changes],
        "advice": result.advice,
    }
