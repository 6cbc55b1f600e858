"""Images, and what notes tell people to check."""

# ruff: noqa: ARG001 - every rule takes the same two values, for they are called as data

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.workflow.rules import Hit, act, hit, steps_of
from tagseal.workflow.shell_lines import ShellLine, commands, printed_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.rules import ProjectFacts

_PUSHES = re.compile(
    r"\bdocker\s+(?:image\s+)?push\b|\bdocker\s+buildx\s+build\b[^#]*--push|\bcrane\s+(?:push|tag)\b|\bskopeo\s+copy\b"
)
_SIGNS = re.compile(r"\bcosign\s+sign\b(?!-)")
_CHECKS = re.compile(r"\bcosign\s+verify\b(?!-)")
_FILE_CHECKS = re.compile(r"\bsigstore\s+verify\b|\bcosign\s+verify-blob\b|\bgh\s+attestation\s+verify\b")
_DIGEST = re.compile(r"@(?:sha256:|[\"']?\$)|\bsha256:|digest", re.IGNORECASE)
_BY_TAG = re.compile(r"[\w}\"'/.-]:(?:[\"']?\$|v?[0-9]|latest\b|<)")


def tagged_before_signed(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find images that the world can pull under their tag before a signature is there."""
    signers = {job.id for job in workflow.jobs if any(_SIGNS.search(commands(step)) for step in job.steps)}
    for job in workflow.jobs:
        for number, step in enumerate(job.steps):
            if not _tags(step):
                continue
            later = any(_SIGNS.search(commands(step)) for step in job.steps[number:]) or _after(workflow, job) & signers
            if later:
                yield hit(act(step), f"{show(step.name)} pushes the image under its tag, and it is signed later")


def _after(workflow: Workflow, job: WorkflowJob) -> set[str]:
    return {one.id for one in workflow.jobs if job.id in {before.id for before in workflow.before(one)}}


def _tags(step: WorkflowStep) -> bool:
    if step.action == "docker/build-push-action":
        pushes = step.option("push") not in {"", "false"} and "push-by-digest=true" not in step.option("outputs")
        return pushes and bool(step.option("tags"))
    lines = commands(step).splitlines()
    return any(_PUSHES.search(line) and not _DIGEST.search(line) for line in lines) and "push-by-digest" not in step.run


def image_by_tag(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find images that are signed, or checked, as what a tag names at that moment."""
    for _, step in steps_of(workflow):
        at = step.at.get("run")
        lines = [ShellLine(number=number, text=text) for number, text in at.lines()] if at else []
        for pattern, act_ in ((_SIGNS, "signed"), (_CHECKS, "checked")):
            for command in _find(lines, pattern):
                if _BY_TAG.search(command[-1].text) and not any(_DIGEST.search(one.text) for one in command):
                    yield Hit(line=command[0].number, column=1, what=f"an image is {act_} by its tag, which can move")


def notes_check_some(workflow: Workflow, known: ProjectFacts) -> Iterator[Hit]:
    """Find notes that tell how to verify the wheel and leave the other files out."""
    for _, step in steps_of(workflow):
        found = list(_find(printed_lines(step), _FILE_CHECKS))
        text = "\n".join(line.text for command in found for line in command)
        if ".whl" in text and not re.search(r"\.tar\.gz|\.zip|\bdist/\*|\s\*(?:\s|$)", text):
            yield Hit(line=found[0][0].number, column=1, what="the notes' commands verify the wheel and no other file")


def _find(lines: Sequence[ShellLine], pattern: re.Pattern[str]) -> Iterator[list[ShellLine]]:
    """Yield commands that fit, each with the lines that a backslash continues it on."""
    for number, line in enumerate(lines):
        if pattern.search(line.text) and not line.text.lstrip().startswith("#"):
            command = [line]
            for further in lines[number + 1 :]:
                if not command[-1].text.rstrip(" \"'").endswith("\\"):
                    break
                command.append(further)
            yield command
