"""What a release's jobs install, and what only `tagseal[rehearse]` brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from source import ROOT, modules
from tagseal.cli import extra, main
from tagseal.machine.toml import read_toml
from tagseal.project.init.lock import PARTIAL

if TYPE_CHECKING:
    from pathlib import Path

PLAYED = ("tagseal.loopback", "tagseal.rehearsal")
SCAFFOLD = ROOT / "templates" / "scaffold"
PROJECT = read_toml(ROOT / "pyproject.toml")["project"]
NOX = "nox>=2026.4.10"
GUARD = 'nox --noxfile "$(python -P -m tagseal noxfile)" -s guard'
REFUSED = "got no GitHub Actions run, expected one that a tag started"


def locked(*names: str) -> dict[str, str]:
    """Return the version of each package in lock files."""
    texts = [(SCAFFOLD / name).read_text(encoding="utf-8") for name in names]
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", "\n".join(texts), re.MULTILINE))


@pytest.mark.parametrize(
    "command", [["rehearse"], ["rehearse", "--fault", "list"], ["loopback", "--", "true"], ["loopback"]]
)
@pytest.mark.parametrize("missing", [extra.PACKAGES, ("trustme",)])
def test_a_command_without_its_extra_says_what_to_install(
    command: list[str],
    missing: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """One error of ours, before anything is started, and no traceback."""
    monkeypatch.chdir(tmp_path)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)  # how Python is told that there is no such module
    assert main(command) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: `tagseal {command[0]}` needs packages that are not installed here: {', '.join(missing)}",
        "hint:  `python3 -m pip install 'tagseal[rehearse]'` adds them to this Tagseal.",
        "more:  https://github.com/tagseal/tagseal/blob/main/.github/ERRORS.md#rehearse-not-installed (exit 2)",
    ]


def test_the_extra_is_what_the_loopback_alone_imports() -> None:
    """Its packages are those that are asked for; nothing but the loopback and the rehearsal imports one."""
    wanted = {Requirement(line).name.lower() for line in PROJECT["optional-dependencies"]["rehearse"]}
    wanted = {name.removesuffix("-core") for name in wanted}  # graphql-core is imported as graphql
    assert set(extra.PACKAGES) == wanted
    importers = {(name.split(".")[0], module.name) for module in modules() for name in module.imports()}
    used = {(library, module) for library, module in importers if library in extra.PACKAGES}
    assert {library for library, _ in used} == set(extra.PACKAGES)
    assert [module for _, module in used if not module.startswith(PLAYED)] == []


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (("requirements.txt",), [*PROJECT["dependencies"], NOX]),
        (("requirements.txt", "rehearse.txt"), PROJECT["optional-dependencies"]["rehearse"]),
    ],
)
def test_a_lock_has_all_that_its_jobs_need_and_only_hashes(files: tuple[str, ...], wanted: list[str]) -> None:
    """Every dependency at a version that pyproject.toml admits, and each once; `nox -s lock` makes them anew."""
    versions = locked(*files)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[requirement.name.lower()]), requirement
    entries = "".join((SCAFFOLD / name).read_text(encoding="utf-8") for name in files).replace("\\\n", " ").splitlines()
    pinned = [line for line in entries if line and not line.startswith(("#", "-"))]
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in pinned)
    assert len(pinned) == len(versions)
    assert entries.count("--only-binary :all:") == len(files)


def test_the_jobs_of_a_release_get_nothing_that_they_do_not_import() -> None:
    """No server, no keyring and no maker of environments lies beside an identity; the lock says so itself."""
    needless = {
        "cheroot",
        "graphql-core",
        "trustme",
        "werkzeug",
        "keyring",
        "secretstorage",
        "virtualenv",
        "email-validator",
    }
    assert needless & locked("requirements.txt").keys() == set()
    assert {"cheroot", "graphql-core", "trustme", "werkzeug"} <= locked("rehearse.txt").keys()
    assert PARTIAL in (SCAFFOLD / "requirements.txt").read_text(encoding="utf-8")


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a job in which only what the release's lock names can be imported, and the tool."""
    there = {*locked("requirements.txt"), "tagseal", "pip"}
    blocked = sorted(
        name
        for name, distributions in packages_distributions().items()
        if there.isdisjoint(map(canonicalize_name, distributions))
    )
    assert {"cheroot", "keyring", "virtualenv", "trustme", "werkzeug"} <= set(blocked)
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({blocked!r}))\n")
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120 - no link is followed
    return {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(hook)}


@pytest.mark.system
def test_what_is_not_locked_is_not_imported(job: dict[str, str], tmp_path: Path) -> None:
    """All that a release and `tagseal verify` are made of, twine and Nox load without it."""
    names = [module.name for module in modules() if not module.name.startswith((*PLAYED, "tagseal.__main__"))]
    names += ["nox.tasks", "nox.virtualenv", "twine.auth", "twine.commands.check", "twine.commands.upload"]
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)\nimport cheroot\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=job, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1:] == [
        "ModuleNotFoundError: import of cheroot halted; None in sys.modules"  # the last line alone cannot be imported
    ]


@pytest.mark.system
def test_the_verbs_run_by_nox_with_what_is_locked(job: dict[str, str], tmp_path: Path) -> None:
    """The workflow's own line reaches the guard."""
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-e", "-c", GUARD],
        cwd=tmp_path,
        env=job,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count(REFUSED) == 1
