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


def bind() -> bool:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return bool(one.getsockname()[1])


def connect() -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex("/nowhere") != 0


def look_up() -> bool:
    return socket.getaddrinfo("127.0.0.1", 80, flags=socket.AI_NUMERICHOST) != []


def start() -> bool:
    return subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0


def fork() -> bool:
    if (child := os.fork()) == 0:
        os._exit(0)
    return os.waitpid(child, 0) == (child, 0)


def start_in_a_thread() -> bool:
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    return not thread.is_alive()


@pytest.mark.xfail(raises=pytest.fail.Exception, strict=True, reason="its act is what is found out")
@pytest.mark.parametrize("act", [bind, connect, look_up, start, fork, start_in_a_thread])
def test_a_unit_test_that_leaves_its_process_fails(act: Callable[[], bool]) -> None:
    """A socket or a process fails the test that made it, although nothing else is wrong."""
    assert act()


def test_a_unit_test_that_stays_in_its_process_passes() -> None:
    """Files, threads and pairs of sockets are its own."""
    first, second = socket.socketpair()
    with first, second:
        first.sendall(b"x")
        assert second.recv(1) == b"x"
