"""What a signature of an image looks like on disk and in a registry, and how it comes about."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from sigstore.models import Bundle

from instance import COMMIT, IDENTITY, RUN, Instance, instance
from signed_images import DIGEST, IMAGE, PLATFORM, genuine, signed
from tagseal.errors import Refused, VerificationFailed
from tagseal.verification.images import attached, simplesigning
from tagseal.verification.images.simplesigning import CERTIFICATE, PROMISE, SIGNATURE, Layer
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sigstore.dsse import Statement

PAYLOAD = simplesigning.payload(IMAGE, DIGEST)
LAYER = Layer(payload=PAYLOAD, annotations={SIGNATURE: "c2ln", CERTIFICATE: "a certificate", PROMISE: "{}"})
OTHER = replace(LAYER, annotations={**LAYER.annotations, SIGNATURE: "b3RoZXI="})
SUBJECT = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": f"sha256:{DIGEST}", "size": 7}


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


def test_the_payload_is_that_of_cosign() -> None:
    """The bytes are those that cosign writes, in its order, always the same."""
    expected = (
        '{"critical":{"identity":{"docker-reference":"ghcr.io/octo/widget"},'
        f'"image":{{"docker-manifest-digest":"sha256:{DIGEST}"}},'
        '"type":"cosign container image signature"},"optional":null}'
    )
    assert simplesigning.payload(IMAGE, DIGEST) == expected.encode()


def test_the_bundle_on_disk_verifies_with_its_proof(played: Instance) -> None:
    """What is kept is an ordinary bundle of the payload, inclusion proof and all; the layer says the same."""
    bundle = signed(played, {"image": sha256(PAYLOAD).hexdigest()})["image"]
    exact = Exact(IDENTITY, COMMIT)
    assert verify_digest(
        "image", sha256(PAYLOAD).hexdigest(), bundle, exact, VerifierWithRoot(played.sigstore.trusted_root)
    ).verdict.ok
    document = json.loads(bundle)
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    annotations = simplesigning.layer(bundle, PAYLOAD).annotations
    assert set(annotations) == {SIGNATURE, CERTIFICATE, PROMISE}
    assert annotations[SIGNATURE] == document["messageSignature"]["signature"]
    assert annotations[CERTIFICATE].startswith("-----BEGIN CERTIFICATE-----\n")
    promise = json.loads(annotations[PROMISE])
    assert promise["SignedEntryTimestamp"] == entry["inclusionPromise"]["signedEntryTimestamp"]
    assert promise["Payload"]["body"] == entry["canonicalizedBody"]
    assert promise["Payload"]["logIndex"] == int(entry["logIndex"])


def test_a_bundle_without_a_promise_makes_no_layer(played: Instance) -> None:
    """The bundle of a log of version 2 verifies, and cosign 2 could not read what would be made of it."""
    document = json.loads(signed(played, {"image": sha256(PAYLOAD).hexdigest()})["image"])
    del document["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    with pytest.raises(VerificationFailed) as caught:
        simplesigning.layer(json.dumps(document).encode(), PAYLOAD)
    assert caught.value.slug == "bundle-without-promise"


def test_the_manifest_lists_the_layers() -> None:
    """Manifest and configuration name each other and every blob by digest and size; the tag is the digest's."""
    manifest, config = simplesigning.signature_manifest([LAYER, OTHER])
    document = json.loads(manifest)
    described = {"digest": f"sha256:{sha256(config).hexdigest()}", "size": len(config)}
    assert document["config"] == {"mediaType": simplesigning.CONFIG, **described}
    assert document["layers"] == [LAYER.descriptor, OTHER.descriptor]
    assert LAYER.descriptor["digest"] == f"sha256:{sha256(PAYLOAD).hexdigest()}"
    assert json.loads(config)["rootfs"]["diff_ids"] == [LAYER.digest] * 2
    assert simplesigning.signature_tag(DIGEST) == f"sha256-{DIGEST}.sig"
    assert simplesigning.signature_manifest([LAYER, OTHER]) == (manifest, config)


def test_others_signatures_stay() -> None:
    """A foreign manifest keeps every part that we know nothing of, and gets ours once, however often it is added."""
    foreign = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": "sha256:" + "1" * 64, "size": 3, "odd": [1, {"b": None, "a": "\u00e9"}]},
        "layers": [{"digest": LAYER.digest, "size": 9, "mediaType": "of another kind"}, OTHER.descriptor],
        "annotations": {"theirs": "yes"},
    }
    once = simplesigning.append(json.dumps(foreign, indent=3).encode(), [LAYER])
    found = json.loads(once)
    assert found == {**foreign, "layers": [*foreign["layers"], LAYER.descriptor]}  # type: ignore[misc]
    assert list(found) == list(foreign)
    assert simplesigning.append(once, [LAYER, OTHER]) == once
    expected = [(one.digest, len(PAYLOAD), one.annotations) for one in (OTHER, LAYER)]
    assert [
        (signature.digest, signature.size, signature.annotations) for signature in simplesigning.list_signatures(once)
    ] == expected


