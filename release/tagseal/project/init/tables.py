"""Lines of configuration that must be said, and what git must not keep: added at the end of files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tagseal.machine.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.project.init.look import FoundProject

_IGNORED = "/dist/"
_OWN = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*tagseal[ \t]*\][ \t]*(?:#.*)?\r?\n", re.MULTILINE)
_BELOW = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*tagseal[ \t]*\.", re.MULTILINE)
"""Lines that begin our table, or one below it; a table may also be written as dotted keys, which are left alone."""


def merge(found: FoundProject) -> Mapping[str, str | None]:
    """Return the files that say something new, each with its whole text; None where it cannot be added."""
    return {**_settings(found), **_ignore_outputs(found)}


def lines(found: FoundProject) -> tuple[str, ...]:
    """Return what the configuration has to say besides, a line for each key."""
    said = {}
    if found.project != found.settings.project:
        said["project"] = found.project
    if found.bots and found.settings.release != "adopt":
        said["release"] = "adopt"
    return tuple(f"{key} = {json.dumps(text)}" for key, text in said.items())


def _settings(found: FoundProject) -> dict[str, str | None]:
    wanted = "".join(f"{line}\n" for line in lines(found))
    if not wanted:
        return {}
    root = read_toml(found.root / "pyproject.toml")
    if not (found.root / "pyproject.toml").exists():
        return {"tagseal.toml": wanted + found.text("tagseal.toml")}
    before = found.text("pyproject.toml")
    if "tagseal" not in root.get("tool", {}):
        return {"pyproject.toml": f"{before.rstrip()}\n\n[tool.tagseal]\n{wanted}"}
    if own := _OWN.search(before):
        return {"pyproject.toml": f"{before[: own.end()]}{wanted}{before[own.end() :]}"}
    if below := _BELOW.search(before):
        return {"pyproject.toml": f"{before[: below.start()]}[tool.tagseal]\n{wanted}\n{before[below.start() :]}"}
    return {"pyproject.toml": None}


def _ignore_outputs(found: FoundProject) -> dict[str, str]:
    """Let git ignore what releases and rehearsals leave."""
    if found.git.ignores("dist/release.json"):
        return {}
    before = found.text(".gitignore")
    return {".gitignore": f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}{_IGNORED}\n"}
