"""Whose workflow is played, how a failed one is told, and how its failed jobs are run again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from rehearsing import COMMAND, PATH, VARIED, project, rehearse, workflow
from tagseal.errors import Refused, UsageError
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.machine.git import Git
from tagseal.rehearsal.output import Output
from tagseal.rehearsal.project import workflow_file
from tagseal.rehearsal.project.clone import make
from tagseal.rehearsal.rehearse import set_stage
from tagseal.rehearsal.workflow import play as written
from tagseal.report.events import EventKind, ReportEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rehearsing import Ended

FILE = ".github/workflows/release.yml"
HEAD = "on: { push: { tags: ['v*'] } }\npermissions: {}\njobs:\n"
RUNS = HEAD + "  a: { steps: [{ run: touch ran }] }\n"
RELEASE = workflow(image=False)


def play(tmp_path: Path, text: str, *options: str, files: Mapping[str, str] | None = None) -> Ended:
    git = project(tmp_path / "widget", "", {FILE: text, **(files or {})})
    return rehearse(git.root, *(options or ("--workflow",)), out=tmp_path / "out", environ={"PATH": PATH})


@pytest.mark.parametrize("there", ["tracked", "new", "elsewhere in the checkout"])
def test_what_git_has_in_the_checkout_is_the_persons_own(tmp_path: Path, there: str) -> None:
    """So is a workflow that the next commit adds, as `init` has just written it."""
    git = project(tmp_path / "widget", "", {FILE: RUNS, "docs/other.yml": RUNS})
    file = git.root / {"tracked": FILE, "new": ".github/workflows/new.yml"}.get(there, "docs/other.yml")
    file.write_text(RUNS)
    assert workflow_file.choose(file, git, trusted=False).data == RUNS.encode()


@pytest.mark.parametrize("there", ["outside", "a link", "untracked", "ignored", "of another checkout"])
def test_any_other_file_is_refused_with_what_would_run(tmp_path: Path, there: str) -> None:
    """Unless the person says that they trust it."""
    git = project(tmp_path / "widget", "", {".gitignore": "made/\n"})
    other = project(tmp_path / "other", "", {FILE: RUNS})
    file = {
        "outside": tmp_path / "release.yml",
        "untracked": git.root / "release.yml",
        "ignored": git.root / "made/release.yml",
        "of another checkout": other.root / FILE,
    }.get(there, git.root / "link.yml")
    if there == "a link":
        file.symlink_to(other.root / FILE)
        git.command("add", "--all")
    file.parent.mkdir(exist_ok=True)
    file.write_text(RUNS)
    with pytest.raises(Refused) as caught:
        workflow_file.choose(file, git, trusted=False)
    assert (caught.value.slug, caught.value.context) == ("foreign-workflow", ("line 4: 'touch ran'",))
    assert workflow_file.choose(file, git, trusted=True).data == RUNS.encode()


@pytest.mark.parametrize("name", ["none.yml", "folder.yml", "notes.txt", "a b.yml"])
def test_what_is_no_workflow_file_is_refused(tmp_path: Path, name: str) -> None:
    """Its name is part of the identity that signs."""
    git = project(tmp_path / "widget", "", {"notes.txt": RUNS, "a b.yml": RUNS})
    (git.root / "folder.yml").mkdir()
    with pytest.raises(UsageError) as caught:
        workflow_file.choose(git.root / name, git, trusted=True)
    assert caught.value.slug == "no-workflow-file"


def test_a_file_is_no_more_trusted_without_a_network(tmp_path: Path) -> None:
    """It would have the person's files, and whatever listens on a socket of this machine."""
    git = project(tmp_path / "widget")
    (tmp_path / "other.yml").write_text(RUNS)
    isolated = ["unshare", "--map-root-user", "--net"]
    if shutil.which(isolated[0]) is None or subprocess.run([*isolated, "true"], check=False).returncode != 0:
        pytest.skip("this machine makes no network namespaces")
    words = [*COMMAND, "rehearse", str(git.root), "--workflow", str(tmp_path / "other.yml"), "--json"]
    ended = subprocess.run([*isolated, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, json.loads(ended.stdout)["error"]["slug"]) == (3, "foreign-workflow")


@VARIED
def test_a_file_from_elsewhere_signs_under_its_own_name(tmp_path: Path) -> None:
    """It is played where GitHub would read it, and the story says so.

    What the file does not tell is said: secrets and variables are empty here.
    """
    file = tmp_path / "other.yml"
    file.write_text(RELEASE.replace("GH_TOKEN:", "EXTRA: ${{ secrets.EXTRA }}${{ vars.KIND }}\n          GH_TOKEN:", 1))
    ended = play(tmp_path, RUNS, "--workflow", str(file), "--trust-workflow", "--json")
    assert ended.code == 0, ended.errors
    assert f"note:    '{file}' is played as .github/workflows/other.yml\n" in ended.errors
    assert ended.document["records"]["sign"]["identity"]["workflow"] == ".github/workflows/other.yml"
    assert ended.document["remarks"] == ["secrets.EXTRA is empty here", "vars.KIND is empty here"]
    assert all(f"note:    {remark}\n" in ended.errors for remark in ended.document["remarks"])


def test_a_refused_file_runs_nothing(tmp_path: Path, here: Callable[..., Ended]) -> None:
    """The command ends with the guard's exit code."""
    file = tmp_path / "other.yml"
    file.write_text(RUNS)
    git = project(tmp_path / "widget", "", {FILE: RELEASE})
    ended = here(git.root, "--workflow", str(file), out=tmp_path / "out", environ={"PATH": PATH})
    assert (ended.code, ended.slug) == (3, "foreign-workflow")
    assert not list(tmp_path.rglob("ran"))


def test_permissions_that_no_file_writes_are_refused(tmp_path: Path, here: Callable[..., Ended]) -> None:
    """What the repository grants by default is a setting that nobody sees here: it may be an identity."""
    text = re.sub(r"    permissions:\n      contents: read .*\n", "", RELEASE.replace("permissions: {}\n", ""), count=1)
    git = project(tmp_path / "widget", "", {FILE: text})
    ended = here(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    assert (ended.code, ended.slug) == (3, "foreign-job-can-sign")
    line = text.splitlines().index("  build:") + 1
    assert f"{FILE}:{line}: 'build': no permissions are written for it" in ended.output


@VARIED
def test_a_step_that_fails_is_named_with_its_place_and_its_last_words(tmp_path: Path) -> None:
    """The jobs behind it are skipped; what went well before is in the log, not in the story."""
    words = "echo before; exit 7"
    verbs = "      - id: verbs\n"
    build, seal, *rest = RELEASE.split(verbs)
    text = verbs.join((f"{build}      - run: echo hello\n", f"{seal}      - run: {words}\n", *rest))
    ended = play(tmp_path, text)
    line = text.splitlines().index(f"      - run: {words}") + 1
    assert ended.code == 1, ended.output
    assert "hello" not in ended.output
    assert "\n  | before\n" in ended.output
    assert f"step     no         {FILE}:{line} {words}: exit code 7\n" in ended.output
    assert [row.split(": ")[0].split() for row in ended.output.splitlines() if row.startswith("job ")] == [
        ["job", "ok", "build"],
        ["job", "no", "seal"],
        ["job", "--", "publish"],
        ["job", "--", "witness"],
    ]
    assert "FAILED in the job seal" in ended.output
    assert "hello\n" in (ended.out / "logs/build.txt").read_text()


@VARIED
def test_failed_jobs_are_run_again_with_what_they_handed_on(tmp_path: Path) -> None:
    """What was signed before the log refused is kept: `if: always()` hands it to the job's next attempt."""
    git = project(tmp_path / "widget", "\n[tool.tagseal]\nwait = 0\n", {FILE: RELEASE})
    clone = make(Git.at(git.root, os.environ), tmp_path / "clone", project=None, tag=None, packages=None)
    left = Output(temporary=tmp_path / "run", source=git.root, out=tmp_path / "out")
    said: list[ReportEvent] = []
    begun: list[str] = []
    with Loopback(folder=tmp_path / "loopback") as loopback:
        stage, _ = set_stage(clone, loopback, left, {**os.environ, "PATH": PATH})
        loopback.faults.set((Fault(name="server-error", host="rekor.*", method="POST", skip=2),))
        of = written.of(stage)
        first = {one.job.name: one.code for one in written.run(of, stage, said.append, begun.append)}
        assert first == {"build": 0, "seal": 4}, said
        assert of.results["publish"].result == of.results["witness"].result == "skipped"
        of.again()
        again = {one.job.name: one.code for one in written.run(of, stage, said.append, begun.append)}
    assert again == {"seal": 0, "publish": 0, "witness": 0}, said
    (signed,) = [event for event in said if (event.kind, event.verb) == (EventKind.step, "sign")]
    assert "3 bundles, 2 of them kept" in signed.text


@pytest.mark.parametrize(("named", "expected"), [("name: Ship it\n", "Ship it"), ("", FILE)])
def test_a_step_finds_the_runners_own_variables(
    tmp_path: Path, here: Callable[..., Ended], named: str, expected: str
) -> None:
    """The workflow by its name, by its path where it has none; the job; the system."""
    lines = "env | grep -E '^(GITHUB_(WORKFLOW|JOB)|RUNNER_(OS|ARCH))=' | sort; exit 3"
    git = project(tmp_path / "widget", "", {FILE: f'{named}{HEAD}  first: {{ steps: [{{ run: "{lines}" }}] }}\n'})
    ended = here(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    log = (ended.out / "logs" / "first.txt").read_text()
    found = [line for line in log.splitlines() if line.startswith(("GITHUB_", "RUNNER_"))]
    assert found == ["GITHUB_JOB=first", f"GITHUB_WORKFLOW={expected}", "RUNNER_ARCH=X64", "RUNNER_OS=Linux"]
