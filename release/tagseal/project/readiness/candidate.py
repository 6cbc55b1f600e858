"""What would be released: a tree, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.workflow import signing
from tagseal.workflow.document import Workflow, read

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.machine.git import Git
    from tagseal.tags import Pattern
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
    def release(self) -> Workflow | None:
        """The workflow that a release would run; None where there is no such file."""
        return next((one for one in self.workflows if one.path == self.signing.path), None)


def read_workflows(root: Path) -> tuple[Workflow, ...]:
    """Return the workflows of a tree."""
    return tuple(read(file, file.relative_to(root).as_posix()) for file in signing.files(root))
