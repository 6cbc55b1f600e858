"""Whatever contributors write, the page shows it and then the instructions, in every grammar; or it is refused.

The page is held against cmark-gfm, which is what GitHub reads with. 25 examples of each here, a hundred in
``nox -s exhaustive``; as many as are wanted with ``nox -s fuzz``, which sets ``TAGSEAL_FUZZ``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from packaging.version import Version

import gfm
from patience import patience
from sampling import examples
from tagseal.errors import Refused, TagsealError
from tagseal.notes import changelog, dialect, page

pytestmark = pytest.mark.sampled

EXAMPLES = examples(100)
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(MANY, max_examples=max(10, EXAMPLES // 10))
"""Each starts Python, and docutils in it."""
VERIFY = """## Verify

Download the files, then:

```console
$ sigstore verify identity --cert-identity X widget-1.2.3.tar.gz
```

<details><summary>All files</summary>

```console
$ sha256sum --check SHA256SUMS
```

</details>
"""


def pieces(text: str) -> list[str]:
    """Return the pieces of a text, which blanks part; ``~`` stands for a blank, ``/n`` for the end of a line."""
    return [piece.replace("~", " ").replace("/n", "\n") for piece in text.split(" ")]


TAGS = pieces(
    "<details> </details> <summary> <pre> </pre> <script> <style> <textarea> <title> <search> <source> <source <p> "
    '<div~a=" <a~href=\' <a~href="x"> </a> <b> </b> <br> <br/> <img~src=x> <x-y> </x-y> <a@b.c> <http://a.b/c> <svg> '
    "<math> <table> <td> <tr> <li> <h2> </h2> <plaintext> <xmp> <noembed> <iframe> <code> </code> <dd~x='>'>"
)
SIGNS = pieces("<!-- --> --!> <!--> <!---> <!x <!A <![CDATA[ ]]> <? ?> <! < > & &lt; &#60; &#x3c; &amp;lt;")
INLINE = pieces("` `` ``` \\` \\ [ ] [a](<b>) [a]( ]( ]: [^1] [^1]: ^[ ![ ** __ ~~ $ $$ :+1: @octo #7 | \\| a b Verify")
BLOCKS = pieces(
    "/n /n/n /n>~ /n-~ /n1.~ /n~~~~ /n~~~~~~~~ /n```/n /n````/n /n##~ /n===/n /n---/n /n|-|-|/n /n[a]:~ /n\t"
)
LINES = [line.replace("^", "~") for line in pieces("/n^^^/n /n^^^^x/n")]
PIECE = st.sampled_from([*TAGS, *SIGNS, *INLINE, *BLOCKS, *LINES]) | st.text(max_size=2)
REPEATED = st.tuples(PIECE, st.sampled_from([1, 1, 1, 1, 2, 3, 40])).map(lambda pair: pair[0] * pair[1])
MARKDOWN = st.lists(REPEATED, max_size=24).map("".join)
SECTION = MARKDOWN.map(lambda text: dialect.restrict(text).strip("\n") + "\n\n")


@MANY
@given(section=SECTION)
@example(section="<source>&lt;!--\n\n")
def test_a_page_that_is_accepted_shows_the_instructions_in_every_grammar(section: str) -> None:
    """Its HTML is the section's by itself, and then the instructions' by themselves, at GitHub as well as here."""
    with patience():
        try:
            page.check(section, VERIFY)
        except Refused:
            assume(condition=False)
    for html in (page.html, gfm.html):
        assert html(section + VERIFY) == html(section) + html(VERIFY)


@pytest.mark.parametrize(
    "text",
    [
        f"{'`' * 81}<details>{'`' * 81}",
        f"x {'`' * 81}<details>{'`' * 81}",
        f"{'~' * 300}\n{'~' * 260}\n\n<details>\n\n{'~' * 300}",
        f"{'`' * 300}\n{'`' * 260}\n\n<details>\n\n{'`' * 300}",
    ],
)
def test_a_run_is_no_longer_than_every_grammar_counts(text: str) -> None:
    """GitHub's reads a code span of at most 80 backticks, and counts a fence up to 255."""
    found = dialect.restrict(text)
    assert page.html(found).count("<details>") == gfm.html(found).count("<details>")


