"""Find a version's section in the project's changelog, and give it as Markdown.

Headings are what a Markdown or reStructuredText parser calls one: never a line in a code block or a comment that
looks alike. Which heading is a version's: the one whose first version-like word is that version, with the fewest
words before it ("Version 8.5.0", "[26.1.0](…) - 2026-06-06", "2.34.2 (2026-05-14)").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from packaging.version import Version

from tagseal.errors import ConfigError
from tagseal.machine import files
from tagseal.names import printable, show
from tagseal.notes.child import ask
from tagseal.notes.escape import code, fenced
from tagseal.notes.headings import (
    Heading,
    References,
    blocks,
    markdown_headings,
    named_version,
    place_of,
    plain_headings,
)
from tagseal.notes.page import LIMIT, html, seams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from markdown_it.token import Token

_STEMS = ("CHANGELOG", "CHANGES", "HISTORY", "NEWS")
_SUFFIXES = (".md", ".rst", ".txt", "")
_MOST_SUBJECTS = 100
_LONGEST_SUBJECT = 200  # characters
_MOST_UNRELEASED = 10
_LARGEST = 4 * 1024 * 1024
"""Bytes of a changelog: reading one of blocks without end takes a minute, as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What the changelog says about one version."""

    text: str
    """Markdown, without the heading."""
    heading: str
    """The heading's own words."""
    unreleased: bool
    """Whether the heading names no version: it says that the section is not released yet."""


def find(root: Path, setting: str | None) -> Path | None:
    """Return the project's changelog: the configured one, else the usual names at the root, then in ``docs/``.

    Raises:
        ConfigError: The configured one is absent, a link, or outside the project.
    """
    if setting is None:
        return next((path for folder in (root, root / "docs") for path in _usual(root, folder)), None)
    if files.is_own(root, root / setting):
        return root / setting
    raise ConfigError(
        f"changelog: got {show(setting)}, expected a regular file of the project",
        hint="Correct `changelog` in [tool.tagseal], or remove it to let the usual names be found.",
        slug="changelog-not-found",
    )


