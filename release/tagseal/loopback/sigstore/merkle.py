"""An append-only Merkle tree with inclusion and consistency proofs (RFC 6962 section 2.1)."""

from __future__ import annotations

import hashlib


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962 section 2.1: prefix 0x00)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 section 2.1: prefix 0x01)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The hashes of all complete subtrees, so that appending, roots and proofs take logarithmic work.

    ``_levels[k][i]`` is the hash over the leaves ``i·2^k … (i+1)·2^k - 1``. No lock: the log holds one.
    """

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    def __len__(self) -> int:
        """Return the number of leaves."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf and return its index."""
        node, level = leaf_hash(leaf), 0
        self._levels[0].append(node)
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            node, level = node_hash(left, right), level + 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node)
        return len(self) - 1

    def root(self, size: int | None = None) -> bytes:
        """Return MTH(D[size]), the root over the first ``size`` leaves, or over all."""
        return self._hash(0, self._size(size))

    def row(self, level: int, start: int, end: int) -> list[bytes]:
        """Return the hashes ``start … end - 1`` over complete subtrees of ``2^level`` leaves each.

        Raises:
            IndexError: There are not so many yet.
        """
        if level >= len(self._levels) or not 0 <= start < end <= len(self._levels[level]):
            raise IndexError(end)
        return self._levels[level][start:end]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return PATH(index, D[size]): what proves that a leaf is among the first ``size`` (section 2.1.1).

        Raises:
            IndexError: There is no such leaf.
        """
        size = self._size(size)
        if not 0 <= index < size:
            raise IndexError(index)
        return self._path(index, 0, size)

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Return PROOF(first, D[second]): the smaller tree is a prefix of the larger (section 2.1.2).

        Raises:
            IndexError: The sizes are not ``0 < first <= second``.
        """
        second = self._size(second)
        if not 0 < first <= second:
            raise IndexError(first)
        return self._subproof(first, 0, second, whole=True)

    def _size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise IndexError(size)
        return size

    def _hash(self, start: int, end: int) -> bytes:
        if start == end:
            return hashlib.sha256().digest()
        width = end - start
        if width & (width - 1) == 0:
            return self._levels[width.bit_length() - 1][start // width]
        middle = start + _split(width)
        return node_hash(self._hash(start, middle), self._hash(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._hash(middle, end)]
        return [*self._path(index, middle, end), self._hash(start, middle)]

    def _subproof(self, first: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if first == end:
            return [] if whole else [self._hash(start, end)]
        middle = start + _split(end - start)
        if first <= middle:
            return [*self._subproof(first, start, middle, whole=whole), self._hash(middle, end)]
        return [*self._subproof(first, middle, end, whole=False), self._hash(start, middle)]


def _split(width: int) -> int:
    """Return the largest power of two smaller than ``width`` (section 2.1), so subtrees on the left are complete."""
    return 1 << ((width - 1).bit_length() - 1)
