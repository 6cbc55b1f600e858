"""What a person, a log and a program are told: the same facts, and nothing from outside that steers a terminal."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tagseal import records
from tagseal.errors import Refused
from tagseal.notes.clients import PLANNED_BUNDLE
from tagseal.records import (
    RECORDS,
    Artifact,
    Asset,
    Build,
    Bundle,
    Checks,
    Draft,
    Identity,
    Kind,
    Plan,
    Proof,
    Publication,
    Record,
    Seal,
    Tag,
    Verdict,
)
from tagseal.report import choose
from tagseal.report.actions import Actions
from tagseal.report.document import DocumentReport
from tagseal.report.passing import PassingReport
from tagseal.report.plain import Plain, Report, error_lines
from tagseal.report.sentences import asides, sentence
from tagseal.report.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
IDENTITY = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/v1.2.3")
WHEEL = Artifact(kind=Kind.wheel, name="widget-1.2.3-py3-none-any.whl", size=12_345, sha256="a" * 64)
SDIST = Artifact(kind=Kind.sdist, name="widget-1.2.3.tar.gz", size=23_456, sha256="b" * 64)
OK = Verdict(name="metadata", ok=True)
BUNDLE = Bundle(
    artifact=SDIST.name,
    name=f"{SDIST.name}.sigstore.json",
    size=1,
    sha256="",
    log_index=1,
    integrated_time=1,
    contents=PLANNED_BUNDLE,
)
TAG = Tag(name="v1.2.3", commit=COMMIT, identity=IDENTITY, private=False)
ERROR = Refused(
    "got 'refs/heads/main', expected refs/tags/<tag>",
    context=("one\n::add-mask::x", "two\x1b[2J"),
    hint="Push a tag.",
    slug="not-a-tag",
)
ANNOTATION = (
    "::error title=tagseal not-a-tag::got 'refs/heads/main', expected refs/tags/<tag>"
    "%0Aone%0A::add-mask::x%0Atwo\\u001b[2J%0APush a tag."
)
HOSTILE = "a\n::add-mask::b\x1b[2J\u202e[bold]"


def of_each(plan: Callable[..., Plan]) -> dict[str, Record]:
    asset = Asset(id=1, name=SDIST.name, size=1, sha256="")
    found: tuple[Record, ...] = (
        replace(TAG, untracked=("notes.txt",)),
        plan(),
        Build(commit=COMMIT, artifacts=(SDIST, WHEEL), collected=False),
        Checks(artifacts=(SDIST, WHEEL), verdicts=(OK, Verdict(name="second build", ok=True, detail="the same"))),
        Seal(tag="v1.2.3", commit=COMMIT, identity=IDENTITY, artifacts=(SDIST,), bundles=(BUNDLE,), kept=1),
        Draft(id=1, url="", tag="v1.2.3", assets=(asset, asset), body_sha256="", sent=1),
        Proof(draft=1, assets=(), body_sha256="", commands=(OK,) * 6, attacks=(OK,) * 5, later=1, shown=2),
        Publication(id=1, url="", published_at="", acts=("release v1.2.3 published",)),
        records.Testimony(commands=(OK,), public=True),
    )
    return {one.verb: one for one in found}


SENTENCES = {
    "guard": "tag, token, remote and checkout agree on 4f2c1e9",
    "plan": "widget 1.2.3, latest, notes from CHANGELOG.md",
    "build": "wheel 12.3 kB, sdist 23.5 kB",
    "check": "2 files as planned, 2 checks; second build: the same",
    "sign": "1 bundle, 1 of them kept, as .github/workflows/release.yml@refs/tags/v1.2.3",
    "upload": "draft with 2 assets, 1 sent",
    "prove": "6 commands from the notes ran, 5 attacks refused; 1 more for witness, 2 only shown",
    "publish": "release v1.2.3 published",
    "witness": "1 command from the notes ran, as a stranger sees them",
}


def test_every_record_has_its_sentence(plan: Callable[..., Plan]) -> None:
    """In the order of the verbs, in numbers that a person wants."""
    assert {verb: sentence(one) for verb, one in of_each(plan).items()} == SENTENCES
    assert list(SENTENCES) == [kind.verb for kind in RECORDS]


def test_what_was_not_checked_is_not_claimed(plan: Callable[..., Plan]) -> None:
    """Without a token the sentence leaves the token out; a private release is not as a stranger sees it."""
    unchecked = replace(TAG, unchecked=("the identity token",))
    assert sentence(unchecked) == "tag, remote and checkout agree on 4f2c1e9"
    assert sentence(records.Testimony(commands=(OK,), public=False)).endswith("published, not publicly verifiable")
    assert "pre-release" in sentence(plan(prerelease=True))
    assert "not the latest" in sentence(plan(latest=False))


def test_many_files_are_counted() -> None:
    """One line has no room for more than four."""
    wheels = tuple(replace(WHEEL, name=f"widget-1.2.3-{number}.whl") for number in range(8))
    assert sentence(Build(commit=COMMIT, artifacts=(SDIST, *wheels), collected=True)) == "collected 8 wheels, 1 sdist"


def test_the_report_fits_the_place() -> None:
    """Annotations in Actions, lines in a pipe or with CI; progress on a terminal only; JSON where asked."""
    assert type(choose({"GITHUB_ACTIONS": "true"})) is Actions
    assert type(choose({})) is Plain
    assert type(choose({}, json=True)) is DocumentReport


def told(report: Report, plan: Callable[..., Plan]) -> None:
    """Play a run that fails."""
    for verb, record in of_each(plan).items():
        report.begin(verb)
        report.say("progress")
        report.finish(verb, record, 1.25)
    report.remark("take care")
    report.fail(ERROR)
    report.close()


def test_plain_lines_are_one_a_step(plan: Callable[..., Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """Verb, mark, seconds, sentence; nothing is redrawn, progress is left out, errors are on standard error."""
    stream = io.StringIO()
    told(Plain(stream), plan)
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"guard    ok   1.2s  {SENTENCES['guard']}"
    assert [line for line in lines if " ok " in line] == [
        f"{verb:<8} ok   1.2s  {text}" for verb, text in SENTENCES.items()
    ]
    assert lines[-1] == "note:    take care"
    assert not set("\r\x1b") & set(stream.getvalue())
    assert capsys.readouterr().err.splitlines() == error_lines(ERROR)


def test_an_error_is_readable_without_colour() -> None:
    """What, context, hint, and where to read more; a context never begins a line as a workflow command does."""
    assert error_lines(ERROR) == [
        "error: got 'refs/heads/main', expected refs/tags/<tag>",
        "  | one",
        "  | ::add-mask::x",
        "  | two\\u001b[2J",
        "hint:  Push a tag.",
        "more:  https://github.com/tagseal/tagseal/blob/main/.github/ERRORS.md#not-a-tag (exit 3)",
    ]


@pytest.mark.parametrize("kind", [Plain, Actions, Terminal])
def test_text_from_outside_steers_nothing(kind: Callable[[io.StringIO], Report], plan: Callable[..., Plan]) -> None:
    """No control or bidirectional character, no markup and no line of its own comes from a record or a remark."""
    stream = io.StringIO()
    report = kind(stream)
    hostile = plan(changelog=HOSTILE, remarks=(HOSTILE,), published=(HOSTILE,), irreversible=(HOSTILE,))
    report.finish("plan", hostile, 0.1)
    report.finish("guard", replace(TAG, untracked=(HOSTILE,), unchecked=(HOSTILE,)), 0.1)
    report.remark(HOSTILE)
    report.close()
    text = stream.getvalue()
    assert not set("\x1b\u202e\r") & set(text)
    # Terminals wrap, so their lines may begin anywhere in the text; a terminal is no runner.
    assert kind is Terminal or "\n::add-mask" not in text
    assert "[bold]" in text


def test_the_runner_reads_no_command_in_what_a_step_tells(plan: Callable[..., Plan]) -> None:
    """Commands are stopped with a word that changes from run to run, but for the annotation; at the end they go on."""
    words = set()
    for _ in range(2):
        stream = io.StringIO()
        told(Actions(stream), plan)
        lines = stream.getvalue().splitlines()
        word = lines[0].removeprefix("::stop-commands::")
        assert re.fullmatch("[0-9a-f]{32}", word)
        assert [line for line in lines if line.startswith("::")] == [
            f"::stop-commands::{word}",
            f"::{word}::",
            ANNOTATION,
        ]
        assert lines[-3:-2] == [error_lines(ERROR)[-1]]
        words.add(word)
    assert len(words) == 2


def test_a_page_in_a_file_is_the_page_and_nothing_more(tmp_path: Path) -> None:
    """In the log it stands where the runner reads no commands; no runner reads a file."""
    page = "## Notes\n\n::error::forged\n##[add-mask]OK"
    with (tmp_path / "page.md").open("w+") as file:
        report = Actions(file)
        report.page(page)
        report.close()
        file.seek(0)
        assert file.read() == f"{page}\n"
    stream = io.StringIO()
    report = Actions(stream)
    report.page(page)
    report.close()
    first, *between, last = stream.getvalue().splitlines()
    assert (f"::{first.removeprefix('::stop-commands::')}::", between) == (last, page.splitlines())


def test_json_is_one_document(plan: Callable[..., Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """Records by verb, and the error; everything else goes to the other stream."""
    stream = io.StringIO()
    told(DocumentReport(Plain(stream)), plan)
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert list(document["records"]) == list(SENTENCES)
    assert document["records"]["guard"]["commit"] == COMMIT
    assert document["error"] == {
        "slug": "not-a-tag",
        "what": ERROR.what,
        "context": list(ERROR.context),
        "hint": "Push a tag.",
        "exit": 3,
    }
    assert "guard    ok" in stream.getvalue()


def test_a_report_that_passes_on_leaves_nothing_out() -> None:
    """The base of all reports does nothing: what is not passed on would be lost."""
    told = {name for name in vars(Report) if not name.startswith("_")}
    assert {name for name in vars(PassingReport) if not name.startswith("_")} == told


def test_json_without_an_error_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    """A command's own document takes the place of the records."""
    DocumentReport(Plain(io.StringIO())).close({"tag": "v1"})
    assert json.loads(capsys.readouterr().out) == {"ok": True, "tag": "v1"}


