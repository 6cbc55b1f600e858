"""Whether Fulcio issued a certificate, and a certificate log knows of it: for signatures without an inclusion proof.

The library verifies certificates only within a bundle, and a bundle only with an inclusion proof. So this is
its order, through what it offers in public: the root's certificates and its keyrings.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ExtendedKeyUsage, KeyUsage, PrecertificateSignedCertificateTimestamps
from cryptography.x509.certificate_transparency import LogEntryType, Version
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store
from sigstore.models import KeyringPurpose  # type: ignore[attr-defined]  # what the keyrings' public methods take

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRECERTIFICATE = 1


def verify_issued(certificate: Certificate, at: datetime, root: TrustedRoot) -> None:
    """Verify that a certificate was good for signing at a time.

    1. A chain leads to Fulcio's root, and all of it was valid at that time.
    2. It is for signatures of code.
    3. A certificate log of the root has promised to list it (RFC 6962 section 3).

    Raises:
        ValueError: It was not; or another error of the libraries that say so.
    """
    ee_policy = ExtensionPolicy.webpki_defaults_ee().require_present(
        ExtendedKeyUsage, Criticality.NON_CRITICAL, _code_signing
    )
    # The default for authorities wants that of a TLS client.
    ca_policy = ExtensionPolicy.webpki_defaults_ca().may_be_present(ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
    verifier = (
        PolicyBuilder()
        .store(Store(root.get_fulcio_certs()))
        .time(at)
        .extension_policies(ca_policy=ca_policy, ee_policy=ee_policy)
        .build_client_verifier()
    )
    _leaf, issuer, *_ = verifier.verify(certificate, []).chain
    if not certificate.extensions.get_extension_for_class(KeyUsage).value.digital_signature:
        raise ValueError("got a certificate that is not for digital signatures")
    _verify_logged(certificate, issuer, root)


def verify_by_log(root: TrustedRoot, log_id: bytes, signature: bytes, signed: bytes) -> None:
    """Verify a signature by a transparency log of the root.

    Raises:
        sigstore.errors.VerificationError: None of its keys made it.
    """
    root.rekor_keyring(KeyringPurpose.VERIFY).verify(
        key_id=log_id,  # type: ignore[arg-type]  # the library's own name for bytes
        signature=signature,
        data=signed,
    )


def _code_signing(_policy: Policy, _certificate: Certificate, usage: ExtendedKeyUsage) -> None:
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise ValueError("got a certificate that is not for code signing")


def _verify_logged(certificate: Certificate, issuer: Certificate, root: TrustedRoot) -> None:
    """Verify the certificate's one signed timestamp (RFC 6962 section 3.2)."""
    listed = certificate.extensions.get_extension_for_class(PrecertificateSignedCertificateTimestamps).value
    if len(listed) != 1:
        raise ValueError(f"got a certificate with {len(listed)} signed timestamps, expected one")
    timestamp = listed[0]
    kind = (timestamp.version, timestamp.entry_type, type(timestamp.signature_hash_algorithm))
    if kind != (Version.v1, LogEntryType.PRE_CERTIFICATE, SHA256):
        raise ValueError("got a signed certificate timestamp of another kind than version 1 with SHA-256")
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    milliseconds = (timestamp.timestamp.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
    body, extensions = certificate.tbs_precertificate_bytes, timestamp.extension_bytes
    signed = struct.pack("!BBQH32s", 0, 0, milliseconds, _PRECERTIFICATE, hashlib.sha256(key).digest())
    signed += len(body).to_bytes(3) + body + len(extensions).to_bytes(2) + extensions
    keyring = root.ct_keyring(KeyringPurpose.VERIFY)
    keyring.verify(key_id=timestamp.log_id, signature=timestamp.signature, data=signed)
