"""The file is another one, or the bundle is; and what is no file, or no bundle, at all."""

from __future__ import annotations

from forging.case import BUNDLE, SIGNATURE, Files, attack, flip, flipped, put, without
from forging.log import text
from forging.release import CONTENT, FILE, Document, Workshop, fresh, sign, written
from tagseal.verification.result import Check

PAGE = b"<!DOCTYPE html>\n<html><head><title>Page not found</title></head><body>Not found</body></html>\n"
ANSWER = b'{"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}\n'
OTHER = b"A source distribution, as far as a signature knows.\n"

_MISMATCH = "Bundle message digest mismatch"


@attack(Check.signature, _MISMATCH)
def flipped_byte_in_file(shop: Workshop) -> Files:
    """One bit of the file differs from what was signed."""
    return {FILE: flipped(CONTENT), BUNDLE: written(shop.bundle())}


@attack(Check.signature, "Signature is invalid for input")
def flipped_byte_in_file_without_digest(shop: Workshop) -> Files:
    """As before, with a bundle that names no digest: now the signature itself has to tell."""
    document = without(shop.bundle(), ("messageSignature", "messageDigest"))
    return {FILE: flipped(CONTENT), BUNDLE: written(document)}


@attack(Check.signature, "Signature is invalid for input")
def flipped_byte_in_file_and_its_digest(shop: Workshop) -> Files:
    """The bundle's hint is changed along with the file."""
    other = flipped(CONTENT)
    digest = text(shop.signed(other).sha256)
    return {FILE: other, BUNDLE: written(put(shop.bundle(), ("messageSignature", "messageDigest", "digest"), digest))}


@attack(Check.signature, _MISMATCH)
def truncated_file(shop: Workshop) -> Files:
    """A download broke off."""
    return {FILE: CONTENT[:-7], BUNDLE: written(shop.bundle())}


@attack(Check.signature, _MISMATCH)
def appended_to_file(shop: Workshop) -> Files:
    """Something follows what was signed: archives are often read all the same."""
    return {FILE: CONTENT + b"\0", BUNDLE: written(shop.bundle())}


@attack(Check.signature, _MISMATCH)
def emptied_file(shop: Workshop) -> Files:
    """Nothing is left of the file."""
    return {FILE: b"", BUNDLE: written(shop.bundle())}


@attack(Check.signature, _MISMATCH)
def page_instead_of_file(shop: Workshop) -> Files:
    """A page about an error was saved under the file's name."""
    return {FILE: PAGE, BUNDLE: written(shop.bundle())}


@attack(Check.signature, _MISMATCH)
def swapped_bundle(shop: Workshop) -> Document:
    """The bundle is genuine, and another file's of the same release."""
    return shop.bundle(OTHER)


@attack(Check.signature, "Signature is invalid for input")
def swapped_bundle_without_digest(shop: Workshop) -> Document:
    """As before, and does not name the digest that it is for."""
    return without(shop.bundle(OTHER), ("messageSignature", "messageDigest"))


@attack(Check.signature, "Signature is invalid for input")
def swapped_bundle_with_our_digest(shop: Workshop) -> Document:
    """As before, and names our file's digest."""
    digest = text(shop.signed().sha256)
    return put(shop.bundle(OTHER), ("messageSignature", "messageDigest", "digest"), digest)


@attack(Check.signature, "Signature is invalid for input")
def swapped_signature(shop: Workshop) -> Document:
    """Everything is genuine, but the signature is that of another file by the same key."""
    made = shop.signed()
    return put(made.bundle(shop.log.entry(made.body)), SIGNATURE, text(sign(made.key, OTHER)))


@attack(Check.signature, "Signature is invalid for input")
def signature_by_another_key(shop: Workshop) -> Document:
    """A certificate can be copied; the key that it certifies cannot."""
    stolen = shop.signed()
    made = shop.signed(key=fresh(), certificate=stolen.certificate)
    return made.bundle(shop.log.entry(made.body))


@attack(Check.signature, "Signature is invalid for input")
def flipped_byte_in_signature(shop: Workshop) -> Document:
    """One bit of the signature differs."""
    return flip(shop.bundle(), SIGNATURE, -1)


@attack(Check.signature, "Signature is invalid for input")
def empty_signature(shop: Workshop) -> Document:
    """There is a place for a signature, and nothing in it."""
    return put(shop.bundle(), SIGNATURE, "")


@attack(Check.signature, "Signature is invalid for input")
def zero_signature(shop: Workshop) -> Document:
    """An ECDSA signature of two zeros, which careless verifiers have accepted for any message (CVE-2022-21449)."""
    return put(shop.bundle(), SIGNATURE, text(bytes.fromhex("3006020100020100")))


@attack(Check.signature, "Signature is invalid for input")
def trailing_byte_after_signature(shop: Workshop) -> Document:
    """The signature is followed by a byte: there would be many names for one thing."""
    made = shop.signed()
    return put(made.bundle(shop.log.entry(made.body)), SIGNATURE, text(made.signature + b"\0"))


@attack(Check.bundle, "")
def missing_bundle(_shop: Workshop) -> Files:
    """There is a file, and no bundle beside it."""
    return {FILE: CONTENT}


@attack(Check.bundle, "Expecting value")
def page_instead_of_bundle(_shop: Workshop) -> bytes:
    """A page about an error was saved under the bundle's name."""
    return PAGE


@attack(Check.bundle, "expected a message signature")
def answer_instead_of_bundle(_shop: Workshop) -> bytes:
    """An answer of GitHub's API was saved under the bundle's name."""
    return ANSWER
