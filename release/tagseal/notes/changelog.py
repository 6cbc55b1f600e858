"""Find a version's section in the project's changelog, and give it as Markdown.

Headings are what a Markdown or reStructuredText parser calls one: never a line in a code block or a comment that
looks alike. Which heading is a version's: the one whose first version-like word is that version, with the fewest
words before it ("Version 8.5.0", "[26.1.0](…) - 2026-06-06", "2.34.2 (2026-05-14)").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from packaging.version import VERSION_PATTERN, Version

from tagseal.errors import ConfigError
from tagseal.machine import files
from tagseal.names import printable, show
from tagseal.notes.child import ask
from tagseal.notes.escape import code
from tagseal.notes.page import LIMIT, html, seams
from tagseal.tags import parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from markdown_it.token import Token

_STEMS = ("CHANGELOG", "CHANGES", "HISTORY", "NEWS")
_SUFFIXES = (".md", ".rst", ".txt", "")
_MOST_SUBJECTS = 100
_LONGEST_SUBJECT = 200  # characters
_LONGEST_HEADING = 500  # characters
_MOST_UNRELEASED = 10
_LARGEST = 4 * 1024 * 1024
"""Bytes of a changelog: reading one of blocks without end takes a minute, as it is."""

_VERSION = re.compile(rf"(?<![\w.])(?:{VERSION_PATTERN})(?!\w)", re.VERBOSE | re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d|\.\d)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What the changelog says about one version."""

    text: str
    """Markdown, without the heading."""
    heading: str
    """The heading's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One heading of a changelog."""

    words: str
    level: int
    """1 is the highest."""
    start: int
    """Where the heading begins: a line number, from 0."""
    end: int
    """Where its text begins."""


_References = dict[str, dict[str, str]]
"""Link definitions, by their normalised label."""


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

    The heading tells which one it is. Where the changelog asks for a date, that is ``epoch``, in seconds since 1970.

    Raises:
        ConfigError: The file is not UTF-8, or too long, or docutils cannot read it.
    """
    text = _read(path)
    if path.suffix.lower() == ".rst":
        text = _from_rst(text, epoch, path.name)
    lines, markdown = text.split("\n"), path.suffix.lower() in {".md", ".rst"}
    headings, known = _markdown_headings(text) if markdown else (_plain_headings(lines), {})

    def cut(heading: Heading) -> str:
        body = _body(lines, headings, heading)
        return _with_definitions(body, known) if markdown else _fence(body)

    chosen = _choose(headings, version, cut)
    return Section(text=cut(chosen), heading=chosen.words) if chosen else None


def shorten(section: str, room: int, more: str) -> str:
    """Return the beginning of a section, and ``more``, in at most ``room`` characters.

    The cut is at the last heading, if that leaves half of the room filled; else at the last block that fits.
    """
    head = section[: max(room, 0)].rpartition("\n")[0]  # the rest is not shown, so it is not parsed
    _, known = _blocks(section)
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


def _choose(headings: Sequence[Heading], version: Version, text: Callable[[Heading], str]) -> Heading | None:
    wanted = [version] if not version.is_prerelease else [version, Version(version.base_version)]
    for candidate in wanted:
        ranked = [(place, heading) for heading in headings if (place := _place(heading.words, candidate)) is not None]
        if ranked:
            return min(ranked, key=lambda pair: pair[0])[1]
    unreleased = [heading for heading in headings if "unreleased" in heading.words.casefold()][:_MOST_UNRELEASED]
    return next((heading for heading in unreleased if html(text(heading)[:LIMIT]).strip()), None)


def _place(words: str, version: Version) -> tuple[int, bool] | None:
    """Return how far the heading is from naming just this version, or None if it names another or none."""
    words = _DATE.sub(lambda date: date[0] if _release_of_date(date[0]) == version.release else " ", words)
    for match in _VERSION.finditer(words):
        if (found := parse_version(match[0])) is None:
            continue
        if found != version:
            return None
        return len(re.findall(r"\w+", words[: match.start()])), match[0].lstrip("v") != str(version)
    return None


def _release_of_date(date: str) -> tuple[int, ...]:
    """Return the numbers of a date that may be a version of a project that counts in days; of another, none."""
    return tuple(map(int, date.split("."))) if date.count(".") == 2 else ()  # noqa: PLR2004 - year, month, day


def _blocks(text: str) -> tuple[list[Token], _References]:
    """Return the blocks of a text, what is inside lines left unread, and the link definitions."""
    environment: dict[str, _References] = {}
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(text, environment)
    return tokens, environment.get("references", {})


def _markdown_headings(text: str) -> tuple[list[Heading], _References]:
    """Return the headings that stand in no other block, and the link definitions."""
    tokens, known = _blocks(text)
    headings = [
        Heading(
            words=_words(inline.content[:_LONGEST_HEADING]),
            level=int(opening.tag[1:]),
            start=opening.map[0],
            end=opening.map[1],
        )
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.level == 0 and opening.map
    ]
    return headings, known


def _words(heading: str) -> str:
    """Return a heading's text without link targets, tags and emphasis."""
    text = re.sub(r"<[^>]*>|[*`]", "", _LINK.sub(r"\1", heading))
    return _ESCAPE.sub(r"\1", text).strip()


def _body(lines: Sequence[str], headings: Sequence[Heading], chosen: Heading) -> str:
    later = (h.start for h in headings if h.start > chosen.start and h.level <= chosen.level)
    return "\n".join(lines[chosen.end : next(later, len(lines))]).strip("\n").rstrip()


def _with_definitions(body: str, known: _References) -> str:
    """Return a part of a text with the link definitions that it uses and that stand elsewhere in it.

    No more of the part is looked through than a page can show.
    """
    _, own = _blocks(body)
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


def _plain_headings(text: Sequence[str]) -> list[Heading]:
    """Return the unindented lines of a plain text that open a paragraph and name a version near their start."""
    lines = ["", *text, ""]
    return [
        Heading(words=line.strip("=-*# ")[:_LONGEST_HEADING], level=1, start=number, end=number + 1 + _is_rule(below))
        for number, (above, line, below) in enumerate(zip(lines, lines[1:], lines[2:], strict=False))
        if (not above.strip() or _is_rule(above)) and line[:1].strip() and _opens(line)
    ]


def _is_rule(line: str) -> bool:
    return re.fullmatch(r"([=~*#-])\1{2,}\s*", line) is not None


def _opens(line: str) -> bool:
    words = line[:_LONGEST_HEADING].strip("=-*# ").split()
    return "unreleased" in line.casefold() or any(_VERSION.fullmatch(word.strip("()[]:,")) for word in words[:2])


def _fence(body: str) -> str:
    """Return a section in a code block, as its author laid it out."""
    fence = "`" * max([2, *(len(run) for run in re.findall(r"`+", body))]) + "`"
    return f"{fence}text\n{body}\n{fence}" if body else ""
