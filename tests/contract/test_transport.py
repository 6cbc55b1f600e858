"""Every request of ours ends: its server may send a byte now and then, or without end, or lead out of TLS."""

from __future__ import annotations

import gzip
import json
import os
import time
from contextlib import suppress
from socket import SHUT_WR
from typing import TYPE_CHECKING

import pytest
import requests
from twine import auth, utils
from werkzeug import Response

from dripping import HEAD, PAUSE, drip_body, drip_head, pour, read_slowly, server
from instance import RUN, instance, moved
from tagseal.errors import Busy, TagsealError
from tagseal.loopback import Loopback
from tagseal.loopback.server import Server
from tagseal.records import Index
from tagseal.services import oidc, reachable, transport
from tagseal.services.github import GitHub
from tagseal.services.github.transfers import Transfers
from tagseal.services.images.registry.client import RegistryClient, RegistryRequest
from tagseal.services.index import asking, sender
from tagseal.services.index.client import IndexClient
from tagseal.services.sigstore import Sigstore
from tagseal.services.transport import SLOWEST, Adapter

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

QUICK = (0.5, 0.5)
NAME = "octo/widget"
HOST = "service.example"


def test_what_moves_has_more_time() -> None:
    """A request has its seconds, and one more for each eight kilobytes; not one for each byte."""
    assert transport.seconds_left(120, 0, 119) == 1
    assert transport.seconds_left(120, 121, 121) < 0
    assert transport.seconds_left(120, 3600 * SLOWEST, 3600) == 120


@pytest.mark.parametrize("act", [drip_head, drip_body])
def test_an_answer_that_drips_ends(act: Callable[[socket.socket], None]) -> None:
    """A byte now and then, in a header or behind them, is no answer: it is never silent, and ends all the same."""
    with server(act) as url, transport.session(QUICK) as session, pytest.raises(requests.RequestException):
        session.get(url)


def test_a_request_that_is_hardly_read_ends() -> None:
    """Whoever reads a body a few bytes at a time does not hold it."""
    with server(read_slowly) as url, transport.session(QUICK) as session, pytest.raises(requests.RequestException):
        session.post(url, data=b"x" * (64 << 20))


def test_a_tunnel_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is held to the same time."""
    with server(drip_head) as url, transport.session(QUICK) as session:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(requests.RequestException):
            session.get(f"https://{HOST}/")


def test_a_timeout_of_its_own_gives_a_request_more_time() -> None:
    """What a service may take longer for is said with the request, and the deadline follows."""

    def answer(client: socket.socket) -> None:
        client.recv(1 << 16)
        for byte in HEAD + b"X-Filler: %s\r\nContent-Length: 2\r\n\r\n{}" % (b" " * 40):
            client.sendall(bytes([byte]))
            time.sleep(PAUSE)

    with server(answer) as url, transport.session((1.0, 0.1)) as session:
        assert session.get(url, timeout=60).json() == {}


def test_no_more_than_the_bound_is_taken() -> None:
    """An answer without end is cut, streamed or not."""
    with server(pour) as url, transport.session(most=1 << 20) as session:
        for stream in (False, True):
            with pytest.raises(requests.RequestException, match="got more than 1,048,576 bytes"):
                session.get(url, stream=stream).raw.read() if stream else session.get(url)


def test_the_bound_counts_what_is_unpacked() -> None:
    """A hundred kilobytes of gzip are not taken for less than they are."""
    packed = gzip.compress(b" " * (100 << 20))

    def bomb(client: socket.socket) -> None:
        client.recv(1 << 16)
        client.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    with server(bomb) as url, transport.session(most=1 << 20) as session:
        assert len(packed) < 1 << 20
        with pytest.raises(requests.RequestException, match="got more than 1,048,576 bytes"):
            session.get(url)


@pytest.mark.parametrize("answer", ["gzip", "deflate", "chunked", "cut"])
def test_the_connection_of_an_answer_that_cannot_be_read_is_let_go(answer: str) -> None:
    """Nobody else would: it is not to be used again, and its socket would stay open until Python cleans up."""
    left: list[bool] = []

    def garble(client: socket.socket) -> None:
        client.recv(1 << 16)
        chunked = b"Transfer-Encoding: chunked\r\n\r\nno number\r\n"
        cut = b"Content-Length: 5\r\n\r\nabc"
        packed = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (answer.encode(), 1 << 20) + b"a" * (1 << 16)
        client.sendall(HEAD + {"chunked": chunked, "cut": cut}.get(answer, packed))
        if answer == "cut":
            client.shutdown(SHUT_WR)
        client.settimeout(60)
        with suppress(ConnectionError):  # what was not read is answered by a reset
            while client.recv(1):
                pass
        left.append(True)

    with server(garble) as url, transport.session() as session:
        with pytest.raises(requests.RequestException) as caught:
            session.get(url)
        for _ in range(300):
            if left:
                break
            time.sleep(0.1)
        assert left == [True], caught  # which refers to the answer, so that Python does not clean up by chance


def test_nothing_leaves_without_tls() -> None:
    """Whoever is redirected to a plain address does not send anything there."""

    def lead(client: socket.socket) -> None:
        client.recv(1 << 16)
        client.sendall(b"HTTP/1.1 307 Away\r\nLocation: http://service.example/\r\nContent-Length: 0\r\n\r\n")

    refused = pytest.raises(requests.exceptions.InvalidSchema, match=r"service\.example, expected https")
    with server(lead) as url, transport.session() as session, refused:
        session.post(url, data="token")


class Drip:
    """A service, by WSGI, whose bodies drip."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        for _ in range(3_000):
            yield b" "
            time.sleep(PAUSE)


