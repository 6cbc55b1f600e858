"""The log's entry: who keeps it, what it is about, and the promise and the proof that it is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import rfc8785

from forging.case import ENTRY, PROMISE, PROOF, attack, flip, get, put, without
from forging.log import SOON, Log, text
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from forging.release import Document, Workshop

_ROOT = "invalid root hash"
_CHECKPOINT = "checkpoint: invalid signature"
_SET = "SET: invalid inclusion promise"


@attack(Check.log, _ROOT)
def flipped_byte_in_proof(shop: Workshop) -> Document:
    """One bit of a hash in the inclusion proof differs."""
    return flip(shop.bundle(), (*PROOF, "hashes", 0))


@attack(Check.log, _ROOT)
def flipped_byte_in_root(shop: Workshop) -> Document:
    """One bit of the root that the proof leads to differs."""
    return flip(shop.bundle(), (*PROOF, "rootHash"))


@attack(Check.log, _ROOT)
def flipped_byte_in_body(shop: Workshop) -> Document:
    """One bit of the log's entry differs."""
    return flip(shop.bundle(), (*ENTRY, "canonicalizedBody"))


@attack(Check.log, _SET)
def flipped_byte_in_promise(shop: Workshop) -> Document:
    """One bit of the signed entry timestamp differs."""
    return flip(shop.bundle(), PROMISE, -1)


@attack(Check.log, _CHECKPOINT)
def flipped_byte_in_checkpoint(shop: Workshop) -> Document:
    """One letter of the checkpoint's origin is another."""
    document = shop.bundle()
    path = (*PROOF, "checkpoint", "envelope")
    return put(document, path, get(document, path).replace("rekor.sigstore.dev -", "rekor.sigstore.dew -", 1))


@attack(Check.log, _CHECKPOINT)
def checkpoint_of_another_size(shop: Workshop) -> Document:
    """The checkpoint's size is another one than was signed."""
    document = shop.bundle()
    path = (*PROOF, "checkpoint", "envelope")
    size = get(document, (*PROOF, "treeSize"))
    return put(document, path, get(document, path).replace(f"\n{size}\n", f"\n{int(size) + 1}\n", 1))


@attack(Check.log, "Inclusion proof contains invalid root hash|root hash")
def checkpoint_of_another_tree(shop: Workshop) -> Document:
    """The checkpoint is genuine, of the tree as it was before the entry came in."""
    before = shop.log.checkpoint()
    return put(shop.bundle(), (*PROOF, "checkpoint", "envelope"), before)


@attack(Check.log, "at least one signature")
def checkpoint_without_signature(shop: Workshop) -> Document:
    """Nobody signed the checkpoint."""
    document = shop.bundle()
    path = (*PROOF, "checkpoint", "envelope")
    return put(document, path, get(document, path).partition("\n\n")[0] + "\n\n")


@attack(Check.log, "malformed LogCheckpoint")
def checkpoint_without_size(shop: Workshop) -> Document:
    """The checkpoint has a line too few."""
    document = shop.bundle()
    path = (*PROOF, "checkpoint", "envelope")
    size = get(document, (*PROOF, "treeSize"))
    return put(document, path, get(document, path).replace(f"\n{size}\n", "\n", 1))


@attack(Check.bundle, "inclusion proof, with checkpoint")
def missing_checkpoint(shop: Workshop) -> Document:
    """The proof leads to a root that nobody signed."""
    return without(shop.bundle(), (*PROOF, "checkpoint"))


@attack(Check.bundle, "inclusionProof")
def missing_proof(shop: Workshop) -> Document:
    """The log promises, and does not prove."""
    return without(shop.bundle(), PROOF)


@attack(Check.time, "inclusion promise or signed timestamp")
def missing_promise(shop: Workshop) -> Document:
    """Nobody says when the signature was made: a proof has no time."""
    return without(shop.bundle(), (*ENTRY, "inclusionPromise"))


@attack(Check.time, "not enough sources of verified time")
def missing_time(shop: Workshop) -> Document:
    """The promise is there, without the time that it is about."""
    return without(shop.bundle(), (*ENTRY, "integratedTime"))


@attack(Check.log, _SET)
def promise_about_another_time(shop: Workshop) -> Document:
    """The entry came in at another time than the log signed, still within the certificate's."""
    return put(shop.bundle(), (*ENTRY, "integratedTime"), str(SOON + 7))


@attack(Check.log, _SET)
def promise_of_another_entry(shop: Workshop) -> Document:
    """The promise is genuine, and about another entry."""
    return put(shop.bundle(), PROMISE, get(shop.bundle(), PROMISE))


@attack(Check.log, _SET)
def index_of_another_entry(shop: Workshop) -> Document:
    """The entry's index over all trees is another's."""
    document = shop.bundle()
    return put(document, (*ENTRY, "logIndex"), str(int(get(document, (*ENTRY, "logIndex"))) - 1))


@attack(Check.log, _SET)
def index_within_the_tree(shop: Workshop) -> Document:
    """The entry's index over all trees is that of the proof, which counts within its own tree."""
    document = shop.bundle()
    return put(document, (*ENTRY, "logIndex"), get(document, (*PROOF, "logIndex")))


@attack(Check.log, "invalid root hash|wrong size")
def proof_of_another_index(shop: Workshop) -> Document:
    """The proof's hashes are right, for a leaf at another place."""
    document = shop.bundle()
    return put(document, (*PROOF, "logIndex"), str(int(get(document, (*PROOF, "logIndex"))) - 1))


@attack(Check.bundle, "must be less than treeSize")
def proof_outside_the_tree(shop: Workshop) -> Document:
    """The leaf would be behind the tree's last one."""
    document = shop.bundle()
    return put(document, (*PROOF, "logIndex"), get(document, (*PROOF, "treeSize")))


