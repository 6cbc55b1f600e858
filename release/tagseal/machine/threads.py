"""Work side by side, in threads that nobody waits for after an interrupt.

The interpreter waits for the threads of the standard library's pools, to its end: one in a pause of a minute, or with a
service that has fallen silent, would hold up whoever pressed Ctrl-C.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_GRACE = 2.0
"""Seconds after an interrupt that threads have to put down what they hold."""
_here = threading.local()


def side_by_side(
    act: Callable[[T], object], things: Iterable[T], threads: int, *, first: Callable[[], object] = bool
) -> None:
    """Do something with each thing, in so many threads.

    After a failure nothing more is begun, pauses end, and what is under way is waited for; not so after an interrupt.

    Args:
        act: Done with each thing, in any thread.
        things: What to do it with, in the order of beginning.
        threads: How many at most.
        first: Done once in each thread before.

    Raises:
        BaseException: The first failure.
    """
    rest, ended, failures = deque(things), threading.Event(), list[BaseException]()

    def run() -> None:
        _here.ended = ended
        try:
            first()
            while rest and not ended.is_set():
                act(rest.popleft())
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)
            ended.set()

    crew = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(rest)))]
    try:
        for one in crew:
            one.start()
        for one in crew:
            one.join()
    except BaseException:
        ended.set()
        until = time.monotonic() + _GRACE
        for one in crew:
            if one.ident is not None:
                one.join(max(0.0, until - time.monotonic()))
        raise
    if failures:
        raise failures[0]


def within(seconds: float, act: Callable[[], T]) -> T:
    """Return what a foreign act returns that may not end: it is left to a thread that nobody waits for.

    Raises:
        TimeoutError: It has not ended within so many seconds.
        BaseException: Whatever it raised.
    """
    results, failures = list[T](), list[BaseException]()

    def run() -> None:
        try:
            results.append(act())
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError(f"got no result within {seconds:g} s, expected one")
    return results[0]


def slept(seconds: float) -> bool:
    """Wait; tell whether nothing ended the work of this thread meanwhile."""
    ended: threading.Event | None = getattr(_here, "ended", None)
    if ended is not None:
        return not ended.wait(seconds)
    time.sleep(seconds)
    return True
