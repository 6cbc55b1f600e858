"""The image's way through the steps: signed by digest, pushed untagged, proven, and tagged at the very end."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import pytest

import images
from instance import TAG
from refusals import refused
from stage import IMAGE, Stage, proof_of
from tagseal.loopback.faults import Fault
from tagseal.steps.images import registry as pushed
from tagseal.steps.prove import prove
from tagseal.steps.publish import publish
from tagseal.steps.sign import sign
from tagseal.steps.witness import witness
from tagseal.verification.images import simplesigning

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Draft, Publication, Seal

NAME = "octo/widget"
SIGNED = 3
"""Manifests of the image that are signed: the index, and two platforms."""


@pytest.fixture
def imaged(released: Stage, tmp_path: Path) -> Stage:
    """Give a release with an image of two platforms, whose tools accept everything."""
    released.with_image(images.layout(tmp_path / "layout"))
    released.accept_everything()
    return released


def published(released: Stage, seal: Seal, draft: Draft, **plan: object) -> Publication:
    planned = dataclasses.replace(released.plan, **plan)  # type: ignore[arg-type]
    services = released.services(run=None)
    return publish(released.tag, planned, seal, draft, proof_of(draft), services=services)


def sent(released: Stage, *methods: str) -> list[str]:
    """Return the paths of the requests to the registry that change something."""
    entries = released.loopback.transcript.entries
    return [
        entry.path for entry in entries if entry.host == "ghcr.io" and entry.method in methods and "/v2/" in entry.path
    ]


def tags(released: Stage) -> dict[str, str]:
    """Return the tags that are no signatures."""
    found = released.loopback.registry.tags(NAME)
    return {tag: digest for tag, digest in found.items() if not tag.startswith("sha256-")}


def test_an_image_is_released_with_the_packages(released: Stage, tmp_path: Path) -> None:
    """One certificate signs files and image; the notes' own commands run on it before any tag points at it.

    They are attacked as well: by other identities, and by a manifest in the same repository that nobody has signed.
    """
    image = released.with_image(images.layout(tmp_path / "layout", attestation=True))
    seal = released.sign()
    draft = released.upload(seal)
    assert seal.signatures[0].artifact == f"{IMAGE}@sha256:{image.sha256}"
    assert len(seal.signatures) == SIGNED
    assert tags(released) == {}
    proof = prove(released.tag, released.plan, seal, draft, services=released.services(run=None))
    ran = [command.name for command in proof.commands if command.name.startswith("cosign verify ")]
    by_digest = f"cosign verify {IMAGE}@sha256:{image.sha256}"
    assert [name.partition(" --")[0] for name in ran] == [by_digest] * 2  # the second names the commit as well
    assert len([one for one in proof.attacks if one.name.startswith("cosign: unsigned manifest")]) == 2
    assert all(one.ok for one in proof.attacks)
    assert tags(released) == {}
    publication = publish(released.tag, released.plan, seal, draft, proof, services=released.services(run=None))
    assert publication.acts == (f"image tag {TAG} set", "release v1.2.3 published")
    assert tags(released) == {TAG: f"sha256:{image.sha256}"}
    testimony = witness(
        released.tag, released.plan, seal, publication, services=released.services(contents="read", run=None)
    )
    assert testimony.public
    assert (
        len([command for command in testimony.commands if "cosign verify " in command.name or "crane" in command.name])
        == 4
    )


def test_a_command_that_accepts_another_image_is_found_out(imaged: Stage) -> None:
    """A cosign that says yes to everything proves nothing."""
    seal = imaged.sign()
    draft = imaged.upload(seal)
    error = refused(prove, imaged.tag, imaged.plan, seal, draft, services=imaged.services(run=None))
    assert error.slug == "attack-not-refused"
    assert any("unsigned manifest" in line for line in error.context)


@pytest.mark.parametrize("forms", [("simplesigning",), ("bundle",), ("simplesigning", "bundle")])
def test_a_re_run_sends_and_signs_nothing(released: Stage, tmp_path: Path, forms: tuple[str, ...]) -> None:
    """On another machine, with the same image: every signature is fetched from the registry, and kept."""
    source = images.layout(tmp_path / "layout")
    released.with_image(source, signatures=forms)
    first = released.sign()
    released.upload(first)
    entries, writes = released.entries(), sent(released, "PUT", "PATCH")
    shutil.rmtree(released.work.path)
    released.with_image(source, signatures=forms)
    again = released.sign()
    assert released.upload(again).pushed == 0
    assert again.signatures == first.signatures
    assert released.entries() == entries
    assert sent(released, "PUT", "PATCH") == writes


def test_the_image_under_the_tag_wins_over_a_rebuilt_one(imaged: Stage, tmp_path: Path) -> None:
    """Killed between the tag and the flip, and built anew with other bytes: what may be pinned already is released."""
    seal = imaged.sign()
    draft = imaged.upload(seal)
    imaged.loopback.registry.move_tag(NAME, TAG, seal.signatures[0].artifact.partition("@")[2])
    shutil.rmtree(imaged.work.path)
    rebuilt = imaged.with_image(images.layout(tmp_path / "rebuilt", content="other"))
    again = imaged.sign()
    assert rebuilt != seal.image
    assert again.image == seal.image
    published(imaged, again, imaged.upload(again))
    assert seal.image is not None
    assert tags(imaged) == {TAG: f"sha256:{seal.image.sha256}"}
    assert not imaged.repository.by_id[draft.id].draft


def test_a_tag_at_a_strangers_image_stops_the_run_before_anything_is_signed(imaged: Stage, tmp_path: Path) -> None:
    """A version's tag never moves; nothing is signed that could not be released."""
    seal = imaged.sign()
    imaged.upload(seal)
    platform = seal.image.manifests[0].sha256 if seal.image else ""
    imaged.loopback.registry.delete(NAME, simplesigning.signature_tag(platform))
    imaged.loopback.registry.move_tag(NAME, TAG, f"sha256:{platform}")
    shutil.rmtree(imaged.work.path)
    imaged.with_image(images.layout(tmp_path / "rebuilt", content="other"))
    entries = imaged.entries()
    assert refused(imaged.sign).slug == "image-tag-taken"
    assert imaged.entries() == entries


