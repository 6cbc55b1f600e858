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
from tagseal.machine.threads import Errand, gather, side_by_side, within
from tagseal.services.retry import Pace, Retry

ROOT = Path(__file__).parents[2]

WAITS = """
import os, sys, threading, time
from pathlib import Path
from tagseal.cli import interrupts
from tagseal.errors import Busy
from tagseal.services.retry import Pace, Retry
from tagseal.machine import process
from tagseal.machine.threads import Errand, side_by_side

def busy(after=None):
    return Busy("the service failed", hint="Again.", slug="busy", after=after)

def told(*about):
    print("waiting", *about[:1] if about and isinstance(about[0], int) else (), flush=True)

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

def child():
    process.run(["sleep", "600"], cwd=Path(), environ=dict(os.environ), started=told)

def background():
    process.run(["sleep", "600"], cwd=Path(), environ=dict(os.environ), started=begun.append)

begun = []

def errand():
    Errand(background)
    while not begun:
        time.sleep(0.01)
    told(*begun)
    threading.Event().wait()

ACTS = {
    "alone": lambda: Retry(patience=600, waiting=told).read(fail),
    "retry": lambda: side_by_side(lambda _: Retry(patience=600, waiting=told).read(fail), range(9), 3),
    "pace": lambda: side_by_side(lambda _: paced(), range(9), 3),
    "silent": lambda: side_by_side(lambda _: hang(), range(9), 3),
    "child": lambda: side_by_side(lambda _: child(), range(1), 1),
    "nested": lambda: side_by_side(lambda _: side_by_side(lambda _: child(), range(1), 1), range(1), 1),
    "background": errand,
}
interrupts.raise_on_interrupt()
try:
    ACTS[sys.argv[1]]()
except KeyboardInterrupt:
    raise SystemExit(interrupts.INTERRUPTED)
"""


def waiting(act: str) -> subprocess.Popen[str]:
    """Start a process that waits in this way, and says so."""
    return subprocess.Popen(
        [sys.executable, "-c", WAITS, act],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "release")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.system
@pytest.mark.parametrize("act", ["alone", "retry", "pace", "silent"])
def test_ctrl_c_ends_any_wait_at_once(act: str) -> None:
    """A countdown, a turn among many writes and a silent service hold nobody up, in whichever thread they are."""
    with waiting(act) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        begun = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (130, "")
    assert time.monotonic() - begun < 5


@pytest.mark.system
@pytest.mark.parametrize("act", ["child", "nested", "background"])
def test_ctrl_c_ends_the_child_of_a_thread_as_well(act: str) -> None:
    """A thread with a child is waited for, and ends it: no child outlives the process, in whichever thread it is."""
    with waiting(act) as child:
        assert child.stdout is not None
        word, number = child.stdout.readline().split()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert (word, child.returncode, errors) == ("waiting", 130, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)


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


def test_results_come_in_the_order_of_the_things() -> None:
    """Whichever thread ends first; the first failure is raised."""
    last = threading.Event()

    def act(number: int) -> int:
        if number:
            last.set()
        else:
            last.wait(60)
        return number * 10

    assert gather(act, range(5), 2) == (0, 10, 20, 30, 40)
    with pytest.raises(ZeroDivisionError):
        gather(lambda number: 1 // number, range(5), 2)


def test_an_errand_is_under_way_at_once_and_gives_its_result_again() -> None:
    """Whoever asks waits for it; what it raised is raised by each asking."""
    begun = threading.Event()

    def act() -> int:
        begun.set()
        return 7

    errand = Errand(act)
    assert begun.wait(60)
    failing = Errand(lambda: 1 // 0)
    for _ in range(2):
        assert errand.result() == 7
        with pytest.raises(ZeroDivisionError):
            failing.result()


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
