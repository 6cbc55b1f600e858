"""Changelogs as real projects write them, and commits where there is none.

The files below ``tests/assets/changelogs`` have the shapes, not the words, of the projects that they are named after.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

import gfm
from patience import patience
from tagseal.errors import ConfigError, UsageError
from tagseal.notes import changelog, child, dialect, page

ASSETS = Path(__file__).parents[1] / "assets" / "changelogs"


def section(name: str, version: str) -> changelog.Section | None:
    return changelog.section(ASSETS / name, Version(version))


def written(tmp_path: Path, text: str, version: str = "1.2.0", name: str = "CHANGELOG.md") -> changelog.Section | None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return changelog.section(path, Version(version))


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "version", "heading", "first", "last"),
    [
        ("click.md", "8.5.0", "Version 8.5.0", "Unreleased", "- Alpha bends. {pr}`2`"),
        ("click.md", "8.4.0", "Version 8.4.0", "Released 2026-04-01", "- Beta holds."),
        ("keep-a-changelog.md", "1.2.3", "1.2.3 - 2024-05-06", "### Added", "- Turned the wheel, see [guide][]."),
        ("requests.md", "2.32.0", "2.32.0 (2024-05-20)", "**Bugfixes**", "- Gamma rests."),
        ("structlog.md", "26.1.0", "26.1.0 - 2026-06-06", "### Added", "- A lamp."),
        ("build.rst", "1.6.0", "1.6.0 (2026-08-27)", "## Features", "- `delta.shines()` again"),
        ("plain.txt", "1.1", "widget 1.1 (2024-02-03)", "```text", "```"),
    ],
)
def test_the_section_is_the_versions_own(name: str, version: str, heading: str, first: str, last: str) -> None:
    """From below its heading to the next of the same or a higher level."""
    found = section(name, version)
    assert found is not None
    lines = [line for line in found.text.splitlines() if line and "]: <" not in line]
    assert (found.heading, lines[0], lines[-1]) == (heading, first, last)


@pytest.mark.system
@pytest.mark.parametrize("path", sorted(ASSETS.iterdir()), ids=lambda path: path.name)
def test_an_unknown_version_has_no_section(path: Path) -> None:
    """Nothing is guessed: neither the newest nor a similar one."""
    assert [changelog.section(path, Version(version)) for version in ("9.9.9", "0.1", "2.3", "2024")] == [None] * 4


@pytest.mark.parametrize(
    ("version", "text"),
    [("1.2.0", "own"), ("1.3.0rc1", "candidate"), ("1.3.0rc2", "base"), ("1.3.0.dev4", "base"), ("2.0a1", "next")],
)
def test_a_pre_release_looks_further(tmp_path: Path, version: str, text: str) -> None:
    """Its own section, then the base version's, then Unreleased."""
    file = "## [Unreleased]\n\nnext\n\n## 1.3.0\n\nbase\n\n## 1.3.0rc1\n\ncandidate\n\n## 1.2.0\n\nown\n"
    found = written(tmp_path, file, version)
    assert found is not None
    assert found.text == text


def test_unreleased_comes_last_and_only_with_words(tmp_path: Path) -> None:
    """For a final version too, never before its own heading; an empty one is nothing, whatever its comments say."""
    final = written(tmp_path, "## Unreleased\n\nnext\n\n## 1.0\n\nold\n", "1.2.0")
    own = written(tmp_path, "## Unreleased\n\nnext\n\n## 1.2\n\nown\n", "1.2.0")
    assert final == changelog.Section(text="next", heading="Unreleased", unreleased=True)
    assert own == changelog.Section(text="own", heading="1.2", unreleased=False)
    assert written(tmp_path, "## Unreleased\n\n<!-- here -->\n\n## 1.0\n\nold\n", "1.2.0") is None


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("## 9.9.9 (Unreleased)\n\nlater\n\n## 1.1.0\n\nold\n", "9.9.9 (Unreleased)"),
        ("## 1.1.0\n\nold\n\n## Unreleased\n\nforgotten\n", ""),
        ("## 1.1.0\n\nold\n\n## 0.7.0 (Unreleased)\n\nnever\n", ""),
    ],
)
def test_unreleased_is_never_another_version_s(tmp_path: Path, text: str, foreign: str) -> None:
    """A heading that names a version is that one's, and what stands below a version was forgotten there."""
    assert written(tmp_path, text, "1.2.0") is None
    assert changelog.foreign_heading(tmp_path / "CHANGELOG.md", Version("1.2.0")) == foreign


def test_any_number_of_headings_is_read_once(tmp_path: Path) -> None:
    """Whether one is Unreleased does not ask all the others again."""
    with patience():
        assert written(tmp_path, "## Unreleased\n## 1.0\n" * 40_000, "1.2.0") is None


