"""One sequence: jobs that fail as scheduled, then plain re-runs until the release is out, then the judge."""

from __future__ import annotations

import re
import shutil
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tagseal.loopback import Loopback
from tagseal.rehearsal import index as indexes
from tagseal.rehearsal.jobs import JOBS
from torturing import judge
from torturing.schedule import Schedule, Turn, schedule
from torturing.world import NAME, TAG, HandOver, Machine, Project, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.rehearsal.jobs import Stage
    from torturing.death import Ending

CHANGED = 1
"""Exit code of a job that found something else than the job before it left."""
LATE = re.compile("earlier-set-listed-late|index-file-listed-late")
"""Slugs of a job that was shown late what an earlier one had made: a listing lags on from the faults before."""
NEVER = {70: "a bug", -signal.SIGALRM: "it hung"}
"""Exit codes that no accident excuses."""
_ENDINGS: Mapping[Ending, int] = {"kill": -signal.SIGKILL, "interrupt": 130, "torn": -signal.SIGXFSZ, "full": 2}
"""Exit codes that tell that a death came."""
_JOBS = JOBS[1:]
_BY_HAND = "by-hand.txt"
_SLUG = re.compile(r"ERRORS\.md#([a-z-]+)")

_UNMAKING = {"asset-deleted", "digest-wrong"}
"""Faults after which a whole set of files is no longer whole, or cannot be told to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a seed."""

    seed: int
    problems: tuple[str, ...]
    story: tuple[str, ...]
    runs: int
    hits: tuple[str, ...]
    """Names of the faults that met a request, and of the deaths that came."""
    seconds: float


@dataclass(kw_only=True)
class Sequence:
    """The state of one sequence between two runs."""

    world: World
    project: Project
    plan: Schedule
    stage: Stage
    folder: Path
    handed: list[HandOver]
    """What each job is given, the first from the build."""
    machine: Machine | None = None
    again: bool = False
    """Whether the next run is the same step once more."""
    runs: int = 0
    hits: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    published: dict[int, object] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    """Digests of what the index has since an earlier run."""
    whole: dict[str, str] = field(default_factory=dict)
    """Digests of a whole set of files that exists since an earlier run."""

    @property
    def done(self) -> bool:
        return len(self.handed) > len(_JOBS)

    def turn(self, turn: Turn) -> tuple[int, str]:
        """Run the next job; return its exit code, and what it said."""
        job = _JOBS[len(self.handed) - 1]
        machine = self.machine or self._fresh()
        faults = self.stage.loopback.faults
        faults.set(turn.faults)
        code = self.world.play(
            job,
            self.stage,
            machine,
            records=self.handed[-1].records,
            death=turn.death,
            ref=turn.ref if job.identity else "",
            again=self.again,
        )
        said = machine.said()
        hit = [hit.name for hit in faults.hits]
        faults.set(())
        if turn.death and code == _ENDINGS[turn.death.kind] and not any(name.startswith("kill") for name in hit):
            hit.append(turn.death.kind)
        self.hits += hit
        self.runs += 1
        ended = " ".join((str(code), *_SLUG.findall(said)[-1:]))
        self.story.append(f"{job.name}: {turn}; hit: {', '.join(hit) or 'none'}; exit {ended} on {machine.folder.name}")
        self._watch(code, said)
        if code != 0:
            self._amend()
        self._keep(hit)
        if code == 0:
            self.handed.append(self.world.handed_over(machine, self.folder / f"handed-{self.runs}"))
            self.machine, self.again = None, False
        else:
            self.place(turn)
        return code, said

    def settle(self) -> None:
        """Run plainly until all jobs are done.

        One may fail because an earlier job's work was changed since, or because a listing that still lags showed an
        earlier job's draft late: then all jobs run again, and none may fail.
        """
        renewed = False
        while not (self.done or self.problems):
            code, said = self.turn(Turn(place="all"))
            if code != 0 and (renewed or (code != CHANGED and not LATE.search(said))):
                self.problems.append(f"got exit code {code} where nothing goes wrong:\n{said}")
            renewed = renewed or code != 0

    def place(self, turn: Turn) -> None:
        """Decide where the job that failed runs again."""
        self.again = turn.place == "step"
        if turn.place == "machine" and self.machine:
            self.machine.receive(self.handed[-1])
        if turn.place in {"other", "all"}:
            self.machine = None
        if turn.place == "all":
            # What is public is never replaced: a build of other bytes cannot go on where another one stopped.
            build = 0 if self.plan.adopts == "an empty release" and not self.whole else turn.build
            self.handed = [self._build(build)]
        self.story.append(f"then: {turn.place}{f' with build {build}' if turn.place == 'all' else ''}")

    def _build(self, number: int) -> HandOver:
        """Return what the build job makes now: with an index it depends on what is there."""
        if not self.plan.index:
            return self.project.builds[number]
        self.stage.loopback.index.state.unlisted.clear()
        return self.world.build(self.project, self.stage, self.folder / f"all-{self.runs}", number)

    def _fresh(self) -> Machine:
        self.machine = self.world.machine(self.project, self.folder / f"machine-{self.runs}")
        self.machine.receive(self.handed[-1])
        return self.machine

    def _watch(self, code: int, said: str) -> None:
        """Hold what must hold after every run."""
        if code in NEVER:
            self.problems.append(f"got exit code {code}: {NEVER[code]}\n{said}")
        index = {file.name: file.sha256 for file in self.stage.loopback.index.files("widget")}
        if not self.sent.items() <= index.items():
            self.problems.append(f"got other files at the index than before:\n{self.sent}\n{index}")
        self.sent = index
        for release in self.stage.repository.releases:
            if release.tag_name == TAG and not release.draft:
                if not self.done and self.plan.adopts == "an empty release":
                    continue  # it is being filled
                before = self.published.setdefault(release.id, judge.seen(release))
                if judge.seen(release) != before:
                    self.problems.append(f"got a published release that changed:\n{before}\n{judge.seen(release)}")

    def _keep(self, hit: list[str]) -> None:
        """Hold that a whole set of files, once it exists, is never replaced by a rebuilt one."""
        before, self.whole = self.whole, judge.whole(self.stage.repository)
        if before not in ({}, self.whole) and not _UNMAKING & set(hit):
            self.problems.append(f"got a whole set of files replaced:\n{before}\n{self.whole}")

    def judged(self) -> Iterator[str]:
        """Judge the release that all jobs have ended with."""
        adopted = self.plan.adopts != "nothing"
        trusted = self.world.loopback_folder
        return judge.release_problems(
            self.stage.repository, self.handed[-1], self.project.commit, trusted, adopted=adopted
        )

    def _amend(self) -> None:
        """Be the person who added a file to the draft, and takes it back when told."""
        for release in self.stage.repository.releases:
            if release.draft and any(asset.name == _BY_HAND for asset in release.assets):
                release.assets = [asset for asset in release.assets if asset.name != _BY_HAND]
                self.story.append(f"a person takes {_BY_HAND} back")


