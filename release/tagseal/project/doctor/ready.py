"""Whether the tree is ready to be released, as far as nothing has to be built for it: the rehearsal's own reasons.

A project that is released in another way is not broken: there the reasons about its workflows are warnings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.project import readiness
from tagseal.project.doctor.row import DoctorRow
from tagseal.project.readiness.candidate import of_checkout
from tagseal.records import WORKFLOWS, Readiness
from tagseal.workflow.release_tools import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import ExaminedProject
    from tagseal.records import Reason


_OURS = ".github/tagseal"
"""What `tagseal init` writes for the jobs of a release."""


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Give a line for each reason: an error for what is broken, a warning for what is still to do."""
    if subject.git is None or subject.settings is None:
        return
    try:
        candidate = of_checkout(subject.git, subject.settings)
        reasons = readiness.judge(candidate)
    except TagsealError:
        return  # the line about the version, or the notes, has said it
    ours = (candidate.root / _OURS).is_dir() or bool(candidate.map.having(Role.runs_verbs))
    yield from (_row(reason, ours=ours) for reason in reasons)


def _row(reason: Reason, *, ours: bool) -> DoctorRow:
    file, _, line = reason.place.partition(":")
    counts = ours or not file.startswith(WORKFLOWS)
    return DoctorRow(
        check="ready",
        level="error" if reason.readiness is Readiness.broken and counts else "warning",
        text=reason.text,
        fix=reason.fix,
        slug=reason.slug,
        file=file,
        line=int(line) if line.isdigit() else 0,
    )
