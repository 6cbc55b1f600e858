"""``tagseal guide``: the page that tells strangers how to verify, printed, written or held against the kept one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "guide",
        help='print the page "Verifying signed artifacts"',
        description='Print the page "Verifying signed artifacts" for your documentation, in Markdown.',
    )
    parser.add_argument("--tag", help="write this release's names; default: `<tag>` and `<version>` stand for them")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", type=Path, metavar="FILE", help="write the page there; FILE.rst: in reStructuredText")
    target.add_argument("--check", type=Path, metavar="FILE", help="fail if this page of the project has drifted")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.project import guide  # noqa: PLC0415 - templates and parsers

    if options.check:
        guide.check(Path.cwd(), options.tag, options.check)
        report.line(f"{options.check} is what the project renders now")
    elif options.out:
        guide.write(Path.cwd(), options.tag, options.out)
        report.line(f"written: {options.out}")
    else:
        report.page(guide.page(Path.cwd(), options.tag).rstrip())
    return 0, None
