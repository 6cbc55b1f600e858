"""Envelopes (DSSE) around statements (in-toto): they verify as such, and a package needs a message signature."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.serialization import Encoding
from securesystemslib.dsse import Envelope

from forging.case import attack
from forging.log import text
from forging.release import CONTENT, FILE, V03, Document, Workshop, written
from tagseal.verification.result import Check

_TYPE = "application/vnd.in-toto+json"
_OURS = {"name": FILE, "digest": {"sha256": hashlib.sha256(CONTENT).hexdigest()}}
_OTHER = {"name": "widget-1.2.3.tar.gz", "digest": {"sha256": hashlib.sha256(b"another").hexdigest()}}
_FORM = "expected a message signature"


@attack(Check.bundle, _FORM)
def statement_for_a_package(shop: Workshop) -> Document:
    """A statement about our file, of some predicate: it may say that the file is bad."""
    return _bundle(shop, _statement(_OURS))


@attack(Check.bundle, _FORM)
def statement_of_two_subjects(shop: Workshop) -> Document:
    """A statement about our file and another."""
    return _bundle(shop, _statement(_OTHER, _OURS))


@attack(Check.bundle, _FORM)
def statement_of_no_subject(shop: Workshop) -> Document:
    """A statement about nothing."""
    return _bundle(shop, _statement())


@attack(Check.bundle, _FORM)
def statement_about_another_file(shop: Workshop) -> Document:
    """A statement about another file."""
    return _bundle(shop, _statement(_OTHER))


@attack(Check.bundle, _FORM)
def statement_of_another_type(shop: Workshop) -> Document:
    """An envelope of something that is no statement."""
    return _bundle(shop, b"our file is good", "text/plain")


@attack(Check.bundle, _FORM)
def statement_beside_signature(shop: Workshop) -> Document:
    """A signature of ours, and somebody's statement in the same bundle: two readers may take different ones."""
    return {**shop.bundle(), "dsseEnvelope": _bundle(shop, _statement(_OURS))["dsseEnvelope"]}


@attack(Check.bundle, _FORM)
def neither_statement_nor_signature(shop: Workshop) -> Document:
    """Nothing is signed."""
    document = shop.bundle()
    del document["messageSignature"]
    return document


def _statement(*subjects: dict[str, Any]) -> bytes:
    predicate: dict[str, Any] = {
        "predicateType": "https://example.com/quarantined/v1",
        "predicate": {"reason": "malware"},
    }
    return written({"_type": "https://in-toto.io/Statement/v1", "subject": list(subjects), **predicate})


def _bundle(shop: Workshop, payload: bytes, kind: str = _TYPE) -> Document:
    """Return the bundle of an envelope, signed and entered."""
    made = shop.signed(Envelope(payload, kind, {}).pae())
    envelope = {"payload": text(payload), "payloadType": kind, "signatures": [{"sig": text(made.signature)}]}
    verifier = text(made.certificate.public_bytes(Encoding.PEM))
    spec: dict[str, Any] = {
        "envelopeHash": _sha256(written(envelope)),
        "payloadHash": _sha256(payload),
        "signatures": [{"signature": text(made.signature), "verifier": verifier}],
    }
    body = rfc8785.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
    material = made.bundle(shop.log.entry(body))["verificationMaterial"]
    return {"mediaType": V03, "verificationMaterial": material, "dsseEnvelope": envelope}


def _sha256(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}
