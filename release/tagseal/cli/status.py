"""``tagseal status TAG``: what there is for a tag, and what comes next."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import printable, safe_tag

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


PATIENCE = 20
"""Seconds at most: a person looks on, and nothing is lost by asking again."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "status",
        help="show the state of a release, and the next step",
        description="Tell what there is for a tag: at the remote, in the release, in dist/<tag>/; and what comes next. "
        "Nothing is changed. Drafts are seen with the GH_TOKEN of somebody who may push.",
    )
    parser.add_argument("tag", metavar="TAG", help="such as v1.2.3; it need not exist")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    tag = safe_tag(options.tag)
    from tagseal.cli.verbs import services  # noqa: PLC0415 - configuration
    from tagseal.project.status import status  # noqa: PLC0415 - sigstore and PyGithub

    given = services(Path.cwd(), tag, report)
    hasty = dataclasses.replace(given.settings, wait=min(given.settings.wait, PATIENCE))
    found = status(tag, services=dataclasses.replace(given, settings=hasty, writes=False))
    report.line(f"{found.repository} · tag {found.tag} · {found.identity.partition('/.github/workflows/')[2]}")
    for row in found.rows:
        report.row(row.what, row.good, f"{row.name}: {row.text}" if row.name else row.text)
    report.line(printable(f"Next: {found.next}"))
    return 0, dataclasses.asdict(found)