def _usual(root: Path, folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    own = {path.name.lower(): path for path in sorted(folder.iterdir()) if files.is_own(root, path)}
    for name in (stem + suffix for stem in _STEMS for suffix in _SUFFIXES):
        if name.lower() in own:
            yield own[name.lower()]


def section(path: Path, version: Version, epoch: int = 0) -> Section | None:
    """Return the version's section: its own; for a pre-release the base version's; then Unreleased.

    A heading that names another version is never Unreleased, and one that names none is it only above every version.
    The heading tells which one it is. Where the changelog asks for a date, that is ``epoch``, in seconds since 1970.

    Raises:
        ConfigError: The file is not UTF-8, or too long, or docutils cannot read it.
    """
    text, markdown = _markdown(path, epoch)
    lines = text.split("\n")
    headings, known = markdown_headings(text) if markdown else (plain_headings(lines), {})

    def cut(heading: Heading) -> str:
        body = _body(lines, headings, heading)
        return _with_definitions(body, known) if markdown else _fence(body)

    chosen = _own(headings, version) or next(
        (one for one in _unreleased(headings, version) if html(cut(one)[:LIMIT]).strip()), None
    )
    if chosen is None:
        return None
    return Section(text=cut(chosen), heading=chosen.words, unreleased=named_version(chosen.words, version) is None)


def says_something(section: Section) -> bool:
    """Tell whether a section has more than headings and comments."""
    return any(
        (token.type.endswith("_open") and token.type != "heading_open")
        or token.type in {"fence", "code_block"}
        or (token.type == "html_block" and not token.content.lstrip().startswith("<!--"))
        for token in blocks(section.text)[0]
    )


def foreign_heading(path: Path, version: Version, epoch: int = 0) -> str:
    """Return the first heading of a version, if that is another one and says that it is not released; else nothing.

    Raises:
        ConfigError: As of :func:`section`.
    """
    text, markdown = _markdown(path, epoch)
    headings = markdown_headings(text)[0] if markdown else plain_headings(text.split("\n"))
    named = ((heading.words, named_version(heading.words, version)) for heading in headings)
    words, first = next(((words, found) for words, found in named if found is not None), ("", version))
    return words if first != version and "unreleased" in words.casefold() else ""


def _markdown(path: Path, epoch: int) -> tuple[str, bool]:
    """Return a changelog's text, and whether it is Markdown now."""
    text, suffix = _read(path), path.suffix.lower()
    return (_from_rst(text, epoch, path.name) if suffix == ".rst" else text), suffix in {".md", ".rst"}


def shorten(section: str, room: int, more: str) -> str:
    """Return the beginning of a section, and ``more``, in at most ``room`` characters.

    The cut is at the last heading, if that leaves half of the room filled; else at the last block that fits.
    """
    head = section[: max(room, 0)].rpartition("\n")[0]  # the rest is not shown, so it is not parsed
    _, known = blocks(section)
    room -= len(_with_definitions(head, known)) - len(head) + len(more) + 3
    lines = head.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    cuts = [(line, heading) for line, heading in reversed(seams(head)) if starts[line] <= room]
    headings = [line for line, heading in cuts if heading and starts[line] >= room // 2]
    end = next((line for line in (*headings, *(line for line, _ in cuts))), 0)
    body = "\n".join(lines[:end]).rstrip()
    return f"{_with_definitions(body, known)}\n\n{more}" if body else more


def from_commits(subjects: Sequence[str]) -> str:
    """Return commit subjects as a Markdown list of code spans, for a project without any changelog.

    Whoever wrote them wrote no Markdown, and never meant to notify someone or to refer to an issue of this project.
    """
    lines = [f"- {code(_cut_subject(subject))}" for subject in subjects[:_MOST_SUBJECTS] if subject.strip()]
    if (rest := len(subjects) - _MOST_SUBJECTS) > 0:
        lines.append(f"- … and {rest} more")
    return "\n".join(lines)


def _cut_subject(subject: str) -> str:
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[:_LONGEST_SUBJECT] + "…"


def _read(path: Path) -> str:
    try:
        return "\n".join(files.read(path, _LARGEST).decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path.name}: got byte {error.start} that is not UTF-8, expected a UTF-8 changelog",
            hint="Save it as UTF-8.",
            slug="changelog-not-utf8",
        ) from error


def _from_rst(text: str, epoch: int, name: str) -> str:
    answer = ask("tagseal.notes.rst", (text, epoch))
    if answer.problem:
        raise ConfigError(
            f"{name}: docutils could not read it",
            context=(printable(answer.problem),),
            hint="Make it simpler: fewer lists inside each other, and no substitution that contains others.",
            slug="changelog-unreadable",
        )
    return answer.text


def _own(headings: Sequence[Heading], version: Version) -> Heading | None:
    """Return the heading of the version; for a pre-release also the base version's."""
    wanted = [version] if not version.is_prerelease else [version, Version(version.base_version)]
    for candidate in wanted:
        ranked = [(place, heading) for heading in headings if (place := place_of(heading.words, candidate)) is not None]
        if ranked:
            return min(ranked, key=lambda pair: pair[0])[1]
    return None


def _unreleased(headings: Sequence[Heading], version: Version) -> Sequence[Heading]:
    """Return the headings of what is not released: they name no version, and stand above all that do.

    A title above all sections may name one: "What is new in 2".
    """
    found: list[Heading] = []
    deepest = 0  # level of what names a version above
    for heading in headings:
        if named_version(heading.words, version) is not None:
            deepest = max(deepest, heading.level)
        elif "unreleased" in heading.words.casefold() and deepest < heading.level:
            found.append(heading)
    return found[:_MOST_UNRELEASED]


def _body(lines: Sequence[str], headings: Sequence[Heading], chosen: Heading) -> str:
    later = (h.start for h in headings if h.start > chosen.start and h.level <= chosen.level)
    return "\n".join(lines[chosen.end : next(later, len(lines))]).strip("\n").rstrip()


def _with_definitions(body: str, known: References) -> str:
    """Return a part of a text with the link definitions that it uses and that stand elsewhere in it.

    No more of the part is looked through than a page can show.
    """
    _, own = blocks(body)
    tokens = MarkdownIt("commonmark", {"store_labels": True}).parse(body[:LIMIT], {"references": dict(known)})
    used = dict.fromkeys(label for label in _labels(tokens) if label in known and label not in own)
    definitions = [_definition(label, known[label]) for label in used]
    return "\n".join([body, "", *definitions]) if definitions else body


def _labels(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if "label" in token.meta:
            yield token.meta["label"]
        yield from _labels(token.children or [])


def _definition(label: str, entry: dict[str, str]) -> str:
    title = re.sub(r'(["\\])', r"\\\1", entry.get("title", "")).replace("&", "&amp;").replace("<", "&lt;")
    href = entry["href"] if re.fullmatch(r"/?[\w-]+/?", entry["href"]) else f"<{entry['href']}>"  # <a> is a tag
    return f"[{label.lower()}]: {href}" + (f' "{title}"' if title else "")


def _fence(body: str) -> str:
    """Return a section in a code block, as its author laid it out."""
    body, fence = fenced(body, 3)
    return f"{fence}text\n{body}\n{fence}" if body else ""
