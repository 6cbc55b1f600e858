"""Nox in a release's jobs: the noxfile that this tool ships, never the project's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.pipeline import VERBS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

LINE = 'nox --noxfile "$(python -P -m tagseal noxfile)" -s guard sign'
"""As the workflow's template has it."""
REFUSED = "got no GitHub Actions run, expected one that a tag started"
TRAP = """
# /// script
# dependencies = ["trap-that-is-no-package"]
# ///
import pathlib
pathlib.Path("trap").touch()
import nox
@nox.session
def guard(session): pathlib.Path("trap").touch()
"""


def run(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line as a job does, with the interpreter of this environment first on PATH."""
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120 - no link is followed
    environ = {"PATH": path, "HOME": str(folder), **variables}
    return subprocess.run(
        [shutil.which("bash") or "bash", "-e", "-c", line],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"NOX_SCRIPT_MODE": "fresh"},
        {"NOX_DEFAULT_VENV_BACKEND": "virtualenv"},
        {"NOX_ENVDIR": "envs"},
        {"NOXFILE": "noxfile.py"},
        {"NOXSESSION": "trap"},
        {"NOXFORCEPYTHON": "3.12"},
        {"NOX_PARALLEL": "auto"},
        {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"},
    ],
)
def test_the_projects_noxfile_is_not_loaded(tmp_path: Path, variables: dict[str, str]) -> None:
    """The verbs run where Nox was invoked, by this interpreter, and stop at the first that fails."""
    names = ("noxfile.py", "pip.py", "typing.py", "enum.py", "nox.py", "tagseal.py")
    widget.write(tmp_path / "project", dict.fromkeys(names, TRAP))
    done = run(LINE, tmp_path / "project", **variables)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert said.count(REFUSED if "GITHUB_REF" not in variables else "error: got 'refs/heads/main'") == 1
    assert {path.name for path in (tmp_path / "project").iterdir()} == set(names)


def test_no_noxfile_is_better_than_the_projects(tmp_path: Path) -> None:
    """Where the tool cannot be asked for its noxfile, Nox fails: it does not fall back to what lies here."""
    widget.write(tmp_path / "project", {"noxfile.py": TRAP})
    done = run('nox --noxfile "$(python -P -m no_such_tool noxfile)" -s guard', tmp_path / "project")
    assert done.returncode != 0
    assert not (tmp_path / "project" / "trap").exists()


def test_the_noxfile_has_every_verb_and_a_bare_nox_runs_none(tmp_path: Path) -> None:
    """A session each, none of them selected by itself."""
    done = run('nox --noxfile "$(python -P -m tagseal noxfile)" --list', tmp_path / "project")
    listed = [line.split() for line in done.stdout.splitlines() if line.startswith(("- ", "* "))]
    assert [(words[0], words[1]) for words in listed] == [("-", name) for name in (*VERBS, "rehearse")]


@pytest.mark.parametrize("above", [True, False], ids=["above", "below"])
def test_a_session_with_a_verbs_name_is_an_error(tmp_path: Path, *, above: bool) -> None:
    """Beside `register()` it would run in the verb's place, with the token that the verb gets."""
    own = "@nox.session\ndef publish(session): print('its own')\n"
    register = "tagseal.sessions.register()\n"
    text = f"import nox, tagseal.sessions\n{own + register if above else register + own}"
    widget.write(tmp_path / "project", {"noxfile.py": text})
    done = run("nox -s publish", tmp_path / "project")
    assert done.returncode == 1
    said = (
        "got sessions of this noxfile named publish" if above else "The session 'publish' has already been registered"
    )
    assert said in done.stderr
    assert "its own" not in done.stdout


def test_a_session_called_rehearse_stays(tmp_path: Path) -> None:
    """It is no verb: a project may rehearse in its own way."""
    text = "import nox, tagseal.sessions\n@nox.session\ndef rehearse(session): print('its own')\n"
    widget.write(tmp_path / "project", {"noxfile.py": f"{text}tagseal.sessions.register()\n"})
    done = run("nox --no-venv -s rehearse", tmp_path / "project")
    assert (done.returncode, done.stdout) == (0, "its own\n")
