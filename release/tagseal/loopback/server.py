"""A WSGI application on 127.0.0.1, served by threads until it is closed.

cheroot keeps connections alive, reads chunked bodies, answers ``Expect: 100-continue`` and hands large bodies
on as they come.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cheroot import wsgi

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

_LOG = logging.getLogger(__name__)


class Server:
    """Serve one application; it starts at once."""

    def __init__(self, application: WSGIApplication, *, threads: int = 32) -> None:
        """Bind a free port and start ``threads`` workers."""
        self._server = _Cheroot(
            ("127.0.0.1", 0), application, numthreads=threads, request_queue_size=128, timeout=60, shutdown_timeout=0.2
        )
        # Workers inherit "daemon" from the thread that starts them: no exit waits for an unclosed server.
        _in_daemon(self._server.prepare).join()
        self._thread = _in_daemon(self._server.serve)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._server.bind_addr
        return str(host), int(port)

    def close(self) -> None:
        """Close every connection and wait for the workers."""
        self._server.stop()
        self._thread.join()


def _in_daemon(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name="loopback server", daemon=True)
    thread.start()
    return thread


class _Gateway(wsgi.Gateway_10):
    """Give the application a way to cut the connection, which WSGI has not."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        # The path was decoded but for the slash, which every host here reads as a slash.
        environ["PATH_INFO"] = environ["PATH_INFO"].replace("%2F", "/").replace("%2f", "/")
        environ["tagseal.cut"] = self._cut
        environ["tagseal.last"] = self._last
        return environ

    def _last(self) -> None:
        self.req.close_connection = True  # and nothing more is read

    def _cut(self) -> None:
        self.req.close_connection = self.req.sent_headers = True  # nothing more is written
        with suppress(OSError):
            self.req.conn.socket.shutdown(socket.SHUT_RDWR)


class _Cheroot(wsgi.Server):
    """Many idle connections, a fast end, a bound for a head, and errors in the log instead of on the terminal."""

    keep_alive_conn_limit = 1000
    max_request_header_size = 1 << 17
    expiration_interval = 0.05

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - cheroot's own
        super().__init__(*arguments, **options)
        self.gateway = _Gateway

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002
        _LOG.log(level, msg, exc_info=traceback)
