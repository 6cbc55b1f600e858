"""Pipes, devices, folders and endless files, wherever a path comes from outside: an error of ours, and no waiting."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patience import patience
from tagseal.cli import main
from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.machine import files
from tagseal.machine.git import Git
from tagseal.machine.yaml import LARGEST
from tagseal.rehearsal.project.workflow_file import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system

WHO = ("--repo", "octo/widget", "--tag", "v1.2.3")


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def device(_path: Path) -> Path:
    return Path("/dev/zero")


def endless(path: Path) -> Path:
    """Return a file of a tebibyte, which takes no room."""
    path.touch()
    os.truncate(path, 1 << 40)
    return path


KINDS: tuple[Callable[[Path], Path], ...] = (pipe, folder, device, endless)
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "root of trust": lambda path: ["verify", "widget.whl", *WHO, "--trust-config", path],
    "message": lambda path: ["verify", "--explain", path],
    "workflow": lambda path: ["doctor", "--offline", path],
    "guide": lambda path: ["guide", "--check", path],
}


@pytest.fixture(autouse=True)
def ending() -> Iterator[None]:
    """End a test that waits: nothing else would."""
    with patience():
        yield


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project without releases."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S607
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "widget"\nversion = "1.2.3"\n')
    (tmp_path / "widget.whl").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_on_the_command_line_may_lead_anywhere(
    command: str, kind: Callable[[Path], Path], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no file of a sane size is a usage error; a message is read as far as it is looked at."""
    code = main(COMMANDS[command](str(kind(project / "special.yml"))))
    assert code == (1 if (command, kind) == ("message", endless) else 2)
    assert "bug:" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", [pipe, folder, device], ids=lambda kind: kind.__name__)
def test_only_a_file_is_played(kind: Callable[[Path], Path], project: Path) -> None:
    """A workflow that is named for a rehearsal is a file."""
    with pytest.raises(UsageError, match="expected a workflow"):
        choose(kind(project / "special.yml"), Git.at(project, os.environ), trusted=True)


def test_no_more_of_a_workflow_is_read_than_counts(project: Path) -> None:
    """One of a tebibyte is read to its bound, and found too large by whoever plays it."""
    assert len(choose(endless(project / "special.yml"), Git.at(project, os.environ), trusted=True).data) == LARGEST + 1


def test_a_kit_may_hold_anything(project: Path) -> None:
    """A folder with a pipe for its root of trust is no kit."""
    pipe(folder(project / "kit") / "trusted_root.json")
    assert main(["verify", "widget.whl", *WHO, "--trust-config", "kit"]) == 2


@pytest.mark.parametrize("kind", [pipe, folder, endless], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["pyproject.toml", "tagseal.toml", ".github/workflows/release.yml", "CHANGELOG.md"])
def test_a_repository_may_hold_anything(
    name: str, kind: Callable[[Path], Path], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever lies where a file is read: each command that only reads ends, with findings or with an error."""
    path = project / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind(path)
    for arguments in (["doctor", "--offline"], ["notes", "v1.2.3"], ["guide"], ["init", "--diff"]):
        assert main(arguments) in {0, 1, 2, 3}, arguments
        assert "bug:" not in capsys.readouterr().out


def test_a_file_is_read_to_its_bound(tmp_path: Path) -> None:
    """As many bytes as are allowed are read, and one more is an error; a link counts where it was named."""
    file = tmp_path / "file"
    file.write_bytes(b"123")
    assert files.read(file, 3) == b"123"
    with pytest.raises(UsageError, match="got 'file' with more than 2 bytes, expected fewer"):
        files.read(file, 2)
    (tmp_path / "link").symlink_to("file")
    assert files.read(tmp_path / "link", follow=True) == b"123"
    with pytest.raises(Refused, match="which is a link"):
        files.read(tmp_path / "link")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("follow", [True, False])
def test_reading_never_waits(kind: Callable[[Path], Path], tmp_path: Path, follow: bool) -> None:  # noqa: FBT001
    """Followed or not, only a regular file is read."""
    path = kind(tmp_path / "special")
    with pytest.raises(TagsealError):
        files.read(path, follow=follow)
