"""The order and what wraps it: records in, records out, no project code beside an identity, one hand-over."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

import widget
from job import TAG
from tagseal import records as kinds
from tagseal.errors import Refused, ServiceError, TagsealError, UsageError
from tagseal.journal import Journal, digest
from tagseal.machine import actions
from tagseal.machine.actions import read_command_file
from tagseal.machine.lock import hold_lock
from tagseal.pipeline import STEPS, VERBS, resumable, run, steps_of
from tagseal.records import Build, Checks, Plan, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from job import Job

CODE = ("plan", "build", "check")


@dataclass
class Watching:
    """Writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def begin(self, verb: str) -> None:
        self.told.append(f"{verb} starts")

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        assert seconds >= 0
        assert record.verb == verb
        self.told.append(f"{verb} ends")

    def remark(self, text: str) -> None:
        self.told.append(text)


def played(job: Job, *verbs: str, environ: Mapping[str, str] | None = None, watcher: Watching | None = None) -> None:
    """Run these verbs in one process, in a job's environment."""
    environ = job.environ() if environ is None else environ
    services = job.services(environ)
    run(verbs, actions.event(environ), services=services, watcher=watcher or Watching())


def refused(job: Job, *verbs: str, environ: Mapping[str, str] | None = None) -> TagsealError:
    with pytest.raises(TagsealError) as caught:
        played(job, *verbs, environ=environ)
    return caught.value


def records(job: Job) -> Path:
    return job.work.records


def told(job: Job) -> dict[str, str]:
    """Return the outputs of the job."""
    return read_command_file((job.temp / "github_output").read_text())


def test_a_step_takes_records_of_earlier_verbs_only() -> None:
    """The order is data, and every step can be fed from it."""
    for number, step in enumerate(STEPS):
        assert set(step.takes) <= set(VERBS[:number])
    assert tuple(kind.verb for kind in kinds.RECORDS) == VERBS


@pytest.mark.parametrize("verbs", [["build", "plan"], ["plan", "plan"], ["nonsense"], ["plan", "nonsense"], []])
def test_verbs_out_of_order_are_an_error(verbs: list[str]) -> None:
    """Unknown, repeated or turned round: nothing runs. No verb at all is the guard alone."""
    if not verbs:
        assert steps_of(verbs) == ()
        return
    with pytest.raises(UsageError) as caught:
        steps_of(verbs)
    assert caught.value.slug == "verbs-out-of-order"


@pytest.mark.parametrize("verb", CODE)
def test_project_code_does_not_run_beside_an_identity(job: Job, verb: str) -> None:
    """Every verb that may run a back end refuses, inside the loopback as well, before anything is asked or written."""
    before = len(job.loopback.transcript.entries)
    error = refused(job, verb, environ=job.environ(granted=job.run))
    assert (type(error), error.slug) == (Refused, "code-beside-identity")
    assert error.what == f"got `{verb}` in a job with `id-token: write`, expected no project code where an identity is"
    assert "in a job with `contents: read` only" in error.hint
    assert len(job.loopback.transcript.entries) == before
    assert not records(job).exists()


def test_the_boundary_is_of_the_job_not_of_the_verb(job: Job) -> None:
    """All nine in one job are refused for the first that runs code; verbs that run none are not."""
    environ = job.environ(granted=job.run)
    assert refused(job, *VERBS, environ=environ).what.startswith("got `plan` in a job")
    assert refused(job, "sign", environ=environ).slug != "code-beside-identity"
    assert tuple(step.verb for step in STEPS if step.code) == CODE


def test_records_are_kept_as_they_come_and_handed_on(job: Job) -> None:
    """The guard runs first, whether it is named or not; each record is written, and its digest told, at once."""
    watcher = Watching()
    played(job, "plan", "build", watcher=watcher)
    assert watcher.told == [f"{verb} {what}" for verb in ("guard", "plan", "build") for what in ("starts", "ends")]
    journal = Journal.open(records(job), TAG, job.run.sha)
    assert list(journal.records) == ["plan", "build"]
    assert told(job) == {"records": digest(records(job)), "tag": TAG, "version": "1.2.3"}


def test_a_step_that_fails_leaves_the_records_before_it(job: Job) -> None:
    """The same command resumes; the failing verb's record is not there."""
    job.push({"backend.py": "raise SystemExit('no compiler')\n"})
    assert refused(job, "plan", "build").slug == "build-failed"
    journal = Journal.open(records(job), TAG, job.run.sha)
    assert list(journal.records) == ["plan"]
    with pytest.raises(UsageError, match="`check` needs the record of `build`"):
        journal.get(Build, "check")


def test_a_verb_without_the_record_that_it_needs_names_the_verb_that_makes_it(job: Job) -> None:
    """In another job, or after another commit."""
    played(job, "plan")
    environ = job.environ(TAGSEAL_RECORDS=digest(records(job)))
    error = refused(job, "check", environ=environ)
    assert error.what == "`check` needs the record of `build`, and v1.2.3/release.json has none"
    assert error.hint.startswith("Run `tagseal run guard build check`")


