"""What all sequences of one process share: projects, their builds, the tools, and warm processes."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
import zipfile
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import widget
from tagseal.loopback import Loopback
from tagseal.loopback.actions import Run
from tagseal.machine.actions import RECORDS, read_command_file
from tagseal.rehearsal import jobs
from tagseal.rehearsal.jobs import JOBS, ReleaseJob, Stage
from tagseal.rehearsal.project import clone
from tagseal.rehearsal.tools import toolset
from tagseal.workspace import Workspace
from torturing.schedule import BUILDS
from torturing.warm import Order, Warm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.loopback.github.state import PlayedRepository
    from torturing.death import Death

NAME, TAG = "octo/widget", "v1.2.3"
STEM = "widget-1.2.3"
_CONFIGURATION = '[tool.tagseal]\nrepository = "octo/widget"\npackages = ["wheelhouse/*"]\nwait = 3600\n'
_CHANGELOG = "# Changelog\n\n## 1.2.3\n\n- A widget that turns.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """What one job hands to the next."""

    folder: Path
    """A copy of ``dist/<tag>/``."""
    records: str
    """Digest of ``release.json``, a job's output; empty for none."""


@dataclass(kw_only=True)
class Machine:
    """Where a job runs: a checkout and a temporary folder."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def work(self) -> Path:
        return Workspace.of(self.checkout, TAG).path

    @property
    def outputs(self) -> Path:
        return self.temp / "github_output"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def receive(self, handed: HandOver) -> None:
        """Put the files of the hand-over over whatever lies here, as downloading an artifact does."""
        shutil.copytree(handed.folder, self.work, dirs_exist_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A tagged project with one configuration, and what its build job made, each time of other bytes."""

    clone: clone.Clone
    template: Path
    """A fresh checkout."""
    run: Run
    builds: tuple[HandOver, ...]

    @property
    def commit(self) -> str:
        return self.clone.commit