def test_a_title_may_name_a_version(tmp_path: Path) -> None:
    """Above all sections it is none of them."""
    found = written(tmp_path, "# What is new in 1\n\n## Unreleased\n\nnext\n\n## 1.1.0\n\nold\n", "1.2.0")
    assert found == changelog.Section(text="next", heading="Unreleased", unreleased=True)


@pytest.mark.parametrize(
    "heading",
    [
        "# 1.2.0",
        "## v1.2.0",
        "## [1.2.0]",
        "## [v1.2.0](https://example.org/compare/1.1.0...1.2.0) (2024-01-02)",
        "## Version 1.2.0",
        "## Release 1.2.0 (2024-01-02)",
        "## 2024-01-02: 1.2.0",
        "## widget 1.2.0",
        "## **1.2.0** - a name",
        "## `1.2.0`",
        '## <a name="1.2.0"></a>1.2.0',
        "## 1.2",
        "1.2.0\n-----",
        "Version 1.2.0, 2 January\n===",
        "## What's new in 1.2.0?",
    ],
)
def test_headings_are_read_as_projects_write_them(tmp_path: Path, heading: str) -> None:
    """With a prefix, a date, a link, emphasis or an underline."""
    found = written(tmp_path, f"# Changes\n\n{heading}\n\nown\n\n## 1.1.0\n\nold\n")
    assert found is not None
    assert found.text.startswith("own")


@pytest.mark.parametrize(
    ("heading", "version"),
    [
        ("2026.10.20", "2026.10.20"),
        ("2026.01.05 (2026.01.06)", "2026.1.5"),
        ("Released 2026-10-20: 2026.10.20", "2026.10.20"),
        ("2026.10.20rc1", "2026.10.20rc1"),
        ("2026.10.20", "2026.10.20rc1"),
        ("v2026.10.20.post1", "2026.10.20.post1"),
    ],
)
def test_a_version_may_be_a_date(tmp_path: Path, heading: str, version: str) -> None:
    """Of a project that counts in days; a date that is no version of it is a date."""
    found = written(tmp_path, f"## 2026.10.21\n\nnext\n\n## {heading}\n\nown\n\n## 2026.10.19\n\nold\n", version)
    assert found == changelog.Section(text="own", heading=heading, unreleased=False)


@pytest.mark.parametrize(
    "decoy",
    [
        "```\n## 1.2.0\n```",
        "<!--\n## 1.2.0\n-->",
        "    ## 1.2.0",
        "## 1.2.0rc1",
        "## 11.2.0",
        "## 1.2.0.1",
        "## From 1.1.0 to 1.2.0",
        "> ## 1.2.0",
        "- ## 1.2.0",
        "## Upgrading to 1.2.0",
    ],
)
def test_what_only_looks_like_the_heading_is_not_it(tmp_path: Path, decoy: str) -> None:
    """Code, comments, quotes, other versions, and a heading that says more about the version."""
    found = written(tmp_path, f"# Changes\n\n{decoy}\n\ndecoy\n\n## 1.2.0\n\nown\n\n## 1.1.0\n")
    assert found is not None
    assert found.text == "own"


def test_a_section_keeps_what_only_looks_like_its_end(tmp_path: Path) -> None:
    """Deeper headings, and headings in code or comments, are part of it."""
    inner = "### Fixed\n\n```\n## 1.1.0\n```\n\n<!--\n## 1.1.0\n-->\n\n- x"
    found = written(tmp_path, f"## 1.2.0\n\n{inner}\n\n## 1.1.0\n")
    assert found is not None
    assert found.text == inner


def test_links_that_are_defined_elsewhere_come_along() -> None:
    """Only those that the section uses and does not define itself."""
    found = section("keep-a-changelog.md", "1.2.3")
    assert found is not None
    assert found.text.splitlines()[-2:] == [
        "[#7]: <https://example.org/7>",
        '[guide]: <https://example.org/guide> "The \\"guide\\""',
    ]
    assert page.html(found.text).count("<a href=") == 3


@pytest.mark.system
def test_rst_becomes_markdown_and_loses_no_word() -> None:
    """Roles of Sphinx give their text, unknown directives are shown as written, nothing is included."""
    found = section("build.rst", "1.6.0")
    assert found is not None
    assert found.text == (ASSETS.parents[1] / "golden" / "changelog-from-rst.md").read_text().rstrip("\n")


