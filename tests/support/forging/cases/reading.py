"""Documents that readers of JSON may take differently, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from forging.case import CERTIFICATE, ENTRY, SIGNATURE, Files, attack, get, put
from forging.log import text
from forging.release import CONTENT, FILE, OLD, Document, Workshop, written
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from forging.case import Path

NEWER = "application/vnd.dev.sigstore.bundle.v0.4+json"


@attack(Check.bundle, "", truncated=True)
def truncated_at_every_length(shop: Workshop) -> Document:
    """A download of the bundle broke off, after any number of bytes."""
    return shop.bundle()


@attack(Check.bundle, "expected at most", repeat=[" ", 1_100_000])
def huge_white_space(_shop: Workshop) -> Files:
    """A bundle of more than a megabyte, of nothing."""
    return {FILE: CONTENT}


@attack(Check.bundle, "expected at most", repeat=['{"mediaType":', 100_000])
def huge_and_deep(_shop: Workshop) -> Files:
    """A bundle of more than a megabyte, as deep as it is long."""
    return {FILE: CONTENT}


@attack(Check.bundle, "recursion", repeat=["[", 100_000])
def deep_lists(_shop: Workshop) -> Files:
    """Lists in lists, deeper than any reader's stack."""
    return {FILE: CONTENT}


@attack(Check.bundle, "recursion", repeat=['{"a":', 100_000])
def deep_objects(_shop: Workshop) -> Files:
    """Objects in objects, deeper than any reader's stack."""
    return {FILE: CONTENT}


@attack(Check.bundle, "4300 digits", repeat=["9", 100_000])
def vast_number(_shop: Workshop) -> Files:
    """A number of a hundred thousand digits."""
    return {FILE: CONTENT}


@attack(Check.bundle, "Expecting value")
def empty_bundle(_shop: Workshop) -> bytes:
    """A bundle without a byte."""
    return b""


@attack(Check.bundle, "expected a JSON object")
def null_bundle(_shop: Workshop) -> bytes:
    """The bundle is null."""
    return b"null"


@attack(Check.bundle, "expected a JSON object")
def list_of_bundles(shop: Workshop) -> bytes:
    """A list with a bundle in it."""
    return written([shop.bundle()])


@attack(Check.bundle, "expected a message signature")
def object_without_keys(_shop: Workshop) -> bytes:
    """An object, and nothing in it."""
    return b"{}"


@attack(Check.bundle, "duplicate key")
def duplicate_signature(shop: Workshop) -> bytes:
    """Two signatures under one key: some readers take the first, some the last."""
    stranger = json.dumps(shop.bundle(b"another file")["messageSignature"]).encode()
    return written(shop.bundle()).replace(b'{"mediaType"', b'{"messageSignature":%b,"mediaType"' % stranger, 1)


@attack(Check.bundle, "duplicate key")
def duplicate_key_below(shop: Workshop) -> bytes:
    """Two certificates under one key, further down."""
    raw = get(shop.bundle(), CERTIFICATE).encode()
    return written(shop.bundle()).replace(b'"certificate":{', b'"certificate":{"rawBytes":"%b",' % raw, 1)


@attack(Check.bundle, "duplicate key")
def duplicate_key_escaped(shop: Workshop) -> bytes:
    """The same key twice, once spelled with an escape."""
    return written(shop.bundle()).replace(b'{"mediaType"', b'{"medi\\u0061Type":"","mediaType"', 1)


@attack(Check.bundle, "expected a message signature")
def unknown_key(shop: Workshop) -> Document:
    """A part that no version of the bundle has."""
    return {**shop.bundle(), "verified": True}


@attack(Check.bundle, "Extra inputs")
def unknown_key_below(shop: Workshop) -> Document:
    """A part that no version of the bundle has, further down."""
    return put(shop.bundle(), (*ENTRY, "verified"), True)  # noqa: FBT003 - JSON


@attack(Check.bundle, "expected a message signature")
def keys_with_underscores(shop: Workshop) -> bytes:
    """The parts have the names that they have in the protocol's definition, which readers may take as well."""
    names = {b"mediaType": b"media_type", b"messageSignature": b"message_signature"}
    document = written(shop.bundle())
    for name, other in names.items():
        document = document.replace(b'"%b"' % name, b'"%b"' % other)
    return document


@attack(Check.bundle, "logIndex")
def index_as_number(shop: Workshop) -> Document:
    """An index as a number: JSON's numbers have 53 bits, which is why they are text."""
    document = shop.bundle()
    return put(document, (*ENTRY, "logIndex"), int(get(document, (*ENTRY, "logIndex"))))


@attack(Check.bundle, "two readers take for different things")
def index_with_plus(shop: Workshop) -> Document:
    """An index with a sign, which is the same number to some readers and no number to others."""
    document = shop.bundle()
    return put(document, (*ENTRY, "logIndex"), "+" + get(document, (*ENTRY, "logIndex")))


@attack(Check.bundle, "two readers take for different things")
def index_in_other_digits(shop: Workshop) -> Document:
    """An index in Arabic-Indic digits, which Python takes for a number."""
    document = shop.bundle()
    digits = str.maketrans("0123456789", "".join(chr(0x660 + number) for number in range(10)))
    return put(document, (*ENTRY, "logIndex"), get(document, (*ENTRY, "logIndex")).translate(digits))


@attack(Check.bundle, "certificate")
def types_exchanged(shop: Workshop) -> Document:
    """A list where an object has to be."""
    return put(shop.bundle(), ("verificationMaterial", "certificate"), [])


