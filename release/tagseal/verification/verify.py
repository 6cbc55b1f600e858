"""One artifact, one bundle, one policy: a verdict, whatever the bytes are.

Certificate chain, certificate timestamp, log entry and signature are sigstore-python's work. Ours is what comes
before it: bounded sizes, no duplicate keys, a message signature and nothing else (an envelope of any predicate
verifies as such, and says nothing about the file), that every timestamp holds, and what else it passes over:
``tagseal.verification.forms``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore_models.common.v1 import HashAlgorithm

from tagseal.machine.files import open_file
from tagseal.records import Verdict
from tagseal.verification import forms, reading
from tagseal.verification.checks import ProgressPolicy
from tagseal.verification.facts import Facts, facts_of, signer_of
from tagseal.verification.result import Check
from tagseal.verification.timestamps import verify_timestamps

if TYPE_CHECKING:
    from pathlib import Path

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.timestamps import VerifierWithRoot

LARGEST_BUNDLE = 1 << 20
"""Bytes. Real ones have about 10 kB."""

_PARTS = {"mediaType", "verificationMaterial", "messageSignature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A verdict, and the facts where the bundle could be read."""

    verdict: Verdict
    facts: Facts | None = None
    check: Check | None = None
    """The first that failed; None where all passed, and for an image, whose signatures are other files' work."""


def verify(path: Path, bundle: bytes, identity: VerificationPolicy, trust: VerifierWithRoot) -> Outcome:
    """Verify one file, read once, against its bundle.

    1. the bundle's form; 2. certificate, log entry and times; 3. the identity; 4. signature and file.

    Raises:
        OSError: The file cannot be read.
        Refused: It is no regular file.
    """
    return verify_digest(path.name, digest(path), bundle, identity, trust)


def verify_digest(
    name: str, sha256: str, bundle: bytes, identity: VerificationPolicy, trust: VerifierWithRoot
) -> Outcome:
    """Verify a file of which only the SHA-256 (64 hexadecimal digits) is at hand."""
    facts = None
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256))
    watched = ProgressPolicy(identity)
    try:
        document = _document(bundle)
        facts = facts_of(document)
        parsed = _parse(bundle, document, facts)
        watched.reached = Check.time
        verify_timestamps(parsed, trust.root)
        trust.verify_artifact(hashed, parsed, watched)
        forms.one_tree(document)
    except Exception as error:  # noqa: BLE001 - parsers of hostile bytes: whatever they raise is a verdict
        verdict = Verdict(name=name, ok=False, detail=reading.words(error))
        return Outcome(verdict=verdict, facts=facts, check=watched.failed_check(error))
    return Outcome(verdict=Verdict(name=name, ok=True, detail=f"signed by {', '.join(facts.subjects)}"), facts=facts)


def digest(path: Path) -> str:
    """Return the file's SHA-256, in hexadecimal; memory stays constant.

    Raises:
        OSError: The file cannot be read.
        Refused: It is no regular file.
    """
    with open_file(path, follow=True) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse(bundle: bytes, document: dict[str, Any], facts: Facts) -> Bundle:
    """Return the bundle as the library reads it, if it reads the same.

    It takes other spellings of a key, junk in Base64, and two certificates where there should be one: what a person is
    told about would not be what was verified.
    """
    parsed = Bundle.from_json(bundle)
    forms.unambiguous(document, parsed)
    if signer_of(parsed.signing_certificate) != facts.signer:
        raise ValueError("got a certificate that two readers take for different ones, expected one meaning")
    return parsed


def _document(bundle: bytes) -> dict[str, Any]:
    document = reading.document(bundle, LARGEST_BUNDLE, "a bundle")
    if set(document) != _PARTS:
        found = ", ".join(sorted(document)) or "no part at all"
        raise ValueError(f"got a bundle of {found}, expected a message signature: {', '.join(sorted(_PARTS))}")
    return document
