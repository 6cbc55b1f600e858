"""Move a reStructuredText changelog to Markdown, by way of docutils' document tree.

Changelogs are written for Sphinx, which is not here: a role that docutils does not know (``:pr:`1```) gives its
text, an unknown directive is shown as it is written. ``date`` gives the commit's time: the jobs of a release run at
different times, and must agree about the section. Nothing is included, executed or fetched.

A text of a few lines can take docutils forever, or all of the memory: ``changelog`` lets a child do this.
"""

from __future__ import annotations

import re
import sys
import time
from textwrap import indent
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, Parser, directives

from tagseal.notes.child import ChildAnswer
from tagseal.notes.escape import code, escape_opening, fenced, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_QUIET = {
    "_disable_config": True,
    "doctitle_xform": False,
    "file_insertion_enabled": False,
    "halt_level": 5,
    "input_encoding": "unicode",
    "line_length_limit": sys.maxsize,  # of one longer line, docutils would give up the whole file; a file has a bound
    "raw_enabled": False,
    "report_level": 5,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "warning_stream": False,
}
_NUMBERED = frozenset({"issue", "pr", "pull", "gh", "bug"})
_PROSE = frozenset({"user", "ref", "doc", "term", "abbr", "rfc", "pep"})
_MARKS: dict[type[nodes.Node], str] = {nodes.strong: "**", nodes.emphasis: "*", nodes.title_reference: "*"}
_ROLE = re.compile(r":(?P<before>[\w.+:-]+):`(?P<text>[^`]+)`|`(?P<other>[^`]+)`:(?P<after>[\w.+:-]+):")


def work(request: tuple[str, int]) -> ChildAnswer:
    """Return a document as Markdown; in a child."""
    return ChildAnswer(text=to_markdown(*request))


def to_markdown(source: str, epoch: int) -> str:
    """Return the document as Markdown; a section's depth becomes its heading's level.

    Args:
        source: reStructuredText.
        epoch: What ``date`` gives, in UTC; seconds since 1970.
    """

    class Date(Directive):
        has_content = True

        def run(self) -> list[nodes.Node]:
            return [nodes.Text(time.strftime(" ".join(self.content) or "%Y-%m-%d", time.gmtime(epoch)))]

    directives.register_directive("date", Date)
    document = publish_doctree(source, parser=Parser(), settings_overrides=_QUIET)
    return _blocks(document.children, 1)


def _blocks(children: Sequence[nodes.Node], level: int) -> str:
    texts = (_block(child, level) for child in children)
    return "\n\n".join(text for text in texts if text)


def _block(node: nodes.Node, level: int) -> str:
    writer = _BLOCKS.get(type(node))
    if writer is not None:
        return writer(node, level)
    if isinstance(node, nodes.Invisible):
        return ""
    if isinstance(node, nodes.Admonition):
        return _quote_block(f"**{type(node).__name__.capitalize()}:** " + _blocks(node.children, level))
    if isinstance(node, nodes.TextElement):
        return escape_opening(_inline(node).strip())
    return _blocks(node.children, level)


def _inline(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return plain(re.sub(r"\s+", " ", node.astext()))
    if isinstance(node, nodes.problematic):
        return _role(node.astext())
    if isinstance(node, nodes.literal):
        return code(node.astext())
    inner = "".join(_inline(child) for child in node.children)
    if mark := _MARKS.get(type(node)):
        return f"{mark}{inner}{mark}"
    if isinstance(node, nodes.reference) and re.match(r"https?://", uri := node.get("refuri", "")):
        return f"[{inner}](<{uri}>)" if node.astext() != uri else f"<{uri}>"
    return inner


def _role(source: str) -> str:
    """Return the text of a role that only Sphinx knows; whatever else docutils stumbled on stays as it is."""
    if (match := _ROLE.fullmatch(source)) is None:
        return plain(source)
    name = (match["before"] or match["after"]).rpartition(":")[2]
    words = re.sub(r"(?<=.)\s*<[^<>]*>$", "", match["text"] or match["other"])
    if name in _NUMBERED:
        return f"#{words}" if words.isdecimal() else plain(words)
    return plain(words) if name in _PROSE else code(words.lstrip("~!"))


def _section(node: Any, level: int) -> str:  # noqa: ANN401 - the table below pairs each with its own node type
    return _blocks(node.children, level + 1)


def _title(node: Any, level: int) -> str:  # noqa: ANN401
    return f"{'#' * min(level - 1, 6)} {_inline(node)}"


def _list(node: Any, level: int) -> str:  # noqa: ANN401
    first = node.get("start", 1) if isinstance(node, nodes.enumerated_list) else None
    marks = [f"{first + n}. " if first is not None else "- " for n in range(len(node.children))]
    items = [_hang(mark, _blocks(item.children, level)) for mark, item in zip(marks, node.children, strict=True)]
    return "\n".join(items)


def _definitions(node: Any, level: int) -> str:  # noqa: ANN401
    terms = ((_inline(item.children[0]), _blocks(item.children[1:], level)) for item in node.children)
    return "\n".join(_hang("- ", f"**{term}**\n\n{text}") for term, text in terms)


def _field(node: Any, level: int) -> str:  # noqa: ANN401
    return f"**{_inline(node.children[0])}:** {_blocks(node.children[1].children, level)}"


def _literal(node: Any, level: int) -> str:  # noqa: ANN401, ARG001
    text, fence = fenced(node.astext().rstrip(), 3)
    return f"{fence}\n{text}\n{fence}"


def _row(node: Any, level: int) -> str:  # noqa: ANN401
    return "- " + " — ".join(" ".join(_blocks(cell.children, level).split()) for cell in node.children)


def _rows(node: Any, level: int) -> str:  # noqa: ANN401
    return "\n".join(_row(row, level) for row in node.findall(nodes.row))


def _lines(node: Any, level: int) -> str:  # noqa: ANN401, ARG001
    return "\\\n".join(_inline(line) for line in node.findall(nodes.line))


def _quote(node: Any, level: int) -> str:  # noqa: ANN401
    return _quote_block(_blocks(node.children, level))


def _rule(node: Any, level: int) -> str:  # noqa: ANN401, ARG001
    return "---"


def _complaint(node: Any, level: int) -> str:  # noqa: ANN401
    """Show what docutils could not read, without its complaint."""
    return _blocks([child for child in node.children if isinstance(child, nodes.literal_block)], level)


def _quote_block(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _hang(mark: str, text: str) -> str:
    return mark + indent(text, " " * len(mark)).lstrip()


_BLOCKS: dict[type[nodes.Node], Callable[[Any, int], str]] = {
    nodes.block_quote: _quote,
    nodes.bullet_list: _list,
    nodes.definition_list: _definitions,
    nodes.enumerated_list: _list,
    nodes.field: _field,
    nodes.line_block: _lines,
    nodes.literal_block: _literal,
    nodes.section: _section,
    nodes.system_message: _complaint,
    nodes.table: _rows,
    nodes.title: _title,
    nodes.transition: _rule,
}