def test_a_platform_under_the_tag_is_no_image(imaged: Stage, tmp_path: Path) -> None:
    """Its manifest is signed as well, as a part of the image; whoever moved the tag there gets nothing released."""
    seal = imaged.sign()
    imaged.upload(seal)
    assert seal.image is not None
    imaged.loopback.registry.move_tag(NAME, TAG, f"sha256:{seal.image.manifests[0].sha256}")
    shutil.rmtree(imaged.work.path)
    imaged.with_image(tmp_path / "layout")
    entries = imaged.entries()
    assert refused(imaged.sign).slug == "image-tag-taken"
    assert imaged.entries() == entries


def test_the_image_that_our_draft_names_wins_over_a_rebuilt_one(imaged: Stage, tmp_path: Path) -> None:
    """It is signed and pushed, and no tag is there yet: it is not signed a second time under another digest."""
    seal = imaged.sign()
    imaged.upload(seal)
    shutil.rmtree(imaged.work.path)
    imaged.with_image(images.layout(tmp_path / "rebuilt", content="other"))
    entries = imaged.entries()
    again = imaged.sign()
    assert again.image == seal.image
    assert imaged.entries() == entries
    assert any("takes the place" in line for line in imaged.remarks)
    # The same command once more, in the same folder: what it took is known again.
    assert imaged.sign().image == seal.image
    assert imaged.upload(again).pushed == 0


def test_a_public_release_keeps_its_image(imaged: Stage, tmp_path: Path) -> None:
    """Where that one is gone, nothing is signed in its place."""
    seal = imaged.sign()
    published(imaged, seal, imaged.upload(seal))
    assert seal.image is not None
    for reference in (f"sha256:{seal.image.sha256}", simplesigning.signature_tag(seal.image.sha256)):
        imaged.loopback.registry.delete(NAME, reference)
    shutil.rmtree(imaged.work.path)
    imaged.with_image(images.layout(tmp_path / "rebuilt", content="other"))
    entries = imaged.entries()
    assert refused(imaged.sign).slug == "image-of-public-release"
    assert imaged.entries() == entries


