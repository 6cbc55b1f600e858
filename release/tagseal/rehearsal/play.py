"""The jobs of a rehearsal, one after the other, and what is tried between them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagseal.journal import Journal
from tagseal.names import number_of, safe_image
from tagseal.records import Plan, Readiness, Seal, Tag
from tagseal.rehearsal import guide, jobs
from tagseal.rehearsal.attacks import signers
from tagseal.rehearsal.packages import contents
from tagseal.rehearsal.packages.installation import try_packages
from tagseal.rehearsal.workflow import play as workflows
from tagseal.report.events import EventKind
from tagseal.report.sentences import About
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tagseal.records import Verdict
    from tagseal.rehearsal.jobs import PlayedJob, Stage
    from tagseal.rehearsal.output import Output
    from tagseal.rehearsal.packages.installation import PackageTrial
    from tagseal.rehearsal.project.clone import Clone
    from tagseal.rehearsal.workflow.play import WrittenWorkflow
    from tagseal.report.events import ReportEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReport:
    """Where the story goes; its lines come from children, so none of them may rewrite a terminal."""

    tell: Callable[[str], None]
    say: Callable[[str], None]
    pause: Callable[[str, float], None]
    """Takes what a child waits for, and how many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedRehearsal:
    """What became of the jobs, and of what was tried between them."""

    jobs: tuple[PlayedJob, ...]
    tried: Mapping[str, tuple[Verdict, ...]]
    """What attackers, and readers of the guide, did."""
    trial: PackageTrial | None
    """The packages, installed; None where the build failed."""


def journal(clone: Clone, played: PlayedJob) -> Journal:
    """Return the records that a job left."""
    return Journal.open(Workspace.of(played.checkout, clone.tag).records, clone.tag, clone.commit)


def play(stage: Stage, told: StoryReport, left: Output, written: WrittenWorkflow | None) -> PlayedRehearsal:
    """Play the jobs; try the packages once they are built, let attackers try before publication, follow the guide.

    Raises:
        UsageError: The workflow cannot be played, or released nothing.
    """
    played: list[PlayedJob] = []
    tried: dict[str, tuple[Verdict, ...]] = {"attackers": (), "guide": ()}
    trial: PackageTrial | None = None
    story = _story(told, left, lines=written is None)
    for done in workflows.run(written, stage, story, told.say) if written else _usual(stage, told, story):
        played.append(done)
        records = journal(stage.clone, done).records
        if done.code == 0 and "build" in records and trial is None:
            trial = _try_packages(stage, done, told)
        if done.code == 0 and "sign" in records and not tried["attackers"]:
            tried["attackers"] = _attack(stage, done, told)
        if stage.clone.image and not stage.clone.private and "publish" in records and done.code == 0:
            _open(stage)
    if all(one.code == 0 for one in played):
        if written and not (played and "witness" in journal(stage.clone, played[-1]).records):
            raise workflows.nothing(written)
        tried["guide"] = _guide(stage, played[-1], told)
    return PlayedRehearsal(jobs=tuple(played), tried=tried, trial=trial)


def _try_packages(stage: Stage, done: PlayedJob, told: StoryReport) -> PackageTrial:
    """Install what was built, and tell of it."""
    told.say("installing the wheel")
    clone = stage.clone
    packages = Workspace.of(done.checkout, clone.tag).packages
    trial = try_packages(packages, clone.candidate.settings, stage.environ)
    found = (*trial.reasons, *contents.judge(packages, clone.candidate.git))
    good = "no" if Readiness.of(found) is Readiness.broken else "ok"
    told.tell(f"{'wheel':<8} {good}  {trial.seconds:4.1f}s  {trial.said}")
    return replace(trial, reasons=found)


def _usual(stage: Stage, told: StoryReport, story: Callable[[ReportEvent], None]) -> Iterator[PlayedJob]:
    """Play the jobs of the table, until one fails."""
    before: PlayedJob | None = None
    for job in jobs.usual(image=bool(stage.clone.image), index=stage.clone.attested):
        told.say(f"{job.name}: {' '.join(job.verbs)}")
        before = jobs.play(job, stage, before, story)
        yield before
        if before.code != 0:
            return


def _attack(stage: Stage, done: PlayedJob, told: StoryReport) -> tuple[Verdict, ...]:
    """Let attackers sign, and tell of it."""
    told.say("letting attackers sign")
    begun = time.monotonic()
    foreign = signers.attack(stage, journal(stage.clone, done).get(Seal, "rehearse"), done)
    told.tell(
        f"{'attacks':<8} ok  {time.monotonic() - begun:4.1f}s  {len(foreign)} foreign signatures refused by "
        "our verification and by the printed commands, 1 by the stricter ones only"
    )
    return foreign


def _guide(stage: Stage, done: PlayedJob, told: StoryReport) -> tuple[Verdict, ...]:
    """Follow the project's guide on what is public now, and tell of it."""
    told.say("following the guide")
    begun = time.monotonic()
    records = journal(stage.clone, done)
    ran, shared = guide.follow(stage, records.get(Plan, "rehearse"), records.get(Seal, "rehearse"), done.checkout)
    commands = number_of(len(ran), "command")
    more = f", {shared} more in the notes" if shared else ""
    words = f"{commands} of the guide ran{more}" if ran else f"its {number_of(shared, 'command')} ran in the notes"
    told.tell(f"{'guide':<8} ok  {time.monotonic() - begun:4.1f}s  {words}")
    return ran


def _open(stage: Stage) -> None:
    """Open the package to strangers, as its owner does once: it is private at its first push."""
    host, repository = safe_image(stage.clone.image)
    stage.loopback.registries[host].add_repository(repository)


def _story(told: StoryReport, left: Output, *, lines: bool) -> Callable[[ReportEvent], None]:
    """Return what tells what happens in the jobs; ``lines``: also what a command tells in no other way.

    Each verb begins with the guard, of which once is enough; the end says what is forever.
    """
    known: set[str] = set()

    def tell(event: ReportEvent) -> None:
        if event.about is About.irreversible or (event.kind is EventKind.line and not lines):
            return
        if event.verb == Tag.verb:
            once = event.text if event.kind is EventKind.aside else event.kind
            if once in known:
                return
            known.add(once)
        if event.kind is EventKind.pause:
            told.pause(left.lasting(event.text), event.seconds)
            return
        for line in event.text.split("\n"):
            told.tell(left.lasting(line))

    return tell
