"""The runner's environment: what started this run, whether names lead to the loopback, what is handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagseal.errors import Refused
from tagseal.services import actions
from tagseal.services.actions import Event, event, hand_on, handed_on, loopback, token

if TYPE_CHECKING:
    from pathlib import Path

LOCAL, REAL = "http://127.0.0.1:8080/oidc", "https://pipelines.actions.example/oidc"
DOOR = "http://tagseal:password@127.0.0.1:9"


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


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, False),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128"}, False),
        ({actions.OIDC_URL: REAL}, False),
        ({actions.TRUST_CONFIG: "t", actions.OIDC_URL: LOCAL}, True),
        ({actions.TRUST_CONFIG: "t", "HTTPS_PROXY": DOOR}, True),
    ],
)
def test_the_loopback_is_told_by_trust_and_address_together(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001
    """A person's own proxy on this machine is no loopback; the door with a trust configuration is."""
    assert loopback(environ) is expected


@pytest.mark.parametrize(
    "environ",
    [
        {actions.OIDC_URL: REAL},
        {actions.OIDC_URL: REAL, "HTTPS_PROXY": DOOR},
        {},
        {"HTTPS_PROXY": "http://proxy.example"},
        {actions.OIDC_URL: "http://127.0.0.1.evil.example/"},
        {actions.OIDC_URL: "http://localhost:80/"},
        {actions.OIDC_URL: "http://127.0.0.1@evil.example/"},
        {actions.OIDC_URL: "not a URL"},
        {actions.OIDC_URL: "http://[x"},
        {actions.OIDC_URL: "http://0x7f.1/oidc"},
    ],
)
def test_a_trust_configuration_needs_an_address_on_loopback(environ: dict[str, str]) -> None:
    """A foreign authority would be handed a token that the public one accepts."""
    with pytest.raises(Refused) as caught:
        loopback(environ | {actions.TRUST_CONFIG: "trust.json"})
    assert caught.value.slug == "trust-outside-loopback"
    assert caught.value.what == "got TAGSEAL_TRUST_CONFIG, expected it only where tokens come from loopback"


def test_tokens_from_loopback_need_a_trust_configuration() -> None:
    """A played token means nothing to the public authority."""
    with pytest.raises(Refused) as caught:
        loopback({actions.OIDC_URL: LOCAL})
    assert caught.value.slug == "loopback-without-trust"
    assert "`tagseal rehearse`" in caught.value.hint


def test_the_digest_of_this_step_is_newer_than_that_of_the_job_before(tmp_path: Path) -> None:
    """Each verb may be a process of its own: the last output wins, then the variable, then nothing."""
    output = tmp_path / "output"
    environ = {actions.RECORDS: "before", "GITHUB_OUTPUT": str(output)}
    assert handed_on({}) == ""
    assert handed_on(environ) == "before"
    output.write_text("other=1\n")
    assert handed_on(environ) == "before"
    hand_on(environ, records="first")
    hand_on(environ, records="second", release_url="https://github.com/octo/widget")
    assert handed_on(environ) == "second"
    assert output.read_text().splitlines() == [
        "other=1",
        "records=first",
        "records=second",
        "release-url=https://github.com/octo/widget",
    ]


def test_outside_of_actions_nothing_is_handed_on() -> None:
    """There is no file to write to."""
    hand_on({}, records="digest")
