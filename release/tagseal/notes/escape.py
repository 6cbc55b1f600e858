"""Plain text as Markdown that shows exactly it."""

from __future__ import annotations

import re

from tagseal.names import JOINING, printable

LONGEST_RUN = 64
"""Backticks, or tildes, in a row: less than any grammar's bound."""


def escape(text: str) -> str:
    """Return plain text as a Markdown paragraph of one line that shows exactly it."""
    return escape_opening(plain(" ".join(text.split())))


def plain(text: str) -> str:
    """Escape what Markdown would read inside a line; what nobody can see becomes its code."""
    return re.sub(r"([\\`*\[\]<>&~]|(?<!\w)_|_(?!\w))", r"\\\1", printable(text, keep=JOINING))


def escape_opening(line: str) -> str:
    """Escape what Markdown would read as the opening of a list, a heading, a rule or a table."""
    line = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line)
    return re.sub(r"^([-+=:]|#+(?=\s|$))", r"\\\1", line)


def fenced(text: str, least: int) -> tuple[str, str]:
    """Return text for a code span or block, and the backticks that hold it: so many at least."""
    text = bound_runs(text, LONGEST_RUN - 1)
    return text, "`" * max([least, *(len(run) + 1 for run in re.findall(r"`+", text))])


def bound_runs(text: str, longest: int) -> str:
    """Return text without longer runs of backticks or tildes: what exceeds that is left out.

    GitHub's grammar reads no code span of more than 80 backticks, and counts a fence up to 255 only, where CommonMark
    has no bound: what is code in the one would be Markdown in the other.
    """
    return re.sub(rf"([`~])\1{{{longest},}}", lambda run: run[1] * longest, text)


def code(text: str) -> str:
    """Return text as a code span of one line; GitHub finds no name, issue, address, formula or emoji in one."""
    text, fence = fenced(" ".join(printable(text, keep=f"\n\t{JOINING}").split()), 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"
