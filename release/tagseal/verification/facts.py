"""What a bundle says about itself: read from its bytes as far as they can be read, and never believed.

Verification decides by the bundle and the root of trust alone. These facts are for people: what a verdict is about,
and why one failed. Sources: Sigstore's ``bundle.v0.3`` protobuf in JSON; Fulcio's ``docs/oid-info.md``.
"""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat import asn1
from cryptography.x509 import (
    Certificate,
    ObjectIdentifier,
    SubjectAlternativeName,
    UnrecognizedExtension,
    load_der_x509_certificate,
)

from tagseal.records import Contents

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULCIO = "1.3.6.1.4.1.57264.1"
_RAW = {1: "issuer_v1"}
"""Extensions whose value is bare text."""
_DER = {
    8: "issuer",
    9: "signer",
    11: "runner",
    12: "repository",
    13: "commit",
    14: "ref",
    18: "workflow",
    20: "trigger",
    21: "run",
}
"""Extensions whose value is a DER UTF8String, by their last number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """What the signing certificate says: empty where an extension is absent, or cannot be read."""

    subjects: tuple[str, ...] = ()
    """Subject alternative names, of whatever type."""
    authority: str = ""
    """Who issued the certificate: its distinguished name, RFC 4514."""
    not_before: int = 0
    """Seconds since the epoch."""
    not_after: int = 0
    """As before."""
    issuer: str = ""
    """The token's issuer, .8."""
    issuer_v1: str = ""
    """The same in its older place, .1."""
    signer: str = ""
    """Build signer URI, .9: the workflow file whose job asked for the certificate."""
    repository: str = ""
    """Source repository URI, .12."""
    commit: str = ""
    """Source repository digest, .13."""
    ref: str = ""
    """Source repository ref, .14."""
    workflow: str = ""
    """Build config URI, .18: the workflow file that the run began with."""
    runner: str = ""
    """Runner environment, .11: ``github-hosted`` or ``self-hosted``."""
    trigger: str = ""
    """Build trigger, .20: ``push``, ``workflow_dispatch`` …"""
    run: str = ""
    """Run invocation URI, .21."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a bundle says about itself: claims, unless its verdict is ok."""

    log_index: int = 0
    """In the log, of all its shards, where it promised so; else in the tree of the inclusion proof."""
    integrated_time: int = 0
    """Seconds since the epoch; 0 where the log promised none, as version 2 does not."""
    subjects: tuple[str, ...] = ()
    """The certificate's subject alternative names."""
    media_type: str = ""
    """The bundle's."""
    content: str = ""
    """``messageSignature`` or ``dsseEnvelope``; empty for neither, or both."""
    sha256: str = ""
    """Of the file that it is for, hexadecimal; empty where it does not say."""
    log_id: str = ""
    """The log's identifier, hexadecimal."""
    entry: str = ""
    """The entry's kind and version: ``hashedrekord 0.0.1``."""
    timestamps: int = 0
    """How many signed timestamps (RFC 3161) there are."""
    signer: Signer = Signer()

    @property
    def contents(self) -> Contents:
        """What a client must be able to read."""
        return Contents(media_type=self.media_type, entry=self.entry, stamped=self.timestamps > 0)


def facts_of(document: dict[str, Any]) -> Facts:
    """Return what a bundle's JSON says; whatever part cannot be read is left empty."""
    material = _get(document, "verificationMaterial")
    entries = _get(material, "tlogEntries")
    entry = entries[0] if isinstance(entries, list) and entries else {}
    kind, when = _get(entry, "kindVersion"), _integer(_get(entry, "integratedTime"))
    promised = bool(when and _get(entry, "inclusionPromise"))
    contents = [name for name in ("messageSignature", "dsseEnvelope") if name in document]
    stamps = _get(_get(material, "timestampVerificationData"), "rfc3161Timestamps")
    signer = signer_of(_certificate(material))
    return Facts(
        # The log has signed the entry's own index and time in its promise, or not at all; anybody could change them.
        log_index=_integer(_get(entry if promised else _get(entry, "inclusionProof"), "logIndex")),
        integrated_time=when if promised else 0,
        subjects=signer.subjects,
        media_type=_text(_get(document, "mediaType")),
        content=contents[0] if len(contents) == 1 else "",
        sha256=_bytes(_get(_get(_get(document, "messageSignature"), "messageDigest"), "digest")).hex(),
        log_id=_bytes(_get(_get(entry, "logId"), "keyId")).hex(),
        entry=f"{_text(_get(kind, 'kind'))} {_text(_get(kind, 'version'))}".strip(),
        timestamps=len(stamps) if isinstance(stamps, list) else 0,
        signer=signer,
    )


def _get(of: object, name: str) -> object:
    return of.get(name, "") if isinstance(of, dict) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: object) -> int:
    """Read an int64, which protobuf's JSON writes as text."""
    digits = str(value) if isinstance(value, str | int) else ""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else 0  # noqa: PLR2004 - int64


def _bytes(value: object) -> bytes:
    with suppress(ValueError):
        return b64decode(_text(value), validate=True)
    return b""


def _certificate(material: object) -> Certificate | None:
    """Return the signing certificate: alone, or as the first of a chain, as bundles before 0.3 have it."""
    chain = _get(_get(material, "x509CertificateChain"), "certificates")
    first = chain[0] if isinstance(chain, list) and chain else _get(material, "certificate")
    with suppress(ValueError, TypeError, UserWarning):  # a warning where the caller made errors of them
        return load_der_x509_certificate(_bytes(_get(first, "rawBytes")))
    return None


def signer_of(certificate: Certificate | None) -> Signer:
    """Return what a signing certificate says; whatever part cannot be read is left empty."""
    return Signer() if certificate is None else _signer(certificate)


@lru_cache(maxsize=64)
def _signer(certificate: Certificate) -> Signer:
    """Read a certificate once: the files of a release have one in common."""
    found: dict[str, Any] = {}
    with suppress(ValueError):  # parsed only now, and hostile like all of it
        found = dict(_extensions(certificate))
    with suppress(ValueError):
        found["authority"] = certificate.issuer.rfc4514_string()
    with suppress(ValueError, OverflowError):
        found["not_before"] = int(certificate.not_valid_before_utc.timestamp())
        found["not_after"] = int(certificate.not_valid_after_utc.timestamp())
    return Signer(**found)


def _extensions(certificate: Certificate) -> Iterator[tuple[str, Any]]:
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, SubjectAlternativeName):
            yield "subjects", tuple(str(name.value) for name in value)
        if isinstance(value, UnrecognizedExtension) and (found := _extension(extension.oid, value.value)):
            yield found


def _extension(oid: ObjectIdentifier, value: bytes) -> tuple[str, str] | None:
    arc, _, last = oid.dotted_string.rpartition(".")
    if arc != _FULCIO:
        return None
    number = int(last)
    with suppress(ValueError):
        if number in _RAW:
            return _RAW[number], value.decode()
        if number in _DER:
            return _DER[number], asn1.decode_der(str, value)
    return None
