"""What would be released: a tree, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.project.detect import detect
from tagseal.workflow import signing
from tagseal.workflow.document import Workflow, read
from tagseal.workflow.release_map import release_map

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.machine.git import Git
    from tagseal.tags import Pattern
    from tagseal.workflow.release_jobs import ReleaseMap
    from tagseal.workflow.signing import SigningWorkflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tree that may be released, and the checkout that it comes from."""

    git: Git
    """The person's checkout: its tags, and what is not committed there."""
    root: Path
    """The files that would be released: the checkout's, or those of a clone of it."""
    settings: Settings
    repository: str | None
    """OWNER/REPO; None where nothing tells."""
    pattern: Pattern
    version: str | None
    """None where only the build back end knows it."""
    tag: str | None
    """As the version."""
    signing: SigningWorkflow
    workflows: tuple[Workflow, ...]
    """All of them, each read once."""

    @property
    def parsed(self) -> Version | None:
        """The version; None where only the build back end knows it."""
        return None if self.version is None else Version(self.version)

    @property
    def map(self) -> ReleaseMap:
        """What releases the project today."""
        return release_map(self.workflows, self.tag, self.repository)

    @property
    def release(self) -> Workflow | None:
        """The workflow that a release would run; None where there is no such file."""
        return next((one for one in self.workflows if one.path == self.signing.path), None)


def of_checkout(git: Git, settings: Settings) -> Candidate:
    """Return what would be released of a checkout as it lies there; none of its code is run.

    Raises:
        UsageError: There is no Python project, or its static metadata is wrong.
    """
    project = detect(git, settings, {})
    version = project.declared.version
    return Candidate(
        git=git,
        root=git.root,
        settings=settings,
        repository=project.repository,
        pattern=project.pattern,
        version=version,
        tag=project.pattern.tag(version) if version else None,
        signing=project.workflow,
        workflows=read_workflows(git.root),
    )


def read_workflows(root: Path) -> tuple[Workflow, ...]:
    """Return the workflows of a tree."""
    return tuple(read(file, file.relative_to(root).as_posix()) for file in signing.files(root))
