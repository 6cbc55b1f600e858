"""The certificate authority that the loopback plays: two ways to ask, and every reason to refuse."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from werkzeug.test import Client

from played import RUN
from tagseal.loopback.actions import Issuer, claims
from tagseal.loopback.sigstore.fulcio import Fulcio

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
    from werkzeug.test import TestResponse

KEY = ec.generate_private_key(ec.SECP256R1())
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is to be refused
ARC = "1.3.6.1.4.1.57264.1"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def fulcio(issuer: Issuer) -> Fulcio:
    return Fulcio(issuer)


def signing_request(key: CertificateIssuerPrivateKeyTypes = KEY) -> bytes:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, algorithm).public_bytes(Encoding.PEM)


def key_request(
    key: ec.EllipticCurvePrivateKey = KEY, subject: str = RUN.subject, digest: hashes.HashAlgorithm | None = None
) -> dict[str, Any]:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    proof = key.sign(subject.encode(), ec.ECDSA(digest or hashes.SHA256()))
    content = {"algorithm": "ECDSA", "content": public}
    return {"publicKeyRequest": {"publicKey": content, "proofOfPossession": b64encode(proof).decode()}}


def ask(fulcio: Fulcio, token: str, body: dict[str, Any]) -> TestResponse:
    return Client(fulcio).post("/api/v2/signingCert", json=body, headers={"Authorization": f"Bearer {token}"})


def by_request(request: bytes) -> dict[str, Any]:
    return {"certificateSigningRequest": b64encode(request).decode()}


def issued(answer: TestResponse) -> list[x509.Certificate]:
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    pem = answer.json["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return [x509.load_pem_x509_certificate(one.encode()) for one in pem]


def test_both_ways_of_asking_certify_the_key(fulcio: Fulcio, issuer: Issuer) -> None:
    """A signing request and a bare key with proof get the same kind of certificate, for that key."""
    token = issuer.mint(RUN, "sigstore")
    for body in (by_request(signing_request()), key_request()):
        leaf, *chain = issued(ask(fulcio, token, body))
        assert leaf.public_key() == KEY.public_key()
        assert chain == fulcio.chain


def test_a_token_may_come_in_the_body(fulcio: Fulcio, issuer: Issuer) -> None:
    """Go clients put the token into ``credentials``, without a header."""
    body = {"credentials": {"oidcIdentityToken": issuer.mint(RUN, "sigstore")}, **key_request()}
    assert issued(Client(fulcio).post("/api/v2/signingCert", json=body))


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_larger_curves_prove_themselves_with_their_own_digest(
    fulcio: Fulcio, issuer: Issuer, curve: ec.EllipticCurve
) -> None:
    """P-384 goes with SHA-384 and P-521 with SHA-512; SHA-256 is refused there."""
    key, token = ec.generate_private_key(curve), issuer.mint(RUN, "sigstore")
    digest = hashes.SHA384() if curve.name == "secp384r1" else hashes.SHA512()
    assert issued(ask(fulcio, token, key_request(key, digest=digest)))
    assert ask(fulcio, token, key_request(key)).status_code == 400


def test_a_chain_leads_to_the_root(fulcio: Fulcio) -> None:
    """Each certificate is directly issued by the next, the last by itself."""
    chain = fulcio.issue(KEY.public_key(), RUN)
    for certificate, authority in zip(chain, [*chain[1:], chain[-1]], strict=True):
        certificate.verify_directly_issued_by(authority)


def test_a_leaf_has_fulcios_profile(fulcio: Fulcio) -> None:
    """Ten minutes, digital signatures on code only, no subject but one critical alternative name."""
    leaf = fulcio.issue(KEY.public_key(), RUN)[0]
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() == 600
    assert leaf.subject == x509.Name([])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert [name.value for name in names.value] == [f"https://github.com/{RUN.workflow_ref}"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CODE_SIGNING]
    assert len(leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value) == 1


def test_the_timestamp_covers_the_certificate_without_it(fulcio: Fulcio) -> None:
    """The log's signature verifies over the precertificate entry of RFC 6962 section 3.2, rebuilt here."""
    leaf, authority, _ = fulcio.issue(KEY.public_key(), RUN)
    (timestamp,) = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    issuer_key = hashes.Hash(hashes.SHA256())
    issuer_key.update(authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    certificate = leaf.tbs_precertificate_bytes
    milliseconds = int((timestamp.timestamp - timestamp.timestamp.min).total_seconds() * 1000) - 62_135_596_800_000
    entry = b"\0\1" + issuer_key.finalize() + len(certificate).to_bytes(3, "big") + certificate
    signed = b"\0\0" + milliseconds.to_bytes(8, "big") + entry + b"\0\0"
    fulcio.log_key.verify(timestamp.signature, signed, ec.ECDSA(hashes.SHA256()))


def test_extensions_follow_the_numbers_of_the_public_instance(fulcio: Fulcio) -> None:
    """All numbers but 7 (user names) are there; 23 only with an environment."""
    for run, absent in ((RUN, {7, 23}), (replace(RUN, environment="release"), {7})):
        leaf = fulcio.issue(KEY.public_key(), run)[0]
        names = [extension.oid.dotted_string for extension in leaf.extensions]
        numbers = [int(name.rpartition(".")[2]) for name in names if name.startswith(f"{ARC}.")]
        assert numbers == [number for number in range(1, 25) if number not in absent]


def test_the_trust_bundle_is_the_chain(fulcio: Fulcio) -> None:
    """``GET /api/v2/trustBundle`` gives the authorities, issuing one first."""
    answer = Client(fulcio).get("/api/v2/trustBundle")
    assert answer.json is not None
    (chain,) = answer.json["chains"]
    assert [x509.load_pem_x509_certificate(one.encode()) for one in chain["certificates"]] == fulcio.chain


BAD_TOKEN = "There was an error processing the identity token"
BAD_SIGNATURE = "The signature supplied in the request could not be verified"
WEAK = "The public key supplied in the request is insecure"
NO_REQUEST = "The certificate signing request could not be parsed"
NO_KEY = "The public key supplied in the request could not be parsed"


def tampered() -> bytes:
    """A request of another key under this key's signature."""
    other = x509.load_pem_x509_csr(signing_request(ec.generate_private_key(ec.SECP256R1()))).public_bytes(Encoding.DER)
    mine = bytearray(x509.load_pem_x509_csr(signing_request()).public_bytes(Encoding.DER))
    point = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    stranger = x509.load_der_x509_csr(other).public_key()
    assert isinstance(stranger, ec.EllipticCurvePublicKey)
    at = mine.index(point)
    mine[at : at + len(point)] = stranger.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return x509.load_der_x509_csr(bytes(mine)).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(by_request(b"not PEM"), NO_REQUEST, id="no signing request"),
        pytest.param(by_request(tampered()), BAD_SIGNATURE, id="a request signed by another key"),
        pytest.param(by_request(signing_request(SHORT)), WEAK, id="a short RSA key"),
        pytest.param(by_request(signing_request(ec.generate_private_key(ec.SECP256K1()))), WEAK, id="another curve"),
        pytest.param({}, NO_KEY, id="nothing"),
        pytest.param({"publicKeyRequest": {"publicKey": {"content": "?"}}}, NO_KEY, id="no key"),
        pytest.param(key_request(subject="repo:mallory/widget:ref:refs/tags/v1"), BAD_SIGNATURE, id="another's proof"),
        pytest.param(
            {"publicKeyRequest": {**key_request()["publicKeyRequest"], "proofOfPossession": ""}},
            BAD_SIGNATURE,
            id="no proof",
        ),
    ],
)
def test_a_key_that_is_weak_or_not_proved_is_refused(
    fulcio: Fulcio, issuer: Issuer, body: dict[str, Any], message: str
) -> None:
    """Nobody gets a certificate for a key that they do not hold; the words are Fulcio's own."""
    answer = ask(fulcio, issuer.mint(RUN, "sigstore"), body)
    assert (answer.status_code, answer.json) == (400, {"code": 3, "message": message, "details": []})


