"""A forger's workshop: an instance's keys, and bundles in which any part can be exchanged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from forging import certificates
from forging.certificates import AGE, START, Leaf
from forging.log import SOON, TILES, Log, Tiles, text
from tagseal.loopback.signatures import key_id, spki
from tagseal.loopback.sigstore import trust, tsp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from tagseal.loopback.sigstore.certificates import Authority

FILE = "widget-1.2.3-py3-none-any.whl"
CONTENT = b"A wheel, as far as a signature knows.\n"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
OLD = "application/vnd.dev.sigstore.bundle+json;version=0."
_TIME = "%Y-%m-%dT%H:%M:%SZ"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Document = dict[str, Any]


def fresh() -> ec.EllipticCurvePrivateKey:
    """Return a key as signers make it."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A message with all that somebody needs to make a bundle of it."""

    message: bytes
    key: Key
    certificate: Certificate
    signature: bytes

    @property
    def sha256(self) -> bytes:
        """Of the message."""
        return hashlib.sha256(self.message).digest()

    @property
    def body(self) -> bytes:
        """The log's entry: a ``hashedrekord`` of version 0.0.1, in canonical JSON."""
        pem = self.certificate.public_bytes(Encoding.PEM)
        spec: dict[str, Any] = {
            "data": {"hash": {"algorithm": "sha256", "value": self.sha256.hex()}},
            "signature": {"content": text(self.signature), "publicKey": {"content": text(pem)}},
        }
        return rfc8785.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})

    def body_of_version_2(self, details: str = "PKIX_ECDSA_P256_SHA_256", algorithm: str = "SHA2_256") -> bytes:
        """The log's entry in version 0.0.2."""
        certificate = {"rawBytes": text(self.certificate.public_bytes(Encoding.DER))}
        by = {"x509Certificate": certificate, "keyDetails": details}
        spec: dict[str, Any] = {
            "data": {"algorithm": algorithm, "digest": text(self.sha256)},
            "signature": {"content": text(self.signature), "verifier": by},
        }
        return rfc8785.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}})

    def bundle(self, *entries: Document, stamps: tuple[bytes, ...] = ()) -> Document:
        """Put it together, as clients of today do."""
        stamped = {"rfc3161Timestamps": [{"signedTimestamp": text(stamp)} for stamp in stamps]} if stamps else {}
        return {
            "mediaType": V03,
            "verificationMaterial": {
                "certificate": {"rawBytes": text(self.certificate.public_bytes(Encoding.DER))},
                "tlogEntries": list(entries),
                "timestampVerificationData": stamped,
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": text(self.sha256)},
                "signature": text(self.signature),
            },
        }


@dataclass(kw_only=True)
class Workshop:
    """The keys of an instance: its authorities, its certificate log, its logs of both versions."""

    authorities: list[Authority] = field(default_factory=certificates.authorities)
    certificate_log: ec.EllipticCurvePrivateKey = field(default_factory=fresh)
    log: Log = field(default_factory=Log)
    tiles: Tiles = field(default_factory=Tiles)
    timestamps: list[Authority] = field(default_factory=certificates.timestamp_authority)
    retired: list[Authority] = field(default_factory=certificates.timestamp_authority)
    """A timestamp authority that is trusted until ``SOON``, and no longer."""

    def signed(
        self,
        message: bytes = CONTENT,
        leaf: Leaf | None = None,
        *,
        key: Key | None = None,
        certificate: Certificate | None = None,
    ) -> Signed:
        """Sign a message, with a certificate that says what ``leaf`` does."""
        key = key or fresh()
        if certificate is None:
            certificate = certificates.issue(
                leaf or Leaf(), key.public_key(), self.authorities[0], self.certificate_log
            )
        return Signed(message=message, key=key, certificate=certificate, signature=sign(key, message))

    def bundle(
        self,
        message: bytes = CONTENT,
        leaf: Leaf | None = None,
        *,
        when: int = SOON,
        key: Key | None = None,
        certificate: Certificate | None = None,
    ) -> Document:
        """Return the bundle of a message: signed, entered, proved."""
        made = self.signed(message, leaf, key=key, certificate=certificate)
        return made.bundle(self.log.entry(made.body, when=when))

    def stamp(self, message: bytes, when: int = SOON, *, certificate: bool = True, retired: bool = False) -> bytes:
        """Return a timestamp of an authority over this message; a genuine one is over a signature."""
        asked = replace(tsp.query_of(message), certificate=certificate)
        chain = self.retired if retired else self.timestamps
        return tsp.response(asked, chain[0], datetime.fromtimestamp(when, UTC))

    def trusted_root(self) -> Document:
        """Return what a verifier trusts."""
        since = {"start": (START - AGE).strftime(_TIME)}
        until = {**since, "end": datetime.fromtimestamp(SOON, UTC).strftime(_TIME)}
        certificate_log = self.certificate_log.public_key()
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                _log(trust.REKOR, self.log.key.public_key(), self.log.id, since),
                _log(f"https://{TILES}", self.tiles.key.public_key(), self.tiles.id, since),
            ],
            "certificateAuthorities": [_authority(trust.FULCIO, self.authorities, since)],
            "ctlogs": [_log(trust.CERTIFICATE_LOG, certificate_log, key_id(certificate_log), since)],
            "timestampAuthorities": [
                _authority(trust.TIMESTAMPS, self.timestamps, since),
                _authority(trust.TIMESTAMPS, self.retired, until),
            ],
        }

    def trust_config(self) -> Document:
        """Return the same with a signing configuration, which whoever verifies does not use."""
        service = {
            "majorApiVersion": 1,
            "validFor": {"start": (START - AGE).strftime(_TIME)},
            "operator": "sigstore.dev",
        }
        signing = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [{"url": trust.FULCIO, **service}],
            "oidcUrls": [{"url": trust.OIDC, **service}],
            "rekorTlogUrls": [{"url": trust.REKOR, **service}],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [],
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": signing,
        }


def sign(key: Key, message: bytes) -> bytes:
    """Sign a message the way that this kind of key does, always over SHA-256 where it hashes first."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(message)


def written(document: object) -> bytes:
    """Return JSON as a client writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def _log(
    url: str, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey, log: bytes, since: dict[str, str]
) -> Document:
    details = "PKIX_ED25519" if isinstance(key, ed25519.Ed25519PublicKey) else "PKIX_ECDSA_P256_SHA_256"
    public = {"rawBytes": text(spki(key)), "keyDetails": details, "validFor": since}
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": text(log)}}


def _authority(url: str, chain: list[Authority], since: dict[str, str]) -> Document:
    found = [{"rawBytes": text(one.certificate.public_bytes(Encoding.DER))} for one in chain]
    subject = {"organization": "sigstore.dev", "commonName": "sigstore"}
    return {"subject": subject, "uri": url, "certChain": {"certificates": found}, "validFor": since}