@pytest.mark.system
def test_rst_neither_reads_a_file_nor_passes_raw_html(tmp_path: Path) -> None:
    """``include`` and ``raw`` are off; their lines are shown."""
    (tmp_path / "secret.txt").write_text("canary")
    text = (
        f"1.2.0\n=====\n\n.. include:: {tmp_path}/secret.txt\n\n.. raw:: html\n\n   <script>x</script>\n\n`<b>` <b>\n"
    )
    found = written(tmp_path, text, name="CHANGELOG.rst")
    assert found is not None
    assert "canary" not in found.text
    assert "<script>" not in page.html(found.text)
    assert "&lt;b&gt;" in page.html(found.text)


@pytest.mark.system
def test_rst_has_the_commits_time_for_every_job(tmp_path: Path) -> None:
    """A section with the time of day would differ between the jobs, and no release would pass the first comparison."""
    text = "1.2.0\n=====\n\n.. |now| date:: %Y-%m-%d\n          %H:%M:%S\n.. |day| date::\n\nAt |now|, on |day|.\n"
    (tmp_path / "CHANGES.rst").write_text(text)
    found = changelog.section(tmp_path / "CHANGES.rst", Version("1.2.0"), 86_399)
    assert found is not None
    assert found.text == "At 1970-01-01 23:59:59, on 1970-01-01."


@pytest.mark.system
def test_one_long_line_loses_nothing(tmp_path: Path) -> None:
    """Docutils gives a whole file up for one line of more than 10,000 characters, if nobody tells it otherwise."""
    found = written(tmp_path, f"1.2.0\n=====\n\nown\n\n1.1.0\n=====\n\n{'a' * 20_000}\n", name="CHANGES.rst")
    assert found is not None
    assert found.text == "own"


BOMB = "".join(f".. |{n}| replace:: |{n + 1}| |{n + 1}|\n" for n in range(40)) + ".. |40| replace:: x\n\n|0|\n"


@pytest.mark.system
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- " * 400 + "a\n", "RecursionError"),
        (BOMB, "it took more than|MemoryError"),
    ],
    ids=["lists", "substitutions"],
)
def test_what_docutils_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    """However many lists are in each other, or whatever a substitution expands to."""
    monkeypatch.setattr(child, "SECONDS", 5.0)
    with pytest.raises(ConfigError) as refusal:
        written(tmp_path, f"1.2.0\n=====\n\n{text}", name="CHANGES.rst")
    assert refusal.value.slug == "changelog-unreadable"
    assert re.match(problem, refusal.value.context[0])


def test_a_plain_text_is_shown_as_its_author_laid_it_out(tmp_path: Path) -> None:
    """In a code block that its own backticks cannot close."""
    found = written(tmp_path, "1.2.0\n=====\n\n* a ```` b\n    c\n\n1.1.0\n=====\n\nold\n", name="NEWS")
    assert found is not None
    assert found.text == "`````text\n* a ```` b\n    c\n`````"


def test_a_changelog_is_utf8_with_any_line_ends(tmp_path: Path) -> None:
    """A byte order mark and CRLF are common; Latin-1 is refused by name."""
    path = tmp_path / "CHANGELOG.md"
    path.write_bytes(b"\xef\xbb\xbf## 1.2.0\r\n\r\n- \xc3\xa4\r\n")
    assert changelog.section(path, Version("1.2.0")) == changelog.Section(text="- ä", heading="1.2.0", unreleased=False)
    path.write_bytes(b"## 1.2.0\n\n\xe4\n")
    with pytest.raises(ConfigError) as refusal:
        changelog.section(path, Version("1.2.0"))
    assert refusal.value.what == "CHANGELOG.md: got byte 10 that is not UTF-8, expected a UTF-8 changelog"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["NEWS.rst", "docs/CHANGELOG.md"], "NEWS.rst"),
        (["docs/changes.rst", "docs/news.md"], "docs/changes.rst"),
        (["HISTORY.md", "CHANGES.rst", "CHANGELOG.rst"], "CHANGELOG.rst"),
        (["Changelog.md", "CHANGELOG.rst"], "Changelog.md"),
        (["CHANGES"], "CHANGES"),
        (["CHANGES.txt"], "CHANGES.txt"),
        (["CHANGELOG.py", "README.md"], None),
        ([], None),
    ],
)
def test_the_changelog_has_one_of_the_usual_names(tmp_path: Path, files: list[str], found: str | None) -> None:
    """At the root first, then in ``docs/``."""
    (tmp_path / "docs").mkdir()
    for name in files:
        (tmp_path / name).write_text("")
    assert changelog.find(tmp_path, None) == (tmp_path / found if found else None)


