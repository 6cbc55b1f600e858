"""The runner's environment: what started this run, and what is handed on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tagseal.machine import actions
from tagseal.machine.actions import Event, event, expected_records, read_command_file, token, write_outputs

if TYPE_CHECKING:
    from pathlib import Path


def test_an_event_is_read_from_the_environment() -> None:
    """Every field has its variable."""
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": "refs/tags/v1",
        "GITHUB_REF_TYPE": "tag",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_REPOSITORY": "octo/widget",
        "GITHUB_WORKFLOW_REF": "octo/widget/.github/workflows/release.yml@refs/tags/v1",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_API_URL": "https://api.github.example",
    }
    found = event(environ)
    assert found == Event(
        actions=True,
        ref="refs/tags/v1",
        ref_type="tag",
        sha="a" * 40,
        repository="octo/widget",
        workflow_ref="octo/widget/.github/workflows/release.yml@refs/tags/v1",
        name="push",
        server="https://github.example",
        api="https://api.github.example",
    )
    assert found.workflow == ".github/workflows/release.yml"


@pytest.mark.parametrize("said", ["", "false", "1", "True"])
def test_only_true_is_an_actions_run(said: str) -> None:
    """As the runner spells it."""
    assert not event({"GITHUB_ACTIONS": said}).actions


def test_an_empty_environment_is_an_empty_event() -> None:
    """Nothing is made up, but that GitHub is where it always was."""
    found = event({})
    assert (found.ref, found.sha, found.repository, found.workflow) == ("", "", "", "")
    assert (found.server, found.api) == ("https://github.com", "https://api.github.com")


def test_a_token_is_read_from_either_name() -> None:
    """The one that gh prefers comes first; empty is none."""
    assert token({"GITHUB_TOKEN": "b", "GH_TOKEN": "a"}) == "a"
    assert token({"GITHUB_TOKEN": "b", "GH_TOKEN": ""}) == "b"
    assert not token({})


def test_the_digest_of_this_step_is_newer_than_that_of_the_job_before(tmp_path: Path) -> None:
    """Each verb may be a process of its own: the last output wins, then the variable, then nothing."""
    output = tmp_path / "output"
    environ = {actions.RECORDS: "before", "GITHUB_OUTPUT": str(output)}
    assert expected_records({}) == ""
    assert expected_records(environ) == "before"
    output.write_text("other=1\n")
    assert expected_records(environ) == "before"
    write_outputs(environ, records="first")
    write_outputs(environ, records="second", release_url="https://github.com/octo/widget")
    assert expected_records(environ) == "second"
    url = "https://github.com/octo/widget"
    assert read_command_file(output.read_text()) == {"other": "1", "records": "second", "release-url": url}


def test_no_value_can_end_its_own_block(tmp_path: Path) -> None:
    """Each output stands between words that are new each time; a value with lines in it brings no output of its own."""
    output = tmp_path / "output"
    for _ in range(2):
        write_outputs({"GITHUB_OUTPUT": str(output)}, tag="v1\nEOF\nrecords=forged", version="1")
    lines = output.read_text().splitlines()
    ends = [line.partition("<<")[2] for line in lines if "<<" in line]
    assert len(set(ends)) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", end) for end in ends)
    assert read_command_file(output.read_text()) == {"tag": "v1\nEOF\nrecords=forged", "version": "1"}


@pytest.mark.parametrize("text", ["word\n", "records<<END\nopen\n", "=x\n"])
def test_a_torn_output_leaves_the_digest_of_the_job_before(text: str, tmp_path: Path) -> None:
    """Which the records then have, or they are refused."""
    output = tmp_path / "output"
    output.write_text(f"records=first\n{text}")
    assert expected_records({actions.RECORDS: "before", "GITHUB_OUTPUT": str(output)}) == "before"


@pytest.mark.parametrize("environ", [{}, {"GITHUB_OUTPUT": ""}])
def test_outside_of_actions_nothing_is_handed_on(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no file to write to, so nothing is written, and nothing is read from what lies here."""
    monkeypatch.chdir(tmp_path)
    write_outputs(environ, records="digest")
    assert (expected_records(environ), list(tmp_path.iterdir())) == ("", [])
