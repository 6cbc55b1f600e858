"""Attacks on an image's signature, in both forms: each is refused, and for its own reason."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from textwrap import wrap
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore.dsse import Statement

from instance import COMMIT, IDENTITY, RUN, Instance, instance
from signed_images import (
    DIGEST,
    IMAGE,
    PLATFORM,
    annotated,
    flipped,
    flipped_text,
    forged,
    genuine,
    promised,
    signed,
    text,
)
from tagseal.loopback.actions import Issuer, claims
from tagseal.loopback.sigstore import certificates
from tagseal.loopback.sigstore.fulcio import Fulcio
from tagseal.verification.images import attached, promise, simplesigning
from tagseal.verification.images.simplesigning import CERTIFICATE, PROMISE, SIGNATURE
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.loopback.actions import Run
    from tagseal.verification.images.simplesigning import Layer
    from tagseal.verification.verify import Outcome

PAYLOAD = simplesigning.payload(IMAGE, DIGEST)
KEY = ec.generate_private_key(ec.SECP256R1())
CALLED = replace(RUN, repository="evil/widget", job_workflow=RUN.workflow_ref)
RUNS = {
    "another tag": (replace(RUN, ref="refs/tags/v1.2.4"), "the certificate names .*@refs/tags/v1.2.4, expected only"),
    "a foreign caller of our workflow": (CALLED, "https://github.com/evil/widget"),
    "another commit": (replace(RUN, sha="e" * 40), "e" * 40),
}


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture(scope="module")
def layer(played: Instance) -> Layer:
    return genuine(played, PAYLOAD)


@pytest.fixture(scope="module")
def bundle(played: Instance) -> bytes:
    return signed(played, {"image": attached.statement(IMAGE, DIGEST)})["image"]


def judged(played: Instance, layer: Layer, image: str = IMAGE, digest: str = DIGEST) -> Outcome:
    exact, root = Exact(IDENTITY, COMMIT), played.sigstore.trusted_root
    return promise.verify_layer(layer.payload, layer.annotations, image, digest, exact, root)


def judged_bundle(played: Instance, bundle: bytes, digest: str = DIGEST) -> Outcome:
    return attached.verify_attached(
        bundle, IMAGE, digest, Exact(IDENTITY, COMMIT), VerifierWithRoot(played.sigstore.trusted_root)
    )


def refused(outcome: Outcome, reason: str) -> None:
    assert not outcome.verdict.ok
    assert re.search(reason, outcome.verdict.detail), outcome.verdict.detail


def certificate(played: Instance, run: Run = RUN) -> x509.Certificate:
    return played.fulcio.issue(KEY.public_key(), run)[0]


def altered(played: Instance, *, signer: ec.EllipticCurvePrivateKey | None = None, code: bool = True) -> Layer:
    """Return the layer of a certificate that Fulcio's key signed, or this one, for code or for servers."""
    genuine = certificate(played)
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .subject_name(genuine.subject)
        .issuer_name(genuine.issuer)
        .public_key(KEY.public_key())
        .not_valid_before(genuine.not_valid_before_utc)
        .not_valid_after(genuine.not_valid_after_utc)
    )
    for extension in genuine.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and not code:
            value = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(value, critical=extension.critical)
    made = builder.sign(signer or played.fulcio._authority.key, hashes.SHA384())  # noqa: SLF001 - a stolen key
    return forged(played, PAYLOAD, KEY, made)


def unlisted(played: Instance) -> Layer:
    """Return the layer of a certificate that Fulcio issued past its certificate log."""
    made = certificates.issue(claims(RUN), KEY.public_key(), played.fulcio._authority, KEY)  # noqa: SLF001 - as above
    return forged(played, PAYLOAD, KEY, made)


def stranger(played: Instance) -> Layer:
    """Return the layer of a certificate that says all the right things and comes from another Fulcio."""
    return forged(played, PAYLOAD, KEY, Fulcio(Issuer()).issue(KEY.public_key(), RUN)[0])


def log_key(played: Instance) -> ec.EllipticCurvePrivateKey:
    return played.rekor.log._key  # noqa: SLF001 - a log that says what it should not


def moved(layer: Layer, played: Instance, seconds: int) -> Layer:
    """Return the layer with a promise whose time is so much later, which only a log of the root can sign."""
    entry = json.loads(layer.annotations[PROMISE])["Payload"]
    return promised(layer, log_key(played), integratedTime=entry["integratedTime"] + seconds)


