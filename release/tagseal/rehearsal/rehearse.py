"""``tagseal rehearse``: the four jobs, one after the other, then what they left."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.loopback import Loopback
from tagseal.loopback.actions import Run
from tagseal.machine.git import Git
from tagseal.names import number_of, printable, safe_image
from tagseal.records import WORKFLOWS, Plan, Seal, Tag
from tagseal.rehearsal import environment, guide, index, jobs
from tagseal.rehearsal.attacks import signers
from tagseal.rehearsal.faults import faults_named, outcomes
from tagseal.rehearsal.output import Output
from tagseal.rehearsal.project.clone import Clone, make
from tagseal.rehearsal.project.workflow_file import choose
from tagseal.rehearsal.summary import RehearsalOutcome, conclude, document, journal
from tagseal.rehearsal.tools import toolset
from tagseal.rehearsal.workflow import play as workflows
from tagseal.report.events import EventKind
from tagseal.report.sentences import About
from tagseal.workflow import signing as files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tagseal.loopback.sigstore.trust import Log
    from tagseal.records import Verdict
    from tagseal.rehearsal.jobs import PlayedJob, Stage
    from tagseal.rehearsal.tools.toolset import Tool
    from tagseal.rehearsal.workflow.play import WrittenWorkflow
    from tagseal.report.events import ReportEvent

_REPOSITORY_ID, _OWNER_ID = 100, 101


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRequest:
    """What a person asked for."""

    path: Path
    project: str | None = None
    tag: str | None = None
    packages: Path | None = None
    out: Path | None = None
    serve: bool = False
    log: Log = "v1"
    """The version of the transparency log that is signed in."""
    faults: tuple[str, ...] = ()
    workflow: bool = False
    """Whether a workflow file is played as it is written, instead of the usual jobs."""
    file: Path | None = None
    """That file; by default the one that signs the project's releases."""
    trusted: bool = False
    """Whether the file may be another than the project's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoryReport:
    """Where the story goes; its lines come from children, so none of them may rewrite a terminal."""

    tell: Callable[[str], None]
    say: Callable[[str], None]
    pause: Callable[[str, float], None]
    """Takes what a child waits for, and how many seconds."""


def rehearse(
    request: RehearsalRequest,
    *,
    tell: Callable[[str], None],
    say: Callable[[str], None],
    pause: Callable[[str, float], None],
) -> tuple[int, dict[str, object]]:
    """Play the release; return the exit code of the first job that failed, and the result as plain JSON data.

    Raises:
        TagsealError: The project cannot be rehearsed, or an attacker got through.
    """
    begun = time.monotonic()
    told = _StoryReport(tell=lambda text: tell(printable(text)), say=say, pause=pause)
    environ = dict(os.environ)
    faults = faults_named(request.faults)
    source = Git.at(request.path, environ)
    with tempfile.TemporaryDirectory(prefix="tagseal-rehearsal-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        left = Output(temporary=folder, source=source.root, out=request.out or source.root / "dist" / "rehearsal")
        with left.name_lasting_paths():
            say("cloning")
            chosen = choose(request.file, source, trusted=request.trusted) if request.file else None
            clone = make(
                source, folder, project=request.project, tag=request.tag, packages=request.packages, chosen=chosen
            )
            _introduce(clone, request.log, told.tell)
            left.clear(source)
            with Loopback(
                folder=folder / "loopback",
                registries=_registries(clone),
                index=index.further(clone),
                log=request.log,
            ) as loopback:
                loopback.close_fresh_packages()
                stage, played_by = set_stage(clone, loopback, left, environ)
                loopback.faults.set(faults)
                written = workflows.of(stage) if request.workflow else None
                with left.keep_output(stage):
                    played, tried = _play(stage, told, left, written)
                struck = outcomes(request.faults, loopback.faults)
        for one in struck:
            told.tell(str(one))
        outcome = RehearsalOutcome(clone=clone, tools=played_by, played=played, tried=tried, written=written)
        conclude(outcome, left.out, time.monotonic() - begun, told.tell)
        result = document(outcome, left)
        result["log"] = request.log
        result["faults"] = [asdict(one) for one in struck]
    code = outcome.code
    if request.serve and code == 0:
        from tagseal.rehearsal.page import serve  # noqa: PLC0415 - only where asked

        serve(left.out, clone.repository, clone.tag, told.tell)
    return code, result


def _registries(clone: Clone) -> tuple[str, ...]:
    return (safe_image(clone.image)[0],) if clone.image else ()


def _introduce(clone: Clone, log: Log, tell: Callable[[str], None]) -> None:
    tell(
        f"{clone.project} {clone.version} · tag {clone.tag} ({clone.pattern.basis}) · "
        f"{clone.repository} · {clone.workflow}"
    )
    ahead = () if log == "v1" else (f"signing in {log} of the transparency log, where production still signs in v1",)
    private = ("played as a private repository, for public-log = true says that it is one",) if clone.private else ()
    for remark in (*clone.remarks, *private, *ahead):
        tell(f"note:    {remark}")


def set_stage(
    clone: Clone, loopback: Loopback, left: Output, environ: Mapping[str, str]
) -> tuple[Stage, tuple[Tool, ...]]:
    """Put the clone's repository on the loopback, and the tools that find their way there beside it."""
    repository = loopback.github.add_repository(clone.repository, private=clone.private)
    repository.add_tag(clone.tag, clone.commit, annotated=True)
    index.register(clone, loopback)
    run = Run(
        repository=clone.repository,
        repository_id=_REPOSITORY_ID,
        owner_id=_OWNER_ID,
        workflow=f"{WORKFLOWS}/{clone.workflow}",
        ref=f"refs/tags/{clone.tag}",
        sha=clone.commit,
        name=str(files.document(clone.git.root / WORKFLOWS / clone.workflow).get("name", "")),
        visibility="private" if clone.private else "public",
    )
    stage = jobs.Stage(
        repository=repository,
        loopback=loopback,
        clone=clone,
        run=run,
        shims=left.temporary / "shims",
        folder=left.jobs,
        environ=environ,
    )
    token = loopback.github.token(actor="octocat", scopes={"metadata": "read"}, repository=clone.repository)
    probe = {
        **environment.machine(environ),
        **environment.private_home(left.temporary / "probe"),
        **loopback.environment(),
        "GH_TOKEN": token,
        "GH_REPO": clone.repository,
    }
    programs = toolset.find(environ, probe, image=bool(clone.forms))
    played_by = toolset.install(
        stage.shims, programs, loopback=loopback.folder, forms=clone.forms, index=clone.attested
    )
    return stage, played_by


