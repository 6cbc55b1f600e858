"""A page of ours as reStructuredText, for documentation that Sphinx makes without a parser for Markdown.

What comes in is Markdown that our templates wrote: headings, paragraphs, lists, tables, code blocks, anchors, and a
comment as the last line. It is read by the parser that the page is checked with, and each token is written anew.
"""

from __future__ import annotations

import re
from textwrap import indent
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_UNDER = {"h1": "=", "h2": "-", "h3": "~"}
_ANCHOR = re.compile(r'<a id="(?P<name>[a-z0-9-]+)"></a>')
_MARKED = {"strong": "**", "em": "*"}
_OPENS, _CLOSES = re.compile(r"[\s'\"(\[{<:/-]"), re.compile(r"[\s'\")\]}>:/.,;!?-]")
"""What may stand before and behind inline markup; between anything else and it, an escaped space stands."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def to_rst(markdown: str) -> str:
    """Return the page in reStructuredText; Sphinx does not ask that a table of contents names it."""
    return ":orphan:\n\n" + "\n\n".join(_blocks(iter(_MARKDOWN.parse(markdown)))) + "\n"


def _blocks(tokens: Iterator[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "heading_open":
            title = _inline(next(tokens))
            yield f"{title}\n{_UNDER[token.tag] * len(title)}"
        elif token.type == "inline":
            anchor = _ANCHOR.fullmatch(token.content)
            yield f".. _{anchor['name']}:" if anchor else _inline(token)
        elif token.type == "fence":
            yield f".. code-block:: {token.info}\n\n{indent(token.content.rstrip(), '   ')}"
        elif token.type == "html_block":
            yield f".. {token.content.strip().removeprefix('<!-- ').removesuffix(' -->')}"
        elif token.type == "bullet_list_open":
            yield "\n".join(_items(tokens, "bullet_list_close"))
        elif token.type == "table_open":
            yield _table(tokens)


def _items(tokens: Iterator[Token], end: str) -> Iterator[str]:
    for token in iter(lambda: next(tokens), None):
        if token.type == end:
            return
        if token.type == "inline":
            yield f"- {_inline(token)}"


def _table(tokens: Iterator[Token]) -> str:
    lines, first = [".. list-table::", "   :header-rows: 1", ""], False
    for token in iter(lambda: next(tokens), None):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            first = True
        elif token.type == "inline":
            lines.append(f"   {'* -' if first else '  -'} {_inline(token)}")
            first = False
    return "\n".join(lines)


def _inline(token: Token) -> str:
    """Return one line; markup inside of markup is left out, for this language has none."""
    written = ""
    for text, marked in _pieces(token.children or []):
        follows = marked and written and not _OPENS.match(written[-1])
        precedes = written.endswith(("`", "*", "_")) and text and not marked and not _CLOSES.match(text[0])
        written += ("\\ " if follows or (precedes and not written.endswith("\\_")) else "") + text
    return written


def _pieces(children: Sequence[Token]) -> Iterator[tuple[str, bool]]:
    """Yield texts, and whether each is markup."""
    rest = iter(children)
    for token in rest:
        name = token.type.removesuffix("_open")
        if token.type == "code_inline":
            yield _code(token.content), True
        elif token.type == "link_open":
            text = _escape(_inside(rest, "link_close")).replace("<", r"\<")
            yield f"`{text} <{token.attrGet('href')}>`__", True
        elif name in _MARKED:
            yield f"{_MARKED[name]}{_escape(_inside(rest, f'{name}_close'))}{_MARKED[name]}", True
        else:
            yield _escape(" " if token.type in {"softbreak", "hardbreak"} else token.content), False


def _inside(tokens: Iterator[Token], end: str) -> str:
    texts = []
    for token in iter(lambda: next(tokens), None):
        if token.type == end:
            break
        texts.append(token.content)
    return "".join(texts)


def _code(text: str) -> str:
    """Return a literal; one that this language cannot write is shown as plain text."""
    return f"``{text}``" if "``" not in text and text == text.strip(" `") else _escape(text)


def _escape(text: str) -> str:
    return re.sub(r"([\\*`|_])", r"\\\1", text)
