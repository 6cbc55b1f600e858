"""What a rehearsal leaves: a folder of its own, and words that name nothing that is gone.

The jobs work in a temporary folder, and their errors name files in there. What a person needs of it is copied
before it goes, and every line is told with the place where the copy lies.

The folder lies in a checkout that a stranger may have made: nothing is written through a link, or over what git has.
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
from tagseal.machine import files
from tagseal.names import quote_word, show
from tagseal.verification.diagnosis.wording import workflow_option
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.machine.git import Git
    from tagseal.rehearsal.jobs import Stage
    from tagseal.rehearsal.project.clone import Clone

TRANSCRIPT = "transcript.jsonl"
"""A folder that has it is one of ours."""
ROOT = "rehearsal_root.json"
"""The root of trust of the rehearsal's own Sigstore instance: a bare root, so that nothing can be signed by it, under a
name that tells what vouches wherever it is told. Nothing believes it unless a person names it."""
_ASSETS = "assets"
_KEPT = (TRANSCRIPT, "notes.md", "release.json", _ASSETS, ROOT, "logs")
"""What is left, the transcript first: it tells whose the folder is, however the rehearsal ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
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

    def prepare(self, git: Git) -> None:
        """Make the folder for what is left; what an earlier rehearsal left there stays until this one has ended.

        Args:
            git: The checkout.

        Raises:
            UsageError: It is a file, or has files in it that no rehearsal left, or that git tracks.
            Refused: A link in the checkout leads elsewhere.
        """
        if files.link_below(self.source, self.out):
            raise files.leads_away(str(self.out))
        strange = _strange(self.out)
        if not strange and (real := self.out.resolve()).is_relative_to(self.source) and git.is_tracked(real):
            strange = ["what git tracks"]
        if strange:
            raise UsageError(
                f"got {show(str(self.out))} for what the rehearsal leaves, expected a new folder, an empty one, or "
                "one that an earlier rehearsal filled: this one would remove what is there",
                context=(f"found {', '.join(show(name) for name in strange[:5])}",),
                hint="Name another folder with --out.",
                slug="out-not-ours",
            )
        self.out.mkdir(parents=True, exist_ok=True)
        for name in _KEPT:
            if (self.out / name).is_symlink():  # no rehearsal left it
                (self.out / name).unlink()

    @contextmanager
    def keep_output(self, stage: Stage) -> Iterator[None]:
        """Leave transcript, release, notes and logs when the block ends, also when something went wrong in it.

        An interrupt leaves what an earlier rehearsal left.
        """
        interrupted = False
        try:
            yield
        except KeyboardInterrupt:
            interrupted = True
            raise
        finally:
            if not interrupted:
                self._keep(stage)

    def _keep(self, stage: Stage) -> None:
        """Put what this rehearsal made in the place of what lay there."""
        with tempfile.TemporaryDirectory(prefix=".", dir=self.out) as folder:
            fresh = Path(folder)
            shutil.copyfile(stage.loopback.folder / TRANSCRIPT, fresh / TRANSCRIPT)
            shutil.copyfile(stage.loopback.folder / "trusted_root.json", fresh / ROOT)
            for release in stage.repository.releases:
                stage.loopback.github.dump_release(stage.repository, release, fresh)
            self._logs(stage, fresh)
            for name in _KEPT:
                _remove(self.out / name)
                if (fresh / name).exists():
                    (fresh / name).rename(self.out / name)

    def _logs(self, stage: Stage, fresh: Path) -> None:
        logs = fresh / "logs"
        logs.mkdir()
        for log in sorted(self.jobs.glob("*/log.txt")):
            self._log(log, logs / log.parent.name)
            self._summary(log.parent, logs)
            work = Workspace.of(log.parent / "checkout", stage.clone.tag)
            for of_build in sorted((work.path / "logs").glob("*.log")):
                self._log(of_build, logs / of_build.stem)
            if work.notes.exists():
                shutil.copyfile(work.notes, fresh / "notes.md")
            for bug in log.parent.glob("temp/tagseal-bug-*"):
                shutil.copy2(bug, tempfile.gettempdir())

    def _summary(self, job: Path, logs: Path) -> None:
        """Keep what the job would show on the run's page."""
        parts = sorted((job / "temp").glob("**/github_step_summary"), key=lambda path: path.stat().st_mtime)
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in parts)
        if text:
            (logs / f"{job.name}.md").write_text(self.lasting(text), encoding="utf-8")

    def _log(self, log: Path, target: Path) -> None:
        text = self.lasting(log.read_text(encoding="utf-8", errors="replace"))
        target.with_name(f"{target.name}{log.suffix}").write_text(text, encoding="utf-8")

    def lasting(self, text: str) -> str:
        """Return a text in which no temporary place is named for which there is a lasting one."""
        job = rf"{re.escape(str(self.jobs))}/[A-Za-z0-9_-]+"
        places = {
            rf"{job}/checkout/dist/[^/\s]+/logs": self.out / "logs",
            rf"{job}/checkout": self.source,
            rf"{job}/temp": Path(tempfile.gettempdir()),
            re.escape(str(self.temporary / "project")): self.source,
        }
        for before, after in places.items():
            text = re.sub(before, lambda _, place=str(after): place, text)  # type: ignore[misc]
        return text

    @contextmanager
    def name_lasting_paths(self) -> Iterator[None]:
        """Let an error that leaves the block name lasting places."""
        try:
            yield
        except TagsealError as error:
            error.what, error.hint = self.lasting(error.what), self.lasting(error.hint)
            error.context = tuple(map(self.lasting, error.context))
            raise


def verify_command(out: Path, clone: Clone) -> str:
    """Return the command that verifies what a rehearsal left in this folder: by its own root of trust, without network.

    Args:
        out: The folder, as a person names it.
        clone: What was rehearsed.
    """
    who = f"--repo {quote_word(clone.repository)} --tag {quote_word(clone.tag)}{workflow_option(clone.workflow)}"
    return (
        f"tagseal verify {quote_word(f'{out / _ASSETS}')} {who} --offline --trust-config {quote_word(f'{out / ROOT}')}"
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _strange(out: Path) -> list[str]:
    """Return the names in a folder that no rehearsal filled; a file's own name where there is one instead."""
    if not out.is_dir():
        return [out.name] if out.exists() or out.is_symlink() else []
    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    ours = TRANSCRIPT in names or not names
    return [name for name in names if not ours or name not in _KEPT]
