"""Git: what it is asked, what never runs, and the copy that a build gets."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.errors import Refused, TagsealError, UsageError
from tagseal.machine import gitdir, process
from tagseal.machine.git import Git
from tagseal.machine.gitdir import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


@pytest.fixture
def git(tmp_path: Path) -> Git:
    root = tmp_path / "widget"
    root.mkdir()
    return widget.project(root, "v1.2.2", "v1.2.3")


def test_a_checkout_is_found_from_a_folder_below(git: Git) -> None:
    """The top folder of the working tree is told from any folder in it."""
    below = git.root / "a" / "b"
    below.mkdir(parents=True)
    assert Git.at(below, os.environ).root == git.root.resolve()


def test_what_is_no_checkout_has_no_commit_or_no_git_is_the_callers_to_mend(tmp_path: Path) -> None:
    """Each is a usage error with the next command."""
    with pytest.raises(UsageError) as caught:
        Git.at(tmp_path, os.environ)
    assert caught.value.slug == "not-a-repository"
    with pytest.raises(UsageError) as caught:
        Git.at(tmp_path, {"PATH": str(tmp_path)})
    assert caught.value.slug == "missing-tool"
    git = Git.own(tmp_path, os.environ)
    git.command("init", "--quiet")
    with pytest.raises(UsageError) as caught:
        git.head()
    assert caught.value.slug == "no-commits"


def test_a_failing_command_is_told_with_gits_own_words(git: Git) -> None:
    """The error of a command that fails carries what git said."""
    with pytest.raises(UsageError) as caught:
        git.command("checkout", "--quiet", "nowhere")
    assert caught.value.slug == "git-failed"
    assert any("nowhere" in line for line in caught.value.context)


def test_an_answer_whose_beginning_is_lost_is_no_answer(git: Git) -> None:
    """More than what is kept in memory is an error: a tracked change could hide behind a flood of names."""
    widget.commit(git.root, {"flood": "x" * (2**25 + 1)})
    with pytest.raises(UsageError) as caught:
        git.command("show", "HEAD:flood")
    assert str(caught.value) == "got too long an answer from `git show`, expected an answer"


def test_every_kind_of_tag_peels_to_its_commit(git: Git) -> None:
    """Lightweight, annotated and nested tags name the commit; a tag of a file, a missing one or an option, none."""
    who = ("-c", "user.name=W", "-c", "user.email=w@example.invalid")
    git.command(*who, "tag", "-a", "-m", "x", "annotated")
    git.command(*who, "tag", "-a", "-m", "x", "nested", "annotated")
    git.command("tag", "blob", "HEAD:widget.py")
    assert {git.commit_of(name) for name in ("v1.2.3", "annotated", "nested", "HEAD")} == {git.head()}
    assert [git.commit_of(name) for name in ("blob", "missing", "--all", "")] == [None] * 4


def test_the_status_tells_changed_from_untracked(git: Git) -> None:
    """Tracked changes, staged or not, stand apart from files that git does not know; ignored ones are neither."""
    assert git.status() == ((), ())
    widget.write(
        git.root, {"widget.py": "x", "ünew\n.txt": "", "sub/a b": "", ".gitignore": "*.o\n", "x.o": "", "staged": ""}
    )
    (git.root / "backend.py").unlink()
    git.command("add", "staged")
    changed, untracked = git.status()
    assert sorted(changed) == ["backend.py", "staged", "widget.py"]
    assert sorted(untracked) == [".gitignore", "sub/a b", "ünew\n.txt"]


def test_what_is_tracked_is_told_literally(git: Git) -> None:
    """A file, or a folder with a tracked file in it; a pattern is a name like any other."""
    widget.commit(git.root, {"dist/v1/release.json": "{}"})
    asked = ("dist", "dist/v1", "widget.py", "nowhere", "*")
    assert [git.is_tracked(git.root / name) for name in asked] == [True, True, True, False, False]
    assert git.tracked_files() == ("backend.py", "dist/v1/release.json", "pyproject.toml", "widget.py")


def test_tags_commits_and_subjects_are_read(git: Git) -> None:
    """Tags merged into a commit, the commit's time, and the subjects since a tag, newest first."""
    first = git.head()
    widget.commit(git.root, {"a": "1"}, "v1.3.0")
    assert git.tags() == ("v1.2.2", "v1.2.3", "v1.3.0")
    assert git.tags(merged=first) == ("v1.2.2", "v1.2.3")
    assert git.subjects("v1.2.3", "v1.3.0") == ("Turn",)
    assert git.subjects(None, "HEAD") == ("Turn", "Turn")
    assert git.commit_time(first) == int(git.command("log", "-1", "--format=%ct", first))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x-access-token:secret@github.com/octo/widget", "https://github.com/octo/widget"),
        ("git@github.com:octo/widget.git", "git@github.com:octo/widget.git"),
    ],
)
def test_the_origin_carries_no_credentials(git: Git, url: str, shown: str) -> None:
    """The remote's URL is given without a password that stands in it."""
    assert git.origin() is None
    git.command("remote", "add", "origin", url)
    assert git.origin() == shown


