"""Children: what they are given, what is kept of them, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagseal.errors import ServiceError, UsageError
from tagseal.machine import process

pytestmark = pytest.mark.system

SLOW = "import time; time.sleep({} / 20)"
SLEEPERS = "import subprocess, sys, time; subprocess.Popen(['sleep', '987']); print('up', flush=True); "


def python(code: str, cwd: Path, **options: object) -> process.Finished:
    return process.run([sys.executable, "-c", code], cwd=cwd, environ={}, **options)  # type: ignore[arg-type]


def sleepers(session: int) -> list[str]:
    """Return the processes of a session that still run, a moment after they were killed."""
    time.sleep(0.1)
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def test_a_child_gets_exactly_what_it_is_given(tmp_path: Path) -> None:
    """Argv, folder, standard input and the whole environment are the caller's; nothing is inherited."""
    code = "import os, sys; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.getcwd(), sys.stdin.read(), sys.argv[1:])"
    finished = process.run(
        [sys.executable, "-c", code, "$(id)", "a b"], cwd=tmp_path, environ={"A": "1"}, stdin=b"said"
    )
    assert finished.output == f"['A'] {tmp_path.resolve()} said ['$(id)', 'a b']\n"
    assert (finished.code, finished.errors, finished.cut) == (0, "", False)


def test_the_streams_are_kept_apart_and_the_exit_code_is_told(tmp_path: Path) -> None:
    """Without a log, output and errors are two texts; bytes that are no UTF-8 are replaced."""
    finished = python("import sys; sys.stdout.buffer.write(b'a\\xff'); sys.stderr.write('b'); sys.exit(7)", tmp_path)
    assert (finished.code, finished.output, finished.errors) == (7, "a\ufffd", "b")


def test_a_log_takes_both_streams_whole_and_in_order(tmp_path: Path) -> None:
    """The log on disk has everything, in the order in which it was written; memory keeps its end."""
    log = tmp_path / "log"
    code = "import os\nfor _ in range(2**9): os.write(1, b'o' * 2**16); os.write(2, b'e' * 2**16)\nos.write(1, b'end')"
    finished = python(code, tmp_path, log=log)
    assert log.stat().st_size == 2**26 + 3
    assert len(finished.output) == 2**25
    assert finished.output.endswith("eeeend")
    assert (finished.errors, finished.cut) == ("", True)


def test_a_missing_program_is_the_callers_to_install(tmp_path: Path) -> None:
    """A program that is not on the child's own PATH is a usage error that names it."""
    with pytest.raises(UsageError) as caught:
        process.run(["git"], cwd=tmp_path, environ={"PATH": str(tmp_path)})
    assert (caught.value.slug, str(caught.value)) == ("missing-tool", "got no program git, expected it on PATH")


def test_a_child_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """At the timeout the whole session ends, and the error says that one may try again."""
    log = tmp_path / "log"
    with pytest.raises(ServiceError) as caught:
        python(SLEEPERS + "import os; print(os.getpid(), flush=True); time.sleep(987)", tmp_path, log=log, timeout=1)
    assert caught.value.slug == "tool-timeout"
    assert sleepers(int(log.read_text().split()[-1])) == []


def test_a_child_that_ends_takes_its_children_along(tmp_path: Path) -> None:
    """Nothing that a child started outlives it, and nothing that it left makes us wait."""
    begun = time.monotonic()
    finished = python(SLEEPERS + "import os; print(os.getpid())", tmp_path)
    assert time.monotonic() - begun < 5
    assert sleepers(int(finished.output.split()[-1])) == []


HIDDEN = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        open('hidden', 'w').write(str(os.getpid()))
        time.sleep(987)
    os._exit(0)
while not (os.path.exists('hidden') and os.path.getsize('hidden')): time.sleep(0.01)
"""


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through prctl(2)")
@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)"])
def test_a_child_that_hides_in_another_session_does_not_outlive_the_first(tmp_path: Path, end: str) -> None:
    """A daemon, forked twice and with a session of its own, ends with the child that started it, however that ends."""
    finished = python(HIDDEN + end, tmp_path)
    assert finished.code == (-9 if end else 0)
    assert not running(int((tmp_path / "hidden").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through prctl(2)")
def test_children_of_others_are_left_alone(tmp_path: Path) -> None:
    """What this process started by itself, and what runs side by side, is no orphan."""
    theirs = subprocess.Popen([sys.executable, "-c", SLOW.format(9000)], start_new_session=True)
    try:
        with ThreadPoolExecutor(4) as pool:
            codes = [one.code for one in pool.map(lambda number: python(SLOW.format(number), tmp_path), range(8))]
        assert codes == [0] * 8
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, or the end that a runner asks for, at any moment ends a child that ignores the request as well."""
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPERS
    stubborn += "open('up', 'w').write(str(os.getpid())); time.sleep(987)"
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    code = (
        "import signal, sys; from pathlib import Path; from tagseal.machine import process\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        f"process.run([sys.executable, '-c', {stubborn!r}], cwd=Path(), environ={{}})"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL)
    up = tmp_path / "up"
    while not (up.exists() and up.read_text()):
        time.sleep(0.05)
    ours.send_signal(number)
    time.sleep(0.5)
    ours.send_signal(number)
    assert ours.wait(4) != 0
    assert sleepers(int(up.read_text())) == []


def test_the_tail_is_fit_to_be_shown() -> None:
    """The last lines, without empty ones and without anything that could rewrite a terminal."""
    assert process.tail("a\n\nb\x1b[2J\nc\n", 2) == ("b\\u001b[2J", "c")
