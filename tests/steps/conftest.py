"""One release on the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import job as jobs
from stage import Stage, stage
from tagseal.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give a tag that is built and checked, in a public repository."""
    with stage(tmp_path, monkeypatch) as one:
        yield one


@pytest.fixture(scope="session")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Give a loopback for all tests that make a repository of their own in it."""
    with Loopback(folder=tmp_path_factory.mktemp("loopback")) as loopback:
        yield loopback


@pytest.fixture
def job(tmp_path: Path, internet: Loopback, monkeypatch: pytest.MonkeyPatch) -> jobs.Job:
    """Give a job on a real checkout, whose tag is pushed."""
    return jobs.job(tmp_path, internet, monkeypatch)


@pytest.fixture
def forge(internet: Loopback, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be in a job of a repository that has no release yet."""
    jobs.job(tmp_path_factory.mktemp("job"), internet, monkeypatch).environ()
