"""What a pushed tag would start: the workflow of the release, and whatever else releases on the same tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.pipeline import BY_JOB, VERBS, permissions
from tagseal.records import Reason
from tagseal.services.index import sites
from tagseal.workflow.acts import job_verbs, named_verbs
from tagseal.workflow.lint import lint
from tagseal.workflow.publications import TEST
from tagseal.workflow.release_tools import Role
from tagseal.workflow.rules import ProjectFacts
from tagseal.workflow.tag_runs import tag_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.project.readiness.candidate import Candidate
    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.tag_runs import TagRun

_WRITES = "`tagseal init --replace-workflow` writes one that does."
_GUARD = "guard"
_DOES = {
    Role.publishes: "publishes to an index",
    Role.releases: "makes or fills the release",
    Role.signs: "signs",
    Role.pushes: "pushes",
    Role.begins_releases: "makes releases",
}
"""What another job may not do at the same tag, in words. A job that attests does no harm beside a release."""
_BESIDE = frozenset((Role.publishes, Role.releases))
"""What no other job of the release's own workflow may do: one of them may build its image, or move a tag."""
REFUSED = {
    "branch-can-sign": "",
    "callable-signs": _GUARD,
    "foreign-job-can-sign": _GUARD,
    "identity-beside-code": "build",
    "tag-not-matched": "",
}
"""Findings of the lint that stop a release, or let it do harm; each with the step that would refuse."""


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say what a pushed tag would not start, or would start besides."""
    workflow = candidate.release
    if workflow is None:
        what = f"there is no {candidate.signing.path}, so a pushed tag starts no release"
        yield Reason.broken("no-release-workflow", what, "`tagseal init` writes it.", candidate.signing.path)
        return
    if workflow.problems:
        first = workflow.problems[0]
        yield Reason.broken(first.slug, first.what, first.hint, f"{first.file}:{first.line}", verb=_GUARD)
        return
    if not any(map(job_verbs, workflow.jobs)):
        what = f"{workflow.path}, taken because {candidate.signing.reason}, runs no step of a release"
        yield Reason.broken("workflow-runs-no-verb", what, _WRITES, workflow.path)
        return
    findings = [one for one in lint(workflow, _facts(candidate)) if one.slug in REFUSED and one.level == "error"]
    yield from _beside(candidate)
    if "tag-not-matched" not in {finding.slug for finding in findings}:
        yield from _starts(candidate, workflow)
    yield from _verbs(workflow)
    yield from _permissions(candidate, workflow)
    if candidate.settings.image and not any(
        "crane" in step.run + step.uses for job in workflow.jobs for step in job.steps
    ):
        what = f"no step of {workflow.path} installs crane, which the notes' commands need"
        yield Reason.broken("tool-missing-in-workflow", what, _WRITES, workflow.path, verb="prove")
    for finding in findings:
        fix = f"Write {_filter(candidate)}." if finding.slug == "tag-not-matched" else finding.hint
        yield Reason.broken(
            finding.slug, finding.what, fix, f"{finding.file}:{finding.line}", verb=REFUSED[finding.slug]
        )


def _beside(candidate: Candidate) -> Iterator[Reason]:
    """Say which other jobs release as well at the same tag; a test index, or an image of their own, is no harm."""
    for job in candidate.map.jobs:
        if not job.releases_on_tags or job.runs_outward_verbs:
            continue
        harmless = {upload.line for upload in job.publications if upload.index == TEST}
        roles = _BESIDE if job.path == candidate.signing.path else {*_DOES}
        roles = roles if candidate.settings.image else roles - {Role.pushes}
        acts = [act for act in job.acts if act.on_tags and act.role in roles and act.line not in harmless]
        if acts:
            what = f"the job {show(job.id)} starts on the same tag, and {_DOES[acts[0].role]} with {acts[0].tool}"
            fix = (
                "Take that job out, or its trigger: the release does this now. `tagseal init --map` shows all of them."
            )
            yield Reason.broken("another-release", what, fix, f"{job.path}:{acts[0].line}")


def _facts(candidate: Candidate) -> ProjectFacts:
    tag = candidate.tag or candidate.pattern.tag("1.2.3")
    return ProjectFacts(
        tag=tag if candidate.tag or candidate.pattern.told else None, index=sites.trusts(candidate.settings.index)
    )


def _starts(candidate: Candidate, workflow: Workflow) -> Iterator[Reason]:
    """Say where no pushed tag starts the workflow, or one of its verbs, or only in another repository."""
    here, anywhere = (
        tag_runs(candidate.workflows, "push", candidate.tag, repository) for repository in (candidate.repository, None)
    )
    if not any(workflow.path in run.jobs for run in here):
        what = f"nothing in `on` starts {workflow.path} when a tag is pushed"
        yield Reason.broken("no-tag-starts-it", what, f"Write {_filter(candidate)}.", workflow.path)
        return
    steps = ((job, step) for job in workflow.jobs for step in job.steps if named_verbs(step))
    held = next(((job, step) for job, step in steps if not _may_run(here, workflow, job, step)), None)
    if held is None:
        return
    job, step = held
    at = step.at.get("if") or job.at.get("if") or job.at
    said = f"`{show(at.text)[1:-1]}`" if at.text else "what it waits for"
    place = f"{workflow.path}:{at.line}"
    if candidate.repository and _may_run(anywhere, workflow, job, step):
        what = f"the job {show(job.id)} does not run in {candidate.repository}, because of {said}"
        fix = f"Write `github.repository == '{candidate.repository}'` there; or, where this is a fork, "
        fix += 'repository = "OWNER/REPOSITORY" in [tool.tagseal].'
        yield Reason.broken("another-repository-s-job", what, fix, place)
    else:
        what = f"a pushed tag does not let `{named_verbs(step)[-1]}` run in the job {show(job.id)}, because of {said}"
        yield Reason.broken("no-tag-starts-it", what, "Take that `if` out, or let it hold for a pushed tag.", place)


def _may_run(runs: Sequence[TagRun], workflow: Workflow, job: WorkflowJob, step: WorkflowStep) -> bool:
    return any(run.has(workflow, job) and run.may(step.condition) for run in runs)


def _filter(candidate: Candidate) -> str:
    """Return what `on` says for the project's tags."""
    return f"`on: {{ push: {{ tags: ['{candidate.pattern.tag('[0-9]*')}'] }} }}`"