@attack(Check.bundle, "exceeds uint64 domain")
def proof_of_a_negative_index(shop: Workshop) -> Document:
    """The leaf would be before the tree's first one."""
    return put(shop.bundle(), (*PROOF, "logIndex"), "-1")


@attack(Check.bundle, "exceeds uint64 domain")
def proof_of_a_vast_index(shop: Workshop) -> Document:
    """The index does not fit in 64 bits."""
    return put(shop.bundle(), (*PROOF, "logIndex"), str(2**64))


@attack(Check.log, _ROOT)
def proof_for_another_leaf(shop: Workshop) -> Document:
    """The proof is genuine, and about another entry of the log."""
    document = shop.bundle()
    return put(document, PROOF, shop.log.proof(2))


@attack(Check.log, "wrong size")
def proof_with_a_hash_too_many(shop: Workshop) -> Document:
    """The proof is longer than the tree is deep."""
    document = shop.bundle()
    hashes = get(document, (*PROOF, "hashes"))
    return put(document, (*PROOF, "hashes"), [*hashes, hashes[0]])


@attack(Check.log, "wrong size")
def proof_without_hashes(shop: Workshop) -> Document:
    """The proof proves nothing."""
    return put(shop.bundle(), (*PROOF, "hashes"), [])


@attack(Check.log, _ROOT)
def proof_that_ends_at_the_leaf(shop: Workshop) -> Document:
    """A tree of one leaf: the proof is whole, and its root is not the one that the checkpoint signs."""
    document = shop.bundle()
    document = put(document, (*PROOF, "hashes"), [])
    document = put(document, (*PROOF, "treeSize"), "1")
    return put(document, (*PROOF, "logIndex"), "0")


@attack(Check.log, "checkpoint: invalid signature")
def wrong_key_in_the_log(shop: Workshop) -> Document:
    """Checkpoint and promise are signed by another key, under the log's identifier."""
    made = shop.signed()
    return made.bundle(Log(claimed=shop.log.id).entry(made.body))


@attack(Check.log, "checkpoint: invalid signature")
def unknown_log(shop: Workshop) -> Document:
    """A log that nobody trusts keeps the entry, honestly."""
    made = shop.signed()
    return made.bundle(Log().entry(made.body))


@attack(Check.log, _SET)
def promise_by_another_key(shop: Workshop) -> Document:
    """The proof is the log's; the promise is by somebody who would like to choose the time."""
    made = shop.signed()
    document = made.bundle(shop.log.entry(made.body))
    forged = Log(claimed=shop.log.id).promise(get(document, ENTRY))
    return put(document, PROMISE, text(forged))


@attack(Check.log, "checkpoint: invalid signature")
def checkpoint_by_another_key(shop: Workshop) -> Document:
    """The promise is the log's; the tree is somebody else's."""
    made = shop.signed()
    theirs = Log(claimed=shop.log.id).entry(made.body)
    return put(made.bundle(shop.log.entry(made.body)), PROOF, theirs["inclusionProof"])


@attack(Check.signature, "inconsistent with other materials")
def entry_about_another_file(shop: Workshop) -> Document:
    """The entry is genuine, of the same signer, and about another file."""
    made, other = shop.signed(), shop.signed(b"something else")
    return made.bundle(shop.log.entry(other.body))


@attack(Check.signature, "inconsistent with other materials")
def entry_about_another_signature(shop: Workshop) -> Document:
    """The entry is about the same file, signed by somebody else (CVE-2022-36056)."""
    made, other = shop.signed(), shop.signed()
    return made.bundle(shop.log.entry(other.body))


@attack(Check.time, "Integrated time only supported for")
def entry_of_another_kind(shop: Workshop) -> Document:
    """The entry's kind is not the one that its body has."""
    return put(shop.bundle(), (*ENTRY, "kindVersion", "kind"), "intoto")


@attack(Check.bundle, "Expected log entry version")
def entry_of_a_newer_version(shop: Workshop) -> Document:
    """The entry's version is one that this client does not know."""
    return put(shop.bundle(), (*ENTRY, "kindVersion", "version"), "0.0.3")


@attack(Check.signature, "inconsistent with other materials")
def entry_of_two_versions(shop: Workshop) -> Document:
    """The entry says version 0.0.2; its body is of 0.0.1."""
    made = shop.signed()
    body = rfc8785.dumps({**json.loads(made.body), "apiVersion": "0.0.2"})
    told = shop.log.entry(body)
    told["kindVersion"] = {"kind": "hashedrekord", "version": "0.0.1"}
    return made.bundle(told)


@attack(Check.bundle, "exactly one log entry")
def two_entries(shop: Workshop) -> Document:
    """Two entries, both genuine: two readers may take different ones."""
    made, other = shop.signed(), shop.signed(b"something else")
    return made.bundle(shop.log.entry(made.body), shop.log.entry(other.body))


@attack(Check.bundle, "exactly one log entry")
def no_entry(shop: Workshop) -> Document:
    """No log knows of the signature."""
    return shop.signed().bundle()


@attack(Check.log, "got a proof in a tree of 8 entries, expected 7")
def tree_size_that_nobody_signed(shop: Workshop) -> Document:
    """The proof names a larger tree than the checkpoint; at this place both have proofs of the same form."""
    log = Log(key=shop.log.key, others=4)
    made = shop.signed()
    told = log.entry(made.body)
    for _ in range(2):
        log.tree.append(b"an entry of somebody else, later")
    proof = log.proof(4)
    return made.bundle({**told, "inclusionProof": {**proof, "treeSize": "8"}})
