"""A workflow is played as GitHub's documentation says: jobs, steps, files, actions, and what cannot be played."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import TagsealError
from tagseal.machine import process
from tagseal.workflow.document import parse
from tagseal.workflow.play import jobs, setup
from tagseal.workflow.play.action import StepFailedError
from tagseal.workflow.play.playable import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tagseal.workflow.play.jobs import JobResult

FILE = ".github/workflows/release.yml"
HEAD = "on:\n  push:\n    tags: ['v*']\n"
NO_INDEX = "; the package index is there for steps that are `pip install --require-hashes -r FILE` and nothing else"
GITHUB = {"GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_REF_NAME": "v1.2.3", "GITHUB_SHA": "4f2c1e9" * 6}


@dataclass(slots=True)
class World:
    """A machine without anything behind it: real shells, in folders of this test."""

    folder: Path
    shared: Path
    lines: list[str] = field(default_factory=list)
    readable: bool = True
    timeouts: list[float | None] = field(default_factory=list)
    """Seconds that each shell was given."""

    def __post_init__(self) -> None:
        shutil.rmtree(self.python, ignore_errors=True)
        for path in (self.workspace, self.temp, self.artifacts, self.snapshots, self.shims):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def environ(self) -> Mapping[str, str]:
        return {**GITHUB, "PATH": os.environ["PATH"], "HOME": str(self.temp)}

    @property
    def workspace(self) -> Path:
        return self.folder / "checkout"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def artifacts(self) -> Path:
        return self.shared / "artifacts"

    @property
    def snapshots(self) -> Path:
        return self.shared / "snapshots"

    @property
    def python(self) -> Path:
        return self.shared / "python"

    @property
    def shims(self) -> Path:
        return self.shared / "shims"

    @property
    def network(self) -> Mapping[str, str]:
        return {}

    @property
    def tools(self) -> Mapping[str, Path]:
        return {"cosign": self.shared / "cosign"}

    def checkout(self, folder: Path, *, whole: bool) -> None:
        if not self.readable:
            raise StepFailedError("Repository not found")
        (folder / "file.txt").write_text("whole" if whole else "shallow")

    def run(self, argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, timeout: float | None) -> int:
        self.timeouts.append(timeout)
        done = process.run(argv, environ=environ, cwd=cwd, timeout=timeout)
        self.lines += (done.output + done.errors).splitlines()
        return done.code

    def begin(self, name: str, place: str) -> None:
        self.lines.append(f"== {name} ({place})")

    def log(self, line: str) -> None:
        self.lines.append(line)


@dataclass(slots=True)
class Run:
    """A workflow, played."""

    results: dict[str, JobResult]
    worlds: dict[str, World]

    def said(self, job: str = "a") -> list[str]:
        """Return the lines of a job's log, without those that name its steps."""
        return [line for line in self.worlds[job].lines if not line.startswith("==")]


def play(tmp_path: Path, text: str, *, name: str = "", readable: bool = True) -> Run:
    workflow = parse((HEAD + dedent(text)).encode(), FILE)
    check(workflow)
    run = Run(results={}, worlds={})
    contexts = {"github": {"repository": "octo/widget", "ref_name": "v1.2.3"}, "secrets": {"GITHUB_TOKEN": "ghs_x"}}
    for job in jobs.in_order(workflow):
        world = run.worlds[job.id] = World(tmp_path / name / job.id, tmp_path / "shared", readable=readable)
        begins = jobs.begins(workflow, job, run.results, contexts)
        run.results[job.id] = jobs.play(workflow, job, run.results, contexts, world) if begins else jobs.SKIPPED
    return run


def steps(text: str) -> str:
    """Return jobs with one job of these steps."""
    return "jobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n" + "".join(
        f"      {line}\n" for line in dedent(text).strip().splitlines()
    )


