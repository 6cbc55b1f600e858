"""The notes as a reader sees them, and the proof that the instructions are what one sees.

Design, rule 4: contributor text never hides the instructions. A page is the changelog's section and then the
verify section. It is sound if

1. it is no longer than what GitHub takes: that is held before anything is parsed;
2. nothing in the section is read differently by GitHub's own parser (``tagseal.notes.dialect``);
3. no raw HTML of the section is left open, whatever a sanitiser may think of it;
4. its HTML is the section's HTML followed by the verify section's HTML, byte for byte: no fence, comment, list or
   link definition of the one reaches into the other;
5. the same holds after an HTML5 parser has sanitised it, as GitHub does: no element reaches across either;
6. it ends in exactly the verify section's fences;
7. no heading of the section looks like one of the verify section's.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import nh3
from markdown_it import MarkdownIt

from tagseal.errors import Refused
from tagseal.names import show
from tagseal.notes.dialect import restrict
from tagseal.notes.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

LIMIT = 124_000
"""Characters: GitHub takes 125,000, and the marker of a draft wants a line."""

# GitHub breaks lines of a release's notes where their author did. Bare links stay text here: that needs one more
# dependency, and hides nothing.
_MARKDOWN = MarkdownIt("commonmark", {"breaks": True}).enable(["table", "strikethrough"])

# What GitHub's own sanitiser lets through (its html-pipeline); scripts, styles and forms are not among it.
_TAGS = """
    a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p picture pre q rp rt ruby s samp small source span strike strong sub summary sup
    table tbody td tfoot th thead time tr tt ul var wbr
""".split()  # noqa: SIM905 - sixty words
_ATTRIBUTES = {
    "*": {"align", "title", "dir", "lang"},
    "a": {"href"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "source": {"srcset", "media"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BOLD = frozenset({"b", "strong"})
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_DEEPEST = 100
"""Elements inside each other: an HTML5 parser takes more time for each than for the one around it."""


def html(markdown: str) -> str:
    """Return the page's HTML as GitHub would show it: CommonMark, tables and strikethrough, sanitised."""
    aligned = re.sub(r' style="text-align:(left|center|right)"', r' align="\1"', _MARKDOWN.render(markdown))
    return sanitise(aligned)


def fences(markdown: str) -> tuple[tuple[str, str], ...]:
    """Return every code block's info string and content; an indented one has the info string ``indented``."""
    return tuple(
        (token.info.strip() if token.type == "fence" else "indented", token.content)
        for token in _MARKDOWN.parse(markdown)
        if token.type in {"fence", "code_block"}
    )


def seams(section: str) -> tuple[tuple[int, bool], ...]:
    """Return the lines (from 0) before which a section may be cut, and whether a heading begins there.

    A block or an item of a list begins there, and no raw HTML is open.
    """
    watch, found = _OpenElements(), []
    for token in _MARKDOWN.parse(section):
        block = token.nesting >= 0 and (token.level == 0 or (token.type, token.level) == ("list_item_open", 1))
        if token.map and block and not watch.stack:
            found.append((token.map[0], token.type == "heading_open"))
        for raw in _raw_html([token]):
            watch.feed(raw.content)
    return tuple(found)


def check(section: str, verify: str) -> None:
    """Hold that ``section + verify`` shows the verify section, whole and last (the rules in the module's head).

    Raises:
        Refused: The section hides, changes or imitates the instructions; the error names the line.
    """
    hold_length(section + verify)
    _hold_dialect(section)
    if left := _find_open_html(section):
        name, line = left
        raise Refused(
            f"line {line} of the notes leaves {name} open, which would hide the verification instructions",
            context=(_quote(section, line),),
            hint="Close it where it was written, in the changelog or in the release, or write it as `code`.",
            slug="notes-open-html",
        )
    before, after, whole = (_MARKDOWN.render(text) for text in (section, verify, section + verify))
    same = whole == before + after and sanitise(whole) == sanitise(before) + sanitise(after)
    if not same or fences(section + verify) != fences(section) + fences(verify):
        line = _culprit(section, verify)
        raise Refused(
            f"line {line} of the notes reaches into the verification instructions, expected them to stand alone",
            context=(_quote(section, line),),
            hint="Close the code block, comment, element or list where it was written, in the changelog or in the "
            "release; or rename the link definition.",
            slug="notes-hidden-instructions",
        )
    _no_imitation(_headings(before), _headings(after))