@pytest.mark.parametrize("image", ["none", "ghcr.io/evil/widget"])
def test_an_image_that_was_not_planned_is_refused(imaged: Stage, image: str) -> None:
    """The build job runs the project's code; what it says of the image is held against the configuration."""
    build, checks = imaged.build()
    assert build.image is not None
    other = None if image == "none" else dataclasses.replace(build.image, name=image)
    records = (dataclasses.replace(build, image=other), dataclasses.replace(checks, image=other))
    services = imaged.services()
    error = refused(sign, imaged.tag, imaged.plan, *records, services=services)
    assert (error.slug, error.exit_code) == ("image-not-planned", 1)
    seal = imaged.sign()
    assert refused(imaged.upload, dataclasses.replace(seal, image=other)).slug == "seal-not-planned"


def test_strangers_things_beside_the_image_are_passed_over(imaged: Stage, tmp_path: Path) -> None:
    """Nobody who may push can stop a release by something that is no signature of ours."""
    imaged.upload(imaged.sign())
    services = imaged.services()
    assert imaged.image is not None
    tag = simplesigning.signature_tag(imaged.image.sha256)
    found = services.registry.manifest(tag)
    assert found is not None
    document = json.loads(found.content)
    document["layers"].insert(0, document["layers"][0] | {"annotations": {pushed.PROOF: 1, "x": None}})
    services.registry.push_manifest(json.dumps(document).encode(), simplesigning.MANIFEST, tag)
    shutil.rmtree(imaged.work.path)
    imaged.with_image(tmp_path / "layout")
    entries = imaged.entries()
    imaged.upload(imaged.sign())
    assert imaged.entries() == entries


@pytest.mark.parametrize("moved", ["gone", "tag gone", "tag elsewhere"])
def test_the_witness_sees_what_the_tag_points_at(imaged: Stage, moved: str) -> None:
    """That a signature verifies says that we signed it for this tag, not that it is the image of this page."""
    seal = imaged.sign()
    publication = published(imaged, seal, imaged.upload(seal))
    assert seal.image is not None
    registry = imaged.loopback.registry
    if moved == "tag elsewhere":
        registry.move_tag(NAME, TAG, f"sha256:{seal.image.manifests[0].sha256}")
    else:
        registry.delete(NAME, TAG if moved == "tag gone" else f"sha256:{seal.image.sha256}")
    services = imaged.services(contents="read", packages="", run=None)
    error = refused(witness, imaged.tag, imaged.plan, seal, publication, services=services)
    assert error.slug == "published-image-elsewhere"


def test_a_moving_tag_waits_for_the_release(imaged: Stage) -> None:
    """Whoever pulls `latest` gets nothing that was not released."""
    configured = dataclasses.replace(imaged.settings.image, tags=("{tag}", "latest"))  # type: ignore[type-var]
    imaged.settings = dataclasses.replace(imaged.settings, image=configured)
    seal = imaged.sign()
    draft = imaged.upload(seal)
    imaged.loopback.faults.set([Fault(name="server-error", host="api.github.com", method="PATCH", count=20)])
    assert refused(published, imaged, seal, draft).exit_code == 4
    assert list(tags(imaged)) == [TAG]
    imaged.loopback.faults.set([])
    published(imaged, seal, draft)
    assert list(tags(imaged)) == [TAG, "latest"]


def test_a_tag_that_was_moved_after_the_proof_stops_the_publication(imaged: Stage) -> None:
    """Nothing becomes public."""
    seal = imaged.sign()
    draft = imaged.upload(seal)
    imaged.loopback.registry.move_tag(NAME, TAG, f"sha256:{seal.image.manifests[0].sha256}" if seal.image else "")
    assert refused(published, imaged, seal, draft).slug == "image-tag-taken"
    assert imaged.repository.by_id[draft.id].draft


@pytest.mark.parametrize("latest", [True, False])
def test_a_moving_tag_goes_with_the_latest_version_only(imaged: Stage, *, latest: bool) -> None:
    """Never for a pre-release, and never backwards."""
    configured = dataclasses.replace(imaged.settings.image, tags=("{tag}", "latest"))  # type: ignore[type-var]
    imaged.settings = dataclasses.replace(imaged.settings, image=configured)
    seal = imaged.sign()
    draft = imaged.upload(seal)
    if not latest:
        imaged.repository.add_tag("v9.9.9", imaged.tag.commit)
        later = imaged.services().github.create_draft(NAME, "v9.9.9", body="", prerelease=False)
        imaged.services().github.publish(NAME, later, latest=True)
    published(imaged, seal, draft)
    assert ("latest" in tags(imaged)) is latest


