"""Attestations of packages (PEP 740): what an index keeps beside a file, and hands out as its provenance.

An attestation is a Sigstore bundle in another form, without timestamps: a certificate, one log entry, and a statement
about one file by its name and digest. Source: PEP 740, "Attestation objects" and "Provenance objects".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pypi_attestations import Attestation, AttestationType, Provenance
from sigstore.dsse import Statement
from sigstore.models import Bundle

from tagseal.records import Verdict
from tagseal.verification import reading
from tagseal.verification.facts import facts_of
from tagseal.verification.timestamps import verify_timestamps
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome

if TYPE_CHECKING:
    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.timestamps import VerifierWithRoot

PREDICATE = AttestationType.PYPI_PUBLISH_V1.value
"""A publish attestation: whoever signed it sends this file to an index."""
LARGEST = LARGEST_BUNDLE
"""Bytes. Real ones have about 5 kB."""

_ENVELOPED = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"


def statement(name: str, sha256: str) -> Statement:
    """Return what is signed: always the same bytes for a file.

    Args:
        name: The package's file name.
        sha256: Its digest, 64 hexadecimal digits.
    """
    return Statement(json.dumps(_expected_statement(name, sha256), separators=(",", ":")).encode())


def attestation(bundle: bytes) -> bytes:
    """Return a bundle of a statement in the form of an attestation, JSON."""
    return Attestation.from_bundle(Bundle.from_json(bundle)).model_dump_json().encode()


def verify_attestation(
    text: bytes, name: str, sha256: str, policy: VerificationPolicy, trust: VerifierWithRoot
) -> Outcome:
    """Verify an attestation of one file.

    1. Its form: bounded, no duplicate keys, one log entry.
    2. Certificate, log entry, times, identity, and the envelope's signature, by sigstore-python.
    3. The statement: this predicate, one subject, this name, this digest.

    Args:
        text: JSON.
        name: The package's file name.
        sha256: Its digest, 64 hexadecimal digits.
        policy: Who must have signed.
        trust: What verifies bundles of this Sigstore instance.
    """
    facts = None
    try:
        document = reading.document(text, LARGEST, "an attestation")
        _one_entry(document)
        bundle = Attestation.model_validate_json(text).to_bundle()
        facts = facts_of(json.loads(bundle.to_json()))
        verify_timestamps(bundle, trust.root)
        _compare(*trust.verify_dsse(bundle, policy), name, sha256)
    except Exception as error:  # noqa: BLE001 - parsers of hostile bytes: whatever they raise is a verdict
        return Outcome(verdict=Verdict(name=name, ok=False, detail=reading.words(error)), facts=facts)
    return Outcome(verdict=Verdict(name=name, ok=True, detail=f"attested by {facts.subjects[0]}"), facts=facts)


def attestations(provenance: bytes) -> tuple[bytes, ...]:
    """Return the attestations in a file's provenance, JSON each; none of anything else."""
    try:
        reading.document(provenance, 4 * LARGEST, "a provenance")
        found = Provenance.model_validate_json(provenance)
    except Exception:  # noqa: BLE001 - a parser of hostile bytes
        return ()
    return tuple(one.model_dump_json().encode() for bundle in found.attestation_bundles for one in bundle.attestations)


def _one_entry(document: dict[str, Any]) -> None:
    """Refuse further log entries: the library reads the first, and another reader may read another."""
    entries = document["verification_material"]["transparency_entries"]
    if len(entries) != 1:
        raise ValueError(f"got {len(entries)} log entries, expected one")


def _compare(kind: str, payload: bytes, name: str, sha256: str) -> None:
    """Compare a verified statement with the one that this file has."""
    if kind != _ENVELOPED:
        raise ValueError(f"got an envelope of {kind}, expected {_ENVELOPED}")
    found = reading.document(payload, LARGEST, "a statement")
    for part, value in _expected_statement(name, sha256).items():
        if found.get(part) != value:
            raise ValueError(f"got a statement with {part} {found.get(part)}, expected {value}")


def _expected_statement(name: str, sha256: str) -> dict[str, Any]:
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE,
        "predicate": None,
    }
