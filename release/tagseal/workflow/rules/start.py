"""What starts a release, and under which name."""

# ruff: noqa: ARG001 - every rule takes the same two values, for they are called as data

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.workflow.acts import can_act
from tagseal.workflow.filters import passes
from tagseal.workflow.rules import Hit, hit, place
from tagseal.workflow.shell_lines import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow, WorkflowJob
    from tagseal.workflow.finding import Level
    from tagseal.workflow.rules import ProjectFacts

_OF_TAGS = re.compile(
    r"refs/tags|ref_type|github\.event_name\s*==\s*'release'|github\.event\.action\s*==\s*'published'"
)
_NO_VERSION = "nightly"
"""A tag that names no version: a filter that takes it takes whatever is pushed."""


def branch_can_sign(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find events that are on a branch, in a workflow with a job that then signs or publishes."""
    signers = [job for job in workflow.jobs if can_act(job) and not _only_tags(workflow, job)]
    starts = workflow.starts
    if not signers or not starts.at_tags:
        return
    jobs = ", ".join(show(job.id) for job in signers)
    events = {"push": starts.branches, "workflow_dispatch": starts.by_hand}
    events |= {name.strip("`"): True for name in starts.others if name != "`create`"}
    for event, so in events.items():
        if so:
            level: Level | None = "warning" if event == "workflow_dispatch" else None
            yield hit(place(workflow, "on", event), f"`{event}` can start {jobs} on a branch", level)


def _only_tags(workflow: Workflow, job: WorkflowJob) -> bool:
    """Tell whether the job, or one that it waits for, looks at the ref: in ``if``, or with the guard."""
    line = (job, *workflow.before(job))
    asked = any(_OF_TAGS.search(one.condition) for one in line)
    return asked or any(
        re.search(r"\b(?:nox|tagseal)\b.*\bguard\b", commands(step)) for one in line for step in one.steps
    )


def tag_not_matched(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find a filter of tags that the project's own tags do not pass."""
    at = place(workflow, "on", "push", "tags")
    if known.tag and (found := filters(workflow)) and not passes(found, known.tag):
        yield hit(at, f"the tag {show(known.tag)} of this project passes none of {', '.join(map(show, found))}")


def trigger_too_wide(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find a filter of tags that takes whatever tag is pushed."""
    if (found := filters(workflow)) and passes(found, _NO_VERSION):
        yield hit(place(workflow, "on", "push", "tags"), f"{', '.join(map(show, found))} takes any tag")


def filters(workflow: Workflow) -> tuple[str, ...]:
    """Return the patterns of the tags whose push starts a workflow; none where any does, or no push does."""
    at = place(workflow, "on", "push", "tags")
    push = workflow.at.entries["on"].get("push") if workflow.at.get("on") else None
    return at.words if push is not None and at is push.get("tags") else ()


def callable_signs(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find a signing workflow that others may call."""
    if workflow.starts.callable and any(job.may("id-token") for job in workflow.jobs):
        yield hit(
            place(workflow, "on", "workflow_call"), "`workflow_call` lets another repository sign under this name"
        )


def pull_request_target(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find the event that runs with the repository's rights for a stranger's pull request."""
    if "`pull_request_target`" in workflow.starts.others:
        yield hit(
            place(workflow, "on", "pull_request_target"), "`pull_request_target` gives a stranger's pull request rights"
        )


def identity_file(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find a file name that is not the documented identity, and commands that name another file."""
    if known.documented and workflow.file not in known.documented and any(map(can_act, workflow.jobs)):
        names = ", ".join(map(show, known.documented))
        yield hit(workflow.at, f"this file is {show(workflow.file)}, and the documented identity is {names}")
    for job in workflow.jobs:
        for step in job.steps:
            at = step.at.get("run")
            for number, text in at.lines() if at else ():
                for name in re.findall(r"github\.repository[^/]*/\.github/workflows/([\w.-]+\.ya?ml)@", text):
                    if name != workflow.file:
                        what = f"a command names the identity of {show(name)}, and this file is another"
                        yield Hit(line=number, column=1, what=what)
