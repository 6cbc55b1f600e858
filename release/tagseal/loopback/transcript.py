"""Every request and every answer, in order, as JSON lines, without credentials.

What is written down is chosen, not filtered: headers and bodies are never looked at, and of a query only the
values of keys that are known to be harmless.
"""

from __future__ import annotations

import dataclasses
import io
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, Self, cast
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

HARMLESS = frozenset(
    {
        *("api-version", "label", "logIndex", "name", "order", "page", "per_page", "sort"),
        *("artifactType", "digest", "from", "last", "mount", "n", "scope", "service"),
    }
)
"""Query keys whose values are kept; every other value is a secret until somebody shows that it is not."""

_BLOCK = 1 << 16
_LONGEST = 253
"""Characters of a host's name, and of a method: no name is longer."""
_NOTE = 400
"""Characters: a sentence with a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    n: int
    """1, 2, 3 …, in the order of the answers."""
    at: float
    """Seconds from the loopback's start to the request."""
    seconds: float
    """From the request to the end of the answer."""
    host: str
    method: str
    path: str
    query: str
    """Values of keys that are not known to be harmless read ``-``."""
    status: int
    """0: the connection ended without an answer."""
    request_bytes: int
    response_bytes: int
    refused: bool
    """The name is not played here."""
    note: str
    """The fault that hit this request, or why there was no answer."""


class Transcript:
    """Collect entries from many threads, and write each to a file as soon as it is whole."""

    def __init__(self, path: Path | None = None) -> None:
        """Start the clock; ``path`` is written anew."""
        self._file = path.open("w", encoding="utf-8", buffering=1) if path else None
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._entries: list[Exchange] = []
        self._strangers: Counter[int] = Counter()

    @property
    def entries(self) -> tuple[Exchange, ...]:
        """The entries so far."""
        with self._lock:
            return tuple(self._entries)

    def clock(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._start

    def record(  # noqa: PLR0913 - an entry's parts, by keyword
        self,
        *,
        at: float,
        host: str,
        method: str,
        path: str,
        status: int,
        note: str = "",
        query: str = "",
        request_bytes: int = 0,
        response_bytes: int = 0,
        refused: bool = False,
        stranger: bool = False,
    ) -> None:
        """Append one entry; ``at`` is what :meth:`clock` said when the request came.

        Of requests of someone who does not know this run's password only the 1st, 10th, 100th … are written down.
        """
        with self._lock:
            if stranger:
                self._strangers[status] += 1
                times = self._strangers[status]
                if str(times).strip("0") != "1":
                    return
                note += f", {times:,} times" if times > 1 else ""
            entry = Exchange(
                n=len(self._entries) + 1,
                at=round(at, 4),
                seconds=round(self.clock() - at, 4),
                host=host[:_LONGEST],
                method=method[:_LONGEST],
                path=path,
                query=harmless(query),
                status=status,
                request_bytes=request_bytes,
                response_bytes=response_bytes,
                refused=refused,
                note=note[:_NOTE],
            )
            self._entries.append(entry)
            if self._file:
                self._file.write(json.dumps(dataclasses.asdict(entry)) + "\n")

    def close(self) -> None:
        """Close the file; entries that come later stay in memory."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def harmless(query: str) -> str:
    """Return the query with the values dropped that nobody has called harmless."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(key, value if key in HARMLESS else "-") for key, value in pairs])


class Recorder:
    """Write down what a WSGI application was asked and what it answered.

    The entry is written before the last block leaves: whoever has an answer finds it in the transcript.
    """

    def __init__(self, application: WSGIApplication, transcript: Transcript) -> None:
        """Wrap the application."""
        self._application = application
        self._transcript = transcript

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        """Play one request."""
        at = self._transcript.clock()
        meter = Meter(environ["wsgi.input"])
        environ["wsgi.input"] = io.BufferedReader(meter, _BLOCK)
        answer = _Answer(start_response)
        held, sent, whole = b"", 0, False
        blocks = self._application(environ, answer)
        try:
            for block in blocks:
                if held:
                    yield held
                held, sent = block, sent + len(block)
            if not environ.get("tagseal.stranger"):  # one's body may have no end; their connection is closed instead
                meter.drain()
            whole = True
        finally:
            if close := getattr(blocks, "close", None):
                close()
            self._transcript.record(
                at=at,
                host=environ.get("HTTP_HOST", ""),
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
                query=environ["QUERY_STRING"],
                status=answer.status,
                request_bytes=meter.count,
                response_bytes=sent,
                stranger=environ.get("tagseal.stranger", False) and answer.status >= HTTPStatus.BAD_REQUEST,
                note=environ.get("tagseal.note", "" if whole else "the client went away"),
            )
        yield held


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Meter(io.RawIOBase):
    """Count the bytes of a request's body on their way to the application."""

    def __init__(self, stream: _Readable) -> None:
        """Wrap ``wsgi.input``."""
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer from the body."""
        view = memoryview(cast("bytearray", buffer))
        block = self._stream.read(len(view))
        view[: len(block)] = block
        self.count += len(block)
        return len(block)

    def drain(self) -> None:
        """Read what the application left, in blocks: the server would read it in one piece."""
        while block := self._stream.read(_BLOCK):
            self.count += len(block)


class _Answer:
    """Remember the status that goes by."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self.status = 0

    def __call__(
        self, status: str, headers: list[tuple[str, str]], error: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        self.status = int(status[:3])
        return self._start_response(status, headers, error)
