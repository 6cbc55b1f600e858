"""What a verb prints in a job: GitHub's runner finds no command in it but our own annotations."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.cli import main

if TYPE_CHECKING:
    from pathlib import Path

FORGED = "::error::forged\n##[add-mask]OK"
CHANGELOG = f"# Changelog\n\n## 1.2.3\n\n- A widget.\n\n{FORGED}\n"
FOREIGN = "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          ::error::forged ##[add-mask]OK\n"
FILES = {
    "CHANGELOG.md": CHANGELOG,
    "tagseal.toml": 'repository = "octo/widget"\n[image]\nname = "ghcr.io/octo/widget"\n',
    ".github/workflows/release.yml": "on: { push: { tags: ['v*'] } }\nname: '##[add-mask]OK'\njobs: {}\n",
}
VERBS = (
    ("doctor", "--offline"),
    ("guide",),
    ("guide", "--check", "##[add-mask]OK.md"),
    ("init", "--diff"),
    ("notes",),
    ("notes", "--tag", "::error::forged"),
    ("policy", "kyverno"),
    ("rehearse", "##[add-mask]OK"),
    ("rehearse", "--workflow", "../foreign.yml"),
    ("status", "##[add-mask]OK"),
    ("verify", ".", "--repo", "octo/widget", "--tag", "v1.2.3", "--offline", "--trust-config", "##[add-mask]OK"),
    ("verify", "--explain", "CHANGELOG.md"),
)


def commands(log: str) -> list[str]:
    """Return the commands in a log, as the runner reads them (actions/runner, ActionCommand.cs and its manager).

    A line is one that begins with ``::NAME``, or has ``##[NAME`` anywhere; while they are stopped only the word that
    stopped them is one.
    """
    found, word = [], ""
    for line in log.splitlines():
        name = line.strip().removeprefix("::").partition("::")[0] if line.strip().startswith("::") else ""
        name = name or line.partition("##[")[2].partition("]")[0]
        if word:
            word = "" if name == word else word
        elif name == "stop-commands":
            word = line.rpartition("::")[2]
        elif name:
            found.append(line)
    return found


def test_the_forged_lines_are_commands() -> None:
    """Unless something is done about it."""
    assert commands(CHANGELOG) == FORGED.splitlines()
    assert commands(f"::stop-commands::word\n{FORGED}\n::word::\n{FORGED}") == FORGED.splitlines()


@pytest.mark.system
@pytest.mark.sampled(4)
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_prints_a_command_of_anothers(tmp_path: Path, verb: tuple[str, ...]) -> None:
    """Whatever the project is made of; it is told all the same."""
    git = widget.project(tmp_path / "widget")
    widget.commit(git.root, FILES, "v1.2.3")
    (tmp_path / "foreign.yml").write_text(FOREIGN)
    environ = {"PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "tagseal", *verb],
        cwd=git.root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in range(4), done.stdout + done.stderr
    for log in (done.stdout, done.stderr):
        assert [
            line for line in commands(log) if not line.startswith(("::error title=tagseal ", "::warning title="))
        ] == []
    assert done.stdout.startswith("::stop-commands::")


@pytest.mark.system
def test_notes_in_a_file_are_the_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a job as anywhere else."""
    git = widget.commit(tmp_path / "widget", {**widget.files(), **FILES}, "v1.2.3")
    monkeypatch.chdir(git.root)
    assert main(["notes"]) == 0
    page = capsys.readouterr().out
    with (tmp_path / "notes.md").open("w") as file:
        argv, environ = [sys.executable, "-m", "tagseal", "notes"], {**os.environ, "GITHUB_ACTIONS": "true"}
        subprocess.run(argv, cwd=git.root, env=environ, stdout=file, stderr=subprocess.DEVNULL, check=True)
    assert (tmp_path / "notes.md").read_text() == page
    assert FORGED.splitlines()[0] in page
