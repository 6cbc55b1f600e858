"""Linters that are installed: they say it better themselves, so only how much they find is told."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tagseal.errors import ServiceError, UsageError
from tagseal.machine import process
from tagseal.names import quote_word
from tagseal.project.doctor.row import DoctorRow
from tagseal.workflow.document import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.project.doctor.row import ExaminedProject
    from tagseal.workflow.document import Workflow

_PATIENCE = 60.0
"""Seconds that one of them may take."""
_LINTERS = (
    # Syntax, types of expressions, shell lines.
    ("actionlint", ("-format", "{{json .}}")),
    # Attacks on workflows of any kind.
    ("zizmor", ("--offline", "--no-progress", "--format", "json")),
)
"""Program, arguments that make it print JSON."""


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Ask the linters that are installed how much they find; they say it better themselves.

    Files that cannot be read here have their finding, and are not given to them: one may be larger than any memory.
    """
    readable, absent = _readable(subject), missing(subject)
    paths = [str(file.resolve()) for file, _ in readable]
    named = [workflow.path for _, workflow in readable]
    words = " ".join(quote_word(path) for path in named)
    for program, arguments in _LINTERS if paths else ():
        if program in absent:
            continue
        count = _count((program, *arguments, *paths), subject)
        if count is None:
            yield DoctorRow.warning(
                program, "gave no list of findings", f"Run it: `{program} {words}`", "linter-failed"
            )
        elif count:
            text = f"{count} finding{'s' * (count > 1)} in {len(paths)} file{'s' * (len(paths) > 1)}"
            yield DoctorRow.warning(program, text, f"Run it: `{program} {words}`", "linter-finds")
        else:
            yield DoctorRow.ok(program, "no findings")


def missing(subject: ExaminedProject) -> tuple[str, ...]:
    """Return the linters that would have something to look at, and are not installed."""
    path = subject.environ.get("PATH")
    wanted = [program for program, _ in _LINTERS] if _readable(subject) else []
    return tuple(program for program in wanted if shutil.which(program, path=path) is None)


def _readable(subject: ExaminedProject) -> list[tuple[Path, Workflow]]:
    return [(file, workflow) for file, workflow in subject.files if workflow.at is not NOTHING]


def _count(argv: tuple[str, ...], subject: ExaminedProject) -> int | None:
    """Return the number of findings, or None where the program gave no list; it gets no token."""
    environ = {name: value for name, value in subject.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    try:
        done = process.run(argv, cwd=subject.files[0][0].resolve().parent, environ=environ, timeout=_PATIENCE)
        found = json.loads(done.output)
    except (ServiceError, UsageError, ValueError):
        return None
    return len(found) if isinstance(found, list) else None
