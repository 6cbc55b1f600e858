"""The processes of a rehearsal, as somebody beside it sees them: its tree, and the tokens that its jobs are given."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

GIVEN = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def tree(root: int) -> set[int]:
    """Return this process and everything that descends from it."""
    parents: dict[int, int] = {}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):  # noqa: PTH208 - processes end while we look
        with suppress(OSError, IndexError):
            parents[pid] = int(_status(pid)[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def running(pids: set[int]) -> set[int]:
    """Return those that still run; what has ended and waits to be asked does not."""
    found = set()
    for pid in pids:
        with suppress(OSError, IndexError):
            if _status(pid)[0] not in "ZX":
                found.add(pid)
    return found


def _status(pid: int) -> list[str]:
    """Return what proc(5) says behind the name in parentheses: state, parent and more."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


class Watch:
    """Look at a tree of processes all the time, until the block ends."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seen: set[int] = set()
        self.tokens: dict[str, set[str]] = {name: set() for name in (*GIVEN, "password")}
        """What the jobs' environments gave them, by name."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            for pid in tree(self._root):
                self.seen.add(pid)
                with suppress(OSError):
                    self._note(Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace"))
            time.sleep(0.02)

    def _note(self, environ: str) -> None:
        if not re.search(r"(^|\0)TAGSEAL_TRUST_CONFIG=", environ):
            return
        for name, _, value in (pair.partition("=") for pair in environ.split("\0")):
            if name in GIVEN and value:
                self.tokens[name].add(value)
            if name == "HTTPS_PROXY":
                self.tokens["password"].add(urlsplit(value).password or "")