def test_nothing_of_the_repository_or_the_person_runs_or_decides(git: Git, tmp_path: Path) -> None:
    """No hook, no file system monitor and no configuration of the person's has a say."""
    canary = tmp_path / "canary"
    script = git.root / "script"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        shutil.copy(script, git.root / ".git" / "hooks" / hook)
    git.command("config", "core.fsmonitor", str(script))
    home = tmp_path / "home"
    widget.write(
        home, {".gitconfig": f"[core]\nfsmonitor = {script}\nhooksPath = {git.root}\n[status]\nbranch = true\n"}
    )
    asked = Git.own(git.root, {**os.environ, "HOME": str(home), "GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere"})
    asked.status()
    asked.clone_to(tmp_path / "copy", asked.head())
    assert not canary.exists()


def test_no_token_reaches_git() -> None:
    """Git's environment holds what it needs and nothing else of ours."""
    given = environment({"PATH": "/bin", "GITHUB_TOKEN": "canary", "GIT_ASKPASS": "canary", "HOME": "canary"})
    assert "canary" not in given.values()
    assert given["PATH"] == "/bin"


def test_a_clone_has_the_commit_and_the_tags_and_nothing_else(git: Git, tmp_path: Path) -> None:
    """Untracked files, changes, the remote and its credentials stay behind; a VCS-versioned build finds its tag."""
    git.command("remote", "add", "origin", "https://x:canary@github.com/octo/widget")
    commit = git.head()
    widget.commit(git.root, {"later.py": ""})
    widget.write(git.root, {"untracked": "", "widget.py": "changed"})
    copy = git.clone_to(tmp_path / "copy", commit)
    assert copy.head() == commit
    assert copy.status() == ((), ())
    assert sorted(path.name for path in copy.root.iterdir()) == [".git", "backend.py", "pyproject.toml", "widget.py"]
    assert copy.command("describe", "--tags", "--exact-match", "--match=v1.2.3") == "v1.2.3\n"
    assert copy.command("remote") == ""
    assert "canary" not in (copy.root / ".git" / "config").read_text()


@pytest.fixture
def anothers(git: Git, tmp_path: Path) -> Path:
    """Return a shallow checkout that belongs to another user."""
    folder = tmp_path / "anothers"
    _git(git.root, "clone", "--quiet", "--depth=1", "--branch=v1.2.3", f"file://{git.root}", str(folder))
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 12345, 12345)
    return folder


def test_in_actions_a_shallow_checkout_of_another_user_can_be_cloned(git: Git, anothers: Path, tmp_path: Path) -> None:
    """A container job's checkout has one commit and another owner than the process."""
    found = Git.at(anothers, {**os.environ, "GITHUB_ACTIONS": "true"})
    copy = found.clone_to(tmp_path / "copy", found.head())
    assert copy.head() == git.head()
    assert "v1.2.3" in copy.tags()
    assert copy.command("rev-parse", "--is-shallow-repository") == "true\n"