@pytest.mark.system
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("- run: echo hello", ["hello"], id="a line"),
        pytest.param("- run: |\n    echo one\n    echo two", ["one", "two"], id="two lines"),
        pytest.param(
            '- run: echo "$WHO"\n  env: { WHO: "${{ github.repository }}" }', ["octo/widget"], id="an expression in env"
        ),
        pytest.param(
            '- run: echo "A=1" >> "$GITHUB_ENV"\n- run: echo "$A ${{ env.A }}"', ["1 1"], id="a variable for later"
        ),
        pytest.param('- run: echo "A=1" >> "$GITHUB_ENV"; echo "[$A]"', ["[]"], id="but not for itself"),
        pytest.param(
            '- id: x\n  run: echo "n=7" >> "$GITHUB_OUTPUT"\n- run: echo "${{ steps.x.outputs.n }}"',
            ["7"],
            id="an output",
        ),
        pytest.param(
            "- run: mkdir bin; printf '#!/bin/sh\\necho mine\\n' > bin/tool; chmod +x bin/tool; "
            'echo "$PWD/bin" >> "$GITHUB_PATH"\n- run: tool',
            ["mine"],
            id="a folder for PATH",
        ),
        pytest.param("- run: mkdir sub\n- run: basename $PWD\n  working-directory: sub", ["sub"], id="a folder"),
        pytest.param("- run: import sys; print(len(sys.argv))\n  shell: python", ["1"], id="python"),
        pytest.param("- run: false | true; echo on", ["on"], id="no pipefail without a shell"),
        pytest.param("- run: echo x\n  if: false\n- run: echo y", ["y"], id="a condition"),
        pytest.param(
            "- run: exit 3\n  continue-on-error: true\n  id: x\n"
            "- run: echo ${{ steps.x.outcome }} ${{ steps.x.conclusion }}",
            ["failed: exit code 3", "failure success"],
            id="a failure that is let pass",
        ),
        pytest.param(
            "- uses: actions/checkout@v7\n- run: cat file.txt", ["one commit of refs/tags/v1.2.3", "shallow"], id="x"
        ),
    ],
)
def test_a_step(tmp_path: Path, text: str, expected: list[str]) -> None:
    """What it says, and what it leaves to the next."""
    run = play(tmp_path, steps(text))
    assert run.results["a"].result == "success", run.said()
    assert [line for line in run.said() if "persist-credentials" not in line] == expected


@pytest.mark.system
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- run: false\n- run: echo never", ["failed: exit code 1"]),
        ("- run: false\n- run: echo always\n  if: always()", ["failed: exit code 1", "always"]),
        ("- run: false\n- run: echo then\n  if: failure()", ["failed: exit code 1", "then"]),
        ("- run: false | true\n  shell: bash", ["failed: exit code 1"]),
        (
            "- run: PATH=none pip install nox 2> /dev/null",
            [f"failed: exit code 127{NO_INDEX}"],
        ),
        (
            "- run: echo x >> $GITHUB_ENV",
            ["failed: got the line 'x' in a command file, expected NAME=value or NAME<<END"],
        ),
        (
            "- run: exec sleep 600\n  timeout-minutes: 0.005",
            ["failed: it took longer than `timeout-minutes` allows"],
        ),
        ("- run: echo x\n  working-directory: nowhere", ["failed: got no folder nowhere to run in"]),
        (
            "- uses: imjasonh/setup-crane@v0.5",
            ["failed: this rehearsal has no crane: the project has nothing that it is for"],
        ),
        (
            "- run: pip install --require-hashes -r none.txt",
            ["failed: got 'none.txt', expected a file of the checkout that locks what to install"],
        ),
    ],
)
def test_a_step_that_fails_fails_the_job(tmp_path: Path, text: str, expected: list[str]) -> None:
    """What follows is decided by its condition."""
    run = play(tmp_path, steps(text))
    assert (run.results["a"].result, run.said()) == ("failure", expected)


@pytest.mark.system
def test_env_and_defaults_come_from_the_nearest(tmp_path: Path) -> None:
    """The step's before the job's before the workflow's; expressions see those above."""
    text = """
        env: { A: workflow, B: workflow, C: workflow }
        defaults: { run: { shell: bash } }
        jobs:
          a:
            runs-on: ubuntu-24.04
            env: { B: job, C: "${{ env.A }}-job" }
            defaults: { run: { working-directory: sub } }
            steps:
              - run: mkdir sub
                working-directory: .
              - run: echo "$A $B $C $(basename "$PWD")"; shopt -qo pipefail && echo pipefail
                env: { B: "step of ${{ env.B }}" }
    """
    assert play(tmp_path, text).said() == ["workflow step of job workflow-job sub", "pipefail"]


