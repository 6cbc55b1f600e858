"""The page of errors: every slug is an anchor, written from the code that raises it."""

from __future__ import annotations

import ast
import os
import re

from source import ROOT, errors
from tagseal import errors as tree

PAGE = ROOT / ".github" / "ERRORS.md"
HEAD = """# Errors

Every error of Tagseal, by its slug. `…` stands for what the message names in your case. Written from the source:
`TAGSEAL_GOLDEN=write python3 -m nox -s tests -- tests/test_errors_page.py`.
"""


def words(node: ast.expr) -> str:
    """Return the text of a message, with … for what is known at run time only."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return words(node.left) + words(node.right)
    if isinstance(node, ast.IfExp):
        return f"{words(node.body)} / {words(node.orelse)}"
    match node:
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="number_of"), args=[_, noun])):
            return f"… {words(noun)}s"
    return "…"


def page() -> str:
    entries = {}
    for error in errors():
        slug = words(error.parts["slug"])
        kind = getattr(tree, error.kind)
        what, hint = (re.sub(r"\s+", " ", words(error.parts[part])).strip() for part in ("what", "hint"))
        hint = kind(what, hint=hint, slug=slug).hint
        entries[slug] = f"\n## {slug}\n\n{error.kind}, exit {kind.exit_code}: {_escaped(what)}.\n\n{_escaped(hint)}\n"
    return HEAD + "".join(entries[slug] for slug in sorted(entries))


def _escaped(text: str) -> str:
    """Keep `<tag>` outside of code from becoming an HTML element."""
    parts = text.split("`")
    return "`".join(
        part if number % 2 else part.replace("<", "&lt;").replace("*", r"\*") for number, part in enumerate(parts)
    )


def test_every_slug_is_an_anchor() -> None:
    """The page says what the source says: each slug a heading, its sentence and its hint."""
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()
