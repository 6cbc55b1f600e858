"""What a pushed tag would start: the workflow of the release, and whatever else releases on the same tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.pipeline import BY_JOB, VERBS, permissions
from tagseal.records import Reason
from tagseal.services.index import sites
from tagseal.workflow.acts import job_verbs
from tagseal.workflow.lint import lint
from tagseal.workflow.release_tools import Role
from tagseal.workflow.rules import ProjectFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.readiness.candidate import Candidate
    from tagseal.workflow.document import Workflow

_WRITES = "`tagseal init --replace-workflow` writes one that does."
_GUARD = "guard"
_ONLY_IN = re.compile(r"github\.repository\s*==\s*'([^']*)'")
_DOES = {
    Role.publishes: "publishes to an index",
    Role.releases: "makes or fills the release",
    Role.signs: "signs",
    Role.pushes: "pushes",
    Role.begins_releases: "makes releases",
}
"""What another job may not do at the same tag, in words. A job that attests does no harm beside a release."""
_OUTWARD = frozenset(_DOES)
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
    yield from _beside(candidate)
    yield from _starts(candidate, workflow)
    yield from _verbs(workflow)
    yield from _permissions(candidate, workflow)
    if candidate.settings.image and not any(
        "crane" in step.run + step.uses for job in workflow.jobs for step in job.steps
    ):
        what = f"no step of {workflow.path} installs crane, which the notes' commands need"
        yield Reason.broken("tool-missing-in-workflow", what, _WRITES, workflow.path, verb="prove")
    for finding in lint(workflow, _facts(candidate)):
        if finding.slug in REFUSED and finding.level == "error":
            place = f"{finding.file}:{finding.line}"
            yield Reason.broken(finding.slug, finding.what, finding.hint, place, verb=REFUSED[finding.slug])


def _beside(candidate: Candidate) -> Iterator[Reason]:
    """Say which jobs of other workflows release as well, at the same tag or for the release that this one makes."""
    for job in candidate.map.jobs:
        if job.path == candidate.signing.path or not job.releases_on_tags or job.runs_outward_verbs:
            continue
        acts = [act for act in job.acts if act.on_tags and act.role in _OUTWARD]
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
    """Say where no tag starts the workflow, or it runs for another repository alone."""
    if not workflow.starts.at_tags:
        what = f"nothing in `on` starts {workflow.path} on a tag"
        yield Reason.broken("no-tag-starts-it", what, "Write `on: { push: { tags: ['v[0-9]*'] } }`.", workflow.path)
    for job in workflow.jobs:
        named = _ONLY_IN.search(job.condition)
        if named and candidate.repository and named[1] != candidate.repository and job_verbs(job):
            at = job.at.entries["if"]
            what = f"the job {show(job.id)} runs in {show(named[1])} alone, and this is {candidate.repository}"
            fix = f"Write `github.repository == '{candidate.repository}'` there."
            yield Reason.broken("another-repository-s-job", what, fix, f"{workflow.path}:{at.line}")


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
                    verb = next(verb for verb in of_job if verb in job_verbs(job))
                    what = f"the job {show(job.id)} lacks `{scope}: write`, which `{verb}` needs"
                    fix = f"Write `{scope}: write` below `permissions:` of that job."
                    yield Reason.broken("permission-missing", what, fix, f"{workflow.path}:{at.line}", verb=verb)


def _verb_reason(slug: str, what: str, place: str, verb: str) -> Reason:
    order = "; ".join(f"{job}: guard {' '.join(of_job)}" for job, of_job in BY_JOB.items())
    fix = f"Let its jobs run, one after the other: {order}. `tagseal init --replace-workflow` writes them."
    return Reason.broken(slug, what, fix, place, verb=verb)
