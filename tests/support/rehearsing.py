"""``tagseal rehearse`` as a person runs it: a project, a child process, its words, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import widget
from tagseal.cli import main
from tagseal.names import REPOSITORY
from tagseal.notes.templates import fill
from tagseal.rehearsal import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagseal.machine.git import Git

COMMAND = (sys.executable, "-P", "-m", "tagseal")
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
"""Where a workflow without set-up finds this interpreter."""
VARIED = pytest.mark.sampled(3, "rehearsals")
"""A whole rehearsal that differs from those which many tests read in a setting, or in what goes wrong."""
IMAGE = """
[tool.tagseal.image]
name = "{name}"
archive = "image.tar"
tags = ["{{tag}}", "latest"]
"""
"""Settings of a project whose image exists already."""
WORKFLOW = ".github/workflows/release.yml"
CHANGELOG = "# Changelog\n\n## 1.2.3\n\n- A widget that turns.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    output: str
    errors: str
    out: Path
    """The folder that was named with ``--out``."""
    leftovers: tuple[str, ...]
    """What it left in TMPDIR."""

    @property
    def slug(self) -> str:
        """The anchor of the last error that was told, empty for none."""
        found = re.findall(r"ERRORS\.md#([a-z-]+) \(exit ([0-9]+)\)", self.output + self.errors)
        assert not found or int(found[-1][1]) == self.code, "the error names another exit code"
        return found[-1][0] if found else ""

    @property
    def document(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        found: dict[str, Any] = json.loads(self.output)
        return found

    @property
    def release(self) -> dict[str, Any]:
        """The played release, as it was left."""
        found: dict[str, Any] = json.loads((self.out / "release.json").read_text(encoding="utf-8"))
        return found

    @property
    def published(self) -> bool:
        """Whether the played release became public."""
        return (self.out / "release.json").exists() and not self.release["draft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a page answered."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A rehearsal with ``--serve``, ended by Ctrl-C."""

    ended: Ended
    answers: dict[str, Answer]
    document: str
    """The page as a browser made it; empty where there is none."""


def project(root: Path, toml: str = "", files: Mapping[str, str] | None = None, *tags: str) -> Git:
    """Make the widget below ``root``, ready to be released: with a changelog, a workflow and a remote.

    Args:
        root: Its folder, which also names the repository where it can.
        toml: Further lines of pyproject.toml.
        files: Further files, or others in the place of those.
        tags: Of its commit.
    """
    repository = f"example/{root.name}"
    known = REPOSITORY.fullmatch(repository) is not None
    image, index = "[tool.tagseal.image]" in toml, re.search(r"index.*\n?name = \"(?:test)?pypi\"", toml) is not None
    content = {**widget.files(), "CHANGELOG.md": CHANGELOG}
    content["pyproject.toml"] += toml
    content[WORKFLOW] = workflow(image=image, index=index, repository=repository if known else "example/project")
    git = widget.commit(root, {**content, **(files or {})}, *tags)
    if known and git.origin() is None:
        git.command("remote", "add", "origin", f"https://github.com/{repository}.git")
    return git


def rehearse(
    path: Path | str,
    *options: str,
    out: Path,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Ended:
    """Rehearse the project there; ``environ`` adds to the environment."""
    return command("rehearse", str(path), "--out", str(out), *options, out=out, cwd=cwd, environ=environ)


def command(*arguments: str, out: Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> Ended:
    """Run one command of the tool to its end, with a TMPDIR of its own."""
    temporary = out.parent / f"{out.name}.tmp"
    temporary.mkdir(exist_ok=True)
    finished = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd or out.parent,
        env={**os.environ, "TMPDIR": str(temporary), **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return Ended(
        code=finished.returncode,
        output=finished.stdout,
        errors=finished.stderr,
        out=out,
        leftovers=tuple(sorted(path.name for path in temporary.iterdir())),
    )


def command_here(
    told: Callable[[], tuple[str, str]], *arguments: str, out: Path, environ: Mapping[str, str] | None = None
) -> Ended:
    """Run one command of the tool to its end in this process, with a TMPDIR of its own, in the folder of ``out``.

    ``told`` returns what was printed since it was asked before. What the command does to its process is undone.
    """
    temporary = out.parent / f"{out.name}.tmp"
    temporary.mkdir(exist_ok=True)
    # As the command finds itself when it has started again in a clean environment.
    found = {**environment.clean_environment(os.environ), "TMPDIR": str(temporary), **(environ or {})}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    told()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - found.keys():
                patch.delenv(name)
            for name, value in found.items():
                patch.setenv(name, value)
            patch.setattr(tempfile, "tempdir", None)
            patch.chdir(out.parent)
            code = main(arguments)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    output, errors = told()
    leftovers = tuple(sorted(path.name for path in temporary.iterdir()))
    return Ended(code=code, output=output, errors=errors, out=out, leftovers=leftovers)


def programs(folder: Path, *names: str) -> str:
    """Return a PATH with these programs only, as links."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, f"the tests need {name}"
        (folder / name).symlink_to(found)
    return str(folder)


def workflow(*, image: bool, index: bool = False, repository: str = "example/widget") -> str:
    """Return what `init` writes, but for the set-up, which takes a package index: the machine has the tool."""
    text = fill(
        "scaffold/release.yml.j2",
        {
            "python": "3.11",
            "requirements": "lock.txt",
            "checkout": "",
            "tags": ["v[0-9]*"],
            "dispatch": False,
            "repository": repository,
            "image": image,
            "index": index,
            "environment": "release",
        },
        own=None,
    )
    text = re.sub(r"      - uses: actions/setup-python.*\n.*\n", "", text)
    text = text.replace("      - run: python -P -m pip install --no-deps --require-hashes -r lock.txt\n", "")
    return text.replace('nox --noxfile "$(python -P -m tagseal noxfile)" -s guard', "python -P -m tagseal run guard")
