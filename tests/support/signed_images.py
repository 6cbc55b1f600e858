"""Signatures of an image, genuine ones and those that an attacker with a certificate of their own could make."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from instance import RUN, Instance
from tagseal.loopback.sigstore import entries
from tagseal.verification.images import simplesigning
from tagseal.verification.images.simplesigning import CERTIFICATE, PROMISE, SIGNATURE, Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.x509 import Certificate
    from sigstore.dsse import Statement

    from tagseal.loopback.actions import Run

IMAGE = "ghcr.io/octo/widget"
DIGEST = hashlib.sha256(b"an index").hexdigest()
PLATFORM = hashlib.sha256(b"a manifest for linux/arm64").hexdigest()
SIGNED = ec.ECDSA(hashes.SHA256())


def signed(played: Instance, wanted: Mapping[str, str | Statement], run: Run = RUN) -> dict[str, bytes]:
    """Return the bundles of digests and statements, signed by a job of this run."""
    bundles: dict[str, bytes] = {}
    played.sigstore.sign(wanted, lambda: played.issuer.mint(run, "sigstore"), bundles.__setitem__, promised=True)
    return bundles


def genuine(played: Instance, payload: bytes, run: Run = RUN) -> Layer:
    """Return the layer of a payload as ``sign`` makes it."""
    bundle = signed(played, {"image": hashlib.sha256(payload).hexdigest()}, run)["image"]
    return simplesigning.layer(bundle, payload)


def forged(played: Instance, payload: bytes, key: ec.EllipticCurvePrivateKey, certificate: Certificate) -> Layer:
    """Return the layer of whoever holds this key and certificate: the log takes what verifies."""
    signature, pem = key.sign(payload, SIGNED), certificate.public_bytes(Encoding.PEM)
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}},
        "signature": {"content": text(signature), "publicKey": {"content": text(pem)}},
    }
    body = entries.canonical(json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}))
    played.rekor.log.add(body)
    told = next(iter((played.rekor.log.by_uuid(played.rekor.log.uuid(body)) or {}).values()))
    promise = {
        "SignedEntryTimestamp": told["verification"]["signedEntryTimestamp"],
        "Payload": {name: told[name] for name in ("body", "integratedTime", "logIndex", "logID")},
    }
    annotations = {SIGNATURE: text(signature), CERTIFICATE: pem.decode(), PROMISE: json.dumps(promise)}
    return Layer(payload=payload, annotations=annotations)


def promised(layer: Layer, key: ec.EllipticCurvePrivateKey, **changes: Any) -> Layer:  # noqa: ANN401 - JSON
    """Return the layer with other words in the log's entry, signed by this key as if it were the log's."""
    entry = json.loads(layer.annotations[PROMISE])["Payload"] | changes
    timestamp = text(key.sign(rfc8785.dumps(entry), SIGNED))
    return annotated(layer, PROMISE, json.dumps({"SignedEntryTimestamp": timestamp, "Payload": entry}))


def annotated(layer: Layer, name: str, value: str) -> Layer:
    """Return the layer with another value of an annotation."""
    return replace(layer, annotations={**layer.annotations, name: value})


def flipped(content: bytes) -> bytes:
    """Return the bytes with one bit changed in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def flipped_text(content: str) -> str:
    """Return Base64 text of the bytes with one bit changed."""
    return text(flipped(b64decode(content)))


def text(content: bytes) -> str:
    """Return the bytes in Base64."""
    return b64encode(content).decode()
