"""upload: one draft, converged to the sealed files and the rendered notes; nothing is sent twice."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from refusals import refused
from stage import NAMES, SDIST, WHEEL, Stage, stage
from tagseal.config import Settings
from tagseal.errors import Busy, Refused, UsageError, VerificationFailed
from tagseal.loopback.faults import Fault
from tagseal.services.github import GitHub, marker
from tagseal.steps.draft import body
from tagseal.steps.draft.wanted import wanted_files
from tagseal.steps.upload import plan_upload, upload

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.loopback.github.state import PlayedRelease
    from tagseal.records import Draft, Seal

ALL = sorted([*NAMES, *(f"{name}.sigstore.json" for name in NAMES)])
UPLOADS = "uploads.github.com"


@pytest.fixture
def sealed(released: Stage) -> Stage:
    """Give the stage with tools that nobody asks here."""
    released.accept_everything()
    return released


def sent(released: Stage) -> int:
    """Return how many files were sent to GitHub so far."""
    return sum(entry.host == UPLOADS and entry.method == "POST" for entry in released.loopback.transcript.entries)


def remote(released: Stage, draft: Draft | None = None) -> PlayedRelease:
    releases = released.repository.releases
    assert len(releases) == 1
    assert draft is None or releases[0].id == draft.id
    return releases[0]


def foreign(released: Stage, *, actor: str, body: str, tag: str = "v1.2.3") -> int:
    """Let somebody make a draft, and return its id."""
    token = released.loopback.github.token(
        actor=actor, scopes={"contents": "write"}, repository=released.repository.full_name
    )
    return GitHub(token).create_draft("octo/widget", tag, body=body, prerelease=False).id


def test_one_draft_holds_the_sealed_files_and_the_notes(sealed: Stage) -> None:
    """Every artifact and its bundle, by name, size and digest; the marker is the body's last line."""
    seal = sealed.sign()
    draft = sealed.upload(seal)
    release = remote(sealed, draft)
    digests = {file.name: file.sha256 for file in wanted_files(seal).values()}
    assert {asset.name: asset.sha256 for asset in draft.assets} == digests
    assert sorted(digests) == ALL
    assert (release.draft, release.tag_name, release.name, release.prerelease) == (True, "v1.2.3", "v1.2.3", False)
    assert release.body.splitlines()[-1] == marker("v1.2.3")
    assert release.body.startswith("- A widget that turns.")
    assert draft.body_sha256 == hashlib.sha256(release.body.rstrip().encode()).hexdigest()
    assert (draft.sent, sent(sealed)) == (len(ALL), len(ALL))


def test_a_second_upload_sends_nothing(sealed: Stage) -> None:
    """The draft that is there is found by listing; its record differs in what was sent only."""
    seal = sealed.sign()
    first = sealed.upload(seal)
    before = sent(sealed)
    second = sealed.upload(seal)
    assert second == replace(first, sent=0)
    assert sent(sealed) == before


def test_only_what_is_missing_or_different_is_sent(sealed: Stage) -> None:
    """A file that is gone is sent; one with other bytes, or half sent, is replaced; the others stay as they are."""
    seal = sealed.sign()
    first = sealed.upload(seal)
    release = remote(sealed)
    by_name = {asset.name: asset for asset in release.assets}
    release.assets.remove(by_name[WHEEL])
    by_name[SDIST].sha256 = "e" * 64
    half = by_name[f"{SDIST}.sigstore.json"]
    half.state, half.size, half.sha256 = "starter", 0, ""
    second = sealed.upload(seal)
    kept = {asset.name: asset.id for asset in first.assets}
    assert second.sent == 3
    assert {asset.name for asset in second.assets if kept[asset.name] != asset.id} == {WHEEL, SDIST, half.name}


