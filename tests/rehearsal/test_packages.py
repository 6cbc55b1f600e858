"""Packages, installed and imported as their users will: whatever they do, it ends, and is told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

import packages
from mistakes import mistakes
from tagseal.config import Settings
from tagseal.machine import backend
from tagseal.rehearsal.packages import installation
from tagseal.rehearsal.packages.contents import carried, left_out
from tagseal.rehearsal.packages.installation import choose_wheel, try_packages
from tagseal.rehearsal.packages.names import import_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tagseal.rehearsal.packages.installation import PackageTrial

NAME = "widget-1.2.3-py3-none-any.whl"
METADATA = packages.metadata()


@pytest.fixture
def tried(tmp_path: Path) -> Callable[..., PackageTrial]:
    """Return what tries one wheel."""

    def run(wheel: bytes, name: str = NAME, **settings: object) -> PackageTrial:
        folder = tmp_path / "packages"
        folder.mkdir()
        (folder / name).write_bytes(wheel)
        return try_packages(folder, Settings(**settings), os.environ)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(
    ("members", "names"),
    [
        (["widget/__init__.py", "widget/part.py", "widget/deep/__init__.py"], ("widget",)),
        (["widget.py", "_private.py", "tests/__init__.py", "tests/test_it.py"], ("widget",)),
        (["company/widget/__init__.py", "company/gear/core.py"], ("company.gear.core", "company.widget")),
        (["widget.cpython-311-x86_64-linux-gnu.so", "fast.abi3.so", "slow.pyd"], ("fast", "slow", "widget")),
        (["widget-1.data/purelib/widget/__init__.py", "widget-1.data/scripts/turn.py"], ("widget",)),
        (["widget-1.dist-info/METADATA", "widget/data.json", "widget-stubs/__init__.pyi"], ()),
    ],
)
def test_import_names_are_the_highest_that_are_no_namespace(members: list[str], names: tuple[str, ...]) -> None:
    """Without private ones and tests; data, scripts and stubs are nothing to import."""
    assert import_names(members) == names


def test_names_are_bounded() -> None:
    """A wheel of a thousand modules has its first hundred imported."""
    assert len(import_names(f"module{number}.py" for number in range(1_000))) == 100


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import os; os._exit(0)", "`import widget` of {} fails: it ended Python itself"),
        ("raise SystemExit(0)", "`import widget` of {} fails: SystemExit: 0"),
        ("import os, time; os.fork() or time.sleep(3600)", ""),
        ("[print('x' * 100) for _ in range(1_000_000)]", ""),
        ("import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('x' * 3_000_000)", ""),
        ("import nothing_of_the_kind", "fails: ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
    ],
)
def test_an_import_ends_and_is_told(tried: Callable[..., PackageTrial], code: str, problem: str) -> None:
    """Also one that ends Python, leaves a process behind, or prints a million lines."""
    trial = tried(packages.wheel(METADATA, code=f"{code}\n"))
    assert [reason.slug for reason in trial.reasons] == (["wheel-does-not-work"] if problem else [])
    assert problem.format(NAME) in "".join(reason.what for reason in trial.reasons)
    assert trial.unchecked == ()


def test_an_import_that_hangs_is_ended(tried: Callable[..., PackageTrial], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute; here after a second."""
    monkeypatch.setattr(installation, "_PATIENCE", 1.0)
    trial = tried(packages.wheel(METADATA, code="import time; time.sleep(3600)\n"))
    assert [reason.what for reason in trial.reasons] == [f"`import widget` of {NAME} fails: it had not ended after 1 s"]


def test_what_an_extra_brings_is_no_reason(tried: Callable[..., PackageTrial]) -> None:
    """It is said, for nobody can tell whether it is so."""
    text = packages.metadata("widget", "1.2.3", "Provides-Extra: cli")
    trial = tried(packages.wheel(text, code="import click_of_an_extra\n"))
    assert trial.reasons == ()
    assert trial.unchecked == ("`import widget`, which wants 'click_of_an_extra': an extra may bring it",)


def test_what_this_python_lacks_is_no_reason(tried: Callable[..., PackageTrial]) -> None:
    """A module of Python's own that only another system has."""
    trial = tried(packages.wheel(METADATA, code="import winreg\n"))
    assert trial.reasons == ()
    assert trial.unchecked == ("`import widget`, which wants 'winreg' of Python: another system has it",)


