"""The notes as a reader sees them, and the proof that the instructions are what one sees.

Design, rule 4: contributor text never hides the instructions. A page is the changelog's section and then the
verify section. It is sound if

1. its HTML is the section's HTML followed by the verify section's HTML, byte for byte: no fence, comment, list or
   link definition of the one reaches into the other;
2. the same holds after an HTML5 parser has sanitised it, as GitHub does: no element reaches across either;
3. no raw HTML of the section is left open, whatever a sanitiser may think of it;
4. it ends in exactly the verify section's fences;
5. no heading of the section passes itself off as the verify section's.
"""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import nh3
from markdown_it import MarkdownIt

from tagseal.errors import Refused
from tagseal.names import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

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
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_END = "tagseal-end"


def html(markdown: str) -> str:
    """Return the page's HTML as GitHub would show it: CommonMark, tables and strikethrough, sanitised."""
    aligned = re.sub(r' style="text-align:(left|center|right)"', r' align="\1"', _MARKDOWN.render(markdown))
    return _sanitised(aligned)


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
    watch, found = _Open(), []
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
    if left := _left_open(section):
        name, line = left
        raise Refused(
            f"line {line} of the notes leaves {name} open, which would hide the verification instructions",
            context=(_quote(section, line),),
            hint="Close it where it was written, in the changelog or in the release, or write it as `code`.",
            slug="notes-open-html",
        )
    before, after, whole = (_MARKDOWN.render(text) for text in (section, verify, section + verify))
    same = whole == before + after and _sanitised(whole) == _sanitised(before) + _sanitised(after)
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


def _no_imitation(section: list[str], verify: list[str]) -> None:
    names = {_bare(heading) for heading in verify}
    if copy := next((heading for heading in section if _bare(heading) in names), None):
        raise Refused(
            f"got the heading {shown(copy)} a second time, expected it once, above the verification instructions",
            hint="Rename the heading where it was written, in the changelog or in the release.",
            slug="notes-repeated-heading",
        )


def _sanitised(markup: str) -> str:
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow",
    )


def _left_open(section: str) -> tuple[str, int] | None:
    """Return what the section's raw HTML leaves open, and its line (from 1)."""
    watch = _Open()
    for token in _raw_html(_MARKDOWN.parse(section)):
        watch.line = token.meta["line"]
        watch.feed(token.content)
    last = watch.line
    watch.feed(f"<{_END}>")
    if not watch.ended:
        return "a comment, a tag or an unreadable element", last
    return next(((f"<{name}>", line) for name, line in watch.stack if name != "p"), None)


def _raw_html(tokens: list[Token], line: int = 0) -> Iterator[Token]:
    for token in tokens:
        line = token.map[0] if token.map else line
        if token.type in {"html_block", "html_inline"}:
            token.meta["line"] = line + 1
            yield token
        yield from _raw_html(token.children or [], line)


class _Open(HTMLParser):
    """Keeps the elements that are open; ``ended`` if the end mark was read as a tag, not as something's inside."""

    def __init__(self) -> None:
        super().__init__()
        self.line = 1
        self.stack: list[tuple[str, int]] = []
        self.ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        if tag == _END:
            self.ended = True
        elif tag not in _VOID:
            self.stack.append((tag, self.line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)  # HTML does not heed the slash

    def handle_endtag(self, tag: str) -> None:
        if tag in (names := [name for name, _ in self.stack]):
            del self.stack[len(names) - 1 - names[::-1].index(tag) :]


def _headings(markup: str) -> list[str]:
    reader = _Headings()
    reader.feed(_sanitised(markup))
    reader.close()
    return reader.texts


class _Headings(HTMLParser):
    """Collects the text of every heading."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        if tag in _HEADINGS:
            self._inside = True
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in _HEADINGS

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


def _bare(heading: str) -> str:
    """Return the letters and digits that a reader sees, without case."""
    return "".join(c for c in unicodedata.normalize("NFKC", heading).casefold() if c.isalnum())


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
    return shown(lines[line - 1] if 0 < line <= len(lines) else "")
