"""Ctrl-C, and the end that a runner asks for: what they do depends on what there is to clean up."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTERRUPTED = 130
_DEAF = 10.0
"""Seconds after an interrupt that no other one is heard: cleaning up takes less, and must not be interrupted."""


def raise_on_interrupt() -> None:
    """Let an interrupt be an exception from here on; whoever presses again and again raises one."""
    until = 0.0

    def interrupt(*_: object) -> None:
        nonlocal until
        if time.monotonic() >= until:
            until = time.monotonic() + _DEAF
            raise KeyboardInterrupt

    _handle(interrupt)


def ignore_interrupts() -> None:
    """Let no interrupt change the exit code any more."""
    _handle(signal.SIG_IGN)


@contextmanager
def at_once() -> Iterator[None]:
    """Let an interrupt end the program in this block: nothing is to be cleaned up, and imports swallow exceptions."""
    before = signal.getsignal(signal.SIGINT)
    _handle(lambda *_: os._exit(INTERRUPTED))
    yield
    _handle(before)


def _handle(handler: Callable[..., object] | int | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as for a job in the background
            signal.signal(number, handler)
