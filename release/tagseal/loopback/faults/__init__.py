"""What can go wrong at a service, by name: which requests it hits, how often, and what happens then.

A fault sits in front of the application that plays a host, so every client is hit alike. What each of them does
stands in :mod:`tagseal.loopback.faults.table`.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.loopback.faults.acts import FaultedRequest
from tagseal.loopback.faults.table import FAULTS
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.github.accidents import Accidents
    from tagseal.loopback.index.accidents import IndexAccidents
    from tagseal.loopback.registry.accidents import ImageAccidents

__all__ = ["FAULTS", "Fault", "Faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: its name, the requests that it hits, and how many of them.

    Of the requests that can meet this kind of fault at all it hits those that its three patterns match.

    Raises:
        UsageError: There is no fault of this name, or it cannot hit anything.
    """

    name: str
    """A key of :data:`FAULTS`."""
    host: str = ".*"
    """Regular expression; must match the whole host name."""
    method: str = ".*"
    """Regular expression; must match the whole method."""
    path: str = ".*"
    """Regular expression; must match the whole path, without the query."""
    skip: int = 0
    """How many of these requests pass before the first is hit."""
    count: int = 1
    """How many requests it hits before it is over."""

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            near = get_close_matches(self.name, FAULTS, n=1)
            raise _unknown(show(self.name), near[0] if near else "a name of the list")
        for pattern in (self.host, self.method, self.path):
            try:
                re.compile(pattern)
            except re.error as error:
                raise _unknown(f"{self.name} at {show(pattern)}", f"a regular expression: {error}") from error
        if self.skip < 0 or self.count < 1:
            raise _unknown(f"{self.name} with skip={self.skip} and count={self.count}", "0 and 1 at least")

    def matches(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the request is one that this fault is for."""
        asked = (environ.get("HTTP_HOST", "").removesuffix(":443"), environ["REQUEST_METHOD"], environ["PATH_INFO"])
        patterns = (self.host, self.method, self.path)
        here = all(re.fullmatch(pattern, text) for pattern, text in zip(patterns, asked, strict=True))
        return here and re.fullmatch(FAULTS[self.name].at, " ".join(asked)) is not None


def _unknown(got: str, expected: str) -> UsageError:
    return UsageError(
        f"got the fault {got}, expected {expected}",
        hint="`tagseal rehearse --fault list` prints every fault with what happens then.",
        slug="unknown-fault",
    )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    skip: int
    count: int


class Faults:
    """Let a WSGI application fail as the faults say, after a latency that every request has.

    ``environ["tagseal.cut"]``, from :mod:`tagseal.loopback.server`, ends the connection.
    """

    def __init__(  # noqa: PLR0913 - every service to which something can happen
        self,
        application: WSGIApplication,
        forge: Accidents,
        images: ImageAccidents,
        indexes: IndexAccidents,
        faults: Iterable[Fault] = (),
        *,
        latency: float = 0.0,
    ) -> None:
        """Wrap the application; accidents happen to the next three, ``latency`` is in seconds."""
        self._application = application
        self._forge = forge
        self._images = images
        self._indexes = indexes
        self._latency = latency
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._armed: list[_Armed] = []
        self._hits: list[Fault] = []
        self.kill: Callable[[], object] = bool
        """Ends the client at once, for the faults that do; it says and does nothing until somebody knows how."""
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Let only these faults come from now on, and forget which have hit."""
        with self._lock:
            self._armed = [_Armed(fault, fault.skip, fault.count) for fault in faults]
            self._hits = []

    @property
    def hits(self) -> tuple[Fault, ...]:
        """The faults that have hit since they were set, in order, once a request."""
        with self._lock:
            return tuple(self._hits)

    @property
    def tally(self) -> tuple[tuple[Fault, int], ...]:
        """The faults in the order in which they were set, each with the number of requests that it has hit."""
        with self._lock:
            return tuple((armed.fault, armed.fault.count - armed.count) for armed in self._armed)

    def close(self) -> None:
        """Wake every request that waits."""
        self._closing.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Play one request."""
        self._closing.wait(self._latency)
        for armed in self._ready(environ):
            environ["tagseal.note"] = armed.fault.name
            hit = FaultedRequest(
                environ=environ,
                start_response=start_response,
                application=self._application,
                forge=self._forge,
                images=self._images,
                indexes=self._indexes,
                wait=self._closing.wait,
                kill=self.kill,
            )
            blocks = FAULTS[armed.fault.name].act(hit)
            if blocks is not None:
                return blocks
            del environ["tagseal.note"]
            self._give_back(armed)
        return self._application(environ, start_response)

    def _ready(self, environ: WSGIEnvironment) -> Iterator[_Armed]:
        """Count the request for every fault that it matches, and take those whose turn it is, one by one."""
        with self._lock:
            turn = []
            for armed in self._armed:
                if armed.count and armed.fault.matches(environ):
                    if armed.skip:
                        armed.skip -= 1
                    else:
                        turn.append(armed)
        for armed in turn:
            with self._lock:
                if not armed.count:
                    continue
                armed.count -= 1
                # Noted before it happens: whoever is killed by it can be asked after at once.
                self._hits.append(armed.fault)
            yield armed

    def _give_back(self, armed: _Armed) -> None:
        with self._lock:
            armed.count += 1
            if armed.fault in self._hits:
                self._hits.remove(armed.fault)
