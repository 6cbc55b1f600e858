"""Ctrl-C at any moment: the exit code, no process, and no temporary file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import widget
from processes import Watch, running
from rehearsing import CHANGELOG, COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc"),
    pytest.mark.sampled(5),
]

STUBBORN = """
import os, pathlib, signal, sys, time
def hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    pathlib.Path("LAIR", "hanging").touch()
    time.sleep(600)
"""
DYNAMIC = {"pyproject.toml": widget.files()["pyproject.toml"].replace('version = "1.2.3"', 'dynamic = ["version"]')}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A rehearsal that is over."""

    code: int
    told: str
    out: Path
    temporary: Path
    survivors: set[int]
    seconds: float
    """From the first Ctrl-C to the end."""


def played(
    folder: Path,
    moment: str | Callable[[int], bool] | None,
    *,
    changed: dict[str, str] | None = None,
    environ: dict[str, str] | None = None,
    presses: int = 1,
) -> Ended:
    """Start a rehearsal as a terminal does, in a group of its own; press Ctrl-C when the moment has come.

    The moment is the beginning of a line of the story, or what is asked of the process; None lets it end.
    """
    widget.commit(folder / "widget", {**widget.files(), "CHANGELOG.md": CHANGELOG, **(changed or {})})
    temporary, out = folder / "tmp", folder / "out"
    temporary.mkdir()
    lines: list[str] = []
    with subprocess.Popen(
        [*COMMAND, "rehearse", "--out", str(out)],
        cwd=folder / "widget",
        env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary), **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as child:
        assert child.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(iter(child.stdout.readline, ""),))
        reader.start()
        with Watch(child.pid) as watch:
            if moment is not None:
                until(lambda: moment(child.pid) if callable(moment) else any(map(told(moment), lines)), child)
            begun = time.monotonic()
            for _ in range(presses if moment is not None else 0):
                os.killpg(child.pid, signal.SIGINT)
                time.sleep(0.05 if presses > 1 else 0)
            code = child.wait(600)
        reader.join()
    return Ended(
        code=code,
        told="".join(lines),
        out=out,
        temporary=temporary,
        survivors=running(watch.seen),
        seconds=time.monotonic() - begun,
    )


def told(beginning: str) -> Callable[[str], bool]:
    return lambda line: line.startswith(beginning)


def until(come: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600
    while not come():
        assert child.poll() is None, "it ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.005)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def clean(ended: Ended) -> None:
    """Hold what is true after an interrupt at any moment."""
    assert ended.survivors == set()
    assert left(ended.temporary) == []
    assert (ended.code, "Traceback" in ended.told, "error:" in ended.told) == (130, False, False), ended.told
    assert ended.told.splitlines()[-1].startswith("interrupted")


@pytest.mark.parametrize("moment", ["widget 1.2.3", "plan", "check", "upload"])
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    """After each line of the story: exit code 130, one word about it, no process, no temporary file."""
    clean(played(tmp_path, moment))


@pytest.mark.parametrize("seconds", [0, 0.05, 0.1, 0.2])
def test_ctrl_c_before_the_first_word_is_an_interrupt_too(tmp_path: Path, seconds: float) -> None:
    """While the program starts again with a clean environment the exit code is the same, and there is no traceback."""

    def shed(pid: int) -> bool:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        come = environ.startswith(b"PATH=") and b"SHED=" not in environ
        time.sleep(seconds if come else 0)
        return come

    ended = played(tmp_path, shed, environ={"SHED": "1"})
    assert (ended.code, ended.told) in {(130, ""), (130, "interrupted; run the same command again, it resumes\n")}
    assert ended.survivors == set()
    assert left(ended.temporary) == []


@pytest.mark.parametrize("presses", [1, 40])
@pytest.mark.parametrize("dynamic", [True, False], ids=["metadata", "build"])
def test_ctrl_c_ends_a_build_that_does_not_want_to_end(tmp_path: Path, presses: int, *, dynamic: bool) -> None:
    """A back end that ignores signals and hides a process ends as well; impatience changes nothing."""
    lair = tmp_path / "lair"
    lair.mkdir()
    changed = {"backend.py": STUBBORN.replace("LAIR", str(lair)) + "hang()\n"} | (DYNAMIC if dynamic else {})
    ended = played(tmp_path, lambda _: (lair / "hanging").exists(), changed=changed, presses=presses)
    clean(ended)
    assert ended.seconds < 300, "it waited for the build, which sleeps for twice as long"


@pytest.mark.parametrize("moment", ["check", "attacks"])
def test_pressing_ctrl_c_again_and_again_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    """Cleaning up is not interrupted by the next press."""
    clean(played(tmp_path, moment, presses=60))


def test_a_failure_leaves_no_process_and_no_temporary_file(tmp_path: Path) -> None:
    """A build that fails, and leaves a process behind, leaves what was told, and nothing else."""
    lair = tmp_path / "lair"
    lair.mkdir()
    steal = "def build_sdist(*_):\n    if os.fork() == 0: hang()\n    raise SystemExit('no')\n"
    backend = widget.BACKEND + STUBBORN.replace("LAIR", str(lair)) + steal
    ended = played(tmp_path, None, changed={"backend.py": backend})
    assert (ended.code, "build-failed" in ended.told) == (2, True), ended.told
    assert ended.survivors == set()
    assert left(ended.temporary) == []


def test_ctrl_c_ends_a_command_in_the_loopback(tmp_path: Path) -> None:
    """``tagseal loopback -- COMMAND`` leaves neither the command nor a temporary file."""
    (tmp_path / "tmp").mkdir()
    up = tmp_path / "up"
    with (
        subprocess.Popen(
            [*COMMAND, "loopback", "--out", str(tmp_path / "out"), "--", "sh", "-c", f"touch {up}; exec sleep 600"],
            env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        ) as child,
        Watch(child.pid) as watch,
    ):
        until(up.exists, child)
        os.killpg(child.pid, signal.SIGINT)
        said, _ = child.communicate(timeout=300)
    assert (child.returncode, running(watch.seen), left(tmp_path / "tmp")) == (130, set(), []), said
