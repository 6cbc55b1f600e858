"""The door lets in who knows the password, for names that are played, and nothing else."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from requests.exceptions import ConnectionError as Broken
from requests.exceptions import ProxyError, SSLError
from werkzeug import Request, Response

from tagseal.errors import UsageError
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault, acts
from tagseal.loopback.transcript import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tagseal.loopback.transcript import Exchange

NAME = "played.example"
URL = f"https://{NAME}"
CANARY = "canary-7f3a9c"


class Echo:
    """Answer with what was asked, and count."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.calls += 1
        request = Request(environ)
        size = sum(len(block) for block in iter(lambda: request.stream.read(1 << 16), b""))
        return Response(f"{request.method} {request.url} {size}")(environ, start_response)


class Gate(threading.Event):
    """Where requests wait, in place of a clock: each passes once so many are here together."""

    def __init__(self, together: int, *, shut: bool = False) -> None:
        """Prepare; one that is shut lets none pass before it is closed."""
        super().__init__()
        self.together = threading.Barrier(together, timeout=60)
        self.asked: list[float] = []
        """Seconds that each was to wait."""
        self.woken: list[bool] = []
        """Whether each passed a shut gate because it was closed."""
        self._shut = shut

    def wait(self, timeout: float | None = None) -> bool:
        if not timeout:
            return super().wait(timeout)
        self.asked.append(timeout)
        self.together.wait()
        if self._shut:
            self.woken.append(super().wait(600))
        return self.is_set()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def loopback(tmp_path: Path, echo: Echo) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path, hosts={NAME: echo}) as running:
        yield running


def client(loopback: Loopback, proxy: str = "") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = dict.fromkeys(("http", "https"), proxy or loopback.door.url)
    session.verify = str(loopback.folder / "ca.pem")
    return session


@pytest.fixture
def session(loopback: Loopback) -> Iterator[requests.Session]:
    with client(loopback) as session:
        yield session


def raw(loopback: Loopback, text: str) -> bytes:
    """Send bytes to the door as they are, and return the first of the answer."""
    with socket.create_connection(("127.0.0.1", loopback.door.port), timeout=5) as connection:
        connection.sendall(text.encode())
        return connection.recv(4096)


def test_a_played_name_is_answered_under_its_own_url(session: requests.Session) -> None:
    """The application sees https and the production name."""
    assert session.get(f"{URL}/path").text == f"GET {URL}/path 0"


def test_bodies_of_every_kind_arrive_whole(session: requests.Session) -> None:
    """With a length, in chunks, and after ``Expect: 100-continue``, on one connection."""
    sizes = [
        session.post(URL, data=b"x" * 100_000).text.split()[-1],
        session.post(URL, data=(b"x" * 1000 for _ in range(100))).text.split()[-1],
        session.put(URL, data=b"x" * 100_000, headers={"Expect": "100-continue"}).text.split()[-1],
    ]
    assert sizes == ["100000"] * 3


def test_an_application_may_leave_the_body_unread(loopback: Loopback, session: requests.Session) -> None:
    """The connection goes on after a request whose body nobody wanted."""
    refused = session.post("https://api.github.com/user", data=b"x" * 1_000_000)

    assert refused.status_code == 405
    assert session.get(f"{URL}/").status_code == 200
    assert loopback.transcript.entries[0].request_bytes == 1_000_000


def test_a_name_that_is_not_played_is_refused(loopback: Loopback, session: requests.Session) -> None:
    """403, and a line in the transcript."""
    with pytest.raises(ProxyError, match="403"):
        session.get("https://elsewhere.example/")

    [entry] = loopback.transcript.entries
    assert (entry.host, entry.method, entry.status, entry.refused) == ("elsewhere.example", "CONNECT", 403, True)


