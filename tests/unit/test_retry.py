"""retry: what is tried again, after which pause, what comes of a lost answer, and how fast writes go."""

from __future__ import annotations

import time

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from tagseal.errors import Busy, Refused, ServiceError
from tagseal.services.retry import LIMITS, LONGEST, Pace, Retry, earliest


class Service:
    """Fails as often as it is told, then answers."""

    def __init__(self, *failures: Exception, effect: bool = False) -> None:
        self.failures = list(failures)
        self.effect = effect
        self.sent = self.looked = 0
        self.made: str | None = None

    def send(self) -> str:
        self.sent += 1
        if not self.failures or self.effect:
            self.made = f"made by sending {self.sent}"
        if self.failures:
            raise self.failures.pop(0)
        return self.made or ""

    def look(self) -> str | None:
        self.looked += 1
        return self.made


def busy(after: float | None = None) -> Busy:
    return Busy("the service failed", hint="Again.", slug="busy", after=after)


def test_a_read_is_sent_again() -> None:
    """A service that fails twice and answers then has answered."""
    service = Service(busy(), busy())
    assert Retry(patience=600).read(service.send) == "made by sending 3"


def test_a_write_whose_answer_was_lost_is_found_and_not_sent_again() -> None:
    """Look, then decide: what the first sending made is the result."""
    service = Service(busy(), effect=True)
    assert Retry(patience=600).write(service.send, service.look) == "made by sending 1"
    assert (service.sent, service.looked) == (1, 1)


def test_a_write_without_effect_is_sent_again_after_a_look() -> None:
    """Nobody looks before the first sending; every further one is preceded by a look."""
    service = Service(busy(), busy())
    assert Retry(patience=600).write(service.send, service.look) == "made by sending 3"
    assert (service.sent, service.looked) == (3, 2)


@pytest.mark.parametrize(
    "error",
    [
        Refused("no", hint="No.", slug="no"),
        ServiceError("no", hint="No.", slug="no"),
        OSError("the disk is full"),
        KeyError("a bug"),
    ],
)
def test_nothing_else_is_tried_again(error: Exception) -> None:
    """A refusal, a full disk and a bug stand at once."""
    service = Service(error)
    with pytest.raises(type(error)):
        Retry(patience=600).read(service.send)
    assert service.sent == 1


def test_no_patience_tries_once() -> None:
    """``wait = 0`` gives up at the first failure, without a word about tries."""
    service = Service(busy())
    with pytest.raises(Busy) as caught:
        Retry(patience=0).read(service.send)
    assert (service.sent, caught.value.context) == (1, ())


def test_a_time_beyond_the_patience_is_not_waited_for() -> None:
    """A service that names an hour is not asked again within ten minutes."""
    service = Service(busy(after=3600))
    with pytest.raises(Busy):
        Retry(patience=600).read(service.send)
    assert service.sent == 1


def test_the_error_says_how_often_it_was_tried() -> None:
    """At the end of the patience the last error tells what was done."""
    service = Service(busy(), busy(), busy(after=601))
    with pytest.raises(Busy) as caught, stamina.set_testing(True, attempts=9):
        Retry(patience=600).read(service.send)
    assert caught.value.context == (
        "tried 3 times in 0 s",
        "it wants a pause of 601 s, and `wait` allows 600 s in all",
    )


def test_a_look_has_no_patience_of_its_own() -> None:
    """A service that fails while it is looked at, too, is borne with for one patience, not for one within another."""
    service, retry = Service(*(busy() for _ in range(9))), Retry(patience=600)
    looks: list[int] = []

    def look() -> None:
        def fail() -> None:
            looks.append(1)
            raise busy()

        retry.write(lambda: retry.read(fail), lambda: None)

    with stamina.set_testing(True, attempts=4), pytest.raises(Busy):
        retry.write(service.send, look)
    assert (service.sent, len(looks)) == (1, 3)


def test_patience_begins_with_a_failure() -> None:
    """A write that waited long for its turn, or was long under way, and then fails once, is tried again."""
    service = Service(busy())

    def slow() -> str:
        time.sleep(0.5)
        return service.send()

    assert Retry(patience=1.11).read(slow) == "made by sending 2"


def test_each_pause_is_told_before_it_begins() -> None:
    """What failed, and the seconds: doubled each time up to a minute, or as many as the service names."""
    told: list[tuple[str, float]] = []
    service = Service(*(busy() for _ in range(8)), busy(after=7.0))
    with stamina.set_testing(True, attempts=99):
        Retry(patience=600, waiting=lambda *what: told.append(what)).read(service.send)
    assert [reason for reason, _ in told] == ["the service failed"] * 9
    expected = [1, 2, 4, 8, 16, 32, LONGEST, LONGEST, 7]
    assert [seconds for _, seconds in told] == [pytest.approx(seconds, rel=0.11) for seconds in expected]


@given(gaps=st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=700))
def test_no_limit_is_passed(gaps: list[float]) -> None:
    """However fast writes are asked for, no minute has more than 80 of them, and no hour more than 500."""
    now, sent = 0.0, list[float]()
    for gap in gaps:
        now += gap
        sent.append(earliest(sent, now))
        assert sent[-1] >= now
    for most, seconds in LIMITS:
        assert all(late - early >= seconds - 1e-6 for early, late in zip(sent, sent[most:], strict=False))


def test_an_unhurried_write_goes_at_once() -> None:
    """Where the last one is long ago, there is nothing to wait for."""
    assert earliest([], 5.0) == 5.0
    assert earliest([1.0], 5.0) == 5.0


def test_nobody_waits_before_the_first_refusal() -> None:
    """A release of a hundred files is sent as fast as the service takes it."""
    told: list[str] = []
    pace = Pace(patience=600, waiting=lambda reason, _: told.append(reason))
    for _ in range(200):
        with pace.turn():
            pass
    assert told == []


def test_a_refusal_slows_every_write_that_follows() -> None:
    """All threads wait as long as was asked for, and then keep to the limits; the estimate is told."""
    told: list[tuple[str, float]] = []
    pace = Pace(patience=600, waiting=lambda *what: told.append(what))
    pace.expect(161)
    with pytest.raises(Busy), pace.turn():
        raise busy(after=60.0)
    for _ in range(2):
        with pace.turn():
            pass
    assert [reason for reason, _ in told] == ["GitHub takes 80 writes a minute: about 3 min for the rest"] * 2
    assert [seconds for _, seconds in told] == [pytest.approx(60, abs=1), pytest.approx(60.75, abs=1)]


def test_a_failure_that_names_no_time_slows_nothing() -> None:
    """A broken gateway is no limit."""
    told: list[str] = []
    pace = Pace(patience=600, waiting=lambda reason, _: told.append(reason))
    with pytest.raises(Busy), pace.turn():
        raise busy()
    with pace.turn():
        pass
    assert told == []


def test_a_pause_beyond_the_patience_ends_every_thread() -> None:
    """What one thread was refused for an hour no other waits for."""
    pace = Pace(patience=600)
    with pytest.raises(Busy), pace.turn():
        raise busy(after=3600)
    with pytest.raises(Busy), pace.turn():
        raise AssertionError