def test_what_cannot_be_had_here_is_no_reason(
    tried: Callable[..., PackageTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dependency that no index here has, or that a compiler would have to build."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    text = packages.metadata("widget", "1.2.3", "Requires-Dist: no-such-dependency")
    trial = tried(packages.wheel(text))
    assert trial.reasons == ()
    assert trial.unchecked[0].startswith(
        "whether the wheel can be imported, for what it needs was not installed here ("
    )


@pytest.mark.parametrize("name", ["widget-1.2.3-py3-none-win_amd64.whl", "widget-1.2.3-py2-none-any.whl"])
def test_a_wheel_for_another_machine_is_not_installed(tried: Callable[..., PackageTrial], name: str) -> None:
    """Another one may fit; here none does."""
    trial = tried(packages.wheel(METADATA), name)
    assert trial.reasons == ()
    assert trial.unchecked == ("the wheel was not installed: none of 1 wheel is for this machine",)


def test_a_wheel_for_another_python_is_not_installed(tried: Callable[..., PackageTrial]) -> None:
    """As its metadata says."""
    trial = tried(packages.wheel(packages.metadata("widget", "1.2.3", "Requires-Python: <3")))
    assert trial.reasons == ()
    assert trial.unchecked[0].startswith("the wheel was not installed: it is for Python '<3', and this is 3.")


def test_a_wheel_that_pip_refuses_is_broken(tried: Callable[..., PackageTrial]) -> None:
    """Nobody could install it."""
    trial = tried(packages.wheel(METADATA, name="another"))
    assert [reason.slug for reason in trial.reasons] == ["wheel-not-installable"]


def test_the_best_wheel_is_taken(tmp_path: Path) -> None:
    """That of this very platform before the one of every platform."""
    for name in (NAME, "widget-1.2.3-cp311-none-any.whl"):
        (tmp_path / name).write_bytes(packages.wheel(METADATA))
    assert choose_wheel(tmp_path) == (tmp_path / "widget-1.2.3-cp311-none-any.whl", "")


@pytest.mark.parametrize(
    ("smoke", "slugs"),
    [
        (("python", "-c", "import widget"), []),
        (("python", "-c", "raise SystemExit(3)"), ["wheel-does-not-work"]),
        (("no-such-command",), ["wheel-does-not-work"]),
        ("off", []),
    ],
)
def test_a_command_of_the_project_takes_the_place_of_importing(
    tried: Callable[..., PackageTrial], smoke: tuple[str, ...] | str, slugs: list[str]
) -> None:
    """The module of this wheel fails; the command decides, or nothing is tried."""
    code = "" if smoke and smoke[-1] == "import widget" else "raise ValueError\n"
    trial = tried(packages.wheel(METADATA, code=code), smoke=smoke)
    assert [reason.slug for reason in trial.reasons] == slugs
    assert (smoke == "off") == ('smoke is "off"' in trial.said)


@pytest.mark.parametrize(
    ("path", "text", "slugs"),
    [
        ("docs/index.md", "# Another page\n", []),
        ("src/widget/more.py", "MORE = True\n", ["sdist-builds-another-wheel"]),
        ("backend.py", "raise SystemExit(3)\n", ["sdist-does-not-build"]),
    ],
)
def test_the_sdist_of_an_own_front_end_is_built_again(path: str, text: str, slugs: list[str], tmp_path: Path) -> None:
    """It makes the two from the tree, each by itself: they need not agree."""
    git = mistakes()[0].project(tmp_path / "widget", made=False)
    made = tmp_path / "packages"
    made.mkdir()
    environ = backend.child_environ(os.environ, home=tmp_path / "home") | {"PYTHONPATH": str(git.root)}
    for kind in ("wheel", "sdist"):
        make = f"import sys, backend; backend.build_{kind}(sys.argv[1])"
        if kind == "sdist":
            later = f"import pathlib; pathlib.Path({path!r}).write_text({text!r})"
            make = f"import sys, backend; {later}; backend.build_sdist(sys.argv[1])"
        backend.build_packages((sys.executable, "-c", make, str(made)), git.root, made, environ, tmp_path / "log")
    trial = try_packages(made, Settings(build=("make",)), os.environ)
    assert [reason.slug for reason in trial.reasons] == slugs


@pytest.mark.parametrize(
    ("name", "carried_more"),
    [
        ("w-1/src/widget.py", False),
        ("w-1/.github/tagseal/requirements.txt", True),
        ("w-1/.github/workflows/release.yml", False),
        ("w-1/dist/old.txt", True),
        ("w-1/docs/dist/old.txt", False),
        ("w-1/vendor/pip-1.whl", True),
        ("w-1/src/widget/pip-2.whl", False),
        ("w-1/tests/data/pip-1.whl", False),
        ("w-1/.env", True),
        ("w-1/certs/server.pem", True),
        ("w-1/tests/certs/server.key", False),
        ("w-1/test_data/server.key", False),
        ("w-1/examples/tls/server.pem", False),
        ("w-1/latest/server.pem", True),
        ("w-1/src/widget/cacert.pem", False),
    ],
)
def test_what_an_sdist_must_not_carry(name: str, carried_more: bool) -> None:  # noqa: FBT001 - a table
    """What releases it, earlier packages and secrets; examples may, and what the wheel has too is meant."""
    assert bool([*carried([name], ["widget/pip-2.whl", "widget/cacert.pem"])]) == carried_more


def test_an_untracked_file_is_left_out_where_its_neighbours_are_packed() -> None:
    """In a package's folder, or below it, it is code; beside other files of its kind it is one of them."""
    tracked = ("src/widget/__init__.py", "docs/index.md", "docs/conf.py", "tests/test_widget.py", "notes.txt")
    wheel = ("widget/__init__.py",)
    sdist = ("w-1/src/widget/__init__.py", "w-1/docs/index.md", "w-1/docs/conf.py", "w-1/tests/test_widget.py")
    untracked = (
        "src/widget/new.py",
        "src/widget/data/x.json",
        "docs/new.md",
        "docs/x.png",
        "tests/test_new.py",
        "scratch.txt",
        ".github/x.yml",
    )
    assert [(reason.readiness.lower(), reason.place) for reason in left_out(untracked, tracked, wheel, sdist)] == [
        ("broken", "src/widget/new.py"),
        ("not yet", "docs/new.md"),
    ]


def test_ten_thousand_untracked_files_are_named_by_the_first() -> None:
    """In a package's folder as well as beside it, each looked at once."""
    untracked = [f"src/widget/m{number}.py" for number in range(10_000)]
    untracked += [f"tests/test_{number}.py" for number in range(10_000)]
    tracked = ("src/widget/__init__.py", "tests/test_widget.py")
    sdist = [f"w-1/{name}" for name in tracked]
    assert [reason.what for reason in left_out(untracked, tracked, ["widget/__init__.py"], sdist)] == [
        "untracked, and not in this release: 'src/widget/m0.py', 'src/widget/m1.py', 'src/widget/m2.py' and 9997 more",
        "untracked, and not in this release: 'tests/test_0.py', 'tests/test_1.py', 'tests/test_2.py' and 9997 more",
    ]
