"""threads: work side by side, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import stamina

from tagseal.errors import Busy, Refused
from tagseal.machine.threads import side_by_side, within
from tagseal.services.retry import Pace, Retry

ROOT = Path(__file__).parents[2]

WAITS = """
import sys, threading, time
from tagseal.cli import interrupts
from tagseal.errors import Busy
from tagseal.services.retry import Pace, Retry
from tagseal.machine.threads import side_by_side

def busy(after=None):
    return Busy("the service failed", hint="Again.", slug="busy", after=after)

def told(*_):
    print("waiting", flush=True)

def fail():
    raise busy(after=300.0)

def paced():
    pace = Pace(patience=600)
    try:
        with pace.turn():
            fail()
    except Busy:
        pass
    pace.waiting = told
    with pace.turn():
        raise AssertionError

def hang():
    told()
    threading.Event().wait()  # a service that has fallen silent: nothing ends this

ACTS = {
    "alone": lambda: Retry(patience=600, waiting=told).read(fail),
    "retry": lambda: side_by_side(lambda _: Retry(patience=600, waiting=told).read(fail), range(9), 3),
    "pace": lambda: side_by_side(lambda _: paced(), range(9), 3),
    "silent": lambda: side_by_side(lambda _: hang(), range(9), 3),
}
interrupts.raise_on_interrupt()
try:
    ACTS[sys.argv[1]]()
except KeyboardInterrupt:
    raise SystemExit(interrupts.INTERRUPTED)
"""


@pytest.mark.system
@pytest.mark.parametrize("act", ["alone", "retry", "pace", "silent"])
def test_ctrl_c_ends_any_wait_at_once(act: str) -> None:
    """A countdown, a turn among many writes and a silent service hold nobody up, in whichever thread they are."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, act],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "release")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (130, "")
    assert time.monotonic() - begun < 5


def test_a_failure_ends_the_pauses_of_the_others() -> None:
    """What one thread was refused no other one waits for, and the refusal is what is raised."""
    begun, waits = time.monotonic(), threading.Event()

    def act(number: int) -> None:
        if number:
            waits.wait(30)
            raise Refused("no", hint="No.", slug="no")
        Retry(patience=600, waiting=lambda *_: waits.set()).read(failing)

    def failing() -> None:
        raise Busy("the service failed", hint="Again.", slug="busy", after=20.0)

    with stamina.set_testing(False), pytest.raises(Refused):
        side_by_side(act, range(2), 2)
    assert time.monotonic() - begun < 5


def test_after_a_failure_nothing_is_begun() -> None:
    """What is under way ends first."""
    done: list[int] = []

    def act(number: int) -> None:
        if number == 1:
            raise Refused("no", hint="No.", slug="no")
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(Refused):
        side_by_side(act, range(50), 2)
    assert done == [0]


def test_everything_is_done_once() -> None:
    """By as many threads as there are things to do, at most; each has begun in its own way."""
    done: list[int] = []
    begun: list[int] = []
    side_by_side(done.append, range(100), 5, first=lambda: begun.append(1))
    side_by_side(done.append, [100], 5, first=lambda: begun.append(1))
    side_by_side(done.append, [], 5, first=lambda: begun.append(1))
    assert (sorted(done), len(begun)) == (list(range(101)), 6)


def test_a_turn_that_is_waited_for_alone_comes() -> None:
    """Where nothing runs side by side, nothing ends a wait."""
    pace = Pace(patience=600)
    with pytest.raises(Busy), pace.turn():
        raise Busy("the service failed", hint="Again.", slug="busy", after=300.0)
    with pace.turn():
        pass


def test_what_ends_in_time_gives_its_result() -> None:
    """A foreign act's result, or its failure, is that of the call."""
    assert within(60, lambda: "done") == "done"
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)


def test_what_does_not_end_is_left_behind() -> None:
    """The caller goes on when the time is over, whatever the act does."""
    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"got no result within 0\.01 s"):
        within(0.01, never.wait)
    never.set()