def test_json_in_a_log_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The form that counts in the middle of a line is written as JSON can write it otherwise."""
    DocumentReport(Plain(io.StringIO())).close({"name": "##[add-mask]OK"})
    text = capsys.readouterr().out
    assert "##[" not in text
    assert json.loads(text)["name"] == "##[add-mask]OK"


def test_of_many_untracked_files_a_few_are_named() -> None:
    """A log is not drowned by a forgotten folder; how many there are is told."""
    lines = list(asides(replace(TAG, untracked=tuple(f"file{number}" for number in range(2000)))))
    assert len(lines) == 6
    assert lines[-1].text == "note:    left out, for git does not track them: 1995 more files"


def at_once(report: Report, *pauses: tuple[str, float]) -> None:
    """Let a thread of its own tell of each pause, all of them together."""
    ready = threading.Barrier(len(pauses))

    def tell(reason: str, seconds: float) -> None:
        ready.wait()
        report.waiting(reason, seconds)

    with ThreadPoolExecutor(len(pauses)) as pool:
        list(pool.map(lambda pause: tell(*pause), pauses))


def test_a_pause_is_one_line_however_many_threads_wait() -> None:
    """What failed and for how long, in whole seconds; another reason, and the next pause, are lines of their own."""
    stream = io.StringIO()
    report = Plain(stream)
    at_once(report, *[("GitHub failed: could not list", 3.2)] * 16)
    at_once(report, *[("GitHub failed: could not list", 0.9), ("Rekor failed", 0.01)])
    time.sleep(0.02)
    report.waiting("Rekor failed", 2)
    assert stream.getvalue().splitlines() == [
        "waiting 4 s: GitHub failed: could not list",
        "waiting 1 s: Rekor failed",
        "waiting 2 s: Rekor failed",
    ]


def test_the_runner_reads_no_command_in_what_is_waited_for() -> None:
    """The words are a service's: commands are stopped, once, whichever thread is first, and go on at the end."""
    stream = io.StringIO()
    report = Actions(stream)
    at_once(report, *[(f"{HOSTILE}{number}", 1) for number in range(16)])
    report.close()
    lines = stream.getvalue().splitlines()
    word = lines[0].removeprefix("::stop-commands::")
    assert [line for line in lines if line.startswith("::")] == [lines[0], f"::{word}::"]
    assert lines[-1] == f"::{word}::"
    assert {line.partition(":")[0] for line in lines[1:-1]} == {"waiting 1 s"}
    assert len(lines) == 18


