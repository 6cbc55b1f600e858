"""Expressions in a workflow: where they are, and which contexts they name.

Source: "Evaluate expressions in workflows and actions" and "Contexts reference".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.workflow.functions import FUNCTIONS, STATUS
from tagseal.workflow.syntax import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.tree import PlacedValue

_TEXT = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r"(?<![\w.-])[A-Za-z_][\w-]*(?=\s*(\()?)", re.ASCII)
_CONTEXTS = frozenset(
    (
        *(
            "github",
            "env",
            "vars",
            "job",
            "jobs",
            "steps",
            "runner",
            "secrets",
            "strategy",
            "matrix",
            "needs",
            "inputs",
        ),
        *WORDS,
    )
)
_FUNCTIONS = frozenset((*FUNCTIONS, *STATUS, "hashfiles", "case"))
"""GitHub's: those that are played, and two more."""


def expressions(at: PlacedValue) -> Iterator[tuple[int, str]]:
    """Yield the expressions of a text, each with the line of the file that it begins in."""
    begin = at.text.find("${{")
    line, counted = at.first, 0
    while begin >= 0 and (end := at.text.find("}}", begin)) >= 0:
        line += at.text.count("\n", counted, begin)
        counted = begin
        yield line, at.text[begin + 3 : end].strip()
        begin = at.text.find("${{", end)


def names_in(expression: str) -> tuple[str, ...]:
    """Return the contexts and functions that an expression names; a function's name ends with a parenthesis."""
    bare = _TEXT.sub("''", expression)
    return tuple(f"{one[0]}(" if one[1] else one[0] for one in _NAME.finditer(bare))


def unknown(key: str, at: PlacedValue) -> Iterator[tuple[int, str]]:
    """Yield what expressions name that GitHub has not, each with its line; ``if`` needs no braces."""
    found = list(expressions(at))
    if key == "if" and not found:
        found = [(at.first, at.text)]
    for line, expression in found:
        for name in names_in(expression):
            known = _FUNCTIONS if name.endswith("(") else _CONTEXTS
            if name.rstrip("(").lower() not in known:
                yield line, name.rstrip("(")
