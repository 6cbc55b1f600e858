"""Entries that are proposed to the loopback's log: what is kept of a good one, and why a bad one is refused."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from werkzeug.exceptions import BadRequest

from tagseal.loopback.sigstore.entries import build_proposal, canonical

KEY = ec.generate_private_key(ec.SECP256R1())


def text(content: bytes) -> str:
    return b64encode(content).decode()


def pem(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    return text(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def record() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(build_proposal(b"message", KEY))
    return read


def kept(entry: dict[str, Any]) -> dict[str, Any]:
    """What the log keeps of a proposed entry."""
    read: dict[str, Any] = json.loads(canonical(json.dumps(entry)))
    return read


def envelope(*keys: ec.EllipticCurvePrivateKey, payload: bytes = b"{}") -> str:
    kind = "application/vnd.in-toto+json"
    signed = Envelope(payload, kind, {}).pae()
    signatures = [{"sig": text(key.sign(signed, ec.ECDSA(hashes.SHA256()))), "keyid": ""} for key in keys]
    return json.dumps({"payload": text(payload), "payloadType": kind, "signatures": signatures})


def dsse(content: str, *verifiers: str) -> dict[str, Any]:
    spec = {"proposedContent": {"envelope": content, "verifiers": list(verifiers)}}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def test_the_body_is_canonical_and_carries_no_more_than_it_must() -> None:
    """Whatever else a client sends, the leaf is canonical JSON of kind, version, digest, signature and key."""
    entry = record()
    entry["spec"]["signature"]["publicKey"]["content"] = text(b64decode(pem()) + b"\n\n")
    body = canonical(json.dumps({**entry, "note": "ignored"}, indent=2))
    assert body == rfc8785.dumps(json.loads(body))
    assert body == canonical(json.dumps(json.loads(body)))
    assert json.loads(body)["spec"]["signature"]["publicKey"]["content"] == pem()
    assert set(json.loads(body)) == {"apiVersion", "kind", "spec"}


def test_an_envelope_leaves_digests_and_signatures_only() -> None:
    """The log keeps no payload: its digest, the envelope's, and each signature with its key, in order."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(8)]
    content = envelope(*keys)
    spec = kept(dsse(content, *(pem(key) for key in reversed(keys))))["spec"]
    assert spec["envelopeHash"]["value"] == hashlib.sha256(content.encode()).hexdigest()
    assert spec["payloadHash"]["value"] == hashlib.sha256(b"{}").hexdigest()
    assert sorted(one["verifier"] for one in spec["signatures"]) == sorted(pem(key) for key in keys)
    assert spec["signatures"] == sorted(spec["signatures"], key=lambda one: one["signature"])


def test_rsa_keys_with_larger_digests_are_taken() -> None:
    """A signature with RSA over a SHA-512 digest is checked as such."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    entry = record()
    signature = key.sign(b"message", padding.PKCS1v15(), hashes.SHA512())
    entry["spec"]["signature"] = {"content": text(signature), "publicKey": {"content": text(public)}}
    entry["spec"]["data"]["hash"] = {"algorithm": "sha512", "value": hashlib.sha512(b"message").hexdigest()}
    assert kept(entry)["spec"]["data"]["hash"]["algorithm"] == "sha512"


def changed(path: str, value: object) -> dict[str, Any]:
    """A good entry with one field set to something else; None deletes it."""
    entry = record()
    at = entry
    *folders, last = path.split(".")
    for folder in folders:
        at = at[folder]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return entry


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(changed("spec.data.hash.value", "0" * 64), "verifying signature", id="another digest"),
        pytest.param(changed("spec.data.hash.value", "00"), "verifying signature", id="a short digest"),
        pytest.param(changed("spec.data.hash.value", "zz" * 32), "non-hexadecimal", id="no digest"),
        pytest.param(
            changed("spec.data.hash.value", " ".join(["00"] * 32)), "invalid value", id="a digest with spaces"
        ),
        pytest.param(changed("spec.data.hash.algorithm", "md5"), "algorithm", id="a weak digest"),
        pytest.param(changed("spec.data.hash", None), "missing hash", id="no hash"),
        pytest.param(changed("spec.signature.content", text(b"x")), "verifying signature", id="no signature"),
        pytest.param(changed("spec.signature.publicKey", None), "missing public key", id="no key"),
        pytest.param(changed("spec.signature.publicKey.content", text(b"x")), "PEM", id="a key that is none"),
        pytest.param(
            changed("spec.signature.publicKey.content", pem(ec.generate_private_key(ec.SECP256R1()))),
            "verifying signature",
            id="another key",
        ),
        pytest.param(changed("apiVersion", "0.0.2"), "version 0.0.2 are not supported", id="another version"),
        pytest.param(changed("kind", "rekord"), "spec", id="another kind"),
        pytest.param(changed("kind", "nonsense"), "kind", id="no kind at all"),
        pytest.param(
            dsse(envelope(KEY), pem(ec.generate_private_key(ec.SECP256R1()))),
            "signatures must",
            id="another's envelope",
        ),
        pytest.param(dsse(envelope(), pem()), "1 or more signatures", id="an unsigned envelope"),
        pytest.param(dsse("{}", pem()), "payload", id="no envelope"),
    ],
)
def test_what_does_not_verify_is_refused(entry: dict[str, Any], reason: str) -> None:
    """A malformed proposal, or a signature that is not by its key over its digest, is refused with the reason."""
    with pytest.raises(BadRequest, match=f"error processing entry: .*{reason}"):
        canonical(json.dumps(entry))