def test_letters_that_a_terminal_has_not_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a file ends no run in the middle of its verdicts."""
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    choose({}).line("OK: \N{RIGHTWARDS ARROW}.whl")
    assert written.getvalue() == b"OK: \\u2192.whl\n"


def test_the_runner_reads_no_command_in_a_line_from_outside() -> None:
    """A file may have the name of a command: one form counts in the middle of a line."""
    stream = io.StringIO()
    report = Actions(stream)
    report.line("OK: ##[add-mask]OK")
    report.close()
    first, told, last = stream.getvalue().splitlines()
    assert (first.partition("s::")[0], told) == ("::stop-command", "OK: ##[add-mask]OK")
    assert last == f"::{first.removeprefix('::stop-commands::')}::"


def test_json_leaves_pauses_to_the_other_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """The document stays one document."""
    stream = io.StringIO()
    report = DocumentReport(Plain(stream))
    report.waiting("GitHub failed", 1)
    report.close({})
    assert stream.getvalue() == "waiting 1 s: GitHub failed\n"
    assert json.loads(capsys.readouterr().out) == {"ok": True}


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_counts_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds change by themselves beside the spinner, how many wait is told, and the step's own words return."""
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100")):
        monkeypatch.setenv(name, value)
    screen = Screen()
    report = Terminal(screen)
    report.begin("upload")
    report.say("uploading widget.whl")
    at_once(report, ("GitHub failed", 1.3), ("a later one", 1.4), ("the last", 1.5))
    time.sleep(1.8)
    report.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    first, second = (shown.index(f"upload  waiting {left} s: GitHub failed (and 2 more)") for left in (2, 1))
    assert 0 < first < second < shown.rindex("upload  uploading widget.whl")


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> tuple[Terminal, Screen]:
    for name, value in (("TERM", "xterm"), ("COLUMNS", str(columns)), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    screen = Screen()
    return Terminal(screen), screen


def test_a_narrow_terminal_breaks_nothing_that_is_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines are wrapped below their beginning; an address and a command in them stay in one piece."""
    report, screen = on_a_terminal(monkeypatch, 60)
    command = "`gh workflow run release.yml --ref v1.2.3`"
    url = f"https://github.com/octo/{'widget' * 10}"
    report.line(f"For ever, once real: {'one entry, ' * 6}")
    report.fail(
        Refused("got this", context=(url, f"at {url}", ""), hint=f"Look at the draft first. Then {command}.", slug="s")
    )
    assert screen.getvalue().splitlines() == [
        "For ever, once real: one entry, one entry, one entry, one",
        "         entry, one entry, one entry,",
    ]
    assert capsys.readouterr().err.splitlines() == [
        "error: got this",
        f"  | {url}",
        "  | at",
        f"    {url}",
        "  | ",
        "hint:  Look at the draft first. Then",
        f"       {command}.",
        "more:  https://github.com/tagseal/tagseal/blob/main/.github/ERRORS.md#s (exit 3)",
    ]


@pytest.mark.parametrize("width", [8, 10])
def test_a_tables_text_has_a_column_of_its_own(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Whatever a line is about, and however its text is wrapped; a detail stands below the text of its line."""
    report, screen = on_a_terminal(monkeypatch, 40)
    report.row("error", False, "one two three four five six seven", width=width)  # noqa: FBT003 - of a table
    report.detail("a/file.yml:1:2: one two three four five", width=width)
    below = " " * (width + 5)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).splitlines()
    assert [line[: width + 5] for line in shown] == [f"{'error':<{width}} no  ", below, below, below]
    assert " ".join(line[width + 5 :] for line in shown) == (
        "one two three four five six seven a/file.yml:1:2: one two three four five"
    )
    plain = io.StringIO()
    Plain(plain).row("error", False, "one", width=width)  # noqa: FBT003 - as above
    Plain(plain).detail("two", width=width)
    assert plain.getvalue() == f"{'error':<{width}} no  one\n{below}two\n"


def test_what_is_indented_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explanation's sentences, and its next step, are wrapped below their own beginning."""
    report, screen = on_a_terminal(monkeypatch, 40)
    report.line(f"  {'word ' * 9}")
    report.line(f"  Next: {'`a command` ' * 5}")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).splitlines()
    assert [line[:3] for line in shown] == ["  w", "  w", "  N", "  `"]


def test_a_page_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes have lines of their own, which no terminal's width changes."""
    report, screen = on_a_terminal(monkeypatch, 60)
    page = f"### Added\n\n- {'one, ' * 20}\n\n```bash\n  tagseal\n```"
    report.page(page)
    assert screen.getvalue() == f"{page}\n"


def test_what_a_child_waits_for_is_counted_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal's jobs write logs, and a person sits before the terminal."""
    report, screen = on_a_terminal(monkeypatch, 80)
    report.pause("GitHub failed", 1.3)
    time.sleep(1.2)
    report.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert 0 < shown.index("waiting 2 s: GitHub failed") < shown.index("waiting 1 s: GitHub failed")
    assert "\nwaiting" not in shown
