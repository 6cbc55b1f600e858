"""``tagseal rehearse``: the whole release, on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.cli import extra, faults, interrupts, logs

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


_OWN = Path()
"""Stands for the file that is not named."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "rehearse",
        help="rehearse the whole release on this machine",
        description="Play the whole release on this machine: the shipped commands, against production names. Ends with "
        "0 for READY, and with 2 for NOT YET and for BROKEN: `tagseal rehearse && git push origin TAG` is safe.",
    )
    parser.add_argument("path", nargs="?", type=Path, default=Path(), metavar="PATH", help="a git project")
    parser.add_argument("--project", metavar="DIR", help="the folder to build, for a repository with several")
    parser.add_argument("--tag", help="default: the tag that fits the project's version")
    parser.add_argument("--packages", type=Path, metavar="DIR", help="take packages from here instead of building")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: dist/rehearsal in the project")
    parser.add_argument("--serve", action="store_true", help="show the release page in a browser, until Ctrl-C")
    parser.add_argument(
        "--workflow",
        nargs="?",
        type=Path,
        const=_OWN,
        metavar="FILE",
        help="play a workflow as it is written, with the permissions that it grants, instead of the usual jobs; "
        "default: the one that signs this project's releases",
    )
    parser.add_argument(
        "--trust-workflow",
        action="store_true",
        help="let the shell lines of a FILE that is not of this checkout run here: as you, with your files and your "
        "network",
    )
    parser.add_argument(
        "--allow-not-yet",
        action="store_true",
        help="end with 0 also where something is still to do before the tag: for the job of pull requests",
    )
    logs.add_option(parser)
    faults.add_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run, interrupted="interrupted: what an earlier rehearsal left is still there")


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    extra.require_rehearse("rehearse")
    if faults.wants_list(options):
        return faults.tell_list(report)

    from tagseal.rehearsal import environment  # noqa: PLC0415

    if "ACTIONS_ID_TOKEN_REQUEST_TOKEN" in os.environ:
        sys.stderr.write("tagseal: this step's shell can ask for an identity: rehearse without `id-token: write`\n")
    # A build back end can read the environment of every process of its user: ours must hold nothing first.
    environment.reexec_in(environment.clean_environment(os.environ))
    with interrupts.at_once():
        from tagseal.rehearsal.rehearse import RehearsalRequest, rehearse  # noqa: PLC0415 - starts servers

    request = RehearsalRequest(
        path=options.path.resolve(),
        project=options.project,
        tag=options.tag,
        packages=options.packages.resolve() if options.packages else None,
        out=options.out.absolute() if options.out else None,
        serve=options.serve,
        log=options.log,
        faults=tuple(options.fault),
        workflow=options.workflow is not None,
        file=options.workflow if options.workflow != _OWN else None,
        trusted=options.trust_workflow,
        allow_not_yet=options.allow_not_yet,
    )
    return rehearse(request, tell=report.line, say=report.say, pause=report.pause)
