"""What a step does, told by its action and its shell lines: it publishes, it signs, it runs the project's code.

These are heuristics: a script can hide anything. They name what the tools of releases are called, and take a script
of the project for the project's code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1", re.ASCII)
_TELLS = re.compile(r"\s*(?:echo|printf)\b")
_BEGINS = r"(?:^|[;&|(]|\b(?:do|then|exec|sudo|time)\b)[ \t]*(?:\w+=\S+[ \t]+)*"
_MODULE = r"\S*python[0-9.]*\s+(?:-[A-Za-z]+\s+)*-[A-Za-z]*m\s+"
"""Python that runs a module; of its options none that takes a word is usual here."""
_PYTHON = rf"(?:{_MODULE}|pipx\s+run\s+|uvx\s+|uv\s+run\s+)?"

_PUBLISHING_ACTIONS = frozenset(
    (
        "pypa/gh-action-pypi-publish",
        "softprops/action-gh-release",
        "ncipollo/release-action",
        "actions/create-release",
        "actions/upload-release-asset",
        "goreleaser/goreleaser-action",
        "js-devtools/npm-publish",
        "actions/attest",
        "actions/attest-build-provenance",
        "actions/attest-sbom",
        "sigstore/gh-action-sigstore-python",
    )
)
_PUBLISHING_LINES = re.compile(
    _BEGINS
    + _PYTHON
    + r"(?:twine\s+upload|(?:uv|poetry|flit|hatch|pdm|npm|yarn|pnpm|cargo)\s+publish|maturin\s+(?:publish|upload)"
    r"|gh\s+release\s+(?:create|upload|edit)|docker\s+(?:image\s+)?push|docker\s+buildx\s+build\b.*--push"
    r"|skopeo\s+copy|crane\s+(?:push|copy|cp|tag)|cosign\s+(?:sign|attest)|sigstore\s+sign|goreleaser\s+release"
    r"|nox\s+.*\bguard\b.*\b(?:sign|upload|publish)\b|tagseal\s+(?:sign|upload|publish)\b"
    r"|(?:(?:ba)?sh\s+)?\S*/[\w-]*(?:publish|release)[\w.-]*(?:\s|$))",
    re.MULTILINE,
)

_BUILDING_ACTIONS = frozenset(
    (
        "docker/build-push-action",
        "docker/bake-action",
        "pypa/cibuildwheel",
        "pyo3/maturin-action",
        "hynek/build-and-inspect-python-package",
        "goreleaser/goreleaser-action",
    )
)
_CODE_LINES = re.compile(
    _BEGINS
    + r"(?:"
    # Build front ends run the back end, and with it setup.py or a plugin of the project.
    + _PYTHON
    + r"(?:build\b|pyproject-build\b|cibuildwheel\b|maturin\s+build)"
    r"|(?:uv|hatch|poetry|flit|pdm)\s+(?:build|install|sync|run)\b|\S*python[0-9.]*\s+(?:\S*/)?\w+\.py\b"
    # Installing a folder builds it.
    r"|(?:uv\s+)?"
    + _PYTHON
    + r"pip3?\s+(?:install|wheel)\s(?:[^#\n;&|]*\s)?(?:-e\s|--editable\b|['\"]?\.{1,2}(?:[/\[\s'\"]|$))"
    # Tests and task runners.
    r"|" + _PYTHON + r"(?:pytest|tox)\b|(?:make|just|rake|mvn|gradle)\b"
    r"|(?:npm|yarn|pnpm)\s+(?:ci|install|i|run|test|build)\b|cargo\s+(?:build|test|run)\b|go\s+(?:test|generate|run)\b"
    r"|docker\s+(?:buildx\s+)?build\b"
    # Scripts of the repository.
    r"|(?:(?:ba|z)?sh\s+|source\s+)?(?:\./)?(?:[\w.-]+/)+[\w.-]+\.(?:sh|bash)\b|(?:\./)?scripts?/[\w.-]+|\./[\w./-]+)",
    re.MULTILINE,
)
_NOX = re.compile(
    _BEGINS + _PYTHON + r"nox\b[ \t]*"
    rf"(?P<shipped>(?:-f|--noxfile)[ \t=]*\"?\$\({_MODULE}tagseal[ \t]+noxfile\)\"?)?(?P<rest>.*)$",
    re.MULTILINE,
)
"""Nox; ``shipped`` where it is given the noxfile of this tool, for else it loads that of the checkout."""
_TOOL = re.compile(_BEGINS + _PYTHON + r"tagseal\b(?P<rest>.*)$", re.MULTILINE)
_BUILDS = frozenset(["build", "check"])
"""Verbs that run the project's code."""
_VERBS = frozenset(["guard", "plan", "sign", "upload", "prove", "publish", "witness"]) | _BUILDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellLine:
    """A line of shell, and its number in the file."""

    number: int
    text: str


