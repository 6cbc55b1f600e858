"""Rules, one module a theme; ``workflow.lint`` has their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.finding import Level
    from tagseal.workflow.tree import PlacedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What is known about the project beside the workflow; nothing of it need be."""

    tag: str | None = None
    """Such a tag as the project pushes, by the guard's pattern."""
    index: bool = False
    """Whether an index knows the job that publishes by its identity."""
    documented: tuple[str, ...] = ()
    """File names of workflows that the configuration names as signing; the release's is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where a rule applies: the rule's text has a place for ``what``."""

    line: int
    column: int
    what: str
    level: Level | None = None
    """Where it differs from the rule's."""


def hit(at: PlacedValue, what: str, level: Level | None = None) -> Hit:
    """Return a hit at a value."""
    return Hit(line=at.line, column=at.column, what=what, level=level)


def place(workflow: Workflow, *path: str) -> PlacedValue:
    """Return the value at this path, or the nearest above it that there is."""
    at = workflow.at
    for key in path:
        if (below := at.get(key)) is None:
            return at
        at = below
    return at


def steps_of(workflow: Workflow) -> Iterator[tuple[WorkflowJob, WorkflowStep]]:
    """Yield every step, with its job."""
    return ((job, step) for job in workflow.jobs for step in job.steps)


def act(step: WorkflowStep) -> PlacedValue:
    """Return where the step says what it does."""
    return step.at.get("uses") or step.at.get("run") or step.at
