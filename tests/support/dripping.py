"""Servers that answer as no service does: a byte now and then, or without end. They give up, for a test that would not.

A rule about such a server holds on a machine of any speed: what is slow itself makes the request end all the sooner.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Act = Callable[[socket.socket], None]

PAUSE = 0.02
"""Seconds between two bytes: far fewer than any timeout for silence."""
DRIPS = 3_000
"""Bytes after which a server ends its answer, as if all were well: a minute."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip_head(client: socket.socket) -> None:
    """Send a header that goes on and on."""
    client.recv(1 << 16)
    client.sendall(HEAD + b"X-Filler: ")
    _drip(client)
    client.sendall(b"\r\nContent-Length: 2\r\n\r\n{}")


def drip_body(client: socket.socket) -> None:
    """Send the head of an answer, and then its body, a space at a time."""
    client.recv(1 << 16)
    client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (DRIPS + 2))
    _drip(client)
    client.sendall(b"{}")


def read_slowly(client: socket.socket) -> None:
    """Read what is sent, a little at a time."""
    for _ in range(DRIPS):
        client.recv(16)
        time.sleep(PAUSE)
    while client.recv(1 << 20):
        pass


def pour(client: socket.socket) -> None:
    """Send a body of 256 MiB as fast as it is taken."""
    client.recv(1 << 16)
    client.sendall(HEAD + b"\r\n")
    for _ in range(256):
        client.sendall(b" " * (1 << 20))


@contextmanager
def server(act: Act) -> Iterator[str]:
    """Let ``act`` answer each connection; give the server's address, plain HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, act), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _drip(client: socket.socket) -> None:
    for _ in range(DRIPS):
        client.sendall(b" ")
        time.sleep(PAUSE)


def _serve(listening: socket.socket, act: Act) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client, act), daemon=True).start()


def _answer(client: socket.socket, act: Act) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client, suppress(OSError):  # whoever asked has gone
        act(client)
