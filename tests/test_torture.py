"""The torture itself: some seeds end well, and whatever could be wrong in the end is noticed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from instance import COMMIT, IDENTITY, RUN, TAG
from sampling import exhaustive, sample
from source import ROOT
from stage import WHEEL, Stage, stage
from tagseal.journal import Journal
from torturing import judge
from torturing.schedule import TRANSIENT, schedule
from torturing.world import HandOver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.x509 import Certificate

    from tagseal.loopback.github.state import PlayedRelease, PlayedRepository

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


def torture(*options: str) -> subprocess.CompletedProcess[str]:
    """Run it as its session does: it forks, so it needs a process without threads."""
    argv = [sys.executable, "tests/support/torture.py", *options]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)


@pytest.mark.sampled
@pytest.mark.skipif(sys.platform != "linux", reason="machines of its own need proc(5) and prctl(2)")
def test_sequences_end_in_one_whole_release() -> None:
    """Whatever went wrong, plain re-runs end in exactly one whole release.

    Each commit has seeds of its own; ``nox -s torture`` plays a thousand.
    """
    (first,) = sample(range(1000), 1)[:1]
    ended = torture("--first", str(first), "--sequences", str(10 if exhaustive() else 2))
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "failed seeds: none"), ended.stdout + ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="machines of its own need proc(5) and prctl(2)")
def test_a_failing_seed_is_told_and_replays_alone() -> None:
    """A forge that loses an asset of the published release fails the seed, and the output says how to replay it."""
    ended = torture("--seed", "1", "--lossy")
    assert ended.returncode == 1
    assert "FAILED, replay it: nox -s torture -- --seed 1" in ended.stdout
    assert "got other files than the sealed ones" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "failed seeds: 1"


def test_a_seed_decides_everything() -> None:
    """One seed has one schedule, and the schedules of many seeds have every fault and every way to die."""
    schedules = [schedule(seed) for seed in range(300)]
    assert schedules == [schedule(seed) for seed in range(300)]
    turns = [turn for one in schedules for turn in one.turns]
    assert {fault.name for turn in turns for fault in turn.faults} == set(TRANSIENT)
    assert {turn.death.kind for turn in turns if turn.death} == {"kill", "interrupt", "torn", "full"}
    assert {turn.place for turn in turns} == {"step", "machine", "other", "all"}


@dataclasses.dataclass(kw_only=True)
class Ended:
    """A release that is out, and what the judge is told about it."""

    released: Stage
    handed: HandOver

    def problems(self) -> list[str]:
        found = judge.release_problems(self.released.repository, self.handed, COMMIT, self.released.loopback.folder)
        return list(found)


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ended]:
    """Publish a release."""
    with stage(tmp_path, monkeypatch) as released:
        judge.strangers(released.repository, tmp_path / "strangers")
        seal = released.sign()
        draft = released.upload(seal)
        services = released.services()
        services.github.publish(
            IDENTITY.repository, services.github.release(IDENTITY.repository, draft.id), latest=True
        )
        journal = Journal.open(released.work.records, TAG, COMMIT)
        for record in (released.plan, seal):
            journal.keep(record)
        yield Ended(released=released, handed=HandOver(folder=released.work.path, records=""))


def the_release(repository: PlayedRepository) -> PlayedRelease:
    return next(release for release in repository.releases if release.tag_name == TAG)


def lost(repository: PlayedRepository) -> None:
    the_release(repository).assets.pop()


def added(repository: PlayedRepository) -> None:
    release = the_release(repository)
    release.assets.append(dataclasses.replace(release.assets[0], name="extra.bin"))


def other_bytes(repository: PlayedRepository) -> None:
    next(asset for asset in the_release(repository).assets if asset.name == WHEEL).path.write_bytes(b"other")


def begun(repository: PlayedRepository) -> None:
    the_release(repository).assets[0].state = "starter"


def edited(repository: PlayedRepository) -> None:
    release = the_release(repository)
    release.body = f"Trust us.\n\n{release.body}"


def unmarked(repository: PlayedRepository) -> None:
    release = the_release(repository)
    release.body = release.body.rpartition("\n<!--")[0]


def hidden(repository: PlayedRepository) -> None:
    the_release(repository).draft = True


def doubled(repository: PlayedRepository) -> None:
    repository.by_id[7] = dataclasses.replace(the_release(repository), id=7, draft=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lost, "got other files than the sealed ones"),
        (added, "got other files than the sealed ones"),
        (other_bytes, "got other files than the sealed ones"),
        (begun, "got assets that are not whole"),
        (edited, "got other notes than the rendered ones"),
        (unmarked, "got other notes than the rendered ones"),
        (hidden, "got 1 releases of v1.2.3, drafts: [True]"),
        (doubled, "got 2 releases of v1.2.3"),
    ],
)
def test_the_judge_notices(ended: Ended, change: Callable[[PlayedRepository], None], words: str) -> None:
    """A whole release is accepted, and each way of not being whole is not."""
    assert ended.problems() == []
    change(ended.released.repository)
    (problem,) = ended.problems()
    assert problem.startswith(words)


def test_the_judge_notices_a_stranger(ended: Ended) -> None:
    """A changed byte in another release's file counts, and so does a release that went."""
    repository = ended.released.repository
    before = judge.others(repository)
    assert judge.others(repository) == before
    repository.by_id[2].assets[0].path.write_bytes(b"other")
    assert judge.others(repository) != before


def test_the_judge_notices_a_foreign_signature(ended: Ended) -> None:
    """A log entry of another ref counts, and so does a certificate of one that signed nothing; so does none at all."""
    loopback = ended.released.loopback
    foreign = dataclasses.replace(RUN, ref="refs/heads/main")
    own, other = (loopback.fulcio.issue(KEY, run)[0] for run in (RUN, foreign))

    def problems(*issued: Certificate) -> list[str]:
        return list(judge.signature_problems(loopback, judge.Certificates(issued=[*issued]), IDENTITY.uri))

    assert problems(own) == []
    assert problems() == ["got no certificate issued, expected some"]
    names = f"that names ['{IDENTITY.uri.partition('@')[0]}@refs/heads/main'], expected {IDENTITY.uri}"
    assert problems(own, other) == [f"got a certificate issued {names}"]
    signing = ended.released.services().sigstore
    signing.sign({"a": "a" * 64}, lambda: loopback.issuer.mint(foreign, "sigstore"), lambda *_: None)
    assert problems(own) == [f"got a certificate in the log {names}"]
