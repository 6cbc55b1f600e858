"""What is installed here: a rehearsal plays what is missing, a release has it from an installer."""

from __future__ import annotations

import platform
import shutil
from typing import TYPE_CHECKING

from tagseal.project.doctor.row import DoctorRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import ExaminedProject

_TOOLS = ("gh", "cosign")
_IMAGE_TOOLS = ("crane",)


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Name Python, and the tools of the notes' commands that are here and not."""
    image = subject.settings is not None and subject.settings.image is not None
    names = (*_TOOLS, *(_IMAGE_TOOLS if image else ()))
    path = subject.environ.get("PATH")
    here = [name for name in names if shutil.which(name, path=path)]
    missing = [name for name in names if name not in here]
    text = f"Python {platform.python_version()}" + "".join(f", {name}" for name in here)
    if missing:
        text += f"; a rehearsal here plays {' and '.join(missing)}, the release's jobs install it"
    yield DoctorRow.ok("tools", text)
