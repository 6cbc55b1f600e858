"""What is wanted against what is there: which release is kept, and the acts that end the difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagseal.errors import Refused, TagsealError, VerificationFailed
from tagseal.records import Asset
from tagseal.services.github import Release, marker
from tagseal.steps.draft import body as bodies
from tagseal.steps.draft.choice import AllowedChange, Choice, choose
from tagseal.steps.draft.difference import Difference, difference
from tagseal.steps.draft.wanted import WantedFile, problems

TAG, ACTOR = "v1.2.3", "github-actions[bot]"
BODY = bodies.close("Notes.", TAG)
EDITED = " (a person edited them; theirs are kept beside the records)"
A, B = "a" * 64, "b" * 64


def wanted(**files: str) -> dict[str, WantedFile]:
    return {name: WantedFile(name=name, size=1, sha256=sha256) for name, sha256 in files.items()}


def asset(name: str, sha256: str = A, *, size: int = 1, state: str = "uploaded") -> Asset:
    return Asset(id=sum(name.encode()), name=name, size=size, sha256=sha256, state=state)


def release(number: int = 1, *assets: Asset, body: str = BODY, author: str = ACTOR, **more: bool) -> Release:
    return Release(
        id=number,
        tag=TAG,
        url=f"https://github.com/o/r/{number}",
        draft=more.get("draft", True),
        prerelease=more.get("prerelease", False),
        immutable=more.get("immutable", False),
        body=body,
        author=author,
        assets=assets,
        published_at="",
    )


def chosen(*releases: Release, adopt: bool = False, **files: str) -> Choice:
    return choose(releases, wanted(**(files or {"one": A})), tag=TAG, actor=ACTOR, adopt=adopt)


def found(*releases: Release, adopt: bool = False, body: str = BODY, **files: str) -> Difference:
    files = files or {"one": A}
    choice = chosen(*releases, adopt=adopt, **files)
    return difference(choice, TAG, wanted(**files), body=body, prerelease=False)


def refused(*releases: Release, adopt: bool = False, **files: str) -> TagsealError:
    with pytest.raises(TagsealError) as caught:
        found(*releases, adopt=adopt, **files)
    return caught.value


def test_nothing_is_to_be_done_where_all_is_there() -> None:
    """The same names, sizes, digests, notes and flags: no act."""
    there = release(1, asset("one"), asset("two", B))
    assert found(there, one=A, two=B) == Difference(kept=there, acts=(), remarks=())


def test_everything_is_to_be_done_where_nothing_is_there() -> None:
    """A draft is made, then every file is sent."""
    assert found(one=A, two=B).lines() == (
        "create a draft for v1.2.3",
        "send one, 1 byte",
        "send two, 1 byte",
    )


@pytest.mark.parametrize(
    ("there", "lines"),
    [
        (release(), ("send one, 1 byte",)),
        (release(1, asset("one", B)), ("delete one, which has other bytes than the signed ones", "send one, 1 byte")),
        (
            release(1, asset("one", size=2)),
            ("delete one, which has other bytes than the signed ones", "send one, 1 byte"),
        ),
        (
            release(1, asset("one", "", size=0, state="starter")),
            ("delete one, which was begun and never finished", "send one, 1 byte"),
        ),
        (release(1, asset("one", "")), ("look into one, of which GitHub keeps no digest",)),
        (release(1, asset("one"), prerelease=True), ("edit the pre-release flag",)),
        (release(1, asset("one"), body=f"Others.\n\n{marker(TAG)}"), (f"edit the notes{EDITED}",)),
        (release(1, asset("one"), body=bodies.close("Other notes.", TAG)), ("edit the notes",)),
    ],
    ids=["missing", "digest", "size", "unfinished", "no digest", "flag", "edited notes", "notes"],
)
def test_each_difference_of_our_draft_has_its_acts(there: Release, lines: tuple[str, ...]) -> None:
    """What is missing is sent, what is wrong is replaced, what nobody knows is looked into; nothing more."""
    assert found(there).lines() == lines


def test_an_asset_that_nobody_planned_stops_the_run() -> None:
    """It is named; a letter in another case is another name."""
    error = refused(release(1, asset("One"), asset("one", B)))
    assert (type(error), error.slug) == (Refused, "unplanned-asset")
    assert error.context == ("https://github.com/o/r/1", "One: nobody planned it")


def test_the_fullest_of_our_drafts_is_kept() -> None:
    """By wanted digests, then by age; empty ones of ours are discarded, the others are left, and named."""
    full, older, empty = release(3, asset("one"), asset("two", B)), release(1, asset("one"), asset("two")), release(2)
    choice = chosen(older, empty, full, one=A, two=B)
    assert choice == Choice(kept=full, discard=(empty,), left=(older,))
    remarks = found(older, empty, full, one=A, two=B).remarks
    assert remarks == ("left as it is, beside the one that is kept: https://github.com/o/r/1",)
    assert chosen(release(2), release(5)).kept == release(2)


def test_a_strangers_draft_stops_the_run_also_beside_ours() -> None:
    """It is named with its author; ours is not touched either."""
    error = refused(release(1, asset("one")), release(2, body="By hand.", author="mallory"))
    assert (type(error), error.slug) == (Refused, "stranger-draft")
    assert error.context == ("https://github.com/o/r/2 by 'mallory'",)


def test_a_published_release_that_is_whole_ends_it() -> None:
    """Whatever drafts there are beside it: empty ones of ours go, all others are left."""
    public = release(9, asset("one"), draft=False)
    stranger = release(1, body="By hand.")
    assert found(public, stranger, release(2)).lines() == ("discard the empty draft https://github.com/o/r/2",)
    assert found(public, stranger).remarks == ("left as it is, beside the one that is kept: https://github.com/o/r/1",)


@pytest.mark.parametrize("immutable", [False, True])
@pytest.mark.parametrize("adopt", [False, True])
def test_a_published_release_that_is_not_whole_is_only_reported(adopt: bool, immutable: bool) -> None:  # noqa: FBT001
    """File by file, the notes with what changed; no setting makes an act of it."""
    public = release(
        9, asset("one", B), asset("three"), draft=False, immutable=immutable, body=BODY.replace("Notes.", "Others.")
    )
    error = refused(public, adopt=adopt, one=A, two=B)
    assert (type(error), error.slug) == (VerificationFailed, "release-not-whole")
    assert error.context[:5] == (
        "https://github.com/o/r/9",
        "two: missing",
        "one: has other bytes than the signed ones",
        "three: nobody planned it",
        "the notes: not as rendered",
    )
    assert {"+Notes.", "-Others."} <= set(error.context)


def test_of_a_published_release_the_bytes_are_looked_into_first() -> None:
    """Where a digest is absent, there is no verdict before the bytes were hashed."""
    public = release(9, asset("one", ""), draft=False)
    assert found(public, one=A, two=B).lines() == ("look into one, of which GitHub keeps no digest",)


THEIRS = "What a person wrote."
FILLED = bodies.close(f"{bodies.beginning(THEIRS)}Notes.", TAG)


def test_adopting_fills_a_strangers_draft() -> None:
    """Its notes are kept in front of ours, and edited first of all; then it is ours to mend."""
    there = release(1, body=THEIRS, author="release-please[bot]")
    assert chosen(there, adopt=True) == Choice(kept=there, reach=AllowedChange.fill, theirs=THEIRS)
    assert found(there, adopt=True, body=FILLED).lines() == ("edit the notes", "send one, 1 byte")
    filled = replace(there, body=FILLED, assets=(asset("one", B),))
    assert chosen(filled, adopt=True).reach is AllowedChange.replace
    assert len(found(filled, adopt=True, body=FILLED).acts) == 2


@pytest.mark.parametrize("there", [asset("one", B), asset("one", "", size=0, state="starter"), asset("two")])
def test_adopting_replaces_nothing_of_a_stranger(there: Asset) -> None:
    """Before our part is in its notes, a file that is in the way is somebody else's."""
    error = refused(release(1, there, body=THEIRS), adopt=True)
    assert error.slug == "unplanned-asset"


