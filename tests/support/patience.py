"""An end for a test of what must not wait: without it, a fault would hold the tests instead of failing them."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 300
"""Far more than anything here takes on the slowest machine, and far less than without end."""


@contextmanager
def patience() -> Iterator[None]:
    """End what takes longer with a failure."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"it takes longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
