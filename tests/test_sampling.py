"""A sample belongs to a commit: the same wherever it is taken, and in time every case is in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sampling

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = [f"case {number}" for number in range(20)]


@pytest.fixture(autouse=True)
def by_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("TAGSEAL_EXHAUSTIVE", raising=False)
    sampling.seed.cache_clear()
    yield
    sampling.seed.cache_clear()


def taken(monkeypatch: pytest.MonkeyPatch, commit: str) -> list[str]:
    monkeypatch.setenv("TAGSEAL_SAMPLE", commit)
    sampling.seed.cache_clear()
    return sampling.sample(CASES, 3)


def test_a_sample_is_the_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One commit has one sample, of the wanted size and in the cases' order."""
    assert taken(monkeypatch, "a") == taken(monkeypatch, "a") == ["case 2", "case 5", "case 13"]


def test_every_case_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another commit takes other cases, and none is passed over by all commits."""
    assert {case for number in range(100) for case in taken(monkeypatch, str(number))} == set(CASES)


def test_all_cases_are_taken_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TAGSEAL_EXHAUSTIVE=1`` takes every case, in its order."""
    monkeypatch.setenv("TAGSEAL_EXHAUSTIVE", "1")
    assert taken(monkeypatch, "a") == CASES


def test_a_small_list_is_taken_whole() -> None:
    """A sample larger than what there is is all of it."""
    assert sampling.sample(CASES[:2], 3) == CASES[:2]


def test_a_tree_without_git_has_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was unpacked from an sdist is tested by one fixed sample."""
    monkeypatch.delenv("TAGSEAL_SAMPLE", raising=False)
    monkeypatch.setenv("PATH", "")
    assert sampling.seed() == "no commit"
