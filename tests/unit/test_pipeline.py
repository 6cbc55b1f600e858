"""The order and what wraps it: records in, records out, no project code beside an identity, one hand-over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

import widget
from job import TAG
from tagseal import records as kinds
from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.journal import Journal, digest
from tagseal.pipeline import STEPS, VERBS, ordered, run
from tagseal.records import Build, Checks, Plan, Record
from tagseal.services import actions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from job import Job

CODE = ("plan", "build", "check")


@dataclass
class Watching:
    """Writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def started(self, verb: str) -> None:
        self.told.append(f"{verb} starts")

    def finished(self, verb: str, record: Record, seconds: float) -> None:
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


def told(job: Job) -> list[str]:
    """Return the outputs of the job."""
    return (job.temp / "github_output").read_text().splitlines()


def test_a_step_takes_records_of_earlier_verbs_only() -> None:
    """The order is data, and every step can be fed from it."""
    for number, step in enumerate(STEPS):
        assert set(step.takes) <= set(VERBS[:number])
    assert tuple(kind.verb for kind in kinds.RECORDS) == VERBS


@pytest.mark.parametrize("verbs", [["build", "plan"], ["plan", "plan"], ["nonsense"], ["plan", "nonsense"], []])
def test_verbs_out_of_order_are_an_error(verbs: list[str]) -> None:
    """Unknown, repeated or turned round: nothing runs. No verb at all is the guard alone."""
    if not verbs:
        assert ordered(verbs) == ()
        return
    with pytest.raises(UsageError) as caught:
        ordered(verbs)
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
    assert len(told(job)) == 2
    assert told(job)[-1] == f"records={digest(records(job))}"


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
    assert error.what == "`check` needs the record of `build`, and release.json has none"
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
    attested = told(job)[-1].removeprefix("records=")
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
    assert {one.name for one in journal.get(Build, "test").artifacts} == {widget.SDIST, widget.WHEEL}
