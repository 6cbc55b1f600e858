"""`tagseal notes`: the page before anything is built, for a tag that could be released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.errors import Refused, UsageError
from tagseal.project.preview import notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

CHANGELOG = "# Changes\n\n## 1.2.3\n\n- A widget that turns.\n"


def test_the_notes_of_the_projects_own_version(tmp_path: Path) -> None:
    """Without a tag it is the one that fits the version; the changelog's section comes first."""
    git = widget.project(tmp_path)
    widget.commit(tmp_path, {"CHANGELOG.md": CHANGELOG}, "v1.2.2")
    git.command("remote", "add", "origin", "git@github.com:octo/widget.git")
    page = notes(tmp_path, None, lambda _: None)
    assert page.startswith("- A widget that turns.\n")
    assert "gh release download v1.2.3 --repo octo/widget" in page


@pytest.mark.parametrize("tag", ["v9.9.9", "1", "v1.2.2"])
def test_a_tag_of_another_version_is_refused(tmp_path: Path, tag: str) -> None:
    """Notes for a tag that names another version would name files that never exist."""
    widget.project(tmp_path, "v1.2.2")
    with pytest.raises(Refused) as caught:
        notes(tmp_path, tag, lambda _: None)
    assert caught.value.slug == "version-disagrees"


def test_a_computed_version_needs_a_tag(tmp_path: Path) -> None:
    """No project code runs here, so the version must be said."""
    content = widget.files() | {"pyproject.toml": '[project]\nname = "widget"\ndynamic = ["version"]\n'}
    widget.commit(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        notes(tmp_path, None, lambda _: None)
    assert caught.value.slug == "notes-need-a-tag"
    assert "v1.2.3" in notes(tmp_path, "v1.2.3", lambda _: None)
