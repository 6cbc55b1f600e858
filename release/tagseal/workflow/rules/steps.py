"""What single steps trust: actions, expressions and artifacts."""

# ruff: noqa: ARG001 - every rule takes the same two values, for they are called as data

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.workflow.acts import can_act, runs_code
from tagseal.workflow.expressions import expressions
from tagseal.workflow.rules import Hit, act, hit, steps_of
from tagseal.workflow.shell_lines import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow
    from tagseal.workflow.finding import Level
    from tagseal.workflow.rules import ProjectFacts
    from tagseal.workflow.tree import PlacedValue

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_STRANGERS = re.compile(
    r"\bgithub\.(?:event\b|head_ref|ref_name|ref\b|base_ref|triggering_actor|actor\b)|\binputs\b", re.IGNORECASE
)
"""Contexts whose text somebody else chose: titles, names of branches and tags."""
_CHECKS = re.compile(
    r"\bsha(?:256|512)sum\s+.*(?:-c\b|--check\b)|\b(?:sigstore|cosign|slsa-verifier)\s+verify|\bgh\s+attestation\s+verify"
    r"|\b(?:nox|tagseal)\b.*\bguard\b"
)


def unpinned(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find actions, and called workflows, whose owner can change what they are."""
    for job in workflow.jobs:
        level: Level | None = None if can_act(job) else "warning"
        for at in filter(None, (job.at.get("uses"), *(step.at.get("uses") for step in job.steps))):
            name, _, ref = at.text.partition("@")
            local = name.startswith(("./", "$/"))  # of this very repository, at the commit of the run
            if not local and not _COMMIT.fullmatch(ref.removeprefix("sha256:")):
                yield hit(at, f"{show(at.text)} can be moved to other code by its owner", level)


def pasted(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find expressions that become part of a script."""
    for _, step in steps_of(workflow):
        script = step.at.get("run") or _script(step.action, step.at)
        for line, expression in expressions(script) if script else ():
            level: Level | None = None if _STRANGERS.search(expression) else "warning"
            yield Hit(
                line=line, column=1, what=f"{show('${{ ' + expression + ' }}')} is pasted into a script", level=level
            )


def _script(action: str, at: PlacedValue) -> PlacedValue | None:
    options = at.get("with")
    return options.get("script") if options and action == "actions/github-script" else None


def unchecked(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find artifacts of another job that are published or signed as they come."""
    for job, step in steps_of(workflow):
        if step.action == "actions/download-artifact" and can_act(job):
            checked = bool(step.option("artifact-ids")) or any(_CHECKS.search(commands(step)) for step in job.steps)
            if not checked:
                yield hit(
                    act(step), f"job {show(job.id)} publishes or signs files that it takes by the artifact's name"
                )


def kept_artifact(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find artifacts that a job run again cannot hand on."""
    for job, step in steps_of(workflow):
        uploads = step.action == "actions/upload-artifact" and step.option("overwrite") != "true"
        if uploads and (can_act(job) or any(map(runs_code, job.steps))):
            yield hit(act(step), f"job {show(job.id)} fails when it is run again, because its artifact exists")
