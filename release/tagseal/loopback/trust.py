"""What a client must trust to use the loopback: the trusted root and the signing configuration of these very keys.

The forms are those of sigstore's protobuf-specs (``sigstore_trustroot.proto``), the URLs those of production.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore_models.common import v1 as common
from sigstore_models.trustroot import v1 as trustroot

from tagseal.loopback.certificates import ORGANIZATION
from tagseal.loopback.signatures import key_id, spki

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    from tagseal.loopback.fulcio import Fulcio
    from tagseal.loopback.rekor import Rekor

FULCIO = "https://fulcio.sigstore.dev"
REKOR = "https://rekor.sigstore.dev"
CERTIFICATE_LOG = "https://ctfe.sigstore.dev/2022"
OIDC = "https://oauth2.sigstore.dev/auth"
KEYS = {
    "SIGSTORE_ROOT_FILE": "fulcio.pem",
    "SIGSTORE_REKOR_PUBLIC_KEY": "rekor.pem",
    "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "certificate-log.pem",
}
"""Variables that cosign 2 finds trust by, and the names of the files that they lead to."""


def trusted_root(fulcio: Fulcio, rekor: Rekor, *, fulcio_url: str = FULCIO, rekor_url: str = REKOR) -> dict[str, Any]:
    """Return the trusted root: what a verifier needs, as ``cosign --trusted-root`` and sigstore-python read it."""
    return _trusted_root(fulcio, rekor, fulcio_url, rekor_url).to_dict()


def signing_config(fulcio: Fulcio, rekor: Rekor, *, fulcio_url: str = FULCIO, rekor_url: str = REKOR) -> dict[str, Any]:
    """Return the signing configuration: where a signer finds the services, as ``cosign --signing-config`` reads it."""
    return _signing_config(fulcio, rekor, fulcio_url, rekor_url).to_dict()


def client_trust_config(
    fulcio: Fulcio, rekor: Rekor, *, fulcio_url: str = FULCIO, rekor_url: str = REKOR
) -> dict[str, Any]:
    """Return both in one document, as ``sigstore --trust-config`` reads it."""
    return trustroot.ClientTrustConfig(
        media_type="application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        trusted_root=_trusted_root(fulcio, rekor, fulcio_url, rekor_url),
        signing_config=_signing_config(fulcio, rekor, fulcio_url, rekor_url),
    ).to_dict()


def keys(fulcio: Fulcio, rekor: Rekor) -> dict[str, bytes]:
    """Return the same trust for what does not read a trusted root: PEM texts, by the file names of :data:`KEYS`."""
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in fulcio.chain)
    return dict(zip(KEYS.values(), (chain, _pem(rekor.log.public_key), _pem(fulcio.log_key)), strict=True))


def _trusted_root(fulcio: Fulcio, rekor: Rekor, fulcio_url: str, rekor_url: str) -> trustroot.TrustedRoot:
    authority = trustroot.CertificateAuthority(
        subject=common.DistinguishedName(organization=ORGANIZATION, common_name="sigstore"),
        uri=fulcio_url,
        cert_chain=common.X509CertificateChain(certificates=[_certificate(one) for one in fulcio.chain]),
        valid_for=common.TimeRange(start=fulcio.started),
    )
    return trustroot.TrustedRoot(
        media_type="application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        tlogs=[_log(rekor_url, rekor.log.public_key, rekor.log.started)],
        certificate_authorities=[authority],
        ctlogs=[_log(CERTIFICATE_LOG, fulcio.log_key, fulcio.started)],
    )


def _signing_config(fulcio: Fulcio, rekor: Rekor, fulcio_url: str, rekor_url: str) -> trustroot.SigningConfig:
    return trustroot.SigningConfig(
        media_type="application/vnd.dev.sigstore.signingconfig.v0.2+json",
        ca_urls=[_service(fulcio_url, fulcio.started)],
        oidc_urls=[_service(OIDC, fulcio.started)],
        rekor_tlog_urls=[_service(rekor_url, rekor.log.started)],
        rekor_tlog_config=trustroot.ServiceConfiguration(selector=trustroot.ServiceSelector.ANY),
    )


def _service(url: str, start: datetime) -> trustroot.Service:
    valid = common.TimeRange(start=start)
    return trustroot.Service(url=url, major_api_version=1, valid_for=valid, operator=ORGANIZATION)


def _log(url: str, key: ec.EllipticCurvePublicKey, start: datetime) -> trustroot.TransparencyLogInstance:
    return trustroot.TransparencyLogInstance(
        base_url=url,
        hash_algorithm=common.HashAlgorithm.SHA2_256,
        public_key=common.PublicKey(
            raw_bytes=b64encode(spki(key)),
            key_details=common.PublicKeyDetails.PKIX_ECDSA_P256_SHA_256,
            valid_for=common.TimeRange(start=start),
        ),
        log_id=common.LogId(key_id=b64encode(key_id(key))),
    )


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _certificate(certificate: x509.Certificate) -> common.X509Certificate:
    return common.X509Certificate(raw_bytes=b64encode(certificate.public_bytes(Encoding.DER)))
