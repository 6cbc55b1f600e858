"""What a job may do, and which code may do it."""

# ruff: noqa: ARG001 - every rule takes the same two values, for they are called as data

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.workflow.acts import can_act, job_publishes, publishes, runs_code
from tagseal.workflow.identity import foreign_holders, runs_verbs
from tagseal.workflow.rules import act, hit, place, steps_of
from tagseal.workflow.shell_lines import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow
    from tagseal.workflow.finding import Level
    from tagseal.workflow.rules import Hit, ProjectFacts

_SECRET = re.compile(r"\bsecrets\s*(?:\.\s*([A-Za-z0-9_]+)|\[\s*'([^']+)'\s*\])")
_TAGS = re.compile(
    r"\bgit\s+(?:describe|tag|rev-list|for-each-ref)\b|\bsetuptools[-_]scm\b|\btagseal\b|\bnox\b.*\bguard\b"
)
_MODULE = re.compile(r"(?<!\S)\S*python[0-9.]*(?:[ \t]+-[A-HJ-OQ-Za-z]+)*[ \t]+-[A-HJ-OQ-Za-z]*[cm][ \t]+\S+", re.ASCII)
"""Python that runs a module or a text, without the options -P and -I."""
_OF_REF = re.compile(r"\bgithub\.(?:ref(?:_name)?|head_ref|sha|run_id)\b")
"""What differs from one tag to the next."""
_CACHED = ("actions/cache", "actions/cache/restore", "swatinem/rust-cache", "hynek/setup-cached-uv")


def permissions_at_top(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find rights that every job has."""
    at = workflow.permissions
    if at is None:
        return
    granted = at.text or ", ".join(
        f"{name}: {entry.text}" for name, entry in at.entries.items() if entry.text != "none"
    )
    if granted:
        level: Level | None = None if "write" in granted else "warning"
        yield hit(at, f"every job gets {show(granted)}", level)


def permissions_missing(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find jobs whose rights are a setting of the repository: it may be everything."""
    jobs = [job for job in workflow.jobs if job.permissions is None]
    if jobs:
        names = ", ".join(show(job.id) for job in jobs)
        yield hit(place(workflow, "jobs"), f"no permissions are set for {names}; the repository's default may be all")


def identity_beside_code(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find a job that may sign and runs the project's code: whatever a back end imports can sign as well."""
    for job in workflow.jobs:
        steps = [step for step in job.steps if runs_code(step)]
        if job.may("id-token") and steps:
            more = f" and {len(steps) - 1} more" if steps[1:] else ""
            code = f"seems to run the project's code ({show(steps[0].name)}{more})"
            yield hit(act(steps[0]), f"job {show(job.id)} has `id-token: write` and {code}")


def checkout_on_path(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find Python that looks for its modules in the checkout, in a job that may sign or publish."""
    for job in workflow.jobs:
        if not can_act(job):
            continue
        begun = False
        for step in job.steps:
            begun = begun or step.action == "actions/checkout"
            safe = any(at.say("env", "PYTHONSAFEPATH") for at in (workflow.at, job.at, step.at))
            if begun and not safe and (called := _MODULE.search(commands(step))):
                level: Level | None = None if job.may("id-token") else "warning"
                yield hit(act(step), f"`{called[0].strip()}` imports what lies in the checkout, such as pip.py", level)


def foreign_jobs(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find jobs beside those of a release that could sign as it: the guard refuses them."""
    for holder in foreign_holders(workflow, index=known.index) if runs_verbs(workflow) else ():
        yield hit(holder.job.at, f"job {show(holder.job.id)} can sign as this release: {holder.reason}")


def secrets_beside_code(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find secrets in a job that runs the project's code.

    Without our verbs it leaks by itself only where that code has it in its environment: not where a later step has it,
    nor the one that publishes, be it a script of the project.
    """
    ours = runs_verbs(workflow)
    for job in workflow.jobs:
        code = next((step for step in job.steps if runs_code(step)), None)
        if code is None:
            continue
        needing = [step for step in job.steps if publishes(step) or not runs_code(step)]
        apart = {(at.line, at.column) for step in needing for _, at in step.at.walk()}
        for _, at in job.at.walk():
            level: Level | None = None if ours or (at.line, at.column) not in apart else "warning"
            for found in _SECRET.finditer(at.text):
                if (name := found[1] or found[2]) != "GITHUB_TOKEN":
                    beside = f"in the job that seems to run the project's code ({show(code.name)})"
                    yield hit(at, f"the secret {show(name)} is {beside}", level)


def self_hosted(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find jobs on machines that keep what the last job left."""
    for job in workflow.jobs:
        if "self-hosted" in job.runs_on:
            level: Level | None = None if can_act(job) else "warning"
            yield hit(job.at.entries["runs-on"], f"job {show(job.id)} runs on a machine of your own", level)


def credentials_kept(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find checkouts that leave the job's token in the folder."""
    for job, step in steps_of(workflow):
        if step.action == "actions/checkout" and step.option("persist-credentials") != "false":
            level: Level | None = "error" if job.may("contents") and any(map(runs_code, job.steps)) else None
            yield hit(act(step), f"job {show(job.id)} leaves its token in the checkout", level)


def shallow(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find checkouts without tags in jobs that look at tags."""
    for job, step in steps_of(workflow):
        if step.action == "actions/checkout" and not {step.option("fetch-depth"), step.option("fetch-tags")} & {
            "0",
            "true",
        }:
            reader = next((step for step in job.steps if _TAGS.search(commands(step))), None)
            if reader:
                yield hit(act(step), f"{show(reader.name)} looks at tags, and this checkout has one commit")


def cached(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find caches, which runs for other refs may have filled, in jobs that sign or publish."""
    for job, step in steps_of(workflow):
        caches = step.action in _CACHED or (
            "/setup-" in step.action
            and (step.option("cache") not in {"", "false"} or step.option("enable-cache") == "true")
        )
        caches |= "type=gha" in step.option("cache-from")
        if caches and can_act(job):
            yield hit(
                act(step), f"job {show(job.id)} signs or publishes what may come out of a cache ({show(step.name)})"
            )


def continues(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find publication that may fail in silence."""
    for job in workflow.jobs:
        if job.continues not in {"", "false"} and job_publishes(job):
            yield hit(
                job.at.entries["continue-on-error"], f"job {show(job.id)} publishes, and its failure changes nothing"
            )
        for step in job.steps:
            if step.continues not in {"", "false"} and publishes(step):
                yield hit(
                    step.at.entries["continue-on-error"],
                    f"{show(step.name)} publishes, and its failure changes nothing",
                )


def cancels(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find publication that a later run ends half way.

    Where runs of another ref have another group, only the same tag, pushed again, does that; ours may not even then.
    """
    ours = runs_verbs(workflow)
    acting = [job for job in workflow.jobs if job_publishes(job)]
    holders = [workflow.at, *(job.at for job in acting)] if acting else []
    for holder in holders:
        at = holder.get("concurrency")
        if at and at.say("cancel-in-progress") == "true":
            level: Level | None = None if ours or not _OF_REF.search(at.say("group")) else "warning"
            yield hit(at.entries["cancel-in-progress"], "a second run cancels this one while it publishes", level)
