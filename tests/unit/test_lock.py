"""One run at a time: who holds the lock is told, and the kernel gives it back."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import Refused
from tagseal.machine.files import remove_leftovers
from tagseal.machine.lock import hold_lock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import pathlib, subprocess, sys
from tagseal.machine.lock import hold_lock
with hold_lock(pathlib.Path(sys.argv[1]), "`tagseal run sign`"):
    child = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
    subprocess.run([sys.executable, "-c", child], close_fds=False)
"""


def test_the_other_one_is_told_who_holds_it(tmp_path: Path) -> None:
    """Its verbs, its process, its machine, since when; nothing of the other's is written."""
    path = tmp_path / "v1" / ".lock"
    with hold_lock(path, "`tagseal run plan build check`"):
        words = path.read_text()
        with pytest.raises(Refused) as caught, hold_lock(path, "`tagseal run sign`"):
            pytest.fail("two hold it")
        assert path.read_text() == words
    assert caught.value.slug == "run-under-way"
    assert caught.value.what == "got another run at work in dist/v1/, expected this one alone"
    who = f"`tagseal run plan build check`, process {os.getpid()} on {platform.node()}, since 2"
    assert caught.value.context[0].startswith(f"it says: '{who}")


@pytest.mark.system
def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """SIGKILL leaves the file, and perhaps a child; the next run takes the lock and says who it is."""
    path = tmp_path / ".lock"
    argv = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        child = int(holder.stdout.readline())
        with pytest.raises(Refused, match="another run"), hold_lock(path, "mine"):
            pytest.fail("two hold it")
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        assert path.read_text().startswith("`tagseal run sign`, process ")
        os.kill(child, 0)  # it lives, and holds nothing
        with hold_lock(path, "mine"):
            assert path.read_text().startswith("mine, process ")


def test_what_a_file_from_elsewhere_says_steers_nothing(tmp_path: Path) -> None:
    """A file that came with a folder locks nothing; a link in its place is not followed."""
    (tmp_path / ".lock").write_bytes(b"\x1b[2J" * 1000)
    with hold_lock(tmp_path / ".lock", "mine"):
        assert "\x1b" not in (tmp_path / ".lock").read_text()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(Refused, match=f"'{name}'"), hold_lock(tmp_path / name, "mine"):
            pytest.fail("something else was taken for a file")
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_swept_lies_in_the_work_folder(tmp_path: Path) -> None:
    """Unfinished files, hidden folders and hidden links go; nothing that a link leads to does."""
    work, person = tmp_path / "work", tmp_path / "person"
    (person / ".ssh").mkdir(parents=True)
    (person / ".key.part").touch()
    (work / ".asset-x").mkdir(parents=True)
    (work / ".asset-x" / ".deeper").mkdir()
    (work / ".a.part").touch()
    for name in (".hidden", ".asset-x/inside", "seen"):
        (work / name).symlink_to(person)
    (work / ".b.part").symlink_to(person / ".key.part")
    (work / ".lock").touch()
    remove_leftovers(work)
    assert sorted(path.name for path in work.iterdir()) == [".lock", "seen"]
    assert sorted(path.name for path in person.iterdir()) == [".key.part", ".ssh"]
