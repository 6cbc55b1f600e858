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
from packaging.version import VERSION_PATTERN, InvalidVersion, Version

from tagseal.errors import ConfigError
from tagseal.names import shown
from tagseal.notes.page import html, seams
from tagseal.notes.text import code
from tagseal.services import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from markdown_it.token import Token

_STEMS = ("CHANGELOG", "CHANGES", "HISTORY", "NEWS")
_SUFFIXES = (".md", ".rst", ".txt", "")
_MOST_SUBJECTS = 100
_LONGEST_SUBJECT = 200  # characters
_LONGEST_HEADING = 500  # characters

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


def find(root: Path, setting: str | None) -> Path | None:
    """Return the project's changelog: the configured one, else the usual names at the root, then in ``docs/``.

    Raises:
        ConfigError: The configured one is absent, a link, or outside the project.
    """
    if setting is None:
        return next((path for folder in (root, root / "docs") for path in _usual(folder)), None)
    path = root / setting
    real = path.resolve()
    if path.is_file() and real == root.resolve() / setting and real.is_relative_to(root.resolve()):
        return path
    raise ConfigError(
        f"changelog: got {shown(setting)}, expected a regular file of the project",
        hint="Correct `changelog` in [tool.tagseal], or remove it to let the usual names be found.",
        slug="changelog-not-found",
    )


def _usual(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    files = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()}
    for name in (stem + suffix for stem in _STEMS for suffix in _SUFFIXES):
        if name.lower() in files:
            yield files[name.lower()]


def section(path: Path, version: Version) -> Section | None:
    """Return the version's section: its own; for a pre-release the base version's; then Unreleased.

    The heading tells which one it is.

    Raises:
        ConfigError: The file is not UTF-8.
    """
    text = _read(path)
    if path.suffix.lower() == ".rst":
        from tagseal.notes.rst import to_markdown  # noqa: PLC0415 - docutils is slow to load, and few need it

        text = to_markdown(text)
    if path.suffix.lower() in {".md", ".rst"}:
        headings, cut = _markdown_headings(text), _markdown_cut
    else:
        headings, cut = _plain_headings(text), _plain_cut
    if (chosen := _choose(headings, version, lambda heading: cut(text, headings, heading))) is None:
        return None
    return Section(text=cut(text, headings, chosen), heading=chosen.words)


def shortened(section: str, room: int, more: str) -> str:
    """Return the beginning of a section, and ``more``, in at most ``room`` characters.

    The cut is at the last heading, if that leaves half of the room filled; else at the last block that fits.
    """
    lines = section.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    cuts = [(line, heading) for line, heading in reversed(seams(section)) if starts[line] <= room]
    headings = [line for line, heading in cuts if heading and starts[line] >= room // 2]
    for line in (*headings, *(line for line, _ in cuts)):
        text = _defined("\n".join(lines[:line]).rstrip(), section) + f"\n\n{more}"
        if len(text) <= room:
            return text
    return more


def from_commits(subjects: Sequence[str]) -> str:
    """Return commit subjects as a Markdown list of code spans, for a project without any changelog.

    Whoever wrote them wrote no Markdown, and never meant to notify someone or to refer to an issue of this project.
    """
    lines = [f"- {code(_bounded(subject))}" for subject in subjects[:_MOST_SUBJECTS] if subject.strip()]
    if (rest := len(subjects) - _MOST_SUBJECTS) > 0:
        lines.append(f"- … and {rest} more")
    return "\n".join(lines)


def _bounded(subject: str) -> str:
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[:_LONGEST_SUBJECT] + "…"


def _read(path: Path) -> str:
    try:
        return "\n".join(files.read(path).decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path.name}: got byte {error.start} that is not UTF-8, expected a UTF-8 changelog",
            hint="Save it as UTF-8.",
            slug="changelog-not-utf8",
        ) from error


def _choose(headings: Sequence[Heading], version: Version, text: Callable[[Heading], str]) -> Heading | None:
    wanted = [version] if not version.is_prerelease else [version, Version(version.base_version)]
    for candidate in wanted:
        ranked = [(place, heading) for heading in headings if (place := _place(heading.words, candidate)) is not None]
        if ranked:
            return min(ranked, key=lambda pair: pair[0])[1]
    return next((h for h in headings if "unreleased" in h.words.casefold() and html(text(h)).strip()), None)