@pytest.mark.system
def test_jobs_hand_on_outputs_and_artifacts_and_nothing_else(tmp_path: Path) -> None:
    """The order is that of `needs`; a hidden file stays, and so does what was written elsewhere."""
    text = """
        jobs:
          b:
            needs: [a]
            runs-on: ubuntu-24.04
            steps:
              - uses: actions/download-artifact@v8
                with: { pattern: nothing, path: dist/, merge-multiple: true }
              - uses: actions/download-artifact@v8
                with: { name: made, path: dist/ }
              - run: find . -type f | sort; echo "${{ needs.a.outputs.word }} ${{ needs.a.result }} [$LEAK]"
          a:
            runs-on: ubuntu-24.04
            outputs: { word: "${{ steps.x.outputs.word }}" }
            steps:
              - run: mkdir -p dist/v1/.git; echo 1 > dist/v1/one; echo 2 > dist/v1/.git/two; echo 3 > three
              - run: echo "LEAK=yes" >> "$GITHUB_ENV"
              - id: x
                run: echo "word=yes" >> "$GITHUB_OUTPUT"
              - uses: actions/upload-artifact@v7
                with: { name: made, path: dist/ }
    """
    run = play(tmp_path, text)
    assert list(run.results) == ["a", "b"]
    assert run.said("b") == [
        "Total of 0 artifact(s) downloaded",
        "artifact made: here",
        "./dist/v1/one",
        "yes success []",
    ]


@pytest.mark.system
@pytest.mark.parametrize(
    ("second", "result"),
    [("", "skipped"), ("if: always()", "success"), ("if: failure()", "success"), ("if: success()", "skipped")],
)
def test_a_job_behind_a_failed_one(tmp_path: Path, second: str, result: str) -> None:
    """Is skipped, unless its condition says otherwise."""
    text = f"""
        jobs:
          a: {{ runs-on: x, steps: [{{ run: "false" }}] }}
          b:
            needs: a
            {second or "name: b"}
            runs-on: x
            steps: [{{ run: "true" }}]
          c: {{ needs: b, runs-on: x, steps: [{{ run: "true" }}] }}
    """
    results = play(tmp_path, text).results
    assert (results["a"].result, results["b"].result, results["c"].result) == ("failure", result, "skipped")


@pytest.mark.system
@pytest.mark.parametrize(
    ("said", "result"),
    [
        ("continue-on-error: true", "success"),
        ("continue-on-error: ${{ github.ref_name == 'v1.2.3' }}", "success"),
        ("continue-on-error: ${{ github.ref_name == 'v1' }}", "failure"),
        ("continue-on-error: false", "failure"),
    ],
)
def test_a_job_that_may_fail(tmp_path: Path, said: str, result: str) -> None:
    """Counts as one that went well, where the file says so."""
    text = f"jobs:\n  a:\n    {said}\n    steps: [{{ run: 'false' }}]\n"
    assert play(tmp_path, text).results["a"].result == result


@pytest.mark.system
def test_the_time_of_a_job_is_that_of_all_its_steps(tmp_path: Path) -> None:
    """What begins when it is over has none."""
    sleeps = "[{ run: exec sleep 600 }, { run: exec sleep 600, if: always() }]"
    run = play(tmp_path, f"jobs:\n  a:\n    timeout-minutes: 0.005\n    steps: {sleeps}\n")
    first, second = run.worlds["a"].timeouts
    assert first is not None
    assert 0 < first <= 0.3
    assert second == 0
    assert [step.outcome for step in run.results["a"].steps] == ["failure", "failure"]
    assert all("took longer" in step.reason for step in run.results["a"].steps)


@pytest.mark.system
@pytest.mark.parametrize(
    ("upload", "said"),
    [
        ("{ name: made, path: dist/ }", "an artifact with this name already exists"),
        ("{ name: made, path: dist/, overwrite: true }", ""),
        ("{ name: other, path: none/, if-no-files-found: error }", "No files were found with the provided path: none/"),
        ("{ name: other, path: none/, if-no-files-found: ignore }", ""),
        ('{ name: "a/b", path: dist/ }', "The artifact name is not valid"),
    ],
)
def test_an_upload(tmp_path: Path, upload: str, said: str) -> None:
    """A name is taken once, unless it is to be written over."""
    text = f"""
        - run: mkdir dist; echo 1 > dist/one
        - uses: actions/upload-artifact@v7
          with: {{ name: made, path: dist/ }}
        - uses: actions/upload-artifact@v7
          with: {upload}
    """
    run = play(tmp_path, steps(text))
    assert run.results["a"].result == ("failure" if said else "success")
    assert said in run.said()[-1]


