"""Keys and signatures as the public Sigstore services accept them: ECDSA, and RSA with PKCS #1 v1.5."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
SHA256 = hashes.SHA256()

_CURVES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_RSA_BITS = (2048, 3072, 4096)
_RSA_EXPONENT = 65537


def strong(key: object) -> TypeGuard[PublicKey]:
    """Tell whether this is a key of a kind and size that Fulcio takes."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in _RSA_BITS and key.public_numbers().e == _RSA_EXPONENT
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES


def default_digest(key: PublicKey) -> hashes.HashAlgorithm:
    """Return the digest that Sigstore uses with a strong key."""
    return _CURVES[key.curve.name] if isinstance(key, ec.EllipticCurvePublicKey) else SHA256


def verify_digest(key: PublicKeyTypes, signature: bytes, digest: bytes, digested: hashes.HashAlgorithm) -> None:
    """Check a signature over a message of which only the digest is known.

    Raises:
        cryptography.exceptions.InvalidSignature: It is not by this key over this digest, or no such key is taken.
    """
    if len(digest) != digested.digest_size:
        raise InvalidSignature
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(Prehashed(digested)))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, digest, padding.PKCS1v15(), Prehashed(digested))
    else:
        raise InvalidSignature


def verify(key: PublicKeyTypes, signature: bytes, message: bytes, digested: hashes.HashAlgorithm = SHA256) -> None:
    """Check a signature over a message.

    Raises:
        cryptography.exceptions.InvalidSignature: It is not by this key over this message.
    """
    verify_digest(key, signature, hashlib.new(digested.name, message).digest(), digested)


def spki(key: PublicKeyTypes) -> bytes:
    """Return the key as DER SubjectPublicKeyInfo (RFC 5280 section 4.1)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: PublicKeyTypes) -> bytes:
    """Return the name of a log's key: SHA-256 over its SubjectPublicKeyInfo (RFC 6962 section 3.2)."""
    return hashlib.sha256(spki(key)).digest()
