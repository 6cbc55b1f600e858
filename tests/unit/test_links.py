"""A repository that brings links, or an index that lies: nothing is written out of it, nor into git's folder."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.cli import main
from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.machine import files
from tagseal.machine.git import Git
from tagseal.rehearsal.output import Output
from tagseal.rehearsal.project.clone import make
from tagseal.rehearsal.project.workflow_file import WorkflowFile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

MINE = "mine\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder of the person's, with a file."""
    widget.write(tmp_path / "home", {"profile": MINE, "transcript.jsonl": MINE, "logs/old.txt": MINE})
    return tmp_path / "home"


def untouched(home: Path) -> bool:
    found = {path.relative_to(home).as_posix(): path.read_text() for path in home.rglob("*") if path.is_file()}
    return found == dict.fromkeys(("profile", "transcript.jsonl", "logs/old.txt"), MINE)


def commit(root: Path, links: dict[str, Path], content: dict[str, str] | None = None) -> Git:
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    return widget.commit(root, {**widget.files(), **(content or {})}, "v1.2.3")


def lie(root: Path, name: str, instead: str) -> None:
    """Let the index say that git tracks another path, as no git would."""
    widget.write(root, {name: "[filter]\n"})
    Git.own(root, os.environ).command("add", name)
    index = root / ".git" / "index"
    body = index.read_bytes()[:-20].replace(name.encode(), instead.encode())
    index.write_bytes(body + hashlib.sha1(body, usedforsecurity=False).digest())


@pytest.mark.parametrize(("name", "instead"), [("Agit/config", ".git/config"), ("AA/AAA/x", "../../../x")])
def test_an_index_that_names_other_places_writes_nowhere(tmp_path: Path, name: str, instead: str) -> None:
    """A rehearsal copies what is changed; what cannot be a file of the project is refused."""
    git = widget.project(tmp_path / "widget")
    lie(git.root, name, instead)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TagsealError) as caught:
        make(Git.at(git.root, os.environ), tmp_path / "clone", project=None, tag=None, packages=None)
    assert caught.value.slug in {"path-leads-away", "git-failed"}
    assert sorted(tmp_path.iterdir()) == [tmp_path / "clone", *before]
    assert "filter" not in (tmp_path / "clone/project/.git/config").read_text()


def test_a_rehearsals_clone_is_not_left_through_its_links(tmp_path: Path, home: Path) -> None:
    """A folder that the commit has as a link, and the checkout as a folder, is one in the clone as well."""
    git = commit(tmp_path / "widget", {"docs": home})
    (git.root / "docs").unlink()
    widget.write(git.root, {"docs/profile": "theirs"})
    git.command("add", "--all")
    clone = make(Git.at(git.root, os.environ), tmp_path / "clone", project=None, tag=None, packages=None)
    assert (clone.git.root / "docs" / "profile").read_text() == "theirs"
    assert untouched(home)


def test_a_folder_and_a_file_can_change_places(tmp_path: Path) -> None:
    """The clone has what the checkout has now."""
    git = commit(tmp_path / "widget", {}, {"folder/a": "", "file": ""})
    (git.root / "folder" / "a").unlink()
    (git.root / "folder").rmdir()
    (git.root / "file").unlink()
    widget.write(git.root, {"folder": "", "file/a": ""})
    git.command("add", "--all")
    clone = make(Git.at(git.root, os.environ), tmp_path / "clone", project=None, tag=None, packages=None)
    assert clone.git.tracked_files() == ("backend.py", "file/a", "folder", "pyproject.toml", "widget.py")


def test_what_is_asked_for_is_not_configured_through_a_link(tmp_path: Path, home: Path) -> None:
    """A configuration that is a link is read nowhere and written nowhere."""
    project = {f"sub/{name}": text for name, text in widget.files().items()}
    git = commit(tmp_path / "widget", {"tagseal.toml": home / "profile"}, project)
    with pytest.raises(TagsealError):
        make(Git.at(git.root, os.environ), tmp_path / "clone", project="sub", tag=None, packages=None)
    assert untouched(home)


def test_a_chosen_workflow_is_not_put_through_a_link(tmp_path: Path, home: Path) -> None:
    """It is put where GitHub would read it, inside of the clone; a file that is a link is replaced."""
    git = commit(tmp_path / "widget", {".github/workflows": home})
    chosen = WorkflowFile(source="profile.yml", data=b"on: push", name="profile.yml")
    with pytest.raises(Refused) as caught:
        chosen.place(git)
    assert caught.value.slug == "path-leads-away"
    git = commit(tmp_path / "other", {".github/workflows/profile.yml": home / "profile"})
    chosen.place(git)
    assert (git.root / chosen.path).read_bytes() == b"on: push"
    assert untouched(home)


def test_a_file_is_put_in_place_through_no_link(tmp_path: Path, home: Path) -> None:
    """Neither through one of its name, nor through one of the name that it has while it is written."""
    for name in ("file", ".file.part"):
        (tmp_path / name).symlink_to(home / "profile")
    files.write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "file").is_symlink()
    assert untouched(home)


@pytest.mark.parametrize("link", ["dist", "dist/rehearsal", "dist/rehearsal/logs/deep"])
def test_no_rehearsal_is_left_through_a_link(tmp_path: Path, home: Path, link: str) -> None:
    """In any part of the folder's path below the checkout."""
    git = commit(tmp_path / "widget", {link: home})
    left = Output(temporary=tmp_path / "run", source=git.root, out=git.root / "dist/rehearsal/logs/deep")
    with pytest.raises(Refused) as caught:
        left.prepare(Git.at(git.root, os.environ))
    assert caught.value.slug == "path-leads-away"
    assert untouched(home)


@pytest.mark.parametrize("name", ["transcript.jsonl", "assets", "logs"])
def test_a_committed_link_does_not_make_a_folder_ours(tmp_path: Path, home: Path, name: str) -> None:
    """What git tracks was left by no rehearsal, whatever it is called."""
    links = {"dist/rehearsal/transcript.jsonl": home / "transcript.jsonl", f"dist/rehearsal/{name}": home / "logs"}
    git = commit(tmp_path / "widget", links)
    with pytest.raises(UsageError) as caught:
        Output(temporary=tmp_path / "run", source=git.root, out=git.root / "dist/rehearsal").prepare(git)
    assert (caught.value.slug, caught.value.context) == ("out-not-ours", ("found 'what git tracks'",))
    assert untouched(home)


def test_links_in_the_place_of_what_a_rehearsal_leaves_are_removed(tmp_path: Path, home: Path) -> None:
    """Where git ignores the folder, an archive can still bring one."""
    git = commit(tmp_path / "widget", {}, {".gitignore": "dist/\n"})
    out = git.root / "dist/rehearsal"
    out.mkdir(parents=True)
    for name, target in {"transcript.jsonl": "transcript.jsonl", "assets": "logs", "logs": "logs"}.items():
        (out / name).symlink_to(home / target)
    Output(temporary=tmp_path / "run", source=git.root, out=out).prepare(git)
    assert list(out.iterdir()) == []
    assert untouched(home)


def test_the_guide_is_not_written_through_a_link(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person names a file of the checkout, and a folder of it leads elsewhere."""
    git = commit(tmp_path / "widget", {"docs": home})
    git.command("remote", "add", "origin", "https://github.com/octo/widget")
    monkeypatch.chdir(git.root)
    assert main(["guide", "--out", "docs/profile"]) == 3
    assert "#path-leads-away" in capsys.readouterr().err
    assert untouched(home)
    assert main(["guide", "--out", str(home.parent / "verifying.md")]) == 0
