"""The steps of one job: actions that are played, shell lines that are run, and what each leaves to the next.

Source: "Workflow syntax for GitHub Actions", ``jobs.<job_id>.steps``, and "Workflow commands".
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from tagseal.errors import ServiceError, UsageError
from tagseal.names import printable
from tagseal.workflow.evaluate import fill, holds, value
from tagseal.workflow.play import files, setup, shells
from tagseal.workflow.play.action import Host, StepCall, StepEffects, StepFailedError, name_place
from tagseal.workflow.play.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.workflow.document import Workflow, WorkflowJob, WorkflowStep
    from tagseal.workflow.evaluate import Status
    from tagseal.workflow.tree import PlacedValue

_INSTALLS = re.compile(r"\b(?:pip3?|poetry|apt|apt-get|npm) (?:-\S+ )*install\b|\b(?:pipx|uvx?) ", re.ASCII)
_NO_INDEX = "; the package index is there for steps that are `pip install --require-hashes -r FILE` and nothing else"
Conclusion = Literal["success", "failure", "skipped"]


class World(Host, Protocol):
    """What stands behind one job, and runs its shells."""

    @property
    def environ(self) -> Mapping[str, str]:
        """What every step finds in its environment."""

    @property
    def shims(self) -> Path:
        """What goes first on PATH, before all that steps put there: tools that must find their way here."""

    @property
    def workspace(self) -> Path:
        """Where steps begin."""

    @property
    def temp(self) -> Path:
        """The job's own temporary folder."""

    def begin(self, name: str, place: str) -> None:
        """Hear which step begins, and where it stands."""

    def run(self, argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, timeout: float | None) -> int:
        """Run a shell to its end and return its exit code; its lines go to the log."""

    def log(self, line: str) -> None:
        """Take one line of the job's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A step that is over."""

    name: str
    id: str
    line: int
    outcome: Conclusion
    """Before ``continue-on-error``."""
    conclusion: Conclusion
    outputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Why it failed."""


@dataclass(slots=True, kw_only=True)
class _State:
    """What steps change for those after them."""

    ends: float | None
    """When the job's time is over, in seconds of the monotonic clock."""
    status: Status = "success"
    path: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    ended: list[StepResult] = field(default_factory=list)

    def take(self, done: StepEffects) -> None:
        """Keep what a step leaves."""
        self.path = [*reversed(done.path), *self.path]
        self.environ |= done.environ


def play(
    workflow: Workflow, job: WorkflowJob, known: Mapping[str, Any], world: World
) -> tuple[tuple[StepResult, ...], Status]:
    """Play the steps in order; return what became of each, and of the job.

    Raises:
        UsageError: An expression cannot be evaluated, or an action is asked for what is not played.
    """
    state = _State(ends=_ends(job.at))
    for number, step in enumerate(job.steps, 1):
        names = _known_values(known, state, world)
        with name_place(workflow.path, step.at):
            # GitHub refuses a condition that names secrets.
            if not holds(step.condition, {name: names[name] for name in names if name != "secrets"}, state.status):
                state.ended.append(_end_step(step, "skipped", "skipped"))
                continue
            _play(workflow, job, step, names, state, world, number)
    return tuple(state.ended), state.status


def contexts(ended: Sequence[StepResult]) -> dict[str, Any]:
    """Return what ``steps`` says of them."""
    return {
        one.id: {"outputs": dict(one.outputs), "outcome": one.outcome, "conclusion": one.conclusion}
        for one in ended
        if one.id
    }


def environ(at: PlacedValue, known: Mapping[str, Any], file: str) -> dict[str, str]:
    """Return the ``env`` of a workflow, a job or a step, evaluated.

    Raises:
        UsageError: An expression in it cannot be.
    """
    said = {}
    for name, text in at.below("env").items():
        with name_place(file, text):
            said[name] = fill(text.text, known)
    return said


def _known_values(known: Mapping[str, Any], state: _State, world: World) -> dict[str, Any]:
    runner = {"os": "Linux", "arch": "X64", "temp": str(world.temp), "environment": "github-hosted"}
    return {
        **known,
        "steps": contexts(state.ended),
        "env": {**known["env"], **state.environ},
        "job": {"status": state.status},
        "runner": runner,
    }


