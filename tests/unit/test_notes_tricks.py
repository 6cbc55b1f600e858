"""Every trick that a changelog or a commit could play on the notes: one folder each below ``tests/assets/notes``.

Adding a folder adds a test: ``section.md`` (or ``subjects.json``, subjects of commits) and ``expected.toml`` with
``outcome = "harmless"`` or, in a folder whose name ends in ``_fail``, ``outcome = "refused"`` and the slug. Where
something is escaped, ``page.md`` is what reaches the page.
"""

from __future__ import annotations

import json
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gfm
from tagseal.errors import Refused
from tagseal.notes import changelog, dialect, page
from tagseal.notes.render import Page, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Artifact, Plan

TRICKS = sorted(Path(__file__).parents[1].joinpath("assets", "notes").iterdir())
HARMLESS = [trick for trick in TRICKS if not trick.name.endswith("_fail")]
REFUSED = [trick for trick in TRICKS if trick.name.endswith("_fail")]


def section(trick: Path) -> str:
    if (subjects := trick / "subjects.json").exists():
        return changelog.from_commits(json.loads(subjects.read_text()))
    return (trick / "section.md").read_bytes().decode()


@pytest.fixture(scope="module")
def rendered(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> Callable[[str], Page]:
    return lambda text: render(tag="v1.2.3", plan=plan(section=text), artifacts=artifacts, override=None)


def expected(trick: Path) -> dict[str, str]:
    return tomllib.loads((trick / "expected.toml").read_text())


class Blocks(HTMLParser):
    """Reads the code blocks of a sanitised page, each with the elements around it."""

    def __init__(self) -> None:
        super().__init__()
        self.around: list[str] = []
        self.blocks: list[tuple[tuple[str, ...], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class names it
        if tag not in {"br", "hr", "img", "wbr", "source"}:
            self.around.append(tag)
        if tag == "pre":
            self.blocks.append((tuple(self.around[:-1]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.around.pop() == tag, "a sanitised page is well-formed"

    def handle_data(self, data: str) -> None:
        if "pre" in self.around:
            around, text = self.blocks[-1]
            self.blocks[-1] = around, text + data


def visible(text: str) -> list[tuple[tuple[str, ...], str]]:
    reader = Blocks()
    reader.feed(page.html(text))
    reader.close()
    assert not reader.around
    return reader.blocks


@pytest.fixture(scope="module")
def untouched(rendered: Callable[[str], Page]) -> Page:
    return rendered("- Nothing new.\n")


@pytest.mark.parametrize("trick", HARMLESS, ids=lambda trick: trick.name)
def test_a_harmless_trick_leaves_every_instruction_visible_and_unchanged(
    trick: Path, rendered: Callable[[str], Page], untouched: Page
) -> None:
    """Commands are those of a page without the trick, and each is seen where it stands without it."""
    assert expected(trick) == {"outcome": "harmless"}
    tricked = rendered(section(trick))
    assert tricked.commands == untouched.commands
    instructions = visible(untouched.text)
    assert visible(tricked.text)[-len(instructions) :] == instructions


@pytest.mark.parametrize("trick", HARMLESS, ids=lambda trick: trick.name)
@pytest.mark.parametrize("html", [page.html, gfm.html], ids=["CommonMark 0.31", "GitHub"])
def test_a_harmless_trick_changes_no_letter_below_it_in_any_grammar(
    html: Callable[[str], str], trick: Path, rendered: Callable[[str], Page], untouched: Page
) -> None:
    """The page is shown as the trick by itself, and then the instructions by themselves."""
    verify = untouched.text[untouched.text.index("## Verify\n") :]
    above = rendered(section(trick)).text.removesuffix(verify)
    assert html(above + verify) == html(above) + html(verify)


@pytest.mark.parametrize("trick", HARMLESS, ids=lambda trick: trick.name)
def test_what_is_escaped_is_seen_and_what_is_not_is_kept(trick: Path) -> None:
    """Whatever two grammars read differently is shown as its letters, in as many lines; the rest stays as it is."""
    text, shown = section(trick), trick / "page.md"
    expected = shown.read_bytes().decode() if shown.exists() else text
    assert dialect.restrict(text) == expected
    assert dialect.restrict(expected) == expected
    assert shown.exists() is (expected != text)


@pytest.mark.parametrize("trick", REFUSED, ids=lambda trick: trick.name)
def test_a_trick_that_would_hide_the_instructions_is_refused_by_name(
    trick: Path, rendered: Callable[[str], Page]
) -> None:
    """The refusal has the slug that the folder expects, and a line or a heading to look at."""
    with pytest.raises(Refused) as refusal:
        rendered(section(trick))
    assert {"outcome": "refused", "slug": refusal.value.slug} == expected(trick)
    assert "line " in refusal.value.what or "heading" in refusal.value.what


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_the_canary_is_in_every_trick_and_in_no_command(trick: Path, rendered: Callable[[str], Page]) -> None:
    """A trick without its canary would prove nothing."""
    assert "canary" in section(trick).replace("yranac", "canary")
    try:
        found = rendered(section(trick)).commands
    except Refused:
        return
    assert [command.text for command in found if "canary" in command.text] == []


def test_the_instructions_stand_in_nothing_but_the_fold(untouched: Page) -> None:
    """A page's own code blocks are at the top, or in the one ``<details>`` of the template."""
    assert {around for around, _ in visible(untouched.text)} == {(), ("details",)}


def test_template_syntax_of_a_contributor_stays_text(rendered: Callable[[str], Page]) -> None:
    """``{{ 7*7 }}`` in a changelog is shown as it is written."""
    assert "{{ 7*7 }} {% include" in rendered("{{ 7*7 }} {% include 'x' %}").text


def test_what_nobody_can_see_is_shown_as_its_code(rendered: Callable[[str], Page]) -> None:
    """Control and bidirectional characters become their escape; joiners stay, for emoji and scripts need them."""
    text = rendered("a\x00b\u202ec\u200dd").text
    assert text.startswith("a\\u0000b\\u202ec\u200dd\n")
