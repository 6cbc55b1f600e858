"""The machine that a job of a played workflow runs on: what it finds there, and what it does not.

1. A folder, HOME and temporary folder of its own, nothing of the person's environment.
2. The programs of this machine, but for those that no runner has before an installer ran: cosign and crane.
3. No interpreter with this tool in it: the workflow's own set-up has to bring that.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine.backend import network_settings
from tagseal.rehearsal import child
from tagseal.rehearsal.jobs import job_environ
from tagseal.workflow.play.action import StepFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tagseal.rehearsal.jobs import JobTokens, ReleaseJob, Stage
    from tagseal.report.events import Failure, ReportEvent

INSTALLED = ("cosign", "crane")
_LOG = "log.txt"


@dataclass(slots=True, kw_only=True)
class Machine:
    """A runner for one job; see :class:`~tagseal.workflow.play.steps.World`."""

    stage: Stage
    job: ReleaseJob
    powers: JobTokens
    shared: Path
    """What the jobs of the run share: artifacts and snapshots."""
    tell: Callable[[ReportEvent], None]
    say: Callable[[str], None]
    environ: Mapping[str, str] = field(init=False)
    """What every step finds; no token is among it, for a runner gives that to no shell by itself."""
    failures: list[Failure] = field(default_factory=list)
    """What commands of ours ended with, in their order."""
    _count: int = 0

    def __post_init__(self) -> None:
        """Make the folders, and the environment."""
        shutil.rmtree(self.folder, ignore_errors=True)  # an earlier attempt's
        for folder in (self.workspace, self.temp, self.artifacts, self.snapshots):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.python, ignore_errors=True)
        environ = job_environ(self.job, self.stage, self.powers, self.workspace, self.temp)
        del environ["GITHUB_TOKEN"]
        self.environ = environ | {"PATH": self._path()}

    @property
    def folder(self) -> Path:
        """The job's own."""
        return self.stage.folder / self.job.name

    @property
    def shims(self) -> Path:
        """The tools that find their way here, without what only an installer brings."""
        return _without(self.stage.shims, self.shared / "shims")

    @property
    def workspace(self) -> Path:
        """Where steps begin."""
        return self.folder / "checkout"

    @property
    def temp(self) -> Path:
        """The job's own temporary folder."""
        return self.folder / "temp"

    @property
    def artifacts(self) -> Path:
        """What jobs hand on."""
        return self.shared / "artifacts"

    @property
    def snapshots(self) -> Path:
        """What was set up once."""
        return self.shared / "snapshots"

    @property
    def python(self) -> Path:
        """The interpreter's folder, the same in every job."""
        return self.shared / "python"

    @property
    def network(self) -> Mapping[str, str]:
        """The person's own way to a package index."""
        return network_settings(self.stage.environ)

    @property
    def tools(self) -> Mapping[str, Path]:
        """What installers put on PATH."""
        folders = {}
        for name in INSTALLED:
            if (shim := self.stage.shims / name).exists():
                folders[name] = self.shared / "installed" / name
                _link(shim, folders[name])
        return folders

    def checkout(self, folder: Path, *, whole: bool) -> None:
        """Put the run's checkout there."""
        stage = self.stage
        if not stage.loopback.github.may_read(self.powers.token, stage.repository):
            raise StepFailedError(f"remote: Repository not found. fatal: repository {stage.clone.repository} not found")
        shutil.rmtree(folder)
        git = stage.clone.checkout_to(folder)
        if not whole:
            git.command("tag", "--delete", *(tag for tag in git.tags() if tag != stage.clone.tag))
            (folder / ".git" / "shallow").write_text(f"{stage.clone.commit}\n", encoding="utf-8")

    def begin(self, name: str, place: str) -> None:
        """Log which step begins, and say it to whoever waits."""
        self.log(f"== {name} ({place})")
        self.say(f"{self.job.name}: {name}")

    def run(self, argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, timeout: float | None) -> int:
        """Run a shell to its end; what happens in it is told, and what is printed goes to the job's log."""
        self._count += 1
        own = self.folder / f"step-{self._count}.txt"
        ended = child.run(
            argv,
            cwd=cwd,
            environ=environ,
            log=own,
            faults=self.stage.loopback.faults,
            tell=self.tell,
            timeout=timeout,
        )
        self.failures += ended.failures
        if ended.code != 0 and not ended.failures:
            ended.show_output(self.tell)
        with (self.folder / _LOG).open("ab") as log, own.open("rb") as said:
            shutil.copyfileobj(said, log)
        return ended.code

    def log(self, line: str) -> None:
        """Take one line of the job's log."""
        with (self.folder / _LOG).open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _path(self) -> str:
        """Return the machine's folders, without what only an installer brings."""
        folders = []
        for number, folder in enumerate(map(Path, self.stage.environ.get("PATH", os.defpath).split(os.pathsep))):
            there = any((folder / name).exists() for name in INSTALLED)
            folders.append(_without(folder, self.shared / "programs" / str(number)) if there else folder)
        return os.pathsep.join(map(str, folders))


def _without(folder: Path, made: Path) -> Path:
    """Make a folder of links to everything in another, but for what only an installer brings."""
    if not made.is_dir():  # else it was made for the job, or the step, before
        for program in folder.iterdir():
            if program.name not in INSTALLED:
                _link(program, made)
    return made


def _link(program: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (folder / program.name).symlink_to(program)
