"""Timestamps of an authority (RFC 3161), and entries of the log's second version, which need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forging.case import ENTRY, PROOF, attack, flip, flipped, genuine, get, put, without
from forging.certificates import LIFETIME, START
from forging.log import SOON, Tiles, text
from forging.release import Document, Workshop
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from forging.release import Signed

_NO_TIME = "got a timestamp of .* that does not hold"
_CHECKPOINT = (*PROOF, "checkpoint", "envelope")
_START = int(START.timestamp())


@genuine()
def genuine_with_timestamp(shop: Workshop) -> Document:
    """A promise of the log and a timestamp of an authority: production signs so today."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(shop.stamp(made.signature),))


@genuine()
def genuine_with_two_timestamps(shop: Workshop) -> Document:
    """An authority may be asked twice."""
    made = shop.signed()
    stamps = (shop.stamp(made.signature), shop.stamp(made.signature, SOON + 1))
    return made.bundle(shop.log.entry(made.body), stamps=stamps)


@genuine()
def genuine_timestamp_without_promise(shop: Workshop) -> Document:
    """The authority tells the time, and the log proves: no promise is needed."""
    made = shop.signed()
    return _unpromised(shop, shop.stamp(made.signature), made=made)


@genuine()
def genuine_timestamp_at_the_end_of_its_authority(shop: Workshop) -> Document:
    """The last moment of the time for which an authority is trusted belongs to it (RFC 5280 section 4.1.2.5)."""
    made = shop.signed()
    return _unpromised(shop, shop.stamp(made.signature, retired=True), made=made)


@genuine()
def genuine_second_version_of_the_log(shop: Workshop) -> Document:
    """An entry of Rekor's second version, with a timestamp: signers will write so."""
    return _second(shop, shop.signed())


@genuine()
def genuine_checkpoint_with_cosignatures(shop: Workshop) -> Document:
    """Others may sign the log's checkpoint as well, before the log and after it; only the log's signature counts."""
    document = _second(shop, shop.signed())
    note, _, own = get(document, _CHECKPOINT).partition("\n\n")
    others = [f"\N{EM DASH} {name} {text(name.encode() * 8)}\n" for name in ("one.example", "two.example")]
    return put(document, _CHECKPOINT, f"{note}\n\n{others[0]}{own}{others[1]}")


@attack(Check.time, _NO_TIME)
def timestamp_over_another_message(shop: Workshop) -> Document:
    """The promise is good, and beside it is a timestamp over something else: nobody who signs makes such a thing."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(shop.stamp(b"another signature"),))


@attack(Check.time, _NO_TIME)
def timestamp_over_the_file(shop: Workshop) -> Document:
    """The timestamp is over the file, and has to be over its signature."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(shop.stamp(made.message),))


@attack(Check.time, _NO_TIME)
def timestamp_by_unknown_authority(shop: Workshop) -> Document:
    """The promise is good, and beside it is the timestamp of an authority that nobody trusts, with the same names."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(Workshop().stamp(made.signature),))


@attack(Check.time, _NO_TIME)
def one_timestamp_of_two_over_another_message(shop: Workshop) -> Document:
    """One timestamp is good, and hides the other."""
    made = shop.signed()
    stamps = (shop.stamp(made.signature), shop.stamp(b"another signature"))
    return made.bundle(shop.log.entry(made.body), stamps=stamps)


@attack(Check.time, _NO_TIME)
def only_a_timestamp_over_another_message(shop: Workshop) -> Document:
    """Nobody else tells the time."""
    return _unpromised(shop, shop.stamp(b"another signature"), made=shop.signed())


@attack(Check.time, _NO_TIME)
def only_a_timestamp_by_unknown_authority(shop: Workshop) -> Document:
    """Nobody else tells the time, and this one is not trusted."""
    made = shop.signed()
    return _unpromised(shop, Workshop().stamp(made.signature), made=made)


@attack(Check.time, _NO_TIME)
def timestamp_after_the_end_of_its_authority(shop: Workshop) -> Document:
    """A second later the authority is trusted no longer."""
    made = shop.signed()
    return _unpromised(shop, shop.stamp(made.signature, SOON + 1, retired=True), made=made)


@attack(Check.time, "same timestamp twice")
def timestamp_twice(shop: Workshop) -> Document:
    """One timestamp, counted twice."""
    made = shop.signed()
    stamp = shop.stamp(made.signature)
    return made.bundle(shop.log.entry(made.body), stamps=(stamp, stamp))


@attack(Check.time, "expected at most 32")
def thirty_three_timestamps(shop: Workshop) -> Document:
    """Each of them costs time to verify."""
    made = shop.signed()
    stamps = tuple(shop.stamp(made.signature, SOON + number, certificate=False) for number in range(33))
    return made.bundle(shop.log.entry(made.body), stamps=stamps)


@attack(Check.certificate, "failed to build timestamp certificate chain")
def timestamp_before_certificate(shop: Workshop) -> Document:
    """The authority saw the signature before its certificate began; the log says otherwise."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(shop.stamp(made.signature, _START - 1),))


