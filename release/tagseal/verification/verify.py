"""One artifact, one bundle, one policy: a verdict, whatever the bytes are.

Certificate chain, certificate timestamp, log entry and signature are sigstore-python's work. Ours is what comes
before it: bounded sizes, no duplicate keys, a message signature and nothing else (an envelope of any predicate
verifies as such, and says nothing about the file), and that every timestamp holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore_models.common.v1 import HashAlgorithm

from tagseal.records import Verdict
from tagseal.verification import reading
from tagseal.verification.facts import Facts, facts_of
from tagseal.verification.timestamps import verify_timestamps

if TYPE_CHECKING:
    from pathlib import Path

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.timestamps import Rooted

LARGEST_BUNDLE = 1 << 20
"""Bytes. Real ones have about 10 kB."""

_PARTS = {"mediaType", "verificationMaterial", "messageSignature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A verdict, and the facts where the bundle could be read."""

    verdict: Verdict
    facts: Facts | None = None


def verify(path: Path, bundle: bytes, identity: VerificationPolicy, trust: Rooted) -> Outcome:
    """Verify one file, read once, against its bundle.

    1. the bundle's form; 2. certificate, log entry and times; 3. the identity; 4. signature and file.

    Raises:
        OSError: The file cannot be read.
    """
    return verify_digest(path.name, digest(path), bundle, identity, trust)


def verify_digest(name: str, sha256: str, bundle: bytes, identity: VerificationPolicy, trust: Rooted) -> Outcome:
    """Verify a file of which only the SHA-256 (64 hexadecimal digits) is at hand."""
    facts = None
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256))
    try:
        document = _document(bundle)
        facts = facts_of(document)
        parsed = Bundle.from_json(bundle)
        verify_timestamps(parsed, trust.root)
        trust.verify_artifact(hashed, parsed, identity)
    except Exception as error:  # noqa: BLE001 - parsers of hostile bytes: whatever they raise is a verdict
        return Outcome(verdict=Verdict(name=name, ok=False, detail=reading.words(error)), facts=facts)
    return Outcome(verdict=Verdict(name=name, ok=True, detail=f"signed by {facts.subjects[0]}"), facts=facts)


def digest(path: Path) -> str:
    """Return the file's SHA-256, in hexadecimal; memory stays constant."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _document(bundle: bytes) -> dict[str, Any]:
    document = reading.document(bundle, LARGEST_BUNDLE, "a bundle")
    if set(document) != _PARTS:
        found = ", ".join(sorted(document))
        raise ValueError(f"got a bundle of {found}, expected a message signature: {', '.join(sorted(_PARTS))}")
    return document
