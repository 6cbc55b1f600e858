"""The nine steps in their order, and what wraps them: records in, records out, time, and nothing else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from tagseal.errors import Refused, ServiceError, UsageError
from tagseal.journal import Journal, digest
from tagseal.machine import actions
from tagseal.machine.actions import Event, write_outputs
from tagseal.machine.files import remove_leftovers
from tagseal.machine.lock import hold_lock
from tagseal.records import RECORDS, Plan, Publication, Record, Seal, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tagseal.steps import Services
    from tagseal.steps.draft.difference import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its verb, and the verbs whose records it takes, in its signature's order."""

    verb: str
    takes: tuple[str, ...]
    code: bool = False
    """Whether it may run the project's code: a build back end."""

    @property
    def function(self) -> Callable[..., Record]:
        """The step itself, ``tagseal.steps.<verb>.<verb>``: imported when it is needed."""
        return cast("Callable[..., Record]", getattr(import_module(f"tagseal.steps.{self.verb}"), self.verb))


STEPS = (
    # Whatever follows is only right on exactly one tag, so every job begins here.
    Step(verb="guard", takes=()),
    # Names, version and notes are settled before anything costs time, so that a mistake in them fails early.
    Step(verb="plan", takes=("guard",), code=True),
    # Everything that runs the project's code is over before a job has an identity, or a token that may write.
    Step(verb="build", takes=("guard", "plan"), code=True),
    # A signature is for ever: the files are compared with the plan before they can get one.
    Step(verb="check", takes=("plan", "build"), code=True),
    # First irreversible act: the transparency log keeps every entry.
    Step(verb="sign", takes=("guard", "plan", "build", "check")),
    # The draft is what will be published, byte for byte; nobody but its writers sees it yet.
    Step(verb="upload", takes=("guard", "plan", "sign")),
    # The instructions are executed on the draft while it can still be thrown away.
    Step(verb="prove", takes=("guard", "plan", "sign", "upload")),
    # The point of no return. A Proof is needed, and only `prove` makes one.
    Step(verb="publish", takes=("guard", "plan", "sign", "upload", "prove")),
    # What strangers see can only be looked at once it is public.
    Step(verb="witness", takes=("guard", "plan", "sign", "publish")),
)

VERBS = tuple(step.verb for step in STEPS)

BY_JOB = {
    "build": ("plan", "build", "check"),
    "seal": ("sign", "upload", "prove"),
    "publish": ("publish",),
    "witness": ("witness",),
}
"""The verbs of each job, behind the guard (design, section 2)."""
_READ, _WRITE, _IDENTITY = {"contents": "read"}, {"contents": "write"}, {"id-token": "write"}
_IMAGE = {"packages": "write"}


def permissions(job: str, *, image: bool, index: bool) -> dict[str, str]:
    """Return the permissions of a job of the table, scope to level, as a workflow spells them.

    Args:
        job: A key of ``BY_JOB``.
        image: Whether an image is released, so that two jobs write packages.
        index: Whether an index knows the job that publishes by its identity.
    """
    return {
        # Runs the project's code, so it may do nothing but read.
        "build": _READ,
        # Holds the identity and the draft; runs no line of the project.
        "seal": _WRITE | _IDENTITY | (_IMAGE if image else {}),
        # One approval, then the irreversible acts.
        "publish": _WRITE | (_IDENTITY if index else {}) | (_IMAGE if image else {}),
        # Sees what strangers see.
        "witness": _READ,
    }[job]


_LOCK = ".lock"
"""Its file in the work folder; hidden, so that it is no part of the hand-over."""


class Watcher(Protocol):
    """Told what happens, from outside the steps."""

    def begin(self, verb: str) -> None:
        """A step begins."""

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """A step gave its record."""

    def remark(self, text: str) -> None:
        """Something a person should know."""


