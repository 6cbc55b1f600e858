"""Rehearsals that several tests read: each is played once, whichever process of the test run comes first."""

from __future__ import annotations

import fcntl
import os
import pickle
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, TypeVar

import pytest
import requests

import images
import widget
from rehearsing import CHANGELOG, COMMAND, IMAGE, Answer, Ended, Served, command_here, programs, project, rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")

SHELL = ("git", "bash", "sh")
TRICKY = f"""{CHANGELOG}
<script>document.title = "executed"</script>

<img src="/nothing" onerror="document.title = 'executed'"> <b onclick="alert(1)">bold</b>
"""
_LONG = 600
"""Seconds after which something hangs: more than any machine takes."""
AWKWARD = "a \"b' ü\n$(touch canary)"


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], T]], T]:
    """Return a function that plays something once a test run, in a folder of that name; what fails, fails once."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def played(name: str, play: Callable[[Path], T]) -> T:
        folder = shared / name
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            result, failure = folder / "result", folder / "failure"
            if failure.exists():
                pytest.fail(f"{name} failed before: {failure.read_text()}")
            if not result.exists():
                try:
                    result.write_bytes(pickle.dumps(play(folder)))
                except BaseException as error:
                    failure.write_text(repr(error))
                    raise
            found: T = pickle.loads(result.read_bytes())  # noqa: S301 - written above
            return found

    return played


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return ``rehearsing.rehearse`` in this process: only its jobs, where it comes that far, are children."""

    def rehearse_here(path: Path | str, *options: str, out: Path, environ: Mapping[str, str] | None = None) -> Ended:
        argv = ("rehearse", str(path), "--out", str(out), *options)
        return command_here(capfd.readouterr, *argv, out=out, environ=environ)

    return rehearse_here


@pytest.fixture(scope="session")
def served(once: Callable[[str, Callable[[Path], Served]], Served]) -> Served:
    """Give a rehearsal with the tools of this machine, its page visited, told as JSON."""
    return once("served", _serve)


@pytest.fixture(scope="session")
def imaged(once: Callable[[str, Callable[[Path], Ended]], Ended]) -> Ended:
    """Give a rehearsal of a project with an image of two platforms, with the tools of this machine, told as JSON."""

    def play(folder: Path) -> Ended:
        git = project(folder / "widget", IMAGE.format(name="ghcr.io/example/widget"))
        images.archive(images.layout(folder / "layout", attestation=True), git.root / "image.tar")
        return rehearse(git.root, "--json", out=folder / "out")

    return once("imaged", play)


@pytest.fixture(scope="session")
def kitted(once: Callable[[str, Callable[[Path], Ended]], Ended]) -> Ended:
    """Give a rehearsal that goes to PyPI and has a kit, with the tools of this machine, told as JSON."""

    def play(folder: Path) -> Ended:
        git = project(folder / "widget", '\n[tool.tagseal]\nkit = true\nindex = { name = "pypi" }\n')
        return rehearse(git.root, "--json", out=folder / "out")

    return once("kitted", play)


@pytest.fixture(scope="session")
def standing_in(once: Callable[[str, Callable[[Path], Ended]], Ended]) -> Ended:
    """Give a rehearsal with no tool but git and a shell, of a project whose every name is odd."""
    return once("standing-in", _stand_in)


def _serve(folder: Path) -> Served:
    files = {"made/widget+extra.txt": "extra\n", "CHANGELOG.md": TRICKY}
    git = project(folder / "widget", '\n[tool.tagseal]\nassets = ["made/*"]\n', files)
    temporary, output, errors = (folder / name for name in ("tmp", "output", "errors"))
    temporary.mkdir()
    with output.open("w") as to_output, errors.open("w") as to_errors:
        child = subprocess.Popen(
            [*COMMAND, "rehearse", str(git.root), "--out", str(folder / "out"), "--serve", "--json"],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=to_output,
            stderr=to_errors,
        )
        try:
            url = _url(child, errors)
            answers, document = _visited(url), _browsed(url, folder)
            child.send_signal(signal.SIGINT)
            child.wait(_LONG)
        finally:
            child.kill()
    ended = Ended(
        code=child.returncode,
        output=output.read_text(),
        errors=errors.read_text(),
        out=folder / "out",
        leftovers=tuple(sorted(path.name for path in temporary.iterdir())),
    )
    return Served(ended=ended, answers=answers, document=document)


