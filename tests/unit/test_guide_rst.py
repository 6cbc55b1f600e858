"""The guide in reStructuredText: the same page, read by docutils without a warning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from docutils import nodes
from docutils.core import publish_doctree

import guides
from tagseal.cli import main
from tagseal.errors import VerificationFailed
from tagseal.notes.page import fences
from tagseal.notes.rst_page import to_rst
from tagseal.project.guide import check, page, write
from tagseal.project.init.look import look

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

SUBJECTS = {
    "packages": ("", None),
    "image": (guides.IMAGE, "v1.2.3"),
    "index": ('[index]\nname = "testpypi"\n', None),
    "all": (f'{guides.IMAGE}\n[index]\nname = "pypi"\n', "v1.2.3"),
}
STRICT = {"report_level": 2, "halt_level": 2, "_disable_config": True, "syntax_highlight": "none"}


def read(rst: str) -> nodes.document:
    """Read a page; a warning is an error."""
    return publish_doctree(rst, settings_overrides=STRICT)


HIDDEN = re.compile(r"<a id=[^>]*></a>|<!--.*?-->|^```\w*$|^#+ |^- |\|(?:---\|)+|\]\([^)]*\)", flags=re.MULTILINE)


def shown(markdown: str) -> str:
    """Return the letters that a reader of the Markdown page sees: neither spaces nor marks."""
    return letters(HIDDEN.sub("", markdown))


def letters(text: str) -> str:
    """Return a text without spaces, and without what is a mark in one of the languages."""
    return re.sub(r"[`*|\[\]\\\s]", "", text)


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_is_the_same_page(tmp_path: Path, name: str) -> None:
    """Every heading, every code block, every link and every word of the Markdown page, in its order."""
    settings, tag = SUBJECTS[name]
    root = guides.checkout(tmp_path, settings)
    markdown = page(root, tag)
    document = read(page(root, tag, ".rst"))
    blocks = [(one["classes"][-1], one.astext()) for one in document.findall(nodes.literal_block)]
    assert blocks == [(info, text.rstrip()) for info, text in fences(markdown)]
    titles = [one.astext() for one in document.findall(nodes.title)]
    outside = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    assert titles == [one.replace("`", "") for one in re.findall(r"^#+ (.*)$", outside, flags=re.MULTILINE)]
    links = [one["refuri"] for one in document.findall(nodes.reference)]
    assert links == re.findall(r"\]\((https://[^)\s]+)\)", outside)
    targets = [one["refid"] for one in document.findall(nodes.target)]
    assert targets == re.findall(r'<a id="([a-z0-9-]+)">', outside)
    for comment in document.findall(nodes.comment):
        comment.parent.remove(comment)
    assert letters(document.astext()).removeprefix("orphan") == shown(markdown)


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("a `b`c", "a bc"),
        ("x`b`.", "xb."),
        ("**a** b_ c_", "a b_ c_"),
        ("|a| *b* \\*c", "|a| b *c"),
        ("`` a`b ``", "a`b"),
        ("[`x_` <y>](https://example.org/a_b)", "x_ <y>"),
        ("[a](https://example.org)s", "as"),
    ],
)
def test_a_line_shows_what_it_did(markdown: str, text: str) -> None:
    """Markup ends where a word goes on, and a letter that is markup in this language is none here."""
    (paragraph,) = read(to_rst(markdown)).findall(nodes.paragraph)
    assert paragraph.astext() == text


def test_a_kept_page_is_written_and_checked_in_its_own_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the file's name; a page that drifted is found."""
    root = guides.checkout(tmp_path)
    monkeypatch.chdir(root)
    assert main(["guide", "--tag", "v1.2.3", "--out", "verifying.rst"]) == 0
    kept = root / "verifying.rst"
    assert kept.read_text().endswith("\n.. Written by: tagseal guide --tag v1.2.3\n")
    check(root, None, kept)
    kept.write_text(kept.read_text().replace("octo", "acme"))
    with pytest.raises(VerificationFailed):
        check(root, None, kept)
    write(root, None, kept)
    assert main(["guide", "--check", "verifying.rst"]) == 0
    assert "verifying.rst is what the project renders now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"docs/index.md": ""}, "docs/verifying.md"),
        ({"docs/conf.py": "extensions = []\n"}, "docs/verifying.rst"),
        ({"docs/source/conf.py": "", "docs/Makefile": ""}, "docs/source/verifying.rst"),
        ({"docs/conf.py": "extensions = ['myst_parser']\n"}, "docs/verifying.md"),
        ({"doc/source/conf.py": "extensions = ['myst_nb']\n"}, "doc/source/verifying.md"),
        ({"README.md": ""}, None),
    ],
)
def test_init_writes_it_where_and_as_the_documentation_reads_it(
    tmp_path: Path, files: dict[str, str], path: str | None
) -> None:
    """Beside Sphinx's configuration; in Markdown where Sphinx has a parser for that, or where there is no Sphinx."""
    assert look(guides.checkout(tmp_path, files=files), {}).guide == path
