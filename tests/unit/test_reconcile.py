"""What is wanted against what is there: by name, size and digest, and never by chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagseal.records import Asset
from tagseal.steps.reconcile import Wanted, difference

A, B = "a" * 64, "b" * 64
NAMES = st.sampled_from(["one", "two", "three", "four"])
FACTS = st.tuples(st.integers(1, 3), st.sampled_from([A, B, ""]))


def wanted(**files: tuple[int, str]) -> dict[str, Wanted]:
    return {name: Wanted(name=name, size=size, sha256=sha256) for name, (size, sha256) in files.items()}


def there(**files: tuple[int, str]) -> list[Asset]:
    return [
        Asset(id=number, name=name, size=size, sha256=sha256)
        for number, (name, (size, sha256)) in enumerate(files.items())
    ]


def test_nothing_is_to_be_done_where_all_is_there() -> None:
    """The same names, sizes and digests: whole, and no line to print."""
    found = difference(wanted(one=(1, A), two=(2, B)), there(two=(2, B), one=(1, A)))
    assert (found.equal, found.whole, found.lines()) == (("one", "two"), True, ())


@pytest.mark.parametrize(
    ("remote", "line"),
    [
        ({}, "one: missing"),
        ({"one": (2, A)}, "one: other bytes than the signed ones"),
        ({"one": (1, B)}, "one: other bytes than the signed ones"),
        ({"one": (1, "")}, "one: other bytes than the signed ones"),
        ({"one": (1, A), "two": (1, A)}, "two: nobody planned it"),
        ({"One": (1, A), "one": (1, A)}, "One: nobody planned it"),
    ],
    ids=["missing", "size", "digest", "no digest", "unplanned", "case"],
)
def test_each_kind_of_difference_is_named(remote: dict[str, tuple[int, str]], line: str) -> None:
    """A file without a digest is different: nothing vouches for its bytes."""
    found = difference(wanted(one=(1, A)), there(**remote))
    assert not found.whole
    assert found.lines() == (line,)


@given(st.dictionaries(NAMES, FACTS), st.dictionaries(NAMES, FACTS))
def test_every_name_is_in_exactly_one_part(left: dict[str, tuple[int, str]], right: dict[str, tuple[int, str]]) -> None:
    """The four parts split the names of both sides; what is equal is equal in size and digest."""
    found = difference(wanted(**left), there(**right))
    parts = [*found.equal, *found.missing, *found.different, *found.unplanned]
    assert sorted(parts) == sorted(left.keys() | right.keys())
    assert set(found.equal) == {name for name in left.keys() & right.keys() if left[name] == right[name]}
    assert found.whole is (left == right)