@pytest.mark.parametrize("target", [f"{NAME}:22", NAME, "127.0.0.1:443", "[::1]:443"])
def test_only_port_443_of_played_names_is_behind_the_door(loopback: Loopback, target: str) -> None:
    """No other port, and no address."""
    user = b64encode(urlsplit(loopback.door.url).netloc.partition("@")[0].encode()).decode()

    answer = raw(loopback, f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {user}\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 ")


def test_plain_http_is_not_passed_on(session: requests.Session, echo: Echo) -> None:
    """A request for ``http://`` is refused, even for a name that is played."""
    assert session.get(f"http://{NAME}/").status_code == 403
    assert echo.calls == 0


@pytest.mark.parametrize("password", ["", "tagseal:wrong@"])
def test_the_password_of_the_run_is_needed(loopback: Loopback, password: str) -> None:
    """407 without it, before any name is looked at."""
    with client(loopback, f"http://{password}127.0.0.1:{loopback.door.port}") as session:
        with pytest.raises(ProxyError, match="407"):
            session.get(URL)
        with pytest.raises(ProxyError, match="407"):
            session.get("https://elsewhere.example/")


def test_the_host_must_be_the_name_that_was_asked_for(session: requests.Session, echo: Echo) -> None:
    """A connection that was opened for one name cannot ask for another."""
    assert session.get(f"{URL}/", headers={"Host": "api.github.com"}).status_code == 421
    assert echo.calls == 0


def test_the_server_behind_the_door_answers_nobody_else(loopback: Loopback, echo: Echo) -> None:
    """Its port is not a way round the password: only identity tokens are asked there."""
    address = urlsplit(loopback.oidc_url).netloc
    with client(loopback) as session:
        session.proxies = {}
        past = session.get(f"http://{address}/", headers={"Host": NAME})
        token = session.get(loopback.oidc_url)

    assert (past.status_code, echo.calls) == (421, 0)
    assert token.status_code == 401


def test_a_client_that_does_not_trust_the_door_is_written_down(loopback: Loopback) -> None:
    """The transcript says why there was no answer."""
    with client(loopback) as session:
        session.verify = True
        with pytest.raises(SSLError):
            session.get(URL)

    assert "TLS broken off" in wait(loopback, 1)[0].note


def wait(loopback: Loopback, number: int) -> tuple[Exchange, ...]:
    """Return the entries once there are so many."""
    deadline = time.monotonic() + 5
    while len(loopback.transcript.entries) < number and time.monotonic() < deadline:
        time.sleep(0.01)
    return loopback.transcript.entries


def test_the_transcript_holds_no_secret(loopback: Loopback, session: requests.Session) -> None:
    """Headers, bodies and values of unknown query keys never reach it; the order is that of the answers."""
    session.get(f"{URL}/a", params={"sig": CANARY, "page": "2"}, headers={"Authorization": CANARY, "Cookie": CANARY})
    session.post(f"{URL}/b", data=CANARY)

    text = (loopback.folder / "transcript.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    assert CANARY not in text
    assert [(line["n"], line["method"], line["path"], line["query"]) for line in lines] == [
        (1, "GET", "/a", "sig=-&page=2"),
        (2, "POST", "/b", ""),
    ]
    assert lines[1]["request_bytes"] == len(CANARY)


def test_no_file_of_the_loopback_holds_a_key_or_password(loopback: Loopback, session: requests.Session) -> None:
    """What it leaves on disk may be shown to anybody."""
    session.get(URL)
    password = urlsplit(loopback.door.url).password or ""
    texts = [path.read_text() for path in loopback.folder.rglob("*") if path.is_file()]

    assert len(texts) == 8
    assert not [text for text in texts if password in text or "PRIVATE" in text]


def test_harmless_keeps_only_known_keys() -> None:
    """A value is dropped unless its key is known; an empty value is one too."""
    assert harmless("name=a+b&X-Amz-Signature=1&token=&page=3") == "name=a+b&X-Amz-Signature=-&token=-&page=3"


def test_environment_names_files_that_exist(loopback: Loopback) -> None:
    """Every variable that is a path leads to a file, and no name is excepted from the proxy."""
    environment = loopback.environment()
    paths = [value for value in environment.values() if value.startswith("/")]

    assert [path for path in paths if path != str(loopback.folder / "trust.json")] == [
        str(loopback.folder / "ca.pem")
    ] * 5
    assert environment["NO_PROXY"] == environment["no_proxy"] == ""
    assert json.loads((loopback.folder / "trust.json").read_text()).keys() >= {"trustedRoot", "signingConfig"}


def test_a_taken_port_is_the_callers_error(tmp_path: Path, loopback: Loopback) -> None:
    """A port can be asked for; when it is taken the error says so and nothing stays behind."""
    before = threading.active_count()
    with pytest.raises(UsageError) as refusal:
        Loopback(folder=tmp_path / "second", port=loopback.door.port)

    assert refusal.value.slug == "port-taken"
    assert threading.active_count() == before


@pytest.mark.system
def test_closing_is_quick_and_leaves_nothing(tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """With connections open, one of them waiting for a late answer, that one is woken and everything is gone."""
    before = set(threading.enumerate())
    late = Fault(name="slow", host=NAME, path="/slow")
    loopback = Loopback(folder=tmp_path, hosts={NAME: echo}, faults=[late])
    gate = Gate(2, shut=True)
    monkeypatch.setattr(loopback.faults, "_closing", gate)
    with client(loopback) as session, client(loopback) as other:
        session.get(URL)
        waiting = threading.Thread(target=_cut_off, args=(other,), daemon=True)
        waiting.start()
        gate.together.wait()
        loopback.close()
        waiting.join(60)

    assert gate.woken == [True]
    assert {one.name for one in threading.enumerate() if one not in before} == set()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", loopback.door.port)) != 0


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "calls", "outcome"),
    [("server-error", 0, 503), ("slow", 1, 200), ("drop-before", 0, None), ("drop-after", 1, None)],
)
def test_each_fault_does_what_its_sentence_says(  # noqa: PLR0913, PLR0917 - fixtures and cases
    tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch, name: str, calls: int, outcome: int | None
) -> None:
    """The first request is hit, the second is not; whether it took effect is the fault's nature."""
    fault = Fault(name=name, host=NAME, method="POST", path="/hit")
    with Loopback(folder=tmp_path, hosts={NAME: echo}, faults=[fault]) as loopback, client(loopback) as session:
        gate = Gate(1)
        monkeypatch.setattr(loopback.faults, "_closing", gate)
        if outcome is None:
            with pytest.raises(Broken):
                session.post(f"{URL}/hit", data=b"x" * 200_000)
        else:
            assert session.post(f"{URL}/hit", data=b"x" * 200_000).status_code == outcome
        entry = wait(loopback, 1)[0]

        assert echo.calls == calls
        assert (entry.note, entry.status) == (name, outcome or 0)
        assert gate.asked == ([acts.SLOW] if name == "slow" else [])
        assert session.post(f"{URL}/hit").status_code == 200


@pytest.mark.system
def test_latency_is_added_to_every_request(tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests in parallel wait in parallel: each for the latency, and all of them at one time."""
    with Loopback(folder=tmp_path, hosts={NAME: echo}, latency=0.3) as loopback:
        gate = Gate(8)
        monkeypatch.setattr(loopback.faults, "_closing", gate)
        threads = [threading.Thread(target=_once, args=(loopback,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert gate.asked == [0.3] * 8
        assert echo.calls == 8


def _cut_off(session: requests.Session) -> None:
    with pytest.raises(Broken):
        session.get(f"{URL}/slow")


def _once(loopback: Loopback) -> None:
    with client(loopback) as session:
        session.get(URL)