def _place(words: str, version: Version) -> tuple[int, bool] | None:
    """Return how far the heading is from naming just this version, or None if it names another or none."""
    words = _DATE.sub(lambda date: date[0] if _released(date[0]) == version.release else " ", words)
    for match in _VERSION.finditer(words):
        try:
            found = Version(match[0])
        except InvalidVersion:
            continue
        if found != version:
            return None
        return len(re.findall(r"\w+", words[: match.start()])), match[0].lstrip("v") != str(version)
    return None


def _released(date: str) -> tuple[int, ...]:
    """Return the numbers of a date that may be a version of a project that counts in days; of another, none."""
    return tuple(map(int, date.split("."))) if date.count(".") == 2 else ()  # noqa: PLR2004 - year, month, day


def _block_parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable("inline")


def _markdown_headings(text: str) -> list[Heading]:
    tokens = _block_parser().parse(text)
    return [
        Heading(
            words=_words(inline.content[:_LONGEST_HEADING]),
            level=int(opening.tag[1:]),
            start=opening.map[0],
            end=opening.map[1],
        )
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.level == 0 and opening.map
    ]


def _words(heading: str) -> str:
    """Return a heading's text without link targets, tags and emphasis."""
    text = re.sub(r"<[^>]*>|[*`]", "", _LINK.sub(r"\1", heading))
    return _ESCAPE.sub(r"\1", text).strip()


def _body(text: str, headings: Sequence[Heading], chosen: Heading) -> str:
    lines = text.split("\n")
    later = (h.start for h in headings if h.start > chosen.start and h.level <= chosen.level)
    return "\n".join(lines[chosen.end : next(later, len(lines))]).strip("\n").rstrip()


def _markdown_cut(text: str, headings: Sequence[Heading], chosen: Heading) -> str:
    """Return the section, with the link definitions that it uses and that stand elsewhere in the file."""
    return _defined(_body(text, headings, chosen), text)


def _defined(body: str, text: str) -> str:
    """Return a part of a text with the link definitions that it uses and that stand elsewhere in it."""
    everywhere: dict[str, dict[str, dict[str, str]]] = {}
    _block_parser().parse(text, everywhere)
    here: dict[str, dict[str, dict[str, str]]] = {}
    _block_parser().parse(body, here)
    known, own = everywhere.get("references", {}), here.get("references", {})
    tokens = MarkdownIt("commonmark", {"store_labels": True}).parse(body, {"references": dict(known)})
    used = dict.fromkeys(label for label in _labels(tokens) if label in known and label not in own)
    definitions = [_definition(label, known[label]) for label in used]
    return "\n".join([body, "", *definitions]) if definitions else body


def _labels(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if "label" in token.meta:
            yield token.meta["label"]
        yield from _labels(token.children or [])


def _definition(label: str, entry: dict[str, str]) -> str:
    title = re.sub(r'(["\\])', r"\\\1", entry.get("title", ""))
    return f"[{label.lower()}]: <{entry['href']}>" + (f' "{title}"' if title else "")


def _plain_headings(text: str) -> list[Heading]:
    """Return the unindented lines of a plain text that open a paragraph and name a version near their start."""
    lines = ["", *text.split("\n"), ""]
    return [
        Heading(words=line.strip("=-*# "), level=1, start=number, end=number + 1 + _ruled(below))
        for number, (above, line, below) in enumerate(zip(lines, lines[1:], lines[2:], strict=False))
        if (not above.strip() or _ruled(above)) and line[:1].strip() and _opens(line)
    ]


def _ruled(line: str) -> bool:
    return re.fullmatch(r"([=~*#-])\1{2,}\s*", line) is not None


def _opens(line: str) -> bool:
    words = line.strip("=-*# ").split()
    return "unreleased" in line.casefold() or any(_VERSION.fullmatch(word.strip("()[]:,")) for word in words[:2])


def _plain_cut(text: str, headings: Sequence[Heading], chosen: Heading) -> str:
    """Return the section in a code block, as its author laid it out."""
    body = _body(text, headings, chosen)
    fence = "`" * max([2, *(len(run) for run in re.findall(r"`+", body))]) + "`"
    return f"{fence}text\n{body}\n{fence}" if body else ""
