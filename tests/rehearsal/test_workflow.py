"""The project's own workflow, played as it is written: what it grants is what its jobs can do."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import images
from rehearsing import PATH, VARIED, project, rehearse, workflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rehearsing import Ended

FILE = ".github/workflows/release.yml"
NAME = "ghcr.io/example/widget"
PRIVATE = """
[tool.tagseal]
public-log = true

[tool.tagseal.image]
name = "{name}"
build = ["cp", "{archive}", "{{archive}}"]
"""
GRANT = re.compile(r"^      ([a-z-]+: (?:read|write)) #")


LINES = workflow(image=True).splitlines()


def permissions() -> list[tuple[int, str, str]]:
    """Return every permission that the workflow grants: its line from 0, its job, and itself."""
    found, job = [], ""
    for number, line in enumerate(LINES):
        job = line.strip(" :") if re.fullmatch(r"  [a-z]+:", line) else job
        if granted := GRANT.match(line):
            found.append((number, job, granted[1]))
    return found


def play(tmp_path: Path, text: str, *options: str, toml: str = "", **environ: str) -> Ended:
    git = project(tmp_path / "widget", toml, {FILE: text})
    return rehearse(git.root, "--workflow", *options, out=tmp_path / "out", environ={"PATH": PATH, **environ})


@pytest.fixture
def private(tmp_path: Path) -> str:
    """Return the settings of a private repository with an image."""
    archive = images.archive(images.layout(tmp_path / "layout"), tmp_path / "made.tar")
    return PRIVATE.format(name=NAME, archive=archive)


def test_the_workflow_is_played_as_it_is_written(tmp_path: Path) -> None:
    """Every job has what it needs, and uses all that it has.

    No line of the story is redrawn or cut, in a pipe and on a narrow terminal alike.
    """
    ended = play(tmp_path, workflow(image=False), "--json", COLUMNS="40", NO_COLOR="1")
    assert ended.code == 0, ended.errors
    assert ended.published
    jobs = ended.document["jobs"]
    granted = {job["name"]: [(one["scope"], one["level"], one["used"]) for one in job["permissions"]] for job in jobs}
    assert granted == {
        "build": [("contents", "read", "yes")],
        "seal": [("contents", "write", "yes"), ("id-token", "write", "yes")],
        "publish": [("contents", "write", "yes")],
        "witness": [("contents", "read", "yes")],
    }
    assert {step["conclusion"] for job in ended.document["jobs"] for step in job["steps"]} == {"success"}
    assert "warning:" not in ended.errors
    assert "READY to be tagged, rehearsed in" in ended.errors
    assert "\x1b" not in ended.errors
    rows = dedent("""
        job      ok         build: contents: read
        job      ok         seal: contents: write, id-token: write
        job      ok         publish: contents: write
        job      ok         witness: contents: read
    """)
    assert rows in ended.errors


@VARIED
def test_a_private_repository_with_an_image_is_released(tmp_path: Path, private: str) -> None:
    """Whoever consents to the public log is played as private; nothing is granted for nothing there."""
    ended = play(tmp_path, workflow(image=True), toml=private)
    assert ended.code == 0, ended.output
    assert "played as a private repository" in ended.output
    assert "published, not publicly verifiable" in ended.output
    assert "warning:" not in ended.output


@VARIED
@pytest.mark.parametrize(("number", "job", "permission"), permissions(), ids=lambda one: str(one).replace(" ", ""))
def test_without_any_one_permission_its_job_fails(
    tmp_path: Path, private: str, number: int, job: str, permission: str
) -> None:
    """As it would at GitHub, and with the line to add."""
    text = "\n".join([*LINES[:number], *LINES[number + 1 :], ""])
    ended = play(tmp_path, text, toml=private)
    assert ended.code != 0
    assert f"FAILED in the job {job} after" in ended.output
    (said,) = [line for line in ended.output.splitlines() if line.startswith("lacks:")]
    assert f": the job `{job}` lacks `{permission}`: " in said
    assert permission in said.rpartition(": the job")[2]
    assert not ended.published or job in {"publish", "witness"}


@VARIED
def test_nothing_else_passes_from_job_to_job(tmp_path: Path) -> None:
    """A folder, HOME and environment of its own for each: only `dist/` and the outputs reach the next.

    What is granted for nothing is told with its line, so that it can go.
    """
    leak = (
        '        run: touch left "$HOME/left" "$RUNNER_TEMP/left" "$TMPDIR/left"; echo "LEFT=left" >> "$GITHUB_ENV"\n'
        "      - run: mkdir -p dist/v1.2.3 && touch dist/v1.2.3/extra\n"
        "      - id: verbs\n"
    )
    look = (
        '        run: test -z "$LEFT$GH_TOKEN$GITHUB_TOKEN"; test ! -e left; test ! -e "$HOME/left"; '
        'test ! -e "$RUNNER_TEMP/left"; test ! -e "$TMPDIR/left"\n'
        "      - id: verbs\n"
    )
    text = workflow(image=False).replace("id-token: write #", "id-token: write\n      packages: write #")
    text = text.replace("      - id: verbs\n", f"      - name: leave\n{leak}", 1)
    begin, rest = text.split("  seal:", 1)
    text = f"{begin}  seal:{rest.replace('      - id: verbs', f'      - name: look{chr(10)}{look}'.rstrip(chr(10)), 1)}"
    ended = play(tmp_path, text)
    assert ended.code == 0, ended.output
    line = text.splitlines().index("      packages: write # the identity that signs") + 1
    assert f"warning: {FILE}:{line}: the job `seal` has `packages: write`, and used it for nothing\n" in ended.output


def test_a_workflow_that_releases_nothing_is_no_success(tmp_path: Path, here: Callable[..., Ended]) -> None:
    """GitHub shows a run of skipped jobs in green."""
    git = project(tmp_path / "widget", "", {FILE: workflow(image=False).replace("'example/widget'", "'other/project'")})
    ended = here(git.root, "--workflow", out=tmp_path / "out", environ={"PATH": PATH})
    assert (ended.code, ended.slug) == (2, "workflow-releases-nothing")
    assert "the job 'build' was skipped" in ended.output + ended.errors


@VARIED
def test_a_job_that_fails_hands_on_what_it_has(tmp_path: Path) -> None:
    """What it signed before it failed reaches the next attempt: the last step hands it on all the same."""
    ended = play(
        tmp_path,
        workflow(image=False),
        "--fault",
        "server-error,host=uploads.github.com,count=99",
        "--json",
        toml="\n[tool.tagseal]\nwait = 0\n",
    )
    assert ended.code == 4
    (seal,) = [one for one in ended.document["jobs"] if one["name"] == "seal"]
    assert [step["conclusion"] for step in seal["steps"]][-2:] == ["failure", "success"]
    assert [one["name"] for one in ended.document["jobs"]] == ["build", "seal"]
