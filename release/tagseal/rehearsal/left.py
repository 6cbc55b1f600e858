"""What a rehearsal leaves: a folder of its own, and words that name nothing that is gone.

The jobs work in a temporary folder, and their errors name files in there. What a person needs of it is copied
before it goes, and every line is told with the place where the copy lies.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError, UsageError
from tagseal.names import shown
from tagseal.steps import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.rehearsal.jobs import Stage

TRANSCRIPT = "transcript.jsonl"
"""Written first: a folder that has it is one of ours, however the rehearsal ended."""
_FILES = ("notes.md", "release.json")
_FOLDERS = ("assets", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """The places of one rehearsal, before and after."""

    temporary: Path
    """The rehearsal's own folder: gone when it ends."""
    source: Path
    """The person's checkout."""
    out: Path
    """What is left."""

    @property
    def jobs(self) -> Path:
        """One folder for each job."""
        return self.temporary / "jobs"

    def empty(self) -> None:
        """Make the folder for what is left, without what an earlier rehearsal left there.

        Raises:
            UsageError: It is a file, or has files in it that no rehearsal left.
        """
        if strange := _strange(self.out):
            raise UsageError(
                f"got {shown(str(self.out))} for what the rehearsal leaves, expected a new folder, an empty one, or "
                "one that an earlier rehearsal filled: this one would remove what is there",
                context=(f"found {', '.join(shown(name) for name in strange[:5])}",),
                hint="Name another folder with --out.",
                slug="out-not-ours",
            )
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / TRANSCRIPT).write_bytes(b"")
        for name in _FILES:
            (self.out / name).unlink(missing_ok=True)
        for name in _FOLDERS:
            shutil.rmtree(self.out / name, ignore_errors=True)

    @contextmanager
    def kept(self, stage: Stage) -> Iterator[None]:
        """Leave transcript, release, notes and logs when the block ends, also when something went wrong in it."""
        try:
            yield
        finally:
            shutil.copy2(stage.loopback.folder / TRANSCRIPT, self.out / TRANSCRIPT)
            for release in stage.repository.releases:
                stage.loopback.github.dump_release(stage.repository, release, self.out)
            self._logs(stage)

    def _logs(self, stage: Stage) -> None:
        (self.out / "logs").mkdir()
        for log in sorted(self.jobs.glob("*/log.txt")):
            self._log(log, log.parent.name)
            self._summary(log.parent)
            work = Workspace.of(log.parent / "checkout", stage.clone.tag)
            for of_build in sorted((work.path / "logs").glob("*.log")):
                self._log(of_build, of_build.stem)
            if work.notes.exists():
                shutil.copy2(work.notes, self.out / "notes.md")
            for bug in log.parent.glob("temp/tagseal-bug-*"):
                shutil.copy2(bug, tempfile.gettempdir())

    def _summary(self, job: Path) -> None:
        """Keep what the job would show on the run's page."""
        parts = sorted((job / "temp").glob("**/github_step_summary"), key=lambda path: path.stat().st_mtime)
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in parts)
        if text:
            (self.out / "logs" / f"{job.name}.md").write_text(self.lasting(text), encoding="utf-8")

    def _log(self, log: Path, name: str) -> None:
        text = self.lasting(log.read_text(encoding="utf-8", errors="replace"))
        (self.out / "logs" / f"{name}{log.suffix}").write_text(text, encoding="utf-8")

    def lasting(self, text: str) -> str:
        """Return a text in which no temporary place is named for which there is a lasting one."""
        job = rf"{re.escape(str(self.jobs))}/[A-Za-z0-9_-]+"
        places = {
            rf"{job}/checkout/dist/[^/\s]+/logs": self.out / "logs",
            rf"{job}/checkout": self.source,
            rf"{job}/temp(?=/tagseal-bug-)": Path(tempfile.gettempdir()),
            re.escape(str(self.temporary / "project")): self.source,
        }
        for before, after in places.items():
            text = re.sub(before, lambda _, place=str(after): place, text)  # type: ignore[misc]
        return text

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let an error that leaves the block name lasting places."""
        try:
            yield
        except TagsealError as error:
            error.what, error.hint = self.lasting(error.what), self.lasting(error.hint)
            error.context = tuple(map(self.lasting, error.context))
            raise


def _strange(out: Path) -> list[str]:
    """Return the names in a folder that no rehearsal filled; a file's own name where there is one instead."""
    if not out.is_dir():
        return [out.name] if out.exists() or out.is_symlink() else []
    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    ours = TRANSCRIPT in names or not names
    return [name for name in names if not ours or name not in {TRANSCRIPT, *_FILES, *_FOLDERS}]