def _verbs(workflow: Workflow) -> Iterator[Reason]:
    """Say which verbs are left out, run twice, or stand before what they need."""
    running = [(job, job_verbs(job)) for job in workflow.jobs if job_verbs(job)]
    flat = [verb for _, ran in running for verb in ran if verb != _GUARD]
    if missing := [verb for verb in VERBS if verb != _GUARD and verb not in flat]:
        what = f"{workflow.path} leaves out {', '.join(f'`{verb}`' for verb in missing)}"
        yield _verb_reason("verb-left-out", what, workflow.path, missing[0])
    for verb in dict.fromkeys(verb for verb in flat if flat.count(verb) > 1):
        yield _verb_reason("verb-twice", f"{workflow.path} runs `{verb}` {flat.count(verb)} times", workflow.path, verb)
    for job, ran in running:
        place = f"{workflow.path}:{job.at.line}"
        if ran[0] != _GUARD:
            what = f"the job {show(job.id)} runs `{ran[0]}` before `{_GUARD}`"
            yield _verb_reason("verb-out-of-order", what, place, ran[0])
        earlier = [verb for before in workflow.before(job) for verb in job_verbs(before)]
        for position, verb in enumerate(ran):
            known = {*earlier, *ran[:position]}
            wanted = [one for one in VERBS[: VERBS.index(verb)] if one != _GUARD and one in flat and one not in known]
            if wanted:
                what = f"the job {show(job.id)} runs `{verb}`, and `{wanted[0]}` has not run before it"
                yield _verb_reason("verb-out-of-order", what, place, verb)
                break


def _permissions(candidate: Candidate, workflow: Workflow) -> Iterator[Reason]:
    """Say which job lacks a permission that its verbs need."""
    image, index = candidate.settings.image is not None, sites.trusts(candidate.settings.index)
    for job in workflow.jobs:
        for name, of_job in BY_JOB.items():
            if not set(of_job) & {*job_verbs(job)}:
                continue
            for scope, level in permissions(name, image=image, index=index).items():
                if level == "write" and not job.may(scope):
                    at = job.at.entries.get("permissions", job.at)
                    mine = [verb for verb in of_job if verb in job_verbs(job)]
                    verb = "upload" if scope != "id-token" and "upload" in mine else mine[0]
                    what = f"the job {show(job.id)} lacks `{scope}: write`, which `{verb}` needs"
                    fix = f"Write `{scope}: write` below `permissions:` of that job."
                    yield Reason.broken("permission-missing", what, fix, f"{workflow.path}:{at.line}", verb=verb)


def _verb_reason(slug: str, what: str, place: str, verb: str) -> Reason:
    order = "; ".join(f"{job}: guard {' '.join(of_job)}" for job, of_job in BY_JOB.items())
    fix = f"Let its jobs run, one after the other: {order}. `tagseal init --replace-workflow` writes them."
    return Reason.broken(slug, what, fix, place, verb=verb)
