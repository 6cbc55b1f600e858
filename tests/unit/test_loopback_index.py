"""What a played index remembers, by a clock of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagseal.loopback.index.state import DAY, TOKEN_LIFETIME, IndexFile, IndexState

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds, as the test sets them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> IndexState:
    return IndexState(tmp_path, clock)


def file(name: str, blake2: str) -> IndexFile:
    return IndexFile(
        name=name,
        project="widget",
        version="1.2.3",
        kind="sdist",
        size=1,
        sha256=blake2,
        blake2_256=blake2,
        uploaded="2026-01-01T00:00:00Z",
    )


def test_an_exchanged_token_is_good_for_minutes(state: IndexState, clock: Clock) -> None:
    """A person's is good for ever."""
    exchanged, made = state.issue({"widget"}, lifetime=TOKEN_LIFETIME), state.issue({"widget"})
    clock.now = TOKEN_LIFETIME - 1
    assert state.token(exchanged)
    clock.now = TOKEN_LIFETIME
    assert state.token(exchanged) is None
    assert state.token(made)


def test_a_version_is_open_for_two_weeks(state: IndexState, clock: Clock) -> None:
    """From its first file on, however many follow."""
    assert not state.is_closed("widget", "1.2.3")
    state.add(file("a", "aa"), b"a")
    clock.now = 14 * DAY
    assert not state.is_closed("widget", "1.2.3")
    state.add(file("b", "bb"), b"b")
    clock.now += 1
    assert state.is_closed("widget", "1.2.3")
    assert not state.is_closed("widget", "1.2.4")


def test_a_name_comes_before_the_same_bytes(state: IndexState) -> None:
    """What an upload is held against is the file of its name, if there is one."""
    state.add(file("a", "aa"), b"a")
    state.add(file("b", "bb"), b"b")
    assert state.like(file("b", "aa")) == file("b", "bb")
    assert state.like(file("c", "aa")) == file("a", "aa")
    assert state.like(file("c", "cc")) is None