def other_entry(played: Instance, layer: Layer) -> Layer:
    other = genuine(played, PAYLOAD)
    return annotated(layer, PROMISE, other.annotations[PROMISE])


def other_certificate(played: Instance, layer: Layer) -> Layer:
    return annotated(layer, CERTIFICATE, certificate(played).public_bytes(Encoding.PEM).decode())


def changed_promise(layer: Layer, old: str, new: str) -> Layer:
    assert layer.annotations[PROMISE].count(old) == 1
    return annotated(layer, PROMISE, layer.annotations[PROMISE].replace(old, new))


def flipped_promise(layer: Layer, *keys: str) -> Layer:
    document = json.loads(layer.annotations[PROMISE])
    *path, last = keys
    part = document
    for key in path:
        part = part[key]
    part[last] = flipped_text(part[last])
    return annotated(layer, PROMISE, json.dumps(document))


def flipped_certificate(layer: Layer) -> Layer:
    """Return the layer with the last bit of the certificate's signature changed."""
    lines = layer.annotations[CERTIFICATE].splitlines()
    der = b64decode("".join(lines[1:-1]))
    body = wrap(text(der[:-1] + bytes([der[-1] ^ 1])), 64)
    return annotated(layer, CERTIFICATE, "\n".join((lines[0], *body, lines[-1])))


ATTACKS: dict[str, tuple[Callable[[Instance, Layer], Layer], str]] = {
    "flipped byte in the payload": (lambda _, one: replace(one, payload=flipped(one.payload)), "got a payload|JSON"),
    "space in the payload": (lambda _, one: replace(one, payload=one.payload + b" "), "entry of another signature"),
    "flipped byte in the signature": (
        lambda _, one: annotated(one, SIGNATURE, flipped_text(one.annotations[SIGNATURE])),
        "entry of another signature",
    ),
    "flipped byte in the certificate": (lambda _, one: flipped_certificate(one), "entry of another signature"),
    "flipped byte in the promise": (lambda _, one: flipped_promise(one, "SignedEntryTimestamp"), "invalid signature"),
    "flipped byte in the log's entry": (lambda _, one: flipped_promise(one, "Payload", "body"), "entry of another"),
    "entry of another signature": (other_entry, "entry of another signature"),
    "another certificate of the same identity": (other_certificate, "entry of another signature"),
    "two certificates": (
        lambda _, one: annotated(one, CERTIFICATE, one.annotations[CERTIFICATE] * 2),
        "got more than one certificate",
    ),
    "time after the certificate": (lambda played, one: moved(one, played, 601), "not valid at validation time"),
    "time before the certificate": (lambda played, one: moved(one, played, -60), "not valid at validation time"),
    "unknown log": (lambda _, one: promised(one, KEY, logID="ab" * 32), "invalid signature"),
    "unknown key under the log's name": (lambda _, one: promised(one, KEY), "invalid signature"),
    "another index": (lambda _, one: changed_promise(one, '"logIndex":', '"logIndex":1'), "invalid signature"),
    "duplicate key in the promise": (
        lambda _, one: changed_promise(one, '"Payload":{', '"Payload":{},"Payload":{'),
        "duplicate key",
    ),
    "unknown key in the promise": (
        lambda _, one: changed_promise(one, '"Payload":{', '"Payload":{"note":1,'),
        "Extra inputs are not permitted",
    ),
    "no promise": (lambda _, one: annotated(one, PROMISE, ""), "without the annotation dev.sigstore.cosign/bundle"),
    "huge promise": (lambda _, one: annotated(one, PROMISE, " " * (promise.LARGEST + 1)), "expected at most 65536"),
    "huge payload": (lambda _, one: replace(one, payload=b" " * (promise.LARGEST + 1)), "expected at most 65536"),
    "another Fulcio": (lambda played, _: stranger(played), "candidates exhausted"),
    "another key in Fulcio's name": (
        lambda played, _: altered(played, signer=ec.generate_private_key(ec.SECP384R1())),
        "candidates exhausted",
    ),
    "not for code": (lambda played, _: altered(played, code=False), "not for code signing"),
    "copied certificate timestamp": (lambda played, _: altered(played), "invalid signature"),
    "not in the certificate log": (lambda played, _: unlisted(played), "invalid signature"),
}
PAYLOADS: dict[str, tuple[bytes, str]] = {
    "another repository's name": (
        simplesigning.payload("ghcr.io/evil/widget", DIGEST),
        "identity .*ghcr.io/evil/widget.*, expected .*ghcr.io/octo/widget",
    ),
    "the repository with a tag": (simplesigning.payload(f"{IMAGE}:v1.2.3", DIGEST), "identity .*:v1.2.3"),
    "another type": (PAYLOAD.replace(b"cosign container", b"atomic container"), "payload with type atomic"),
    "duplicate digest": (
        PAYLOAD.replace(b'"image":{', b'"image":{"docker-manifest-digest":"sha256:' + b"0" * 64 + b'",'),
        "duplicate key",
    ),
    "duplicate part": (PAYLOAD.replace(b'"critical":', b'"critical":{},"critical":'), "duplicate key"),
    "further part": (PAYLOAD.replace(b'"optional"', b'"more":1,"optional"'), "got a payload of critical, more"),
    "further critical part": (PAYLOAD.replace(b'"type"', b'"more":1,"type"'), "without these parts"),
    "no number": (PAYLOAD.replace(b"null", b"NaN"), "got NaN"),
    "a list": (b"[]", "a payload that is a list"),
    "deep": (b"[" * 60_000, "recursion"),
}