class World:
    """A context manager; it must be entered before this process has a second thread."""

    def __init__(self, folder: Path) -> None:
        """Import everything."""
        self.folder = folder
        self.loopback_folder = folder / "loopback"
        self._stack = contextlib.ExitStack()
        self._warm = self._stack.enter_context(Warm(folder / "warm"))
        self._warm.shims(folder / "shims", self.loopback_folder)
        toolset.attestations_shim(folder / "shims", self.loopback_folder / "trusted_root.json")

    @cached_property
    def creates(self) -> Project:
        """One that makes its releases."""
        return self._project(self.folder / "creates", 'release = "create"')

    @cached_property
    def indexed(self) -> Project:
        """One whose packages go to an index as well."""
        return self._project(self.folder / "indexed", 'release = "create"\n\n[tool.tagseal.index]\nname = "pypi"')

    @cached_property
    def adopts(self) -> Project:
        """One that fills what others made."""
        return self._project(self.folder / "adopts", 'release = "adopt"')

    def _project(self, folder: Path, configuration: str) -> Project:
        found = _clone(folder, configuration)
        template = folder / "template"
        found.checkout_to(template)
        run = Run(
            repository=NAME,
            repository_id=1,
            owner_id=2,
            workflow=f".github/workflows/{found.workflow}",
            ref=f"refs/tags/{TAG}",
            sha=found.commit,
        )
        project = Project(clone=found, template=template, run=run, builds=())
        return replace(project, builds=tuple(self._built(project, folder, number) for number in range(BUILDS)))

    def stage(self, project: Project, loopback: Loopback, repository: PlayedRepository) -> Stage:
        """Return what all jobs of one sequence share."""
        return Stage(
            loopback=loopback,
            repository=repository,
            clone=project.clone,
            run=project.run,
            shims=self.folder / "shims",
            folder=self.folder,
            environ={"PATH": os.environ["PATH"]},
        )

    def machine(self, project: Project, folder: Path) -> Machine:
        """Give a machine with a fresh checkout."""
        machine = Machine(folder=folder)
        shutil.copytree(project.template, machine.checkout, symlinks=True)
        machine.temp.mkdir()
        return machine

    def play(  # noqa: PLR0913 - what a runner decides about a job
        self,
        job: ReleaseJob,
        stage: Stage,
        machine: Machine,
        *,
        records: str,
        death: Death | None = None,
        ref: str = "",
        again: bool = False,
    ) -> int:
        """Run a job there; return its exit code.

        Args:
            job: Which.
            stage: What its environment leads to.
            machine: Where.
            records: The digest that the job before told.
            death: How it ends before its time.
            ref: Another ref, that its identity tokens speak of.
            again: Whether this is the same step once more, whose outputs are still there.
        """
        granted = replace(stage, run=replace(stage.run, ref=ref)) if ref else stage
        before = machine.outputs.read_bytes() if again else b""
        environ = jobs.job_environ(job, stage, jobs.JobTokens.of(job, stage), machine.checkout, machine.temp)
        environ |= {RECORDS: records} if records else {}
        if ref:
            environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = stage.loopback.tokens.grant(granted.run)
        machine.outputs.write_bytes(before)
        argv = ("run", "guard", *job.verbs)
        order = Order(argv=argv, environ=environ, cwd=str(machine.checkout), log=str(machine.log), death=death)
        code = self._warm.run(order)
        stage.loopback.github.revoke(environ["GITHUB_TOKEN"])
        return code

    def kill(self) -> None:
        """Kill the job that runs."""
        self._warm.kill()

    def handed_over(self, machine: Machine, folder: Path) -> HandOver:
        """Keep what a finished job hands on."""
        shutil.copytree(machine.work, folder)
        return HandOver(folder=folder, records=read_command_file(machine.outputs.read_text())["records"])

    def _built(self, project: Project, folder: Path, number: int) -> HandOver:
        """Play the build job, with other bytes for each number."""
        with Loopback(folder=self.loopback_folder) as loopback:
            repository = loopback.github.add_repository(NAME)
            repository.add_tag(TAG, project.commit, annotated=True)
            found = self.build(project, self.stage(project, loopback, repository), folder, number)
        shutil.rmtree(self.loopback_folder)
        return found

    def build(self, project: Project, stage: Stage, folder: Path, number: int) -> HandOver:
        """Play the build job with the packages of this number; it looks at what an index has."""
        machine = self.machine(project, folder / f"build-{number}")
        packages(machine.checkout / "wheelhouse", number)
        code = self.play(JOBS[0], stage, machine, records="")
        assert code == 0, machine.said()
        return self.handed_over(machine, folder / f"built-{number}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def packages(folder: Path, number: int) -> None:
    """Write a wheel and an sdist that any front end could have built; the number is all that differs."""
    metadata = "Metadata-Version: 2.1\nName: widget\nVersion: 1.2.3\nDescription-Content-Type: text/markdown\n\nA.\n"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{STEM}-py3-none-any.whl", "w") as wheel:
        files: Mapping[str, str] = {
            "widget.py": f"TURNS = {number}\n",
            f"{STEM}.dist-info/METADATA": metadata,
            f"{STEM}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{STEM}.dist-info/RECORD": "",
        }
        for name, text in files.items():
            wheel.writestr(name, text)
    with tarfile.open(folder / f"{STEM}.tar.gz", "w:gz") as sdist:
        for name, text in {"PKG-INFO": metadata, "widget.py": f"TURNS = {number}\n"}.items():
            member = tarfile.TarInfo(f"{STEM}/{name}")
            member.size = len(text)
            sdist.addfile(member, io.BytesIO(text.encode()))


def _clone(folder: Path, configuration: str) -> clone.Clone:
    content = {
        **widget.files(),
        "CHANGELOG.md": _CHANGELOG,
        "tagseal.toml": f"{_CONFIGURATION}{configuration}\n",
        ".gitignore": "dist/\n",
    }
    source = widget.commit(folder / "source", content, TAG)
    packages(source.root / "wheelhouse", 0)
    return clone.make(source, folder, project=None, tag=TAG, packages=None)
