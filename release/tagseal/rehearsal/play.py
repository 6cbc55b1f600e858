"""``tagseal rehearse``: the four jobs, one after the other, then what they left."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.journal import Journal
from tagseal.loopback import Loopback
from tagseal.loopback.actions import Run
from tagseal.names import printable, safe_image
from tagseal.records import WORKFLOWS, Plan, Seal, to_object
from tagseal.rehearsal import attackers, environment, faulty, guide, jobs, tools
from tagseal.rehearsal.clone import Clone, make
from tagseal.rehearsal.left import Left
from tagseal.services.git import Git
from tagseal.steps import Workspace
from tagseal.steps.plan import REFUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagseal.loopback.trust import Log
    from tagseal.records import Verdict
    from tagseal.rehearsal.jobs import Played, Stage
    from tagseal.rehearsal.tools import Tool

_REPOSITORY_ID, _OWNER_ID = 100, 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Where the story goes; its lines come from children, so none of them may rewrite a terminal."""

    tell: Callable[[str], None]
    say: Callable[[str], None]


def rehearse(
    request: Request, *, tell: Callable[[str], None], say: Callable[[str], None]
) -> tuple[int, dict[str, object]]:
    """Play the release; return the exit code of the first job that failed, and the result as plain JSON data.

    Raises:
        TagsealError: The project cannot be rehearsed, or an attacker got through.
    """
    begun = time.monotonic()
    told = _Told(tell=lambda text: tell(printable(text)), say=say)
    environ = dict(os.environ)
    faults = faulty.named(request.faults)
    source = Git.at(request.path, environ)
    with tempfile.TemporaryDirectory(prefix="tagseal-rehearsal-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        left = Left(temporary=folder, source=source.root, out=request.out or source.root / "dist" / "rehearsal")
        with left.told():
            say("cloning")
            clone = make(source, folder, project=request.project, tag=request.tag, packages=request.packages)
            _introduce(clone, request.log, told.tell)
            left.empty()
            with Loopback(folder=folder / "loopback", registries=_registries(clone), log=request.log) as loopback:
                loopback.close_fresh_packages()
                stage, played_by = _staged(clone, loopback, left, environ)
                loopback.faults.set(faults)
                with left.kept(stage):
                    played, tried = _play(stage, told, left)
                struck = faulty.struck(request.faults, loopback.faults)
        for one in struck:
            told.tell(str(one))
        _conclude(clone, played, played_by, out=left.out, seconds=time.monotonic() - begun, tell=told.tell)
        document = _document(clone, played, played_by, tried, left)
        document["log"] = request.log
        document["faults"] = [asdict(one) for one in struck]
    code = played[-1].code
    if request.serve and code == 0:
        from tagseal.rehearsal.page import serve  # noqa: PLC0415 - only where asked

        serve(left.out, clone.repository, clone.tag, told.tell)
    return code, document


def _registries(clone: Clone) -> tuple[str, ...]:
    return (safe_image(clone.image)[0],) if clone.image else ()


def _introduce(clone: Clone, log: Log, tell: Callable[[str], None]) -> None:
    tell(
        f"{clone.project} {clone.version} · tag {clone.tag} ({clone.pattern.basis}) · "
        f"{clone.repository} · {clone.workflow}"
    )
    ahead = () if log == "v1" else (f"signing in {log} of the transparency log, where production still signs in v1",)
    for remark in (*clone.remarks, *ahead):
        tell(f"note:    {remark}")


def _staged(clone: Clone, loopback: Loopback, left: Left, environ: Mapping[str, str]) -> tuple[Stage, tuple[Tool, ...]]:
    repository = loopback.github.add_repository(clone.repository)
    repository.add_tag(clone.tag, clone.commit, annotated=True)
    run = Run(
        repository=clone.repository,
        repository_id=_REPOSITORY_ID,
        owner_id=_OWNER_ID,
        workflow=f"{WORKFLOWS}/{clone.workflow}",
        ref=f"refs/tags/{clone.tag}",
        sha=clone.commit,
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
    played_by = tools.install(stage.shims, loopback=loopback.folder, environ=environ, probe=probe, forms=clone.forms)
    return stage, played_by


def _play(stage: Stage, told: _Told, left: Left) -> tuple[list[Played], Mapping[str, tuple[Verdict, ...]]]:
    """Play the jobs until one fails; between proof and publication let attackers try, and read the guide at the end."""
    played: list[Played] = []
    tried: dict[str, tuple[Verdict, ...]] = {"attackers": (), "guide": ()}
    for job in jobs.JOBS:
        told.say(f"{job.name}: {' '.join(job.verbs)}")
        first = not played
        done = jobs.play(job, stage, played[-1] if played else None, _story(told.tell, left, first=first))
        played.append(done)
        if done.code != 0:
            break
        if stage.clone.image and job.name == "publish":
            _open(stage)
        if job.identity:
            told.say("letting attackers sign")
            seal = _journal(stage.clone, done).get(Seal, "rehearse")
            begun = time.monotonic()
            tried["attackers"] = foreign = attackers.attack(stage, seal, done)
            told.tell(
                f"{'attacks':<8} ok  {time.monotonic() - begun:4.1f}s  {len(foreign)} foreign signatures refused by "
                f"our verification, {len(foreign) - 1} by the printed commands"
            )
    if played[-1].code == 0:
        tried["guide"] = _guide(stage, played[-1], told)
    return played, tried


def _guide(stage: Stage, done: Played, told: _Told) -> tuple[Verdict, ...]:
    """Follow the project's guide on what is public now, and tell of it."""
    told.say("following the guide")
    begun = time.monotonic()
    journal = _journal(stage.clone, done)
    ran, shared = guide.follow(stage, journal.get(Plan, "rehearse"), journal.get(Seal, "rehearse"), done.checkout)
    told.tell(
        f"{'guide':<8} ok  {time.monotonic() - begun:4.1f}s  {len(ran)} commands of the guide ran"
        + (f", {shared} more are the notes' own" if shared else "")
    )
    return ran


def _open(stage: Stage) -> None:
    """Open the package to strangers, as its owner does once: it is private at its first push."""
    host, repository = safe_image(stage.clone.image)
    stage.loopback.registries[host].add_repository(repository)


def _story(tell: Callable[[str], None], left: Left, *, first: bool) -> Callable[[str], None]:
    """Tell a job's lines; each begins with the guard, of which once is enough; the end says what is forever."""
    always = ("::", "note:    for ever")
    hidden = always if first else (*always, "guard ", "note:    not checked", "note:    left out")

    def line(text: str) -> None:
        if not text.startswith(hidden):
            tell(left.lasting(text))

    return line


def _journal(clone: Clone, played: Played) -> Journal:
    return Journal.open(Workspace.of(played.checkout, clone.tag).records, clone.tag, clone.commit)


def _conclude(  # noqa: PLR0913 - the last lines speak of everything
    clone: Clone,
    played: list[Played],
    played_by: tuple[Tool, ...],
    *,
    out: Path,
    seconds: float,
    tell: Callable[[str], None],
) -> None:
    last = played[-1]
    if last.code != 0:
        draft = ", the draft" if (out / "release.json").exists() else ""
        tell(f"FAILED in the job {last.job.name} after {seconds:.0f} s: nothing was published anywhere real")
        tell(f"Its log{draft} and the transcript: {_near(out)}")
        return
    journal = _journal(clone, last)
    seal = journal.get(Seal, "rehearse")
    real = [tool.by for tool in played_by if tool.real]
    standing_in = [tool.name for tool in played_by if not tool.real]
    tell(
        f"REHEARSED in {seconds:.0f} s    real: {', '.join(real)}"
        + (f"   stand-in: {', '.join(standing_in)}" if standing_in else "")
    )
    entries = len(seal.artifacts) + len(seal.signatures)
    own = journal.get(Plan, "rehearse").image_tags
    tags = f"the image's tag{'s'[: len(own) > 1]} {', '.join(own)}, " if seal.image else ""
    tell(f"For ever, once real: {entries} log entries naming {clone.repository}, {tags}and the public release")
    package = f", the login at {safe_image(clone.image)[0]} and whether strangers may pull there" if clone.image else ""
    tell(
        f"Unchecked from here: permissions and approval in {clone.workflow}, the tag at the remote, immutable "
        f"releases{package}; the build used this machine's network"
    )
    tell(f"Notes, assets, transcript: {_near(out)}")
    lacking = (*clone.lacking, *(text for text in journal.get(Plan, "rehearse").remarks if REFUSES in text))
    if lacking:
        tell(f"Not ready: {'; '.join(lacking)}")
    tell(f"Next: {'mend that, then ' if lacking else ''}{clone.next}")


def _near(path: Path) -> str:
    """Return a path relative to where the person stands, if that is shorter."""
    with contextlib.suppress(ValueError):
        return f"{path.relative_to(Path.cwd())}{os.sep}"
    return f"{path}{os.sep}"


def _document(
    clone: Clone,
    played: list[Played],
    played_by: tuple[Tool, ...],
    tried: Mapping[str, tuple[Verdict, ...]],
    left: Left,
) -> dict[str, object]:
    records = _journal(clone, played[-1]).records
    error = jobs.error_of(left.lasting(played[-1].log), played[-1].code)
    return {
        "ok": played[-1].code == 0,
        "tag": clone.tag,
        "commit": clone.commit,
        "repository": clone.repository,
        "workflow": clone.workflow,
        "jobs": [{"name": one.job.name, "exit": one.code} for one in played],
        "tools": {tool.name: tool.by for tool in played_by},
        **{name: [to_object(verdict) for verdict in verdicts] for name, verdicts in tried.items()},
        "records": {verb: to_object(record) for verb, record in records.items()},
        **({"error": error} if error else {}),
    }
