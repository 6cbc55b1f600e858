"""Whether the tree is ready to be released, as far as nothing has to be built for it: the rehearsal's own reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.project import readiness
from tagseal.project.doctor.row import DoctorRow
from tagseal.project.readiness.candidate import of_checkout
from tagseal.records import Readiness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import ExaminedProject
    from tagseal.records import Reason


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Give a line for each reason: an error for what is broken, a warning for what is still to do."""
    if subject.git is None or subject.settings is None:
        return
    try:
        reasons = readiness.judge(of_checkout(subject.git, subject.settings))
    except TagsealError:
        return  # the line about the version, or the notes, has said it
    yield from map(_row, reasons)


def _row(reason: Reason) -> DoctorRow:
    file, _, line = reason.place.partition(":")
    place = f"{reason.place}: " if file and file not in reason.what else ""
    return DoctorRow(
        check="ready",
        level="error" if reason.readiness is Readiness.broken else "warning",
        text=f"{place}{reason.what}",
        fix=reason.fix,
        slug=reason.slug,
        file=file,
        line=int(line) if line.isdigit() else 0,
    )
