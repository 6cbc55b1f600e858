"""Which jobs a pushed tag, or a release, can start: by the filters of events, by ``if``, and through callers.

Source: "Events that trigger workflows", "Reusing workflow configurations" and "Using jobs in a workflow". Whatever
an ``if`` asks that is not known beforehand may be either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from tagseal.workflow.evaluate import possible
from tagseal.workflow.filters import passes, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.workflow.document import Workflow, WorkflowJob

_LEVELS = 10
"""Workflows that call one another, as GitHub allows them."""
_SAMPLES = 8
"""Tags that are tried where nobody says how the project tags."""
_USUAL = "v1.2.3"
_LITERAL = re.compile(r"'(?:refs/tags/)?([\w./-]*)'", re.ASCII)
_WHATEVER = re.compile(r"\b(?:always|failure|cancelled)\s*\(")
"""Functions that let a job run after one that was skipped."""
_LOCAL = re.compile(r"[.$]/(\.github/workflows/[^/@]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRun:
    """A run that may begin on a tag, and the jobs that it may start."""

    event: Literal["push", "release"]
    tag: str
    jobs: Mapping[str, frozenset[str]]
    """By the path of their workflow."""
    repository: str | None = None
    """OWNER/REPO; None where nobody says."""

    def may(self, condition: str) -> bool:
        """Tell whether an ``if`` can hold in it."""
        return _may(condition, _contexts(self.event, self.tag, self.repository))

    def has(self, workflow: Workflow, job: WorkflowJob) -> bool:
        """Tell whether it may start a job."""
        return job.id in self.jobs.get(workflow.path, frozenset())


def tag_runs(
    workflows: Sequence[Workflow], event: Literal["push", "release"], tag: str | None, repository: str | None = None
) -> tuple[TagRun, ...]:
    """Return the runs that an event may begin: on a tag of the project's, or on whatever the files speak of."""
    tags = (tag,) if tag is not None else tuple(islice(dict.fromkeys(_samples(workflows)), _SAMPLES))
    return tuple(
        TagRun(
            event=event,
            tag=name,
            jobs=_started(workflows, event, name, _contexts(event, name, repository)),
            repository=repository,
        )
        for name in tags
    )


def called_path(job: WorkflowJob) -> str:
    """Return the path of the workflow of this checkout that a job calls; empty for another one's, or none."""
    found = _LOCAL.fullmatch(job.uses)
    return found[1] if found else ""


def _samples(workflows: Sequence[Workflow]) -> Iterator[str]:
    """Yield tags that filters take, and such as conditions speak of."""
    for workflow in workflows:
        push = workflow.at.below("on").get("push")
        patterns = push.entries["tags"].words if push and "tags" in push.entries else ()
        yield from filter(None, (sample(pattern) for pattern in patterns if not pattern.startswith("!")))
    yield _USUAL
    for workflow in workflows:
        for job in workflow.jobs:
            for condition in (job.condition, *(step.condition for step in job.steps)):
                if "github.ref" in condition:
                    yield from (f"{word}{_USUAL.lstrip('v')}" for word in _LITERAL.findall(condition))


def _started(
    workflows: Sequence[Workflow], event: Literal["push", "release"], tag: str, contexts: Mapping[str, Any]
) -> dict[str, frozenset[str]]:
    """Return the jobs that may run, by workflow: those of files that the event starts, and of those that they call."""
    known = {workflow.path: workflow for workflow in workflows}
    found: dict[str, frozenset[str]] = {}
    begun = {workflow.path for workflow in workflows if _begins(workflow, event, tag)}
    for _ in range(_LEVELS):
        found |= {path: _running(known[path], contexts) for path in begun - found.keys()}
        called = {called_path(job) for path in begun for job in known[path].jobs if job.id in found[path]}
        if called & known.keys() <= begun:
            break
        begun |= called & known.keys()
    return found


def _begins(workflow: Workflow, event: Literal["push", "release"], tag: str) -> bool:
    """Tell whether an event on a tag starts a workflow itself."""
    starts = workflow.starts
    if event == "release":
        return starts.release
    on = workflow.at.below("on")
    push = on["push"].entries if "push" in on else {}
    taken, ignored = (push[key].words if key in push else () for key in ("tags", "tags-ignore"))
    passed = not taken or passes(taken, tag)
    return ("`create`" in starts.others) or (starts.tags and passed and not passes(ignored, tag))


def _running(workflow: Workflow, contexts: Mapping[str, Any]) -> frozenset[str]:
    """Return the jobs of a started workflow that may run: a job that is skipped takes those along that wait for it."""
    left = {job.id: job for job in workflow.jobs if _may(job.condition, contexts)}
    known = {job.id for job in workflow.jobs}
    while skipped := [
        job.id
        for job in left.values()
        if any(name in known and name not in left for name in job.needs) and not _WHATEVER.search(job.condition)
    ]:
        for name in skipped:
            del left[name]
    return frozenset(left)


def _contexts(event: str, tag: str, repository: str | None) -> dict[str, Any]:
    """Return what is known of a run; ``if`` may ask for more."""
    known: dict[str, Any] = {
        "event_name": event,
        "ref": f"refs/tags/{tag}",
        "ref_name": tag,
        "ref_type": "tag",
        "event": {},
    }
    if repository is not None:
        known |= {"repository": repository, "repository_owner": repository.partition("/")[0]}
    if event == "push":
        known["event"] = dict.fromkeys(("action", "release", "pull_request", "inputs", "workflow_run"))
    return {"github": known}


def _may(condition: str, contexts: Mapping[str, Any]) -> bool:
    return True in possible(condition, contexts)
