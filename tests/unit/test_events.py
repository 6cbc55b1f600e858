"""events: what a child of a rehearsal tells its parent, as values."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tagseal.errors import Refused
from tagseal.machine.actions import EVENTS, TRUST_CONFIG
from tagseal.records import Identity, Plan, Tag, from_json
from tagseal.rehearsal import child
from tagseal.report import choose
from tagseal.report.events import EventKind, Failure, ReportEvent, events_file
from tagseal.report.plain import error_lines
from tagseal.report.sentences import About

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tagseal.loopback.faults import Faults

IDENTITY = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/v1.2.3")
TAG = Tag(name="v1.2.3", commit="4f2c1e9" * 5 + "4f2c1", identity=IDENTITY, private=False, unchecked=("the token",))
ERROR = Refused("got this\x1b[2J", context=("one\ntwo",), hint="Do that.", slug="not-a-tag")
TELLS = """
import os
with open(os.environ["TAGSEAL_EVENTS"], "a") as file:
    file.write('{"kind": "remark", "text": "one"}\\n')
    file.write('error: got this\\n{"kind": "shout"}\\n{"kind": "line", "text": 7}\\n[]\\n\\xff\\n')
    file.write('{"kind": "failed", "failure": {"slug": "s", "what": "w", "context": ["c"], "hint": "h", "exit": 3}}\\n')
    file.write('{"kind": "remark", "text": "cut')
print("error: got that\\nmore:  https://example.invalid#s (exit 9)")
raise SystemExit(1)
"""


def inside(file: Path) -> Mapping[str, str]:
    """Return the environment of a child of a rehearsal."""
    return {EVENTS: str(file), TRUST_CONFIG: "/trust.json", "HTTPS_PROXY": "http://127.0.0.1:1234"}


def read(file: Path) -> list[ReportEvent]:
    return [from_json(ReportEvent, line) for line in file.read_bytes().splitlines()]


def test_a_child_tells_what_happens_as_values(
    tmp_path: Path, plan: Callable[..., Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps, what to know besides, pauses, other lines and the error; what is printed stays as it is."""
    planned = plan(irreversible=("the log keeps it",))
    for environ in ({}, inside(tmp_path / "events.jsonl")):
        report = choose(environ)
        report.begin("guard")
        report.finish("guard", TAG, 1.25)
        report.finish("plan", planned, 1.25)
        report.remark("take care")
        report.waiting("GitHub failed", 60.5)
        report.waiting("GitHub failed", 60.5)
        report.line("interrupted")
        report.fail(ERROR)
        report.close()
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(printed) // 2] == printed[len(printed) // 2 :]
    guard, unchecked, step, irreversible, *rest = read(tmp_path / "events.jsonl")
    assert guard == ReportEvent(kind=EventKind.step, verb="guard", text=printed[0])
    assert unchecked == ReportEvent(kind=EventKind.aside, verb="guard", about=About.unseen, text=printed[1])
    assert (step.kind, step.verb, step.text) == (EventKind.step, "plan", printed[2])
    assert irreversible == ReportEvent(kind=EventKind.aside, verb="plan", about=About.irreversible, text=printed[3])
    failure = Failure(slug="not-a-tag", what=ERROR.what, context=ERROR.context, hint="Do that.", exit=3)
    assert rest == [
        ReportEvent(kind=EventKind.remark, text="note:    take care"),
        ReportEvent(kind=EventKind.pause, text="GitHub failed", seconds=60.5),
        ReportEvent(kind=EventKind.line, text="interrupted"),
        ReportEvent(kind=EventKind.failed, text="\n".join(error_lines(ERROR)), failure=failure),
    ]


@pytest.mark.parametrize("lacking", [EVENTS, TRUST_CONFIG, "HTTPS_PROXY"])
def test_nothing_is_told_outside_of_the_loopback(tmp_path: Path, lacking: str) -> None:
    """A variable alone makes no release write to a file; half a loopback is for the command to refuse."""
    environ = inside(tmp_path / "events.jsonl")
    assert events_file(environ) == tmp_path / "events.jsonl"
    choose({name: value for name, value in environ.items() if name != lacking}).line("told")
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_gone_fails_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether somebody listens changes nothing."""
    choose(inside(tmp_path / "gone" / "events.jsonl")).line("told")
    assert capsys.readouterr().out == "told\n"


@pytest.mark.system
def test_only_events_are_told_and_nothing_is_read_out_of_the_log(tmp_path: Path) -> None:
    """Any program of a job can write there, and print what looks like ours: what is no event is left out."""
    told: list[ReportEvent] = []
    faults = cast("Faults", SimpleNamespace(kill=bool))
    argv = [sys.executable, "-c", TELLS]
    ended = child.run(argv, cwd=tmp_path, environ=os.environ, log=tmp_path / "log.txt", faults=faults, tell=told.append)
    failure = Failure(slug="s", what="w", context=("c",), hint="h", exit=3)
    assert told == [ReportEvent(kind=EventKind.remark, text="one"), ReportEvent(kind=EventKind.failed, failure=failure)]
    assert (ended.code, ended.events, ended.failures) == (1, 2, (failure,))
    assert ended.last == ("error: got that", "more:  https://example.invalid#s (exit 9)")
    ended.show_output(told.append)
    assert told[2:] == [ReportEvent(kind=EventKind.output, text=f"  | {line}") for line in ended.last]