def test_elsewhere_git_refuses_the_checkout_of_another_user(anothers: Path, tmp_path: Path) -> None:
    """Unless the person calls it safe, as git's own words and our hint say; one that is safe makes no other so."""
    home = {**os.environ, "HOME": str(tmp_path / "home"), "GITHUB_ACTIONS": ""}
    widget.write(tmp_path / "home", {".gitconfig": f"[safe]\n\tdirectory = {anothers}/other\n"})
    with pytest.raises(UsageError) as caught:
        Git.at(anothers, home)
    assert caught.value.slug == "checkout-of-another-user"
    assert f"`git config --global --add safe.directory {anothers}`" in caught.value.hint
    assert any("dubious ownership" in line for line in caught.value.context)
    widget.write(tmp_path / "home", {".gitconfig": f"[safe]\n\tdirectory = {anothers}\n"})
    assert Git.at(anothers, home).tags() == ("v1.2.2", "v1.2.3")


def test_submodules_come_along_from_where_they_lie(git: Git, tmp_path: Path) -> None:
    """A submodule, and one inside it, is copied at its pinned commit without asking its remote."""
    inner = widget.commit(_made(tmp_path / "inner"), {"inner.py": ""})
    outer = _made(tmp_path / "outer")
    widget.commit(outer, {"outer.py": ""})
    for host, guest, name in ((outer, inner.root, "in"), (git.root, outer, "vendor/out")):
        _git(host, "submodule", "--quiet", "add", str(guest), name)
        widget.commit(host, {})
    _git(git.root, "submodule", "--quiet", "update", "--init", "--recursive")
    shutil.rmtree(inner.root)
    shutil.rmtree(outer)
    copy = git.clone_to(tmp_path / "copy", git.head())
    assert (copy.root / "vendor/out/outer.py").is_file()
    assert (copy.root / "vendor/out/in/inner.py").is_file()
    assert copy.status() == ((), ())


def test_a_missing_submodule_is_named(git: Git, tmp_path: Path) -> None:
    """A checkout without its submodule is refused, with the path and the command that brings it."""
    guest = widget.commit(_made(tmp_path / "guest"), {"guest.py": ""})
    _git(git.root, "submodule", "--quiet", "add", str(guest.root), "vendor")
    widget.commit(git.root, {})
    _git(git.root, "submodule", "--quiet", "deinit", "--all", "--force")
    with pytest.raises(Refused) as caught:
        git.clone_to(tmp_path / "copy", git.head())
    assert caught.value.slug == "submodule-missing"
    assert "'vendor'" in str(caught.value)
    assert "git submodule update --init" in caught.value.hint


def _read(root: Path, copy: Path) -> None:
    found = Git.at(root, os.environ)
    found.status()
    found.clone_to(copy, "HEAD")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _git(root: Path, *arguments: str) -> None:
    """Run git with local transport for submodules allowed, which it is not by default."""
    allowed = {**environment(os.environ), "GIT_ALLOW_PROTOCOL": "file"}
    assert process.run(["git", *arguments], cwd=root, environ=allowed).code == 0


