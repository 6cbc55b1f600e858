"""A project's own templates: which files count, and that a child fills them, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.errors import ConfigError
from tagseal.notes import child, templates
from tagseal.notes.render import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tagseal.machine.git import Git
    from tagseal.records import Artifact, Plan

pytestmark = pytest.mark.system

OWN = {"own/notes.md.j2": "{{ section }}\n\n{{ verify }}", "own/verify/meaning.md.j2": "It means.\n"}


def project(root: Path, files: Mapping[str, str] = OWN) -> Git:
    return widget.commit(root, widget.files() | dict(files))


def refused(git: Git, setting: str = "own") -> str:
    with pytest.raises(ConfigError) as caught:
        templates.read(git, setting)
    return caught.value.slug


def broken(text: str) -> str:
    """Return what is said of a template that cannot be filled."""
    with pytest.raises(ConfigError) as caught:
        templates.fill("notes.md.j2", {}, {"notes.md.j2": text})
    assert caught.value.slug == "template-error"
    return caught.value.what


def test_a_project_has_the_templates_that_git_tracks(tmp_path: Path) -> None:
    """By their names in the folder; files of another kind, and another folder's, are none."""
    git = project(tmp_path, {**OWN, "own/README.md": "", "owner/notes.md.j2": "", "notes.md.j2": ""})
    expected = {"notes.md.j2": OWN["own/notes.md.j2"], "verify/meaning.md.j2": OWN["own/verify/meaning.md.j2"]}
    assert templates.read(git, "own") == templates.read(git, "own/") == expected
    assert templates.read(git, None) is None


def test_what_a_job_leaves_beside_them_cannot_be_named(tmp_path: Path) -> None:
    """Neither the checkout's credentials nor a file of secrets, whichever folder is configured."""
    git = project(tmp_path, {"notes.md.j2": "{% include '.git/config' %}", "env.md.j2": "{% include '.env' %}"})
    (tmp_path / ".env").write_text("TOKEN=canary\n")
    own = templates.read(git, ".")
    for name, missing in (("notes.md.j2", ".git/config"), ("env.md.j2", ".env")):
        with pytest.raises(ConfigError) as caught:
            templates.fill(name, {}, own)
        assert caught.value.what == f"{missing}:0: '{missing}'"


@pytest.mark.parametrize("ignored", [False, True])
def test_an_untracked_template_is_named(tmp_path: Path, *, ignored: bool) -> None:
    """It would fill the notes here, and not in the release."""
    git = project(tmp_path, {**OWN, ".gitignore": "*.j2\n" if ignored else ""})
    (tmp_path / "own" / "kit.md.j2").write_text("")
    assert refused(git) == "templates-untracked"


def test_no_part_of_a_templates_path_is_a_link(tmp_path: Path) -> None:
    """A link could put any file of the machine onto a public page."""
    git = project(tmp_path / "project")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "notes.md.j2").write_text("canary")
    (git.root / "own").rename(git.root / "kept")
    (git.root / "own").symlink_to(tmp_path / "outside")
    assert refused(git) == "templates-link"
    (git.root / "own").unlink()
    (git.root / "kept").rename(git.root / "own")
    (git.root / "own" / "notes.md.j2").unlink()
    (git.root / "own" / "notes.md.j2").symlink_to(tmp_path / "outside" / "notes.md.j2")
    assert refused(git) == "templates-link"


def test_templates_are_a_folder_of_text(tmp_path: Path) -> None:
    """An absent folder, other bytes than UTF-8 and more than 1 MiB are named."""
    git = project(tmp_path)
    assert refused(git, "absent") == refused(git, "pyproject.toml") == "templates-not-found"
    for content in (b"\xff", b"a" * 1024 * 1024 + b"a"):
        (tmp_path / "own" / "notes.md.j2").write_bytes(content)
        assert refused(git) == "templates-unreadable"


def test_a_child_fills_as_this_process_does(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """Every value gets there, and the page is the same, letter for letter."""
    own = {"notes.md.j2": (templates.packaged_folder() / "notes.md.j2").read_text()}
    pages = [render(tag="v1.2.3", plan=plan(), artifacts=artifacts, override=override) for override in (None, own)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a\n{{ nothing }}", "notes.md.j2:2: ''nothing' is undefined'"),
        ("{% if %}", "notes.md.j2:1: "),
        ("{{ ''.__class__.__mro__ }}", "notes.md.j2:1: "),
        ("{{ 'a' * 10 ** 11 }}", "notes.md.j2:1: 'MemoryError'"),
        ("{{ '%99999999999s' % 'a' }}", "notes.md.j2:1: "),
        ("{{ 'a' * 10 ** 7 }}", "notes.md.j2: 'it became longer than 8,388,608 characters'"),
    ],
)
def test_what_a_child_cannot_fill_is_told_with_its_line(text: str, place: str) -> None:
    """Also where it took more memory than a page is worth."""
    assert broken(text).startswith(place)


def test_a_template_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops in each other are within every rule of the sandbox."""
    monkeypatch.setattr(child, "SECONDS", 3.0)
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    assert broken(loops) == "notes.md.j2: 'it took more than 3 seconds'"
    assert broken("{{ 9 ** (9 ** 9) }}") == "notes.md.j2: 'it took more than 3 seconds'"
