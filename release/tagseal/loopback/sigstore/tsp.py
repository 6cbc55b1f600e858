"""Time-stamp requests and responses in DER (RFC 3161 section 2.4; the token is a CMS SignedData, RFC 5652 section 5).

The small forms are written with cryptography's declarative ASN.1. Certificates, names and long integers are spliced
in as the bytes that they are: the declarative way to them came with versions for which sigstore does not ask.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier

if TYPE_CHECKING:
    from tagseal.loopback.sigstore.certificates import Authority

POLICY = "1.3.6.1.4.1.57264.2"
"""The one policy of Sigstore's timestamp authorities."""
DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""What may be stamped: object identifiers and :mod:`hashlib`'s names."""

_ACCURACY = 1
"""Seconds."""
_TOKEN, _SIGNED_DATA = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.7.2"  # id-ct-TSTInfo, id-signedData
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"  # RFC 5816
_SHA256, _ECDSA_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_SEQUENCE, _SET, _ZERO = 0x30, 0x31, 0xA0  # tags: SEQUENCE, SET, [0]
_BOOLEAN, _INTEGER, _OID = b"\x01", b"\x02", b"\x06"
_LONG = 0x80


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None = None


@asn1.sequence
class _Imprint:
    algorithm: _Algorithm
    digest: bytes


@asn1.sequence
class _Parts:
    """A SEQUENCE of anything, inside another: only a class can be decoded, and not a list."""

    parts: list[asn1.TLV]


@asn1.sequence
class _Accuracy:
    seconds: int


@asn1.sequence
class _CertificateDigest:
    digest: bytes


@asn1.sequence
class _SigningCertificate:
    certificates: list[_CertificateDigest]


@asn1.sequence
class _Attribute:
    kind: ObjectIdentifier
    values: asn1.SetOf[ObjectIdentifier | bytes | _SigningCertificate]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampQuery:
    """What is to be stamped."""

    digest: bytes
    algorithm: str
    """Of the digest; an object identifier."""
    policy: str = ""
    """Asked for; an object identifier, or empty."""
    nonce: bytes = b""
    """As it came, DER; may be empty."""
    certificate: bool = False
    """Whether the authority's certificate is to be in the answer."""


def query_of(message: bytes) -> TimestampQuery:
    """Return the query for the SHA-256 of a message, with the certificate in the answer."""
    return TimestampQuery(digest=hashlib.sha256(message).digest(), algorithm=_SHA256, certificate=True)


def query(request: bytes) -> TimestampQuery:
    """Read a TimeStampReq.

    Raises:
        ValueError: It is malformed, has extensions, or its digest is not as long as its algorithm makes them.
    """
    version, imprint, *others = asn1.decode_der(_Parts, _encode(_SEQUENCE, request)).parts
    # Of the parts that may be absent, each has a type of its own.
    found = {bytes(other.tag_bytes): other for other in others}
    if version.parse(int) != 1 or not set(found) <= {_OID, _INTEGER, _BOOLEAN} or len(found) != len(others):
        raise ValueError("unaccepted version or extension")
    read = imprint.parse(_Imprint)
    algorithm = read.algorithm.algorithm.dotted_string
    if algorithm not in DIGESTS:
        raise ValueError("unsupported hash algorithm")
    if len(read.digest) != hashlib.new(DIGESTS[algorithm]).digest_size:
        raise ValueError("message digest has incorrect length for specified algorithm")
    return TimestampQuery(
        digest=read.digest,
        algorithm=algorithm,
        policy=found[_OID].parse(ObjectIdentifier).dotted_string if _OID in found else "",
        nonce=_encode(_INTEGER[0], bytes(found[_INTEGER].data)) if _INTEGER in found else b"",
        certificate=_BOOLEAN in found and found[_BOOLEAN].parse(bool),
    )