def test_records_of_another_commit_are_not_used_and_it_is_said(job: Job) -> None:
    """A moved tag starts over."""
    played(job, "plan")
    old = job.run.sha
    job.push({"widget.py": "TURNS = 2\n"})
    watcher = Watching()
    played(job, "plan", watcher=watcher)
    assert f"records of {TAG} at {old[:12]} lie here, and are not used" in watcher.told


def test_records_that_nobody_attests_are_refused(job: Job) -> None:
    """In Actions a job that goes on needs the digest from the job before."""
    played(job, "plan", "build")
    error = refused(job, "check", environ=job.environ())
    assert (type(error), error.slug) == (Refused, "records-unattested")
    assert "`TAGSEAL_RECORDS: ${{ needs.JOB.outputs.records }}`" in error.hint


@pytest.mark.parametrize("verb", ["guard", "check"])
def test_a_changed_hand_over_is_refused_by_the_guard_itself(job: Job, verb: str) -> None:
    """One byte is enough, and also where only the guard is asked."""
    played(job, "plan", "build")
    attested = digest(records(job))
    records(job).write_bytes(records(job).read_bytes() + b"\n")
    error = refused(job, verb, environ=job.environ(TAGSEAL_RECORDS=attested))
    assert (type(error), error.slug) == (Refused, "records-differ")


def test_an_attested_plan_is_still_derived_again(job: Job) -> None:
    """Project code ran in the job that told the digest, so its plan is a claim."""
    played(job, "plan", "build")
    journal = Journal.open(records(job), TAG, job.run.sha)
    journal.records["plan"] = replace(journal.get(Plan, "test"), section="Evil.")
    build = journal.get(Build, "test")
    journal.keep(build)
    error = refused(job, "check", environ=job.environ(TAGSEAL_RECORDS=digest(records(job))))
    assert (type(error), error.slug) == (Refused, "plan-disagrees")


def test_records_of_later_verbs_do_not_outlive_their_ground(job: Job) -> None:
    """A record that the job before forged for a later verb goes when the earlier verb runs."""
    played(job, "plan", "build", "check")
    played(job, "build", environ=job.environ(TAGSEAL_RECORDS=digest(records(job))))
    assert list(Journal.open(records(job), TAG, job.run.sha).records) == ["plan", "build"]


def test_two_runs_do_not_work_at_once_on_one_tag(job: Job) -> None:
    """One works, and the other says who does and stops; the guard alone writes nothing, and needs no turn."""
    played(job, "plan")
    before = records(job).read_bytes()
    with hold_lock(job.work.path / ".lock", "`tagseal run plan build`"):
        error = refused(job, "plan")
        played(job, "guard")
    assert (type(error), error.slug) == (Refused, "run-under-way")
    assert f"`tagseal run plan build`, process {os.getpid()} on " in error.context[0]
    assert records(job).read_bytes() == before
    played(job, "plan")


def test_what_a_killed_run_left_is_gone_after_the_next(job: Job) -> None:
    """Unfinished files and folders neither break a run nor pile up; finished ones stay."""
    left = (".release.json.part", "packages/.widget.whl.part", ".existing-1x/.a.part", ".staging/packages/widget.whl")
    widget.write(job.work.path, dict.fromkeys((*left, "bundles/widget.sigstore.json"), "half"))
    (job.work.path / ".existing-empty").mkdir()
    played(job, "plan", "build")
    found = {path.relative_to(job.work.path).as_posix() for path in job.work.path.rglob("*") if path.is_file()}
    packages = {f"packages/{widget.WHEEL}", f"packages/{widget.SDIST}"}
    assert found == {".lock", "release.json", "logs/build.log", "bundles/widget.sigstore.json"} | packages
    assert not [path for path in job.work.path.iterdir() if path.is_dir() and path.name.startswith(".")]


def test_nothing_is_swept_before_the_guard_has_spoken(job: Job) -> None:
    """A refused run removes nothing."""
    widget.write(job.work.path, {".release.json.part": "half"})
    assert refused(job, "plan", environ=job.environ(GITHUB_REF="refs/heads/main")).slug == "not-a-tag"
    assert (job.work.path / ".release.json.part").exists()


def test_without_the_old_folder_the_verbs_before_are_named_and_lead_on(job: Job) -> None:
    """All jobs on new machines: what is missing is said with the command that makes it, and that command works."""
    played(job, "plan", "build", "check")
    shutil.rmtree(job.work.path.parent)
    error = refused(job, "sign", "upload")
    assert (type(error), error.slug, error.exit_code) == (UsageError, "record-missing", 2)
    assert error.hint.startswith("Run `tagseal run guard plan build check sign`")
    played(job, "plan", "build", "check")
    found = Journal.open(records(job), TAG, job.run.sha)
    assert [artifact.name for artifact in found.get(Checks, "test").artifacts] == [widget.WHEEL, widget.SDIST]


