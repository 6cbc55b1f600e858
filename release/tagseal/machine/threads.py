"""Work side by side, in threads that nobody waits for after an interrupt.

The interpreter waits for the threads of the standard library's pools, to its end: one in a pause of a minute, or with a
service that has fallen silent, would hold up whoever pressed Ctrl-C. A thread with a child ends that first, and is
waited for.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")

_GRACE = 2.0
"""Seconds after an interrupt that threads have to put down what they hold."""
_LOOK = 0.02
"""Seconds between two looks at what is still held."""
_here = threading.local()


class Interrupt:
    """The end, before its time, of what several threads do; and who holds something that must not outlive it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._came = threading.Event()
        self._turn = threading.Lock()
        self._held = 0

    @property
    def came(self) -> bool:
        """Whether everything is to be put down."""
        return self._came.is_set()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let an interrupt wait until the block ends, which it does soon: it looks at ``came``."""
        with self._turn:
            self._held += 1
        try:
            yield
        finally:
            with self._turn:
                self._held -= 1

    def interrupt(self) -> None:
        """Let everything be put down, and wait until nothing is held."""
        self._came.set()
        while self._held:
            time.sleep(_LOOK)


_EXIT = Interrupt()
"""The end of this process, for what is under way in the background."""
atexit.register(_EXIT.interrupt)


def current_interrupt() -> Interrupt | None:
    """Return what can end the work of this thread; None in the main thread, where an interrupt is an exception."""
    found: Interrupt | None = getattr(_here, "interrupt", None)
    return found


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
    interrupt = current_interrupt() or Interrupt()

    def run() -> None:
        _here.ended, _here.interrupt = ended, interrupt
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
        interrupt.interrupt()
        for one in crew:
            if one.ident is not None:
                one.join(max(0.0, until - time.monotonic()))
        raise
    if failures:
        raise failures[0]


def gather(act: Callable[[T], R], things: Iterable[T], threads: int) -> tuple[R, ...]:
    """Return what comes of each thing, in the order of the things; see :func:`side_by_side`.

    Raises:
        BaseException: The first failure.
    """
    known = tuple(things)
    results: dict[int, R] = {}

    def one(number: int) -> None:
        results[number] = act(known[number])

    side_by_side(one, range(len(known)), threads)
    return tuple(results[number] for number in range(len(known)))


class Errand(Generic[T]):
    """An act under way in a thread that nobody waits for; at the end of the process it puts down what it holds."""

    def __init__(self, act: Callable[[], T]) -> None:
        """Begin it."""
        self._act = act
        self._results, self._failures = list[T](), list[BaseException]()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self, seconds: float | None = None) -> T:
        """Wait until it ends, and return what it returns.

        Raises:
            TimeoutError: It has not ended within so many seconds.
            BaseException: Whatever it raised.
        """
        self._thread.join(seconds)
        if self._failures:
            raise self._failures[0]
        if not self._results:
            raise TimeoutError(f"got no result within {seconds:g} s, expected one")
        return self._results[0]

    def _run(self) -> None:
        _here.interrupt = _EXIT
        try:
            self._results.append(self._act())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._failures.append(error)


def within(seconds: float, act: Callable[[], T]) -> T:
    """Return what a foreign act returns that may not end: it is left to a thread that nobody waits for.

    Raises:
        TimeoutError: It has not ended within so many seconds.
        BaseException: Whatever it raised.
    """
    return Errand(act).result(seconds)


def slept(seconds: float) -> bool:
    """Wait; tell whether nothing ended the work of this thread meanwhile."""
    ended: threading.Event | None = getattr(_here, "ended", None)
    if ended is not None:
        return not ended.wait(seconds)
    time.sleep(seconds)
    return True
