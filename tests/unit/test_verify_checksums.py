"""``SHA256SUMS``: which lines are read, which are refused, and what they bind."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tagseal.verification.checksums import sums

if TYPE_CHECKING:
    from pathlib import Path

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize("line", [f"{A}  one.whl", f"{A} *one.whl", f"{A.upper()}  one.whl", f"{A}  one.whl\r"])
def test_text_and_binary_markers_are_read(line: str) -> None:
    """Both forms that ``sha256sum`` writes, and line ends of either kind."""
    assert dict(sums(f"{line}\n{B}  two.whl".encode()).digests) == {"one.whl": A, "two.whl": B}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{A}  ../one.whl", "got the name '../one.whl' in line 1 of SHA256SUMS, expected a plain file's"),
        (f"{A}  /one.whl", "expected a plain file's"),
        (f"{A}  dist/one.whl", "expected a plain file's"),
        (f"{A}  ..", "expected a plain file's"),
        (f"{A}  dist\\one.whl", "expected a plain file's"),
        (f"{A}  one\u202e.whl", "expected a plain file's"),
        (f"{A}   one.whl", "expected a plain file's"),
        (f"{A}  one.whl\n{A}  one.whl", "got the name 'one.whl' again in line 2 of SHA256SUMS, expected it once"),
        (f"{A}  one.whl\n{B} *one.whl", "again in line 2"),
        (f"{A[1:]}  one.whl", "expected a digest and a name"),
        (f"{A} one.whl", "expected a digest and a name"),
        (f"\\{A}  one\\nwhl", "expected a digest and a name"),
        (f"SHA256 (one.whl) = {A}", "expected a digest and a name"),
        (f"{A}  one.whl\n\n{B}  two.whl", "got '' in line 2 of SHA256SUMS, expected a digest and a name"),
        ("", "got '' in line 1"),
    ],
)
def test_anything_else_is_refused(content: str, words: str) -> None:
    """A list that two readers could read differently binds nothing."""
    with pytest.raises(ValueError, match=r".+") as caught:
        sums(content.encode())
    assert words in str(caught.value)


def test_other_encodings_are_refused() -> None:
    """Bytes that are no UTF-8 are no names."""
    with pytest.raises(ValueError, match="utf-8"):
        sums(f"{A}  ".encode() + b"\xff")


def test_a_name_is_bound_to_its_bytes() -> None:
    """Other bytes under a listed name, and listed bytes under another name, are told; what is not listed is free."""
    listed = sums(f"{A}  one.whl\n{A}  same.whl\n{B}  two.whl\n".encode())
    assert listed.problem("one.whl", A) == ""
    assert listed.problem("same.whl", A) == ""
    assert listed.problem("new.whl", "c" * 64) == ""
    assert listed.problem("two.whl", A) == f"got sha256 {A} for 'two.whl', expected {B}, as SHA256SUMS lists it"
    expected = "got these bytes as 'new.whl', expected them as 'one.whl' or 'same.whl', as SHA256SUMS lists them"
    assert listed.problem("new.whl", A) == expected


@pytest.mark.system
def test_what_sha256sum_writes_is_read(tmp_path: Path) -> None:
    """The real tool's lists, of both forms, mean the same here."""
    (tmp_path / "one.whl").write_bytes(b"one")
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("needs the coreutils")
    for form in ("--text", "--binary"):
        done = subprocess.run([program, form, "one.whl"], cwd=tmp_path, capture_output=True, check=True)
        assert dict(sums(done.stdout).digests) == {"one.whl": sha256(b"one").hexdigest()}
