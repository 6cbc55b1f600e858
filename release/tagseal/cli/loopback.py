"""``tagseal loopback -- COMMAND``: run any command where production names lead to the loopback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.cli import extra, faults, interrupts, logs
from tagseal.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "loopback",
        help="run any command against played production services",
        description="Run any command where GitHub's and Sigstore's production names lead to this machine.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path("dist/loopback"),
        help="default: dist/loopback; gets a transcript",
    )
    logs.add_option(parser)
    faults.add_option(parser)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="behind `--`: the command and its arguments")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    extra.require_rehearse("loopback")
    if faults.wants_list(options):
        return faults.tell_list(report)
    if not options.command:
        raise UsageError(
            "got no command behind `--`, expected the one that is to run in the loopback",
            hint="`tagseal loopback -- gh release list` runs gh there.",
            slug="no-command",
        )

    from tagseal.rehearsal import environment  # noqa: PLC0415

    environment.reexec_in(environment.terminal(os.environ))
    with interrupts.at_once():
        from tagseal.rehearsal.command import run_command  # noqa: PLC0415 - starts servers

    code = run_command(
        tuple(options.command), out=options.out, log=options.log, faults=tuple(options.fault), tell=report.line
    )
    return code, None
