"""What a step does, told by its action and its shell lines: it publishes, it signs, it runs the project's code.

These are heuristics: a script can hide anything. They name what the tools of releases are called, and take a script
of the project for the project's code.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tagseal.workflow.release_tools import OUTWARD, OUTWARD_VERBS, calls
from tagseal.workflow.shell_lines import BEGINS, MODULE, PYTHON, commands

if TYPE_CHECKING:
    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep

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
    BEGINS
    + r"(?:"
    # Build front ends run the back end, and with it setup.py or a plugin of the project.
    + PYTHON
    + r"(?:build\b|pyproject-build\b|cibuildwheel\b|maturin\s+build)"
    r"|(?:uv|hatch|poetry|flit|pdm)\s+(?:build|install|sync|run)\b|\S*python[0-9.]*\s+(?:\S*/)?\w+\.py\b"
    # Installing a folder builds it.
    r"|(?:uv\s+)?"
    + PYTHON
    + r"pip3?\s+(?:install|wheel)\s(?:[^#\n;&|]*\s)?(?:-e\s|--editable\b|['\"]?\.{1,2}(?:[/\[\s'\"]|$))"
    # Tests and task runners.
    r"|" + PYTHON + r"(?:pytest|tox)\b|(?:make|just|rake|mvn|gradle)\b"
    r"|(?:npm|yarn|pnpm)\s+(?:ci|install|i|run|test|build)\b|cargo\s+(?:build|test|run)\b|go\s+(?:test|generate|run)\b"
    r"|docker\s+(?:buildx\s+)?build\b"
    # Scripts of the repository.
    r"|(?:(?:ba|z)?sh\s+|source\s+)?(?:\./)?(?:[\w.-]+/)+[\w.-]+\.(?:sh|bash)\b|(?:\./)?scripts?/[\w.-]+|\./[\w./-]+)",
    re.MULTILINE,
)
_NOX = re.compile(
    BEGINS + PYTHON + r"nox\b[ \t]*"
    rf"(?P<shipped>(?:-f|--noxfile)[ \t=]*\"?\$\({MODULE}tagseal[ \t]+noxfile\)\"?)?(?P<rest>.*)$",
    re.MULTILINE,
)
"""Nox; ``shipped`` where it is given the noxfile of this tool, for else it loads that of the checkout."""
_TOOL = re.compile(BEGINS + PYTHON + r"tagseal\b(?P<rest>.*)$", re.MULTILINE)
_BUILDS = frozenset(["build", "check"])
"""Verbs that run the project's code."""
_VERBS = frozenset(["guard", "plan", "sign", "upload", "prove", "publish", "witness"]) | _BUILDS


def publishes(step: WorkflowStep) -> bool:
    """Tell whether a step gives something to the world, or signs it."""
    return not OUTWARD_VERBS.isdisjoint(named_verbs(step)) or any(call.role in OUTWARD for call in calls(step))


def runs_code(step: WorkflowStep) -> bool:
    """Tell whether a step runs code of the project, which its dependencies are part of."""
    if step.uses:
        return step.action in _BUILDING_ACTIONS or step.action.startswith("./")
    lines = commands(step)
    own_noxfile = any(not run["shipped"] for run in _NOX.finditer(lines))
    return own_noxfile or bool(_BUILDS & {*verbs(step)}) or _finds(_CODE_LINES, lines)


@lru_cache(maxsize=1024)
def _finds(pattern: re.Pattern[str], lines: str) -> bool:
    """Tell whether shell lines have it; ten rules ask, and of lines made for it each answer takes a second."""
    return pattern.search(lines) is not None


def verbs(step: WorkflowStep) -> tuple[str, ...]:
    """Return the verbs of a release that a step's lines run, in order: by this tool's own noxfile, or without Nox."""
    lines = commands(step)
    tool = (run for run in _TOOL.finditer(lines) if not run["rest"].lstrip().startswith("noxfile)"))
    return _verbs(*(run for run in _NOX.finditer(lines) if run["shipped"]), *tool)


def named_verbs(step: WorkflowStep) -> tuple[str, ...]:
    """Return the verbs that a step's lines name: also as sessions of the checkout's noxfile, where `guard` is one."""
    own = (run for run in _NOX.finditer(commands(step)) if not run["shipped"] and "guard" in _verbs(run))
    return (*verbs(step), *_verbs(*own))


def job_verbs(job: WorkflowJob) -> tuple[str, ...]:
    """Return the verbs that a job's steps name, in order."""
    return tuple(verb for step in job.steps for verb in named_verbs(step))


def _verbs(*runs: re.Match[str]) -> tuple[str, ...]:
    words = (word for run in runs for word in re.split(r"[;&|]", run["rest"])[0].split(" -- ")[0].split())
    return tuple(word for word in words if word in _VERBS)


def job_publishes(job: WorkflowJob) -> bool:
    """Tell whether a job publishes or signs."""
    return any(publishes(step) for step in job.steps)


def can_act(job: WorkflowJob) -> bool:
    """Tell whether a job publishes, signs, or is allowed to sign."""
    return job.may("id-token") or job_publishes(job)


def can_release(workflow: Workflow) -> bool:
    """Tell whether a workflow can run on a tag, and then publish; or may sign in a run that is made for tags."""
    starts = workflow.starts
    if any(map(job_publishes, workflow.jobs)) and (starts.at_tags or not starts.known):
        return True
    return (starts.tags or starts.release or starts.callable) and any(job.may("id-token") for job in workflow.jobs)
