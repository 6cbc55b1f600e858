"""Projects with one mistake each: ``tests/assets/ready``, a folder for each, named after the mistake and its verdict.

``base/`` is a project that is ready. A mistake's folder has ``mistake.toml`` and, as it needs them, folders of files:
``tree/`` belongs to the project, ``wrong/`` is the mistake, ``uncommitted/`` is one that no commit has. Without
``wrong/``, ``uncommitted/``, the edits and the facts of git the project is ready again.

``tests/assets/ready_healthy`` has, in the same form, what usual projects do that is no mistake.
"""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rehearsing
import widget
from tagseal.records import Readiness

if TYPE_CHECKING:
    from tagseal.machine.git import Git

ASSETS = Path(__file__).parents[1] / "assets" / "ready"
HEALTHY = ASSETS.with_name("ready_healthy")
_VERDICTS = {"_not_yet": Readiness.not_yet, "_broken": Readiness.broken}
_ORIGIN = "https://github.com/example/widget.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake."""

    folder: Path
    slug: str = ""
    """Of the reason that it is."""
    fix: str = ""
    """What the reason's fix has in it."""
    build: bool = False
    """Whether only a build tells."""
    index: bool = False
    """Whether the project's workflow publishes to an index."""
    settings: str = ""
    """Further lines of pyproject.toml."""
    origin: str = _ORIGIN
    tags: tuple[str, ...] = ()
    """Of the commit before the one that is released."""
    removed: tuple[str, ...] = ()
    edit: tuple[dict[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.name

    @property
    def readiness(self) -> Readiness:
        """What it makes of the project."""
        return next(verdict for ending, verdict in _VERDICTS.items() if self.name.endswith(ending))

    def project(self, root: Path, *, made: bool = True) -> Git:
        """Make the project below ``root``: with the mistake, or as it was before."""
        _copy(ASSETS / "base", root)
        _copy(self.folder / "tree", root)
        with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(self.settings)
        workflow = rehearsing.workflow(image=False, index=self.index)
        git = widget.commit(root, {rehearsing.WORKFLOW: workflow}, *(self.tags if made else ()))
        if made:
            self._make(root)
        origin = self.origin if made else _ORIGIN
        if origin:
            git.command("remote", "add", "origin", origin)
        git = widget.commit(root, {})
        if made:
            _copy(self.folder / "uncommitted", root)
        return git

    def _make(self, root: Path) -> None:
        _copy(self.folder / "wrong", root)
        for name in self.removed:
            (root / name).unlink()
        for edit in self.edit:
            file = root / edit["file"]
            text = file.read_text(encoding="utf-8")
            assert edit["old"] in text, f"{self.name} finds {edit['old']!r} no more"
            file.write_text(text.replace(edit["old"], edit["new"], 1), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def mistakes() -> tuple[Mistake, ...]:
    """Return all of them, by name."""
    return tuple(map(_read, sorted(ASSETS.glob("*_*"))))


def healthy() -> tuple[Mistake, ...]:
    """Return what is no mistake, by name."""
    return tuple(_read(folder, "project.toml") for folder in sorted(HEALTHY.iterdir()))


def _read(folder: Path, name: str = "mistake.toml") -> Mistake:
    found: dict[str, Any] = tomllib.loads((folder / name).read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
    return Mistake(folder=folder, **(found | lists))
