"""Requests that end: each has a deadline, each answer a bound, and none travels without TLS.

A timeout of ``requests`` counts silence only: a server that sends a byte a second, in the headers or behind them, holds
it as long as it likes. So the time is kept where bytes are read and written, below ``urllib3``:

1. A request may take twice its longer timeout, and a second more for each :data:`SLOWEST` bytes that
   have moved.
2. No more than the bound of an answer is handed on, unpacked.
3. Only this machine is spoken to without TLS, wherever a redirect leads.
4. Nothing is sent a second time by itself.
"""

from __future__ import annotations

import http.client
import io
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

TIMEOUT = (10.0, 60.0)
"""Seconds for a connection, and without a byte."""
ANSWER = 64 << 20
"""Bytes of an answer: the largest are listings, of a hundred releases or ten thousand files."""
SLOWEST = 8192
"""Bytes a second: a slower line is none."""
BLOCK = 1 << 20
"""Bytes of a body that are sent at a time; the default of 16 KiB costs a fourth of the throughput."""
_PIECE = 1 << 16
"""Bytes that are written before the time is looked at again."""


class Adapter(HTTPAdapter):
    """Let every request of a session end."""

    def __init__(self, timeout: tuple[float, float] = TIMEOUT, *, most: int = ANSWER) -> None:
        """Prepare.

        Args:
            timeout: Seconds for a connection, and without a byte, where a request names none.
            most: Bytes of an answer, unpacked.
        """
        self._timeout, self._most = timeout, most
        super().__init__()

    def on(self, session: requests.Session) -> None:
        """Take over a session's requests."""
        session.mount("https://", self)
        session.mount("http://", self)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401, D102 - as the library has it
        super().init_poolmanager(*arguments, **options, blocksize=BLOCK)
        self._hold(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401, D102 - as the library has it
        new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options, blocksize=BLOCK)
        if new:
            self._hold(manager)
        return manager

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        """Send a request.

        Raises:
            requests.RequestException: It leads to an address without TLS; it did not end in time; and as usual.
        """
        parts = urlsplit(request.url or "")
        if parts.scheme != "https" and parts.hostname != "127.0.0.1":
            raise requests.exceptions.InvalidSchema(f"got an address without TLS at {parts.hostname}, expected https")
        answer = super().send(request, **{**options, "timeout": options.get("timeout") or self._timeout})
        answer.raw = _Bounded(answer.raw, self._most)
        answer.encoding = answer.encoding or "utf-8"  # which the library would else guess, of megabytes
        return answer

    def _hold(self, manager: Any) -> None:  # noqa: ANN401 - of urllib3, whose pools and connections are made by classes
        seconds = 2 * max(self._timeout)
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": _connection_class(pool.ConnectionCls, seconds)})
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


class Authorization(requests.auth.AuthBase):
    """Send this header and no other credentials: an auth object also keeps a ``~/.netrc`` out."""

    def __init__(self, header: str) -> None:
        """Prepare; an empty header sends none."""
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        if self._header:
            request.headers["Authorization"] = self._header
        return request


def session(timeout: tuple[float, float] = TIMEOUT, *, most: int = ANSWER) -> requests.Session:
    """Return a session whose requests end; as of :class:`Adapter`."""
    made = requests.Session()
    Adapter(timeout, most=most).on(made)
    return made


def seconds_left(seconds: float, moved: int, passed: float) -> float:
    """Return the seconds that a request has left.

    Args:
        seconds: What it may take while nothing moves.
        moved: Bytes, both ways.
        passed: Seconds since it began.
    """
    return seconds + moved / SLOWEST - passed


def _connection_class(base: type[HTTPConnection], seconds: float) -> type[HTTPConnection]:
    return type(base.__name__, (_Connection, base), {"seconds": seconds})


class _RequestProgress:
    """One request: since when it runs, and how much has moved, both ways."""

    def __init__(self) -> None:
        self.begun, self.moved = time.monotonic(), 0

    def hold(self, sock: socket.socket, silence: float | None, seconds: float) -> None:
        """Let the next act on a socket end in time.

        Raises:
            TimeoutError: The time is over.
        """
        passed = time.monotonic() - self.begun
        rest = seconds_left(seconds, self.moved, passed)
        if rest <= 0:
            raise TimeoutError(f"got {self.moved} bytes in {passed:.0f} s, expected more")
        sock.settimeout(rest if silence is None else min(silence, rest))


class _Connection(HTTPConnection):
    """A connection that holds each of its requests to the time; a tunnel through a proxy is one, too."""

    seconds: float
    _progress: _RequestProgress

    def connect(self) -> None:
        self._progress = _RequestProgress()
        super().connect()

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as the library has it
        self._progress = _RequestProgress()
        super().request(*arguments, **options)

    def send(self, data: Any) -> None:  # noqa: ANN401 - as the library has it: bytes, of whatever type
        if self.sock is None:
            super().send(b"")  # connects
        rest = memoryview(data)
        while rest:
            self._progress.hold(self.sock, self.timeout, self.seconds)
            super().send(rest[:_PIECE])
            self._progress.moved += len(rest[:_PIECE])
            rest = rest[_PIECE:]

    def response_class(self, sock: socket.socket, *arguments: Any, **options: Any) -> http.client.HTTPResponse:  # type: ignore[override]  # noqa: ANN401
        answer = http.client.HTTPResponse(sock, *arguments, **options)
        answer.fp = io.BufferedReader(_Stream(answer.fp.detach(), sock, self._progress, self.seconds))
        return answer


class _Stream(io.RawIOBase):
    """What an answer is read from: status, headers and body. It does not know the connection, which knows it."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, progress: _RequestProgress, seconds: float) -> None:
        self._raw, self._sock, self._progress = raw, sock, progress
        self._silence = sock.gettimeout()
        self._seconds = max(seconds, 2 * (self._silence or 0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - whatever a buffer is
        self._progress.hold(self._sock, self._silence, self._seconds)
        count: int | None = self._raw.readinto(buffer)
        self._progress.moved += count or 0
        return count

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Bounded:
    """An answer of ``urllib3`` that hands on no more than its bound."""

    def __init__(self, raw: Any, most: int) -> None:  # noqa: ANN401 - the library's own
        self._raw, self._most, self._got = raw, most, 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._raw, name)

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:  # noqa: FBT001 - as above
        """Return the next bytes; all that are left, without a number."""
        most = self._most - self._got + 1
        with self._let_go():
            return self._count(self._raw.read(most if amt is None else amt, decode_content=decode_content))

    def stream(self, amt: int, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: FBT001 - as above
        """Yield the bytes that are left, in blocks."""
        with self._let_go():
            yield from map(self._count, self._raw.stream(amt, decode_content=decode_content))

    @contextmanager
    def _let_go(self) -> Iterator[None]:
        """Close the connection of an answer that is not read to its end: the library may forget it."""
        try:
            yield
        except BaseException:
            connection = self._raw.connection
            self._raw.close()
            if connection is not None:
                connection.close()
            raise

    def _count(self, block: bytes) -> bytes:
        self._got += len(block)
        if self._got > self._most:
            raise requests.exceptions.ContentDecodingError(f"got more than {self._most:,} bytes, expected fewer")
        return block
