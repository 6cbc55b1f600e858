"""One run at a time in a work folder: a lock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import platform
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine.files import irregular
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS = 300
"""Bytes of what the holder says of itself."""


@contextmanager
def hold_lock(path: Path, doing: str) -> Iterator[None]:
    """Hold the lock while the block runs; the file says who holds it, and stays.

    What counts is the lock (flock(2)), not the file: one that a killed run, or another machine, left locks nothing.

    Args:
        path: The lock's file; its folder is made.
        doing: What this process does, for the other one to tell.

    Raises:
        Refused: Another process holds it; or what lies there is no file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise irregular(path, "no regular file")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refusal(path, file.read(_WORDS).decode("utf-8", "replace")) from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.truncate()
        file.write(f"{doing}, process {os.getpid()} on {platform.node()}, since {now}".encode())
        try:
            yield
        finally:
            # Closing alone would leave it to a child that has just begun, until that runs its own program.
            fcntl.flock(file, fcntl.LOCK_UN)


def _refusal(path: Path, words: str) -> Refused:
    return Refused(
        f"got another run at work in dist/{path.parent.name}/, expected this one alone",
        context=(f"it says: {show(words, _WORDS)}",),
        hint="Wait until it ends, or end it; then run the same command again: it goes on from there.",
        slug="run-under-way",
    )
