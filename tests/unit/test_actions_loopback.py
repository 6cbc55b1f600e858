"""Where production names may lead to the loopback: nothing of it gets out, and nothing gets in by an address."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import widget
from rehearsing import COMMAND
from tagseal.errors import Refused
from tagseal.machine.actions import loopback

if TYPE_CHECKING:
    from pathlib import Path

TRUST = {"TAGSEAL_TRUST_CONFIG": "trust.json"}
OIDC, PROXY = "ACTIONS_ID_TOKEN_REQUEST_URL", "HTTPS_PROXY"
HERE = "http://127.0.0.1:4321/oidc/token?api-version=2.0"
GITHUB = "https://run-actions-1-azure-eastus.actions.githubusercontent.com/7//idtoken/a/b?api-version=2.0"

TRICKS = (
    "http://127.0.0.1.evil.example:80/token",
    "http://127.0.0.1@evil.example:80/token",
    "http://127.0.0.1:80@evil.example/token",
    "http://evil.example:80\\@127.0.0.1:80/token",
    "http://evil.example:80/@127.0.0.1:80/token",
    "http://evil.example:80?@127.0.0.1:80/token",
    "http://evil.example:80#@127.0.0.1:80/token",
    "http://a@evil.example:80@127.0.0.1:80/token",
    "http://127.0.0.1:80\t.evil.example/token",
    "\nhttp://127.0.0.1:80/token",
    "http://127.0.0.1:80/token\n",
    "http://127.0.0.1:80/to ken",
    "http://localhost:80/token",
    "http://2130706433:80/token",
    "http://0x7f000001:80/token",
    "http://0177.0.0.1:80/token",
    "http://127.1:80/token",
    "http://127.0.0.2:80/token",
    "http://0.0.0.0:80/token",
    "http://[::1]:80/token",
    "http://[::ffff:127.0.0.1]:80/token",
    "http://[::1",
    "http://127.0.0.1/token",
    "https://127.0.0.1:80/token",
    "ftp://127.0.0.1:80/token",
    "127.0.0.1:80",
    "//127.0.0.1:80/token",
)


def slug(environ: dict[str, str]) -> str:
    with pytest.raises(Refused) as caught:
        loopback(environ)
    return caught.value.slug


def test_both_halves_make_the_loopback_and_neither_makes_production() -> None:
    """Trust goes with an address on loopback: the token's, or in a job without identity the proxy's."""
    assert loopback({**TRUST, OIDC: HERE})
    assert loopback({**TRUST, OIDC: HERE, PROXY: "http://proxy.example:80"})
    assert loopback({**TRUST, PROXY: "http://tagseal:pass-W_rd@127.0.0.1:4321"})
    assert not loopback({})
    assert not loopback({OIDC: GITHUB})
    assert not loopback({PROXY: "http://127.0.0.1:3128"})


@pytest.mark.parametrize("address", [*TRICKS, GITHUB, ""])
def test_a_foreign_trust_is_refused_wherever_tokens_do_not_come_from_loopback(address: str) -> None:
    """Only the loopback's own way to write its address counts, not what a parser could take for it."""
    assert slug({**TRUST, PROXY: address}) == "trust-outside-loopback"
    if address:
        assert slug({**TRUST, OIDC: address, PROXY: HERE}) == "trust-outside-loopback"


@pytest.mark.parametrize(
    "address", [*TRICKS, HERE, "http://evil.example/token", "https://localhost/token", "https://[::ffff:127.0.0.1]/"]
)
def test_a_token_from_loopback_is_refused_without_its_trust(address: str) -> None:
    """Production asks for tokens by https, and not on this machine: whatever else is refused."""
    assert slug({OIDC: address}) == "loopback-without-trust"


@pytest.mark.system
@pytest.mark.parametrize("environ", [{**TRUST, PROXY: TRICKS[0]}, {OIDC: HERE}], ids=["trust", "token"])
def test_the_command_refuses_before_it_asks_anything(tmp_path: Path, environ: dict[str, str]) -> None:
    """A verb in such an environment ends with exit code 3, and says which variable is the wrong one."""
    widget.project(tmp_path)
    job = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_REF_TYPE": "tag"}
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **job, **environ}
    finished = subprocess.run([*COMMAND, "guard"], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert finished.returncode == 3
    assert "TAGSEAL_TRUST_CONFIG" in finished.stdout
