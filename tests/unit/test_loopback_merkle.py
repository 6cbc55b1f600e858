"""The tree of the loopback's log, against RFC 6962's own definitions and published vectors."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest

from tagseal.loopback.sigstore.merkle import Tree, leaf_hash, node_hash

# The leaves and roots that the certificate-transparency project publishes with its reference implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = range(1, 66)


def tree(leaves: list[bytes]) -> Tree:
    made = Tree()
    for leaf in leaves:
        made.append(leaf)
    return made


def numbered(size: int) -> list[bytes]:
    return [str(number).encode() for number in range(size)]


def recursive_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 writes it down."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The verifier's algorithm of RFC 9162 section 2.1.3.2, which shares nothing with the prover's."""
    fn, sn, result = index, size - 1, leaf_hash(leaf)
    for one in proof:
        assert sn != 0, "the proof is too long"
        if fn & 1 or fn == sn:
            result = node_hash(one, result)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, one)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return result


def roots_from_consistency(first: int, second: int, root: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The verifier's algorithm of RFC 9162 section 2.1.4.2; gives both roots as the proof has them."""
    path = [root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for one in path[1:]:
        assert sn != 0, "the proof is too long"
        if fn & 1 or fn == sn:
            fr, sr = node_hash(one, fr), node_hash(one, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, one)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return fr, sr


def test_the_empty_tree_hashes_as_nothing() -> None:
    """MTH({}) is the hash of an empty string (RFC 6962 section 2.1)."""
    assert Tree().root() == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS, start=1)))
def test_roots_equal_the_published_ones(size: int, root: str) -> None:
    """The reference vectors' trees of one to eight leaves have these roots."""
    assert tree(LEAVES[:size]).root().hex() == root


def test_inclusion_equals_the_published_one() -> None:
    """The reference vectors' proof of the first of eight leaves has these three hashes."""
    assert [one.hex() for one in tree(LEAVES).inclusion(0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@pytest.mark.parametrize("size", SIZES)
def test_a_root_is_what_the_definition_says(size: int) -> None:
    """A root kept in steps equals the recursive definition over all leaves."""
    assert tree(numbered(size)).root() == recursive_root(numbered(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_at_every_size(size: int) -> None:
    """Each leaf's inclusion proof leads to the root, and no other leaf's does."""
    made = tree(numbered(max(SIZES)))
    for index in range(size):
        proof = made.inclusion(index, size)
        assert root_from_inclusion(numbered(size)[index], index, size, proof) == made.root(size)
        assert root_from_inclusion(b"another leaf", index, size, proof) != made.root(size)


@pytest.mark.parametrize("second", SIZES)
def test_every_earlier_tree_is_a_prefix(second: int) -> None:
    """The consistency proof between any two sizes leads to both roots."""
    made = tree(numbered(second))
    for first in range(1, second):
        proof = made.consistency(first)
        assert roots_from_consistency(first, second, made.root(first), proof) == (made.root(first), made.root())
    assert made.consistency(second) == []


def test_appending_changes_no_earlier_root() -> None:
    """A root at a size stays what it was when the tree had that size."""
    made, roots = Tree(), []
    for leaf in numbered(33):
        made.append(leaf)
        roots.append(made.root())
    assert roots == [made.root(size) for size in range(1, 34)]
    assert all(earlier != later for earlier, later in pairwise(roots))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 4), (0, 0)])
def test_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    """An index outside the tree, or a size beyond it, is an error and never a wrong proof."""
    with pytest.raises(IndexError):
        tree(numbered(3)).inclusion(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 2), (1, 4), (-1, 3)])
def test_no_consistency_between_sizes_that_never_were(first: int, second: int) -> None:
    """Sizes that are zero, reversed or beyond the tree are an error."""
    with pytest.raises(IndexError):
        tree(numbered(3)).consistency(first, second)