@pytest.mark.system
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dist/", ["a.txt", "deep/b.txt"]),
        ("dist/a.txt", ["a.txt"]),
        ("dist/**/*.txt", ["a.txt", "deep/b.txt"]),
        ("|\n      dist/a.txt\n      other/", ["dist/a.txt", "other/c.txt"]),
        ("|\n      dist/\n      !dist/deep/", ["a.txt"]),
    ],
)
def test_names_in_an_artifact_begin_where_the_paths_part(tmp_path: Path, path: str, expected: list[str]) -> None:
    """At the folder, or at what several have in common."""
    text = f"""
- run: mkdir -p dist/deep other; touch dist/a.txt dist/deep/b.txt other/c.txt
- uses: actions/upload-artifact@v7
  with:
    name: made
    path: {path}
- uses: actions/download-artifact@v8
  with: {{ path: back }}
- run: cd back; find . -type f | sort
"""
    said = play(tmp_path, steps(text)).said()
    assert [line.removeprefix("./") for line in said if line.startswith("./")] == expected


@pytest.mark.system
def test_an_artifact_that_was_changed_is_refused(tmp_path: Path) -> None:
    """Its digest is the service's word for what was uploaded."""
    upload = steps("- run: mkdir dist; echo 1 > dist/one\n- uses: actions/upload-artifact@v7\n  with: { path: dist/ }")
    play(tmp_path, upload)
    with (tmp_path / "shared/artifacts/artifact.zip").open("ab") as file:
        file.write(b"x")
    run = play(tmp_path, steps("- uses: actions/download-artifact@v8"), name="two")
    assert run.results["a"].result == "failure"
    assert "is not the one that was uploaded" in run.said()[-1]


def test_a_checkout_that_the_job_may_not_read_fails(tmp_path: Path) -> None:
    """As the step of a runner does."""
    run = play(tmp_path, steps("- uses: actions/checkout@v7"), readable=False)
    assert (run.results["a"].result, run.said()) == ("failure", ["failed: Repository not found"])


@pytest.mark.system
def test_the_interpreter_is_the_jobs_own(tmp_path: Path) -> None:
    """The second time it is a copy, at the same path; nothing that a job put there comes along."""
    version = ".".join(map(str, sys.version_info[:2]))
    text = f"""
        - uses: actions/setup-python@v7
          with: {{ python-version: "{version}" }}
        - run: |
            cd "$pythonLocation"; test ! -e left; touch left
            python -c "import sys; print(sys.prefix, sys.version_info[:2])"
    """
    first, second = (play(tmp_path, steps(text), name=name) for name in ("one", "two"))
    assert first.results["a"].result == second.results["a"].result == "success", second.said()
    assert first.said() == second.said() == [f"{tmp_path}/shared/python {tuple(sys.version_info[:2])}"]
    assert [path.is_dir() for path in (tmp_path / "shared/snapshots").iterdir()] == [True]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("pip install --require-hashes -r lock.txt", "lock.txt"),
        (
            "python -m pip install --require-hashes -r .github/tagseal/requirements.txt\n",
            ".github/tagseal/requirements.txt",
        ),
        ("python3 -m pip install -q --no-deps --require-hashes --requirement lock.txt", "lock.txt"),
        ("pip install -r lock.txt", None),
        ("pip install --require-hashes -r lock.txt && evil", None),
        ("pip install --require-hashes -r lock.txt\nevil", None),
        ("pip install --require-hashes -r $LOCK", None),
        ("pip install --require-hashes -r lock.txt evil", None),
        ("pip install --require-hashes -r a.txt -r b.txt", None),
        ("pip install --require-hashes -r lock.txt --index-url https://index.invalid", None),
        ("evil pip install --require-hashes -r lock.txt", None),
        ("pip install --require-hashes -r", None),
    ],
)
def test_set_up_is_that_and_nothing_else(run: str, expected: str | None) -> None:
    """What gets the person's network is known by its hashes before it runs."""
    assert setup.requirements_file(run) == expected