@pytest.mark.parametrize(
    "existing", [b"[]", b'{"schemaVersion":2,"layers":[{"mediaType":"%s"}]}' % simplesigning.LAYER.encode()]
)
def test_a_list_that_cannot_be_read_is_refused(existing: bytes) -> None:
    """Who reads signatures gets all of them, or is told why not."""
    with pytest.raises(Refused):
        simplesigning.list_signatures(existing)


@pytest.mark.parametrize(
    "existing",
    [
        pytest.param(b"not JSON", id="no JSON"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"schemaVersion":2,"layers":{}}', id="no list of layers"),
        pytest.param(b'{"schemaVersion":2,"layers":[1]}', id="odd layers"),
        pytest.param(b'{"schemaVersion":1,"layers":[]}', id="an old schema"),
        pytest.param(b'{"schemaVersion":2,"layers":[],"layers":[]}', id="a duplicate key"),
        pytest.param(
            b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}', id="an index"
        ),
        pytest.param(b" " * (simplesigning.LARGEST_MANIFEST + 1), id="huge"),
        pytest.param(
            json.dumps({"schemaVersion": 2, "layers": [], "x": "y" * (simplesigning.LARGEST_MANIFEST - 99)}).encode(),
            id="full",
        ),
    ],
)
def test_what_is_no_manifest_of_signatures_is_left_alone(existing: bytes) -> None:
    """Something else at the tag is refused: adding to it would destroy it, or be of no use."""
    with pytest.raises(Refused) as caught:
        simplesigning.append(existing, [LAYER])
    assert caught.value.slug == "foreign-signature-manifest"


def test_the_referrer_names_bundle_and_subject() -> None:
    """The manifest refers to the image, holds the bundle, and says what is in it before anybody fetches it."""
    document: dict[str, Any] = json.loads(attached.referrer_manifest(b"{bundle}", SUBJECT))
    assert document["subject"] == SUBJECT
    assert document["artifactType"] == document["layers"][0]["mediaType"] == attached.BUNDLE
    assert document["layers"][0]["digest"] == f"sha256:{sha256(b'{bundle}').hexdigest()}"
    assert document["config"]["digest"] == f"sha256:{sha256(attached.EMPTY_CONFIG).hexdigest()}"
    assert document["annotations"] == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
    }


def test_one_certificate_signs_files_and_both_forms(played: Instance) -> None:
    """A wheel, payloads and statements are signed in one round: one token, one certificate."""
    wanted: dict[str, str | Statement] = {
        "wheel": "0" * 64,
        "index": sha256(PAYLOAD).hexdigest(),
        "platform": attached.statement(IMAGE, PLATFORM),
    }
    tokens: list[str] = []

    def token() -> str:
        tokens.append(played.issuer.mint(RUN, "sigstore"))
        return tokens[-1]

    bundles: dict[str, bytes] = {}
    played.sigstore.sign(wanted, token, bundles.__setitem__, promised=True)
    found = {Bundle.from_json(bundle).signing_certificate for bundle in bundles.values()}
    assert (set(bundles), len(found), len(tokens)) == (set(wanted), 1, 1)


def versions(played: Instance, *numbers: int) -> str:
    """Return the trust configuration with logs of these versions at the log's address."""
    document = json.loads(played.trust_config)
    (log,) = document["signingConfig"]["rekorTlogUrls"]
    document["signingConfig"]["rekorTlogUrls"] = [{**log, "majorApiVersion": number} for number in numbers]
    return json.dumps(document)


def test_without_a_log_that_promises_nothing_is_signed(played: Instance) -> None:
    """A Sigstore with a log of version 2 only is refused by name before a token is asked for."""
    signing = replace(played.sigstore, document=versions(played, 2))
    with pytest.raises(Refused, match="without a log of version 1") as caught:
        signing.sign({"image": DIGEST}, lambda: pytest.fail("asked"), lambda *_: None, promised=True)
    assert caught.value.slug == "log-without-promises"


def test_the_log_that_promises_is_taken(played: Instance) -> None:
    """Where the configuration prefers a log of version 2, the one of version 1 is taken for a promise."""
    signing = replace(played.sigstore, document=versions(played, 2, 1))
    bundles: dict[str, bytes] = {}
    signing.sign({"image": DIGEST}, lambda: played.issuer.mint(RUN, "sigstore"), bundles.__setitem__, promised=True)
    assert b"inclusionPromise" in bundles["image"]


def test_layers_of_two_signatures_differ(played: Instance) -> None:
    """Signing again makes another layer of the same payload, which is appended beside the first."""
    one, other = genuine(played, PAYLOAD), genuine(played, PAYLOAD)
    manifest, _ = simplesigning.signature_manifest([one])
    assert len(json.loads(simplesigning.append(manifest, [other]))["layers"]) == 2
    assert simplesigning.append(manifest, [one]) == manifest
