"""The ledger of the page that the guide was made after: no sentence of it is lost without a word about why."""

from __future__ import annotations

import html
import re

import pytest

from source import ROOT

LEDGER = ROOT / ".github" / "docs" / "seed-page.md"
SEED = ROOT / "tests" / "assets" / "guide" / "securescan"
SAYING = [
    ROOT / "templates" / "guide.md.j2",
    *sorted((ROOT / "templates" / "verify").glob("*.j2")),
    ROOT / "release" / "tagseal" / "verification" / "diagnosis" / "troubles.py",
]
"""Where the guide's words come from."""
_BLOCK = re.compile(r"`(\d\d-[\w-]+\.[a-z]+)`")


def rows() -> list[list[str]]:
    """Return the cells of each row: sentence, what became of it, the line that says it, why."""
    lines = [line for line in LEDGER.read_text().splitlines() if line.startswith("| ")][1:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def plain(text: str) -> str:
    """Return the letters of a text: without spaces, which a copied page has lost in places, and marks of structure."""
    return re.sub(r"(?:^|(?<=\s))-\s|\|(?:---\|)*|\s", "", text)


def sentence(cell: str) -> str:
    """Return the text that a cell stands for."""
    if block := _BLOCK.fullmatch(cell):
        return (SEED / block[1]).read_text()
    return html.unescape(cell.replace("\\*", "*"))


def compare(ledger: list[list[str]]) -> str:
    """Return where page and ledger differ first; nothing if every sentence has its row."""
    left = plain((SEED / "page.txt").read_text())
    for cells in ledger:
        said = plain(sentence(cells[0]))
        if not left.startswith(said):
            return f"the page has {left[:80]!r}, the ledger {cells[0]!r}"
        left = left.removeprefix(said)
    return f"no row for {left[:80]!r}" if left else ""


def test_every_sentence_of_the_page_has_its_row() -> None:
    """In the page's order, and each row has a sentence."""
    assert compare(rows()) == ""


def test_a_row_is_one_sentence() -> None:
    """None hides behind another one."""
    assert [cells[0] for cells in rows() if re.search(r"[.:] [A-Z]", cells[0])] == []


@pytest.mark.parametrize("number", range(0, 70, 7))
def test_a_lost_or_a_made_up_row_is_noticed(number: int) -> None:
    """The comparison can fail: a sentence without its row, and a row without its sentence."""
    known = rows()
    assert compare(known[:number] + known[number + 1 :])
    assert compare([*known[:number], ["No such sentence.", "kept", "", ""], *known[number:]])


def test_every_row_names_a_line_that_says_it_or_why_none_does() -> None:
    """A line of the templates is quoted as it stands there; what changed, or is gone, has a reason."""
    lines = [line for file in SAYING for line in file.read_text().splitlines()]
    for said, became, line, why in rows():
        assert became in {"kept", "changed", "gone"}, said
        assert bool(why) == (became != "kept"), said
        assert bool(line) == (became != "gone"), said
        quoted = re.sub(r"^(`+) ?(.*?) ?\1$", r"\2", line)
        assert not quoted or any(quoted.strip() in one for one in lines), quoted
