"""Bundles that an attacker could make who holds an authority's keys, or none: for tests of what is refused, and why."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from instance import RUN
from tagseal.loopback.signatures import key_id
from tagseal.loopback.sigstore.certificates import _timestamp, _timestamps
from tagseal.loopback.sigstore.fulcio import Fulcio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509.extensions import ExtensionType

    from tagseal.loopback.actions import Run
    from tagseal.loopback.sigstore.rekor import Rekor

CONTENT = b"a wheel"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TIMESTAMP = (
    "MIIB1zADAgEAMIIBzgYJKoZIhvcNAQcCoIIBvzCCAbsCAQMxDzANBglghkgBZQMEAgEFADBiBgsqhkiG9w0BCRABBKBTBFEwTwIBAQYDKgMEMDEw"
    "DQYJYIZIAWUDBAIBBQAEIC1xFkK3JrBEAWJ8qfusMvXIUw+xkDzE2wIlhxeSGkiBAgECGA8yMDI2MTEyNjA0MjcxM1oxggE/MIIBOwIBATA4MCAx"
    "HjAcBgNVBAMMFWEgdGltZXN0YW1wIGF1dGhvcml0eQIUZD76/PIXyCfUaxf6BKu8vxRESI0wDQYJYIZIAWUDBAIBBQCggZgwGgYJKoZIhvcNAQkD"
    "MQ0GCyqGSIb3DQEJEAEEMBwGCSqGSIb3DQEJBTEPFw0yNjExMjYwNDI3MTNaMCsGCyqGSIb3DQEJEAIMMRwwGjAYMBYEFHFhbKQrBbz763PXZitE"
    "ljb1LOM2MC8GCSqGSIb3DQEJBDEiBCCF+JPpB2GYc0qSkxFeg71Qr40p5djJC+IeEMlZk2PupzAKBggqhkjOPQQDAgRGMEQCIAkst9zPC3A4wY5K"
    "s6P19rKlyuVkhmIxhHCBBb8LVgkTAiB1pVAR1L27e8W07C3DVCpYodv8RtXA/SYnb0YBicE6Ew=="
)
"""A signed timestamp (RFC 3161) of a stranger's, over something else; made with ``openssl ts``."""

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Forger(Fulcio):
    """An authority that issues whatever it is asked for, with a timestamp of its log."""

    def forge(
        self,
        key: Key,
        run: Run = RUN,
        *,
        changes: Mapping[x509.ObjectIdentifier, ExtensionType | None] | None = None,
        log_key: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        """Return a certificate with other extensions, None for none; or with the timestamp of another log's key."""
        genuine, wanted = self.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), run)[0], dict(changes or {})
        builder = (
            x509.CertificateBuilder()
            .serial_number(genuine.serial_number)
            .subject_name(genuine.subject)
            .issuer_name(genuine.issuer)
            .public_key(key.public_key())
            .not_valid_before(genuine.not_valid_before_utc)
            .not_valid_after(genuine.not_valid_after_utc)
        )
        for extension in genuine.extensions:
            if extension.oid != ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS:
                value = wanted.pop(extension.oid, extension.value)
                if value is not None:
                    builder = builder.add_extension(value, critical=extension.critical)
        authority = self._authority
        unpromised = builder.sign(authority.key, hashes.SHA384()).tbs_certificate_bytes
        timestamp = _timestamp(unpromised, key_id(authority.key.public_key()), log_key or self._log_key)
        promise = wanted.pop(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, _timestamps(timestamp))
        if promise is not None:
            builder = builder.add_extension(promise, critical=False)
        return builder.sign(authority.key, hashes.SHA384())


def bundle(rekor: Rekor, key: Key, certificate: x509.Certificate, digest: str = DIGEST) -> dict[str, Any]:
    """Return the bundle of whoever holds this key and certificate: the log takes what verifies, and more."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(CONTENT)
    else:
        signature = key.sign(bytes.fromhex(digest), ec.ECDSA(Prehashed(hashes.SHA256())))
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": digest}},
        "signature": {
            "content": text(signature),
            "publicKey": {"content": text(certificate.public_bytes(Encoding.PEM))},
        },
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": text(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [entry(rekor, {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})],
        },
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": text(bytes.fromhex(digest))},
            "signature": text(signature),
        },
    }


def entry(rekor: Rekor, proposed: dict[str, Any] | bytes) -> dict[str, Any]:
    """Return what the log tells of an entry, whatever it is, in a bundle's form."""
    body = proposed if isinstance(proposed, bytes) else json.dumps(proposed, sort_keys=True).encode()
    rekor.log.add(body)
    told = next(iter((rekor.log.by_uuid(rekor.log.uuid(body)) or {}).values()))
    proof = told["verification"]["inclusionProof"]
    return {
        "logIndex": str(told["logIndex"]),
        "logId": {"keyId": text(bytes.fromhex(told["logID"]))},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": str(told["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": told["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": text(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [text(bytes.fromhex(one)) for one in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": told["body"],
    }


def text(content: bytes) -> str:
    """Return the bytes in Base64."""
    return b64encode(content).decode()
