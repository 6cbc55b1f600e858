"""What ``tagseal status`` tells of an image: where this version's tags point, and whether that is signed for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

import images
from instance import TAG
from stage import IMAGE, Stage
from tagseal.project.images import rows
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.project.assets import StatusRow
    from tagseal.records import Seal

NAME = "octo/widget"


def told(released: Stage, commit: str | None = "", notes: str = "") -> StatusRow:
    """Return the one line, as somebody without a login reads it."""
    commit = released.tag.commit if commit == "" else commit
    policy = Exact(released.tag.identity, commit) if commit else None
    (row,) = rows(TAG, policy, notes, released.services(contents="read", packages="", run=None))
    assert row.name == f"{IMAGE}:{TAG}"
    return row


def uploaded(released: Stage, folder: Path, *forms: str) -> Seal:
    released.with_image(images.layout(folder / "layout"), signatures=forms or ("simplesigning",))
    seal = released.sign()
    released.upload(seal)
    return seal


def tag(released: Stage, sha256: str) -> None:
    released.loopback.registry.move_tag(NAME, TAG, f"sha256:{sha256}")


def test_a_project_without_an_image_has_no_line(released: Stage) -> None:
    """Nobody asks a registry for nothing."""
    assert list(rows(TAG, None, "", released.services(run=None))) == []


def test_before_publication_no_tag_is_there(released: Stage, tmp_path: Path) -> None:
    """That is as it should be, and no failure."""
    uploaded(released, tmp_path)
    assert (told(released).state, told(released).good) == ("none", None)


@pytest.mark.parametrize("forms", [("simplesigning",), ("bundle",), ("simplesigning", "bundle")])
def test_a_signed_image_is_told(released: Stage, tmp_path: Path, forms: tuple[str, ...]) -> None:
    """Its digest, and that it is signed for this tag and commit, in every configured form."""
    seal = uploaded(released, tmp_path, *forms)
    assert seal.image is not None
    tag(released, seal.image.sha256)
    row = told(released)
    assert (row.state, row.good) == ("signed", True)
    assert row.text == f"sha256:{seal.image.sha256}, signed for this tag and commit"


def test_an_image_of_another_commit_is_not_ours(released: Stage, tmp_path: Path) -> None:
    """A moved tag keeps its identity; the commit tells."""
    seal = uploaded(released, tmp_path)
    assert seal.image is not None
    tag(released, seal.image.sha256)
    assert (told(released, "f" * 40).state, told(released, "f" * 40).good) == ("unsigned", False)
    assert told(released, None).state == "untold"


def test_a_tag_at_a_part_of_the_image_is_told(released: Stage, tmp_path: Path) -> None:
    """A platform's manifest is signed as well; the notes say which image was released."""
    seal = uploaded(released, tmp_path)
    assert seal.image is not None
    notes = f"cosign verify {IMAGE}@sha256:{seal.image.sha256}"
    tag(released, seal.image.sha256)
    assert told(released, notes=notes).state == "signed"
    tag(released, seal.image.manifests[0].sha256)
    assert (told(released, notes=notes).state, told(released, notes=notes).good) == ("elsewhere", False)


def test_a_package_that_is_closed_is_no_end_of_the_status(released: Stage, tmp_path: Path) -> None:
    """The other lines are told all the same."""
    seal = uploaded(released, tmp_path)
    assert seal.image is not None
    tag(released, seal.image.sha256)
    released.loopback.registry.add_repository(NAME, private=True)
    assert told(released).good is None


def test_a_tag_that_is_no_version_has_no_image(released: Stage, tmp_path: Path) -> None:
    """What does not fit the pattern is no release."""
    uploaded(released, tmp_path)
    services = released.services(run=None)
    settings = dataclasses.replace(services.settings, tag="v{version}")
    assert list(rows("nightly", None, "", dataclasses.replace(services, settings=settings))) == []
