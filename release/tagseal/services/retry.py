"""The one place that waits: for a service that may answer later, and for its limits.

1. A read that failed is sent again.
2. A write that failed may have been done: it is looked for first, and sent again only where it is not there.
3. The pause grows from one second to one minute; where the service names a time, that time counts.
4. Once the patience is over, or would not last until that time, the last error stands. It begins with a failure:
   what waited for its turn has failed nobody yet. A look at what a write made is part of that write.
5. Writes go at once until one is refused for their number; from then on as many as the limits allow.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import random
import threading
import time
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from tagseal.errors import Busy
from tagseal.machine.threads import slept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

_looking: ContextVar[bool] = ContextVar("looking", default=False)
"""Whether what a write made is looked for: its patience counts, and no other begins."""

# It reports each retry to its logger, which would write to standard error where nobody listens; ours is `waiting`.
logging.getLogger("stamina").addHandler(logging.NullHandler())

FIRST, LONGEST = 1.0, 60.0
"""Seconds of the first pause, doubled each time, and of the longest."""


def silent(_reason: str, _seconds: float) -> None:
    """Tell nobody."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The retry policy. Only :class:`tagseal.errors.Busy` is tried again; whatever else is raised stands at once."""

    patience: float
    """Seconds that one call may go on failing; 0 tries once."""
    waiting: Callable[[str, float], None] = silent
    """Told, before each pause, what failed and how many seconds the pause takes."""

    def read(self, ask: Callable[[], T]) -> T:
        """Return what the service answers.

        Raises:
            Busy: The patience is over.
        """
        return self._until(lambda _number: ask())

    def write(self, send: Callable[[], T], look: Callable[[], T | None]) -> T:
        """Return what came of a write, sent here or found.

        Args:
            send: Sends it.
            look: Returns what an earlier sending made, None where it made nothing.

        Raises:
            Busy: The patience is over.
        """

        def decide(number: int) -> T:
            found = _look(look) if number > 1 else None
            return send() if found is None else found

        return self._until(decide)

    def _until(self, act: Callable[[int], T]) -> T:
        import stamina  # noqa: PLC0415 - 0.06 s that a refusal need not wait for

        if _looking.get():
            return act(1)
        for attempt in stamina.retry_context(_RetryDecision(self), attempts=None, timeout=None):
            with attempt:
                return act(attempt.num)
        raise AssertionError  # the context raises the last error


def _look(look: Callable[[], T | None]) -> T | None:
    within = _looking.set(True)
    try:
        return look()
    finally:
        _looking.reset(within)


@dataclasses.dataclass(slots=True)
class _RetryDecision:
    """Decide after each failure whether to try again, and when."""

    retry: Retry
    begun: float | None = None
    tries: int = 0

    def __call__(self, error: Exception) -> bool | float:
        """Wait, and return that there is nothing left to wait; False to give up."""
        if not isinstance(error, Busy):
            return False
        self.tries += 1
        now = time.monotonic()
        self.begun = now if self.begun is None else self.begun
        pause = _pause(self.tries) if error.after is None else error.after
        if now - self.begun + pause > self.retry.patience:
            error.context = (*error.context, *self._attempts_made(error, now - self.begun))
            return False
        self.retry.waiting(error.what, pause)
        return 0.0 if _slept(pause) else False

    def _attempts_made(self, error: Busy, seconds: float) -> Iterator[str]:
        if self.tries > 1:
            yield f"tried {self.tries} times in {seconds:.0f} s"
        if error.after is not None:
            yield f"it wants a pause of {error.after:.0f} s, and `wait` allows {self.retry.patience:.0f} s in all"


def _slept(seconds: float) -> bool:
    """Wait; tell whether the work of this thread goes on."""
    import stamina  # noqa: PLC0415 - as above

    return slept(0 if stamina.is_testing() else seconds)


def _pause(tries: int) -> float:
    """Return the seconds after this many tries, with a tenth of chance so that threads part."""
    return min(LONGEST, FIRST * 2.0 ** (tries - 1)) * random.uniform(0.9, 1.1)  # noqa: S311 - no secret


LIMITS = ((80, 60.0), (500, 3600.0))
"""Requests that create content, and the seconds that they are for: "Rate limits for the REST API", GitHub."""


def earliest(sent: Sequence[float], now: float) -> float:
    """Return when the next write may go, spread over the minute; ``sent`` are the times of those before, in order."""
    most, seconds = LIMITS[0]
    spread = sent[-1] + seconds / most if sent else now
    return max(now, spread, *(sent[-most] + seconds for most, seconds in LIMITS if len(sent) >= most))


@dataclasses.dataclass(slots=True, kw_only=True)
class Pace:
    """The turn of each write, for all threads: nobody waits until the service refuses one for their number."""

    patience: float
    """Seconds that a pause which the service asks for may take."""
    waiting: Callable[[str, float], None] = silent
    _sent: deque[float] = dataclasses.field(default_factory=lambda: deque(maxlen=LIMITS[-1][0]))
    _left: int = 0
    _not_before: float = 0.0
    _refusal: Busy | None = None
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def expect(self, writes: int) -> None:
        """Say how many are to come."""
        with self._lock:
            self._left = writes

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for this thread's turn; within it, one write.

        Raises:
            Busy: The service asked another thread for a pause that is longer than the patience.
        """
        self._wait(*self._slot())
        try:
            yield
        except Busy as error:
            if error.after is not None:
                with self._lock:
                    self._refusal, self._not_before = error, time.monotonic() + error.after
            raise

    def _slot(self) -> tuple[float, int]:
        """Take the next free time; return the seconds until then, and how many writes are to come."""
        with self._lock:
            now = time.monotonic()
            if self._refusal is not None and self._not_before > now + self.patience:
                raise self._refusal
            at = max(earliest(self._sent, now), self._not_before) if self._refusal else now
            self._sent.append(at)
            self._left = max(0, self._left - 1)
            return at - now, self._left

    def _wait(self, seconds: float, left: int) -> None:
        if seconds <= 0:
            return
        most, period = LIMITS[0]
        # In whole minutes: a log gets a line for each reason, not for each write.
        minutes = math.ceil((seconds + left * period / most) / 60)
        self.waiting(f"GitHub takes {most} writes a minute: about {minutes} min for the rest", seconds)
        if not _slept(seconds) and self._refusal is not None:
            raise self._refusal
