"""Whatever is sent to the door, and whatever a repository's own files hold: an answer, or one of our errors.

25 examples here, a hundred in ``nox -s exhaustive``; as many as are wanted with ``nox -s fuzz``, which sets
``TAGSEAL_FUZZ``.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import ssl
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug import Response

import widget
from sampling import examples
from tagseal.errors import TagsealError
from tagseal.loopback import Loopback
from tagseal.machine.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sampled

EXAMPLES = examples(100)
NAME = "played.example"
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(MANY, max_examples=max(10, EXAMPLES // 10))
"""Each starts git a dozen times."""
ODD = st.sampled_from([b"\x00", b"\r", b"\n", b"\r\n", b" ", b":", b"\xff\xfe", "тест".encode(), b"[", b"]", b"//"])
LONG = b"{long}"
"""Stands for more than a reader keeps."""
BYTES = st.lists(st.one_of(ODD, st.binary(max_size=20), st.just(LONG)), max_size=8).map(b"".join)
METHODS = st.one_of(st.sampled_from([b"CONNECT", b"GET", b"POST", b"PRI"]), BYTES)
TARGETS = st.one_of(
    st.sampled_from(
        [f"{NAME}:443".encode(), b"/", b"[::1", b"http://[x/", "http://\N{FULLWIDTH FULL STOP}/".encode(), b"*"]
    ),
    BYTES,
)
FIELDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([b"Proxy-Authorization", b"proxy-authorization"]), BYTES),
        st.tuples(st.just(b"Host"), st.one_of(st.just(NAME.encode()), BYTES)),
        st.tuples(st.just(b"Content-Length"), st.one_of(st.sampled_from([b"-1", b"9" * 30, b"\xb2", b"1"]), BYTES)),
        st.tuples(st.just(b"Transfer-Encoding"), st.one_of(st.sampled_from([b"chunked", b"gzip, chunked"]), BYTES)),
        st.tuples(st.just(b"Expect"), st.just(b"100-continue")),
        st.tuples(BYTES, BYTES),
    ),
    max_size=5,
)
BODIES = st.one_of(
    st.sampled_from([b"", b"5\r\nhello\r\n0\r\n\r\n", b"-5\r\n", b"ffffffffffffffff\r\nx", b"\xb2\r\n"]),
    BYTES,
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return what may or may not be a request."""
    head = b" ".join([draw(METHODS), draw(TARGETS), draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9", b""]))])
    fields = b"".join(b"%s: %s\r\n" % field for field in draw(FIELDS))
    return head + b"\r\n" + fields + draw(st.sampled_from([b"\r\n", b"", b"\n"])) + draw(BODIES)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path_factory.mktemp("loopback"), hosts={NAME: Response("played")}) as running:
        yield running


@pytest.fixture
def silent(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold that nothing of ours, and of the event loop, tells of an error that nobody caught."""
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR and record.name == "asyncio"] == []


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(connection: socket.socket, request: bytes) -> bytes:
    """Send it, say that there is no more, and return the whole answer; a refused rest is no error of ours."""
    request = request.replace(LONG, b"x" * 140_000)
    with suppress(ConnectionError, ssl.SSLError):
        connection.sendall(request)
    if not isinstance(connection, ssl.SSLSocket):
        with suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_WR)
    found = b""
    with suppress(ConnectionError, ssl.SSLError):
        while block := connection.recv(1 << 16):
            found += block
    return found


def opening(loopback: Loopback) -> bytes:
    user = b64encode(urlsplit(loopback.door.url).netloc.partition("@")[0].encode())
    return b"CONNECT %s:443 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n" % (NAME.encode(), user)


def lives(loopback: Loopback) -> bool:
    with connect(loopback.door.port) as connection:
        connection.sendall(opening(loopback))
        return connection.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("silent")
@MANY
@given(request=requests())
def test_a_stranger_at_the_door_is_answered_or_left(loopback: Loopback, request: bytes) -> None:
    """Nothing that someone without the password sends is passed on, and the door stays open for the others."""
    with connect(loopback.door.port) as connection:
        found = answer(connection, request)
    assert found == b"" or found.startswith(b"HTTP/1.1 407 ")
    assert lives(loopback)


@pytest.mark.usefixtures("silent")
@MANY
@given(request=requests())
def test_a_client_that_was_let_in_is_answered_or_left(loopback: Loopback, request: bytes) -> None:
    """The server behind the door reads what any program of a build may send."""
    trusting = ssl.create_default_context(cafile=str(loopback.folder / "ca.pem"))
    with connect(loopback.door.port) as connection:
        connection.sendall(opening(loopback))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        with trusting.wrap_socket(connection, server_hostname=NAME) as inner:
            inner.settimeout(0.5)
            found = b""
            with suppress(TimeoutError):
                found = answer(inner, request)
    assert found == b"" or found.startswith(b"HTTP/1.")
    assert lives(loopback)


@pytest.mark.usefixtures("silent")
@MANY
@given(request=requests())
def test_a_stranger_behind_the_door_is_answered_or_left(loopback: Loopback, request: bytes) -> None:
    """Its port is open to every program of this machine, and plays nothing to it."""
    with connect(urlsplit(loopback.oidc_url).port or 0) as connection:
        found = answer(connection, request)
    assert found == b"" or found.startswith(b"HTTP/1.")
    assert b"played" not in found.partition(b"\r\n\r\n")[2].removeprefix(b"421: got Host played.example")
    assert lives(loopback)


@pytest.mark.system
def test_strangers_fill_no_transcript(tmp_path: Path) -> None:
    """The first, the tenth and the hundredth of their requests are written down, at the door and behind it."""
    with Loopback(folder=tmp_path, hosts={NAME: Response("played")}) as loopback:
        asked = {loopback.door.port: b"CONNECT " + b"h" * 300 + b":443 HTTP/1.1\r\n\r\n"}
        asked[urlsplit(loopback.oidc_url).port or 0] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        for port, request in [*asked.items()] * 123:
            with connect(port) as connection:
                answer(connection, request)
        found = [(entry.status, entry.note.partition(", ")[2]) for entry in loopback.transcript.entries]
        assert {len(entry.host) for entry in loopback.transcript.entries} == {253, 1}
    assert sorted(found) == [(status, times) for status in (407, 421) for times in ("", "10 times", "100 times")]


@pytest.mark.parametrize("field", [b"Transfer-Encoding: chunked", b"Content-Length: 9999999999"])
def test_a_strangers_body_is_not_read(loopback: Loopback, field: bytes) -> None:
    """It may have no end: the answer comes, and the connection is closed."""
    with connect(urlsplit(loopback.oidc_url).port or 0) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: played.example\r\n" + field + b"\r\n\r\nfffffff\r\nx")
        found = b""
        while block := connection.recv(1 << 16):
            found += block
    assert found.startswith(b"HTTP/1.1 421 ")
    assert b"\r\nConnection: close\r\n" in found


def test_a_head_has_a_bound(loopback: Loopback) -> None:
    """More than any client of ours sends is not kept in memory: neither at the door nor behind it."""
    for port, status in ((loopback.door.port, b""), (urlsplit(loopback.oidc_url).port or 0, b"HTTP/1.1 413 ")):
        with connect(port) as connection:
            found = answer(connection, b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 22))
        assert found.startswith(status)
        assert found == b"" or status


FILES = ("HEAD", "config", "index", "packed-refs", "shallow", "objects/info/alternates", "info/exclude", "commondir")
CONTENTS = st.one_of(
    BYTES,
    st.sampled_from(
        [
            b"ref: refs/heads/\x00\n",
            b"/\x00\n",
            b"[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
            b"[core]\n\trepositoryformatversion = 99\n",
            b"..\n",
            b"gitdir: .\n",
            b"gitdir: /\x00\n",
        ]
    ),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return widget.project(tmp_path_factory.mktemp("made") / "widget", "v1.2.3").root


@pytest.mark.system
@FEW
@given(files=st.dictionaries(st.sampled_from((*FILES, "")), CONTENTS, min_size=1, max_size=2))
def test_a_repository_of_any_content_is_read_or_refused(repository: Path, files: dict[str, bytes]) -> None:
    """What git and this tool read in a stranger's .git: a result or an error; the empty name is .git itself."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "widget"
        shutil.copytree(repository, root)
        for name, content in sorted(files.items(), reverse=True):
            place = root / ".git" / name
            if place.is_dir():
                shutil.rmtree(place)
            place.write_bytes(content)
        with suppress(TagsealError):
            found = Git.at(root, os.environ)
            assert found.root == root.resolve()
            found.origin()
            found.tags()
            found.status()
            found.clone_to(Path(folder) / "copy", found.head())
