"""A release's body: the notes, and the lines that say which part of it is ours.

1. With ``release = "adopt"``: what somebody else wrote, in the part of Markdown that GitHub and we read alike
   (``tagseal.notes.dialect``), and the line that begins our part.
2. The notes, rendered.
3. Their digest: so a person's edit is told from notes that were only rendered otherwise before.
4. The marker, last (``tagseal.services.github.mine``).
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from itertools import count, islice
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.names import printable
from tagseal.notes import clients, dialect, page, render
from tagseal.services.github import marker

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Plan, Seal, Tag
    from tagseal.steps import Services

BEGIN = "<!-- tagseal: what follows is written by the release; write above this line -->"
"""Begins our part of a body that somebody else began."""

_DIFF = 20
"""Lines of a difference that are shown."""
_LINE = 200
"""Characters of such a line."""


def render_body(tag: Tag, plan: Plan, seal: Seal, services: Services, theirs: str | None) -> str:
    """Return the body that the release is to have, behind what somebody else wrote, if anything.

    Raises:
        TagsealError: The notes cannot be rendered, or what stands above them would hide the instructions.
    """
    above = beginning(theirs)
    if theirs and theirs.strip():
        plan = dataclasses.replace(plan, section="")  # what they wrote is the notes' first part
    found = render.render(
        tag=tag.name,
        plan=plan,
        artifacts=seal.subjects,
        override=services.templates,
        above=above,
        minimum=clients.of(seal),
    )
    if theirs and theirs.strip():  # by itself: the line that begins our part would end a comment
        page.check(above.removesuffix(f"{BEGIN}\n\n"), found.text.removeprefix(above))
    return close(found.text, tag.name)


def beginning(theirs: str | None) -> str:
    """Return what stands above our part of a body: nothing, or somebody else's words and the line that begins it."""
    if theirs is None:
        return ""
    page.hold_length(theirs)
    return f"{_words(theirs)}\n\n{BEGIN}\n\n" if theirs.strip() else f"{BEGIN}\n\n"


def close(text: str, tag: str) -> str:
    """Return a body with the two lines that end our part."""
    return f"{text.rstrip()}\n\n{_stamp(_split(text)[2])}\n{marker(tag)}\n"


def theirs(text: str) -> str | None:
    """Return what stands above our part of a body; None where no line begins one."""
    above, begin, _ = _split(text)
    return above if begin else None


def is_edited(text: str) -> bool:
    """Tell whether a person changed our part of a body since it was rendered."""
    ours, _, stamp = _split(text)[2].rstrip().rpartition("\n")[0].rpartition("\n")
    return stamp != _stamp(ours.rstrip())


def loses(text: str, instead: str) -> bool:
    """Tell whether words of a person are lost when ``instead`` takes the place of ``text``."""
    above = theirs(instead)
    if above is not None and _words(text) == above.rstrip():
        return False
    return _words(theirs(text) or "").strip() != (above or "").strip() or is_edited(text)


def digest(text: str) -> str:
    """Return the sha256 of our part of a body; what stands above it may change."""
    return hashlib.sha256(_split(text)[2].strip().encode()).hexdigest()


def keep(text: str, folder: Path) -> Path:
    """Keep a body that a person edited, in a file of its own; one that is kept already is not kept twice."""
    content = text.encode()
    names = (f"notes-edited{'' if number == 1 else f'-{number}'}.md" for number in count(1))
    for name in names:
        path = folder / name
        if not path.exists():
            files.write_atomically(path, content)
            return path
        if files.read(path) == content:
            return path
    raise AssertionError  # there is always another number


def changes(found: str, rendered: str) -> tuple[str, ...]:
    """Return the first lines of a unified diff, fit to be printed: what a person wrote goes, and so comes first."""
    lines = difflib.unified_diff(
        found.rstrip().splitlines(), rendered.rstrip().splitlines(), "as it is", "as rendered", lineterm="", n=1
    )
    shown = [printable(line[:_LINE]) for line in islice(lines, _DIFF + 1)]
    return (*shown[:_DIFF], *(["…"] if len(shown) > _DIFF else []))


def _words(theirs: str) -> str:
    return dialect.restrict(theirs).rstrip()


def _split(text: str) -> tuple[str, str, str]:
    """Return what somebody else wrote, the line that begins our part, and our part; the last such line counts."""
    above, begin, ours = f"\n{text}".rpartition(f"\n{BEGIN}\n")
    return above.removeprefix("\n"), begin, ours.removeprefix("\n") if not begin else ours


def _stamp(ours: str) -> str:
    return f"<!-- sha256 of these notes, as rendered: {hashlib.sha256(ours.strip().encode()).hexdigest()} -->"
