"""Whose credentials a registry gets: the environment's, docker's, a helper's."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import UsageError
from tagseal.services.images.registry.credentials import Credentials, credentials
from tagseal.services.images.registry.tokens import Challenge, challenge

if TYPE_CHECKING:
    from pathlib import Path

HOST = "registry.example.org"
CANARY = "canary-secret"
AUTH = b64encode(f"octo:{CANARY}".encode()).decode()
OCTO = Credentials(user="octo", secret=CANARY)


def docker(folder: Path, config: object) -> dict[str, str]:
    """Write docker's configuration, and return an environment that has it."""
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def helper(folder: Path, script: str, name: str = "test") -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_nothing_is_no_credentials(tmp_path: Path) -> None:
    """A stranger has none, and that is no error."""
    assert credentials({}, HOST) is None
    assert credentials({"HOME": str(tmp_path)}, HOST) is None
    assert credentials(docker(tmp_path, {}), HOST) is None
    assert credentials(docker(tmp_path, {"auths": {"other.example.org": {"auth": AUTH}}}), HOST) is None
    assert credentials(docker(tmp_path, {"auths": {HOST: {}}}), HOST) is None


def test_the_environment_counts_first(tmp_path: Path) -> None:
    """Ours, then at GitHub the job's token, which no other registry ever gets; then docker's."""
    environ = docker(tmp_path, {"auths": {HOST: {"auth": AUTH}, "ghcr.io": {"auth": AUTH}}})
    job = environ | {"GITHUB_TOKEN": "job", "GITHUB_ACTOR": "mona"}
    assert credentials(job, "ghcr.io") == Credentials(user="mona", secret="job")
    for host in (HOST, "ghcr.io.example.org", "xghcr.io"):
        assert credentials(job, host) != Credentials(user="mona", secret="job")
    assert credentials(job, HOST) == OCTO
    named = job | {"TAGSEAL_REGISTRY_USER": "me", "TAGSEAL_REGISTRY_PASSWORD": "mine"}
    assert credentials(named, "ghcr.io") == credentials(named, HOST) == Credentials(user="me", secret="mine")
    with pytest.raises(UsageError) as caught:
        credentials({"TAGSEAL_REGISTRY_USER": "me"}, HOST)
    assert caught.value.slug == "registry-credentials-half"


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v1/", f"{HOST}/"])
def test_docker_has_written_a_host_in_many_ways(tmp_path: Path, key: str) -> None:
    """All of them are this host."""
    assert credentials(docker(tmp_path, {"auths": {key: {"auth": AUTH}}}), HOST) == OCTO


def test_docker_hub_has_several_names(tmp_path: Path) -> None:
    """Its entry is at the address of its first API."""
    environ = docker(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}})
    assert credentials(environ, "docker.io") == credentials(environ, "index.docker.io") == OCTO


def test_home_is_where_docker_looks(tmp_path: Path) -> None:
    """Without DOCKER_CONFIG."""
    (tmp_path / ".docker").mkdir()
    docker(tmp_path / ".docker", {"auths": {HOST: {"username": "octo", "password": CANARY}}})
    assert credentials({"HOME": str(tmp_path)}, HOST) == OCTO


@pytest.mark.system
def test_an_identity_token_is_told_from_a_password(tmp_path: Path) -> None:
    """The token service takes it in another way."""
    environ = docker(tmp_path, {"auths": {HOST: {"auth": b64encode(b"x:").decode(), "identitytoken": CANARY}}})
    assert credentials(environ, HOST) == Credentials(user="x", secret=CANARY, identity=True)
    helper(tmp_path, f'echo \'{{"Username":"<token>","Secret":"{CANARY}"}}\'')
    environ = docker(tmp_path, {"credsStore": "test"})
    assert credentials(environ, HOST) == Credentials(user="<token>", secret=CANARY, identity=True)


@pytest.mark.system
@pytest.mark.parametrize("config", [{"credHelpers": {HOST: "test"}, "credsStore": "absent"}, {"credsStore": "test"}])
def test_a_helper_is_asked(tmp_path: Path, config: object) -> None:
    """The host's own one first; the host goes in, and the account comes out."""
    helper(tmp_path, f'read host; [ "$1" = get ] && echo "{{\\"Username\\":\\"$host\\",\\"Secret\\":\\"{CANARY}\\"}}"')
    assert credentials(docker(tmp_path, config), HOST) == Credentials(user=HOST, secret=CANARY)


@pytest.mark.system
def test_a_helper_may_know_nothing(tmp_path: Path) -> None:
    """Then what docker login wrote counts, as with docker."""
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert credentials(docker(tmp_path, {"credsStore": "test"}), HOST) is None
    assert credentials(docker(tmp_path, {"credsStore": "test", "auths": {HOST: {"auth": AUTH}}}), HOST) == OCTO


@pytest.mark.system
@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("echo locked >&2; exit 1", "test"),
        ("echo not-json", "test"),
        ("echo '[]'", "test"),
        ('echo \'{"Username": 1, "Secret": 2}\'', "test"),
        ("", "../../bin/sh"),
        ("", "-x"),
    ],
)
def test_a_helper_that_fails_is_named(tmp_path: Path, script: str, name: str) -> None:
    """With its own words, and never run by a path."""
    helper(tmp_path, script)
    with pytest.raises(UsageError) as caught:
        credentials(docker(tmp_path, {"credsStore": name}), HOST)
    assert caught.value.slug == "credential-helper"
    assert ("locked" in caught.value.context) == ("locked" in script)


@pytest.mark.system
def test_a_helper_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It is a tool to install."""
    with pytest.raises(UsageError) as caught:
        credentials(docker(tmp_path, {"credsStore": "absent"}), HOST)
    assert caught.value.slug == "missing-tool"


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        "[" * 100_000,
        f'{{"auths": {{"{HOST}": {{"auth": "{CANARY}"}}}}}}',
        f'{{"auths": {{"{HOST}": "{CANARY}"}}}}',
        f'{{"auths": ["{CANARY}"]}}',
        '{"a": "' + "x" * (1 << 20) + '"}',
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path, config: str) -> None:
    """Without a word of it: it holds secrets."""
    with pytest.raises(UsageError) as caught:
        credentials(docker(tmp_path, config), HOST)
    assert caught.value.slug == "docker-config"
    assert CANARY not in str(vars(caught.value))


def test_a_secret_is_never_shown() -> None:
    """Not by repr, which is what a log would have."""
    assert repr(OCTO) == "Credentials(user='octo', identity=False)"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"', ("bearer", "https://a/t", "s")),
        ('bearer service="s", realm="https://a/t"', ("bearer", "https://a/t", "s")),
        ('Basic realm="here, Bearer"', ("basic", "here, Bearer", "")),
        ('Basic realm="x", Bearer realm="https://a/t",service="s"', ("bearer", "https://a/t", "s")),
        ("Bearer realm=https://a/t", ("bearer", "https://a/t", "")),
        ("Basic", ("basic", "", "")),
        ("Negotiate", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_challenge_is_read(header: str, expected: tuple[str, str, str]) -> None:
    """Bearer counts before Basic; a comma inside quotes is none."""
    assert challenge(header) == Challenge(*expected)