def test_an_asset_without_a_digest_is_looked_into(sealed: Stage) -> None:
    """Its bytes are downloaded and hashed: the right ones are kept, others are replaced."""
    seal = sealed.sign()
    first = sealed.upload(seal)
    right, wrong = remote(sealed).assets[:2]
    right.sha256 = wrong.sha256 = ""
    wrong.path.write_bytes(b"!" * wrong.size)
    second = sealed.upload(seal)
    assert second.sent == 1
    assert {asset.name for asset in second.assets} - {
        asset.name for asset in first.assets if asset in second.assets
    } == {wrong.name}


def test_notes_and_flags_are_mended(sealed: Stage) -> None:
    """Our draft's body and pre-release flag become what was planned; no file is sent."""
    seal = sealed.sign()
    first = sealed.upload(seal)
    release = remote(sealed)
    release.body, release.prerelease = f"Other words.\n\n{marker('v1.2.3')}\n", True
    assert sealed.upload(seal) == replace(first, sent=0)
    assert not remote(sealed).prerelease


def test_a_strangers_draft_stops_the_upload(sealed: Stage) -> None:
    """Without the marker it is not ours, whoever wrote it; it is left as it is."""
    seal = sealed.sign()
    foreign(sealed, actor="github-actions[bot]", body="By hand.")
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug) == (Refused, "stranger-draft")
    assert error.what == "got a draft for v1.2.3 that this tool did not make, expected none or its own"
    assert error.context[0].endswith(" by 'github-actions[bot]'")
    assert (remote(sealed).body, remote(sealed).assets) == ("By hand.", [])


@pytest.mark.parametrize(
    ("actor", "body"),
    [
        ("mallory", "Notes.\n\n<!-- tagseal: v1.2.3 -->\n"),
        ("github-actions[bot]", "Notes. <!-- tagseal: v1.2.3 -->\n"),
        ("github-actions[bot]", "<!-- tagseal: v1.2.3 -->\n\nNotes.\n"),
        ("github-actions[bot]", "Notes.\n\n<!-- tagseal: v1.2.30 -->\n"),
    ],
    ids=["another author", "marker within a line", "marker not last", "another tag's marker"],
)
def test_a_draft_that_only_looks_like_ours_is_a_strangers(sealed: Stage, actor: str, body: str) -> None:
    """The marker is the whole last line, and the author is this token's actor."""
    seal = sealed.sign()
    foreign(sealed, actor=actor, body=body)
    assert refused(sealed.upload, seal).slug == "stranger-draft"


def test_a_draft_of_another_tag_is_nobodys_business(sealed: Stage) -> None:
    """It is neither found nor in the way."""
    seal = sealed.sign()
    other = foreign(sealed, actor="mallory", body="Next.", tag="v1.3.0")
    draft = sealed.upload(seal)
    assert {release.id for release in sealed.repository.releases} == {other, draft.id}


def test_a_file_that_nobody_planned_stops_the_upload(sealed: Stage) -> None:
    """It is not deleted, and nothing else is changed."""
    seal = sealed.sign()
    draft = sealed.upload(seal)
    release = remote(sealed)
    release.assets[0].name = "extra.bin"
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug) == (Refused, "unplanned-asset")
    assert error.what == "got files for v1.2.3 that nobody planned, or that are not ours to replace"
    assert "extra.bin: nobody planned it" in error.context
    assert draft.url in error.hint
    assert len(remote(sealed).assets) == len(ALL)


def test_a_published_release_that_is_whole_is_success(sealed: Stage) -> None:
    """Nothing is sent to it, and the run says so."""
    seal = sealed.sign()
    draft = sealed.upload(seal)
    github = sealed.services().github
    github.publish("octo/widget", github.release("octo/widget", draft.id), latest=True)
    again = sealed.upload(seal)
    assert (again.id, again.sent, again.assets) == (draft.id, 0, draft.assets)
    assert sealed.remarks == [f"the release v1.2.3 is public already, and whole: {again.url}"]


