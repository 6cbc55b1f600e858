"""The map of what releases a project today: every job of every workflow, when it starts, and what it does.

Who reads it decides: it judges nothing, executes nothing, and asks nobody. What it says of a job is told by the words
of the file (:mod:`tagseal.workflow.release_tools`); an ``if`` counts as far as a pushed tag decides it.

1. Find which jobs a pushed tag can start, and which a release; a workflow of the checkout that is called starts with
   its caller.
2. Give each job its roles, by what its steps call and by what it waits for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.names import printable
from tagseal.records import WORKFLOWS
from tagseal.workflow import document
from tagseal.workflow.acts import job_verbs
from tagseal.workflow.identity import held
from tagseal.workflow.publications import (
    GivenInputs,
    MappedPublication,
    PublishingJob,
    hidden_publication,
    resolve,
)
from tagseal.workflow.release_jobs import MappedAct, MappedJob, ReleaseMap, UnreadWorkflow
from tagseal.workflow.release_tools import Role, ToolCall, calls, is_called_release
from tagseal.workflow.signing import files
from tagseal.workflow.tag_runs import called_path, tag_runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.tag_runs import TagRun
    from tagseal.workflow.tree import PlacedValue

_FIRST = frozenset((Role.publishes, Role.releases, Role.pushes))
"""What another job can come after."""
_KEPT = frozenset(("actions/upload-artifact", "actions/cache/save"))
"""Actions that keep what a job built."""
_OF_RELEASE = re.compile(r"release|published")
_FILTERS = {
    "push": {
        "tags": "pushed tags",
        "tags-ignore": "pushed tags but",
        "branches": "pushed branches",
        "branches-ignore": "pushed branches but",
    },
    "release": {"types": "release"},
    "workflow_run": {"workflows": "after the workflow"},
}
"""Filters that are put into words, by event."""
_LONGEST = 60
"""Characters of a pattern that are shown."""
_SHOWN = 10
"""Events, and patterns of one, that are put into words."""


def release_map(workflows: Sequence[Workflow], tag: str | None = None, repository: str | None = None) -> ReleaseMap:
    """Return the map of a checkout's workflows.

    Args:
        workflows: All of them, however broken.
        tag: Such a tag as the project pushes; None where that is not known, and any that a filter takes counts.
        repository: OWNER/REPO, for an ``if`` that asks for it.
    """
    runs, releases = (tag_runs(workflows, event, tag, repository) for event in ("push", "release"))
    callers: dict[str, list[tuple[Workflow, WorkflowJob]]] = {}
    for workflow in workflows:
        for job in workflow.jobs:
            callers.setdefault(called_path(job), []).append((workflow, job))
    jobs = []
    for workflow in workflows:
        events = tuple(_events(workflow))
        calling = callers.get(workflow.path, [])
        given = tuple(_given(workflow, calling, runs))
        for job in workflow.jobs:
            started = [run for run in runs if run.has(workflow, job)]
            acts, publications = _acts(job, workflow, started)
            uploads = [resolved for upload in publications for resolved in resolve(upload, given)]
            jobs.append(
                MappedJob(
                    path=workflow.path,
                    line=job.at.line,
                    id=job.id,
                    events=events,
                    on_tags=bool(started),
                    on_release=any(run.has(workflow, job) for run in releases),
                    needs=job.needs,
                    condition=job.condition,
                    environment=job.environment,
                    identity=held(job, workflow),
                    verbs=tuple(dict.fromkeys(job_verbs(job))),
                    calls=called_path(job) or job.uses,
                    called_by=tuple(f"{caller.path}:{call.at.line}" for caller, call in calling),
                    acts=acts,
                    publications=tuple(uploads),
                    after="",
                )
            )
    return ReleaseMap(jobs=tuple(_placed(jobs, workflows)), unread=tuple(_unread(workflows)))


def _given(
    workflow: Workflow, calling: Sequence[tuple[Workflow, WorkflowJob]], runs: Sequence[TagRun]
) -> Iterator[GivenInputs]:
    """Yield the inputs that callers give, and each that a person can choose where a workflow is dispatched."""
    for caller, job in islice(calling, _SHOWN):
        values = {name: at.text for name, at in job.at.below("with").items()}
        yield GivenInputs(values=values, on_tags=any(run.has(caller, job) for run in runs))
    dispatch = workflow.at.below("on").get("workflow_dispatch")
    for name, at in islice(dispatch.below("inputs").items() if dispatch else (), _SHOWN):
        for option in at.entries["options"].words[:_SHOWN] if "options" in at.entries else ():
            yield GivenInputs(values={name: option}, on_tags=False)


def survey(root: Path, tag: str | None = None) -> ReleaseMap:
    """Return the map of the checkout at ``root``; a file that cannot be opened is one that is not read."""
    read, unread = [], []
    for file in files(root):
        path = f"{WORKFLOWS}/{file.name}"
        try:
            read.append(document.read(file, path))
        except (OSError, Refused) as error:
            reason = error.what if isinstance(error, Refused) else error.strerror or "it cannot be opened"
            unread.append(UnreadWorkflow(path=path, line=1, reason=reason))
    found = release_map(read, tag)
    return replace(found, unread=(*found.unread, *unread))


def _acts(
    job: WorkflowJob, workflow: Workflow, started: Sequence[TagRun]
) -> tuple[tuple[MappedAct, ...], tuple[MappedPublication, ...]]:
    """Return what a job does for a release, and its uploads to an index.

    Args:
        job: The job.
        workflow: Its file.
        started: The runs on a pushed tag that may start it.
    """
    acts, publications = [], []
    wheels = _builds_for_its_runner(job)
    publishing = PublishingJob.of(job, workflow, held(job, workflow))
    if job.uses and not called_path(job) and is_called_release(job.uses):
        line = (job.at.get("uses") or job.at).line
        acts.append(MappedAct(role=Role.unread, tool=job.uses, line=line, condition="", on_tags=bool(started)))
    for step in job.steps:
        on_tags = any(run.may(step.condition) for run in started)
        for call in _calls(step):
            role = Role.builds_platform_wheels if wheels and _is_wheel(call) else call.role
            acts.append(MappedAct(role=role, tool=call.tool, line=call.line, condition=step.condition, on_tags=on_tags))
            if role is Role.publishes:
                publications.append(publishing.publication(call, step, on_tags=on_tags))
    return tuple(acts), tuple(publications)


def _calls(step: WorkflowStep) -> tuple[ToolCall, ...]:
    """Return what a step calls; a script that is given an index's credential is a publication."""
    found = calls(step)
    tool = "" if step.uses and not step.uses.startswith("./") else hidden_publication(step)
    if not tool or any(call.role is Role.publishes for call in found):
        return found
    line = next((call.line for call in found if call.role is Role.unread), step.at.line)
    hidden = ToolCall(role=Role.publishes, tool=f"{tool}, by a script", line=line)
    return (*(call for call in found if call.role is not Role.unread), hidden)