def play(world: World, seed: int, *, tamper: Callable[[PlayedRepository], object] = bool) -> Outcome:
    """Play the sequence of a seed, then let somebody ``tamper`` with what came of it, then judge."""
    begun = time.monotonic()
    plan = schedule(seed)
    project = world.indexed if plan.index else world.creates if plan.adopts == "nothing" else world.adopts
    folder = world.folder / f"seed-{seed}"
    folder.mkdir()
    certificates = judge.Certificates()
    try:
        with Loopback(folder=world.loopback_folder, hosts={"fulcio.sigstore.dev": certificates}) as loopback:
            certificates.fulcio = loopback.fulcio
            loopback.faults.kill = world.kill
            repository = _repository(loopback, plan, project, folder / "strangers")
            before = judge.others(repository)
            stage = world.stage(project, loopback, repository)
            indexes.register(project.clone, loopback)
            sequence = Sequence(
                world=world, project=project, plan=plan, stage=stage, folder=folder, handed=[project.builds[0]]
            )
            _through(sequence)
            tamper(repository)
            problems = sequence.problems or [*sequence.judged()]
            if plan.index and not problems:
                problems += judge.index_problems(loopback.index, sequence.handed[-1], project.commit)
            if judge.others(repository) != before:
                problems.append(f"got strangers' releases changed:\n{before}\n{judge.others(repository)}")
            problems += judge.signature_problems(loopback, certificates, f"https://github.com/{stage.run.workflow_ref}")
    finally:
        shutil.rmtree(world.loopback_folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(
        seed=seed,
        problems=tuple(problems),
        story=(f"adopts {plan.adopts}; {_said(plan)}", *sequence.story),
        runs=sequence.runs,
        hits=tuple(sequence.hits),
        seconds=time.monotonic() - begun,
    )


def _said(plan: Schedule) -> str:
    return f"{'immutable' if plan.immutable else 'mutable'} releases{'; an index' if plan.index else ''}"


def _repository(loopback: Loopback, plan: Schedule, project: Project, strangers: Path) -> PlayedRepository:
    repository = loopback.github.add_repository(NAME, immutable=plan.immutable)
    repository.add_tag(TAG, project.commit, annotated=True)
    judge.strangers(repository, strangers)
    if plan.adopts != "nothing":
        judge.found(repository, draft=plan.adopts == "a draft")
    return repository


def _through(sequence: Sequence) -> None:
    """Run what is scheduled, then plainly until all jobs are done, then perhaps all of them once more."""
    for turn in sequence.plan.turns:
        if sequence.done or sequence.problems:
            break
        sequence.turn(turn)
    sequence.settle()
    if sequence.plan.again and not sequence.problems:
        sequence.place(Turn(place="all", build=1))
        sequence.settle()
