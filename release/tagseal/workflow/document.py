"""One workflow file as frozen values, each with its line; what cannot be read is found, with its place.

Source: "Workflow syntax for GitHub Actions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tagseal.machine.files import open_file
from tagseal.machine.yaml import LARGEST, UnreadableYaml, YamlProblem
from tagseal.names import show
from tagseal.workflow import filters
from tagseal.workflow.expressions import unknown
from tagseal.workflow.finding import Finding
from tagseal.workflow.signing import Triggers, starts
from tagseal.workflow.tree import PlacedValue, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_JOBS = 500
"""More than anybody writes; each is compared with those that it waits for."""
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
"""Of a job."""
_BREAKS = frozenset("\x85\u2028\u2029")
"""Ends of a line in YAML 1.1, and none in YAML 1.2."""
NOTHING = PlacedValue(value="", line=1, column=1, first=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStep:
    """One step of a job."""

    at: PlacedValue
    """All that the file says of it, with places."""
    name: str
    """As it is told apart: its name, or its id, or its action, or its first line."""
    uses: str
    """Action, with its ref; empty for shell lines."""
    run: str
    """Shell lines; empty for an action."""
    condition: str
    continues: str
    """``continue-on-error``: a truth value, or an expression."""

    @property
    def action(self) -> str:
        """The action without its ref, in small letters, as GitHub compares them."""
        return self.uses.partition("@")[0].lower()

    def option(self, name: str) -> str:
        """Return an input of the action, or nothing."""
        return self.at.say("with", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowJob:
    """One job."""

    at: PlacedValue
    """All that the file says of it, with places."""
    id: str
    needs: tuple[str, ...]
    condition: str
    permissions: PlacedValue | None
    """Those that are in force: its own, or the workflow's; None where neither has any."""
    environment: str
    runs_on: tuple[str, ...]
    """Labels of the runner, groups left out."""
    uses: str
    """Workflow that is called instead of steps."""
    continues: str
    """As of a step."""
    steps: tuple[WorkflowStep, ...]

    def may(self, scope: str) -> bool:
        """Tell whether the job's token may write there; what no file limits is not taken for granted."""
        granted = self.permissions
        return granted is not None and (granted.text == "write-all" or granted.say(scope) == "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One workflow."""

    path: str
    """In the repository."""
    name: str
    at: PlacedValue = NOTHING
    """All that the file says, with places."""
    starts: Triggers = field(default_factory=lambda: Triggers(known=False))
    permissions: PlacedValue | None = None
    jobs: tuple[WorkflowJob, ...] = ()
    problems: tuple[Finding, ...] = ()
    """What is wrong with the file itself."""

    @property
    def file(self) -> str:
        """Name of the file, which is part of the identity that signs."""
        return self.path.rpartition("/")[2]

    def before(self, job: WorkflowJob) -> tuple[WorkflowJob, ...]:
        """Return the jobs that this one waits for, near and far."""
        known = {one.id: one for one in self.jobs}
        found: dict[str, WorkflowJob] = {}
        left = list(job.needs)
        while left:
            name = left.pop()
            if name in known and name not in found:
                found[name] = known[name]
                left.extend(known[name].needs)
        return tuple(found.values())


def read(file: Path, path: str) -> Workflow:
    """Return a workflow, however broken its file is.

    Args:
        file: Where it lies.
        path: Its path in the repository, for the findings.

    Raises:
        OSError: It cannot be opened.
        Refused: It is no regular file.
    """
    with open_file(file, follow=True) as content:
        return parse(content.read(LARGEST + 1), path)


def read_strictly(file: Path, path: str) -> Workflow:
    """Return a workflow that every reader of YAML reads alike; what is only suspicious in one is an error here.

    Args:
        file: Where it lies, a regular file.
        path: Its path in the repository.

    Raises:
        Unreadable: It is no YAML, uses aliases, merge keys or a key twice, or does not say what starts it.
        Refused: It is no regular file.
        OSError: It cannot be opened.
    """
    with open_file(file) as stream:
        data = stream.read(LARGEST + 1)
    top, problems = tree(data, path)
    if top is None or problems:
        first = problems[0]
        raise UnreadableYaml(YamlProblem.syntax, first.what, first.line, first.column)
    text = data.decode("utf-8-sig")
    if odd := next((character for character in text if character in _BREAKS), ""):
        line = text[: text.index(odd)].count("\n") + 1
        raise UnreadableYaml(YamlProblem.syntax, f"got {show(odd)}, which ends a line for some readers only", line)
    workflow = _workflow(top, path)
    if not workflow.starts.known:
        raise UnreadableYaml(
            YamlProblem.syntax, "got no `on:` in one of its forms: an event, a list of events, a mapping"
        )
    return workflow


def parse(data: bytes, path: str) -> Workflow:
    """Return the workflow that these bytes are, with what is wrong with them."""
    top, problems = tree(data, path)
    if top is None:
        return Workflow(path=path, name=path, problems=problems)
    workflow = _workflow(top, path)
    if what := _too_many(workflow):
        large = _finding(workflow, top, "workflow-too-large", what, "Split the workflow.")
        return Workflow(path=path, name=path, problems=(*problems, large))
    found = (*problems, *_lacking(workflow), *_ids(workflow), *_needs(workflow), *_contexts(workflow))
    return replace(workflow, problems=tuple(sorted(found, key=lambda one: (one.line, one.column))))


def _too_many(workflow: Workflow) -> str:
    """Return of what there is more than anybody writes; empty for nothing."""
    if len(workflow.jobs) > _JOBS:
        return f"got {len(workflow.jobs)} jobs, expected at most {_JOBS}"
    push = workflow.at.below("on").get("push", NOTHING)
    tags = push.entries.get("tags", NOTHING).words
    if len(tags) > filters.MOST:
        return f"got {len(tags)} filters of tags, expected at most {filters.MOST}"
    if (longest := max(map(len, tags), default=0)) > filters.LONGEST:
        return f"got a filter of {longest} characters, expected at most {filters.LONGEST}"
    return ""


def _workflow(top: PlacedValue, path: str) -> Workflow:
    permissions = top.get("permissions")
    content = top.plain() if top.entries else {}
    jobs = top.entries.get("jobs", NOTHING).entries
    return Workflow(
        path=path,
        name=top.say("name") or path,
        at=top,
        starts=starts(content) if _startable(top) else Triggers(known=False),
        permissions=permissions,
        jobs=tuple(_job(name, job, permissions) for name, job in jobs.items()),
    )


def _startable(top: PlacedValue) -> bool:
    """Tell whether ``on`` has one of its three forms: one event, a list of events, a mapping."""
    on = top.get("on")
    return on is not None and all(isinstance(item.value, str) for item in on.items)


def _job(name: str, at: PlacedValue, above: PlacedValue | None) -> WorkflowJob:
    environment = at.entries.get("environment", NOTHING)
    runner = at.entries.get("runs-on", NOTHING)
    return WorkflowJob(
        at=at,
        id=name,
        needs=at.entries.get("needs", NOTHING).words,
        condition=at.say("if"),
        permissions=at.get("permissions") or above,
        environment=environment.text or environment.say("name"),
        runs_on=runner.words or runner.entries.get("labels", NOTHING).words,
        uses=at.say("uses"),
        continues=at.say("continue-on-error"),
        steps=tuple(_step(item) for item in at.entries.get("steps", NOTHING).items if item.entries),
    )


def _step(at: PlacedValue) -> WorkflowStep:
    lines = at.say("run").splitlines()
    return WorkflowStep(
        at=at,
        name=at.say("name") or at.say("id") or at.say("uses") or (lines[0] if lines else ""),
        uses=at.say("uses"),
        run=at.say("run"),
        condition=at.say("if"),
        continues=at.say("continue-on-error"),
    )


def _finding(workflow: Workflow, at: PlacedValue, slug: str, what: str, hint: str) -> Finding:
    return Finding(slug=slug, level="error", file=workflow.path, line=at.line, column=at.column, what=what, hint=hint)


def _lacking(workflow: Workflow) -> Iterator[Finding]:
    """Find what makes a file no workflow."""
    if not workflow.jobs or not workflow.starts.known:
        lacks = "jobs" if not workflow.jobs else "`on`"
        what = f"got a file without {lacks}, expected a workflow"
        yield _finding(workflow, workflow.at, "workflow-incomplete", what, "Write `on:` and `jobs:`, or delete it.")


def _needs(workflow: Workflow) -> Iterator[Finding]:
    """Find jobs that can never begin."""
    known: Mapping[str, WorkflowJob] = {job.id: job for job in workflow.jobs}
    for job in workflow.jobs:
        at = job.at.entries.get("needs", job.at)
        for name in job.needs:
            if name not in known:
                what = f"got a need for {show(name)}, expected a job of this file"
                yield _finding(workflow, at, "needs-unknown", what, "Name a job of this file.")
        if job.id in {one.id for one in workflow.before(job)}:
            what = f"got a job {show(job.id)} that waits for itself"
            yield _finding(workflow, at, "needs-cycle", what, "Take one job out of the circle of `needs`.")


def _ids(workflow: Workflow) -> Iterator[Finding]:
    """Find names that GitHub refuses; what plays jobs makes folders of them."""
    for job in workflow.jobs:
        if _ID.fullmatch(job.id) is None:
            what = f"got a job named {show(job.id)}, expected letters, digits, - and _, the first a letter or _"
            yield _finding(workflow, job.at, "job-id-malformed", what, "Rename the job; `name` can say anything.")


def _contexts(workflow: Workflow) -> Iterator[Finding]:
    """Find expressions that name nothing: GitHub refuses the file."""
    for key, at in workflow.at.walk():
        for line, name in unknown(key, at):
            place = replace(at, line=line, column=at.column if line == at.line else 1)
            what = f"got {show(name)} in an expression, expected a context or function of GitHub's"
            yield _finding(workflow, place, "unknown-context", what, "Correct the name, or put quotes around a text.")
