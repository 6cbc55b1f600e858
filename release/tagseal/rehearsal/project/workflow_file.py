"""The workflow file that a person names: theirs, or one that is not, and runs only if they say that they trust it.

A played workflow runs shell lines as the person. Those of their own checkout are theirs, as what its build back end
does is. Those of any other file are a stranger's; without a network they would still have the person's files, and
every service that listens on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError
from tagseal.machine import files
from tagseal.machine.files import open_file
from tagseal.machine.yaml import LARGEST
from tagseal.names import WORKFLOW, show
from tagseal.records import WORKFLOWS
from tagseal.workflow.document import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.machine.git import Git

_SHOWN = 10
"""Shell lines that a refusal shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    """A workflow file, read once: what was judged is what is played."""

    source: str
    """As the person named it."""
    data: bytes
    name: str
    """File name, which is part of the identity that signs."""

    @property
    def path(self) -> str:
        """Path that it is played at."""
        return f"{WORKFLOWS}/{self.name}"

    def place(self, clone: Git) -> tuple[str, ...]:
        """Put it where GitHub would read it; return what to remark."""
        file = files.below(clone.root, self.path)
        if file.is_file() and not file.is_symlink() and file.read_bytes() == self.data:
            return ()
        files.write_atomically(file, self.data)
        return (f"{show(self.source)} is played as {self.path}",)


def choose(file: Path, source: Git, *, trusted: bool) -> WorkflowFile:
    """Read the file that a person named.

    Args:
        file: What they named.
        source: Their checkout.
        trusted: Whether they said that a file from elsewhere may run here.

    Raises:
        UsageError: It is no workflow file.
        Refused: It is not from their checkout, and they did not say that they trust it.
    """
    if not file.is_file() or not WORKFLOW.fullmatch(file.name):
        raise UsageError(
            f"got {show(str(file))}, expected a workflow: a file whose name ends with .yml or .yaml",
            hint="Name the file behind --workflow, or nothing: `tagseal rehearse PATH --workflow`.",
            slug="no-workflow-file",
        )
    with open_file(file, follow=True) as content:
        chosen = WorkflowFile(source=str(file), data=content.read(LARGEST + 1), name=file.name)
    if not (trusted or _own(file, source)):
        runs = tuple(_runs(chosen))
        raise Refused(
            f"got {show(str(file))}, expected a workflow of this checkout: its shell lines would run as you, with "
            "your files and your network",
            context=(*runs[:_SHOWN], *((f"and {len(runs) - _SHOWN} more",) if len(runs) > _SHOWN else ())),
            hint="Read it. Then add --trust-workflow, best in a container into which nothing of yours is mounted.",
            slug="foreign-workflow",
        )
    return chosen


def _own(file: Path, source: Git) -> bool:
    """Tell whether git has the file in the person's checkout, or would have it with the next commit."""
    real = file.resolve()
    if file.is_symlink() or not real.is_relative_to(source.root.resolve()):
        return False
    name = real.relative_to(source.root.resolve()).as_posix()
    return name in source.tracked_files() or (name.startswith(f"{WORKFLOWS}/") and name in source.status().untracked)


def _runs(chosen: WorkflowFile) -> Iterator[str]:
    """Yield what would run, each with its line."""
    for job in parse(chosen.data, chosen.name).jobs:
        for step in job.steps:
            if step.run:
                yield f"line {step.at.entries['run'].line}: {show(step.run.strip())}"
