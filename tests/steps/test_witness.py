from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stage import WHEEL, Stage, stage
from tagseal.errors import VerificationFailed
from tagseal.records import Publication
from tagseal.steps.witness import witness

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Seal, Testimony


def published(released: Stage) -> tuple[Seal, Publication]:
    """Flip the draft as ``publish`` does; whether it may is not the question here."""
    services = released.services()
    seal = released.sign(services)
    draft = released.upload(seal, services)
    repository = released.tag.identity.repository
    release = services.github.publish(repository, services.github.release(repository, draft.id), latest=True)
    return seal, Publication(id=release.id, url=release.url, published_at=release.published_at, acts=())


def seen(released: Stage, seal: Seal, publication: Publication) -> Testimony:
    services = released.services(contents="read", run=None)
    return witness(released.tag, released.plan, seal, publication, services=services)


def test_a_stranger_can_verify_what_is_public(released: Stage) -> None:
    """Every command passes: those with a token that may only read, and plain URLs without any."""
    testimony = seen(released, *published(released))
    assert testimony.public
    assert testimony.remarks == ()
    assert all(command.ok for command in testimony.commands)
    assert [command.name.split(" ")[0] for command in testimony.commands][-1] == "curl"
    assert len(testimony.commands) == 8


def test_a_private_release_is_published_but_not_publicly_verifiable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain URLs fail without a token; that is said, with the fix, and is no failure of the release."""
    with stage(tmp_path, monkeypatch, private=True) as released:
        released.accept_everything()
        testimony = seen(released, *published(released))
    assert not testimony.public
    assert [command.ok for command in testimony.commands] == [True] * 7 + [False]
    assert "404" in testimony.commands[-1].detail
    assert "not publicly verifiable" in testimony.remarks[0]
    assert "make octo/widget public" in testimony.remarks[1]


def test_a_plain_url_that_fails_is_a_failure(released: Stage) -> None:
    """In a public repository there is no excuse."""
    seal, publication = published(released)
    released.accept_everything()
    released.shim("curl", "echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22")
    with pytest.raises(VerificationFailed, match="curl"):
        seen(released, seal, publication)


def test_a_release_that_was_changed_is_not_witnessed(released: Stage) -> None:
    """Names, sizes and digests are compared with the seal before any command runs."""
    seal, publication = published(released)
    release = released.repository.by_id[publication.id]
    release.assets = [asset for asset in release.assets if asset.name != WHEEL]
    with pytest.raises(VerificationFailed, match="not what was sealed") as caught:
        seen(released, seal, publication)
    assert f"{WHEEL}: missing" in caught.value.context


def test_another_release_of_the_tag_is_not_witnessed(released: Stage) -> None:
    """A release that was deleted and made again is not the published one."""
    seal, publication = published(released)
    released.repository.by_id[publication.id + 1] = released.repository.by_id.pop(publication.id)
    released.repository.by_id[publication.id + 1].id += 1
    with pytest.raises(VerificationFailed, match=f"expected {publication.id}"):
        seen(released, seal, publication)