@pytest.mark.parametrize(
    ("text", "slug", "line"),
    [
        ("jobs: {}\n", "workflow-broken", 1),
        ("jobs:\n  a: { needs: a, runs-on: x, steps: [{ run: x }] }\n", "workflow-broken", 5),
        ("jobs:\n  a:\n    strategy: { matrix: { x: [1] } }\n    steps: [{ run: x }]\n", "job-not-played", 6),
        ("jobs:\n  a:\n    uses: ./.github/workflows/other.yml\n", "job-not-played", 6),
        ("jobs:\n  a:\n    container: debian\n    steps: [{ run: x }]\n", "job-not-played", 6),
        ("jobs:\n  a:\n    steps:\n      - run: x\n      - uses: evil/action@v1\n", "action-not-played", 8),
        ("jobs:\n  a:\n    steps:\n      - uses: docker://debian\n", "action-not-played", 7),
        ("jobs:\n  a:\n    steps:\n      - run: x\n        shell: pwsh\n", "shell-not-played", 7),
        ("jobs:\n  a:\n    steps:\n      - name: x\n", "step-not-played", 7),
        ("jobs:\n  a:\n    runs-on: windows-2025\n    steps: [{ run: x }]\n", "runner-not-played", 6),
        ("jobs:\n  a:\n    environment: ${{ github.ref }}\n    steps: [{ run: x }]\n", "environment-not-played", 6),
        ("jobs:\n  ../a:\n    steps: [{ run: x }]\n", "workflow-broken", 5),
        ("jobs:\n  a:\n    timeout-minutes: soon\n    steps: [{ run: x }]\n", "timeout-not-played", 6),
        ("jobs:\n  a:\n    steps:\n      - run: x\n        timeout-minutes: 1e9\n", "timeout-not-played", 8),
        ("jobs:\n  a:\n    if: success(1)\n    steps: [{ run: x }]\n", "expression-not-played", 6),
        ("jobs:\n  a:\n    if: x ${{ true }}\n    steps: [{ run: x }]\n", "expression-not-played", 6),
        ("jobs:\n  a:\n    outputs: { x: '${{ 1 + 1 }}' }\n    steps: [{ run: x }]\n", "expression-not-played", 6),
        (
            "jobs:\n  a:\n    steps:\n      - run: x\n        env: { A: '${{ hashFiles(1) }}' }\n",
            "expression-not-played",
            8,
        ),
        ("jobs:\n  a:\n    steps:\n      - run: echo ${{ contains('x') }}\n", "expression-not-played", 7),
        (
            "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v7\n        with: { repository: octo/other }\n",
            "action-input-not-played",
            8,
        ),
        (
            "jobs:\n  a:\n    steps:\n      - uses: actions/setup-python@v7\n        with: { cache: pip }\n",
            "action-input-not-played",
            8,
        ),
        ("jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v7\n        run: x\n", "step-not-played", 7),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is(tmp_path: Path, text: str, slug: str, line: int) -> None:
    """By name and line."""
    with pytest.raises(TagsealError) as caught:
        play(tmp_path, text)
    assert caught.value.slug == slug
    assert f"{FILE}:{line}" in caught.value.what
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("- uses: actions/checkout@v7\n  with: { ref: main }", "checkout-of-another-ref"),
        ("- uses: actions/setup-python@v7\n  with: { python-version: pypy3.11 }", "python-not-played"),
        ("- run: echo x\n  if: secrets.TOKEN", "expression-not-played"),
        ("- run: echo ${{ jobs.a.result }}", "expression-not-played"),
        ("- run: echo ${{ fromJSON('x') }}", "expression-not-played"),
    ],
)
def test_what_turns_out_not_to_be_played_names_its_place(tmp_path: Path, text: str, slug: str) -> None:
    """A rehearsal that played something else instead would be worth nothing."""
    with pytest.raises(TagsealError) as caught:
        play(tmp_path, steps(text))
    assert caught.value.slug == slug
    assert "line 8" in caught.value.what or f"{FILE}:" in caught.value.what