def commands(step: WorkflowStep) -> str:
    """Return the shell lines that do something: no comments, and nothing that is only told."""
    return "\n".join(line.text for line, tells in _lines(step) if not tells)


def printed_lines(step: WorkflowStep) -> list[ShellLine]:
    """Return the lines that are printed or written into a file: notes, say."""
    return [line for line, tells in _lines(step) if tells]


def _lines(step: WorkflowStep) -> Iterator[tuple[ShellLine, bool]]:
    at = step.at.get("run")
    end = ""
    for number, text in at.lines() if at else ():
        if end:
            yield ShellLine(number=number, text=text), text.strip() != end
            end = "" if text.strip() == end else end
        elif not text.lstrip().startswith("#"):
            yield ShellLine(number=number, text=text), _TELLS.match(text) is not None
            end = found[2] if (found := _HEREDOC.search(text)) else ""


def publishes(step: WorkflowStep) -> bool:
    """Tell whether a step gives something to the world, or signs it."""
    if step.action == "docker/build-push-action":
        return step.option("push") not in {"", "false"} or "push=true" in step.option("outputs")
    return step.action in _PUBLISHING_ACTIONS or _finds(_PUBLISHING_LINES, commands(step))


def runs_code(step: WorkflowStep) -> bool:
    """Tell whether a step runs code of the project, which its dependencies are part of."""
    if step.uses:
        return step.action in _BUILDING_ACTIONS or step.action.startswith("./")
    lines = commands(step)
    own_noxfile = any(not call["shipped"] for call in _NOX.finditer(lines))
    return own_noxfile or bool(_BUILDS & {*verbs(step)}) or _finds(_CODE_LINES, lines)


@lru_cache(maxsize=1024)
def _finds(pattern: re.Pattern[str], lines: str) -> bool:
    """Tell whether shell lines have it; ten rules ask, and of lines made for it each answer takes a second."""
    return pattern.search(lines) is not None


def verbs(step: WorkflowStep) -> tuple[str, ...]:
    """Return the verbs of a release that a step's lines run, in order: by this tool's own noxfile, or without Nox."""
    lines = commands(step)
    calls = (
        *(call for call in _NOX.finditer(lines) if call["shipped"]),
        *(call for call in _TOOL.finditer(lines) if not call["rest"].lstrip().startswith("noxfile)")),
    )
    words = (word for call in calls for word in re.split(r"[;&|]", call["rest"])[0].split(" -- ")[0].split())
    return tuple(word for word in words if word in _VERBS)


def job_publishes(job: WorkflowJob) -> bool:
    """Tell whether a job publishes or signs."""
    return any(publishes(step) for step in job.steps)


def can_release(workflow: Workflow) -> bool:
    """Tell whether a workflow can run on a tag, and then publish; or may sign in a run that is made for tags."""
    starts = workflow.starts
    if any(map(job_publishes, workflow.jobs)) and (starts.at_tags or not starts.known):
        return True
    return (starts.tags or starts.release or starts.callable) and any(job.may("id-token") for job in workflow.jobs)
