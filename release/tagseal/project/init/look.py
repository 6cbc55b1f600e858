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
from tagseal.steps.seal.identity import publisher_fields
from tagseal.tags import pattern
from tagseal.workflow import signing
from tagseal.workflow.publications import DEFAULT
from tagseal.workflow.release_map import survey
from tagseal.workflow.release_tools import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.config import Settings
    from tagseal.tags import Pattern
    from tagseal.workflow.release_jobs import ReleaseMap

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
_BOTS = {
    "release-please": (
        ("release-please-config.json", ".release-please-manifest.json"),
        ("googleapis/release-please-action", "google-github-actions/release-please-action"),
        'in release-please-config.json: "draft": true, so that the release waits for its files',
    ),
    "semantic-release": (
        (".releaserc", ".releaserc.json", ".releaserc.yml", "release.config.js"),
        ("python-semantic-release/python-semantic-release", "semantic-release version", "semantic-release publish"),
        "let semantic-release tag and write the changelog, and take building and uploading out of its configuration",
    ),
}
"""Tools that begin releases: their files, what a workflow calls of them, and what must be set there."""


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
    map: ReleaseMap
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
        named = self.map.environment(self.workflow.path, self.index) or ""
        return named if re.fullmatch(r"[\w.-]+", named, re.ASCII) else "release"

    @property
    def index(self) -> str:
        """The index that is configured, or the one that would be."""
        return self.settings.index.name if self.settings.index else DEFAULT

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
        yield from self._publications()
        for path in dict.fromkeys(job.path for job in self.map.jobs if job.on_release):
            if path != self.workflow.path:
                yield f"{path} starts on a release, and one that a job's own token publishes starts no workflow"
        wheels = [job for job in self.map.having(Role.builds_platform_wheels) if "build" not in job.verbs]
        if wheels or self.settings.packages:
            jobs = f" ({', '.join(f'{job.at} {job.id}' for job in wheels)})" if wheels else ""
            yield (
                f"wheels that other jobs build{jobs}: keep those jobs before `build`, and set `packages` in "
                "[tool.tagseal]"
            )
        if self.guide is None:
            yield "`tagseal guide --out FILE` writes the page that tells strangers how to verify"

    def _publications(self) -> Iterator[str]:
        """Say where jobs of this project publish, and what becomes of that."""
        for job, upload in self.map.publications:
            what = f"{job.path}:{upload.line} publishes to the package index {upload.index} ({upload.tool})"
            if upload.index != self.index:
                yield f"{what}: Tagseal does not, so keep that job in a workflow of its own"
            elif self.settings.index is None:
                fields = publisher_fields(self.repository or "OWNER/REPO", self.workflow.path, self.environment)
                yield (
                    f'{what}: for the release to do it instead, add [tool.tagseal.index] with name = "{self.index}", '
                    f"and at the index a trusted publisher with {fields}; then run init again"
                )
            else:
                yield f"{what}, and so does the release: take that job out"

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
    way = pattern(git.tags(), settings.tag)
    found = survey(git.root, way.tag("1.2.3") if way.told else None)
    return FoundProject(
        root=git.root,
        git=git,
        settings=settings,
        project=_package(git, settings),
        pattern=way,
        repository=repository(settings.repository, {}, git.origin()),
        workflow=workflow,
        map=found,
        changed=frozenset(git.status().changed),
        bots=_bots(git.root, found),
        is_tool=(git.root / SELF / "tagseal" / "__main__.py").is_file(),
    )


def _bots(root: Path, found: ReleaseMap) -> tuple[str, ...]:
    called = {act.tool for job in found.jobs for act in job.acts}
    return tuple(
        name
        for name, (files, tools, _) in _BOTS.items()
        if any((root / file).exists() for file in files) or not called.isdisjoint(tools)
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
