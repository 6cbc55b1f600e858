"""What is called a unit test stays in its process: what does not is found out, whatever it asserts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def bind() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


def connect() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect_ex("/nowhere")


def look_up() -> None:
    socket.getaddrinfo("127.0.0.1", 80, flags=socket.AI_NUMERICHOST)


def start() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def fork() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def start_in_a_thread() -> None:
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()


@pytest.mark.xfail(raises=AssertionError, strict=True, reason="its act is what is found out")
@pytest.mark.parametrize("act", [bind, connect, look_up, start, fork, start_in_a_thread])
def test_a_unit_test_that_leaves_its_process_fails(act: Callable[[], None]) -> None:
    """A socket or a process fails the test that made it, although nothing else is wrong."""
    act()


def test_a_unit_test_that_stays_in_its_process_passes() -> None:
    """Files, threads and pairs of sockets are its own."""
    for one in socket.socketpair():
        one.close()
