"""Certificates that an attacker would like to have: every part can be said, and none is compared with anything.

Sources: RFC 5280, RFC 6962 section 3, Fulcio's ``docs/oid-info.md``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from instance import IDENTITY, RUN
from tagseal.loopback.actions import Run, claims
from tagseal.loopback.signatures import key_id
from tagseal.loopback.sigstore.certificates import Authority, github_extensions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
"""When everything was signed: years before anybody's clock, so that a clock has no part in a verdict."""
AGE = timedelta(days=30)
"""How long authorities and logs had been there."""
LIFETIME = 600
"""Seconds that a leaf is good for."""

URI, EMAIL, DNS = 6, 1, 2
"""Tags of a GeneralName (RFC 5280 section 4.2.1.6)."""
GENUINE = (URI, IDENTITY.uri.encode())

_LONG = 0x80
_ARC = "1.3.6.1.4.1.57264.1"
_YEARS = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a signing certificate says; the defaults are the genuine one's."""

    run: Run = RUN
    names: tuple[tuple[int, bytes], ...] | None = None
    """Subject alternative names as tag and bytes, of whatever kind; None for the run's workflow."""
    extensions: Mapping[int, bytes | None] = field(default_factory=dict)
    """Fulcio's, by their last number, as bytes; None takes one out."""
    usage: str = "digital_signature"
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,)
    start: datetime = START
    authority: bool = False
    """Whether it may issue certificates itself."""
    timestamps: int = 1
    """How many signed certificate timestamps it carries."""


def authorities() -> list[Authority]:
    """Make an authority with its root: the one that issues comes first."""
    keys = [ec.generate_private_key(ec.SECP384R1()) for _ in range(2)]
    names = [_name("sigstore-intermediate"), _name("sigstore")]
    made = []
    for length, subject, key in zip((0, 1), names, keys, strict=True):
        builder = _builder(key.public_key(), subject, names[1], START - AGE, _YEARS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
        builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        builder = builder.add_extension(_issued_by(keys[1]), critical=False)
        if length == 0:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
            builder = builder.add_extension(purpose, critical=False)
        made.append(Authority(certificate=builder.sign(keys[1], hashes.SHA384()), key=key))
    return made


def timestamp_authority() -> list[Authority]:
    """Make an authority that signs timestamps, and its root (RFC 3161 section 2.3)."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [_name("sigstore-tsa"), _name("sigstore-tsa-selfsigned")]
    root = _builder(keys[1].public_key(), names[1], names[1], START - AGE, _YEARS)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    leaf = _builder(keys[0].public_key(), names[0], names[1], START - AGE, _YEARS)
    leaf = leaf.add_extension(_usage("digital_signature"), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    made = [builder.add_extension(_issued_by(keys[1]), critical=False) for builder in (leaf, root)]
    return [
        Authority(certificate=builder.sign(keys[1], hashes.SHA256()), key=key)
        for builder, key in zip(made, keys, strict=True)
    ]


def issue(
    leaf: Leaf, key: CertificatePublicKeyTypes, authority: Authority, log: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """Make the certificate; ``log`` promises to keep it."""
    builder = _leaf(leaf, key, authority)
    unpromised = builder.sign(authority.key, hashes.SHA384()).tbs_certificate_bytes
    if leaf.timestamps:
        one = timestamp(unpromised, authority, log, leaf.start)
        builder = builder.add_extension(listed([one] * leaf.timestamps), critical=False)
    return builder.sign(authority.key, hashes.SHA384())


def self_signed(key: ec.EllipticCurvePrivateKey, log: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Make a certificate that nobody but its holder stands for."""
    unsigned = _builder(key.public_key(), _name("sigstore"), _name("sigstore"), START, timedelta(seconds=LIFETIME))
    own = Authority(certificate=unsigned.sign(key, hashes.SHA256()), key=key)
    return issue(Leaf(), key.public_key(), own, log)


def timestamp(
    certificate: bytes, authority: Authority, log: ec.EllipticCurvePrivateKey, when: datetime = START
) -> bytes:
    """Return a SignedCertificateTimestamp over a TBSCertificate (RFC 6962 section 3.2)."""
    milliseconds = int(when.timestamp()) * 1000
    issuer = key_id(authority.key.public_key())
    entry = struct.pack("!H32s", 1, issuer) + len(certificate).to_bytes(3) + certificate
    signature = log.sign(struct.pack("!BBQ", 0, 0, milliseconds) + entry + b"\0\0", ec.ECDSA(hashes.SHA256()))
    head = struct.pack("!B32sQH", 0, key_id(log.public_key()), milliseconds, 0)
    return head + b"\x04\x03" + _vector(signature)


def listed(timestamps: list[bytes]) -> x509.UnrecognizedExtension:
    """Return the extension that holds signed certificate timestamps (RFC 6962 section 3.3)."""
    value = asn1.encode_der(_vector(b"".join(_vector(one) for one in timestamps)))
    return x509.UnrecognizedExtension(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, value)


def utf8(text: str) -> bytes:
    """Return the text as a DER UTF8String, as Fulcio's newer extensions hold it."""
    return asn1.encode_der(text)


def _leaf(leaf: Leaf, key: CertificatePublicKeyTypes, authority: Authority) -> x509.CertificateBuilder:
    said = claims(leaf.run)
    workflow = (URI, f"https://github.com/{said['job_workflow_ref']}".encode())
    subject = authority.certificate.subject
    builder = _builder(key, x509.Name([]), subject, leaf.start, timedelta(seconds=LIFETIME))
    builder = builder.add_extension(_usage(leaf.usage), critical=True)
    builder = builder.add_extension(_issued_by(authority.key), critical=False)
    if leaf.purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(leaf.purposes)), critical=False)
    if leaf.authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if names := (workflow,) if leaf.names is None else leaf.names:
        builder = builder.add_extension(_names(names), critical=True)
    for extension in github_extensions(said):
        number = int(extension.oid.dotted_string.rpartition(".")[2])
        value = leaf.extensions.get(number, extension.value)
        if value is not None:
            oid = x509.ObjectIdentifier(f"{_ARC}.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder


def _names(names: tuple[tuple[int, bytes], ...]) -> x509.UnrecognizedExtension:
    """Write the names by hand: the library refuses to write what is no IA5String, and attackers do not use it."""
    value = _der(0x30, b"".join(_der(0x80 | tag, content) for tag, content in names))
    return x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, value)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    length = bytes([size]) if size < _LONG else bytes([_LONG | len(octets)]) + octets
    return bytes([tag]) + length + content


def _builder(
    key: CertificatePublicKeyTypes, subject: x509.Name, issuer: x509.Name, start: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, "sigstore.dev"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*named: str) -> x509.KeyUsage:
    first = ("digital_signature", "key_cert_sign", "crl_sign", "content_commitment", "key_encipherment")
    rest = ("data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name in named for name in (*first, *rest)})


def _vector(content: bytes) -> bytes:
    """Return a TLS vector with a length of two bytes (RFC 5246 section 4.3)."""
    return len(content).to_bytes(2) + content
