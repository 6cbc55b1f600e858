"""``tagseal rehearse``: the four jobs, one after the other, then what they left."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.loopback import Loopback
from tagseal.loopback.actions import Run
from tagseal.machine.git import Git
from tagseal.names import printable, safe_image
from tagseal.records import WORKFLOWS
from tagseal.rehearsal import environment, index, jobs
from tagseal.rehearsal.faults import faults_named, outcomes
from tagseal.rehearsal.output import Output
from tagseal.rehearsal.play import StoryReport, play
from tagseal.rehearsal.project.clone import Clone, make
from tagseal.rehearsal.project.workflow_file import choose
from tagseal.rehearsal.summary import RehearsalOutcome, conclude, document, find_reasons
from tagseal.rehearsal.tools import toolset
from tagseal.rehearsal.workflow import play as workflows
from tagseal.workflow import signing as files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagseal.loopback.sigstore.trust import Log
    from tagseal.rehearsal.jobs import Stage
    from tagseal.rehearsal.project.workflow_file import WorkflowFile
    from tagseal.rehearsal.tools.toolset import Tool

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
    allow_not_yet: bool = False
    """Whether what is still to do before a tag leaves the exit code alone."""


def rehearse(
    request: RehearsalRequest,
    *,
    tell: Callable[[str], None],
    say: Callable[[str], None],
    pause: Callable[[str, float], None],
) -> tuple[int, dict[str, object]]:
    """Play the release; return the exit code, and the result as plain JSON data.

    The code is that of the first job that failed; else 0 for a tree that is ready to be tagged, and 2 for another.

    Raises:
        TagsealError: The project cannot be rehearsed, or an attacker got through.
    """
    begun = time.monotonic()
    told = StoryReport(tell=lambda text: tell(printable(text)), say=say, pause=pause)
    environ = dict(os.environ)
    faults = faults_named(request.faults)
    source = Git.at(request.path, environ)
    with tempfile.TemporaryDirectory(prefix="tagseal-rehearsal-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        left = Output(temporary=folder, source=source.root, out=request.out or source.root / "dist" / "rehearsal")
        with left.name_lasting_paths():
            say("cloning")
            chosen = choose(request.file, source, trusted=request.trusted) if request.file else None
            clone = _clone(source, folder, request, chosen, told)
            _introduce(clone, request.log, told.tell)
            left.prepare(source)
            with _loopback(clone, request, folder) as loopback:
                loopback.close_fresh_packages()
                stage, played_by = set_stage(clone, loopback, left, environ)
                loopback.faults.set(faults)
                written = workflows.of(stage) if request.workflow else None
                with left.keep_output(stage):
                    played = play(stage, told, left, written)
                struck = outcomes(request.faults, loopback.faults)
        for strike in struck:
            told.tell(str(strike))
        outcome = RehearsalOutcome(
            clone=clone,
            tools=played_by,
            played=played,
            written=written,
            reasons=find_reasons(clone, played.trial),
            allow_not_yet=request.allow_not_yet,
        )
        conclude(outcome, left.out, time.monotonic() - begun, told.tell)
        result = document(outcome, left)
        result["log"] = request.log
        result["faults"] = [asdict(one) for one in struck]
    if request.serve and outcome.failed is None:
        from tagseal.rehearsal.page import serve  # noqa: PLC0415 - only where asked

        serve(left.out, clone.repository, clone.tag, told.tell)
    return outcome.code, result


def _loopback(clone: Clone, request: RehearsalRequest, folder: Path) -> Loopback:
    registries, own = _registries(clone), index.further(clone)
    return Loopback(folder=folder / "loopback", registries=registries, index=own, log=request.log)


def _clone(
    source: Git, folder: Path, request: RehearsalRequest, chosen: WorkflowFile | None, told: StoryReport
) -> Clone:
    """Clone the project; where there is none, that is the verdict, and the error says why."""
    try:
        return make(source, folder, project=request.project, tag=request.tag, packages=request.packages, chosen=chosen)
    except UsageError as error:
        if error.slug == "no-project":
            told.tell("BROKEN: there is nothing here that could be released")
        raise


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
