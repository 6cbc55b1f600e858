"""Whose credentials a registry gets: from the environment first, then as docker keeps them.

1. ``TAGSEAL_REGISTRY_USER`` and ``TAGSEAL_REGISTRY_PASSWORD``.
2. For ghcr.io the job's GitHub token.
3. Docker's ``config.json``: a helper for this host, the general store, what ``docker login`` wrote.

Source: "docker login" in Docker's documentation, and docker/docker-credential-helpers.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagseal.errors import Refused, UsageError
from tagseal.machine import actions, process
from tagseal.machine.files import open_file
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Mapping

USER, PASSWORD = "TAGSEAL_REGISTRY_USER", "TAGSEAL_REGISTRY_PASSWORD"
GHCR = "ghcr.io"
_DOCKER_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_LARGEST = 1 << 20
_PATIENCE = 60.0
"""Seconds that a helper may take; it may ask a service."""
_IDENTITY = "<token>"
"""The user's name that a helper gives where the secret is an identity token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account at a registry."""

    user: str
    secret: str = field(repr=False)
    identity: bool = False
    """Whether the secret is an identity token, which the token service takes in another way (OAuth 2)."""


def credentials(environ: Mapping[str, str], host: str) -> Credentials | None:
    """Return the credentials for a registry; None where there are none.

    Raises:
        UsageError: Half of them is set, docker's configuration cannot be read, or its helper fails.
    """
    user, password = environ.get(USER, ""), environ.get(PASSWORD, "")
    if bool(user) != bool(password):
        raise UsageError(
            f"got {USER if user else PASSWORD} alone, expected {USER} and {PASSWORD}",
            hint="Set both, or neither.",
            slug="registry-credentials-half",
        )
    if user:
        return Credentials(user=user, secret=password)
    if host == GHCR and (token := actions.token(environ)):
        return Credentials(user=environ.get("GITHUB_ACTOR") or "token", secret=token)
    return _of_docker(environ, host)


def _of_docker(environ: Mapping[str, str], host: str) -> Credentials | None:
    folder = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if (home := environ.get("HOME")) else "")
    if not folder:
        return None
    path = Path(folder) / "config.json"
    config = _read(path)
    try:
        helper = _at(config.get("credHelpers", {}), host) or config.get("credsStore")
        found = _from_helper(environ, path.parent, helper, host) if helper else None
        return found or _from_file(_at(config.get("auths", {}), host))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise _unreadable(path, f"the entry for {host}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with open_file(path, follow=True) as file:
            content = file.read(_LARGEST + 1)
        config = json.loads(content) if len(content) <= _LARGEST else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, Refused) as error:
        raise _unreadable(path, type(error).__name__) from error
    if not isinstance(config, dict):
        raise _unreadable(path, "no object, or too large")
    return config


def _unreadable(path: Path, why: str) -> UsageError:
    # Its own words would quote it, and it holds secrets.
    return UsageError(
        f"got {show(str(path))}, which cannot be read as docker's configuration: {why}",
        hint="Mend it, or remove the entry and run `docker login` again.",
        slug="docker-config",
    )


def _at(table: Mapping[str, Any], host: str) -> Any:  # noqa: ANN401 - whatever the file has there
    """Return what a table has for a host; docker has written a host's name in several ways."""
    names = _HUB_NAMES if host in _HUB_NAMES else {host}
    for key, value in table.items():
        if key.removeprefix("https://").removeprefix("http://").partition("/")[0] in names:
            return value
    return None


def _from_file(entry: Mapping[str, Any] | None) -> Credentials | None:
    if not entry:
        return None
    user, _, secret = b64decode(entry.get("auth") or "", validate=True).decode().partition(":")
    user, secret = user or entry.get("username", ""), secret.rstrip("\0") or entry.get("password", "")
    identity = entry.get("identitytoken", "")
    if identity:
        return Credentials(user=user, secret=identity, identity=True)
    return Credentials(user=user, secret=secret) if user and secret else None


def _from_helper(environ: Mapping[str, str], folder: Path, name: object, host: str) -> Credentials | None:
    """Ask ``docker-credential-NAME get``: the host goes in, JSON comes out."""
    if not isinstance(name, str) or _HELPER.fullmatch(name) is None:
        raise _failure(show(str(name)), "its name is not one", ())
    asked = _DOCKER_HUB if host in _HUB_NAMES else host
    program = f"docker-credential-{name}"
    done = process.run([program, "get"], cwd=folder, environ=environ, stdin=f"{asked}\n".encode(), timeout=_PATIENCE)
    if done.code != 0:
        said = done.output + done.errors
        if "credentials not found" in said:
            return None
        raise _failure(program, f"exit code {done.code}", process.tail(said, 5))
    try:
        answer = json.loads(done.output)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, TypeError, KeyError) as error:
        raise _failure(program, "its answer is not the one of a helper", ()) from error
    if not isinstance(user, str) or not isinstance(secret, str):
        raise _failure(program, "its answer is not the one of a helper", ())
    if not secret:
        return None
    return Credentials(user=user, secret=secret, identity=user == _IDENTITY)


def _failure(program: str, why: str, context: tuple[str, ...]) -> UsageError:
    return UsageError(
        f"got no credentials from {program}, which docker's configuration names: {why}",
        context=context,
        hint=f"Run `docker login` again, or set {USER} and {PASSWORD}.",
        slug="credential-helper",
    )
