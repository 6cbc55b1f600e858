"""The summary on the run's page: what a person looks for, and nothing from outside that becomes markup."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tagseal.errors import Refused
from tagseal.records import Artifact, Checks, Draft, Identity, Kind, Plan, Publication, Tag, Verdict
from tagseal.report import choose
from tagseal.report.summary import Summary, escape
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Record

GOLDEN = Path(__file__).parents[1] / "golden/summary.md"
COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
IDENTITY = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/v1.2.3")
TAG = Tag(name="v1.2.3", commit=COMMIT, identity=IDENTITY, private=False)
WHEEL = Artifact(kind=Kind.wheel, name="widget-1.2.3-py3-none-any.whl", size=12_345, sha256="a" * 64)
CHECKS = Checks(artifacts=(WHEEL,), verdicts=(Verdict(name="file set", ok=True),))
URL = "https://github.com/octo/widget/releases/tag"
DRAFT = Draft(id=1, url=f"{URL}/untagged-1", tag="v1.2.3", assets=(), body_sha256="", sent=0)
PUBLICATION = Publication(
    id=1,
    url=f"{URL}/v1.2.3",
    published_at="2026-01-01T00:00:00Z",
    acts=("release v1.2.3 published",),
)
ERROR = Refused("got `a|b`, expected <b>", context=("line one\nline *two*",), hint="Run it again.", slug="not-a-tag")
HTML = MarkdownIt("commonmark").enable("table")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give a step's environment, whose summary is empty."""
    (tmp_path / "summary.md").write_bytes(b"")
    return {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_WORKSPACE": str(tmp_path)}


def told(environ: dict[str, str], *records: Record, notes: str = "") -> str:
    """Return the summary of verbs that ran one a process."""
    if notes:
        work = Workspace.of(Path(environ["GITHUB_WORKSPACE"]), "v1.2.3")
        work.path.mkdir(parents=True)
        work.notes.write_text(notes)
    for record in records:
        Summary(environ).finish(TAG.verb, TAG, 0.12)
        Summary(environ).finish(record.verb, record, 1.0)
    return Path(environ["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_run_reads_from_top_to_bottom(environ: dict[str, str], plan: Callable[..., Plan]) -> None:
    """One guard, a row for each step, the assets and the notes folded, the release at the end, an error in bold."""
    planned = plan(irreversible=("the release v1.2.3 of octo/widget becomes public",))
    told(environ, planned, CHECKS, DRAFT, PUBLICATION, notes="# Notes\n\n```bash\nsigstore verify\n```\n")
    Summary(environ).fail(ERROR)
    text = Path(environ["GITHUB_STEP_SUMMARY"]).read_text()
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    html = HTML.render(text)
    assert html.count("<td>guard</td>") == 1
    assert html.count("<table>") == 5
    assert "<strong>Failed: got `a|b`, expected &lt;b&gt;</strong>" in html


def test_notes_cannot_leave_their_block(environ: dict[str, str]) -> None:
    """However many backticks a contributor writes, the fence has more, and HTML stays text."""
    notes = "`````\n</details><script>x</script>\n``````bash\n# heading\n"
    html = HTML.render(told(environ, DRAFT, notes=notes))
    assert "<script>" not in html
    assert "<h1>" not in html
    assert html.count("</details>") == 1


@given(st.text())
def test_whatever_is_escaped_is_shown_as_it_is(text: str) -> None:
    """In a cell of a table: no markup, no second cell, no second line."""
    html = HTML.render(f"| a | b |\n|---|---|\n| {escape(text)} | end |\n")
    assert html.count("<td>") == 2
    assert "<td>end</td>" in html
    cell = html.partition("<td>")[2].partition("</td>")[0]
    assert "<" not in cell


def test_bytes_that_are_no_text_fail_nothing(environ: dict[str, str], plan: Callable[..., Plan]) -> None:
    """Whatever another step left in the file, or a job before in the notes."""
    Path(environ["GITHUB_STEP_SUMMARY"]).write_bytes(b"\xff\n")
    work = Workspace.of(Path(environ["GITHUB_WORKSPACE"]), "v1.2.3")
    work.path.mkdir(parents=True)
    work.notes.write_bytes(b"# Notes \xff\n" + b"x" * 100_000)
    for record in (plan(), DRAFT):
        Summary(environ).finish(record.verb, record, 1.0)
    assert b"Its notes, their beginning" in Path(environ["GITHUB_STEP_SUMMARY"]).read_bytes()


def test_an_address_cannot_leave_its_link(environ: dict[str, str]) -> None:
    """A service's word for where the release is becomes one link to there."""
    strange = replace(PUBLICATION, url="https://github.com/x)<b>[y](javascript:1")
    html = HTML.render(told(environ, strange))
    assert html.count("<a ") == 1
    assert "<b>" not in html


def test_an_error_still_finds_room(environ: dict[str, str], plan: Callable[..., Plan]) -> None:
    """When all else is left out, what to do is not."""
    file = Path(environ["GITHUB_STEP_SUMMARY"])
    file.write_bytes(b"x" * 480 * 1024)
    Summary(environ).finish(Plan.verb, plan(), 1.0)
    assert file.stat().st_size == 480 * 1024
    Summary(environ).fail(ERROR)
    assert b"Run it again" in file.read_bytes()


def test_a_summary_that_cannot_be_written_fails_nothing(tmp_path: Path, plan: Callable[..., Plan]) -> None:
    """Without a file, with a folder in its place, or with a full one the release goes on."""
    told_nothing: tuple[dict[str, str], ...] = (
        {},
        {"GITHUB_STEP_SUMMARY": str(tmp_path)},
        {"GITHUB_STEP_SUMMARY": str(tmp_path / "none" / "x")},
    )
    for environ in told_nothing:
        Summary(environ).finish(Plan.verb, plan(), 1.0)
    full = tmp_path / "full.md"
    full.write_bytes(b"x" * 512 * 1024)
    Summary({"GITHUB_STEP_SUMMARY": str(full)}).finish(Plan.verb, plan(), 1.0)
    assert full.stat().st_size == 512 * 1024


def test_an_error_with_a_place_is_shown_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The runner's page opens the file at the line; a clock and an address are no places."""
    places = {
        "notes.md.j2:12: unexpected 'end'": ",file=notes.md.j2,line=12",
        "docs/verify.md:4:9 names another": ",file=docs/verify.md,line=4,col=9",
        "pyproject.toml: tool.tagseal.wait: got -1": "",
        "at 12:30:10 from 127.0.0.1:80 or https://api.github.com:443/x": "",
    }
    for what, expected in places.items():
        report = choose({"GITHUB_ACTIONS": "true"})
        report.fail(Refused(what, hint="Mend it.", slug="not-a-tag"))
        line = capsys.readouterr().out.splitlines()[-1]
        assert line.partition("::")[2].partition("::")[0] == f"error title=tagseal not-a-tag{expected}"


def test_findings_annotate_and_what_is_printed_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An annotation stands where commands are read, and its values cannot begin another."""
    report = choose({"GITHUB_ACTIONS": "true"})
    report.row("error", False, "::error::forged")  # noqa: FBT003 - as in a table
    report.finding("error", "slug", "100%\n::error::forged", {"file": "a,b:c.yml", "line": 3, "col": 0})
    report.row("ok", True, "::warning::forged")  # noqa: FBT003 - as in a table
    report.close()
    lines = capsys.readouterr().out.splitlines()
    begin, _, end, finding, again, _, last = lines
    word = begin.removeprefix("::stop-commands::")
    assert (end, finding) == (
        f"::{word}::",
        "::error title=tagseal slug,file=a%2Cb%3Ac.yml,line=3::100%25%0A::error::forged",
    )
    assert again.removeprefix("::stop-commands::") not in {word, again}
    assert last == f"::{again.removeprefix('::stop-commands::')}::"
