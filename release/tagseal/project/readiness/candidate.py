"""What would be released: a tree, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.machine.git import repository
from tagseal.project.detect import detect
from tagseal.workflow.document import Workflow, read
from tagseal.workflow.release_map import release_map
from tagseal.workflow.signing import files

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
    map: ReleaseMap
    """What they do for a release today."""

    @property
    def parsed(self) -> Version | None:
        """The version; None where only the build back end knows it."""
        return None if self.version is None else Version(self.version)

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
    return of_tree(
        git.root, git, settings, pattern=project.pattern, version=project.declared.version, signing=project.workflow
    )


def of_tree(  # noqa: PLR0913 - a tree, and what is known of it, each by its name
    root: Path,
    git: Git,
    settings: Settings,
    *,
    pattern: Pattern,
    version: str | None,
    signing: SigningWorkflow,
    tag: str | None = None,
) -> Candidate:
    """Return what would be released of a tree that comes from a checkout: at the version's tag, or the one given."""
    named = repository(settings.repository, {}, git.origin())
    wanted = tag or (pattern.tag(version) if version else None)
    workflows = tuple(read(file, file.relative_to(root).as_posix()) for file in files(root))
    return Candidate(
        git=git,
        root=root,
        settings=settings,
        repository=named,
        pattern=pattern,
        version=version,
        tag=wanted,
        signing=signing,
        workflows=workflows,
        map=release_map(workflows, wanted, named),
    )