HOSTS = ("api.github.com", "github.com", HOST)


@pytest.fixture
def drip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drip]:
    """Let it answer for whatever is asked."""
    found = Drip()
    monkeypatch.setenv("NETRC", os.devnull)
    with Loopback(folder=tmp_path / "loopback", hosts=dict.fromkeys(HOSTS, found)) as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        yield found


INDEX = Index(name="company", simple=f"https://{HOST}/simple/", upload="", site="")
ASKED: dict[str, Callable[[Path], object]] = {
    "the API": lambda _: GitHub("", timeout=1).private(NAME),
    "a download": lambda path: Transfers("", 1).fetch(f"https://github.com/{NAME}", path, size=9_999, sha256=""),
    "an index": lambda _: IndexClient(index=INDEX, project="widget", version="1.2.3").files(),
    "a package": lambda path: asking.download(f"https://{HOST}/widget.whl", "download it", path),
    "a registry": lambda _: RegistryClient(HOST, NAME, None, 1, pushes=False).ask(
        RegistryRequest(doing="ask", method="GET", url=f"https://{HOST}/v2/")
    ),
}


@pytest.mark.parametrize("what", ASKED)
def test_no_service_holds_us(what: str, drip: Drip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever service drips, the request ends in an error of a service that did not answer."""
    monkeypatch.setattr(asking, "TIMEOUT", QUICK)
    with pytest.raises((Busy, requests.RequestException)):
        ASKED[what](tmp_path / "file")
    assert drip.asked != []
    assert list(tmp_path.glob("*file*")) == []


def test_what_is_only_looked_for_is_not_waited_for() -> None:
    """The doctor's question whether a service answers ends as well."""
    with server(drip_head) as url:
        assert reachable.ask_time(url, 0.5) is None


def test_no_answer_of_github_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyGithub reads whole answers: one of 80 MiB is refused before it is parsed."""
    endless = Response((b" " * (1 << 20) for _ in range(80)), 200, mimetype="application/json")
    with Loopback(folder=tmp_path / "loopback", hosts={"api.github.com": endless}) as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Busy) as caught:
            GitHub("").private(NAME)
    assert "got more than 67,108,864 bytes" in caught.value.context[0]


SERVICES = {"caUrls": 1, "rekorTlogUrls": 1, "tsaUrls": 1}


@pytest.mark.parametrize("kind", [*SERVICES, "tiles"])
@pytest.mark.parametrize("act", [drip_head, pour])
def test_no_sigstore_service_holds_us(kind: str, act: Callable[[socket.socket], None]) -> None:
    """Fulcio, a log of either version, and a timestamp authority may drip or pour: signing ends with an error."""
    version, kind = (2, "rekorTlogUrls") if kind == "tiles" else (1, kind)
    with instance() as played, server(act) as url:
        document = moved(played.trust_config, kind, url, version=version)
        signing = Sigstore(origin="a test", document=document, timeout=QUICK)
        with pytest.raises(Busy) as caught:
            signing.sign({"one": "0" * 64}, lambda: played.issuer.mint(RUN, "sigstore"), lambda *_: None)
    said = "got more than 67,108,864 bytes" if act is pour else "imed out"
    assert said in " ".join(caught.value.context)


@pytest.mark.parametrize("act", [drip_head, drip_body, pour])
def test_no_token_endpoint_holds_us(act: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner's own endpoint is a service like others."""
    monkeypatch.setattr(oidc, "TIMEOUT", QUICK)
    with server(act) as url:
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "GITHUB_ACTIONS": "true"}
        with pytest.raises(Busy):
            oidc.identity_token(job, "sigstore")


