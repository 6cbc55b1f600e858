"""The command line: what it takes, what it answers with, and how quickly."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from source import ROOT
from tagseal import cli
from tagseal.cli import main
from tagseal.pipeline import VERBS

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"sigstore", "github", "pydantic", "requests", "jwt", "jinja2", "werkzeug", "cryptography", "rich.console"}


def tagseal(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an environment of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    argv = [sys.executable, "-X", "importtime", "-m", "tagseal", *arguments]
    return subprocess.run(
        argv, cwd=folder, env=kept | variables, capture_output=True, text=True, check=False, timeout=60
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("import time:")]


def test_an_interrupt_before_the_command_is_known_ends_as_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the words are still being read."""

    def press(_: object) -> None:
        raise KeyboardInterrupt

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(cli, "refuse_planted_option", press)
    try:
        assert cli.main(["doctor"]) == 130
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert capsys.readouterr().out == "interrupted; run the same command again, it resumes\n"


@pytest.mark.system
@pytest.mark.parametrize("arguments", [["--help"], ["guard", "--help"], ["rehearse", "--help"], ["--version"]])
def test_help_is_quick(tmp_path: Path, arguments: list[str]) -> None:
    """Nothing heavy is imported for a text."""
    done = tagseal(*arguments, folder=tmp_path)
    assert (done.returncode, said(done)) == (0, [])
    assert imported(done) & HEAVY == set()


@pytest.mark.system
def test_the_version_is_printed(tmp_path: Path) -> None:
    """The program's name and the project's version, and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    done = tagseal("--version", folder=tmp_path)
    assert (done.returncode, done.stdout, said(done)) == (0, f"tagseal {project['version']}\n", [])


@pytest.mark.system
def test_help_names_every_verb_and_the_exit_codes(tmp_path: Path) -> None:
    """One screen: commands with a sentence each, and what the codes mean."""
    text = tagseal("--help", folder=tmp_path).stdout
    assert all(re.search(rf"^ +{verb} +\w", text, re.MULTILINE) for verb in (*VERBS, "run", "release", "rehearse"))
    assert "3 refused" in text
    assert len(text.splitlines()) < 40


def test_the_name_alone_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was asked, so nothing failed; what a person runs stands apart from what the workflow runs."""
    assert main([]) == 0
    text = capsys.readouterr().out
    person, workflow = text.partition("commands for a person:")[2].split("commands for the release workflow")
    assert "\n  rehearse " in person
    assert all(f"\n  {verb} " in workflow and f"\n  {verb} " not in person for verb in VERBS)


def test_a_word_too_many_leads_to_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The hint names the command that the word was written behind, not the list of all."""
    assert main(["status", "v1.0.0", "--deep"]) == 2
    error = capsys.readouterr().err
    assert "does not parse: unrecognized arguments: --deep" in error
    assert "`tagseal status --help` shows what it takes" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["guard", "--force"],
        ["guard", "extra"],
        ["--he"],
        ["verify", "x", "--rep", "octo/widget", "--tag", "v1.2.3"],
        ["rehearse", "--fault"],
        ["run"],
    ],
)
def test_a_command_line_that_does_not_parse_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the error's own form and the way to the help; there are no abbreviations and no --force."""
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: got a command line that does not parse: ")
    assert re.fullmatch(r"hint:  `tagseal[a-z ]* --help` shows what it takes\.", lines[-2])
    assert lines[-1].endswith("#bad-command-line (exit 2)")


@pytest.mark.parametrize(
    ("verbs", "hint"),
    [
        (["build", "plan"], "`tagseal run plan build`"),
        (["guard", "guard"], "`tagseal run guard`"),
        (["nonsense"], "`tagseal run guard plan build check`"),
    ],
)
def test_verbs_come_in_their_order(verbs: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint is the command that would work; nothing has run."""
    assert main(["run", *verbs]) == 2
    error = capsys.readouterr().err
    assert "verbs-out-of-order" in error
    assert f"hint:  {hint}" in error


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_begins_with_the_guard(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a branch each of them refuses."""
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    assert main([verb]) == 3
    assert "#not-a-tag (exit 3)" in capsys.readouterr().err


def test_json_holds_the_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One document on standard output, the words on standard error."""
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    assert main(["guard", "--json"]) == 3
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["ok"], document["error"]["slug"], document["error"]["exit"]) == (False, "not-a-tag", 3)
    assert captured.err.startswith("error: ")


@pytest.mark.system
def test_a_bug_is_one_line_and_a_private_file(tmp_path: Path) -> None:
    """The traceback has no values of variables, and only its user reads it."""
    broken = "import tagseal.cli.verbs as v\ndef boom(*_):\n    secret = 'canary'\n    raise KeyError(1)\n"
    code = f"{broken}v.tag_of = boom\nfrom tagseal.cli import main\nraise SystemExit(main(['guard']))\n"
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    (file,) = tmp_path.iterdir()
    assert done.returncode == 70
    assert done.stdout == f"bug: KeyError; the traceback is in {file}, please report it\n"
    assert "Traceback" not in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "KeyError: 1" in file.read_text()
    assert "canary" not in file.read_text()


@pytest.mark.system
def test_outside_a_repository_the_error_says_so(tmp_path: Path) -> None:
    """The event is fine, the folder is not."""
    on_tag = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_REF_TYPE": "tag"}
    done = tagseal("guard", folder=tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent), **on_tag)
    assert done.returncode == 2
    assert "#not-a-repository (exit 2)" in done.stdout
    assert imported(done) & {"sigstore", "github"} == set()


@pytest.mark.system
def test_what_libraries_log_is_not_printed(tmp_path: Path) -> None:
    """The report is the only printer: a retry of urllib3 would show addresses, in Actions outside of its guard."""
    code = """
import logging, tagseal.cli
assert not logging.getLogger().handlers  # who only imports it prints as before
tagseal.cli.main(["status", "v1..2"])
logging.getLogger("urllib3.connectionpool").warning("Retrying: /token?x=1")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ("unsafe-tag" in done.stderr, "Retrying" in done.stdout + done.stderr) == (True, False)
