"""`tagseal status`: everything that can be told of a tag, from wherever it is asked, and what comes next."""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import stamina

from drafted import copied, make
from job import NAME, TAG, WORKFLOW
from stage import NAMES
from tagseal.cli import main
from tagseal.errors import UsageError
from tagseal.journal import Journal, digest
from tagseal.project.status import Status, status
from tagseal.report.plain import Plain
from tagseal.report.terminal import Terminal
from widget import SDIST, WHEEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from job import Job
    from tagseal.loopback import Loopback
    from tagseal.loopback.github.state import PlayedAsset, PlayedRelease
    from tagseal.project.assets import StatusRow
    from tagseal.report.plain import Report

BUNDLE = ".sigstore.json"
FILES = tuple(sorted((*NAMES, *(f"{name}{BUNDLE}" for name in NAMES))))
GH = (
    f"gh run rerun --failed $(gh run list --workflow=release.yml --branch={TAG} --limit=1 "
    "--json=databaseId --jq='.[].databaseId')"
)


@pytest.fixture(scope="module")
def made(internet: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Make a whole draft, once."""
    return make(tmp_path_factory.mktemp("drafted"), internet)


@pytest.fixture
def drafted(made: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Give a tag whose draft is whole; what a test does to it, it does to a copy."""
    return copied(made, tmp_path, monkeypatch)


def asked(job: Job, *, token: bool = True, **variables: str) -> Status:
    """Ask on a laptop: no run, no work of a job; the clone's origin says which repository."""
    job.git.command("config", "remote.origin.url", f"git@github.com:{NAME}.git")
    environ = {name: value for name, value in job.environ(contents="write").items() if not name.startswith("GITHUB_")}
    given = {"GH_TOKEN": job.token} if token else {}
    shown = {name: value for name, value in environ.items() if name != "GH_TOKEN"}
    return status(TAG, services=job.services({**shown, **given, **variables}))


def asked_in_a_job(job: Job) -> Status:
    """Ask in a job of the tag's run, that was handed the records."""
    told = digest(job.work.records) if job.work.records.exists() else ""
    (job.temp / "github_output").unlink(missing_ok=True)
    return status(TAG, services=job.services(job.environ(contents="write", TAGSEAL_RECORDS=told)))


def of(found: Status, what: str) -> dict[str, tuple[str, bool | None]]:
    """Return state and judgement of each row of a kind, by name."""
    return {row.name: (row.state, row.good) for row in found.rows if row.what == what}


def only(found: Status, what: str) -> StatusRow:
    (row,) = [row for row in found.rows if row.what == what]
    return row


def release(job: Job) -> PlayedRelease:
    return job.repository.releases[0]


def asset(job: Job, name: str) -> PlayedAsset:
    return next(one for one in release(job).assets if one.name == name)


def test_a_tag_without_a_release(job: Job) -> None:
    """The tag is there, nothing else is; a laptop starts the workflow, a job runs its verbs."""
    found = asked(job)
    assert [(row.what, row.state, row.good) for row in found.rows] == [
        ("tag", "pushed", True),
        ("release", "none", None),
        ("records", "none", None),
    ]
    assert only(found, "tag").text == f"{job.run.sha[:7]} at {NAME}, and HEAD is on it"
    assert only(found, "records").text == f"none in dist/{TAG}/"
    assert found.identity == f"https://github.com/{NAME}/.github/workflows/release.yml@refs/tags/{TAG}"
    assert found.next == GH
    assert asked_in_a_job(job).next == "tagseal run guard plan build check"


def test_a_workflow_that_can_be_dispatched_is_started_by_that(job: Job) -> None:
    """It needs no run that failed."""
    (job.git.root / WORKFLOW).write_text("on:\n  push:\n    tags: ['*']\n  workflow_dispatch:\n")
    assert asked(job).next == f"gh workflow run release.yml --ref {TAG}"


def test_a_tag_that_is_not_pushed(job: Job) -> None:
    """Here and not there: push it; nowhere: make it as well."""
    job.repository.refs.clear()
    assert (only(asked(job), "tag").state, asked(job).next) == ("absent", f"git push origin {TAG}")
    job.git.command("tag", "--delete", TAG)
    assert asked(job).next == f"git tag -s {TAG} && git push origin {TAG}"


def test_a_tag_that_moved_is_told(job: Job) -> None:
    """At the remote it is on another commit than here: what is asked next is which."""
    job.repository.add_tag(TAG, "e" * 40)
    found = asked(job)
    row = only(found, "tag")
    assert (row.state, row.good, row.text) == ("moved", False, f"eeeeeee at {NAME}, but {job.run.sha[:7]} here")
    assert found.next == f"git fetch --force origin tag {TAG}"


def test_a_whole_draft_with_its_records(drafted: Job) -> None:
    """Every file as sealed, every bundle verified, the notes rendered again: prove is next."""
    found = asked_in_a_job(drafted)
    assert (
        only(found, "release").text
        == f"a draft of ours: https://github.com/{NAME}/releases/tag/{release(drafted).slug}"
    )
    assert of(found, "asset") == dict.fromkeys(NAMES, ("equal", True))
    assert of(found, "bundle") == {f"{name}{BUNDLE}": ("verifies", True) for name in NAMES}
    assert [row.name for row in found.rows if row.what in {"asset", "bundle"}] == list(FILES)
    assert (only(found, "notes").state, only(found, "records").text) == ("equal", "plan, build, check, sign, upload")
    assert found.next == "tagseal run guard prove"


def test_a_whole_draft_seen_from_another_machine(drafted: Job) -> None:
    """Without the records the release's own list says what it holds; the maintainer knows what the workflow's wrote."""
    shutil.rmtree(drafted.work.path.parent)
    found = asked(drafted)
    assert [row.good for row in found.rows if row.what in {"asset", "bundle"}] == [True] * len(FILES)
    assert {row.text for row in found.rows if row.what == "asset"} == {"as SHA256SUMS has it"}
    row = only(found, "notes")
    assert (row.state, row.good) == ("rendered", True)
    assert "without the records of plan and sign" in row.text
    assert found.next == f"approve the run that waits, or start it again: {GH}"


def test_status_changes_nothing(drafted: Job) -> None:
    """It reads: neither a request that writes, nor a file in the work folder; of assets only what is small."""
    before = {path: path.stat().st_mtime_ns for path in drafted.work.path.rglob("*")}
    asked(drafted)
    start = len(drafted.loopback.transcript.entries)
    asked(drafted)
    entries = drafted.loopback.transcript.entries[start:]
    assert {entry.method for entry in entries} == {"GET"}
    assert {path: path.stat().st_mtime_ns for path in drafted.work.path.rglob("*")} == before
    assert [asset(drafted, name).downloads for name in (WHEEL, SDIST)] == [0, 0]


def wrong_digest(found: PlayedAsset) -> None:
    found.sha256 = "e" * 64


def no_digest(found: PlayedAsset) -> None:
    found.sha256 = ""


def starter(found: PlayedAsset) -> None:
    found.state, found.size, found.sha256 = "starter", 0, ""


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize(
    ("harm", "asset_is", "bundle_is"),
    [
        (wrong_digest, ("differs", False), ("fails", False)),
        (no_digest, ("no-digest", None), ("untold", None)),
        (starter, ("starter", False), ("untold", None)),
    ],
)
def test_a_file_that_is_not_as_sealed(
    drafted: Job,
    *,
    records: bool,
    harm: Callable[[PlayedAsset], None],
    asset_is: tuple[str, bool | None],
    bundle_is: tuple[str, bool | None],
) -> None:
    """Its row says in which way, its bundle's row that it does not stand for these bytes; upload is next."""
    if not records:
        shutil.rmtree(drafted.work.path.parent)
    harm(asset(drafted, WHEEL))
    found = asked_in_a_job(drafted) if records else asked(drafted)
    assert of(found, "asset")[WHEEL] == asset_is
    assert of(found, "bundle")[f"{WHEEL}{BUNDLE}"] == bundle_is
    assert of(found, "asset")[SDIST] == ("equal", True)
    assert found.next == ("tagseal run guard upload prove" if records else GH)


def test_missing_and_unplanned_files(drafted: Job) -> None:
    """A wanted file that is gone, and one that nobody planned, are rows of their own."""
    asset(drafted, SDIST).name = "extra.bin"
    release(drafted).assets.remove(asset(drafted, f"{WHEEL}{BUNDLE}"))
    url = f"https://github.com/{NAME}/releases/tag/{release(drafted).slug}"
    for found in (asked_in_a_job(drafted), asked(drafted)):
        assert of(found, "asset")[SDIST] == ("missing", False)
        assert of(found, "asset")["extra.bin"] == ("unplanned", False)
        assert of(found, "bundle")[f"{WHEEL}{BUNDLE}"] == ("missing", False)
        assert next(row for row in found.rows if row.name == f"{SDIST}{BUNDLE}").text.endswith("its file is missing")
        assert found.next == f"delete extra.bin at {url}: upload stops before what nobody planned"


@pytest.mark.parametrize("content", [b"{}", b"\xff", b""])
def test_without_a_list_the_bundles_alone_speak(drafted: Job, content: bytes) -> None:
    """A list that is gone, or none, is not believed; a bundle is judged all the same, and of a file nothing is said."""
    shutil.rmtree(drafted.work.path.parent)
    sums = asset(drafted, "SHA256SUMS")
    if content:
        sums.path = drafted.temp / "other"
        sums.path.write_bytes(content.ljust(sums.size))
    else:
        release(drafted).assets.remove(sums)
    found = asked(drafted)
    assert of(found, "bundle")[f"{WHEEL}{BUNDLE}"] == ("verifies", True)
    assert of(found, "asset")[WHEEL] == ("unlisted", None)
    if not content:
        assert of(found, "bundle")[f"SHA256SUMS{BUNDLE}"] == ("unplanned", False)


def test_a_bundle_of_another_commit_does_not_verify(drafted: Job) -> None:
    """The identity is the same after a tag moved; the commit is not."""
    shutil.rmtree(drafted.work.path.parent)
    drafted.repository.add_tag(TAG, "e" * 40)
    bundles = of(asked(drafted), "bundle")
    assert set(bundles.values()) == {("fails", False)}


def test_a_strangers_draft_stops_and_is_named(drafted: Job) -> None:
    """As for upload; the hint is what upload would say."""
    release(drafted).body = "By hand."
    found = asked(drafted)
    row = only(found, "release")
    assert (row.state, row.good) == ("stranger", False)
    assert release(drafted).slug in row.text
    assert not of(found, "asset")
    assert row.text.startswith(f"a draft for {TAG} that this tool did not make: https://github.com/")
    assert found.next.startswith("Ask whoever made it.")


def test_several_drafts_are_named(drafted: Job) -> None:
    """The one with the files is kept; an empty one of ours will go."""
    twin = replace(release(drafted), id=1_000_000, assets=[], untagged="untagged-f00")
    drafted.repository.by_id[twin.id] = twin
    found = [row for row in asked(drafted).rows if row.what == "release"]
    assert [one.state for one in found] == ["draft", "empty"]
    assert found[1].text.endswith("untagged-f00")


@pytest.mark.parametrize("locked", [True, False])
def test_a_published_release(drafted: Job, *, locked: bool) -> None:
    """Whole, nothing is left to do; changed afterwards, it is never mended, and a stranger can be told."""
    github = drafted.services(drafted.environ(contents="write")).github
    drafted.repository.immutable = locked
    github.publish(NAME, github.release(NAME, release(drafted).id), latest=True)
    for token in (True, False):
        found = asked(drafted, token=token)
        assert only(found, "release").state == ("immutable" if locked else "published")
        assert all(row.good for row in found.rows)
        assert found.next == "nothing, it is public and whole"
    wrong_digest(asset(drafted, WHEEL))
    assert asked(drafted).next.startswith("compare what is marked")


def test_without_a_token_it_is_said_that_drafts_are_not_seen(drafted: Job) -> None:
    """None is seen, and that is not none."""
    row = only(asked(drafted, token=False), "release")
    assert row.text == "none (without GH_TOKEN no draft can be seen)"


def test_edited_notes_are_told(drafted: Job) -> None:
    """Whether the records are here or not."""
    release(drafted).body = release(drafted).body.replace("A widget", "Mallory's widget")
    row = only(asked_in_a_job(drafted), "notes")
    assert (row.state, row.text.partition("; ")[2]) == (
        "edited",
        "upload renders them again, and keeps these beside the records",
    )
    shutil.rmtree(drafted.work.path.parent)
    assert only(asked(drafted), "notes").state == "edited"
    release(drafted).body = "By hand.\n"
    github = drafted.services(drafted.environ(contents="write")).github
    github.publish(NAME, github.release(NAME, release(drafted).id), latest=True)
    assert only(asked(drafted), "notes").state == "foreign"


def test_damaged_records_are_told_and_not_used(drafted: Job) -> None:
    """The rest is told all the same."""
    path = drafted.work.records
    path.write_bytes(path.read_bytes()[:-20])
    found = asked(drafted)
    assert (only(found, "records").state, only(found, "records").good) == ("records-damaged", False)
    assert of(found, "asset")[WHEEL] == ("equal", True)
    assert "as SHA256SUMS has it" in {row.text for row in found.rows}


def test_records_of_another_commit_are_told(drafted: Job) -> None:
    """With the reason why they are not used."""
    journal = Journal.open(drafted.work.records, TAG, drafted.run.sha)
    journal.commit = "b" * 40
    journal.keep(journal.records["plan"])
    assert only(asked(drafted), "records").text == f"records of {TAG} at bbbbbbbbbbbb lie here, and are not used"


def test_a_repository_that_nobody_names_is_an_error(job: Job) -> None:
    """Neither configured, nor a remote."""
    environ = {name: value for name, value in job.environ().items() if not name.startswith("GITHUB_")}
    with pytest.raises(UsageError) as caught:
        status(TAG, services=job.services(environ))
    assert caught.value.slug == "status-needs-a-repository"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def table(report: Report, found: Status) -> None:
    for row in found.rows:
        report.row(row.what, row.good, f"{row.name}: {row.text}" if row.name else row.text)
    report.close()


@pytest.mark.parametrize("columns", [60, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_the_table_fits_its_terminal(
    drafted: Job, monkeypatch: pytest.MonkeyPatch, columns: int, *, colour: bool
) -> None:
    """Wrapped below its text, whole names, a mark that needs no colour."""
    for name, value in (("TERM", "xterm"), ("COLUMNS", str(columns)), ("NO_COLOR", "" if colour else "1")):
        monkeypatch.setenv(name, value)
    starter(asset(drafted, WHEEL))
    found = asked(drafted)
    screen = Screen()
    table(Terminal(screen), found)
    text = screen.getvalue()
    assert ("\x1b[32m" in text) == colour
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = plain.splitlines()
    longest = max(len(word) for word in plain.split())
    assert max(map(len, lines)) <= max(columns, 13 + longest)
    assert f"asset    no  {WHEEL}: begun and never finished" in " ".join(plain.split("\n" + " " * 13))
    piped = io.StringIO()
    table(Plain(piped), found)
    assert len(piped.getvalue().splitlines()) == len(found.rows)
    assert f"bundle   ok  {SDIST}{BUNDLE}: verifies\n" in piped.getvalue()


def test_the_command_prints_one_document_and_one_next_line(
    drafted: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, for a person and for a program; exit code 0 whatever it tells."""
    monkeypatch.chdir(drafted.git.root)
    drafted.environ(contents="write")
    monkeypatch.delenv("TAGSEAL_RECORDS", raising=False)
    wrong_digest(asset(drafted, WHEEL))
    assert main(["status", TAG, "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["ok"], document["tag"], document["repository"]) == (True, TAG, NAME)
    assert {one["name"]: one["state"] for one in document["rows"] if one["what"] == "asset"}[WHEEL] == "differs"
    assert [line for line in captured.err.splitlines() if line.startswith("Next: ")] == [f"Next: {document['next']}"]
    assert main(["status", "v1..2"]) == 3


@pytest.mark.parametrize("actions", ["true", "false"])
def test_names_from_outside_are_shown_and_do_nothing(
    drafted: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, actions: str
) -> None:
    """Neither a terminal nor a runner takes a file's name for more than a name, and no line has the token."""
    monkeypatch.chdir(drafted.git.root)
    drafted.environ(contents="write")
    for name, value in (("GITHUB_ACTIONS", actions), ("TAGSEAL_RECORDS", digest(drafted.work.records))):
        monkeypatch.setenv(name, value)
    evil = asset(drafted, WHEEL)
    evil.name = "evil\x1b[2J\u202e\r\n::error::[bold]x"
    assert main(["status", TAG]) == 0
    told = capsys.readouterr()
    text = told.out + told.err
    assert "evil\\u001b[2J\\u202e\\u000d\\u000a::error::[bold]x" in text
    assert not {"\x1b", "\u202e", "\r"} & set(text)
    assert [line for line in text.splitlines() if line.startswith("::error")] == []
    assert drafted.token not in text


def test_upload_tells_what_it_would_do_and_does_nothing(
    drafted: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tagseal upload --plan` prints the acts in their order, behind the guard; nothing is sent."""
    monkeypatch.chdir(drafted.git.root)
    drafted.environ(contents="write", TAGSEAL_RECORDS=digest(drafted.work.records))
    lines = [["nothing is to be done"]]
    for harm in (None, wrong_digest):
        if harm:
            harm(asset(drafted, WHEEL))
            size = asset(drafted, WHEEL).size
            lines.append(
                [f"delete {WHEEL}, which has other bytes than the signed ones", f"send {WHEEL}, {size:,} bytes"]
            )
        start = len(drafted.loopback.transcript.entries)
        assert main(["upload", "--plan"]) == 0
        told = capsys.readouterr().out.splitlines()
        assert [one for one in told if not one.startswith(("guard ", "note: ", "::"))] == lines[-1]
        assert {entry.method for entry in drafted.loopback.transcript.entries[start:]} == {"GET"}
    assert main(["upload", "--plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["acts"] == lines[-1]


def test_what_comes_next_is_left_whole_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a report breaks over lines would be another one."""
    for name, value in (("TERM", "xterm"), ("COLUMNS", "60")):
        monkeypatch.setenv(name, value)
    screen = Screen()
    Terminal(screen).line(f"Next: {GH}")
    assert re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()) == f"Next: {GH}\n"


def test_a_person_is_not_kept_waiting(
    drafted: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a network the answer is an error within seconds, however patient a release may be."""
    drafted.environ()
    for name in ("GITHUB_ACTIONS", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.chdir(drafted.git.root)
    with stamina.set_testing(True, attempts=99):
        assert main(["status", TAG]) == 4
    waits = [int(text) for text in re.findall(r"waiting (\d+) s", capsys.readouterr().out)]
    assert waits
    assert max(waits) <= 20


def test_a_kit_is_told_as_any_file(internet: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the records as sealed; without them by its bundle, for no list can have it."""
    for name in ("made", "copy"):
        (tmp_path / name).mkdir()
    job = copied(make(tmp_path / "made", internet, kit=True), tmp_path / "copy", monkeypatch)
    kit = "widget-1.2.3-verify.zip"
    rows = {row.name: row for row in asked(job).rows}
    assert (rows[kit].state, rows[kit].text) == ("equal", "as sealed")
    assert rows[f"{kit}{BUNDLE}"].state == "verifies"
    job.work.records.unlink()
    found = asked(job)
    rows = {row.name: row for row in found.rows}
    assert (rows[kit].state, rows[kit].good, rows[kit].text) == ("equal", True, "as its bundle has it")
    assert rows[f"{kit}{BUNDLE}"].state == "verifies"
    assert of(found, "asset").keys() == {*NAMES, kit}