def _play(  # noqa: PLR0913, PLR0917 - a step, and everything around it
    workflow: Workflow,
    job: WorkflowJob,
    step: WorkflowStep,
    known: Mapping[str, Any],
    state: _State,
    world: World,
    number: int,
) -> None:
    own = environ(step.at, known, workflow.path)
    known = {**known, "env": {**known["env"], **own}}
    commands = _command_files(world.temp, number)
    seen = {**world.environ, **known["env"], **commands}
    seen["PATH"] = os.pathsep.join([str(world.shims), *state.path, world.environ["PATH"]])
    given = {name: fill(one.text, known) for name, one in step.at.below("with").items()}
    call = StepCall(
        step=step,
        file=workflow.path,
        inputs=given,
        environ=seen,
        workspace=world.workspace,
        temp=world.temp,
        host=world,
        log=lambda line: world.log(printable(line)),
    )
    world.begin(step.name, call.place)
    outputs: Mapping[str, str] = {}
    outcome: Conclusion = "success"
    reason = ""
    try:
        done = ACTIONS[step.action].play(call) if step.uses else _run(workflow, job, call, known, world, state.ends)
        outputs = {**done.outputs, **_read_outputs(commands, state)}
        state.take(done)
    except StepFailedError as error:
        outcome, reason = "failure", printable(str(error))
        for line in str(error).splitlines():
            call.log(f"failed: {line}")
    continues = outcome == "success" or truth(step.continues, known)
    if not continues:
        state.status = "failure"
    state.ended.append(_end_step(step, outcome, "success" if continues else "failure", outputs, reason))


def _run(  # noqa: PLR0913, PLR0917 - as above
    workflow: Workflow, job: WorkflowJob, call: StepCall, known: Mapping[str, Any], world: World, ends: float | None
) -> StepEffects:
    lines = fill(call.step.run, known)
    folder = call.workspace / fill(_default(workflow, job, call.step, "working-directory"), known)
    if not folder.is_dir():
        raise StepFailedError(f"got no folder {folder.name} to run in")
    if folder == call.workspace and (requirements := setup.requirements_file(lines)):
        return setup.install(call, requirements)
    script = Path(call.environ["GITHUB_OUTPUT"]).with_name("script")
    shell = shells.argv(_default(workflow, job, call.step, "shell"), lines, script)
    over = min((one for one in (_ends(call.step.at), ends) if one is not None), default=None)
    left = None if over is None else max(0.0, over - time.monotonic())
    try:
        code = world.run(shell, environ=call.environ, cwd=folder, timeout=left)
    except ServiceError as error:
        raise StepFailedError("it took longer than `timeout-minutes` allows") from error
    except UsageError as error:  # there is no such shell
        raise StepFailedError(error.what) from error
    if code != 0:
        raise StepFailedError(f"exit code {code}{_NO_INDEX if _INSTALLS.search(lines) else ''}")
    return StepEffects()


def _read_outputs(commands: Mapping[str, str], state: _State) -> dict[str, str]:
    """Read the files that a step wrote to; return its outputs."""
    text = {name: Path(path).read_text(encoding="utf-8", errors="replace") for name, path in commands.items()}
    state.take(
        StepEffects(
            path=tuple(line for line in text["GITHUB_PATH"].splitlines() if line),
            environ=files.variables(text["GITHUB_ENV"]),
        )
    )
    return files.read(text["GITHUB_OUTPUT"])


def _command_files(temp: Path, number: int) -> dict[str, str]:
    """Make the files of one step: none sees what another wrote."""
    folder = temp / f"commands-{number}"
    folder.mkdir(parents=True)
    paths = {name: folder / name.lower() for name in files.NAMES}
    for path in paths.values():
        path.write_bytes(b"")
    return {name: str(path) for name, path in paths.items()}


def _default(workflow: Workflow, job: WorkflowJob, step: WorkflowStep, name: str) -> str:
    """Return the step's own word, or the job's default, or the workflow's."""
    return step.at.say(name) or job.at.say("defaults", "run", name) or workflow.at.say("defaults", "run", name)


def _ends(at: PlacedValue) -> float | None:
    """Return when the ``timeout-minutes`` of a job or a step are over, which begins now."""
    said = at.say("timeout-minutes")
    return time.monotonic() + float(said) * 60 if said else None


def truth(written: str, known: Mapping[str, Any]) -> bool:
    """Return what ``continue-on-error`` comes to.

    Raises:
        ExpressionError: It cannot be evaluated.
    """
    if written.startswith("${{"):
        return bool(value(written.removeprefix("${{").removesuffix("}}"), known))
    return written == "true"


def _end_step(
    step: WorkflowStep,
    outcome: Conclusion,
    conclusion: Conclusion,
    outputs: Mapping[str, str] | None = None,
    reason: str = "",
) -> StepResult:
    return StepResult(
        name=step.name,
        id=step.at.say("id"),
        line=step.at.line,
        outcome=outcome,
        conclusion=conclusion,
        outputs=outputs or {},
        reason=reason,
    )
