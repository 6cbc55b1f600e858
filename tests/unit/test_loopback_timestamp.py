"""The timestamp authority that the loopback plays: what it says, to whom, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    Verifier,
    VerifierBuilder,
    decode_timestamp_response,
)
from werkzeug.test import Client

from tagseal.loopback.sigstore.timestamp import PATH, TimestampAuthority
from tagseal.loopback.sigstore.tsp import POLICY

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.test import TestResponse

MESSAGE = b"a signature"
QUERY = "application/timestamp-query"
OPENSSL = shutil.which("openssl")


@pytest.fixture
def authority() -> TimestampAuthority:
    return TimestampAuthority()


def builder(authority: TimestampAuthority) -> VerifierBuilder:
    leaf, root = authority.chain
    return VerifierBuilder().tsa_certificate(leaf).add_root_certificate(root)


def verifier(authority: TimestampAuthority) -> Verifier:
    return builder(authority).build()


def ask(authority: TimestampAuthority, request: bytes, content_type: str = QUERY) -> TestResponse:
    return Client(authority).post(PATH, data=request, content_type=content_type)


def answer(authority: TimestampAuthority, request: bytes) -> TimeStampResponse:
    got = ask(authority, request)
    assert (got.status_code, got.mimetype) == (201, "application/timestamp-reply"), got.text
    return decode_timestamp_response(got.data)


@pytest.mark.parametrize("algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("nonce", [True, False])
@pytest.mark.parametrize("certificate", [True, False])
def test_sigstores_own_client_verifies_it(
    authority: TimestampAuthority, algorithm: HashAlgorithm, *, nonce: bool, certificate: bool
) -> None:
    """Message, nonce, policy, chain and usage hold, with the certificate in the answer only where it was asked for."""
    request = TimestampRequestBuilder().data(MESSAGE).hash_algorithm(algorithm)
    request = request.nonce(nonce=nonce).cert_request(cert_request=certificate)
    asked = request.build()
    got = answer(authority, asked.as_bytes())
    strict = builder(authority).policy_id(x509.ObjectIdentifier(POLICY))
    assert (strict.nonce(asked.nonce) if asked.nonce is not None else strict).build().verify_message(got, MESSAGE)
    leaf = authority.chain[0].public_bytes(Encoding.DER)
    assert list(got.signed_data.certificates) == ([leaf] if certificate else [])
    assert abs(got.tst_info.gen_time - datetime.now(UTC)) < timedelta(minutes=1)


def test_another_message_is_not_stamped(authority: TimestampAuthority) -> None:
    """A timestamp is over one message."""
    with pytest.raises(VerificationError, match="Mismatch between messages"):
        verifier(authority).verify_message(decode_timestamp_response(authority.stamp(MESSAGE)), b"another")


def test_another_authority_did_not_stamp_it(authority: TimestampAuthority) -> None:
    """Keys are fresh in each, though they all have the same names."""
    with pytest.raises(VerificationError):
        verifier(TimestampAuthority()).verify_message(decode_timestamp_response(authority.stamp(MESSAGE)), MESSAGE)


def test_a_flipped_byte_is_noticed(authority: TimestampAuthority) -> None:
    """Whichever byte of what is signed changes, or of the signature, it no longer parses, or no longer verifies."""
    response = authority.stamp(MESSAGE)
    token = response.index(sha256(MESSAGE).digest())
    for place in (*range(token, token + 60), *range(len(response) - 40, len(response))):
        changed = bytearray(response)
        changed[place] ^= 1
        with pytest.raises((ValueError, VerificationError)):
            verifier(authority).verify_message(decode_timestamp_response(bytes(changed)), MESSAGE)


def test_two_timestamps_are_two(authority: TimestampAuthority) -> None:
    """Each has a serial number of its own."""
    one, other = (decode_timestamp_response(authority.stamp(MESSAGE)) for _ in range(2))
    assert one.tst_info.serial_number != other.tst_info.serial_number


@pytest.mark.system
@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_openssl_verifies_it(authority: TimestampAuthority, tmp_path: Path, digest: str) -> None:
    """A second judge, which also compares the certificate that the signed attributes name."""
    (tmp_path / "root.pem").write_bytes(authority.chain[1].public_bytes(Encoding.PEM))
    (tmp_path / "message").write_bytes(MESSAGE)

    def openssl(*arguments: str) -> str:
        done = subprocess.run(
            [str(OPENSSL), "ts", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    openssl("-query", "-data", "message", digest, "-cert", "-out", "query")
    (tmp_path / "reply").write_bytes(ask(authority, (tmp_path / "query").read_bytes()).data)
    assert "Verification: OK" in openssl("-verify", "-queryfile", "query", "-in", "reply", "-CAfile", "root.pem")


def test_the_chain_can_be_had(authority: TimestampAuthority) -> None:
    """From the certificate that signs to its root."""
    got = Client(authority).get(f"{PATH}/certchain")
    assert x509.load_pem_x509_certificates(got.data) == authority.chain


GOOD = TimestampRequestBuilder().data(MESSAGE).nonce(nonce=False).hash_algorithm(HashAlgorithm.SHA256).build()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        pytest.param(b"", "error parsing asn1", id="nothing"),
        pytest.param(b"not DER", "error parsing asn1", id="not DER"),
        pytest.param(GOOD.as_bytes()[:-4], "error parsing asn1", id="cut"),
        pytest.param(GOOD.as_bytes().replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "version", id="another version"),
        pytest.param(
            bytes.fromhex("3029020101302130090605")
            + bytes.fromhex("2b0e03021a0500")
            + bytes.fromhex("0414")
            + bytes(20)
            + bytes.fromhex("0101ff"),
            "unsupported hash algorithm",
            id="SHA-1",
        ),
        pytest.param(
            GOOD.as_bytes().replace(sha256(MESSAGE).digest(), b"").replace(b"\x04\x20", b"\x04\x00"),
            "error parsing asn1",
            id="a length that lies",
        ),
    ],
)
def test_a_bad_request_is_refused(authority: TimestampAuthority, request_: bytes, words: str) -> None:
    """With 400, and in words of the service."""
    got = ask(authority, request_)
    assert got.status_code == 400
    assert words in (got.json or {})["message"]


@pytest.mark.system
def test_another_policy_is_refused(authority: TimestampAuthority, tmp_path: Path) -> None:
    """The authority has one."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed: it makes the request")
    (tmp_path / "message").write_bytes(MESSAGE)
    argv = [OPENSSL, "ts", "-query", "-data", "message", "-sha256", "-tspolicy", "1.2.3.4", "-out", "query"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    got = ask(authority, (tmp_path / "query").read_bytes())
    assert got.status_code == 400
    assert "unaccepted policy" in (got.json or {})["message"]


def test_another_content_type_is_refused(authority: TimestampAuthority) -> None:
    """415, as the service answers."""
    assert ask(authority, GOOD.as_bytes(), "text/plain").status_code == 415
