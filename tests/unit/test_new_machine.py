"""All jobs again, on machines that have nothing of the first run: one whole release, and what exists wins."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from drafted import copied, make, play, tools
from job import TAG
from tagseal.journal import Journal
from tagseal.records import Build, Draft, Seal

if TYPE_CHECKING:
    from pathlib import Path

    from job import Job
    from tagseal.loopback import Loopback


@pytest.fixture(scope="module")
def made(internet: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Make a whole draft, once."""
    return make(tmp_path_factory.mktemp("drafted"), internet)


@pytest.fixture
def drafted(made: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Give a tag whose draft is whole."""
    tools(tmp_path / "tools", monkeypatch)
    return copied(made, tmp_path, monkeypatch)


def again(job: Job) -> Journal:
    """Run the verbs of the first two jobs where there is nothing; return what they recorded."""
    shutil.rmtree(job.work.path.parent)
    play(job, "plan", "build", "check")
    play(job, "sign", "upload", granted=True)
    return Journal.open(job.work.records, TAG, job.run.sha)


def test_a_whole_draft_wins_over_what_is_built_again(drafted: Job) -> None:
    """The second build has other bytes; those that were signed and sent are taken, and nothing is signed or sent."""
    first = Journal.open(drafted.work.records, TAG, drafted.run.sha)
    entries = len(drafted.loopback.rekor.log)
    found = again(drafted)
    assert found.get(Build, "test") != first.get(Build, "test")
    assert found.get(Seal, "test").artifacts == first.get(Seal, "test").artifacts
    assert (found.get(Draft, "test").id, found.get(Draft, "test").sent) == (first.get(Draft, "test").id, 0)
    assert len(drafted.loopback.rekor.log) == entries


def test_a_draft_with_a_file_missing_becomes_whole(drafted: Job) -> None:
    """One release, whole, whatever is sent again for it."""
    (release,) = drafted.repository.releases
    lost = release.assets.pop()
    found = again(drafted)
    (only,) = drafted.repository.releases
    assert only.id == release.id
    names = {artifact.name for artifact in found.get(Seal, "test").artifacts}
    assert {asset.name for asset in only.assets} == names | {f"{name}.sigstore.json" for name in names}
    assert lost.name in {asset.name for asset in only.assets}