@attack(Check.bundle, "mediaType")
def media_type_newer(shop: Workshop) -> Document:
    """A version of the bundle that this client does not know."""
    return put(shop.bundle(), ("mediaType",), NEWER)


@attack(Check.bundle, "mediaType")
def media_type_of_another(shop: Workshop) -> Document:
    """The media type of something else."""
    return put(shop.bundle(), ("mediaType",), "application/json")


@attack(Check.bundle, "mediaType")
def media_type_empty(shop: Workshop) -> Document:
    """No media type."""
    return put(shop.bundle(), ("mediaType",), "")


@attack(Check.bundle, "expected certificate chain in bundle")
def media_type_older_than_its_parts(shop: Workshop) -> Document:
    """Version 0.2 is said, and the parts are those of 0.3."""
    return put(shop.bundle(), ("mediaType",), f"{OLD}2")


@attack(Check.bundle, "BOM|Expecting value")
def byte_order_mark(shop: Workshop) -> bytes:
    """A byte order mark stands before the document, as some editors leave it."""
    return b"\xef\xbb\xbf" + written(shop.bundle())


@attack(Check.bundle, "codec can't decode")
def utf_16(shop: Workshop) -> bytes:
    """The document is UTF-16: some readers guess that, JSON is UTF-8 (RFC 8259 section 8.1)."""
    return written(shop.bundle()).decode().encode("utf-16")


@attack(Check.bundle, "codec can't decode")
def not_utf_8(shop: Workshop) -> bytes:
    """A byte that no text has."""
    return written(shop.bundle()).replace(b'"kind":"hashedrekord"', b'"kind":"hashedrekord\xff"', 1)


@attack(Check.bundle, "Invalid JSON")
def lone_surrogate(shop: Workshop) -> bytes:
    """Half of a character."""
    return written(shop.bundle()).replace(b'"kind":"hashedrekord"', b'"kind":"\\ud800"', 1)


@attack(Check.bundle, "got NaN")
def not_a_number(shop: Workshop) -> bytes:
    """A number that JSON does not have."""
    index = get(shop.bundle(), (*ENTRY, "integratedTime")).encode()
    return written(shop.bundle()).replace(b'"integratedTime":"%b"' % index, b'"integratedTime":NaN', 1)


@attack(Check.bundle, "Extra data")
def trailing_text(shop: Workshop) -> bytes:
    """Something follows the document."""
    return written(shop.bundle()) + b"\n{}"


@attack(Check.bundle, "Extra data")
def trailing_zero_bytes(shop: Workshop) -> bytes:
    """Zero bytes follow the document, as a disk leaves them after a crash."""
    return written(shop.bundle()) + b"\0" * 16


@attack(Check.bundle, "Invalid control character")
def zero_byte_within(shop: Workshop) -> bytes:
    """A zero byte in a text."""
    return written(shop.bundle()).replace(b'"kind":"hashedrekord"', b'"kind":"hashedrekord\0"', 1)


@attack(Check.bundle, "Expecting property name")
def comment_within(shop: Workshop) -> bytes:
    """A comment, which JSON does not have."""
    return written(shop.bundle()).replace(b"{", b"{/* genuine */", 1)


@attack(Check.bundle, "two readers take for different things")
def base64_with_newline(shop: Workshop) -> Document:
    """The signature's Base64 is broken into lines, as mail has it."""
    return _spelled(shop, SIGNATURE, lambda said: f"{said[:20]}\n{said[20:]}")


@attack(Check.bundle, "two readers take for different things")
def base64_with_foreign_letters(shop: Workshop) -> Document:
    """Letters that Base64 does not have stand in the signature: some readers skip them."""
    return _spelled(shop, SIGNATURE, lambda said: f"{said[:20]}!!{said[20:]}")


@attack(Check.bundle, "rawBytes|two readers|asn1")
def base64_of_addresses(shop: Workshop) -> Document:
    """The certificate is in the Base64 of addresses: some readers skip its two letters, and read other bytes."""
    return _spelled(shop, CERTIFICATE, lambda said: said.replace("+", "-").replace("/", "_"))


@attack(Check.bundle, "padding")
def base64_without_padding(shop: Workshop) -> Document:
    """The signature's Base64 lacks its padding."""
    return _spelled(shop, SIGNATURE, lambda said: said.rstrip("="))


@attack(Check.bundle, "algorithm SHA2_512, expected SHA2_256")
def digest_of_another_algorithm(shop: Workshop) -> Document:
    """The bundle calls our file's SHA-256 a SHA-512."""
    return put(shop.bundle(), ("messageSignature", "messageDigest", "algorithm"), "SHA2_512")


@attack(Check.bundle, "algorithm")
def digest_of_an_unknown_algorithm(shop: Workshop) -> Document:
    """The bundle calls our file's SHA-256 something that nobody has heard of."""
    return put(shop.bundle(), ("messageSignature", "messageDigest", "algorithm"), "SHA9_999")


@attack(Check.signature, "Bundle message digest mismatch")
def digest_cut_short(shop: Workshop) -> Document:
    """The bundle's digest is the first half of our file's."""
    half = text(shop.signed().sha256[:16])
    return put(shop.bundle(), ("messageSignature", "messageDigest", "digest"), half)


def _spelled(shop: Workshop, path: Path, spell: Callable[[str], str]) -> Document:
    """Return a bundle in which one text is spelled in another way; its signature has padding, as most have."""
    while not get(document := shop.bundle(), SIGNATURE).endswith("="):
        pass
    return put(document, path, spell(get(document, path)))
