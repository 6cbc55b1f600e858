"""The part of Markdown that every grammar reads alike: what contributors write is restricted to it.

GitHub reads GFM 0.29 with footnotes, ``tagseal.notes.page`` judges with CommonMark 0.31, and the two disagree about
HTML, about footnotes, and about what a backtick or a bracket swallows. So nothing that they read differently reaches
the page (design, rule 4). What stays outside code blocks:

1. a comment, and a tag of ``_BLOCKS`` where it begins an HTML block, with the known tags in that block;
2. a tag of ``_VOID``, and a pair of tags of ``_PAIRS`` in one line, with nothing between them that could swallow the
   second one;
3. an address in angle brackets, as a link of its own or behind ``](`` and ``]:``.

Every other ``<`` that a grammar might take for a tag becomes ``&lt;``; in a code span, the span becomes ``<code>``.
A ``[^`` that could begin a footnote gets a backslash. Since escaping a line may change what the next one is, this is
repeated until nothing changes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tagseal.names import JOINING, printable
from tagseal.notes.escape import LONGEST_RUN, bound_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

_BLOCKS = """
    blockquote caption center dd details div dl dt h1 h2 h3 h4 h5 h6 hr li ol p summary table tbody td tfoot th thead
    tr ul
""".split()  # noqa: SIM905 - thirty words
"""Tags that begin an HTML block in both grammars, wherever a line begins with one."""
_PAIRS = """
    a abbr b cite code del em i ins kbd mark q s samp small span strike strong sub sup tt u var