def test_a_published_release_that_is_not_whole_is_never_changed(sealed: Stage) -> None:
    """What differs is named; the way out is a new version."""
    seal = sealed.sign()
    draft = sealed.upload(seal)
    github = sealed.services().github
    github.publish("octo/widget", github.release("octo/widget", draft.id), latest=True)
    release = remote(sealed)
    release.assets = [asset for asset in release.assets if asset.name != WHEEL]
    release.body = "Other words."
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug) == (VerificationFailed, "release-not-whole")
    assert error.what == "got a published release that is not what was sealed"
    assert error.context[1:3] == (f"{WHEEL}: missing", "the notes: not as rendered")
    assert {"+- A widget that turns.", "-Other words."} <= set(error.context)
    assert "never changed" in error.hint
    assert (remote(sealed).body, len(remote(sealed).assets)) == ("Other words.", len(ALL) - 1)


def test_nothing_is_sent_of_a_changed_work_folder(sealed: Stage) -> None:
    """The bytes that were signed are the bytes that are sent: compared before the first request."""
    seal = sealed.sign()
    (sealed.work.packages / WHEEL).write_text("other bytes")
    assert refused(sealed.upload, seal).slug == "sealed-files-changed"
    assert sealed.repository.releases == ()


def test_a_seal_of_another_tag_sends_nothing(sealed: Stage) -> None:
    """The records of another run are refused."""
    seal = sealed.sign()
    assert refused(sealed.upload, replace(seal, tag="v1.2.4")).slug == "seal-of-another-tag"
    assert sealed.repository.releases == ()


def test_a_token_that_may_only_read_is_told_which_permission_it_needs(sealed: Stage) -> None:
    """The job's permission is the fix, and nothing was created."""
    seal = sealed.sign()
    with pytest.raises(UsageError) as caught:
        upload(sealed.tag, sealed.plan, seal, services=sealed.services(contents="read"))
    assert (caught.value.slug, caught.value.exit_code) == ("github-permission", 2)
    assert "`contents: write`" in caught.value.hint
    assert sealed.repository.releases == ()


def test_a_pre_release_is_a_pre_release(sealed: Stage) -> None:
    """The flag is set from the plan."""
    seal = sealed.sign()
    upload(sealed.tag, replace(sealed.plan, prerelease=True), seal, services=sealed.services())
    assert remote(sealed).prerelease


@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "server-error"])
@pytest.mark.parametrize("wait", [0, 600])
def test_a_broken_upload_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, wait: int) -> None:
    """What arrived is found, by this run or, once its patience is over, by the next; the same draft gets the rest."""
    broken = Fault(name=fault, host=UPLOADS, method="POST")
    with stage(tmp_path, monkeypatch, faults=[broken]) as released:
        released.accept_everything()
        released.settings = Settings(wait=wait)
        seal = released.sign()
        if not wait:
            error = refused(released.upload, seal)
            assert (type(error), error.exit_code) == (Busy, 4)
        draft = released.upload(seal)
        assert sorted(asset.name for asset in draft.assets) == ALL
        assert sent(released) == len(ALL) + (fault != "drop-after")
        remote(released, draft)


