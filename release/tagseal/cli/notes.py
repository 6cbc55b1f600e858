"""``tagseal notes``: the notes as they would be rendered for a tag."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "notes",
        help="print the notes for a tag",
        description="Print the release notes for a tag, with the files of dist/<tag>/ or else with planned names.",
    )
    parser.add_argument("--tag", help="default: the tag that fits the project's version")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.project.preview import notes  # noqa: PLC0415 - templates and parsers

    sys.stderr.write("tagseal: names, sizes and digests of the files are placeholders until they are built\n")
    report.page(notes(Path.cwd(), options.tag, report.say).rstrip())
    return 0, None
