"""The certificates that Fulcio issues: authorities, leaves, and the signed certificate timestamp in each leaf.

Sources: Fulcio's ``docs/certificate-specification.md`` and ``docs/oid-info.md``, RFC 5280, and RFC 6962 section 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from tagseal.loopback.signatures import key_id
from tagseal.records import GITHUB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPublicKeyTypes,
        CertificatePublicKeyTypes,
    )

ORGANIZATION = "sigstore.dev"
LIFETIME = 600
"""Seconds."""
AUTHORITY_LIFETIME = timedelta(days=3650)

_ARC = "1.3.6.1.4.1.57264.1"
_PLAIN = {1: "iss", 2: "event_name", 3: "sha", 4: "workflow", 5: "repository", 6: "ref"}
"""The deprecated extensions: a claim's bytes as they are, without an ASN.1 header."""
_ENCODED = {
    8: "{iss}",
    9: GITHUB + "/{job_workflow_ref}",
    10: "{job_workflow_sha}",
    11: "{runner_environment}",
    12: GITHUB + "/{repository}",
    13: "{sha}",
    14: "{ref}",
    15: "{repository_id}",
    16: GITHUB + "/{repository_owner}",
    17: "{repository_owner_id}",
    18: GITHUB + "/{workflow_ref}",
    19: "{workflow_sha}",
    20: "{event_name}",
    21: GITHUB + "/{repository}/actions/runs/{run_id}/attempts/{run_attempt}",
    22: "{repository_visibility}",
    23: "{environment}",
    24: "{sub}",
}
"""The others: a UTF8String made of claims. Number 7 is for user names, which no workflow has."""

_PRECERTIFICATE = 1
_SHA256_ECDSA = b"\x04\x03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate with the key that it certifies."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def root_authority(common: str = "sigstore", *, below: int = 1) -> Authority:
    """Make a self-signed root with a fresh key; ``below`` authorities may stand in a chain under it."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(common)
    constraints = x509.BasicConstraints(ca=True, path_length=below)
    builder = _authority(name, name, key.public_key(), key.public_key(), constraints)
    return Authority(certificate=builder.sign(key, hashes.SHA384()), key=key)


def intermediate_authority(parent: Authority) -> Authority:
    """Make an authority below ``parent`` that may issue code signing leaves only."""
    key = ec.generate_private_key(ec.SECP384R1())
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    builder = _authority(
        _name("sigstore-intermediate"),
        parent.certificate.subject,
        key.public_key(),
        parent.key.public_key(),
        constraints,
    ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    return Authority(certificate=builder.sign(parent.key, hashes.SHA384()), key=key)


def timestamp_authority(parent: Authority) -> Authority:
    """Make an authority below ``parent`` that may sign timestamps only (RFC 3161 section 2.3)."""
    key = ec.generate_private_key(ec.SECP384R1())
    builder = (
        _builder(_name("sigstore-tsa"), parent.certificate.subject, key.public_key())
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(_issued_by(parent.key.public_key()), critical=False)
    )
    return Authority(certificate=builder.sign(parent.key, hashes.SHA384()), key=key)


def issue(
    claims: Mapping[str, object],
    public_key: CertificatePublicKeyTypes,
    authority: Authority,
    log_key: ec.EllipticCurvePrivateKey,
    *,
    lifetime: int = LIFETIME,
) -> x509.Certificate:
    """Make a leaf for the holder of ``public_key`` that says what the token's claims say, for ``lifetime`` seconds.

    The log's promise covers the certificate without the promise (RFC 6962 section 3.2). So it is signed twice:
    once to learn those bytes, once with the timestamp as its last extension; everything else stays the same.
    """
    builder = _leaf(claims, public_key, authority, lifetime)
    unpromised = builder.sign(authority.key, hashes.SHA384()).tbs_certificate_bytes
    timestamp = _timestamp(unpromised, key_id(authority.key.public_key()), log_key)
    return builder.add_extension(_timestamps(timestamp), critical=False).sign(authority.key, hashes.SHA384())


def github_extensions(claims: Mapping[str, object]) -> list[x509.UnrecognizedExtension]:
    """Return Fulcio's extensions for a GitHub token, in order of their numbers; an absent claim makes none."""
    said = {"environment": "", **claims}
    values = {number: str(said[claim]).encode() for number, claim in _PLAIN.items()}
    for number, template in _ENCODED.items():
        if text := template.format_map(said):
            values[number] = asn1.encode_der(text)
    return [
        x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{_ARC}.{number}"), value) for number, value in values.items()
    ]


def _leaf(
    claims: Mapping[str, object], public_key: CertificatePublicKeyTypes, authority: Authority, lifetime: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    subject = x509.UniformResourceIdentifier(f"{GITHUB}/{claims['job_workflow_ref']}")
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(seconds=lifetime))
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_issued_by(authority.key.public_key()), critical=False)
        # Critical, for the subject is empty (RFC 5280 section 4.2.1.6).
        .add_extension(x509.SubjectAlternativeName([subject]), critical=True)
    )
    for extension in github_extensions(claims):
        builder = builder.add_extension(extension, critical=False)
    return builder


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    constraints: x509.BasicConstraints,
) -> x509.CertificateBuilder:
    return (
        _builder(subject, issuer, public_key)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(_issued_by(issuer_key), critical=False)
    )


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .not_valid_before(now)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, ORGANIZATION), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _issued_by(key: CertificateIssuerPublicKeyTypes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _timestamp(certificate: bytes, issuer_key_id: bytes, log_key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a SignedCertificateTimestamp over a TBSCertificate (RFC 6962 section 3.2)."""
    # 1. Version 1 (0), the log's name, milliseconds since the epoch, no extensions.
    milliseconds = int(datetime.now(UTC).timestamp()) * 1000
    # 2. What is signed: version, signature_type certificate_timestamp (0), time, the entry, no extensions.
    entry = struct.pack("!H32s", _PRECERTIFICATE, issuer_key_id) + len(certificate).to_bytes(3) + certificate
    signed = struct.pack("!BBQ", 0, 0, milliseconds) + entry + struct.pack("!H", 0)
    # 3. The signature as a TLS DigitallySigned (RFC 5246 section 4.7): algorithms, length, bytes.
    signature = log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
    head = struct.pack("!B32sQH", 0, key_id(log_key.public_key()), milliseconds, 0)
    return head + _SHA256_ECDSA + _vector(signature)


def _timestamps(timestamp: bytes) -> x509.UnrecognizedExtension:
    """Return the extension with a list of one timestamp (RFC 6962 section 3.3)."""
    listed = asn1.encode_der(_vector(_vector(timestamp)))
    return x509.UnrecognizedExtension(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, listed)


def _vector(content: bytes) -> bytes:
    """Return a TLS vector with a length of two bytes (RFC 5246 section 4.3)."""
    return len(content).to_bytes(2) + content
