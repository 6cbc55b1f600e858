"""Committed pages: identities that nobody can have, and guides that no longer fit the project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.machine.files import open_file
from tagseal.machine.git import repository
from tagseal.names import show
from tagseal.project import guide
from tagseal.project.doctor.row import DoctorRow, failure
from tagseal.steps.seal import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.project.doctor.row import ExaminedProject

_GUIDE = b" Written by: tagseal guide"
_END = 200
"""Bytes at a page's end, where the guide says what wrote it."""


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Hold the pages against the workflows that there are, and a guide against the project."""
    if subject.git is None or subject.settings is None:
        return
    name = repository(subject.settings.repository, subject.environ, subject.git.origin())
    if name is None:
        return
    for one in identity.find_misnamed(subject.git, name):
        yield DoctorRow(
            check="page",
            level="error",
            text=f"{one.place}: the identity names {show(one.file)}, and there is no such workflow",
            fix="Name the file that signs, or give it its old name back: `tagseal guide` renders the page.",
            slug="page-identity",
            file=one.path,
            line=one.line,
            column=one.column,
        )
    for path in subject.git.tracked_files():
        file = subject.git.root / path
        if path.endswith((".md", guide.RST)) and file.is_file() and not file.is_symlink() and _GUIDE in _end(file):
            try:
                guide.check(subject.git.root, None, file)
            except TagsealError as error:
                yield failure("guide", error)
            else:
                yield DoctorRow.ok("guide", f"{path} is what the project renders now")


def _end(file: Path) -> bytes:
    with open_file(file) as page:
        page.seek(max(0, page.seek(0, os.SEEK_END) - _END))
        return page.read()
