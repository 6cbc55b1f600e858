"""Lines of configuration that must be said, and what git must not keep: added at the end of files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tagseal.services.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.project.init.look import Found

_IGNORED = "/dist/"


def merged(found: Found) -> Mapping[str, str]:
    """Return the files that say something new, each with its whole text."""
    return {**_settings(found), **_ignored(found)}


def _settings(found: Found) -> dict[str, str]:
    said = {}
    if found.project != found.settings.project:
        said["project"] = found.project
    if found.bots and found.settings.release != "adopt":
        said["release"] = "adopt"
    if not said:
        return {}
    lines = "".join(f"{key} = {json.dumps(text)}\n" for key, text in said.items())
    root = read_toml(found.root / "pyproject.toml")
    if not (found.root / "pyproject.toml").exists():
        return {"tagseal.toml": lines + found.text("tagseal.toml")}
    if "tagseal" in root.get("tool", {}):
        before = found.text("pyproject.toml")
        return {"pyproject.toml": before.replace("[tool.tagseal]\n", f"[tool.tagseal]\n{lines}", 1)}
    return {"pyproject.toml": f"{found.text('pyproject.toml').rstrip()}\n\n[tool.tagseal]\n{lines}"}


def _ignored(found: Found) -> dict[str, str]:
    """Let git ignore what releases and rehearsals leave."""
    if found.git.ignores("dist/release.json"):
        return {}
    before = found.text(".gitignore")
    return {".gitignore": f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}{_IGNORED}\n"}
