"""Projects to write a guide for: what they hold, and the fences and headings of what comes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import widget
from tagseal.notes.page import fences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMAGE = '[image]\nname = "ghcr.io/octo/widget"\n'
ON_TAGS = "on: {push: {tags: ['v*']}}\npermissions: {id-token: write}\n"


def checkout(
    root: Path,
    settings: str = "",
    files: Mapping[str, str] | None = None,
    *,
    workflow: str = ON_TAGS,
    repository: str = "octo/widget",
) -> Path:
    """Make a project with a release workflow and an origin."""
    content = {**widget.files(), "tagseal.toml": settings, ".github/workflows/release.yml": workflow, **(files or {})}
    git = widget.commit(root, content)
    if repository:
        git.command("remote", "add", "origin", f"git@github.com:{repository}.git")
    return root


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the code blocks: language, and text without indentation."""
    return [(info, "\n".join(line.lstrip() for line in text.strip().split("\n"))) for info, text in fences(page)]


def commands(page: str) -> list[str]:
    """Return the blocks that a reader runs, as they stand there."""
    return [text for info, text in fences(page) if info == "bash"]


def headings(page: str) -> list[str]:
    """Return the headings, but for those below another's section."""
    return re.findall(r"^##? (.+)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), flags=re.MULTILINE)