def test_a_draft_is_created_once_though_its_answer_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write is never repeated blindly: the draft that was made is found."""
    lost = Fault(name="drop-after", host="api.github.com", method="POST", path="/repos/octo/widget/releases")
    with stage(tmp_path, monkeypatch, faults=[lost]) as released:
        released.accept_everything()
        remote(released, released.upload(released.sign()))


def arm(released: Stage, *names: str) -> None:
    """Let these faults come from now on."""
    released.loopback.faults.set([Fault(name=name) for name in names])


def acts(released: Stage, seal: Seal) -> tuple[str, ...]:
    return plan_upload(released.tag, released.plan, seal, services=released.services()).lines()


def test_what_is_planned_is_what_is_done(sealed: Stage) -> None:
    """The difference changes nothing; its lines are those that the run says of what it does, in this order."""
    seal = sealed.sign()
    first = acts(sealed, seal)
    assert first[0] == "create a draft for v1.2.3"
    assert [line.split(",")[0] for line in first[1:]] == [f"send {name}" for name in ALL]
    assert sealed.repository.releases == ()
    sealed.upload(seal)
    release = remote(sealed)
    release.prerelease = True
    release.assets[0].state, lost = "starter", release.assets.pop()
    expected = acts(sealed, seal)
    assert expected == (
        "edit the pre-release flag",
        f"delete {release.assets[0].name}, which was begun and never finished",
        *(f"send {one.name}, {one.size:,} bytes" for one in sorted([release.assets[0], lost], key=lambda it: it.name)),
    )
    sealed.said.clear()
    sealed.upload(seal)
    assert sorted(line.rpartition(" (")[0] for line in sealed.said) == sorted(expected)
    assert acts(sealed, seal) == ()


@pytest.mark.parametrize("further", [0, 102])
def test_a_run_that_has_nothing_to_do_asks_little(sealed: Stage, further: int) -> None:
    """No upload, and at most one request for each hundred assets, and four more."""
    seal = sealed.sign(further=further)
    assert len(sealed.upload(seal).assets) == 6 + 2 * further
    services = sealed.services()
    before = len(sealed.loopback.transcript.entries)
    assert sealed.upload(seal, services).sent == 0
    asked = [(entry.method, entry.path) for entry in list(sealed.loopback.transcript.entries)[before:]]
    assert len(asked) <= -(-(6 + 2 * further) // 100) + 4, asked
    assert {method for method, _ in asked} == {"GET"}


def test_a_tag_that_moved_gets_no_draft(sealed: Stage) -> None:
    """The remote tag is read again before anything is made for it."""
    seal = sealed.sign()
    sealed.repository.add_tag("v1.2.3", "e" * 40)
    assert refused(sealed.upload, seal).slug == "tag-moved-meanwhile"
    assert sealed.repository.releases == ()


def test_a_used_up_tag_is_told_before_anything_is_published(sealed: Stage) -> None:
    """A locked release had it: no other ever will; the way out is a new version."""
    seal = sealed.sign()
    arm(sealed, "tag-burnt")
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug, error.exit_code) == (Refused, "tag-burnt", 3)
    assert "new version" in error.hint


def test_a_file_that_github_renames_is_taken_away_again(sealed: Stage) -> None:
    """What our own answer names is deleted, so that the next run finds nothing that nobody planned."""
    seal = sealed.sign()
    arm(sealed, "name-rewritten")
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug) == (VerificationFailed, "upload-renamed")
    assert {asset.name for asset in remote(sealed).assets} <= set(ALL)
    assert sorted(asset.name for asset in sealed.upload(seal).assets) == ALL


def test_other_bytes_than_those_sent_are_told_and_replaced_by_the_next_run(sealed: Stage) -> None:
    """Size and digest of both stand in the error, in words; the next run ends well."""
    seal = sealed.sign()
    sealed.loopback.faults.set([Fault(name="digest-wrong", host="uploads.github.com")])
    error = refused(sealed.upload, seal)
    assert (type(error), error.slug) == (VerificationFailed, "upload-differs")
    assert re.fullmatch(
        rf"got [0-9,]+ bytes with sha256 {'0' * 64} from GitHub for the upload of \S+, expected .*", error.what
    )
    assert sorted(asset.name for asset in sealed.upload(seal).assets) == ALL


def test_a_draft_that_was_made_twice_is_one_again(sealed: Stage) -> None:
    """The empty one of the two is discarded by the run that made them."""
    seal = sealed.sign()
    arm(sealed, "draft-twice")
    sealed.upload(seal)
    remote(sealed)


def test_a_draft_that_is_not_listed_yet_is_filled(sealed: Stage) -> None:
    """It is read by its id: no second one is made."""
    seal = sealed.sign()
    sealed.repository.stale = [()] * 3
    draft = sealed.upload(seal)
    assert (sealed.repository.stale, len(draft.assets)) == ([], len(ALL))
    made = [
        entry
        for entry in sealed.loopback.transcript.entries
        if entry.method == "POST" and entry.host == "api.github.com"
    ]
    assert len(made) == 1


def test_a_whole_set_that_is_listed_late_is_spared(sealed: Stage) -> None:
    """A listing lagged while `sign` looked: what it made anew takes nothing's place, and the next run takes the set."""
    draft = sealed.upload(sealed.sign())
    before = [(asset.id, asset.sha256) for asset in remote(sealed, draft).assets]
    shutil.rmtree(sealed.work.path)
    sealed.repository.stale = [()]
    error = refused(sealed.upload, sealed.sign())
    assert (error.slug, error.exit_code) == ("earlier-set-listed-late", 4)
    assert [(asset.id, asset.sha256) for asset in remote(sealed, draft).assets] == before
    again = sealed.upload(sealed.sign())
    assert (again.id, again.sent) == (draft.id, 0)
    assert [(asset.id, asset.sha256) for asset in remote(sealed, draft).assets] == before