def _builds_for_its_runner(job: WorkflowJob) -> bool:
    """Tell whether a job runs on a matrix of runners and keeps what it makes: a test that builds keeps nothing."""
    return any("matrix." in label for label in job.runs_on) and any(step.action in _KEPT for step in job.steps)


def _is_wheel(call: ToolCall) -> bool:
    return call.role is Role.builds and not {"--sdist", "-s", "sdist"} & {*call.words.split()}


def _placed(jobs: Sequence[MappedJob], workflows: Sequence[Workflow]) -> Iterator[MappedJob]:
    """Say of each job what it comes after: a release, or a job or a workflow that publishes."""
    first = {(job.path, job.id) for job in jobs if not _FIRST.isdisjoint(job.roles) or job.runs_outward_verbs}
    while more := {(job.path, job.id) for job in jobs if job.calls in {path for path, _ in first}} - first:
        first |= more
    names = {workflow.name for workflow in workflows if workflow.path in {path for path, _ in first}}
    before = {
        (workflow.path, job.id): [earlier.id for earlier in workflow.before(job)]
        for workflow in workflows
        for job in workflow.jobs
    }
    starts = {workflow.path: workflow for workflow in workflows}
    for job in jobs:
        waited = [name for name in before[job.path, job.id] if (job.path, name) in first]
        if waited and not job.releases and (job.path, job.id) not in first:
            yield replace(job, after=f"the job {waited[0]}")
        else:
            yield replace(job, after=_after_event(job, starts[job.path], names))


def _after_event(job: MappedJob, workflow: Workflow, names: Collection[str]) -> str:
    """Return what a job comes after by what starts it: a release, or the run of a workflow that publishes."""
    starts = workflow.starts
    alone = starts.release and not (starts.tags or starts.branches or starts.others or starts.callable)
    if job.on_release and not job.on_tags and (alone or _OF_RELEASE.search(job.condition)):
        return "a release"
    awaited = workflow.at.below("on").get("workflow_run")
    listed = awaited.entries["workflows"].words if awaited and "workflows" in awaited.entries else ()
    return next((f"the workflow {name}" for name in listed if name in names), "")


def _events(workflow: Workflow) -> Iterator[str]:
    """Yield what starts a workflow, with its filters: ``pushed tags v*``, ``release published``."""
    on = workflow.at.get("on")
    for event in islice(on.entries or on.words, _SHOWN) if on and workflow.starts.known else ():
        filters = on.entries[event].entries if on and event in on.entries else {}
        if event == "push" and not {"branches", "branches-ignore", "tags", "tags-ignore"} & filters.keys():
            yield "any push"
        for key, words in _FILTERS.get(event, {}).items():
            if key in filters:
                yield printable(f"{words} {_patterns(filters[key])}".strip())
        if event != "push" and not _FILTERS.get(event, {}).keys() & filters.keys():
            yield printable(event)


def _patterns(at: PlacedValue) -> str:
    words = at.words[:_SHOWN]
    return ", ".join(word[:_LONGEST] for word in words) + " …" * (len(at.words) > _SHOWN)


def _unread(workflows: Sequence[Workflow]) -> Iterator[UnreadWorkflow]:
    """Yield the files that have no jobs for this reader."""
    for workflow in workflows:
        if not workflow.jobs:
            problem = next(iter(workflow.problems), None)
            reason, line = (problem.what, problem.line) if problem else ("got no jobs", 1)
            yield UnreadWorkflow(path=workflow.path, line=line, reason=reason)