""".split()  # noqa: SIM905 - as above
_VOID = ("br", "img", "wbr")

_PASSES = 10
"""Times that the text is read; ordinary text wants two."""

_ATTRIBUTES = r"""(?: +[A-Za-z][A-Za-z0-9-]*+(?:=(?:"[^"<>`\n]*"|'[^'<>`\n]*'|[\w./:%#-]+))?+)*+ */?>"""


def _tags(names: list[str] | tuple[str, ...], *, closing: bool = True) -> str:
    end = f"|/(?:{'|'.join(names)})>" if closing else ""
    return rf"<(?:(?:{'|'.join(names)}){_ATTRIBUTES}{end})"


_LIVE = r"<(?=[A-Za-z/!?])"
"""What may begin a tag in some grammar."""
_COMMENT = r"<!--(?!-?>)(?:(?!--!?>|<!--)[\s\S])*-->"
"""In an HTML block: what HTML calls a comment, without another one's beginning."""
_SHORT_COMMENT = r"<!--(?!-?>)(?:[^<>`\n-]|-(?!-))*-->"
"""In a line: what every version of CommonMark calls one."""
_TAGLIKE = r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>"

_HTML = re.compile(rf"{_COMMENT}|{_tags([*_BLOCKS, *_PAIRS, *_VOID])}|(?P<live>{_LIVE})", re.ASCII | re.IGNORECASE)
_BEGINS = re.compile(rf" {{0,3}}(?:{_tags(_BLOCKS)}|{_COMMENT})", re.ASCII | re.IGNORECASE)
_INLINE = re.compile(
    "|".join(
        [
            r"(?P<escape>\\[!-/:-@\[-`{-~])",
            r"(?P<ticks>`+)",
            r"(?P<note>\[\^)",
            _SHORT_COMMENT,
            r"""<(?:https?://[^\s<>`"']+|[\w.+-]+@[\w.-]+)>""",
            _tags(_VOID, closing=False),
            rf"<(?P<opened>{'|'.join(_PAIRS)}){_ATTRIBUTES}",
            rf"</(?P<closed>{'|'.join(_PAIRS)})>",
            r"""\[[^\[\]<>`\\\n$]*\]\([^\s<>()\[\]`\\"'$]*\)""",
            rf"(?P<hazard>\][(:][ \t]*(?!{_TAGLIKE})<[^!?<>`\n][^<>`\n]*>|[\[\]\n$])",
            rf"(?P<live>{_LIVE})",
        ]
    ),
    re.ASCII | re.IGNORECASE,
)
_MARKS = r"[ \t>*+\-0-9.)]*"
"""What can stand between a line's beginning and its text: marks of quotes, lists and items, or plain text like them."""
_FOOTNOTE = re.compile(rf"^({_MARKS})\[\^", re.ASCII | re.MULTILINE)
_ALONE = re.compile(
    rf"^({_MARKS}<(?:{'|'.join(_VOID)})(?: [^<>]*)?/?>)[ \t]*$", re.ASCII | re.MULTILINE | re.IGNORECASE
)
_BLOCK_PARSER = MarkdownIt("commonmark").enable("table").disable(["inline", "reference"])


def restrict(text: str) -> str:
    """Return contributors' Markdown with nothing in it that two grammars read differently; the lines stay the same.

    A reader sees what was written: a tag that is not known as its letters. What nobody can see becomes its code.
    """
    text = clean(text)
    for _ in range(_PASSES):
        if (further := _pass(text)) == text:
            return text
        text = further
    return _FOOTNOTE.sub(r"\1\\[^", re.sub(_LIVE, "&lt;", text))


def clean(text: str) -> str:
    """Return contributors' text with one kind of line end, and nothing that reorders, hides or outdoes a line."""
    text = bound_runs(text.replace("\r\n", "\n").replace("\r", "\n"), LONGEST_RUN)
    return printable(text, keep=f"\n\t{JOINING}")


def _pass(text: str) -> str:
    if "[^" not in text and not re.search(_LIVE, text):
        return text
    lines, after, found = text.split("\n"), 0, []
    for token, first, end in _leaves(text):
        found += [_inline(line) for line in lines[after:first]]
        block = "\n".join(lines[first:end])
        if token.type == "inline":
            found.append(_inline(block, whole=True))
        elif token.type == "html_block":
            found.append(_html(block, token.content) if _BEGINS.match(token.content) else _inline(block))
        else:
            found.append(block)
        after = end
    return "\n".join([*found, *(_inline(line) for line in lines[after:])])


def _leaves(text: str) -> Iterator[tuple[Token, int, int]]:
    """Yield the blocks that hold lines themselves, but for tables: two grammars cut their rows differently."""
    table = 0
    for token in _BLOCK_PARSER.parse(text):
        table += token.nesting if token.type in {"table_open", "table_close"} else 0
        if token.map and not table and token.type in {"inline", "html_block", "fence", "code_block"}:
            first, end = token.map
            yield token, first, end


def _html(block: str, content: str) -> str:
    """Escape what is no comment and no known tag in an HTML block; ``content`` is it without marks of containers."""
    live = {match.start() for match in _HTML.finditer(content) if match["live"]}
    marks = ["&lt;" if match.start() in live else "<" for match in re.finditer("<", content)]
    first, *parts = block.split("<")
    return first + "".join(mark + part for mark, part in zip(marks, parts, strict=True))


def _inline(text: str, *, whole: bool = False) -> str:
    """Escape in lines that are neither code nor HTML; ``whole`` says that a paragraph or a heading begins and ends."""
    return _ALONE.sub(r"\1&#32;", _Lines(text, whole=whole).read())


class _Lines:
    """Lines of text, read from left to right."""

    def __init__(self, text: str, *, whole: bool) -> None:
        self.text = _FOOTNOTE.sub(r"\1\\[^", text)
        self.whole = whole
        self.found: list[str] = []
        self.open: list[tuple[str, int]] = []
        """Tags that wait for the second one: name, and place in ``found``."""
        self.runs: dict[int, list[int]] = defaultdict(list)
        """Where runs of backticks begin, by their length."""
        for run in re.finditer("`+", self.text):
            self.runs[len(run[0])].append(run.start())

    def read(self) -> str:
        at = 0
        while match := _INLINE.search(self.text, at):
            self.found.append(self.text[at : match.start()])
            at = self._step(match)
        self._give_up()
        return "".join([*self.found, self.text[at:]])

    def _step(self, match: re.Match[str]) -> int:
        """Take one token, and return where the next one may begin."""
        word = match[0]
        if match["ticks"]:
            return self._code(match)
        if match["live"] or (word == "\\<" and re.match(_LIVE, self.text[match.start() + 1 : match.start() + 3])):
            word = "&lt;"
        elif match["opened"]:
            self.open.append((match["opened"].lower(), len(self.found)))
        elif match["closed"]:
            word = self._close(word, match["closed"].lower())
        elif match["hazard"] or match["note"] or (match["escape"] and word[1] in "`[]$"):
            self._give_up()
            word = "\\[^" if match["note"] else word
        self.found.append(word)
        return match.end()

    def _close(self, word: str, name: str) -> str:
        names = [opened for opened, _ in self.open]
        if name not in names:
            return word.replace("<", "&lt;")
        first = len(names) - 1 - names[::-1].index(name)
        self._give_up(first + 1)
        del self.open[first]
        return word

    def _give_up(self, first: int = 0) -> None:
        """Escape the tags that wait, from this one on."""
        for _, place in self.open[first:]:
            self.found[place] = self.found[place].replace("<", "&lt;")
        del self.open[first:]

    def _code(self, match: re.Match[str]) -> int:
        """Take a code span whole, or backticks that begin none."""
        starts = self.runs[len(match[0])]
        later = bisect_left(starts, match.end())
        if later == len(starts):
            self._give_up()
            self.found.append(match[0])
            return match.end()
        end = starts[later] + len(match[0])
        span, content = self.text[match.start() : end], self.text[match.end() : starts[later]]
        if "\n" in content:
            self._give_up()
        if self.open or (re.search(_LIVE, content) and not self._first(match.start(), content)):
            span = "\n".join(_as_element(line, first=not number) for number, line in enumerate(content.split("\n")))
        self.found.append(span)
        return end

    def _first(self, start: int, content: str) -> bool:
        """Whether a span begins its paragraph, so that nothing before it could swallow its backticks."""
        alone = self.whole and "\n" not in content and ("|" not in content or "\n" not in self.text)
        return alone and re.fullmatch(_MARKS, self.text[:start], re.ASCII) is not None


def _as_element(line: str, *, first: bool) -> str:
    """Return a line of a code span as an element, which no backtick, bracket or bar of another one reaches into."""
    content = line.strip() if first else line.lstrip(" \t>").rstrip()
    marks = "" if first else line[: len(line) - len(line.lstrip(" \t>"))]
    content = re.sub(
        r"[\\`*\[\]~|$]|(?<!\w)_|_(?!\w)", lambda found: f"&#{ord(found[0])};", escape(content, quote=False)
    )
    return f"{marks}<code>{content}</code>" if content else marks