def test_what_sign_makes_is_accepted(played: Instance, layer: Layer) -> None:
    """A genuine layer passes, says who signed, and that there is a promise only."""
    outcome = judged(played, layer)
    assert outcome.verdict.ok
    assert outcome.verdict.name == f"{IMAGE}@sha256:{DIGEST}"
    assert outcome.verdict.detail == (
        f"signed by {IDENTITY.uri}; promise only: the log's signed entry timestamp, no inclusion proof"
    )
    assert outcome.facts is not None
    assert outcome.facts.subjects == (IDENTITY.uri,)


def test_what_a_certificate_holder_makes_is_accepted(played: Instance) -> None:
    """The attacks below fail for what they change: without a change, their layer passes."""
    assert judged(played, forged(played, PAYLOAD, KEY, certificate(played))).verdict.ok


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_altered_layer_is_refused(attack: str, played: Instance, layer: Layer) -> None:
    """Whatever of a layer is exchanged, it is refused for that."""
    alter, reason = ATTACKS[attack]
    refused(judged(played, alter(played, layer)), reason)


@pytest.mark.parametrize("attack", PAYLOADS)
def test_another_payload_is_refused(attack: str, played: Instance) -> None:
    """A payload that our own identity signed must be the one of this image; cosign looks at its digest only."""
    payload, reason = PAYLOADS[attack]
    refused(judged(played, genuine(played, payload)), reason)


@pytest.mark.parametrize("attack", RUNS)
def test_another_run_is_refused(attack: str, played: Instance) -> None:
    """A signature of another tag, repository or commit is refused, in both forms."""
    run, reason = RUNS[attack]
    refused(judged(played, genuine(played, PAYLOAD, run)), reason)
    bundle = signed(played, {"image": attached.statement(IMAGE, DIGEST)}, run)["image"]
    refused(judged_bundle(played, bundle), reason)


@pytest.mark.parametrize(
    "digest", [pytest.param(PLATFORM, id="a platform"), pytest.param("0" * 64, id="another image")]
)
def test_a_signature_does_not_move(digest: str, played: Instance, layer: Layer, bundle: bytes) -> None:
    """An index's signature is none of another image, nor of its own platforms, in both forms."""
    refused(judged(played, layer, digest=digest), f"image .*{DIGEST}.*, expected .*{digest}")
    refused(judged_bundle(played, bundle, digest), f"subject .*{DIGEST}.*, expected .*{digest}")


def test_swapped_platforms_are_refused(played: Instance) -> None:
    """The signatures of two platforms, exchanged, are both refused."""
    one, other = (genuine(played, simplesigning.payload(IMAGE, digest)) for digest in (DIGEST, PLATFORM))
    assert judged(played, one).verdict.ok
    assert judged(played, other, digest=PLATFORM).verdict.ok
    refused(judged(played, other), PLATFORM)
    refused(judged(played, one, digest=PLATFORM), DIGEST)