def test_a_token_is_asked_for_without_a_proxy_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner's plain address is asked itself, whatever proxy there is; an address that has a query keeps it."""
    seen: list[str] = []

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(f"{environ['QUERY_STRING']} {environ['HTTP_AUTHORIZATION']}")
        return Response(json.dumps({"value": "token"}))(environ, start_response)

    played = Server(answer)
    host, port = played.address
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    url = f"http://{host}:{port}/?api-version=2.0"
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "GITHUB_ACTIONS": "true"}
    try:
        assert oidc.identity_token(job, "sigstore") == "token"
    finally:
        played.close()
    assert seen == ["api-version=2.0&audience=sigstore Bearer t"]


def test_a_chain_of_redirects_stays_within_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that leads out of TLS and back is refused before the plain address is asked."""
    asked: list[str] = []

    def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        return Response("", 302, headers={"Location": f"https://{HOST}/there"})(environ, start_response)

    def front(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        there = environ["PATH_INFO"] == "/there"
        answer = Response("{}") if there else Response("", 302, headers={"Location": f"http://127.0.0.1:{port}/"})
        return answer(environ, start_response)

    played = Server(plain)
    _, port = played.address
    monkeypatch.setenv("NETRC", os.devnull)
    with Loopback(folder=tmp_path / "loopback", hosts={HOST: front}) as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TagsealError) as caught:
            asking.ask(f"https://{HOST}/", "ask", 100)
    played.close()
    assert (caught.value.slug, asked) == ("index-garbled", [])
    assert "without TLS" in caught.value.context[0]


def test_redirects_of_an_index_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of redirects is no answer."""
    ring = Response("", 302, headers={"Location": "/again"})
    monkeypatch.setenv("NETRC", os.devnull)
    with Loopback(folder=tmp_path / "loopback", hosts={HOST: ring}) as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TagsealError) as caught:
            asking.ask(f"https://{HOST}/", "ask", 100)
    assert (caught.value.slug, caught.value.context) == ("index-garbled", ("5 redirects",))


def test_twine_is_given_our_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What sends, what exchanges the identity token, and what asks for it, end as ours do."""
    monkeypatch.setattr(utils, "make_requests_session", utils.make_requests_session)
    monkeypatch.setattr(auth, "detect_credential", None)
    sender.take_over()
    settings = sender._Ending(username="u", password="p", non_interactive=True)  # noqa: SLF001 - what this test is about
    sending = settings.create_repository().session
    for session in (sending, utils.make_requests_session()):
        assert isinstance(session.get_adapter("https://service.example/"), Adapter)
    ask: Callable[[str], str | None] = auth.__dict__["detect_credential"]
    assert ask("index") is None  # this is no job
