"""What a client must trust to use the loopback: the trusted root and the signing configuration of these very keys.

The forms are those of sigstore's protobuf-specs (``sigstore_trustroot.proto``), the URLs those of production. Both
versions of the log are trusted, as in production; the signing configuration names one, as production's does.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from sigstore_models.common import v1 as common
from sigstore_models.trustroot import v1 as trustroot

from tagseal.loopback.signatures import key_id, spki
from tagseal.loopback.sigstore import rekor, rekor_tiles, timestamp
from tagseal.loopback.sigstore.certificates import ORGANIZATION

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from tagseal.loopback.sigstore import PlayedSigstore

FULCIO = "https://fulcio.sigstore.dev"
REKOR = f"https://{rekor.HOST}"
TILES = f"https://{rekor_tiles.HOST}"
TIMESTAMPS = "https://timestamp.sigstore.dev"
CERTIFICATE_LOG = "https://ctfe.sigstore.dev/2022"
OIDC = "https://oauth2.sigstore.dev/auth"
KEYS = {
    "SIGSTORE_ROOT_FILE": "fulcio.pem",
    "SIGSTORE_REKOR_PUBLIC_KEY": "rekor.pem",
    "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "certificate-log.pem",
}
"""Variables that cosign 2 finds trust by, and the names of the files that they lead to."""

Log = Literal["v1", "v2"]
"""A version of the transparency log."""
LOGS: tuple[Log, ...] = get_args(Log)

_P256, _ED25519 = common.PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, common.PublicKeyDetails.PKIX_ED25519
_ANY = trustroot.ServiceConfiguration(selector=trustroot.ServiceSelector.ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a signing configuration leads to."""

    log: Log = "v1"
    timestamped: bool = True
    """Whether it names a timestamp authority, as production's does; without one, nothing in ``v2`` tells the time."""
    fulcio_url: str = FULCIO
    rekor_url: str = REKOR
    tiles_url: str = TILES
    timestamps_url: str = TIMESTAMPS
    """Without a path."""


def trusted_root(sigstore: PlayedSigstore) -> dict[str, Any]:
    """Return the trusted root: what a verifier needs, as ``cosign --trusted-root`` and sigstore-python read it."""
    return _trusted_root(sigstore).to_dict()


def signing_config(sigstore: PlayedSigstore, signing: Signing | None = None) -> dict[str, Any]:
    """Return the signing configuration: where a signer finds the services, as ``cosign --signing-config`` reads it."""
    return _signing_config(sigstore, signing or Signing()).to_dict()


def client_trust_config(sigstore: PlayedSigstore, signing: Signing | None = None) -> dict[str, Any]:
    """Return both in one document, as ``sigstore --trust-config`` reads it."""
    return trustroot.ClientTrustConfig(
        media_type="application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        trusted_root=_trusted_root(sigstore),
        signing_config=_signing_config(sigstore, signing or Signing()),
    ).to_dict()


def keys(sigstore: PlayedSigstore) -> dict[str, bytes]:
    """Return the same trust for what does not read a trusted root: PEM texts, by the file names of :data:`KEYS`."""
    fulcio = sigstore.fulcio
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in fulcio.chain)
    return dict(zip(KEYS.values(), (chain, _pem(sigstore.rekor.log.public_key), _pem(fulcio.log_key)), strict=True))


def _trusted_root(sigstore: PlayedSigstore) -> trustroot.TrustedRoot:
    fulcio, first, second, stamps = sigstore.fulcio, sigstore.rekor.log, sigstore.tiles.log, sigstore.timestamps
    return trustroot.TrustedRoot(
        media_type="application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        tlogs=[
            _log(REKOR, first.public_key, first.key_id, first.started),
            _log(TILES, second.public_key, second.key_id, second.started),
        ],
        certificate_authorities=[_authority(FULCIO, fulcio.chain, fulcio.started)],
        ctlogs=[_log(CERTIFICATE_LOG, fulcio.log_key, key_id(fulcio.log_key), fulcio.started)],
        timestamp_authorities=[_authority(TIMESTAMPS + timestamp.PATH, stamps.chain, stamps.started)],
    )


def _signing_config(sigstore: PlayedSigstore, signing: Signing) -> trustroot.SigningConfig:
    started, log = sigstore.fulcio.started, sigstore.rekor.log if signing.log == "v1" else sigstore.tiles.log
    url = signing.rekor_url if signing.log == "v1" else signing.tiles_url
    stamps = _service(signing.timestamps_url + timestamp.PATH, sigstore.timestamps.started)
    return trustroot.SigningConfig(
        media_type="application/vnd.dev.sigstore.signingconfig.v0.2+json",
        ca_urls=[_service(signing.fulcio_url, started)],
        oidc_urls=[_service(OIDC, started)],
        rekor_tlog_urls=[_service(url, log.started, version=1 + LOGS.index(signing.log))],
        tsa_urls=[stamps] if signing.timestamped else [],
        rekor_tlog_config=_ANY,
        tsa_config=_ANY,
    )


def _service(url: str, start: datetime, *, version: int = 1) -> trustroot.Service:
    valid = common.TimeRange(start=start)
    return trustroot.Service(url=url, major_api_version=version, valid_for=valid, operator=ORGANIZATION)


def _authority(url: str, chain: list[x509.Certificate], start: datetime) -> trustroot.CertificateAuthority:
    (common_name,) = chain[-1].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return trustroot.CertificateAuthority(
        subject=common.DistinguishedName(organization=ORGANIZATION, common_name=str(common_name.value)),
        uri=url,
        cert_chain=common.X509CertificateChain(certificates=[_certificate(one) for one in chain]),
        valid_for=common.TimeRange(start=start),
    )


def _log(
    url: str, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey, identifier: bytes, start: datetime
) -> trustroot.TransparencyLogInstance:
    return trustroot.TransparencyLogInstance(
        base_url=url,
        hash_algorithm=common.HashAlgorithm.SHA2_256,
        public_key=common.PublicKey(
            raw_bytes=b64encode(spki(key)),
            key_details=_ED25519 if isinstance(key, ed25519.Ed25519PublicKey) else _P256,
            valid_for=common.TimeRange(start=start),
        ),
        log_id=common.LogId(key_id=b64encode(identifier)),
    )


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _certificate(certificate: x509.Certificate) -> common.X509Certificate:
    return common.X509Certificate(raw_bytes=b64encode(certificate.public_bytes(Encoding.DER)))
