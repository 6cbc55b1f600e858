"""What can go wrong at a service, by name: which requests it hits, how often, and what happens then.

A fault sits in front of the application that plays a host, so every client is hit alike.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

FAULTS: Mapping[str, str] = {
    "server-error": "The service answers 503 and does nothing.",
    "slow": "The service answers two seconds late.",
    "drop-before": "The connection is cut before the service does anything.",
    "drop-after": "The service does what it was asked; the connection is cut instead of the answer.",
}
"""Every fault that can be asked for by name, and what it does."""

SLOW = 2.0
"""Seconds that ``slow`` adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its name, the requests that it hits, and how many of them."""

    name: str
    """A key of :data:`FAULTS`."""
    host: str = ".*"
    """Regular expression; must match the whole host name."""
    method: str = ".*"
    """Regular expression; must match the whole method."""
    path: str = ".*"
    """Regular expression; must match the whole path, without the query."""
    count: int = 1
    """How many requests it hits before it is over."""

    def hits(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the request is one that this fault is for."""
        asked = (environ.get("HTTP_HOST", ""), environ["REQUEST_METHOD"], environ["PATH_INFO"])
        patterns = (self.host, self.method, self.path)
        return all(re.fullmatch(pattern, text) for pattern, text in zip(patterns, asked, strict=True))


class Faults:
    """Let a WSGI application fail as the faults say, after a latency that every request has.

    ``environ["tagseal.cut"]``, from :mod:`tagseal.loopback.server`, ends the connection.
    """

    def __init__(self, application: WSGIApplication, faults: Iterable[Fault] = (), *, latency: float = 0.0) -> None:
        """Wrap the application; ``latency`` is in seconds."""
        self._application = application
        self._latency = latency
        self._left = {fault: fault.count for fault in faults}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def close(self) -> None:
        """Wake every request that waits."""
        self._closing.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Play one request."""
        self._closing.wait(self._latency)
        fault = self._next(environ)
        if fault is None:
            return self._application(environ, start_response)
        environ["tagseal.note"] = fault.name
        match fault.name:
            case "slow":
                self._closing.wait(SLOW)
                return self._application(environ, start_response)
            case "drop-before":
                return _cut(environ)
            case "drop-after":
                _exhaust(self._application(environ, _unheard))
                return _cut(environ)
            case _:
                return Response("503: tagseal.loopback fault\n", 503)(environ, start_response)

    def _next(self, environ: WSGIEnvironment) -> Fault | None:
        with self._lock:
            for fault, left in self._left.items():
                if left > 0 and fault.hits(environ):
                    self._left[fault] -= 1
                    return fault
        return None


def _unheard(*_: object) -> Callable[[bytes], object]:
    return len


def _exhaust(blocks: Iterable[bytes]) -> None:
    for _ in blocks:
        pass
    if close := getattr(blocks, "close", None):
        close()


def _cut(environ: WSGIEnvironment) -> Iterable[bytes]:
    environ["tagseal.cut"]()
    return ()
