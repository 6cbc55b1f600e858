"""Headings of a changelog, and the versions that they name.

Headings are what a Markdown or reStructuredText parser calls one: never a line in a code block or a comment that
looks alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from packaging.version import VERSION_PATTERN, Version

from tagseal.tags import parse_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_LONGEST_HEADING = 500  # characters
_FIRST_YEAR = 1990
"""Of versions that are dates."""
_MORE = 6
"""Words that may stand before the version where the line is underlined: "What is new in widget 1.2.3"."""
_VERSION = re.compile(rf"(?<![\w.])(?:{VERSION_PATTERN})(?!\w)", re.VERBOSE | re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d|\.\d)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?")


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


References = dict[str, dict[str, str]]
"""Link definitions, by their normalised label."""


def place_of(words: str, version: Version) -> tuple[int, bool] | None:
    """Return how far the heading is from naming just this version, or None if it names another or none."""
    match = _first_version(
        _DATE.sub(lambda date: date[0] if _release_of_date(date[0]) == version.release else " ", words)
    )
    if match is None or parse_version(match[0]) != version:
        return None
    return len(re.findall(r"\w+", match.string[: match.start()])), match[0].lstrip("v") != str(version)


def named_version(words: str, version: Version) -> Version | None:
    """Return the version that a heading names: this one or another; dates are left out.

    A date is a version of a project that counts in days, as ``version`` tells.
    """
    by_days = version.major >= _FIRST_YEAR
    match = _first_version(_DATE.sub(lambda date: date[0] if by_days and _release_of_date(date[0]) else " ", words))
    return parse_version(match[0]) if match else None


def _first_version(words: str) -> re.Match[str] | None:
    return next((match for match in _VERSION.finditer(words) if parse_version(match[0]) is not None), None)


def _release_of_date(date: str) -> tuple[int, ...]:
    """Return the numbers of a date that may be a version of a project that counts in days; of another, none."""
    return tuple(map(int, date.split("."))) if date.count(".") == 2 else ()  # noqa: PLR2004 - year, month, day


def blocks(text: str) -> tuple[list[Token], References]:
    """Return the blocks of a text, what is inside lines left unread, and the link definitions."""
    environment: dict[str, References] = {}
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(text, environment)
    return tokens, environment.get("references", {})


def markdown_headings(text: str) -> tuple[list[Heading], References]:
    """Return the headings that stand in no other block, and the link definitions."""
    tokens, known = blocks(text)
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


def plain_headings(text: Sequence[str]) -> list[Heading]:
    """Return the unindented lines of a plain text that open a paragraph and name a version near their start."""
    lines = ["", *text, ""]
    return [
        Heading(words=line.strip("=-*# ")[:_LONGEST_HEADING], level=1, start=number, end=number + 1 + _is_rule(below))
        for number, (above, line, below) in enumerate(zip(lines, lines[1:], lines[2:], strict=False))
        if (not above.strip() or _is_rule(above)) and line[:1].strip() and _opens(line, 2 + _MORE * _is_rule(below))
    ]


def _is_rule(line: str) -> bool:
    return re.fullmatch(r"([=~*#-])\1{2,}\s*", line) is not None


def _opens(line: str, most: int) -> bool:
    words = line[:_LONGEST_HEADING].strip("=-*# ").split()
    return "unreleased" in line.casefold() or any(_VERSION.fullmatch(word.strip("()[]:,")) for word in words[:most])
