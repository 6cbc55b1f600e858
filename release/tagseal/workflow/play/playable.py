"""What of a workflow file cannot be played, found before anything of it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.workflow.evaluate import check as checked
from tagseal.workflow.play import actions
from tagseal.workflow.play.action import name_place
from tagseal.workflow.play.shells import SHELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow, WorkflowJob
    from tagseal.workflow.tree import PlacedValue

_OF_A_JOB = {
    "strategy": "a matrix",
    "services": "services",
    "container": "a container",
    "uses": "a reusable workflow",
    "snapshot": "a snapshot",
}
_OTHER_SYSTEMS = ("windows", "macos")
_NUMBER = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?", re.ASCII)
_OTHERS = "A release has one job of each kind: let another workflow do this, and rehearse this one without it."


def check(workflow: Workflow) -> None:
    """Refuse a workflow that cannot be played as it is written.

    Raises:
        UsageError: The file is broken, or has what is not played; the first place counts.
    """
    if broken := [problem for problem in workflow.problems if problem.level == "error"]:
        raise UsageError(
            f"got a workflow that GitHub would not run: {broken[0].place}: {broken[0].what}",
            context=tuple(f"{one.place}: {one.what}" for one in broken[1:10]),
            hint=f"{broken[0].hint} `tagseal doctor {workflow.path}` tells it again.",
            slug="workflow-broken",
        )
    _expressions(workflow)
    for error in _shell(workflow, workflow.at):
        raise error
    for job in workflow.jobs:
        for error in (*_job(workflow, job), *_steps(workflow, job)):
            raise error


def _expressions(workflow: Workflow) -> None:
    for key, at in workflow.at.walk():
        with name_place(workflow.path, at):
            checked(at.text, condition=key == "if")


def _job(workflow: Workflow, job: WorkflowJob) -> Iterator[UsageError]:
    for name, what in _OF_A_JOB.items():
        if at := job.at.get(name):
            yield UsageError(
                f"{workflow.path}:{at.line}: got {what} in the job {show(job.id)}, expected steps alone",
                hint=_OTHERS,
                slug="job-not-played",
            )
    for label in job.runs_on:
        if label.lower().startswith(_OTHER_SYSTEMS):
            yield UsageError(
                f"{workflow.path}:{job.at.entries['runs-on'].line}: got the runner {show(label)} for the job "
                f"{show(job.id)}, expected one with Linux",
                hint=_OTHERS,
                slug="runner-not-played",
            )
    if "${{" in job.environment:
        yield UsageError(
            f"{workflow.path}:{job.at.entries['environment'].line}: got {show(job.environment)} for the environment "
            f"of the job {show(job.id)}, expected a name",
            hint="Write the name: the index trusts one environment, and the identity that signs may name it.",
            slug="environment-not-played",
        )
    yield from _timeout(workflow, job.at)
    yield from _shell(workflow, job.at)


def _timeout(workflow: Workflow, at: PlacedValue) -> Iterator[UsageError]:
    said = at.get("timeout-minutes")
    if said and not _NUMBER.fullmatch(said.text):
        yield UsageError(
            f"{workflow.path}:{said.line}: got timeout-minutes {show(said.text)}, expected a number",
            hint="Write minutes as a plain number.",
            slug="timeout-not-played",
        )


def _shell(workflow: Workflow, at: PlacedValue) -> Iterator[UsageError]:
    said = at.say("shell") or at.say("defaults", "run", "shell")
    if said not in SHELLS:
        yield UsageError(
            f"{workflow.path}:{at.line}: got the shell {show(said)}, expected bash, sh, python or none",
            hint="Take `shell` out: a runner on Linux has bash.",
            slug="shell-not-played",
        )


def _steps(workflow: Workflow, job: WorkflowJob) -> Iterator[UsageError]:
    for step in job.steps:
        if step.uses:
            yield from actions.problems(step, workflow.path)
        if bool(step.uses) == bool(step.run):
            yield UsageError(
                f"{workflow.path}:{step.at.line}: got a step with {'both' if step.uses else 'neither'} of `uses` and "
                "`run`, expected one",
                hint="Correct the step: GitHub refuses the file.",
                slug="step-not-played",
            )
        yield from _shell(workflow, step.at)
        yield from _timeout(workflow, step.at)
