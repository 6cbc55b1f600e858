"""Processes that slip away from their session, found when their parents are gone.

A child may fork twice and lead a session of its own: a signal to the first session does not reach it. On Linux this
process takes in such orphans (prctl(2), PR_SET_CHILD_SUBREAPER) and ends them. Elsewhere they stay, and so does what
another service of the machine starts on a child's request.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

_SET_CHILD_SUBREAPER = 36

_LOCK = threading.Lock()
_RUNNING: set[int] = set()
"""Children that a block below waits for: no orphans, in whichever thread."""


@contextmanager
def end_orphans() -> Iterator[Callable[[Callable[[], Popen[bytes]]], Popen[bytes]]]:
    """Give a function that starts this block's child; at the end, end whatever has become an orphan meanwhile.

    The child leads a session of its own, so what shares this process's session was started by somebody else.
    """
    _adopt()
    others, children = _strays(), set[int]()

    def start(popen: Callable[[], Popen[bytes]]) -> Popen[bytes]:
        with _LOCK:
            child = popen()
            children.add(child.pid)
            _RUNNING.add(child.pid)
        return child

    try:
        yield start
    finally:
        with _LOCK:
            _RUNNING.difference_update(children)
            while orphans := _strays() - others:  # ending one may bring its own children here
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)  # a child of ours keeps its number until it is waited for
                for pid in orphans:
                    with suppress(ChildProcessError):
                        os.waitpid(pid, 0)


@cache
def _adopt() -> None:
    """Become the parent of orphaned descendants."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - a few milliseconds that only a process with children has to spend

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _strays() -> set[int]:
    """Return the children of this process that lead or share another session, without the running ones."""
    if sys.platform != "linux":
        return set()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return set()  # none at all: the usual case, and a cheap question
    ours = (str(os.getpid()), str(os.getsid(0)))
    found = set()
    for number in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - processes end while we look
        with suppress(OSError, ValueError):
            text = Path("/proc", number, "stat").read_text(errors="replace")
            _, parent, _, session = text.rpartition(")")[2].split()[:4]  # proc(5): behind the name in parentheses
            if parent == ours[0] and session != ours[1]:
                found.add(int(number))
    return found - _RUNNING
