"""A job's process, followed: its lines are told as they come, and a fault can kill it with all that it started."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tagseal.machine import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tagseal.loopback.faults import Faults
    from tagseal.machine.process import Finished


def run(  # noqa: PLR0913 - a child, who kills it and who hears it
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path,
    faults: Faults,
    tell: Callable[[str], None],
    timeout: float | None = None,
) -> Finished:
    """Run a process to its end; its lines go to the log, and are told.

    Raises:
        UsageError: There is no such program.
        ServiceError: It took longer than ``timeout`` seconds.
    """
    with _FileTail(log, tell), _killable(faults) as started:
        return process.run(argv, cwd=cwd, environ=environ, log=log, started=started, timeout=timeout)


@contextmanager
def _killable(faults: Faults) -> Iterator[Callable[[int], None]]:
    """Give what is to be told of a job's process, for the faults that kill it with all that it started."""

    def started(group: int) -> None:
        faults.kill = partial(os.killpg, group, signal.SIGKILL)

    try:
        yield started
    finally:
        faults.kill = bool


class _FileTail:
    """Tell the lines of a growing file until the block ends."""

    def __init__(self, log: Path, tell: Callable[[str], None]) -> None:
        self._log, self._tell = log, tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._log.touch()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        with self._log.open(encoding="utf-8", errors="replace") as file:
            rest = ""
            while True:
                over = self._over.wait(0.05)
                *lines, rest = (rest + file.read()).split("\n")
                for line in lines:
                    self._tell(line)
                if over:
                    if rest:
                        self._tell(rest)
                    return
