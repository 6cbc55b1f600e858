"""An archive of one form: the same files are the same bytes, and what has another form is refused."""

from __future__ import annotations

import hashlib
import io
import stat
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine import packed as module
from tagseal.machine.packed import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "widget-1.2.3-verify"
MEMBERS = {"b.txt": b"two\n", "a.txt": b"one\n", "SHA256SUMS": b""}
DIGEST = "c11fe9134aa8fe655b042bb96d4e35f79293208b18ee1649a053f718b43ac2e8"
"""As Python 3.11, 3.12 and 3.13 pack these members."""


def test_the_same_files_are_the_same_bytes() -> None:
    """Whatever order they come in, whenever: sorted, stored, with fixed times and modes."""
    text = pack(FOLDER, MEMBERS)
    assert text == pack(FOLDER, dict(sorted(MEMBERS.items())))
    with zipfile.ZipFile(io.BytesIO(text)) as archive:
        listed = archive.infolist()
    assert [one.filename for one in listed] == [f"{FOLDER}/{name}" for name in sorted(MEMBERS)]
    assert {one.date_time for one in listed} == {(1980, 1, 1, 0, 0, 0)}
    assert {one.external_attr >> 16 for one in listed} == {stat.S_IFREG | 0o644}
    assert {one.compress_type for one in listed} == {zipfile.ZIP_STORED}


def test_its_bytes_are_those_of_every_python() -> None:
    """An archive is compared with one that another machine packed: this digest never changes."""
    assert hashlib.sha256(pack(FOLDER, MEMBERS)).hexdigest() == DIGEST


def test_what_was_packed_is_read_back(tmp_path: Path) -> None:
    """Base names and bytes; nothing is written anywhere."""
    (tmp_path / "kit.zip").write_bytes(pack(FOLDER, MEMBERS))
    assert unpack(tmp_path / "kit.zip", FOLDER) == MEMBERS
    assert [one.name for one in tmp_path.iterdir()] == ["kit.zip"]


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".hidden", "a b", "-rf", "ä", "a\nb", "a" * 300])
def test_an_unsafe_name_is_not_packed(name: str) -> None:
    """Nobody's unpacker writes outside of the folder."""
    with pytest.raises(Refused) as caught:
        pack(FOLDER, {name: b""})
    assert caught.value.slug == "unsafe-file-name"
    with pytest.raises(Refused):
        pack(name, {"a": b""})


def zipped(
    *members: tuple[str, bytes], how: int = zipfile.ZIP_STORED, mode: int = 0o100644, comment: str = ""
) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w", how) as archive:  # of a name twice
        archive.comment = comment.encode()
        for name, text in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, how
            archive.writestr(info, text)
    return file.getvalue()


GOOD = (f"{FOLDER}/a", b"one")
HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "html": lambda: b"<html>not found</html>",
    "cut": lambda: zipped(GOOD)[:-1],
    "cut in the middle": lambda: zipped(GOOD, (f"{FOLDER}/b", b"two"))[:60],
    "something before": lambda: b"#!/bin/sh\n" + zipped(GOOD),
    "something behind": lambda: zipped(GOOD) + b"more",
    "a comment": lambda: zipped(GOOD, comment="hello"),
    "a member twice": lambda: zipped(GOOD, GOOD),
    "a member twice, otherwise": lambda: zipped(GOOD, (f"{FOLDER}/a", b"two")),
    "another folder": lambda: zipped(("other/a", b"one")),
    "outside": lambda: zipped((f"{FOLDER}/../a", b"one")),
    "absolute": lambda: zipped(("/etc/passwd", b"one")),
    "a folder below": lambda: zipped((f"{FOLDER}/b/a", b"one")),
    "a folder": lambda: zipped((f"{FOLDER}/b/", b"")),
    "a backslash": lambda: zipped((f"{FOLDER}/..\\a", b"one")),
    "a link": lambda: zipped((f"{FOLDER}/a", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "executable": lambda: zipped(GOOD, mode=0o100755),
    "unsorted": lambda: zipped((f"{FOLDER}/b", b"two"), GOOD),
    "compressed": lambda: zipped(GOOD, how=zipfile.ZIP_DEFLATED),
    "a bomb": lambda: zipped((f"{FOLDER}/a", bytes(1 << 20)), how=zipfile.ZIP_DEFLATED),
    "another method": lambda: zipped(GOOD, how=zipfile.ZIP_BZIP2),
    "damaged": lambda: zipped(GOOD).replace(b"one", b"two"),
    "hidden between": lambda: zipped(GOOD).replace(b"PK\x01\x02", b"hidden!PK\x01\x02", 1),
}


@pytest.mark.parametrize("trick", sorted(HOSTILE))
def test_another_form_is_refused(tmp_path: Path, trick: str) -> None:
    """Nothing hides before, between or behind the members, and no name leads anywhere."""
    (tmp_path / "kit.zip").write_bytes(HOSTILE[trick]())
    with pytest.raises(VerificationFailed) as caught:
        unpack(tmp_path / "kit.zip", FOLDER)
    assert caught.value.slug == "packed-otherwise"


def test_a_huge_archive_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size decides, before anything in it is looked at."""
    (tmp_path / "kit.zip").write_bytes(pack(FOLDER, MEMBERS))
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(VerificationFailed):
        unpack(tmp_path / "kit.zip", FOLDER)


def test_a_link_is_no_archive(tmp_path: Path) -> None:
    """It may lead to what nobody downloaded."""
    (tmp_path / "there.zip").write_bytes(pack(FOLDER, MEMBERS))
    (tmp_path / "kit.zip").symlink_to("there.zip")
    with pytest.raises(Refused):
        unpack(tmp_path / "kit.zip", FOLDER)