def test_every_form_of_a_repository_is_read(git: Git, tmp_path: Path) -> None:
    """A linked working tree, borrowed objects, packed references, a split index, and settings of its own."""
    _git(git.root, "pack-refs", "--all")
    _git(git.root, "gc", "--quiet")
    _git(git.root, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    (tmp_path / "linked" / ".gitignore").write_text("ignored\n")
    _git(tmp_path / "linked", "add", ".gitignore")
    _git(tmp_path / "linked", "-c", "user.name=W", "-c", "user.email=w@example.invalid", "commit", "-qm", "Side")
    odd = tmp_path / "a \"b' ü\n\\c"
    _git(git.root, "clone", "--quiet", ".", str(odd))
    _git(odd, "clone", "--quiet", ".", str(odd / "borrowing"))
    shutil.rmtree(odd / "borrowing/.git/objects")
    widget.write(odd / "borrowing/.git/objects", {"info/alternates": "../../../.git/objects\n", "pack/none": ""})
    _git(git.root, "update-index", "--split-index")
    for folder, subject in ((git.root, "Turn"), (tmp_path / "linked", "Side"), (odd / "borrowing", "Turn")):
        found = Git.at(folder, os.environ)
        assert (found.root, found.tags(), found.status()) == (folder, ("v1.2.2", "v1.2.3"), ((), ()))
        copy = found.clone_to(tmp_path / f"copy of {folder.name}", found.head())
        assert (copy.head(), copy.tags(), copy.status()) == (found.head(), found.tags(), ((), ()))
        assert copy.subjects(None, "HEAD")[0] == subject


def test_a_repository_of_the_longer_hashes_is_read(tmp_path: Path) -> None:
    """Its form is what git has to be told."""
    root = _made(tmp_path / "sha256")
    Git.own(root, os.environ).command("init", "--quiet", "--object-format=sha256")
    widget.commit(root, {"a": ""}, "v1.0.0")
    found = Git.at(root, os.environ)
    assert len(found.head()) == 64
    assert found.clone_to(tmp_path / "copy", found.head()).tags() == ("v1.0.0",)


def test_how_files_are_compared_is_taken_from_the_configuration(git: Git) -> None:
    """On a file system that keeps no modes, another mode changes no file."""
    git.command("config", "core.fileMode", "false")
    (git.root / "widget.py").chmod(0o755)
    assert Git.at(git.root, os.environ).status() == ((), ())
    git.command("config", "core.fileMode", "true")
    assert Git.at(git.root, os.environ).status().changed == ("widget.py",)


def test_a_working_tree_elsewhere_is_refused(git: Git, tmp_path: Path) -> None:
    """What is written to the checkout would be written wherever a repository says that it is."""
    git.command("config", "core.worktree", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        Git.at(git.root, os.environ)
    assert caught.value.slug == "not-a-repository"


@pytest.mark.parametrize("name", ["HEAD", "index", "config", "packed-refs", "objects/info/alternates", "shallow"])
def test_a_pipe_in_the_place_of_a_file_ends(
    git: Git, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error, of git or of its patience."""
    monkeypatch.setattr(gitdir, "_PATIENCE", 0.5)
    (git.root / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(git.root / ".git" / name)
    with pytest.raises(TagsealError):
        _read(git.root, tmp_path / "copy")


def test_a_submodule_that_leads_away_is_none(git: Git, tmp_path: Path) -> None:
    """A link in its place, to the checkout itself or out of it, is not followed."""
    guest = widget.commit(_made(tmp_path / "guest"), {"guest.py": ""})
    _git(git.root, "submodule", "--quiet", "add", str(guest.root), "vendor")
    widget.commit(git.root, {})
    shutil.rmtree(git.root / "vendor")
    for away in (git.root, guest.root):
        (git.root / "vendor").unlink(missing_ok=True)
        (git.root / "vendor").symlink_to(away)
        found = Git.at(git.root, os.environ)
        assert found.status().changed == ("vendor",)
        with pytest.raises(Refused) as caught:
            found.clone_to(tmp_path / "copy", found.head())
        assert caught.value.slug == "submodule-missing"
        shutil.rmtree(tmp_path / "copy")


def test_a_changed_submodule_is_a_change(git: Git, tmp_path: Path) -> None:
    """Whatever .gitmodules says: another commit, a changed file, or a new one."""
    guest = widget.commit(_made(tmp_path / "guest"), {"guest.py": ""})
    _git(git.root, "submodule", "--quiet", "add", str(guest.root), "vendor")
    _git(git.root, "config", "--file", ".gitmodules", "submodule.vendor.ignore", "all")
    widget.commit(git.root, {})
    found, module = Git.at(git.root, os.environ), git.root / "vendor"
    assert found.status().changed == ()
    (module / "new.py").write_text("")
    assert found.status().changed == ("vendor",)
    (module / "new.py").unlink()
    (module / "guest.py").write_text("changed")
    assert found.status().changed == ("vendor",)
    widget.commit(module, {})
    assert found.status().changed == ("vendor",)


def test_a_path_that_is_no_folder_is_named(tmp_path: Path) -> None:
    """A mistyped path is a usage error, not one of the system's."""
    with pytest.raises(UsageError) as caught:
        Git.at(tmp_path / "absent", os.environ)
    assert caught.value.slug == "no-such-folder"
