"""The nine verbs, ``run`` for several of them, and ``release`` for all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine import actions
from tagseal.names import printable
from tagseal.pipeline import VERBS, foreseen, run, steps_of
from tagseal.steps import Services
from tagseal.steps.guard import tag_of
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tagseal.report.plain import Report

_HELP = {
    "guard": "refuse every run that is not on a tag",
    "plan": "decide names, version and notes, and list what cannot be undone",
    "build": "build the wheel and the sdist, or collect what earlier jobs built",
    "check": "compare the files with the plan",
    "sign": "sign every file with Sigstore",
    "upload": "converge one draft release to the signed files and the notes",
    "prove": "execute the notes' commands on the draft, then attack it",
    "publish": "make the proven draft public",
    "witness": "execute the notes' commands as a stranger",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs' parsers."""
    for verb in VERBS:
        parser = commands.add_parser(verb, help=_HELP[verb], description=f"{_HELP[verb][0].upper()}{_HELP[verb][1:]}.")
        _common(parser)
        parser.set_defaults(run=_run, verbs=(verb,))
        if verb == "upload":
            parser.add_argument("--plan", action="store_true", help="print what it would do now, and change nothing")
            parser.set_defaults(run=_upload)
    parser = commands.add_parser("run", help="run several verbs in order", description="Run several verbs in order.")
    parser.add_argument("verbs", nargs="+", metavar="VERB", help=f"some of {' '.join(VERBS)}")
    _common(parser)
    parser.set_defaults(run=_run)
    parser = commands.add_parser(
        "release",
        help="run all nine, except where an identity is near",
        description="Run all nine verbs. Refused in a job with `id-token: write`, for the build would run there.",
    )
    _common(parser)
    parser.set_defaults(run=_run, verbs=VERBS)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    verbs: Sequence[str] = tuple(options.verbs)
    steps_of(verbs)
    event = actions.event(os.environ)
    tag = tag_of(event)
    run(verbs, event, services=services(Path.cwd(), tag, report), watcher=report)
    return 0, None


def _upload(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    if not options.plan:
        return _run(options, report)
    event = actions.event(os.environ)
    found = foreseen(event, services=services(Path.cwd(), tag_of(event), report), watcher=report)
    for text in found.remarks:
        report.remark(text)
    for text in found.lines() or ("nothing is to be done",):
        report.line(printable(text))
    return 0, {"acts": found.lines(), "remarks": found.remarks}


def services(folder: Path, tag: str, report: Report) -> Services:
    """Return the services for the checkout that ``folder`` is in."""
    from tagseal import config  # noqa: PLC0415 - pydantic
    from tagseal.machine.git import Git  # noqa: PLC0415

    root = Git.at(folder, os.environ).root
    settings = config.load(root)
    config.not_yet(settings)
    return Services(
        root=root,
        settings=settings,
        work=Workspace.of(root, tag),
        environ=dict(os.environ),
        loopback=actions.loopback(os.environ),
        say=report.say,
        waiting=report.waiting,
        remark=report.remark,
    )
