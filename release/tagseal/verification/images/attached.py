"""The form of cosign 3: a Sigstore bundle with a statement about the image, in a manifest that refers to it.

Sources: cosign ``specs/BUNDLE_SPEC.md``, in-toto ``spec/v1/statement.md``, OCI image 1.1 (``subject``).
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from sigstore.dsse import Statement
from sigstore.models import Bundle

from tagseal.records import Verdict
from tagseal.verification import reading
from tagseal.verification.facts import facts_of
from tagseal.verification.images.simplesigning import LARGEST_MANIFEST, MANIFEST
from tagseal.verification.timestamps import verify_timestamps
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.timestamps import VerifierWithRoot

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG = b"{}"
"""The blob that such a manifest's configuration is (OCI image 1.1, "Guidance for an Empty Descriptor")."""
PREDICATE = "https://sigstore.dev/cosign/sign/v1"
STATEMENT = "https://in-toto.io/Statement/v1"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ENVELOPED = "application/vnd.in-toto+json"
_PARTS = {"mediaType", "verificationMaterial", "dsseEnvelope"}


def statement(image: str, sha256: str) -> Statement:
    """Return what is signed: always the same bytes for an image.

    Args:
        image: Registry and repository, without a tag; cosign does not read it, we do.
        sha256: The manifest's digest, 64 hexadecimal digits.
    """
    return Statement(_json(_expected_statement(image, sha256)))


def referrer_manifest(bundle: bytes, subject: Mapping[str, Any]) -> bytes:
    """Return the manifest that attaches a bundle to an image: always the same bytes for the same bundle.

    Its blobs are the bundle and :data:`EMPTY_CONFIG`.

    Args:
        bundle: JSON.
        subject: The descriptor of the signed manifest: ``mediaType``, ``digest``, ``size``.
    """
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": BUNDLE,
            "config": _descriptor(EMPTY, EMPTY_CONFIG),
            "layers": [_descriptor(BUNDLE, bundle)],
            "subject": dict(subject),
            "annotations": {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": PREDICATE,
            },
        }
    )


def bundles(manifest: bytes) -> tuple[tuple[str, int], ...]:
    """Return digest, hexadecimal, and size in bytes of each bundle that a manifest attaches; none of anything else."""
    try:
        layers = reading.document(manifest, LARGEST_MANIFEST, "a manifest")["layers"]
        found = [(layer["digest"], layer["size"]) for layer in layers if layer.get("mediaType") == BUNDLE]
    except Exception:  # noqa: BLE001 - a parser of hostile bytes
        return ()
    return tuple(
        (digest.removeprefix("sha256:"), size)
        for digest, size in found
        if isinstance(digest, str) and _DIGEST.fullmatch(digest) and type(size) is int and 0 < size <= LARGEST_BUNDLE
    )


def verify_attached(
    bundle: bytes, image: str, sha256: str, policy: VerificationPolicy, trust: VerifierWithRoot
) -> Outcome:
    """Verify a bundle that is attached to an image.

    1. The bundle's form: bounded, no duplicate keys, an envelope.
    2. Every timestamp; certificate, log entry, times, identity, and the envelope's signature, by sigstore-python.
    3. The statement: this predicate and no other, one subject, this digest, this repository. An envelope of any
       predicate verifies as such: a provenance statement is signed by the same identity, and is no signature of ours.

    Args:
        bundle: JSON.
        image: Registry and repository, without a tag.
        sha256: The signed manifest's digest, 64 hexadecimal digits.
        policy: Who must have signed.
        trust: What verifies bundles of this Sigstore instance.
    """
    name = f"{image}@sha256:{sha256}"
    facts = None
    try:
        document = _document(bundle)
        parsed = Bundle.from_json(bundle)
        facts = facts_of(document)
        verify_timestamps(parsed, trust.root)
        _compare(*trust.verify_dsse(parsed, policy), image, sha256)
    except Exception as error:  # noqa: BLE001 - parsers of hostile bytes: whatever they raise is a verdict
        return Outcome(verdict=Verdict(name=name, ok=False, detail=reading.words(error)), facts=facts)
    return Outcome(verdict=Verdict(name=name, ok=True, detail=f"signed by {facts.subjects[0]}"), facts=facts)


def _document(bundle: bytes) -> dict[str, Any]:
    document = reading.document(bundle, LARGEST_BUNDLE, "a bundle")
    if set(document) != _PARTS:
        raise ValueError(f"got a bundle of {', '.join(sorted(document))}, expected {', '.join(sorted(_PARTS))}")
    return document


def _compare(kind: str, payload: bytes, image: str, sha256: str) -> None:
    """Compare a verified statement with the one that this image has."""
    if kind != _ENVELOPED:
        raise ValueError(f"got an envelope of {kind}, expected {_ENVELOPED}")
    found = reading.document(payload, LARGEST_BUNDLE, "a statement")
    expected = _expected_statement(image, sha256)
    for part, value in expected.items():
        if found.get(part) != value:
            raise ValueError(f"got a statement with {part} {found.get(part)}, expected {value}")
    if len(found) != len(expected):
        raise ValueError(f"got a statement of {', '.join(sorted(found))}, expected {', '.join(sorted(expected))}")


def _expected_statement(image: str, sha256: str) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": image, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE,
        "predicate": {},
    }


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