@pytest.mark.parametrize("forms", [("simplesigning",), ("bundle",)])
def test_what_was_changed_in_the_registry_is_not_published(
    released: Stage, tmp_path: Path, forms: tuple[str, ...]
) -> None:
    """A platform's signature is gone; the stored verdicts say otherwise."""
    image = released.with_image(images.layout(tmp_path / "layout"), signatures=forms)
    seal = released.sign()
    draft = released.upload(seal)
    platform = image.manifests[-1].sha256
    suffix = ".sig" if forms == ("simplesigning",) else ""
    released.loopback.registry.delete(NAME, f"sha256-{platform}{suffix}") if suffix else _unrefer(released, platform)
    error = refused(published, released, seal, draft)
    assert error.slug == "image-altered"
    assert any(platform in line for line in error.context)


def _unrefer(released: Stage, sha256: str) -> None:
    """Delete what refers to a manifest."""
    services = released.services()
    for referrer in services.registry.referrers(sha256):
        released.loopback.registry.delete(NAME, f"sha256:{referrer.sha256}")


def test_what_others_have_signed_stays(imaged: Stage) -> None:
    """Their signatures stand at the same tag; ours is added once."""
    image = imaged.image
    assert image is not None
    other = simplesigning.Layer(payload=b"{}", annotations={simplesigning.SIGNATURE: "theirs"})
    services = imaged.services()
    text, config = simplesigning.signature_manifest([other])
    for number, blob in enumerate((other.payload, config)):
        file = imaged.folder / f"blob-{number}"
        file.write_bytes(blob)
        services.registry.push_blob(file, sha256=hashlib.sha256(blob).hexdigest(), size=len(blob))
    services.registry.push_manifest(text, simplesigning.MANIFEST, simplesigning.signature_tag(image.sha256))
    seal = imaged.sign()
    for _ in range(2):
        imaged.upload(seal)
    found = services.registry.manifest(simplesigning.signature_tag(image.sha256))
    signatures = (
        [signature.annotations[simplesigning.SIGNATURE] for signature in simplesigning.list_signatures(found.content)]
        if found
        else []
    )
    assert (signatures[0], len(signatures)) == ("theirs", 2)


def test_an_image_that_changed_between_build_and_push_is_refused(imaged: Stage) -> None:
    """Every byte is read again."""
    seal = imaged.sign()
    blob = next(one for one in (imaged.work.image / "blobs" / "sha256").iterdir() if one.name != seal.image.sha256)  # type: ignore[union-attr]
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    assert refused(imaged.upload, seal).exit_code == 1
    assert sent(imaged, "PUT", "PATCH") == []


def test_a_token_without_the_permission_is_told_which(imaged: Stage) -> None:
    """The page that a person reads at the worst moment names the line to add."""
    seal = imaged.sign()
    error = refused(imaged.upload, seal, imaged.services(packages="read"))
    assert error.exit_code == 2
    assert "packages: write" in " ".join((error.what, *error.context, error.hint))


def test_a_package_that_strangers_cannot_pull_is_told_of(imaged: Stage) -> None:
    """As the first push to GHCR is private: published, with the fix, and no failure."""
    imaged.loopback.registry.rules = dataclasses.replace(imaged.loopback.registry.rules, fresh_private=True)
    imaged.loopback.registry.add_repository(NAME, private=True)
    imaged.shim("cosign", '[ "$1" != verify ]')
    seal = imaged.sign()
    draft = imaged.upload(seal)
    publication = published(imaged, seal, draft)
    testimony = witness(
        imaged.tag, imaged.plan, seal, publication, services=imaged.services(contents="read", packages="", run=None)
    )
    assert not testimony.public
    assert f"a stranger cannot pull {IMAGE}" in testimony.remarks[0]


def test_a_stored_seal_with_a_signature_less_is_refused(imaged: Stage) -> None:
    """The list is derived again, from the image and the configuration."""
    seal = imaged.sign()
    error = refused(imaged.upload, dataclasses.replace(seal, signatures=seal.signatures[:-1]))
    assert error.slug == "sealed-files-changed"
