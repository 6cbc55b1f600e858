"""Jobs in their order: which one starts, with what, and what it leaves to the others.

Source: "Workflow syntax for GitHub Actions", ``jobs``. Jobs are played one after the other, in the file's order where
``needs`` leaves a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tagseal.workflow.evaluate import fill, holds
from tagseal.workflow.play import steps
from tagseal.workflow.play.action import name_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.workflow.document import Workflow, WorkflowJob
    from tagseal.workflow.evaluate import Status
    from tagseal.workflow.play.steps import StepResult, World

Outcome = Literal["success", "failure", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """A job that is over."""

    result: Outcome
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepResult, ...] = ()

    @property
    def context(self) -> dict[str, Any]:
        """What ``needs`` says of it."""
        return {"result": self.result, "outputs": dict(self.outputs)}


_OF_A_CONDITION = frozenset(("github", "vars", "inputs"))
"""What the ``if`` of a job can name, besides ``needs``."""
SKIPPED = JobResult(result="skipped")


def in_order(workflow: Workflow) -> Iterator[WorkflowJob]:
    """Yield the jobs, each behind those that it needs."""
    left = list(workflow.jobs)
    done: set[str] = set()
    while left:
        ready = next(job for job in left if done.issuperset(job.needs))
        left.remove(ready)
        done.add(ready.id)
        yield ready


def begins(workflow: Workflow, job: WorkflowJob, results: Mapping[str, JobResult], contexts: Mapping[str, Any]) -> bool:
    """Tell whether a job is played, after those that it needs.

    Raises:
        UsageError: Its condition cannot be evaluated.
    """
    before = [results[one.id].result for one in workflow.before(job)]
    direct = [results[name].result for name in job.needs]
    status: Status = "failure" if "failure" in before else "skipped" if "skipped" in direct else "success"
    there = {name: contexts[name] for name in contexts if name in _OF_A_CONDITION}
    with name_place(workflow.path, job.at.entries.get("if", job.at)):
        return holds(job.condition, {**there, "needs": _needs(job, results)}, status)


def play(
    workflow: Workflow, job: WorkflowJob, results: Mapping[str, JobResult], contexts: Mapping[str, Any], world: World
) -> JobResult:
    """Play the steps of one job.

    Raises:
        UsageError: Something in it cannot be played or evaluated.
    """
    known = {**contexts, "needs": _needs(job, results), "env": {}}
    for scope in (workflow.at, job.at):
        known["env"] = {**known["env"], **steps.environ(scope, known, workflow.path)}
    ended, status = steps.play(workflow, job, known, world)
    known["steps"] = steps.contexts(ended)
    outputs = {}
    for name, written in job.at.below("outputs").items():
        with name_place(workflow.path, written):
            outputs[name] = fill(written.text, known)
    with name_place(workflow.path, job.at):
        continues = status == "success" or steps.truth(job.continues, known)
    result: Outcome = "success" if continues else "failure"
    return JobResult(result=result, outputs=outputs, steps=ended)


def _needs(job: WorkflowJob, results: Mapping[str, JobResult]) -> dict[str, Any]:
    return {name: results[name].context for name in job.needs}
