"""A job's process, followed: what it tells is told as it comes, and a fault can kill it with all that it started."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagseal.machine import process
from tagseal.machine.actions import EVENTS
from tagseal.records import from_json
from tagseal.report.events import EventKind, ReportEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tagseal.loopback.faults import Faults
    from tagseal.report.events import Failure

_SHOWN = 8
"""Last lines of a program that fails without a word of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedChild:
    """A child that has ended."""

    code: int
    """Its exit code, as a shell tells it, also of a signal."""
    events: int
    """How many things commands of ours told."""
    failures: tuple[Failure, ...]
    """What commands of ours ended with, in their order."""
    last: tuple[str, ...]
    """The last lines that were printed, by whichever program, fit to be shown."""

    def show_output(self, tell: Callable[[ReportEvent], None]) -> None:
        """Tell the last lines, for whoever has no other word on what went wrong."""
        for line in self.last:
            tell(ReportEvent(kind=EventKind.output, text=f"  | {line}"))


def run(  # noqa: PLR0913 - a child, who kills it and who hears it
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path,
    faults: Faults,
    tell: Callable[[ReportEvent], None],
    timeout: float | None = None,
) -> EndedChild:
    """Run a process to its end; what it prints goes to the log, and what commands of ours tell is told.

    Raises:
        UsageError: There is no such program.
        ServiceError: It took longer than ``timeout`` seconds.
    """
    file = log.with_suffix(".jsonl")
    with _EventTail(file, tell) as told, _killable(faults) as started:
        finished = process.run(
            argv, cwd=cwd, environ={**environ, EVENTS: str(file)}, log=log, started=started, timeout=timeout
        )
    return EndedChild(
        code=finished.code if finished.code >= 0 else 128 - finished.code,
        events=len(told),
        failures=tuple(event.failure for event in told if event.failure),
        last=process.tail(finished.output, _SHOWN),
    )


@contextmanager
def _killable(faults: Faults) -> Iterator[Callable[[int], None]]:
    """Give what is to be told of a job's process, for the faults that kill it with all that it started."""

    def started(group: int) -> None:
        faults.kill = partial(os.killpg, group, signal.SIGKILL)

    try:
        yield started
    finally:
        faults.kill = bool


class _EventTail:
    """Tell what is in the lines of a growing file until the block ends, which it is there for."""

    def __init__(self, file: Path, tell: Callable[[ReportEvent], None]) -> None:
        self._file, self._tell = file, tell
        self._told: list[ReportEvent] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> list[ReportEvent]:
        self._file.touch(mode=0o600)
        self._thread.start()
        return self._told

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        with self._file.open("rb") as file:
            rest = b""
            while True:
                over = self._over.wait(0.05)
                *lines, rest = (rest + file.read()).split(b"\n")
                for event in filter(None, map(_read, lines)):
                    self._told.append(event)
                    self._tell(event)
                if over:
                    return


def _read(line: bytes) -> ReportEvent | None:
    """Return what a line tells; None for what is none of ours, for any program of the job can write there."""
    try:
        return from_json(ReportEvent, line)
    except ValueError:
        return None
