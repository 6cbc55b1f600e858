"""What must verify: the forms that real clients write."""

from __future__ import annotations

import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from forging.case import BUNDLE, CERTIFICATE, Files, genuine, get, put, without
from forging.certificates import LIFETIME, START, Leaf
from forging.release import FILE, OLD, Document, Workshop, written
from instance import RUN


@genuine()
def genuine_today(shop: Workshop) -> Document:
    """Version 0.3 of the bundle, one certificate, an entry with promise and proof: what signers write today."""
    return shop.bundle()


@genuine()
def genuine_first_name_of_version_3(shop: Workshop) -> Document:
    """Version 0.3 had another media type for a while."""
    return put(shop.bundle(), ("mediaType",), f"{OLD}3")


@genuine()
def genuine_version_2(shop: Workshop) -> Document:
    """Version 0.2 has a chain of certificates, of which the first is the signer's."""
    return old(shop.bundle(), 2)


@genuine()
def genuine_version_1(shop: Workshop) -> Document:
    """Version 0.1 asks for a promise; a proof beside it is checked all the same."""
    return old(shop.bundle(), 1)


@genuine()
def genuine_chain_with_authority(shop: Workshop) -> Document:
    """A bundle of version 0.2 may carry the issuing authority as well; nobody believes it."""
    document = old(shop.bundle(), 2)
    ours = get(shop.trusted_root(), ("certificateAuthorities", 0, "certChain", "certificates"))
    get(document, ("verificationMaterial", "x509CertificateChain", "certificates")).append(ours[0])
    return document


@genuine()
def genuine_without_digest(shop: Workshop) -> Document:
    """The digest in a bundle is a hint, and may be absent: the signature says it all."""
    return without(shop.bundle(), ("messageSignature", "messageDigest"))


@genuine()
def genuine_without_timestamp_data(shop: Workshop) -> Document:
    """Whoever asks no timestamp authority need not mention timestamps."""
    return without(shop.bundle(), ("verificationMaterial", "timestampVerificationData"))


@genuine()
def genuine_pretty_printed(shop: Workshop) -> bytes:
    """White space between the parts of a JSON document says nothing."""
    return json.dumps(shop.bundle(), indent=4).encode() + b"\n"


@genuine()
def genuine_manual_run_on_the_tag(shop: Workshop) -> Document:
    """A person may start the workflow on the tag: the identity is the same."""
    return shop.bundle(leaf=Leaf(run=replace(RUN, event="workflow_dispatch")))


@genuine()
def genuine_empty_file(shop: Workshop) -> Files:
    """A file without a byte can be signed, and has a digest."""
    return {FILE: b"", BUNDLE: written(shop.bundle(b""))}


@genuine()
def genuine_key_on_another_curve(shop: Workshop) -> Document:
    """Some signers have a key on P-384, and sign a SHA-256 with it."""
    return shop.bundle(key=ec.generate_private_key(ec.SECP384R1()))


@genuine()
def genuine_first_second(shop: Workshop) -> Document:
    """The log's time may be the very second in which the certificate begins."""
    return shop.bundle(when=int(START.timestamp()))


@genuine()
def genuine_last_second(shop: Workshop) -> Document:
    """The log's time may be the very second in which the certificate ends."""
    return shop.bundle(when=int(START.timestamp()) + LIFETIME)


def old(document: Document, version: int) -> Document:
    """Return the bundle in the form of version 0.1 or 0.2."""
    certificate = {"rawBytes": get(document, CERTIFICATE)}
    changed = without(document, ("verificationMaterial", "certificate"))
    changed = put(changed, ("verificationMaterial", "x509CertificateChain"), {"certificates": [certificate]})
    return put(changed, ("mediaType",), f"{OLD}{version}")