def _play(
    stage: Stage, told: _StoryReport, left: Output, written: WrittenWorkflow | None
) -> tuple[tuple[PlayedJob, ...], Mapping[str, tuple[Verdict, ...]]]:
    """Play the jobs; between proof and publication let attackers try, and read the guide at the end.

    Raises:
        UsageError: The workflow cannot be played, or released nothing.
    """
    played: list[PlayedJob] = []
    tried: dict[str, tuple[Verdict, ...]] = {"attackers": (), "guide": ()}
    story = _story(told, left, lines=written is None)
    for done in workflows.run(written, stage, story, told.say) if written else _usual(stage, told, story):
        played.append(done)
        records = journal(stage.clone, done).records
        if done.code == 0 and "sign" in records and not tried["attackers"]:
            tried["attackers"] = _attack(stage, done, told)
        if stage.clone.image and not stage.clone.private and "publish" in records and done.code == 0:
            _open(stage)
    if all(one.code == 0 for one in played):
        if written and not (played and "witness" in journal(stage.clone, played[-1]).records):
            raise workflows.nothing(written)
        tried["guide"] = _guide(stage, played[-1], told)
    return tuple(played), tried


def _usual(stage: Stage, told: _StoryReport, story: Callable[[ReportEvent], None]) -> Iterator[PlayedJob]:
    """Play the jobs of the table, until one fails."""
    before: PlayedJob | None = None
    for job in jobs.usual(image=bool(stage.clone.image), index=stage.clone.attested):
        told.say(f"{job.name}: {' '.join(job.verbs)}")
        before = jobs.play(job, stage, before, story)
        yield before
        if before.code != 0:
            return


def _attack(stage: Stage, done: PlayedJob, told: _StoryReport) -> tuple[Verdict, ...]:
    """Let attackers sign, and tell of it."""
    told.say("letting attackers sign")
    begun = time.monotonic()
    foreign = signers.attack(stage, journal(stage.clone, done).get(Seal, "rehearse"), done)
    told.tell(
        f"{'attacks':<8} ok  {time.monotonic() - begun:4.1f}s  {len(foreign)} foreign signatures refused by "
        "our verification and by the printed commands, 1 by the stricter ones only"
    )
    return foreign


def _guide(stage: Stage, done: PlayedJob, told: _StoryReport) -> tuple[Verdict, ...]:
    """Follow the project's guide on what is public now, and tell of it."""
    told.say("following the guide")
    begun = time.monotonic()
    records = journal(stage.clone, done)
    ran, shared = guide.follow(stage, records.get(Plan, "rehearse"), records.get(Seal, "rehearse"), done.checkout)
    all_told = f"{number_of(len(ran), 'command')} of the guide ran" + (
        f", {shared} more in the notes" if shared else ""
    )
    words = all_told if ran else f"its {number_of(shared, 'command')} ran in the notes"
    told.tell(f"{'guide':<8} ok  {time.monotonic() - begun:4.1f}s  {words}")
    return ran


def _open(stage: Stage) -> None:
    """Open the package to strangers, as its owner does once: it is private at its first push."""
    host, repository = safe_image(stage.clone.image)
    stage.loopback.registries[host].add_repository(repository)


def _story(told: _StoryReport, left: Output, *, lines: bool) -> Callable[[ReportEvent], None]:
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
