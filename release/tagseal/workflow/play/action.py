"""What a played action is given, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tagseal.workflow.document import Step


class StepFailedError(Exception):
    """A step fails as it would on a runner: its text goes to the log, and what follows is decided by ``if``."""


class Host(Protocol):
    """What stands behind the steps of one job."""

    artifacts: Path
    """One folder for each artifact that a job of this run has handed over; shared by the jobs."""
    python: Path
    """Where setup-python puts the interpreter: empty when a job begins, and the same path in every job."""
    snapshots: Path
    """What was set up once, for the next job that asks for exactly the same; shared by the jobs."""
    network: Mapping[str, str]
    """The person's own way to a package index, for set-up alone."""

    def checkout(self, folder: Path) -> None:
        """Put the checkout of the run's ref there, with all tags; its origin is the played host.

        Raises:
            StepFailedError: The job's token may not read this repository.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One step of a job, about to be played."""

    step: Step
    file: str
    """Path of the workflow in the repository, for errors."""
    inputs: Mapping[str, str]
    """``with``, its expressions evaluated."""
    environ: Mapping[str, str]
    """The whole environment that the step sees."""
    workspace: Path
    temp: Path
    host: Host
    log: Callable[[str], None]
    """Takes one line of the job's log."""

    @property
    def place(self) -> str:
        """File and line, as editors read them."""
        return f"{self.file}:{self.step.at.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step leaves to those after it."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    path: tuple[Path, ...] = ()
    """Folders that go first on PATH, the last one before the others."""
    environ: Mapping[str, str] = field(default_factory=dict)
