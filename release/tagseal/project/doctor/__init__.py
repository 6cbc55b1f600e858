"""What is wrong with a project before anything is tagged. Nothing is changed, nothing of the project is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal import config
from tagseal.errors import ConfigError, UsageError
from tagseal.machine.git import Git
from tagseal.project.doctor import identity, linters, network, pages, ready, tools, version, workflows
from tagseal.project.doctor.row import DoctorRow, ExaminedProject
from tagseal.records import WORKFLOWS
from tagseal.tags import pattern
from tagseal.workflow.release_map import release_map
from tagseal.workflow.signing import files as workflow_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tagseal.config import Settings

__all__ = ["DoctorRow", "Examination", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was seen, and what nobody looked at: without that, a short list of findings says too much."""

    rows: tuple[DoctorRow, ...]
    unchecked: tuple[str, ...]
    """Nouns, each with the reason in parentheses; commands in backticks."""


def examine(folder: Path, files: Sequence[Path], environ: Mapping[str, str], *, offline: bool) -> Examination:
    """Return what every check says of the project that ``folder`` is in, or of these workflow files alone.

    Raises:
        UsageError: A file cannot be read, or none is named and this is no checkout.
    """
    try:
        git = Git.at(folder, environ)
    except UsageError:
        if not files:
            raise
        git = None
    settings, wrong = _settings(git)
    found = [(file, str(file)) for file in files]
    if git and not files:
        found = [(file, f"{WORKFLOWS}/{file.name}") for file in workflow_files(git.root)]
    read = tuple((file, workflows.open_workflow(file, path)) for file, path in found)
    way = pattern(git.tags(), settings.tag) if git and settings else None
    subject = ExaminedProject(
        environ=environ,
        files=read,
        map=release_map([workflow for _, workflow in read], way.tag("1.2.3") if way and way.told else None),
        named=bool(files),
        offline=offline,
        git=git,
        settings=settings,
    )
    checks = OF_FILES if files else CHECKS
    told = tuple(row for check in checks for row in check(subject))
    rows = (*wrong, *_join(told, () if files else tuple(ready.look(subject))))
    return Examination(rows=rows, unchecked=tuple(_unchecked(subject)))


def _join(rows: Sequence[DoctorRow], reasons: Sequence[DoctorRow]) -> Iterator[DoctorRow]:
    """Yield all rows, each thing once: the reason takes the place of a row, but for errors of the lint."""
    linted = {row.slug for row in rows if row.check == "workflow" and row.level == "error"}
    told = [row for row in reasons if row.slug not in linted]
    slugs = {row.slug for row in told}
    yield from (row for row in rows if not row.slug or row.slug not in slugs)
    yield from told


def _unchecked(subject: ExaminedProject) -> Iterator[str]:
    """Yield what these checks leave out; of files that a person names, only what their own checks leave out."""
    if not subject.named and subject.offline:
        yield "the network (--offline)"
    if missing := linters.missing(subject):
        yield f"{' and '.join(missing)} (not installed)"
    if not subject.named:
        yield "the build (`tagseal rehearse` makes it)"


def _settings(git: Git | None) -> tuple[Settings | None, tuple[DoctorRow, ...]]:
    """Return the settings; where they are wrong, none, and a line for each problem."""
    if git is None:
        return None, ()
    try:
        settings = config.load(git.root)
        config.not_yet(settings)
    except ConfigError as error:
        problems = error.context or (error.what,)
        return None, tuple(DoctorRow.error("config", problem, error.hint, error.slug) for problem in problems)
    return settings, (DoctorRow.ok("config", "nothing is unknown, nothing contradicts"),)


OF_FILES: tuple[Callable[[ExaminedProject], Iterator[DoctorRow]], ...] = (
    # What the release will run.
    workflows.look,
    # What others know better.
    linters.look,
)
"""What is told of files that a person names."""

CHECKS: tuple[Callable[[ExaminedProject], Iterator[DoctorRow]], ...] = (
    # Without these not even a rehearsal runs.
    tools.look,
    # What the next release is made of.
    version.look,
    # What the release will run, and what its jobs install.
    *OF_FILES,
    workflows.locks,
    # Who it will be signed as.
    identity.look,
    # What strangers will copy.
    pages.look,
    # What nobody sees from this checkout alone; last, for it takes time.
    network.look,
)
