"""Warm processes: jobs, and the tools of the notes, run where everything has been imported already.

1. Two servers are forked while this process has one thread only. A line in a server's pipe is a request; its exit code
   comes back in a pipe of that name.
2. For a job, the server forks a machine, and never waits for it. Once the job has ended, however it has, nothing that
   it started is left there.
3. Tools are run by the other server itself, one after the other: forking would take longer than they do. The shim of a
   tool sends its process id: arguments, folder and environment are that process's own (proc(5)).
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import importlib
import itertools
import json
import os
import pkgutil
import select
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Self

import stamina

import tagseal
from torturing.death import Death, doom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LONGEST = 60
"""Seconds after which a job counts as hanging, and is ended by SIGALRM."""
STANDING_IN = ("gh", "cosign")
_ATTEMPTS = 3
_END = "end"
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_COLD = ("tagseal.__main__", "tagseal.sessions", "tagseal.noxfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run of the command line."""

    argv: Sequence[str]
    environ: Mapping[str, str] = dataclasses.field(repr=False)
    cwd: str
    log: str
    """File that both streams go to."""
    death: Death | None = None


class Warm:
    """The other end of both servers; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Import everything, and fork the servers; this process must have no other thread."""
        assert threading.active_count() == 1, "a fork beside threads may hang"
        folder.mkdir(parents=True)
        self._folder = folder
        self._numbers = itertools.count(1)
        _import_everything()
        self._servers = {
            _serve(folder, "jobs", lambda name: _forked(folder, name)): "jobs",
            _serve(folder, "tools", lambda name: _answer(folder / name, _tool(folder, name))): "tools",
        }

    def run(self, order: Order) -> int:
        """Run a job to its end; return its exit code, negative for the signal that ended it."""
        name = f"job-{next(self._numbers)}"
        (self._folder / f"{name}.order").write_text(json.dumps(dataclasses.asdict(order)), encoding="utf-8")
        os.mkfifo(self._folder / name)
        answer = os.open(self._folder / name, os.O_RDWR)
        try:
            self._ask("jobs", name)
            readable, _, _ = select.select([answer], [], [], 2 * LONGEST)
            assert readable, "the server of jobs does not answer"
            return int(os.read(answer, 16))
        finally:
            os.close(answer)

    def kill(self) -> None:
        """Kill the job that runs."""
        with suppress(ProcessLookupError):  # it has ended, and a tool goes on
            os.kill(int((self._folder / "running").read_text(encoding="ascii")), signal.SIGKILL)

    def shims(self, folder: Path, trusted: Path) -> None:
        """Write a shim for every tool that is played here; ``trusted`` is the folder with the loopback's trust."""
        folder.mkdir()
        (self._folder / "trusted").symlink_to(trusted)
        for name in ("sigstore", *STANDING_IN):
            (folder / name).write_text(_SHIM.format(folder=self._folder), encoding="utf-8")
            (folder / name).chmod(0o755)

    def _ask(self, server: str, name: str) -> None:
        (self._folder / server).write_text(f"{name}\n", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid, name in self._servers.items():
            self._ask(name, _END)
            os.waitpid(pid, 0)


_SHIM = """#!/bin/sh
at={folder}/$$
[ -p $at ] || mkfifo $at
exec 3<>$at
echo $$ >{folder}/tools
read code <&3
[ -s $at.out ] && cat $at.out
[ -s $at.err ] && cat $at.err >&2
exit $code
"""


def end_with_parent() -> None:
    """Be killed as soon as the parent of this process has ended, however it has."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _import_everything() -> None:
    for module in pkgutil.walk_packages(tagseal.__path__, "tagseal."):
        if module.name not in _COLD:
            importlib.import_module(module.name)
    stamina.set_testing(True, attempts=_ATTEMPTS)
    gc.collect()
    gc.freeze()


def _serve(folder: Path, name: str, handle: Callable[[str], object]) -> int:
    """Fork a server that handles every request until it is told to end; return its process id."""
    os.mkfifo(folder / name)
    server = os.fork()
    if server == 0:
        end_with_parent()
        with (folder / name).open("r+b", buffering=0) as requests:
            for line in requests:
                if (request := line.decode().strip()) == _END:
                    break
                handle(request)
        os._exit(0)
    return server


def _forked(folder: Path, name: str) -> None:
    """Fork a machine for a job; who asked waits for the answer, and nobody for the machine."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _answer(folder / name, _machine(folder, name))
        os._exit(0)


def _answer(pipe: Path, code: int) -> None:
    with suppress(OSError):  # who asked has been killed meanwhile
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        os.write(descriptor, f"{code}\n".encode())
        os.close(descriptor)


def _tool(folder: Path, name: str) -> int:
    """Run a tool for the shim with this process id."""
    process = Path("/proc", name)
    try:
        _, shim, *arguments = (process / "cmdline").read_text().removesuffix("\0").split("\0")
        pairs = (process / "environ").read_text().removesuffix("\0").split("\0")
        os.chdir(process / "cwd")
    except OSError:
        return 1  # it was killed meanwhile
    _become(dict(pair.split("=", 1) for pair in pairs))
    for stream, ending in ((1, "out"), (2, "err")):
        file = os.open(folder / f"{name}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)
        os.close(file)
    _begin_streams()
    try:
        return _exit_code(lambda: _played(Path(shim).name, arguments, folder / "trusted"))
    except Exception:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        return 1


def _played(tool: str, arguments: list[str], trusted: Path) -> object:
    from tagseal.rehearsal.tools import standins  # noqa: PLC0415 - imported already, in the server

    if tool in STANDING_IN:
        return standins.main([tool, str(trusted / "trusted_root.json"), *arguments])
    (found,) = entry_points(group="console_scripts", name="sigstore")
    sys.argv = ["sigstore", "--trust-config", str(trusted / "trust.json"), *arguments]
    return found.load()()


def _machine(folder: Path, name: str) -> int:
    """Run a job, and end with it whatever it started."""
    end_with_parent()
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)
    order = json.loads((folder / f"{name}.order").read_text(encoding="utf-8"))
    death = order.pop("death")
    reading, writing = os.pipe()
    job = os.fork()
    if job == 0:
        (folder / "running").write_text(str(os.getpid()), encoding="ascii")  # before anything that could be killed
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        _begin_streams()
        os._exit(_job(Order(**order, death=Death(**death) if death else None)))
    os.close(writing)
    with os.fdopen(reading, "rb") as said, Path(order["log"]).open("wb") as log:
        log.writelines(said)
    _, status = os.waitpid(job, 0)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := children.read_text(encoding="ascii").split():
        for pid in map(int, left):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _job(order: Order) -> int:
    from tagseal.cli import main  # noqa: PLC0415 - imported already, in the server

    end_with_parent()
    os.setsid()
    os.chdir(order.cwd)
    _become(order.environ)
    signal.alarm(LONGEST)
    if order.death is not None:
        doom(order.death)
    return _exit_code(lambda: main(list(order.argv)))


def _become(environ: Mapping[str, str]) -> None:
    """Take over an environment, and forget what was derived from another one."""
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None


def _begin_streams() -> None:
    """Open both streams anew, as an interpreter does: what they lead to now may be a pipe, which cannot seek."""
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)


def _exit_code(program: Callable[[], object]) -> int:
    """Run a program as the interpreter would, to its exit code."""
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)
