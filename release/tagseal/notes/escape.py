"""Plain text as Markdown that shows exactly it."""

from __future__ import annotations

import re

from tagseal.names import JOINING, printable


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


def code(text: str) -> str:
    """Return text as a code span of one line; GitHub finds no name, issue, address, formula or emoji in one."""
    text = " ".join(printable(text, keep=f"\n\t{JOINING}").split())
    fence = "`" * (max([0, *(len(run) for run in re.findall(r"`+", text))]) + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"
