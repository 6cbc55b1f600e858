"""What a played action is given, and what it gives."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.workflow.functions import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tagseal.workflow.document import WorkflowStep
    from tagseal.workflow.tree import PlacedValue


class StepFailedError(Exception):
    """A step fails as it would on a runner: its text goes to the log, and what follows is decided by ``if``."""


class Host(Protocol):
    """What stands behind the steps of one job."""

    @property
    def artifacts(self) -> Path:
        """One file for each artifact that a job of this run has handed over; shared by the jobs."""

    @property
    def python(self) -> Path:
        """Where setup-python puts the interpreter: empty when a job begins, and the same path in every job."""

    @property
    def snapshots(self) -> Path:
        """What was set up once, for the next job that asks for exactly the same; shared by the jobs."""

    @property
    def network(self) -> Mapping[str, str]:
        """The person's own way to a package index, for set-up alone."""

    @property
    def tools(self) -> Mapping[str, Path]:
        """What installers put on PATH: the tool's name, and the folder that it lies in."""

    def checkout(self, folder: Path, *, whole: bool) -> None:
        """Put the checkout of the run's ref there, whole or as one commit with its tag; origin is the played host.

        Raises:
            StepFailedError: The job's token may not read this repository.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCall:
    """One step of a job, about to be played."""

    step: WorkflowStep
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

    def input_text(self, name: str, default: str = "") -> str:
        """Return an input, its white space cut off."""
        return self.inputs.get(name, default).strip()

    def yes(self, name: str) -> bool:
        """Tell whether an input that is true or false, by default the latter, is true.

        Raises:
            StepFailedError: It is neither: the action fails as well.
        """
        text = self.input_text(name, "false").lower()
        if text not in {"true", "false", ""}:
            raise StepFailedError(f"got {show(text)} for the input {name}, expected true or false")
        return text == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEffects:
    """What a step leaves to those after it."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    """Folders that go first on PATH, the last one before the others."""
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action that is played."""

    play: Callable[[StepCall], StepEffects]
    played: frozenset[str]
    """Inputs that are heeded."""
    ignored: frozenset[str] = frozenset()
    """Inputs that change nothing here."""


@contextmanager
def name_place(file: str, at: PlacedValue) -> Iterator[None]:
    """Let the error of an expression in the block name its place.

    Raises:
        UsageError: The expression cannot be evaluated.
    """
    try:
        yield
    except ExpressionError as error:
        raise UsageError(
            f"{file}:{at.line}: {error}",
            context=(at.text.strip(),) if at.text else (),
            hint="Correct the expression; `tagseal doctor` and actionlint look at all of them.",
            slug="expression-not-played",
        ) from error
