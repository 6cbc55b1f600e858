"""Entries of the second version of Rekor: a request is checked, and made canonical.

Source: rekor-tiles' ``pkg/types``. A signature over a digest is a ``hashedrekord``, and so is today a signed envelope:
its client sends the digest of what the signature is over. rekor-tiles 2.0 kept an envelope as an entry of its own
kind, ``dsse``; 2.3 takes no such request any more, but clients of that time send it, so here both are taken.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rfc8785
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import ValidationError
from securesystemslib.dsse import Envelope
from sigstore_models.common.v1 import HashAlgorithm, HashOutput, PublicKeyDetails
from sigstore_models.rekor.v2 import dsse, entry, hashedrekord, verifier

from tagseal.loopback.signatures import SHA256, default_digest, spki, strong, verify_digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from sigstore_models import intoto

    from tagseal.loopback.signatures import PublicKey

VERSION = "0.0.2"

_DETAILS = {
    PublicKeyDetails.PKIX_ECDSA_P256_SHA_256: "secp256r1",
    PublicKeyDetails.PKIX_ECDSA_P384_SHA_384: "secp384r1",
    PublicKeyDetails.PKIX_ECDSA_P521_SHA_512: "secp521r1",
    PublicKeyDetails.PKIX_RSA_PKCS1V15_2048_SHA256: "2048",
    PublicKeyDetails.PKIX_RSA_PKCS1V15_3072_SHA256: "3072",
    PublicKeyDetails.PKIX_RSA_PKCS1V15_4096_SHA256: "4096",
}
"""What a client says of its key, and the curve or size that the key then has."""
_DIGESTS = {"sha256": HashAlgorithm.SHA2_256, "sha384": HashAlgorithm.SHA2_384, "sha512": HashAlgorithm.SHA2_512}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What the log keeps."""

    kind: str
    body: bytes
    """Canonical JSON (RFC 8785)."""
    version: str = VERSION


def build_request(message: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a ``hashedrekord`` as a client asks for it: this message, signed by this key on the curve P-256."""
    by = verifier.Verifier(
        public_key=verifier.PublicKey(raw_bytes=b64encode(spki(key.public_key()))),
        key_details=PublicKeyDetails.PKIX_ECDSA_P256_SHA_256,
    )
    signature = verifier.Signature(content=b64encode(key.sign(message, ec.ECDSA(SHA256))), verifier=by)
    digest = b64encode(hashlib.sha256(message).digest())
    record = hashedrekord.HashedRekordRequestV002(digest=digest, signature=signature)
    return entry.CreateEntryRequest(hashed_rekord_request_v002=record).to_json().encode()


def canonical(request: bytes) -> LogEntry:
    """Return what the log keeps of a request: checked, canonical.

    Raises:
        ValueError: It is malformed, of another kind, or a signature does not verify.
    """
    try:
        asked = entry.CreateEntryRequest.from_json(request)
    except ValidationError as error:
        raise ValueError("invalid type, must be hashedrekord or dsse") from error
    try:
        if asked.hashed_rekord_request_v002:
            spec = entry.Spec(hashed_rekord_v002=_hashedrekord(asked.hashed_rekord_request_v002))
            return _entry("hashedrekord", spec)
        if asked.dsse_request_v002:
            return _entry("dsse", entry.Spec(dsse_v002=_dsse(asked.dsse_request_v002)))
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise ValueError("verifying signature: invalid signature") from error
    raise ValueError("invalid type, must be hashedrekord or dsse")


def _entry(kind: str, spec: entry.Spec) -> LogEntry:
    kept = entry.Entry(kind=kind, api_version=VERSION, spec=spec)
    return LogEntry(kind=kind, body=rfc8785.dumps(kept.to_dict()))


def _hashedrekord(asked: hashedrekord.HashedRekordRequestV002) -> hashedrekord.HashedRekordLogEntryV002:
    digested = _verify(asked.signature, asked.digest)
    data = HashOutput(algorithm=_DIGESTS[digested.name], digest=b64encode(asked.digest))
    return hashedrekord.HashedRekordLogEntryV002(data=data, signature=asked.signature)


def _dsse(asked: dsse.DSSERequestV002) -> dsse.DSSELogEntryV002:
    """Return the digest and the signatures of an envelope; every signature must have a key that verifies it."""
    if not asked.envelope.signatures:
        raise ValueError("envelope missing signatures")
    signatures = [_matching(asked, signature) for signature in asked.envelope.signatures]
    payload = b64encode(hashlib.sha256(asked.envelope.payload).digest())
    return dsse.DSSELogEntryV002(
        payload_hash=HashOutput(algorithm=HashAlgorithm.SHA2_256, digest=payload),
        signatures=sorted(signatures, key=lambda one: one.content),
    )


def _matching(asked: dsse.DSSERequestV002, signature: intoto.Signature) -> verifier.Signature:
    """Return the signature with the first of the request's verifiers that verifies it."""
    signed = Envelope(asked.envelope.payload, asked.envelope.payload_type, {}).pae()
    for one in asked.verifiers:
        candidate = verifier.Signature(content=b64encode(signature.sig), verifier=one)
        digest = hashlib.new(default_digest(_key(one)).name, signed).digest()
        try:
            _verify(candidate, digest)
        except InvalidSignature:
            continue
        return candidate
    raise ValueError("all signatures must have a key that verifies it")


def _verify(signature: verifier.Signature, digest: bytes) -> hashes.HashAlgorithm:
    """Check a signature over a digest, and return what the digest was made with.

    Raises:
        InvalidSignature: It does not verify.
    """
    key = _key(signature.verifier)
    digested = default_digest(key)
    verify_digest(key, signature.content, digest, digested)
    return digested


def _key(by: verifier.Verifier) -> PublicKey:
    if by.x509_certificate:
        key: object = x509.load_der_x509_certificate(by.x509_certificate.raw_bytes).public_key()
    else:
        key = load_der_public_key(by.public_key.raw_bytes if by.public_key else b"")
    if not strong(key):
        raise ValueError("unsupported entry algorithm")
    form = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else str(key.key_size)
    if _DETAILS.get(by.key_details) != form:
        raise ValueError(f"unsupported entry algorithm {by.key_details.value}")
    return key
