"""Our own check of a signature in the simplesigning form, as a stranger gets it from the registry.

That form holds a log's promise and no inclusion proof, without which sigstore-python verifies nothing. So it is
specified here. ``LAYER`` means the payload and its annotations:

1. The payload is one JSON object without duplicate keys that names this digest *and* this repository. cosign compares
   the digest only: a signature could be shown beside another repository's name.
2. The log's entry (``hashedrekord`` 0.0.1) is, byte for byte, the canonical one of this signature, certificate and
   payload. Else the promise, and the time in it, would be another signature's.
3. A log of the trusted root signed the promise: entry, time, index and log in canonical JSON (RFC 8785).
4. At that time the certificate was valid, issued by Fulcio for code, and promised to a certificate log.
5. The signature is by the certificate's key, over the payload.
6. The certificate is that of the identity, with every part (``policy.Exact``).
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, SubjectAlternativeName, load_pem_x509_certificate
from pydantic import BaseModel, ConfigDict, Field

from tagseal.records import Verdict
from tagseal.verification import reading
from tagseal.verification.facts import Facts
from tagseal.verification.images.certificates import verify_by_log, verify_issued
from tagseal.verification.images.simplesigning import CERTIFICATE, PROMISE, SIGNATURE, TYPE
from tagseal.verification.verify import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sigstore.models import TrustedRoot
    from sigstore.verify.policy import VerificationPolicy

LARGEST = 1 << 16
"""Bytes of a payload, and of an annotation. Real ones have at most 6 kB."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Entry(_Strict):
    """What a log promises: its keys are those of the signed JSON."""

    body: str
    integrated_time: int = Field(alias="integratedTime")
    log_index: int = Field(alias="logIndex")
    log_id: str = Field(alias="logID")


class _Promise(_Strict):
    """The annotation (cosign ``pkg/cosign/bundle``, ``RekorBundle``)."""

    timestamp: str = Field(alias="SignedEntryTimestamp")
    entry: _Entry = Field(alias="Payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ParsedAnnotations:
    """The annotations, parsed; nothing is believed yet."""

    signature: bytes
    certificate: Certificate
    promise: _Promise

    @property
    def facts(self) -> Facts:
        names = self.certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        entry = self.promise.entry
        return Facts(
            log_index=entry.log_index,
            integrated_time=entry.integrated_time,
            subjects=tuple(str(name.value) for name in names),
        )


def verify_layer(  # noqa: PLR0913, PLR0917 - what is judged, and by what
    payload: bytes,
    annotations: Mapping[str, str],
    image: str,
    sha256: str,
    policy: VerificationPolicy,
    root: TrustedRoot,
) -> Outcome:
    """Verify one layer of an image's signatures, in the order above.

    Args:
        payload: The layer's blob.
        annotations: Those of its descriptor.
        image: Registry and repository, without a tag.
        sha256: The signed manifest's digest, 64 hexadecimal digits.
        policy: Who must have signed.
        root: What certificates and logs are trusted.
    """
    name = f"{image}@sha256:{sha256}"
    facts = None
    try:
        _names(payload, image, sha256)
        read = _read(annotations)
        facts = read.facts
        _verify_promise(read, payload, root)
        verify_issued(read.certificate, datetime.fromtimestamp(facts.integrated_time, UTC), root)
        _verify_signature(read, payload)
        policy.verify(read.certificate)
    except Exception as error:  # noqa: BLE001 - parsers of hostile bytes: whatever they raise is a verdict
        return Outcome(verdict=Verdict(name=name, ok=False, detail=reading.words(error)), facts=facts)
    detail = f"signed by {facts.subjects[0]}; promise only: the log's signed entry timestamp, no inclusion proof"
    return Outcome(verdict=Verdict(name=name, ok=True, detail=detail), facts=facts)


def _names(payload: bytes, image: str, sha256: str) -> None:
    """Compare what the payload names with what was asked for."""
    document = reading.document(payload, LARGEST, "a payload")
    if set(document) != {"critical", "optional"}:
        raise ValueError(f"got a payload of {', '.join(sorted(document))}, expected critical, optional")
    critical = document["critical"]
    expected = {
        "identity": {"docker-reference": image},
        "image": {"docker-manifest-digest": f"sha256:{sha256}"},
        "type": TYPE,
    }
    if not isinstance(critical, dict) or set(critical) != set(expected):
        raise ValueError(f"got a payload without these parts in 'critical': {', '.join(expected)}")
    for part, value in expected.items():
        if critical[part] != value:
            raise ValueError(f"got a payload with {part} {critical[part]}, expected {value}")


def _read(annotations: Mapping[str, str]) -> _ParsedAnnotations:
    signature, certificate, promise = (_annotation(annotations, key) for key in (SIGNATURE, CERTIFICATE, PROMISE))
    parsed = load_pem_x509_certificate(certificate.encode())
    # Text around it, or a second certificate, would be skipped: another reader may take that one.
    if _pem(parsed).strip() != certificate.strip().encode():
        raise ValueError("got more than one certificate in its annotation, or other text, expected one")
    return _ParsedAnnotations(
        signature=b64decode(signature, validate=True),
        certificate=parsed,
        promise=_Promise.model_validate(reading.document(promise, LARGEST, "an entry of the log")),
    )


def _annotation(annotations: Mapping[str, str], key: str) -> str:
    value = annotations.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"got a signature without the annotation {key}")
    if len(value) > LARGEST:
        raise ValueError(f"got an annotation {key} of {len(value)} characters, expected at most {LARGEST}")
    return value


def _verify_promise(read: _ParsedAnnotations, payload: bytes, root: TrustedRoot) -> None:
    """Compare the log's entry with signature, certificate and payload; verify the log's promise of it."""
    entry = read.promise.entry
    if b64decode(entry.body, validate=True) != _body(read, payload):
        raise ValueError("got the log's entry of another signature, expected that of this one, certificate and payload")
    promised = entry.model_dump(by_alias=True)
    verify_by_log(
        root,
        bytes.fromhex(entry.log_id),
        b64decode(read.promise.timestamp, validate=True),
        rfc8785.dumps(promised),
    )


def _body(read: _ParsedAnnotations, payload: bytes) -> bytes:
    """Return the entry as the log keeps it (Rekor ``pkg/types/hashedrekord/v0.0.1``)."""
    spec: dict[str, Any] = {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}},
        "signature": {"content": _text(read.signature), "publicKey": {"content": _text(_pem(read.certificate))}},
    }
    return rfc8785.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})


def _verify_signature(read: _ParsedAnnotations, payload: bytes) -> None:
    key = read.certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError("got a certificate with another kind of key, expected an elliptic curve's")
    key.verify(read.signature, payload, ECDSA(SHA256()))


def _pem(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _text(content: bytes) -> str:
    return b64encode(content).decode()