def test_a_record_that_was_kept_and_never_told_is_made_again(job: Job) -> None:
    """Killed between the two, the same command in the same folder goes on, and says what it makes again."""
    played(job, "plan", "build")
    attested = digest(records(job))
    played(job, "check", environ=job.environ(TAGSEAL_RECORDS=attested))
    (job.temp / "github_output").unlink()  # the runner ended before it could read it
    watcher = Watching()
    played(job, "check", environ=job.environ(TAGSEAL_RECORDS=attested), watcher=watcher)
    assert "the records of check were not handed on: made again" in watcher.told
    assert list(Journal.open(records(job), TAG, job.run.sha).records) == ["plan", "build", "check"]


def failing(hint: str, *, actions: bool) -> str:
    """Return the hint of a service's failure in `build`, of a run that goes on with `check`."""
    environ = {"GITHUB_ACTIONS": "true"} if actions else {}
    error = ServiceError("GitHub did not answer", hint=hint, slug="github-unreachable")
    with pytest.raises(ServiceError) as caught, resumable(STEPS[2], STEPS[2:4], environ):
        raise error
    return caught.value.hint


@pytest.mark.parametrize(
    ("hint", "laptop", "in_actions"),
    [
        (
            "{Rerun}; it resumes.",
            "Run `tagseal run guard build check` again; it resumes.",
            "Re-run the failed jobs; it resumes.",
        ),
        (
            "Mend what GitHub names, then {rerun}; bundles are kept.",
            "Mend what GitHub names, then run `tagseal run guard build check` again; bundles are kept.",
            "Mend what GitHub names, then re-run the failed jobs; bundles are kept.",
        ),
        (
            "{Rerun}.",
            "Run `tagseal run guard build check` again.",
            "Re-run the failed jobs.",
        ),
        (
            "Ask its keeper.",
            "Ask its keeper. Then run `tagseal run guard build check` again; it goes on with `build`.",
            "Ask its keeper. Then re-run the failed jobs; it goes on with `build`.",
        ),
    ],
)
def test_after_exit_4_the_hint_names_what_resumes(hint: str, laptop: str, in_actions: str) -> None:
    """The verbs that are left, behind the guard; in Actions a person re-runs jobs. The adapter's own words stay."""
    assert failing(hint, actions=False) == laptop
    assert failing(hint, actions=True) == in_actions


def test_outside_of_a_pipeline_the_same_command_is_run_again() -> None:
    """Whoever catches the error of an adapter reads a whole sentence."""
    error = ServiceError("GitHub did not answer", hint="Wait, then {rerun}. {Rerun}.", slug="github-unreachable")
    assert error.hint == "Wait, then run the same command again. Run the same command again."


def test_a_guard_without_an_answer_says_how_to_resume(job: Job) -> None:
    """The first of the verbs can fail as well, and nothing is behind it yet."""
    closed = "http://127.0.0.1:1"
    error = refused(job, "plan", "build", environ=job.environ(HTTPS_PROXY=closed, https_proxy=closed))
    assert isinstance(error, ServiceError)
    assert "e-run the failed jobs" in error.hint


def tagseal(job: Job, verbs: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "tagseal", *verbs]
    return subprocess.run(argv, cwd=job.git.root, env=environ, capture_output=True, text=True, check=False, timeout=60)


def child(job: Job, tmp_path: Path, **variables: str) -> dict[str, str]:
    """Return a job's whole environment, for a child of its own."""
    names = ("PATH", "PYTHONPATH")
    passed = {name: os.environ[name] for name in names if name in os.environ}
    entered = job.environ() | variables
    given = {name: value for name, value in entered.items() if name not in os.environ or name.startswith("GITHUB_")}
    door = job.loopback.environment()
    return {**passed, **given, **door, **variables, "HOME": str(tmp_path)}


def test_verbs_as_children_of_one_job_hand_on_to_each_other(job: Job, tmp_path: Path) -> None:
    """A session a verb: each reads the digest that the one before told; the next job gets it as a variable."""
    environ = child(job, tmp_path)
    for verb in ("guard", "plan", "build", "check"):
        done = tagseal(job, [verb], environ)
        assert done.returncode == 0, done.stdout + done.stderr
        # The guard is in every process, and says its line.
        lines = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(("::", "note:"))]
        assert lines == (["guard"] if verb == "guard" else ["guard", verb])
    attested = told(job)["records"]
    assert attested == digest(records(job))

    # What was told in this job is newer than what the job before told.
    records(job).write_bytes(records(job).read_bytes() + b"\n")
    assert tagseal(job, ["check"], environ | {"TAGSEAL_RECORDS": digest(records(job))}).returncode == 3
    records(job).write_bytes(records(job).read_bytes()[:-1])

    for told_digest, code in ((attested, 0), ("e" * 64, 3)):
        done = tagseal(job, ["guard"], child(job, tmp_path, TAGSEAL_RECORDS=told_digest))
        assert done.returncode == code, done.stdout + done.stderr
    done = tagseal(job, ["check", "--json"], child(job, tmp_path, TAGSEAL_RECORDS=attested))
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], list(document["records"])) == (0, True, ["guard", "check"])
    journal = Journal.open(records(job), TAG, job.run.sha)
    assert journal.get(Checks, "test").artifacts == journal.get(Build, "test").artifacts
    assert {artifact.name for artifact in journal.get(Build, "test").artifacts} == {widget.SDIST, widget.WHEEL}