def test_a_platform_of_another_repository_is_refused(played: Instance, layer: Layer) -> None:
    """A genuine signature is no signature of the same bytes under another name."""
    refused(judged(played, layer, image="ghcr.io/octo/gadget"), "expected .*ghcr.io/octo/gadget")


@given(payload=st.binary(max_size=200), values=st.lists(st.text(max_size=60), min_size=3, max_size=3))
@settings(max_examples=60)
def test_no_bytes_escape_as_an_error(payload: bytes, values: list[str], played: Instance) -> None:
    """Whatever a registry answers, there is a verdict."""
    annotations = dict(zip((SIGNATURE, CERTIFICATE, PROMISE), values, strict=True))
    exact, root = Exact(IDENTITY, COMMIT), played.sigstore.trusted_root
    for one in (payload, PAYLOAD):
        assert not promise.verify_layer(one, annotations, IMAGE, DIGEST, exact, root).verdict.ok
    assert not judged_bundle(played, payload).verdict.ok


def said(**changes: object) -> Statement:
    """Return a statement with other parts, signed as readily as ours."""
    genuine = {
        "_type": attached.STATEMENT,
        "subject": [{"name": IMAGE, "digest": {"sha256": DIGEST}}],
        "predicateType": attached.PREDICATE,
        "predicate": {},
    }
    return Statement(json.dumps(genuine | changes).encode())


SUBJECT = {"name": IMAGE, "digest": {"sha256": DIGEST}}
STATEMENTS = {
    "two subjects": (said(subject=[SUBJECT, {"name": IMAGE, "digest": {"sha256": PLATFORM}}]), "with subject"),
    "the same subject twice": (said(subject=[SUBJECT, SUBJECT]), "with subject"),
    "two digests": (said(subject=[{"name": IMAGE, "digest": {"sha256": DIGEST, "sha512": "0" * 128}}]), "with subject"),
    "provenance": (said(predicateType="https://slsa.dev/provenance/v1"), "with predicateType https://slsa.dev"),
    "a filled predicate": (said(predicate={"more": 1}), "with predicate"),
    "a further part": (said(more=1), "got a statement of _type, more"),
    "another repository's name": (said(subject=[{**SUBJECT, "name": "ghcr.io/evil/widget"}]), "ghcr.io/evil/widget"),
    "duplicate subject": (
        Statement(
            json.dumps({**json.loads(attached.statement(IMAGE, DIGEST)._contents)})[:-1].encode()  # noqa: SLF001
            + b',"subject":'
            + json.dumps([SUBJECT]).encode()
            + b"}"
        ),
        "duplicate key",
    ),
}


def test_an_attached_bundle_is_accepted(played: Instance, bundle: bytes) -> None:
    """A genuine bundle passes with its inclusion proof."""
    outcome = judged_bundle(played, bundle)
    assert outcome.verdict.detail == f"signed by {IDENTITY.uri}"
    assert outcome.verdict.ok


@pytest.mark.parametrize("attack", STATEMENTS)
def test_another_statement_is_refused(attack: str, played: Instance) -> None:
    """A statement that our own identity signed must be the one of this image, and of this kind."""
    statement, reason = STATEMENTS[attack]
    refused(judged_bundle(played, signed(played, {"image": statement})["image"]), reason)


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        pytest.param(
            lambda text: text.replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":'), "duplicate key"
        ),
        pytest.param(lambda text: text.replace('"payloadType":"', '"payloadType":"x'), "invalid signature"),
        pytest.param(lambda text: text + " " * LARGEST_BUNDLE, "expected at most 1048576"),
        pytest.param(lambda _: "[]", "a bundle that is a list"),
    ],
    ids=["duplicate key", "another payload type", "huge", "a list"],
)
def test_an_altered_bundle_is_refused(
    alter: Callable[[str], str], reason: str, played: Instance, bundle: bytes
) -> None:
    """Whatever of a bundle is changed, it is refused for that."""
    refused(judged_bundle(played, alter(bundle.decode()).encode()), reason)


def test_a_message_signature_is_no_attached_bundle(played: Instance) -> None:
    """The bundle of the payload, which is kept on disk, does not pass as the other form."""
    bundle = signed(played, {"image": sha256(PAYLOAD).hexdigest()})["image"]
    refused(judged_bundle(played, bundle), "got a bundle of mediaType, messageSignature, verificationMaterial")
