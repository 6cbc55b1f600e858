"""How a job ends before its time: between two file operations, or in the middle of a file."""

from __future__ import annotations

import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import Literal

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Ending = Literal["kill", "interrupt", "torn", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a job ends before its time."""

    kind: Ending
    """``kill`` and ``interrupt`` come before a file operation, ``torn`` and ``full`` in the middle of a file."""
    at: int
    """Which file operation, from 1; or the byte of any file at which the disk ends."""
    work: bool = True
    """Whether only operations below ``dist/`` count."""


def doom(death: Death) -> None:
    """Let this process end as told."""
    if death.kind in {"torn", "full"}:
        if death.kind == "torn":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (death.at, resource.RLIM_INFINITY))
        return
    number = signal.SIGKILL if death.kind == "kill" else signal.SIGINT
    left = death.at

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if _changes(event, arguments, within="/dist/" if death.work else ""):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), number)

    sys.addaudithook(count)


def _changes(event: str, arguments: tuple[object, ...], *, within: str) -> bool:
    """Tell whether an audit event is the beginning of a change to the file system."""
    path = arguments[0] if arguments else None
    named = isinstance(path, (str, bytes, os.PathLike))
    if event == "open":
        flags = arguments[2]
        return named and isinstance(flags, int) and bool(flags & _WRITING) and within in os.fsdecode(path)  # type: ignore[arg-type]
    return event in _CHANGES and named and within in os.fsdecode(path)  # type: ignore[arg-type]
