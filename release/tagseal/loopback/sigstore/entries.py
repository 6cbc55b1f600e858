"""Entries of the transparency log: a proposed one is checked, and made canonical.

Two kinds are taken, both of version 0.0.1: ``hashedrekord`` (a signature over a digest) and ``dsse`` (a signed
envelope, of which only digests and signatures are kept). Source: Rekor's ``pkg/types``.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import rekor_types
import rfc8785
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import TypeAdapter, ValidationError
from rekor_types import dsse, hashedrekord
from securesystemslib.dsse import Envelope
from sigstore_models import intoto
from werkzeug.exceptions import BadRequest

from tagseal.loopback.signatures import SHA256, verify, verify_digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

VERSION = "0.0.1"

_PROPOSED: TypeAdapter[rekor_types.ProposedEntry] = TypeAdapter(rekor_types.ProposedEntry)
_DIGESTS = {"sha256": SHA256, "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def build_proposal(message: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a ``hashedrekord`` as a client proposes it: this message, signed by this key."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = {"content": _text(key.sign(message, ec.ECDSA(SHA256))), "publicKey": {"content": _text(public)}}
    spec = {"data": {"hash": _sha256(message)}, "signature": signature}
    return json.dumps({"apiVersion": VERSION, "kind": "hashedrekord", "spec": spec}).encode()


def canonical(entry: bytes | str) -> bytes:
    """Return the bytes that the log keeps for a proposed entry: checked, stripped, canonical JSON (RFC 8785).

    Raises:
        BadRequest: It is malformed, of another kind or version, or a signature does not verify.
    """
    try:
        read = _PROPOSED.validate_json(entry)
        spec = _spec(read)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(f"error processing entry: {_words(error)}") from error
    return rfc8785.dumps({"apiVersion": VERSION, "kind": read.kind, "spec": spec})


def _spec(entry: rekor_types.ProposedEntry) -> dict[str, Any]:
    if entry.api_version != VERSION:
        raise ValueError(f"{entry.kind} entries of version {entry.api_version} are not supported")
    if isinstance(entry, rekor_types.Hashedrekord):
        return _hashedrekord(entry.spec.root)
    if isinstance(entry, rekor_types.Dsse):
        return _dsse(entry.spec.root.proposed_content)
    raise ValueError(f"could not create entry for kind '{entry.kind}'")


def _hashedrekord(spec: hashedrekord.HashedrekordV001Schema) -> dict[str, Any]:
    if spec.data.hash is None:
        raise ValueError("missing hash")
    if spec.signature.public_key is None:
        raise ValueError("missing public key")
    digested, value = spec.data.hash.algorithm.value, spec.data.hash.value
    digest = bytes.fromhex(value)
    if digest.hex() != value.lower():
        raise ValueError("invalid value for hash")
    signature = b64decode(spec.signature.content or "", validate=True)
    key, pem = _verifier(spec.signature.public_key.content or "")
    try:
        verify_digest(key, signature, digest, _DIGESTS[digested])
    except InvalidSignature as error:
        raise ValueError("verifying signature: invalid signature") from error
    return {
        "data": {"hash": {"algorithm": digested, "value": value}},
        "signature": {"content": _text(signature), "publicKey": {"content": _text(pem)}},
    }


def _dsse(content: dsse.ProposedContent | None) -> dict[str, Any]:
    """Return the digests and signatures of an envelope; every signature must have a key that verifies it."""
    if content is None:
        raise ValueError("proposed content is missing")
    envelope = intoto.Envelope.from_json(content.envelope)
    if not envelope.signatures:
        raise ValueError("DSSE envelope must contain 1 or more signatures")
    signed = Envelope(envelope.payload, envelope.payload_type, {}).pae()
    verifiers = [_verifier(verifier) for verifier in content.verifiers]
    signatures = [
        {"signature": _text(signature.sig), "verifier": _text(_matching(verifiers, signature.sig, signed))}
        for signature in envelope.signatures
    ]
    return {
        "envelopeHash": _sha256(content.envelope.encode()),
        "payloadHash": _sha256(envelope.payload),
        "signatures": sorted(signatures, key=lambda one: one["signature"]),
    }


def _matching(verifiers: list[tuple[PublicKeyTypes, bytes]], signature: bytes, signed: bytes) -> bytes:
    """Return the PEM text of the key or certificate that verifies the signature."""
    for key, pem in verifiers:
        with suppress(InvalidSignature):
            verify(key, signature, signed)
            return pem
    raise ValueError("could not verify envelope: all signatures must have a key that verifies it")


def _verifier(content: str) -> tuple[PublicKeyTypes, bytes]:
    """Read a public key or a certificate; return its key, and its own canonical PEM text."""
    pem = b64decode(content, validate=True)
    if b"-----BEGIN CERTIFICATE-----" in pem:
        certificate = x509.load_pem_x509_certificate(pem)
        return certificate.public_key(), certificate.public_bytes(Encoding.PEM)
    key = load_pem_public_key(pem)
    return key, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _sha256(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _words(error: Exception) -> str:
    """Return one line on what is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