@pytest.mark.parametrize(
    "kind", ["none", "another issuer's", "for another audience", "expired", "of an attacker's making"]
)
def test_a_bad_token_is_refused(fulcio: Fulcio, issuer: Issuer, kind: str) -> None:
    """Without a token of this issuer, for this audience, nothing is issued."""
    token = {
        "none": "",
        "another issuer's": Issuer().mint(RUN, "sigstore"),
        "for another audience": issuer.mint(RUN, "pypi"),
        "expired": issuer.mint(RUN, "sigstore", age=301),
        "of an attacker's making": f"e30.{b64encode(str(claims(RUN)).encode()).decode()}.AAAA",
    }[kind]
    answer = ask(fulcio, token, key_request())
    assert (answer.status_code, answer.json) == (400, {"code": 3, "message": BAD_TOKEN, "details": []})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"certificateSigningRequest": 1}'])
def test_a_body_that_is_no_request_is_refused(fulcio: Fulcio, body: bytes) -> None:
    """Whatever is sent, the answer is an error in JSON and never a traceback."""
    answer = Client(fulcio).post("/api/v2/signingCert", data=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == 3


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v2/signingCert", 405), ("GET", "/", 404)])
def test_other_requests_are_refused_in_json(fulcio: Fulcio, method: str, path: str, status: int) -> None:
    """An unknown path or method is answered in the gateway's form."""
    answer = Client(fulcio).open(path, method=method)
    assert answer.status_code == status
    assert set(answer.json or {}) == {"code", "message", "details"}
