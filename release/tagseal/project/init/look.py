"""What there is in a project, and what follows from it for its release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tagseal import config
from tagseal.machine import files
from tagseal.machine.git import Git, repository
from tagseal.machine.toml import read_toml
from tagseal.project.guide import RST
from tagseal.tags import pattern
from tagseal.workflow import signing
from tagseal.workflow.document import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.tags import Pattern
    from tagseal.workflow.document import Workflow

SELF = "release"
"""The source root of this project, which is released by itself."""
FOLDER = ".github/tagseal"
"""Where the locks lie, and a wheel of this tool."""
_PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Oldest first: the tool's own, and what a project may need instead."""
_DOCUMENTATION = ("docs", "doc")
_SPHINX = ("docs", "docs/source", "doc", "doc/source")
"""Where Sphinx's ``conf.py`` may lie, and so the pages that it makes."""
_READS_MARKDOWN = re.compile(r"\b(?:myst_parser|myst_nb|recommonmark)\b")
_GUIDE = "verifying"
_PUBLISHES = re.compile(
    r"pypa/gh-action-pypi-publish|\btwine upload\b|\buv publish\b|\bflit publish\b|\bpoetry publish\b"
)
_BUILDS = re.compile(r"pypa/cibuildwheel|PyO3/maturin-action")
_BOTS = {
    "release-please": (
        ("release-please-config.json", ".release-please-manifest.json"),
        re.compile(r"googleapis/release-please-action"),
        'in release-please-config.json: "draft": true, so that the release waits for its files',
    ),
    "semantic-release": (
        (".releaserc", ".releaserc.json", ".releaserc.yml", "release.config.js"),
        re.compile(r"python-semantic-release/|\bsemantic-release\b"),
        "let semantic-release tag and write the changelog, and take building and uploading out of its configuration",
    ),
}
"""Tools that begin releases: their files, their step in a workflow, and what must be set there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProject:
    """A project, looked at."""

    root: Path
    git: Git
    settings: Settings
    project: str
    """The folder to build, relative to the root: ``.`` or, for a monorepo, its package."""
    pattern: Pattern
    repository: str | None
    workflow: signing.SigningWorkflow
    existing: Workflow | None
    """What releases the project today."""
    changed: frozenset[str]
    """Files whose changes are in no commit."""
    bots: tuple[str, ...]
    """The tools that begin this project's releases."""
    is_tool: bool
    """Whether the project is this tool itself: it runs from its checkout."""

    @property
    def requirements(self) -> str:
        """Where the lock of a release's jobs lies."""
        return f"{'templates/scaffold' if self.is_tool else FOLDER}/requirements.txt"

    @property
    def rehearse_requirements(self) -> str:
        """Where the lock of the job that rehearses lies, beside the other, which it includes."""
        return f"{FOLDER}/rehearse.txt"

    @property
    def environment(self) -> str:
        """The environment of the job that publishes: the index may trust exactly this name."""
        named = [job.environment for job in self.existing.jobs] if self.existing else []
        plain = [name for name in named if re.fullmatch(r"[\w.-]+", name, re.ASCII)]
        return next(iter(sorted(plain, key=lambda name: "test" in name)), "release")

    @property
    def python(self) -> str:
        """The oldest version that this tool and the project run on."""
        table = read_toml(self.root / self.project / "pyproject.toml").get("project", {})
        wanted = table.get("requires-python", "") if isinstance(table, dict) else ""
        try:
            fits = SpecifierSet(wanted if isinstance(wanted, str) else "")
        except InvalidSpecifier:
            return _PYTHONS[0]
        return next((python for python in _PYTHONS if fits.contains(f"{python}.99")), _PYTHONS[-1])

    @property
    def guide(self) -> str | None:
        """Where the guide's page goes: into the documentation, where there is some and the repository has a name."""
        sphinx = next((one for one in _SPHINX if (self.root / one / "conf.py").is_file()), None)
        folder = sphinx or next((one for one in _DOCUMENTATION if (self.root / one).is_dir()), None)
        markdown = sphinx is None or _READS_MARKDOWN.search(self.text(f"{sphinx}/conf.py"))
        return f"{folder}/{_GUIDE}{'.md' if markdown else RST}" if folder and self.repository else None

    @property
    def advice(self) -> Iterator[str]:
        """Say what no file of this checkout can set."""
        yield f"create the environment `{self.environment}` at GitHub, with yourself as the reviewer"
        if self.repository is None:
            yield "no remote at GitHub: without `if: github.repository == …` forks run the release as well; add it"
        if not self.pattern.told:
            yield f"no version tag yet: releases start on {self.pattern}; `tag` in [tool.tagseal] says otherwise"
        for bot in self.bots:
            yield f"{bot} begins releases here: {_BOTS[bot][2]}"
            yield f"{bot}: a tag that a bot pushes starts nothing: `gh workflow run {self.workflow.file} --ref TAG`"
        text = self.text(self.workflow.path)
        if _PUBLISHES.search(text):
            yield (
                f"{self.workflow.path} publishes to a package index, which Tagseal does not yet: keep that job in a "
                "workflow of its own, and tell the index its name"
            )
        if _BUILDS.search(text) or self.settings.packages:
            yield "wheels that other jobs build: keep those jobs before `build`, and set `packages` in [tool.tagseal]"
        if self.guide is None:
            yield "`tagseal guide --out FILE` writes the page that tells strangers how to verify"

    def text(self, path: str) -> str:
        """Return what a file says; nothing where there is none."""
        file = self.root / path
        return files.read(file, follow=True).decode("utf-8", "replace") if file.is_file() else ""


def look(folder: Path, environ: Mapping[str, str]) -> FoundProject:
    """Look at the project that ``folder`` is in.

    Raises:
        UsageError: It is in no checkout.
        ConfigError: Its configuration is wrong.
    """
    git = Git.at(folder, environ)
    settings = config.load(git.root)
    workflow = signing.signing(git.root, settings.workflow, {})
    file = git.root / workflow.path
    return FoundProject(
        root=git.root,
        git=git,
        settings=settings,
        project=_package(git, settings),
        pattern=pattern(git.tags(), settings.tag),
        repository=repository(settings.repository, {}, git.origin()),
        workflow=workflow,
        existing=read(file, workflow.path) if file.is_file() else None,
        changed=frozenset(git.status().changed),
        bots=_bots(git.root),
        is_tool=(git.root / SELF / "tagseal" / "__main__.py").is_file(),
    )


def _bots(root: Path) -> tuple[str, ...]:
    texts = [files.read(path, follow=True).decode("utf-8", "replace") for path in signing.files(root)]
    return tuple(
        name
        for name, (files, step, _) in _BOTS.items()
        if any((root / file).exists() for file in files) or any(map(step.search, texts))
    )


def _package(git: Git, settings: Settings) -> str:
    """Return the folder to build: as configured, the root, or the only one that has a project."""
    if settings.project != "." or _builds(git.root):
        return settings.project
    tracked = (path.rpartition("/")[0] for path in git.tracked_files() if path.endswith("/pyproject.toml"))
    folders = [folder for folder in tracked if _builds(git.root / folder)]
    return folders[0] if len(folders) == 1 else settings.project


def _builds(folder: Path) -> bool:
    legacy = any((folder / name).is_file() for name in ("setup.py", "setup.cfg"))
    return legacy or bool(read_toml(folder / "pyproject.toml").keys() & {"project", "build-system"})