def response(asked: TimestampQuery, authority: Authority, time: datetime | None = None) -> bytes:
    """Return a granted TimeStampResp, signed by an authority: now, or at another time (UTC)."""
    # 1. What is signed for: TSTInfo (RFC 3161 section 2.4.2).
    token = _encode(
        _SEQUENCE,
        asn1.encode_der(1),
        _oid(POLICY),
        asn1.encode_der(_Imprint(algorithm=_algorithm(asked.algorithm), digest=asked.digest)),
        asn1.encode_der(secrets.randbits(62)),
        asn1.encode_der(asn1.GeneralizedTime((time or datetime.now(UTC)).replace(microsecond=0))),
        asn1.encode_der(_Accuracy(seconds=_ACCURACY)),
        asked.nonce,
    )
    # 2. Its envelope: digest algorithms, content, certificates, signer (RFC 5652 section 5.1; version 3, for the
    #    content is not id-data).
    content = _encode(_SEQUENCE, _oid(_TOKEN), _encode(_ZERO, asn1.encode_der(token)))
    certificate = authority.certificate.public_bytes(Encoding.DER)
    parts = [asn1.encode_der(3), _encode(_SET, asn1.encode_der(_algorithm(_SHA256))), content]
    parts += [_encode(_ZERO, certificate)] if asked.certificate else []
    signed = _encode(_SEQUENCE, *parts, _encode(_SET, _signer(token, authority)))
    # 3. The answer: status granted (0), then the token as a ContentInfo.
    granted = _encode(_SEQUENCE, asn1.encode_der(0))
    return _encode(_SEQUENCE, granted, _encode(_SEQUENCE, _oid(_SIGNED_DATA), _encode(_ZERO, signed)))


def _signer(token: bytes, authority: Authority) -> bytes:
    """Return a SignerInfo (RFC 5652 section 5.3): who, the signed attributes, and the signature over these."""
    certificate = authority.certificate
    names = _CertificateDigest(digest=certificate.fingerprint(hashes.SHA256()))
    attributes = _set_of(
        _attribute(_CONTENT_TYPE, ObjectIdentifier(_TOKEN)),
        _attribute(_MESSAGE_DIGEST, hashlib.sha256(token).digest()),
        # The signer's certificate is under the signature, so none can be put in its place (RFC 3161 section 2.4.2).
        _attribute(_SIGNING_CERTIFICATE, _SigningCertificate(certificates=[names])),
    )
    # Signed with the tag of a SET, sent with [0] in its place (RFC 5652 section 5.4).
    signature = authority.key.sign(_encode(_SET, attributes), ec.ECDSA(hashes.SHA256()))
    return _encode(
        _SEQUENCE,
        asn1.encode_der(1),
        _encode(_SEQUENCE, certificate.issuer.public_bytes(), _integer(certificate.serial_number)),
        asn1.encode_der(_algorithm(_SHA256)),
        _encode(_ZERO, attributes),
        asn1.encode_der(_algorithm(_ECDSA_SHA256)),
        asn1.encode_der(signature),
    )


def _attribute(kind: str, value: ObjectIdentifier | bytes | _SigningCertificate) -> bytes:
    return asn1.encode_der(_Attribute(kind=ObjectIdentifier(kind), values=asn1.SetOf([value])))


def _algorithm(identifier: str) -> _Algorithm:
    return _Algorithm(algorithm=ObjectIdentifier(identifier))


def _oid(identifier: str) -> bytes:
    return asn1.encode_der(ObjectIdentifier(identifier))


def _integer(value: int) -> bytes:
    return _encode(_INTEGER[0], value.to_bytes(value.bit_length() // 8 + 1))


def _set_of(*parts: bytes) -> bytes:
    """Return the contents of a SET OF: in the order of their encodings (X.690 section 11.6)."""
    return b"".join(sorted(parts))


def _encode(tag: int, *parts: bytes) -> bytes:
    """Return a value: tag, length, contents (X.690 section 8.1)."""
    content = b"".join(parts)
    length = len(content)
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag]) + (bytes([length]) if length < _LONG else bytes([_LONG | len(octets)]) + octets) + content
