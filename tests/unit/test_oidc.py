"""The identity token: who is asked, what may pass, and whose clock it tells."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from werkzeug import Response

from instance import RUN, Front, instance
from tagseal.errors import Busy, Refused, ServiceError, UsageError
from tagseal.services import oidc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Enter = Callable[[Front], None]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Enter]:
    """Let this process be in a job whose token endpoint has a front."""
    opened = []

    def job(front: Front) -> None:
        played = instance({"tokens": front})
        opened.append(played)
        found = played.__enter__()
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", found.oidc_url)
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", found.tokens.grant(RUN))

    yield job
    for one in opened:
        one.__exit__(None, None, None)


def ask() -> str | None:
    return oidc.identity_token(os.environ, oidc.SIGSTORE)


@pytest.mark.system
def test_a_job_gets_its_token(enter: Enter) -> None:
    """The runner's endpoint gives a token of this run."""
    enter(Front())
    assert oidc.claims(ask() or "")["sha"] == RUN.sha


@pytest.mark.system
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_endpoint_that_is_down_may_come_back(enter: Enter, status: int) -> None:
    """A status that passes is worth another try, and is named."""
    enter(Front(Response("busy", status)))
    with pytest.raises(Busy, match="got no answer from the runner's token endpoint") as caught:
        ask()
    assert caught.value.context == (f"{status} busy",)
    assert ask()


@pytest.mark.system
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_endpoint_that_refuses_has_refused(enter: Enter, status: int) -> None:
    """A refusal stands at once, whatever its words are."""
    enter(Front(Response("(code=503) timed out", status)))
    with pytest.raises(ServiceError, match="got no identity token from the runner") as caught:
        ask()
    assert not isinstance(caught.value, Busy)


@pytest.mark.system
@pytest.mark.parametrize("answer", [Response("{"), Response("{}"), Response(b"\xff")], ids=["cut", "empty", "bytes"])
def test_an_answer_without_a_token_is_a_failure(enter: Enter, answer: Response) -> None:
    """Whatever the endpoint answers, the error is one of ours."""
    enter(Front(answer))
    with pytest.raises(ServiceError, match="got no identity token from the runner"):
        ask()


@pytest.mark.system
def test_an_endpoint_out_of_reach_may_come_back(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is worth another try."""
    enter(Front())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"http://127.0.0.1:{port}/?a=b")
    with pytest.raises(Busy):
        ask()


def token(**claims: object) -> str:
    return jwt.encode(claims, "k" * 32)


@pytest.mark.parametrize(
    ("iat", "nbf", "exp"),
    [
        pytest.param(-400, -400, -100, id="over"),
        pytest.param(60, 0, 400, id="made later"),
        pytest.param(0, 3, 300, id="good later"),
    ],
)
def test_a_token_of_another_time_names_the_clock(iat: int, nbf: int, exp: int) -> None:
    """A token that cannot be good by this machine's clock is a reason to look at the clock."""
    now = time.time()
    with pytest.raises(UsageError, match="got an identity token that was made at") as caught:
        oidc.compare_clocks(token(iat=now + iat, nbf=now + nbf, exp=now + exp), now)
    assert caught.value.slug == "clock-differs"


@pytest.mark.parametrize("text", ["", "a.b.c", "token"])
def test_what_is_no_token_is_refused(text: str) -> None:
    """A text that is no JSON web token has neither claims nor a time."""
    for read in (oidc.claims, lambda text: oidc.compare_clocks(text, 0.0)):
        with pytest.raises(Refused, match="no JSON web token"):
            read(text)