def test_a_configured_changelog_is_a_regular_file_of_the_project(tmp_path: Path) -> None:
    """Absent, outside, or a link: the configuration is wrong; a link among the usual names is passed over."""
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (tmp_path / "outside.md").write_text("")
    (project / "sub" / "log.md").write_text("")
    (project / "CHANGELOG.md").symlink_to(tmp_path / "outside.md")
    (project / "linked").symlink_to(tmp_path)
    assert changelog.find(project, "sub/log.md") == project / "sub" / "log.md"
    assert changelog.find(project, None) is None
    for setting in (
        "absent.md",
        "../outside.md",
        "CHANGELOG.md",
        "linked/outside.md",
        str(tmp_path / "outside.md"),
        "sub",
    ):
        with pytest.raises(ConfigError) as refusal:
            changelog.find(project, setting)
        assert refusal.value.slug == "changelog-not-found"


@pytest.mark.parametrize("linked", ["docs", "docs/CHANGELOG.md"])
def test_no_part_of_the_usual_path_is_a_link(tmp_path: Path, linked: str) -> None:
    """A changelog in ``docs/`` is none of the project's files where a link leads to it, whichever part is the link."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "CHANGELOG.md").write_text("## 1.2.0\n\ncanary\n")
    project = tmp_path / "project"
    (project / linked).parent.mkdir(parents=True)
    (project / linked).symlink_to(tmp_path / "outside" / Path(linked).relative_to("docs"))
    assert changelog.find(project, None) is None
    with pytest.raises(ConfigError):
        changelog.find(project, "docs/CHANGELOG.md")


@pytest.mark.system
@pytest.mark.parametrize("name", ["CHANGELOG.md", "CHANGES.txt", "CHANGES.rst"])
def test_a_number_that_no_version_has_is_no_version(tmp_path: Path, name: str) -> None:
    """A heading of 5,000 digits names nothing; the next one does."""
    found = written(tmp_path, f"{'9' * 5_000}\n{'=' * 5_000}\n\ndecoy\n\n1.2.0\n=====\n\nown\n", name=name)
    assert found is not None
    assert "own" in found.text
    assert "decoy" not in found.text


def test_a_changelog_has_a_bound(tmp_path: Path) -> None:
    """It is told before anything is parsed."""
    with pytest.raises(UsageError) as refusal:
        written(tmp_path, f"## 1.2.0\n\n{'a' * 4 * 1024 * 1024}")
    assert refusal.value.slug == "file-too-long"


def test_a_definition_of_elsewhere_is_no_tag(tmp_path: Path) -> None:
    """An address in angle brackets could be read as one, and so could a title."""
    text = '## 1.2.0\n\n[a] [b] [c]\n\n## 1.1.0\n\n[a]: details\n[b]: /b "&lt;details> &amp;"\n[c]: <c d>\n'
    found = written(tmp_path, text)
    assert found is not None
    assert found.text == '[a] [b] [c]\n\n[a]: details\n[b]: /b "&lt;details> &amp;"\n[c]: <c%20d>'
    assert dialect.restrict(found.text) == found.text


def test_commits_become_a_bounded_list_of_code() -> None:
    """One line each, nothing read as Markdown, the rest counted."""
    assert changelog.from_commits(["Fix *all* of <it> (#7)", "", "1. a\n# b", "Use `c`", "x" * 300]) == "\n".join(
        [
            "- `Fix *all* of <it> (#7)`",
            "- `1. a # b`",
            "- `` Use `c` ``",
            f"- `{'x' * 200}…`",
        ]
    )
    assert changelog.from_commits(["a"] * 130).splitlines()[99:] == ["- `a`", "- … and 30 more"]
    assert changelog.from_commits([]) == ""


SUBJECTS = (
    *(
        "# a",
        "1) a",
        "+ a",
        "~~a~~",
        "![a](b)",
        "a | b",
        "&lt;",
        "\\",
        "<https://a>",
        "=",
        "```",
        "```a``b`",
        "`a",
        "a`",
    ),
    *("<details>", "a | <b>", "<!-- a", "[^1]: a", "[a]: b", "$x$ and $`y`$", ":tada:", "@octocat", "octo/widget#7"),
    *("Fix #7, GH-7 and 4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e", "see https://a.example and www.a.example"),
    *("by a@b.example", "www.a.b/`<details>`", "x | y <z> @octocat"),
)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_is_shown_exactly_and_does_nothing(subject: str) -> None:
    """In both grammars it is code whole: GitHub looks for names, issues, addresses, formulas and emoji elsewhere."""
    notes = dialect.restrict(changelog.from_commits([subject, "next"]))
    escaped = subject.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    expected = f"<ul>\n<li><code>{escaped}</code></li>\n<li><code>next</code></li>\n</ul>\n"
    assert page.html(notes) == expected
    assert gfm.html(notes) == expected