@attack(Check.certificate, "failed to build timestamp certificate chain")
def timestamp_after_certificate(shop: Workshop) -> Document:
    """The authority saw the signature after its certificate ended; the log says otherwise."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(shop.stamp(made.signature, _START + LIFETIME + 1),))


@attack(Check.time, _NO_TIME)
def flipped_byte_in_timestamp(shop: Workshop) -> Document:
    """One bit of the authority's signature differs."""
    made = shop.signed()
    stamp = shop.stamp(made.signature)
    return made.bundle(shop.log.entry(made.body), stamps=(flipped(stamp, -1),))


@attack(Check.time, "Invalid Timestamp Response")
def half_a_timestamp(shop: Workshop) -> Document:
    """The timestamp ends in its middle."""
    made = shop.signed()
    stamp = shop.stamp(made.signature)
    return made.bundle(shop.log.entry(made.body), stamps=(stamp[: len(stamp) // 2],))


@attack(Check.time, "Invalid Timestamp Response")
def text_as_timestamp(shop: Workshop) -> Document:
    """The timestamp is no ASN.1 at all."""
    made = shop.signed()
    return made.bundle(shop.log.entry(made.body), stamps=(b"2025-06-01T12:00:00Z",))


@attack(Check.time, "inclusion promise or signed timestamp")
def second_version_without_timestamp(shop: Workshop) -> Document:
    """A log of the second version does not say when: nobody does."""
    made = shop.signed()
    return made.bundle(shop.tiles.entry(made.body_of_version_2()))


@attack(Check.time, "inclusion promise or signed timestamp")
def second_version_that_says_when(shop: Workshop) -> Document:
    """As before, and the bundle says when, which nobody signed."""
    made = shop.signed()
    return made.bundle({**shop.tiles.entry(made.body_of_version_2()), "integratedTime": str(SOON)})


@attack(Check.log, "checkpoint: ")
def second_version_with_wrong_key(shop: Workshop) -> Document:
    """Another key signs the checkpoint, under the log's identifier."""
    made = shop.signed()
    entry = Tiles(claimed=shop.tiles.id).entry(made.body_of_version_2())
    return made.bundle(entry, stamps=(shop.stamp(made.signature),))


@attack(Check.log, "invalid root hash")
def second_version_flipped_byte_in_proof(shop: Workshop) -> Document:
    """One bit of a hash in the inclusion proof differs."""
    return flip(_second(shop, shop.signed()), (*PROOF, "hashes", 0))


@attack(Check.log, "checkpoint: ")
def second_version_flipped_letter_in_checkpoint(shop: Workshop) -> Document:
    """One letter of the checkpoint's origin is another."""
    document = _second(shop, shop.signed())
    return put(document, _CHECKPOINT, get(document, _CHECKPOINT).replace("log2025-1", "log2025-2", 1))


@attack(Check.log, "checkpoint: Signature not found")
def second_version_signed_by_others_only(shop: Workshop) -> Document:
    """The log's own signature is taken out of the checkpoint, and somebody else's is left."""
    document = _second(shop, shop.signed())
    note, _, _ = get(document, _CHECKPOINT).partition("\n\n")
    return put(document, _CHECKPOINT, f"{note}\n\n\N{EM DASH} one.example {text(b'one.example' * 8)}\n")


@attack(Check.signature, "inconsistent with other materials")
def second_version_about_another_signature(shop: Workshop) -> Document:
    """The entry is about the same file, signed by somebody else."""
    made = shop.signed()
    entry = shop.tiles.entry(shop.signed().body_of_version_2())
    return made.bundle(entry, stamps=(shop.stamp(made.signature),))


@attack(Check.signature, "inconsistent with other materials")
def second_version_of_another_algorithm(shop: Workshop) -> Document:
    """The entry calls our file's SHA-256 a SHA-512."""
    made = shop.signed()
    entry = shop.tiles.entry(made.body_of_version_2(algorithm="SHA2_512"))
    return made.bundle(entry, stamps=(shop.stamp(made.signature),))


@attack(Check.signature, "inconsistent with other materials")
def second_version_of_another_key_type(shop: Workshop) -> Document:
    """The entry says that the key is on another curve."""
    made = shop.signed()
    entry = shop.tiles.entry(made.body_of_version_2(details="PKIX_ECDSA_P384_SHA_384"))
    return made.bundle(entry, stamps=(shop.stamp(made.signature),))


@attack(Check.signature, "Hashedrekord")
def second_version_in_the_first_log(shop: Workshop) -> Document:
    """The body is of the second version, in a log of the first, which says that it is of the first."""
    made = shop.signed()
    entry = {**shop.log.entry(made.body_of_version_2()), "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"}}
    return made.bundle(entry)


def _second(shop: Workshop, made: Signed) -> Document:
    entry = shop.tiles.entry(made.body_of_version_2())
    return made.bundle(entry, stamps=(shop.stamp(made.signature),))


def _unpromised(shop: Workshop, *stamps: bytes, made: Signed) -> Document:
    """Return a bundle in which only timestamps tell the time."""
    document = made.bundle(shop.log.entry(made.body), stamps=stamps)
    return without(without(document, (*ENTRY, "inclusionPromise")), (*ENTRY, "integratedTime"))