def _url(child: subprocess.Popen[bytes], errors: Path) -> str:
    deadline = time.monotonic() + _LONG
    while time.monotonic() < deadline and child.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:[0-9]+/", errors.read_text()):
            return found[0]
        time.sleep(0.1)
    pytest.fail(f"no page is served: {errors.read_text()}")


def _visited(url: str) -> dict[str, Answer]:
    asked = {
        "page": ("", {}),
        "asset": ("assets/widget+extra.txt", {}),
        "another asset": ("assets/passwd", {}),
        "outside": ("assets/..%2Frelease.json", {}),
        "another host": ("", {"Host": "rebound.example"}),
    }
    with requests.Session() as session:
        session.trust_env = False
        found = {name: session.get(f"{url}{path}", headers=headers) for name, (path, headers) in asked.items()}
    return {
        name: Answer(
            status=one.status_code,
            headers={header.lower(): value for header, value in one.headers.items()},
            body=one.content,
        )
        for name, one in found.items()
    }


def _browsed(url: str, folder: Path) -> str:
    browser = shutil.which("chromium")
    if browser is None:
        return ""
    argv = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}"]
    shown = subprocess.run(
        [*argv, "--dump-dom", "--virtual-time-budget=2000", url], capture_output=True, text=True, timeout=60, check=True
    )
    return shown.stdout


def _stand_in(folder: Path) -> Ended:
    """Rehearse a detached worktree of a shallow clone, in a folder of a strange name, with a submodule."""
    backend = widget.BACKEND
    for old, new in (
        ("PROJECT['name']}-", "PROJECT['name'].lower().replace('.', '_')}-"),
        ('sorted(pathlib.Path(".").glob("*"))', '[*pathlib.Path(".").glob("*"), pathlib.Path("vendor/part.txt")]'),
    ):
        assert old in backend
        backend = backend.replace(old, new)
    pyproject = widget.files()["pyproject.toml"].replace('"widget"', '"Wid.Get_X"')
    shadow = "raise SystemExit('this is the project\\'s, not ours')\n"
    files = {"backend.py": backend, "pyproject.toml": pyproject, "release.py": shadow, "tagseal.py": shadow}
    source = project(folder / "source", files=files)
    source.command("tag", "v1.2.3")
    part = widget.commit(folder / "part", {"part.txt": "a part"})
    local = ("-c", "protocol.file.allow=always")
    source.command(*local, "submodule", "--quiet", "add", str(part.root), "vendor")
    widget.commit(source.root, {"widget.py": "TURNS = 2\n"})
    place = folder / AWKWARD
    place.mkdir()
    source.command(*local, "clone", "--quiet", "--depth=1", f"file://{source.root}", str(place / "clone"))
    clone = type(source).own(place / "clone", os.environ)
    clone.command("fetch", "--quiet", "--depth=1", "origin", "tag", "v1.2.3")
    clone.command("remote", "set-url", "origin", "https://somebody:canary@gitlab.example/octo/widget.git")
    clone.command("worktree", "add", "--quiet", "--detach", str(place / "work tree"), "HEAD")
    tree = type(source).own(place / "work tree", os.environ)
    tree.command(*local, "submodule", "--quiet", "update", "--init")
    (tree.root / "deep").mkdir()
    return rehearse(
        tree.root / "deep", out=place / "out", cwd=place, environ={"PATH": programs(folder / "bin", *SHELL)}
    )