def steps_of(verbs: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps of these verbs.

    Raises:
        UsageError: A verb is unknown, comes twice, or before one that it must follow.
    """
    known = [verb for verb in VERBS if verb in verbs]
    if list(verbs) != known:
        raise UsageError(
            f"got the verbs {' '.join(verbs)}, expected some of {' '.join(VERBS)}, each once, in this order",
            hint=f"`tagseal run {' '.join(known)}`" if known else "`tagseal run guard plan build check`",
            slug="verbs-out-of-order",
        )
    return tuple(step for step in STEPS if step.verb in known)


def run(verbs: Sequence[str], event: Event, *, services: Services, watcher: Watcher) -> tuple[Record, ...]:
    """Run the guard, then these verbs; return their records in order.

    Raises:
        TagsealError: A step's own; the records before it are kept, and the same command resumes.
    """
    steps = [step for step in steps_of(verbs) if step.verb != "guard"]
    _boundary(steps, services)
    with resumable(STEPS[0], steps, services.environ):
        tag = cast("Tag", _time(STEPS[0], (event,), services, watcher))
    if not steps:
        _open_journal(tag, steps, services, watcher)
        return (tag,)
    # The guard has held that the folder is ours to write.
    with hold_lock(services.work.path / _LOCK, f"`tagseal run {' '.join(verbs)}`"):
        remove_leftovers(services.work.path)
        return (tag, *_play(tag, steps, services, watcher))


def foreseen(event: Event, *, services: Services, watcher: Watcher) -> Difference:
    """Return what ``upload`` would do now, behind the guard; nothing is changed.

    Raises:
        TagsealError: What the guard or ``upload`` would raise before anything is changed.
    """
    from tagseal.steps.upload import plan_upload  # noqa: PLC0415 - sigstore

    steps = steps_of(["upload"])
    with resumable(steps[0], steps, services.environ):
        tag = cast("Tag", _time(STEPS[0], (event,), services, watcher))
        journal = _open_journal(tag, steps, services, watcher)
        return plan_upload(tag, journal.get(Plan, "upload"), journal.get(Seal, "upload"), services=services)


def _play(tag: Tag, steps: Sequence[Step], services: Services, watcher: Watcher) -> Iterator[Record]:
    """Run the steps behind the guard, and yield their records; each is kept, and its digest told, at once."""
    journal = _open_journal(tag, steps, services, watcher)
    for number, step in enumerate(steps):
        taken = [tag if verb == "guard" else journal.get(_kind(verb), step.verb) for verb in step.takes]
        with resumable(step, steps[number:], services.environ):
            record = _time(step, tuple(taken), services, watcher)
        journal.keep(record)
        write_outputs(services.environ, records=digest(journal.path), **_outputs(record))
        yield record


@contextmanager
def resumable(step: Step, rest: Sequence[Step], environ: Mapping[str, str]) -> Iterator[None]:
    """Let the hint of a service's failure in this step name what goes on: a command, in Actions a re-run."""
    try:
        yield
    except ServiceError as error:
        verbs = " ".join(("guard", *(one.verb for one in rest if one.verb != "guard")))
        jobs = environ.get("GITHUB_ACTIONS") == "true"
        rerun = "re-run the failed jobs" if jobs else f"run `tagseal run {verbs}` again"
        if not error.name_rerun(rerun):
            error.hint = f"{error.hint.rstrip('. ')}. Then {rerun}; it goes on with `{step.verb}`."
        raise


def _outputs(record: Record) -> dict[str, str]:
    """Return what a record tells to later steps and jobs."""
    if isinstance(record, Plan):
        return {"tag": record.tag, "version": record.version}
    return {"release_url": record.url} if isinstance(record, Publication) else {}


def _boundary(steps: Sequence[Step], services: Services) -> None:
    """Refuse to run project code and to hold an identity in one job; no setting and no loopback changes that."""
    code = [step.verb for step in steps if step.code]
    if code and services.environ.get(actions.OIDC_URL):
        raise Refused(
            f"got `{code[0]}` in a job with `id-token: write`, expected no project code where an identity is",
            context=("a build back end can read its parents' environment, and would sign whatever it likes",),
            hint="Run guard, plan, build and check in a job with `contents: read` only, and hand dist/<tag>/ on.",
            slug="code-beside-identity",
        )


def _open_journal(tag: Tag, steps: Sequence[Step], services: Services, watcher: Watcher) -> Journal:
    path = services.work.records
    begins = bool(steps) and steps[0].verb == "plan"
    # One that begins uses nothing of what lies there.
    told = "" if begins else actions.expected_records(services.environ)
    journal = Journal.open(path, tag.name, tag.commit, told=told)
    if journal.ignored:
        watcher.remark(journal.ignored)
    if steps and not begins:
        if path.exists() and not told and services.environ.get("GITHUB_ACTIONS") == "true":
            raise Refused(
                f"got no {actions.RECORDS}, expected the digest of the records from the job before",
                hint=f"In the workflow: `{actions.RECORDS}: ${{{{ needs.JOB.outputs.records }}}}`.",
                slug="records-unattested",
            )
        _confirm(tag, journal.get(Plan, steps[0].verb), services)
    return journal


def _confirm(tag: Tag, plan: Plan, services: Services) -> None:
    from tagseal.steps.plan import confirm  # noqa: PLC0415 - the changelog's parsers

    confirm(tag, plan, services=services)


def _kind(verb: str) -> type[Record]:
    return next(kind for kind in RECORDS if kind.verb == verb)


def _time(step: Step, taken: tuple[object, ...], services: Services, watcher: Watcher) -> Record:
    watcher.begin(step.verb)
    start = time.monotonic()
    record = step.function(*taken, services=services)
    watcher.finish(step.verb, record, time.monotonic() - start)
    return record
