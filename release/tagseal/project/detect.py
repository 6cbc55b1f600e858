"""Everything that tagseal finds out by itself about a project, in one value, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.machine.git import repository
from tagseal.machine.metadata import DeclaredProject, read_declared
from tagseal.tags import Pattern, pattern
from tagseal.workflow.signing import SigningWorkflow, signing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.config import Settings
    from tagseal.machine.git import Git


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project, as its checkout and its settings describe it."""

    declared: DeclaredProject
    pattern: Pattern
    workflow: SigningWorkflow
    repository: str | None
    """OWNER/REPO; None where neither settings, run nor origin tell."""


def detect(git: Git, settings: Settings, environ: Mapping[str, str]) -> Project:
    """Describe the project of this checkout; none of its code is run.

    Raises:
        UsageError: There is no Python project, or its static metadata is wrong.
    """
    return Project(
        declared=read_declared(git.root / settings.project),
        pattern=pattern(git.tags(), settings.tag),
        workflow=signing(git.root, settings.workflow, environ),
        repository=repository(settings.repository, environ, git.origin()),
    )
