"""Filters of tags, as GitHub reads them: "Filter pattern cheat sheet" of its workflow syntax.

A filter is matched place by place, which takes at most its length times that of the tag: the regular expression that
sixty ``**`` would become looks for ever longer at a tag that does not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST = 100
"""Filters; nobody writes so many."""
LONGEST = 300
"""Characters of one; a tag has fewer."""
_WORD = re.compile(r"\*\*|\[[^\]]*\]|\\.|.", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FilterPart:
    """One place of a filter."""

    letters: tuple[tuple[str, str], ...] = (("\0", "\U0010ffff"),)
    """First and last character of each range that fits."""
    skipped: bool = False
    """Whether nothing fits as well."""
    repeated: bool = False

    def takes(self, character: str) -> bool:
        return any(first <= character <= last for first, last in self.letters)


_STARS = {
    "**": _FilterPart(skipped=True, repeated=True),
    "*": _FilterPart(letters=(("\0", "."), ("0", "\U0010ffff")), skipped=True, repeated=True),  # all but the slash
}


def passes(filters: Iterable[str], tag: str) -> bool:
    """Tell whether a tag passes filters: the last one that fits decides."""
    passed = False
    for pattern in filters:
        try:
            fits = _fits(_parts(pattern.removeprefix("!")), tag)
        except ValueError:
            fits = True  # GitHub will say so
        if fits:
            passed = not pattern.startswith("!")
    return passed


def sample(pattern: str) -> str:
    """Return a tag that a filter takes, with a digit wherever it takes one; empty where nothing can be told."""
    try:
        return "".join(_letter(part) for part in _parts(pattern.removeprefix("!")))
    except ValueError:
        return ""


def _letter(part: _FilterPart) -> str:
    return "1" if part.takes("1") else part.letters[0][0]


def _parts(pattern: str) -> list[_FilterPart]:
    """Read a filter; ``?`` and ``+`` belong to what stands before them.

    Raises:
        ValueError: Nothing stands before one, or brackets are empty.
    """
    parts: list[_FilterPart] = []
    for word in _WORD.findall(pattern):
        if word in {"?", "+"}:
            if not parts:
                raise ValueError(word)
            before = parts[-1]
            parts[-1] = replace(before, skipped=before.skipped or word == "?", repeated=before.repeated or word == "+")
        elif word in _STARS:
            parts.append(_STARS[word])
        elif word.startswith("[") and len(word) > 1:
            parts.append(_FilterPart(letters=_ranges(word[1:-1])))
        else:
            parts.append(_FilterPart(letters=((word[-1], word[-1]),)))  # what follows a backslash stands for itself
    return parts


def _ranges(letters: str) -> tuple[tuple[str, str], ...]:
    if not letters:
        raise ValueError(letters)
    return tuple((first or single, last or single) for first, last, single in _RANGE.findall(letters))


def _fits(parts: Sequence[_FilterPart], tag: str) -> bool:
    places = _reach(parts, {0})
    for character in tag:
        taken = [place for place in places if place < len(parts) and parts[place].takes(character)]
        repeated = {place for place in taken if parts[place].repeated}
        places = _reach(parts, repeated | {place + 1 for place in taken})
    return len(parts) in places


def _reach(parts: Sequence[_FilterPart], places: set[int]) -> set[int]:
    """Add what lies behind parts for which nothing fits as well."""
    for place, part in enumerate(parts):
        if place in places and part.skipped:
            places.add(place + 1)
    return places
