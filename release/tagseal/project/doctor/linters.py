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

    from tagseal.project.doctor.row import ExaminedProject

_PATIENCE = 60.0
"""Seconds that one of them may take."""
_LINTERS = (
    # Syntax, types of expressions, shell lines.
    ("actionlint", ("-format", "{{json .}}"), "go install github.com/rhysd/actionlint/cmd/actionlint@latest"),
    # Attacks on workflows of any kind.
    ("zizmor", ("--offline", "--no-progress", "--format", "json"), "pipx install zizmor"),
)
"""Program, arguments that make it print JSON, how to install it."""


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Ask the linters that are installed how much they find; they say it better themselves.

    Files that cannot be read here have their finding, and are not given to them: one may be larger than any memory.
    """
    readable = [(file, workflow) for file, workflow in subject.files if workflow.at is not NOTHING]
    paths = [str(file.resolve()) for file, _ in readable]
    named = [workflow.path for _, workflow in readable]
    words = " ".join(quote_word(path) for path in named)
    for program, arguments, install in _LINTERS if paths else ():
        if shutil.which(program, path=subject.environ.get("PATH")) is None:
            yield DoctorRow(check=program, level="ok", text=f"not installed; it looks at more: `{install}`")
            continue
        count = _count((program, *arguments, *paths), subject)
        if count is None:
            text = "gave no list of findings"
            yield DoctorRow(
                check=program, level="warning", text=text, fix=f"Run it: `{program} {words}`", slug="linter-failed"
            )
        elif count:
            text = f"{count} finding{'s' * (count > 1)} in {len(paths)} file{'s' * (len(paths) > 1)}"
            yield DoctorRow(
                check=program, level="warning", text=text, fix=f"Run it: `{program} {words}`", slug="linter-finds"
            )
        else:
            yield DoctorRow(check=program, level="ok", text="no findings")


def _count(argv: tuple[str, ...], subject: ExaminedProject) -> int | None:
    """Return the number of findings, or None where the program gave no list; it gets no token."""
    environ = {name: value for name, value in subject.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    try:
        done = process.run(argv, cwd=subject.files[0][0].resolve().parent, environ=environ, timeout=_PATIENCE)
        found = json.loads(done.output)
    except (ServiceError, UsageError, ValueError):
        return None
    return len(found) if isinstance(found, list) else None