@MANY
@given(text=MARKDOWN)
@example(text="[^1]: <!x<details>")
@example(text="~~~\n<search> x\n~~~")
def test_restricting_a_text_changes_its_tags_and_footnotes_and_nothing_else(text: str) -> None:
    """As many lines; what is restricted stays as it is; a text without tags and footnotes too."""
    with patience():
        found = dialect.restrict(text)
        assert dialect.restrict(found) == found
    assert found.count("\n") == dialect.clean(text).count("\n")
    if "<" not in text and "[^" not in text:
        assert found == dialect.clean(text)


@MANY
@given(subjects=st.lists(MARKDOWN, max_size=4))
@example(subjects=["<details>" + "`" * 80])
def test_subjects_of_commits_are_text_in_every_grammar(subjects: list[str]) -> None:
    """Nothing but items of a list and code: no link, no mention, no formula, no tag of theirs."""
    listed = changelog.from_commits(subjects)
    with patience():
        assert dialect.restrict(listed) == listed
    for html in (page.html, gfm.html):
        left = html(listed)
        for known in ("<ul>", "</ul>", "<li>", "</li>", "<code>", "</code>"):
            left = left.replace(known, "")
        assert "<" not in left


HEADINGS = pieces("##~1.2.3/n #~v1.2.3/n 1.2.3/n===/n ##~[1.2.3](x)/n ##~[Unreleased]/n 1.2.3/n-----/n [1.2.3]:~<x>/n")
CHANGELOG = st.lists(st.sampled_from(HEADINGS) | REPEATED, max_size=24).map("".join)


@MANY
@given(text=CHANGELOG, name=st.sampled_from(["CHANGELOG.md", "CHANGES.txt", "NEWS"]))
@example(text="## 1.2.3\n\n<![foo", name="CHANGELOG.md")
@example(text=f"## {'9' * 5_000}.0\n", name="CHANGELOG.md")
@example(text="## 1.2.3\n\n" + "<" * 60_000, name="CHANGELOG.md")
def test_any_changelog_is_read(text: str, name: str) -> None:
    """A section, or none, or an error that names the file; a section can be shortened to any length."""
    with TemporaryDirectory() as folder, patience():
        path = Path(folder) / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = changelog.section(path, Version("1.2.3"))
        except TagsealError as error:
            assert name in error.what  # noqa: PT017 - an error is one of two good ends
            return
        if found is not None:
            room = len(found.text) // 2
            assert len(changelog.shorten(found.text, room, "More.")) <= max(room, len("More."))


DIRECTIVES = pieces(
    "..~date::/n ..~note::/n/n~~ ..~include::~/etc/passwd/n ..~raw::~html/n/n~~ ..~|a|~replace::~|a||a|/n |a| :pr:`1` "
    "`a`_ ..~_a:~b/n *~ **a** ``a`` ::/n/n~~ 1.2.3/n=====/n +--+/n|a~|/n+--+/n =~~=/na~~b/n=~~=/n ..~csv-table::~a/n"
)
RST = st.lists(st.tuples(st.sampled_from(DIRECTIVES) | PIECE, st.sampled_from([1, 1, 2, 400])), max_size=10).map(
    lambda pairs: "1.2.3\n=====\n\n" + "".join(piece * times for piece, times in pairs)
)


@pytest.mark.system
@FEW
@given(text=RST)
@example(text="1.2.3\n=====\n\n" + "".join("  " * depth + "* a\n\n" for depth in range(400)))
@example(text="1.2.3\n=====\n\n" + "x" * 10_001)
def test_any_changelog_in_restructuredtext_is_read(text: str) -> None:
    """Docutils may take its time, or give up: the reader ends, with a section or an error that names the file."""
    with TemporaryDirectory() as folder, patience():
        path = Path(folder) / "CHANGES.rst"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = changelog.section(path, Version("1.2.3"), 1)
        except TagsealError as error:
            assert path.name in error.what  # noqa: PT017 - as above
            return
    assert found is None or found.heading