def test_no_digest_at_all_is_looked_into(sealed: Stage) -> None:
    """An older GitHub Enterprise, or an outage: what was sent is downloaded and hashed before it counts."""
    seal = sealed.sign()
    sealed.loopback.faults.set([Fault(name="digest-null", count=1000)])
    draft = sealed.upload(seal)
    assert {asset.name: asset.sha256 for asset in draft.assets} == {
        file.name: file.sha256 for file in wanted_files(seal).values()
    }


def test_what_a_person_wrote_is_shown_and_not_lost(sealed: Stage) -> None:
    """The draft's notes become the rendered ones; what was there is kept in a file of its own, each edit once."""
    seal = sealed.sign()
    sealed.upload(seal)
    rendered = remote(sealed).body
    for words in ("Mind the gap.", "Mind the gap.", "Mind the step."):
        remote(sealed).body = f"{words}\n\n{rendered}"
        sealed.remarks.clear()
        sealed.upload(seal)
        assert remote(sealed).body == rendered
        assert f"-{words}" in sealed.remarks
    kept = {path.name: path.read_text().partition("\n")[0] for path in sealed.work.path.glob("notes-edited*")}
    assert kept == {"notes-edited.md": "Mind the gap.", "notes-edited-2.md": "Mind the step."}


def test_notes_that_were_rendered_otherwise_are_nobodys_words(sealed: Stage) -> None:
    """Their digest stands below them: they are replaced without a word."""
    seal = sealed.sign()
    sealed.upload(seal)
    remote(sealed).body = body.close("Rendered by an older version.", "v1.2.3")
    sealed.upload(seal)
    assert remote(sealed).body.startswith("- A widget that turns.")
    assert (sealed.remarks, list(sealed.work.path.glob("notes-edited*"))) == ([], [])


def test_other_drafts_of_ours_are_named(sealed: Stage) -> None:
    """The fullest is kept; another that has files is left, an empty one is gone."""
    seal = sealed.sign()
    draft = sealed.upload(seal)
    text = remote(sealed).body
    left = foreign(sealed, actor="github-actions[bot]", body=text)
    sealed.repository.by_id[left].assets = sealed.repository.by_id[draft.id].assets[:1]
    foreign(sealed, actor="github-actions[bot]", body=text)
    assert sealed.upload(seal).id == draft.id
    assert {release.id for release in sealed.repository.releases} == {draft.id, left}
    assert [line for line in sealed.remarks if "left as it is" in line]


def test_a_persons_title_stays(sealed: Stage) -> None:
    """It is not ours to set, once the draft is made."""
    seal = sealed.sign()
    sealed.upload(seal)
    remote(sealed).name, remote(sealed).prerelease = "Widget, at last", True
    sealed.upload(seal)
    assert (remote(sealed).name, remote(sealed).prerelease) == ("Widget, at last", False)
