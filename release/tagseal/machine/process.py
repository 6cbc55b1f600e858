"""Children: the only place that starts one, and that none outlives.

A child leads a session of its own, so that everything it starts can be ended with it; what left that session is ended
as an orphan. What a child writes goes to files, not to pipes: it never waits for us, and a process that it leaves
behind cannot keep us waiting.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tagseal.errors import ServiceError, UsageError
from tagseal.machine import orphans
from tagseal.machine.threads import current_interrupt
from tagseal.names import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
WAY_OUT = (*PROXIES, "NO_PROXY", "no_proxy", *CERTIFICATES)
"""Variables by which programs reach the network as it is here: no secret but a proxy's own password."""

_KEPT = 32 * 1024 * 1024
"""Bytes of each stream that are kept in memory: its end."""
_GRACE = 5.0
"""Seconds between the request to end and the end."""
_LOOK = 0.2
"""Seconds between two looks at whether the work of this thread was interrupted."""
_ROOM = 1024 * 1024
"""Bytes that are free on a disk where a program can be expected to work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A child that has ended."""

    argv: tuple[str, ...]
    code: int
    """Exit code; negative: the signal that ended it."""
    output: str
    """Standard output, its end where it was very long; with a log, both streams in the order written."""
    errors: str
    """Standard error; empty with a log."""
    seconds: float
    cut: bool = False
    """Whether a stream was longer than what is kept: its beginning is missing."""


def run(  # noqa: PLR0913 - each is a fact about a child; six are by name
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    started: Callable[[int], object] = bool,
) -> Finished:
    """Run a program to its end, in exactly this environment, and give what it wrote.

    Args:
        argv: The program, looked up on the PATH of ``environ``, and its arguments; no shell reads them.
        cwd: The folder that it starts in.
        environ: Its whole environment.
        log: File that both streams are written to, whole.
        stdin: What it can read; nothing by default.
        timeout: Seconds that it may take.
        started: Told the number of its process, which is that of its group as well.

    Raises:
        UsageError: There is no such program; or it failed where nothing can be written, not even its words.
        ServiceError: It took longer than ``timeout``.
        KeyboardInterrupt: Whoever waits for this thread was interrupted.
    """
    interrupt = current_interrupt()
    begun = time.monotonic()
    with interrupt.hold() if interrupt else nullcontext(), ExitStack() as files:
        source = files.enter_context(tempfile.TemporaryFile())
        source.write(stdin or b"")
        source.seek(0)
        output = files.enter_context(_stream(log))
        errors = None if log else files.enter_context(tempfile.TemporaryFile())
        streams = (source, output, subprocess.STDOUT if errors is None else errors)
        with _child(argv, cwd, environ, streams) as child:
            started(child.pid)
            code = _wait(child, argv, timeout)
        if code != 0 and log is None:
            _room(argv[0])
        return Finished(
            argv=tuple(argv),
            code=code,
            output=_end(output),
            errors="" if errors is None else _end(errors),
            seconds=time.monotonic() - begun,
            cut=any(stream.seek(0, os.SEEK_END) > _KEPT for stream in (output, errors) if stream),
        )


def tail(text: str, lines: int = 20) -> tuple[str, ...]:
    """Return the last lines that are not empty, fit to be shown."""
    return tuple(printable(line.rstrip()) for line in text.splitlines() if line.strip())[-lines:]


@contextmanager
def _child(
    argv: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes], IO[bytes] | int],
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a child in a session of its own; whatever happens, nothing of that session is left."""
    source, output, errors = streams
    with orphans.end_orphans() as start:
        try:
            child = start(
                lambda: subprocess.Popen(
                    argv, cwd=cwd, env=environ, stdin=source, stdout=output, stderr=errors, start_new_session=True
                )
            )
        except (FileNotFoundError, PermissionError) as error:
            if not cwd.is_dir():
                raise
            raise UsageError(
                f"got no program {argv[0]}, expected it on PATH",
                hint=f"Install {argv[0]}, then run the same command again.",
                slug="missing-tool",
            ) from error
        try:
            yield child
        finally:
            _end_session(child)


def _wait(child: subprocess.Popen[bytes], argv: Sequence[str], timeout: float | None) -> int:
    try:
        return _poll(child, timeout)
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            f"got no end of {argv[0]} within {timeout:g} seconds, expected one",
            hint="{Rerun}.",
            slug="tool-timeout",
        ) from error


def _poll(child: subprocess.Popen[bytes], timeout: float | None) -> int:
    """Wait for a child; no signal interrupts a thread, so that one has to look."""
    interrupt = current_interrupt()
    if interrupt is None:
        return child.wait(timeout)
    until = math.inf if timeout is None else time.monotonic() + timeout
    while not interrupt.came:
        left = until - time.monotonic()
        try:
            return child.wait(max(0.0, min(left, _LOOK)))
        except subprocess.TimeoutExpired:
            if left <= _LOOK:
                raise
    raise KeyboardInterrupt


def _room(program: str) -> None:
    """Tell a full disk from a program's own failure: a full disk takes the words from it."""
    if shutil.disk_usage(tempfile.gettempdir()).free < _ROOM:
        raise no_room("", program)


def no_room(path: str, program: str) -> UsageError:
    """Return the error for a disk that has no room: the one of this path, or that of temporary files."""
    place = Path(path or tempfile.gettempdir())
    place = next(above for above in (place, *place.parents) if above.is_dir())
    free = shutil.disk_usage(place).free
    return UsageError(
        f"got {free:,} free bytes in {place}, where {program} failed, expected {_ROOM:,} at least",
        hint="Make room there, or set TMPDIR to a folder with more; then run the same command again.",
        slug="disk-full",
    )


def _end_session(child: subprocess.Popen[bytes]) -> None:
    """Ask a child that still runs to end, then end its session; a second interrupt only shortens the grace."""
    try:
        if child.poll() is None:
            _signal(child, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
    finally:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the session is empty; macOS says it with the latter
        os.killpg(child.pid, number)


def _stream(log: Path | None) -> IO[bytes]:
    return log.open("w+b") if log else tempfile.TemporaryFile()


def _end(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _KEPT))
    return stream.read().decode("utf-8", "replace")