def test_adopting_one_of_two_strangers_drafts_is_not_ours_to_decide() -> None:
    """Both are named; one that was filled before is still somebody else's."""
    error = refused(release(1, body=FILLED), release(2, body=THEIRS), adopt=True)
    assert error.what.startswith("got 2 drafts for v1.2.3 that this tool did not make")
    assert len(error.context) == 2


def test_adopting_prefers_the_strangers_draft() -> None:
    """Ours from before is left where it has files."""
    ours, theirs = release(1, asset("one")), release(2, body=THEIRS)
    assert chosen(ours, theirs, adopt=True) == Choice(
        kept=theirs, reach=AllowedChange.fill, theirs=THEIRS, left=(ours,)
    )


def test_adopting_fills_a_published_release_without_files() -> None:
    """Once our part is in it, what was broken on the way is finished; other bytes are never replaced."""
    public = release(1, draft=False, body=THEIRS, author="octocat")
    assert chosen(public, adopt=True) == Choice(kept=public, reach=AllowedChange.fill, theirs=THEIRS)
    filled = replace(public, body=FILLED, assets=(asset("one", "", size=0, state="starter"),))
    assert len(found(filled, adopt=True, body=FILLED).acts) == 2
    assert chosen(replace(filled, body=FILLED.replace("Notes.", "Others.")), adopt=True).reach is AllowedChange.look
    assert refused(replace(filled, assets=(asset("one", B),)), adopt=True).slug == "unplanned-asset"
    error = refused(replace(public, immutable=True), adopt=True)
    assert (type(error), error.slug) == (Refused, "immutable-release")
    assert error.exit_code == 3


def test_without_adopt_a_published_release_without_files_is_reported() -> None:
    """Nothing is filled that nobody asked for."""
    assert refused(release(1, draft=False, body=THEIRS)).slug == "release-not-whole"


def test_each_kind_of_problem_is_named() -> None:
    """For a release that is only compared; a file without a digest is not as wanted."""
    there = [asset("two", B), asset("three"), asset("four", "")]
    assert problems(wanted(one=A, two=A, four=A), there) == (
        "one: missing",
        "four: has other bytes than the signed ones",
        "two: has other bytes than the signed ones",
        "three: nobody planned it",
    )
