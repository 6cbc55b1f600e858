"""How a rehearsal ends: the last lines of its story, and its result as data."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.machine.git import signing_key
from tagseal.names import number_of, safe_image
from tagseal.project.readiness import judge
from tagseal.records import Plan, Readiness, Seal, to_object
from tagseal.rehearsal.output import verify_command
from tagseal.rehearsal.play import journal
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.journal import Journal
    from tagseal.records import Reason
    from tagseal.rehearsal.jobs import PlayedJob
    from tagseal.rehearsal.output import Output
    from tagseal.rehearsal.packages.installation import PackageTrial
    from tagseal.rehearsal.play import PlayedRehearsal
    from tagseal.rehearsal.project.clone import Clone
    from tagseal.rehearsal.tools.toolset import Tool
    from tagseal.rehearsal.workflow.play import WrittenWorkflow
    from tagseal.report.events import Failure


_DAYS = 14
"""That an index takes further files for a version, from its first one (PyPI's rule since July 2026)."""
_MARKS = {"success": "ok", "failure": "no", "skipped": "--"}
_USES = {"yes": "", "to read": " (only read)", "no": " (unused)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalOutcome:
    """What became of a rehearsal."""

    clone: Clone
    tools: tuple[Tool, ...]
    played: PlayedRehearsal
    written: WrittenWorkflow | None
    """The workflow, where that was played."""
    reasons: tuple[Reason, ...]
    """Why the tree is not ready, the worst first."""
    allow_not_yet: bool

    @property
    def readiness(self) -> Readiness:
        """The verdict."""
        return Readiness.of(self.reasons)

    @property
    def failed(self) -> PlayedJob | None:
        """The first job that failed."""
        return next((one for one in self.played.jobs if one.code != 0), None)

    @property
    def code(self) -> int:
        """The exit code of the rehearsal."""
        if self.failed:
            return self.failed.code
        allowed = {Readiness.ready} | ({Readiness.not_yet} if self.allow_not_yet else set())
        return 0 if self.readiness in allowed else UsageError.exit_code

    @property
    def journal(self) -> Journal:
        """The records of the last job that has any; empty ones where none has."""
        jobs = self.played.jobs
        kept = [job for job in jobs if Workspace.of(job.checkout, self.clone.tag).records.exists()]
        return journal(self.clone, kept[-1] if kept else jobs[-1])


def find_reasons(clone: Clone, trial: PackageTrial | None) -> tuple[Reason, ...]:
    """Return why the tree is not ready, the worst first: what its files tell, and what its packages did."""
    found = (*judge(clone.candidate), *clone.missing, *(trial.reasons if trial else ()))
    return tuple(sorted(found, key=lambda reason: reason.readiness != Readiness.broken))


def conclude(outcome: RehearsalOutcome, out: Path, seconds: float, tell: Callable[[str], None]) -> None:
    """Tell how it ended, why, what is left, and what a person does next."""
    for line in (*_permissions(outcome), *_reasons(outcome)):
        tell(line)
    if outcome.failed:
        draft = ", the draft" if (out / "release.json").exists() else ""
        tell(f"FAILED in the job {outcome.failed.job.name} after {seconds:.0f} s: nothing was published anywhere real")
        tell(f"Its log{draft} and the transcript: {_near(out)}")
        return
    real = [tool.by for tool in outcome.tools if tool.real]
    standing_in = [tool.name for tool in outcome.tools if not tool.real]
    tell(_VERDICTS[outcome.readiness].format(count=number_of(len(outcome.reasons), "reason"), seconds=round(seconds)))
    tell(f"Played by: {', '.join(real)}" + (f"; by a stand-in: {', '.join(standing_in)}" if standing_in else ""))
    tell(_permanent(outcome))
    tell(_unchecked(outcome))
    tell(f"Notes, assets, transcript: {_near(out)}")
    tell(f"Verify the assets: `{verify_command(Path(_near(out)), outcome.clone)}`")
    tell(f"Next: {_next(outcome)}")


_VERDICTS = {
    Readiness.ready: "READY to be tagged, rehearsed in {seconds} s",
    Readiness.not_yet: "NOT YET ready to be tagged: {count} above; rehearsed in {seconds} s",
    Readiness.broken: "BROKEN: a real release of this would fail or do harm, {count} above; rehearsed in {seconds} s",
}


def _reasons(outcome: RehearsalOutcome) -> Iterator[str]:
    """Yield two lines for each reason: what is wrong, and what to do."""
    for reason in outcome.reasons:
        refused = f"; `{reason.verb}` would refuse it" if reason.verb else ""
        yield f"{reason.readiness.lower():<8} {reason.text}{refused} [{reason.slug}]"
        yield f"{'':<8} {reason.fix}"


def _next(outcome: RehearsalOutcome) -> str:
    """Return what a person does for the real release."""
    tag, git = outcome.clone.tag, outcome.clone.candidate.git
    if outcome.reasons:
        return "do what stands below each reason, and rehearse again"
    if git.commit_of(f"refs/tags/{tag}"):
        return f"git push origin {tag}"
    make = f"git tag -s {tag} -m {tag}" if signing_key(git.environ) else f"git tag -a {tag} -m {tag}"
    return f"{make} && git push origin {tag}"


def _permanent(outcome: RehearsalOutcome) -> str:
    clone, records = outcome.clone, outcome.journal
    seal, plan = records.get(Seal, "rehearse"), records.get(Plan, "rehearse")
    entries = len(seal.artifacts) + len(seal.signatures) + len(seal.attestations)
    names = f"{number_of(len(seal.packages), 'file name')} at {plan.index.name}, " if plan.index else ""
    own = plan.image_tags
    tags = f"the image's tag{'s'[: len(own) > 1]} {', '.join(own)}, " if seal.image else ""
    half = (
        f". A version that is only half at {plan.index.name} can be completed for {_DAYS} days"
        if (plan.index and plan.index.site)
        else ""
    )
    return f"Permanent once released: {names}{tags}{entries} log entries naming {clone.repository}, the release{half}"


def _permissions(outcome: RehearsalOutcome) -> list[str]:
    """Return a line for each job of a played workflow, and what is granted for nothing, or lacks."""
    if outcome.written is None:
        return []
    lines = []
    for name, result in outcome.written.results.items():
        ended = result.result == "success"
        granted = (f"{one.text}{_USES[one.used] if ended else ''}" for one in outcome.written.permissions.get(name, ()))
        said = "skipped" if result.result == "skipped" else ", ".join(granted) or "no permission"
        lines.append(f"{'job':<8} {_MARKS[result.result]}         {name}: {said}")
        if result.result == "failure":
            failed = (step for step in result.steps if step.outcome == "failure")
            place = outcome.written.workflow.path
            lines += [f"{'step':<8} no         {place}:{one.line} {one.name}: {one.reason}" for one in failed]
    lines += [f"warning: {one}" for one in outcome.written.unused]
    lines += [f"note:    {remark}" for remark in outcome.written.remarks]
    return [*lines, *(f"lacks:   {sentence}" for _, _, sentence in outcome.written.lacking)]


def _unchecked(outcome: RehearsalOutcome) -> str:
    clone = outcome.clone
    package = f", the login at {safe_image(clone.image)[0]} and whether strangers may pull there" if clone.image else ""
    index = ""
    if clone.index:
        where = clone.publisher.environment if clone.publisher else None
        by = f" ({clone.repository}, {clone.workflow}, environment {where or 'any'})" if clone.index.site else ""
        index = f", the publisher that {clone.index.name} trusts{by}" if by else f", the login at {clone.index.name}"
    if outcome.written:
        workflow = "GitHub's own runner and actions, approval of environments"
        network = "set-up and build used this machine's network"
    else:
        workflow = f"permissions and approval in {clone.workflow}"
        network = "the build used this machine's network"
    trial = outcome.played.trial
    packages = "".join(f", {one}" for one in (trial.unchecked if trial else ()))
    return (
        f"Not checked here: {workflow}, the tag at the remote, immutable releases{package}{index}{packages}; {network}"
    )


def _near(path: Path) -> str:
    """Return a path relative to where the person stands, if that is shorter."""
    with contextlib.suppress(ValueError):
        return f"{path.relative_to(Path.cwd())}{os.sep}"
    return f"{path}{os.sep}"


def document(outcome: RehearsalOutcome, left: Output) -> dict[str, object]:
    """Return the result as plain JSON data."""
    clone = outcome.clone
    last = outcome.failed or outcome.played.jobs[-1]
    return {
        "ok": outcome.code == 0,
        "verdict": None if outcome.failed else outcome.readiness,
        "reasons": [to_object(reason) for reason in outcome.reasons],
        "tag": clone.tag,
        "commit": clone.commit,
        "repository": clone.repository,
        "workflow": clone.workflow,
        "jobs": [_job(outcome, one) for one in outcome.played.jobs],
        **_of_workflow(outcome),
        "tools": {tool.name: tool.by for tool in outcome.tools},
        **{name: [to_object(verdict) for verdict in verdicts] for name, verdicts in outcome.played.tried.items()},
        "records": {verb: to_object(record) for verb, record in outcome.journal.records.items()},
        **({"error": _failure(last.failure, last.code, left)} if last.failure else {}),
    }


def _failure(failure: Failure, code: int, left: Output) -> dict[str, object]:
    """Return what a job ended with; it names places that outlive the rehearsal."""
    return {
        "slug": failure.slug,
        "what": left.lasting(failure.what),
        "context": [left.lasting(line) for line in failure.context],
        "hint": left.lasting(failure.hint),
        "exit": code,
    }


def _job(outcome: RehearsalOutcome, played: PlayedJob) -> dict[str, object]:
    found: dict[str, object] = {"name": played.job.name, "exit": played.code}
    if outcome.written is None:
        return found
    granted = outcome.written.permissions[played.job.name]
    steps = outcome.written.results[played.job.name].steps
    return found | {
        "result": outcome.written.results[played.job.name].result,
        "permissions": [{"scope": one.scope, "level": one.level, "used": one.used} for one in granted],
        "steps": [{"name": step.name, "line": step.line, "conclusion": step.conclusion} for step in steps],
    }


def _of_workflow(outcome: RehearsalOutcome) -> dict[str, object]:
    """Return what only a played workflow has: jobs that were skipped, what is lacking, what to remark."""
    if (written := outcome.written) is None:
        return {}
    return {
        "skipped": [name for name, result in written.results.items() if result.result == "skipped"],
        "lacking": [{"scope": scope, "level": level, "what": sentence} for scope, level, sentence in written.lacking],
        "unused": list(written.unused),
        "remarks": list(written.remarks),
    }