def hold_length(text: str, *context: str) -> None:
    """Hold that GitHub takes a page of this length.

    Raises:
        Refused: It does not.
    """
    if len(text) > LIMIT:
        raise Refused(
            f"got notes of {len(text):,} characters, expected at most {LIMIT:,}: GitHub refuses longer ones",
            context=context,
            hint="Release fewer files at once, or shorten a template, or what stands above the instructions.",
            slug="notes-too-long",
        )


def _hold_dialect(section: str) -> None:
    if (alike := restrict(section)) == section:
        return
    pairs = zip(section.split("\n"), alike.split("\n"), strict=False)
    line = next((number for number, (got, expected) in enumerate(pairs, 1) if got != expected), 1)
    raise Refused(
        f"line {line} of the notes has a tag or a footnote that two Markdown parsers read differently",
        context=(_quote(section, line),),
        hint="Write it as `code`, or remove it, in the template that overrides notes.md.j2.",
        slug="notes-read-differently",
    )


def _no_imitation(section: _Headings, verify: _Headings) -> None:
    names = {skeleton(heading) for heading in verify.texts}
    if copy := next((heading for heading in section.texts + section.bold if skeleton(heading) in names), None):
        raise Refused(
            f"got the heading {show(copy)} a second time, expected it once, above the verification instructions",
            hint="Rename the heading where it was written, in the changelog or in the release.",
            slug="notes-repeated-heading",
        )


def sanitise(markup: str) -> str:
    """Return HTML as GitHub's own sanitiser leaves it, read as an HTML5 parser reads it."""
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow",
    )


def _find_open_html(section: str) -> tuple[str, int] | None:
    """Return what the section's raw HTML leaves open, and its line (from 1)."""
    watch = _OpenElements()
    for token in _raw_html(_MARKDOWN.parse(section)):
        watch.line = token.meta["line"]
        watch.feed(token.content)
        if watch.too_deep:
            return f"more than {_DEEPEST} elements", watch.line
    return next(((f"<{name}>", line) for name, line in watch.stack if name != "p"), None)


def _raw_html(tokens: list[Token], line: int = 0) -> Iterator[Token]:
    for token in tokens:
        line = token.map[0] if token.map else line
        if token.type in {"html_block", "html_inline"}:
            token.meta["line"] = line + 1
            yield token
        yield from _raw_html(token.children or [], line)


class _OpenElements(HTMLParser):
    """Keeps the elements that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.line = 1
        self.stack: list[tuple[str, int]] = []
        self.too_deep = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        if tag == "p" and self.stack and self.stack[-1][0] == "p":  # which ends there
            self.stack.pop()
        self.too_deep = self.too_deep or len(self.stack) >= _DEEPEST
        if tag not in _VOID and not self.too_deep:
            self.stack.append((tag, self.line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # HTML does not heed the slash

    def handle_endtag(self, tag: str) -> None:
        last = next((n for n in range(len(self.stack) - 1, -1, -1) if self.stack[n][0] == tag), None)
        if last is not None:
            del self.stack[last:]


def _headings(markup: str) -> _Headings:
    reader = _Headings()
    reader.feed(sanitise(markup))
    reader.close()
    return reader


class _Headings(HTMLParser):
    """Collects the text of every heading, and of every line of a paragraph that is bold as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.bold: list[str] = []
        self._inside = False
        self._depth = 0
        self._line: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        if tag in _HEADINGS:
            self._inside = True
            self.texts.append("")
        if tag in {"p", "br"}:
            self._end_line()
        self._depth += tag in _BOLD

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in _HEADINGS
        if tag == "p":
            self._end_line()
        self._depth -= tag in _BOLD

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data
        if data.strip():
            self._line.append((data, self._depth > 0))

    def _end_line(self) -> None:
        if all(bold for _, bold in self._line):
            self.bold.append("".join(text for text, _ in self._line))
        self._line = []


def _culprit(section: str, verify: str) -> int:
    """Return the line (from 1) of the section that reaches across, or its last one."""
    end = section.count("\n")
    environment: dict[str, dict[str, dict[str, list[int]]]] = {}
    for token in _MARKDOWN.parse(section + verify, environment):
        if token.map and token.map[0] < end < token.map[1]:
            return token.map[0] + 1
    definitions = (entry["map"][0] + 1 for entry in environment.get("references", {}).values())
    return next(definitions, end or 1)


def _quote(section: str, line: int) -> str:
    lines = section.splitlines()
    return show(lines[line - 1] if 0 < line <= len(lines) else "")
