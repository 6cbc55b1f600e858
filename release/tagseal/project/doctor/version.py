"""The next release: its version, its tag, its section in the changelog, its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.project import preview
from tagseal.project.detect import detect
from tagseal.project.doctor.row import DoctorRow, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import ExaminedProject


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Tell which version comes next, whether its tag is free here, and whether its notes render."""
    if subject.git is None or subject.settings is None:
        return
    try:
        project = detect(subject.git, subject.settings, {})
    except TagsealError as error:
        yield failure("version", error)
        return
    declared = project.declared.version
    if declared is None:
        text = "the build back end computes it, so it is known once it builds"
        yield DoctorRow.ok("version", text)
        return
    tag = project.pattern.tag(declared)
    yield DoctorRow.ok("version", f"{declared}, to be tagged {tag} ({project.pattern.basis})")
    said: list[str] = []
    try:
        preview.notes(subject.git.root, None, said.append)
    except TagsealError as error:
        yield failure("notes", error)
    else:
        yield DoctorRow.ok("notes", f"render for {tag}")
