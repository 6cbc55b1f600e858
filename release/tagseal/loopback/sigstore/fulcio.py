"""The certificate authority: an identity token and a proof of the key become a short-lived certificate.

Source: Fulcio's API version 2 (``fulcio.proto``), as served through its JSON gateway. In order:

1. the identity token is verified;
2. the key comes from a certificate signing request, or alone with a proof of possession; a weak one is refused;
3. possession is proved: the request's own signature, or a signature over the token's subject;
4. the certificate is issued with the timestamp of a certificate transparency log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import Map, Rule

from tagseal.loopback.actions import Issuer, Run, claims
from tagseal.loopback.service import CODES, Service, answer
from tagseal.loopback.signatures import PublicKey, default_digest, strong, verify
from tagseal.loopback.sigstore import certificates

if TYPE_CHECKING:
    from datetime import datetime

    from werkzeug import Request, Response

AUDIENCE = "sigstore"

_BAD_TOKEN = "There was an error processing the identity token"  # noqa: S105 - a message
_BAD_REQUEST = "The certificate signing request could not be parsed"
_BAD_KEY = "The public key supplied in the request could not be parsed"
_WEAK_KEY = "The public key supplied in the request is insecure"
_BAD_SIGNATURE = "The signature supplied in the request could not be verified"


class _Credentials(BaseModel):
    token: str = Field(default="", alias="oidcIdentityToken")


class _Key(BaseModel):
    content: str = ""


class _KeyRequest(BaseModel):
    key: _Key = Field(default=_Key(), alias="publicKey")
    proof: Base64Bytes = Field(default=b"", alias="proofOfPossession")


class _CertificateRequest(BaseModel):
    """The body of ``POST /api/v2/signingCert``; either form of asking."""

    credentials: _Credentials = _Credentials()
    signing_request: Base64Bytes = Field(default=b"", alias="certificateSigningRequest")
    key_request: _KeyRequest = Field(default=_KeyRequest(), alias="publicKeyRequest")


class Fulcio(Service):
    """A certificate authority with its log; all keys are fresh and live in memory."""

    routes = Map(
        [
            Rule("/api/v2/signingCert", endpoint="_signing_cert", methods=["POST"]),
            Rule("/api/v2/trustBundle", endpoint="_trust_bundle", methods=["GET"]),
        ]
    )

    def __init__(self, issuer: Issuer, *, lifetime: int = certificates.LIFETIME) -> None:
        """Make the keys; a certificate lives ``lifetime`` seconds."""
        self._issuer = issuer
        self._lifetime = lifetime
        self._root = certificates.root_authority()
        self._authority = certificates.intermediate_authority(self._root)
        self._log_key = ec.generate_private_key(ec.SECP256R1())

    @property
    def chain(self) -> list[x509.Certificate]:
        """The authorities, from the one that issues to the root."""
        return [self._authority.certificate, self._root.certificate]

    @property
    def started(self) -> datetime:
        """When its keys came into use."""
        return self._root.certificate.not_valid_before_utc

    @property
    def log_key(self) -> ec.EllipticCurvePublicKey:
        """The key of the certificate transparency log."""
        return self._log_key.public_key()

    def issue(self, public_key: PublicKey, run: Run) -> list[x509.Certificate]:
        """Return a certificate for a job of this run, then the chain to the root: what an attacker might hold."""
        return self._issue(public_key, claims(run))

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as the JSON gateway does: gRPC code, message, details."""
        status = error.code or 500
        return answer({"code": CODES.get(status, 2), "message": error.description, "details": []}, status)

    def _issue(self, public_key: PublicKey, said: dict[str, object]) -> list[x509.Certificate]:
        leaf = certificates.issue(said, public_key, self._authority, self._log_key, lifetime=self._lifetime)
        return [leaf, *self.chain]

    def _signing_cert(self, request: Request) -> Response:
        try:
            asked = _CertificateRequest.model_validate_json(request.get_data())
        except ValidationError as error:
            raise BadRequest(f"proto: syntax error: {error.errors()[0]['msg']}") from error
        # 1. Who asks.
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            said = self._issuer.verify(asked.credentials.token or bearer, AUDIENCE)
        except jwt.InvalidTokenError as error:
            raise BadRequest(_BAD_TOKEN) from error
        # 2. and 3. For which key, and whether they hold it.
        key = (
            _requested_key(asked.signing_request)
            if asked.signing_request
            else _proved_key(asked.key_request, said["sub"])
        )
        # 4. The certificate.
        chain = [_pem(certificate) for certificate in self._issue(key, said)]
        return answer({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _trust_bundle(self, _request: Request) -> Response:
        return answer({"chains": [{"certificates": [_pem(certificate) for certificate in self.chain]}]})


def _requested_key(pem: bytes) -> PublicKey:
    """Return the key of a certificate signing request that its own signature proves (RFC 2986 section 3)."""
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(_BAD_REQUEST) from error
    if not strong(key):
        raise BadRequest(_WEAK_KEY)
    if not request.is_signature_valid:
        raise BadRequest(_BAD_SIGNATURE)
    return key


def _proved_key(asked: _KeyRequest, subject: str) -> PublicKey:
    """Return a key of which a signature over the token's subject proves possession."""
    try:
        key = load_pem_public_key(asked.key.content.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(_BAD_KEY) from error
    if not strong(key):
        raise BadRequest(_WEAK_KEY)
    try:
        verify(key, asked.proof, subject.encode(), default_digest(key))
    except InvalidSignature as error:
        raise BadRequest(_BAD_SIGNATURE) from error
    return key


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
