"""The project's own workflow file, played as it is written, on the loopback."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.rehearsal import jobs
from tagseal.rehearsal.workflow import permissions
from tagseal.rehearsal.workflow.machine import Machine
from tagseal.workflow.document import read
from tagseal.workflow.play import jobs as play
from tagseal.workflow.play.playable import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tagseal.rehearsal.jobs import PlayedJob, Stage
    from tagseal.rehearsal.workflow.permissions import Permission
    from tagseal.report.events import ReportEvent
    from tagseal.workflow.document import Workflow, WorkflowJob
    from tagseal.workflow.play.jobs import JobResult

_ABSENT = re.compile(r"\b(secrets|vars)\s*\.\s*([A-Za-z_]\w*)", re.ASCII | re.IGNORECASE)
_GIVEN = "GITHUB_TOKEN"


@dataclass(slots=True, kw_only=True)
class WrittenWorkflow:
    """A workflow that is played, and what became of its jobs."""

    workflow: Workflow
    results: dict[str, JobResult] = field(default_factory=dict)
    permissions: dict[str, tuple[Permission, ...]] = field(default_factory=dict)
    lacking: list[tuple[str, str, str]] = field(default_factory=list)
    """Scope, level, and the sentence that says which line to add."""

    def again(self) -> None:
        """Forget what failed, and what waited for it: with that, "Re-run failed jobs" plays them once more."""
        self.results = {name: result for name, result in self.results.items() if result.result == "success"}
        self.lacking.clear()

    @property
    def unused(self) -> Iterator[str]:
        """Say which permissions nothing used."""
        for name, granted in self.permissions.items():
            for one in granted:
                if one.used != "yes" and self.results[name].result == "success":
                    what = "only to read" if one.used == "to read" else "for nothing"
                    yield f"{self.workflow.path}:{one.line}: the job `{name}` has `{one.text}`, and used it {what}"

    @property
    def remarks(self) -> Iterator[str]:
        """Say what is otherwise in a real run, as the file does not tell: secrets and variables."""
        texts = (text.text for _, text in self.workflow.at.walk())
        found = sorted({(kind.lower(), name) for text in texts for kind, name in _ABSENT.findall(text)})
        for kind, name in found:
            if (kind, name) != ("secrets", _GIVEN):
                yield f"{kind}.{name} is empty here"


def of(stage: Stage) -> WrittenWorkflow:
    """Read the clone's workflow, and refuse what cannot be played.

    Raises:
        UsageError: There is no such file, or something in it is not played.
    """
    path = stage.run.workflow
    file = stage.clone.git.root / path
    if not file.is_file():
        raise UsageError(
            f"got no {path}, expected the workflow that releases this project",
            hint="`tagseal init` writes one. Without --workflow the usual jobs are played.",
            slug="no-workflow-to-play",
        )
    workflow = read(file, path)
    check(workflow)
    return WrittenWorkflow(workflow=workflow)


def run(
    written: WrittenWorkflow, stage: Stage, story: Callable[[ReportEvent], None], say: Callable[[str], None]
) -> Iterator[PlayedJob]:
    """Play the jobs in their order; yield each that was played, as it ends.

    Args:
        written: The workflow; jobs that it has results of are done.
        stage: What the jobs share.
        story: Takes what happens in the shells.
        say: Takes which step begins.

    Raises:
        UsageError: Something in a job cannot be played or evaluated.
    """
    for job in play.in_order(written.workflow):
        if job.id in written.results:
            continue  # done by an earlier attempt
        granted = permissions.granted_permissions(job)
        mine = jobs.ReleaseJob(
            name=job.id,
            permissions=granted,
            # Who can ask for an identity gets no way out of the loopback beside it.
            builds=granted.get(permissions.IDENTITY) != "write",
            environment=job.environment,
        )
        powers = jobs.JobTokens.of(mine, stage)
        machine = Machine(stage=stage, job=mine, powers=powers, shared=stage.folder.parent / "run", tell=story, say=say)
        contexts = _contexts(stage, job, powers.token, machine.environ)
        if not play.begins(written.workflow, job, written.results, contexts):
            written.results[job.id] = play.SKIPPED
            continue
        result = written.results[job.id] = play.play(written.workflow, job, written.results, contexts, machine)
        yield _end_job(written, job, mine, result, machine)


def nothing(written: WrittenWorkflow) -> UsageError:
    """Return the error for a workflow that ran to its end and released nothing."""
    skipped = [name for name, result in written.results.items() if result.result == "skipped"]
    conditions = [job for job in written.workflow.jobs if job.id in skipped and job.condition]
    return UsageError(
        f"got no release from {written.workflow.path}, expected one: it ran to its end and published nothing",
        context=tuple(
            f"line {job.at.entries['if'].line}: the job {show(job.id)} was skipped, for this does not hold: "
            f"{show(job.condition, 200)}"
            for job in conditions
        )
        or ("no job of it runs `nox -s guard publish`",),
        hint="Correct the condition, or let the workflow run the verbs: `tagseal init` shows how.",
        slug="workflow-releases-nothing",
    )


def _end_job(
    written: WrittenWorkflow, job: WorkflowJob, mine: jobs.ReleaseJob, result: JobResult, machine: Machine
) -> PlayedJob:
    failures, code = machine.failures, 0
    if result.result != "success":
        code = failures[-1].exit if failures else 1  # Nox itself always exits with 1
    took = permissions.permissions_asked(machine.powers, machine.stage.loopback)
    written.permissions[job.id] = permissions.judge_permissions(job, took)
    if code:
        slug = failures[0].slug if failures else ""
        written.lacking += permissions.lacking(written.workflow, job, took, slug)
    failure = failures[0] if failures else None
    return jobs.PlayedJob(job=mine, code=code, checkout=machine.workspace, failure=failure)


def _contexts(stage: Stage, job: WorkflowJob, token: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what expressions can name, all but what changes from step to step."""
    github: dict[str, Any] = {
        name.removeprefix("GITHUB_").lower(): text for name, text in environ.items() if name.startswith("GITHUB_")
    }
    event = {"ref": stage.run.ref, "repository": {"private": stage.clone.private}}
    github |= {"token": token, "job": job.id, "event": event}
    return {
        "github": github,
        "secrets": {_GIVEN: token},
        **{name: {} for name in ("vars", "matrix", "strategy", "inputs")},
    }
