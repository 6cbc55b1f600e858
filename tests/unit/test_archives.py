"""Wheels and sdists as data from outside: what is read from good ones, and which ones are refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import Refused, UsageError, VerificationFailed
from tagseal.machine import archives, files
from tagseal.records import Artifact, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

METADATA = b"Metadata-Version: 2.1\nName: Wid.get\nVersion: 1.2.3\n"
INFO = "wid_get-1.2.3.dist-info/METADATA"
WHEEL = "wid_get-1.2.3-py3-none-any.whl"
SDIST = "wid_get-1.2.3.tar.gz"
TOP = "wid_get-1.2.3"


def member(name: str, *, mode: int = 0, linked: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = ((stat.S_IFLNK if linked else mode) | 0o644) << 16
    return info


def wheel(folder: Path, entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((INFO, METADATA), *entries):
            archive.writestr(name, content)
    return path


def entry(name: str, content: bytes = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, content


def sdist(folder: Path, entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = folder / SDIST
    with tarfile.open(path, "w:gz") as archive:
        for info, content in (entry(f"{TOP}/PKG-INFO", METADATA), *entries):
            archive.addfile(info, io.BytesIO(content))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_wheel_is_read_whole(tmp_path: Path) -> None:
    """Name, version and the digest of every file; folders are not files."""
    path = wheel(tmp_path, [("widget/", b""), ("widget/a.py", b"a"), (member("b.py", mode=stat.S_IFREG), b"b")])
    found = archives.read(path)
    assert (found.name, found.version) == ("Wid.get", "1.2.3")
    assert archives.members(path) == {INFO: sha256(METADATA), "widget/a.py": sha256(b"a"), "b.py": sha256(b"b")}


def test_an_sdist_is_read_whole(tmp_path: Path) -> None:
    """Only the metadata at the top is the sdist's own; folders are not files."""
    entries = [
        entry(f"{TOP}/", type=tarfile.DIRTYPE),
        entry(f"{TOP}/tests/PKG-INFO", b"not ours"),
    ]
    path = sdist(tmp_path, entries)
    found = archives.read(path)
    assert (found.name, found.version) == ("Wid.get", "1.2.3")
    assert archives.members(path) == {
        f"{TOP}/PKG-INFO": sha256(METADATA),
        f"{TOP}/tests/PKG-INFO": sha256(b"not ours"),
    }


def symbolic(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(f"{TOP}/{name}", type=tarfile.SYMTYPE, linkname=target)


def hard(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(f"{TOP}/{name}", type=tarfile.LNKTYPE, linkname=target)


def test_links_that_stay_inside_an_sdist_are_read(tmp_path: Path) -> None:
    """A symbolic link is known by where it leads, which no file's bytes are; a hard link is the file. pip agrees."""
    entries = [
        symbolic("docs/README", "../README"),
        symbolic("docs/again", "README"),
        symbolic("docs/./a", "./b//c/"),
        symbolic("all", "docs"),
        symbolic("deep/er/top", "../../"),
        symbolic("lost", "nowhere/at/all"),
        entry(f"{TOP}/README", b"../README"),
        hard("COPY", f"{TOP}/README"),
    ]
    entries[2][0].name = f"{TOP}/docs/a"
    path = sdist(tmp_path, entries)
    found = archives.members(path)
    assert found[f"{TOP}/COPY"] == found[f"{TOP}/README"] == sha256(b"../README")
    assert found[f"{TOP}/docs/README"] == sha256(b"symbolic link\0../README")
    assert len(set(found.values())) == len(found) - 1
    assert len(found) == 9
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    root = tmp_path / "unpacked" / TOP
    assert [one for one in root.rglob("*") if not one.resolve().is_relative_to(root)] == []


WHEELS: dict[str, list[tuple[str | zipfile.ZipInfo, bytes]]] = {
    "duplicate": [("a.py", b"1"), ("a.py", b"2")],
    "duplicate_metadata": [(INFO, METADATA)],
    "absolute": [("/etc/passwd", b"")],
    "parent": [("../evil.py", b"")],
    "parent_inside": [("a/../../evil.py", b"")],
    "not_plain": [("a/./b.py", b"")],
    "empty_part": [("a//b.py", b"")],
    "backslash": [("..\\evil.py", b"")],
    "drive": [("C:evil.py", b"")],
    "link": [(member("link", linked=True), b"/etc/passwd")],
    "device": [(member("device", mode=stat.S_IFCHR), b"")],
    "folder_outside": [("../evil/", b"")],
    "bomb": [("zeros", bytes(80 * 1024 * 1024))],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", WHEELS)
def test_an_unsafe_wheel_is_refused(tmp_path: Path, attack: str) -> None:
    """Nothing that an unpacker and an index could read differently, or that leaves the folder, passes."""
    with pytest.raises(VerificationFailed) as caught:
        archives.read(wheel(tmp_path, WHEELS[attack]))
    assert caught.value.slug == "unsafe-archive"


SDISTS: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {
    "duplicate": [entry(f"{TOP}/a"), entry(f"{TOP}/a")],
    "duplicate_metadata": [entry(f"{TOP}/PKG-INFO", METADATA)],
    "absolute": [entry("/etc/passwd")],
    "parent": [entry(f"{TOP}/../../evil")],
    "symbolic_link_outside": [symbolic("link", "../other/file")],
    "symbolic_link_out_and_in_again": [symbolic("a/link", f"../../{TOP}/PKG-INFO")],
    "symbolic_link_that_goes_down_first": [symbolic("link", "a/../../other")],
    "symbolic_link_through_a_link": [symbolic("a/b/c/up", "../../.."), symbolic("link", "a/b/c/up/../other")],
    "symbolic_link_absolute": [symbolic("link", "/etc/passwd")],
    "symbolic_link_to_nothing": [symbolic("link", "")],
    "symbolic_link_with_a_backslash": [symbolic("link", "..\\..\\other")],
    "symbolic_link_to_a_drive": [symbolic("link", "C:other")],
    "symbolic_link_as_the_folder": [entry("link", type=tarfile.SYMTYPE, linkname=TOP)],
    "symbolic_link_with_bytes": [entry(f"{TOP}/link", bytes(512), type=tarfile.SYMTYPE, linkname="PKG-INFO")],
    "hard_link_with_bytes": [entry(f"{TOP}/link", bytes(512), type=tarfile.LNKTYPE, linkname=f"{TOP}/PKG-INFO")],
    "symbolic_link_twice": [symbolic("link", "PKG-INFO"), symbolic("link", "other")],
    "symbolic_link_and_file": [symbolic("link", "PKG-INFO"), entry(f"{TOP}/link", b"written through")],
    "symbolic_link_and_folder": [symbolic("link", "docs"), entry(f"{TOP}/link", type=tarfile.DIRTYPE)],
    "file_below_a_link": [symbolic("link", "docs"), entry(f"{TOP}/link/file", b"")],
    "file_below_a_link_that_comes_later": [entry(f"{TOP}/link/a/file", b""), symbolic("link", "docs")],
    "file_below_a_link_in_capitals": [symbolic("link", "docs"), entry(f"{TOP}/LINK/file", b"")],
    "link_below_a_link": [symbolic("link", "docs"), symbolic("link/other", "../../../other")],
    "folder_below_a_link": [symbolic("link", "docs"), entry(f"{TOP}/link/a", type=tarfile.DIRTYPE)],
    "metadata_by_a_hard_link": [entry(f"{TOP}-1/PKG-INFO", type=tarfile.LNKTYPE, linkname=f"{TOP}/PKG-INFO")],
    "hard_link_outside": [hard("link", "../etc/passwd")],
    "hard_link_absolute": [hard("link", "/etc/passwd")],
    "hard_link_to_another_folder": [entry("other/file", b""), hard("link", "other/file")],
    "hard_link_to_nothing": [hard("link", f"{TOP}/absent")],
    "hard_link_to_what_comes_later": [hard("link", f"{TOP}/later"), entry(f"{TOP}/later", b"")],
    "hard_link_to_a_symbolic_link": [symbolic("a", "PKG-INFO"), hard("link", f"{TOP}/a")],
    "hard_link_to_itself": [hard("link", f"{TOP}/link")],
    "file_below_a_hard_link": [hard("link", f"{TOP}/PKG-INFO"), entry(f"{TOP}/link/file", b"")],
    "name_without_end": [entry(f"{TOP}/" + "a/" * 4096 + "a", b"")],
    "device": [entry(f"{TOP}/null", type=tarfile.CHRTYPE)],
    "pipe": [entry(f"{TOP}/pipe", type=tarfile.FIFOTYPE)],
    "bomb": [entry(f"{TOP}/zeros", bytes(80 * 1024 * 1024))],
    "bomb_in_a_header": [entry(f"{TOP}/a", pax_headers={"comment": "0" * 80 * 1024 * 1024})],
}


@pytest.mark.parametrize("attack", SDISTS)
def test_an_unsafe_sdist_is_refused(tmp_path: Path, attack: str) -> None:
    """The same holds for a tar archive, links and headers included."""
    with pytest.raises(VerificationFailed) as caught:
        archives.read(sdist(tmp_path, SDISTS[attack]))
    assert caught.value.slug == "unsafe-archive"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF
    path.write_bytes(content)


def no_archive(path: Path) -> None:
    path.write_bytes(b"no archive at all")


def no_tar(path: Path) -> None:
    path.write_bytes(gzip.compress(b"no tar at all" * 100))


@pytest.mark.parametrize("damage", [cut, flip, no_archive, no_tar])
@pytest.mark.parametrize("make", [wheel, sdist])
def test_a_damaged_package_is_an_error_of_ours(
    tmp_path: Path, make: Callable[..., Path], damage: Callable[[Path], None]
) -> None:
    """Whatever the archive library raises, the error says that the package is damaged."""
    path = make(tmp_path, [])
    damage(path)
    with pytest.raises(VerificationFailed) as caught:
        archives.read(path)
    assert caught.value.slug == "damaged-package"


@pytest.mark.parametrize("text", [b"Name: widget\n", b"Version: 1\n", b"Name: a\nName: b\nVersion: 1\n", b""])
def test_metadata_without_one_name_and_one_version_is_damaged(tmp_path: Path, text: bytes) -> None:
    """A package that does not say what it is, or says it twice, is none."""
    path = tmp_path / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(INFO, text)
    with pytest.raises(VerificationFailed) as caught:
        archives.read(path)
    assert caught.value.slug == "damaged-package"


def test_an_artifact_is_the_bytes_that_were_read(tmp_path: Path) -> None:
    """Name, size and digest describe a regular file; a copy is described by what was written."""
    path = tmp_path / "a+b-1.0.pyz"
    path.write_bytes(b"content")
    expected = Artifact(kind=Kind.asset, name=path.name, size=7, sha256=sha256(b"content"))
    folder = tmp_path / "copies"
    folder.mkdir()
    assert files.artifact(path, Kind.asset) == expected
    assert files.copy_artifact(path, folder, Kind.asset) == expected
    assert (folder / path.name).read_bytes() == b"content"
    with pytest.raises(UsageError) as caught:
        files.copy_artifact(path, folder, Kind.asset)
    assert caught.value.slug == "duplicate-file-name"


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "irregular-file"),
        (os.mkfifo, "irregular-file"),
        (lambda path: path.symlink_to(path.name), "irregular-file"),
        (lambda path: path.mkdir(), "irregular-file"),
        (lambda path: path.touch(), "empty-file"),
    ],
)
def test_a_link_a_pipe_a_folder_or_an_empty_file_is_no_artifact(
    tmp_path: Path, make: Callable[[Path], None], slug: str
) -> None:
    """Neither is read, and none makes us wait."""
    path = tmp_path / "asset"
    make(path)
    with pytest.raises((Refused, UsageError)) as caught:
        files.artifact(path, Kind.asset)
    assert caught.value.slug == slug


@pytest.mark.parametrize("name", ["a b", "a~b", ".hidden", "-x", "grün", "a\nb", "a.", "$(id)"])
def test_a_name_that_a_release_would_change_is_refused(tmp_path: Path, name: str) -> None:
    """Spaces, tildes, letters that are no ASCII: the printed commands would not find the file."""
    (tmp_path / name).write_text("x")
    with pytest.raises(Refused) as caught:
        files.matching(tmp_path, ["*"])
    assert caught.value.slug == "unsafe-file-name"


def test_patterns_match_files_inside_the_project(tmp_path: Path) -> None:
    """Each file once, folders not; nothing, two of one name, or a way outside through a link are errors."""
    root = tmp_path / "root"
    for name in ("build/b.pyz", "build/a.pyz", "other/a.pyz", "../outside/secret"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / "link").symlink_to("../outside")
    assert files.matching(root, ["build/*", "build/a*", "*"][:2]) == (root / "build/a.pyz", root / "build/b.pyz")
    cases = {
        "pattern-without-file": ["build/*", "none/*"],
        "duplicate-file-name": ["*/a.pyz"],
        "file-outside-project": ["link/*"],
    }
    for slug, patterns in cases.items():
        with pytest.raises((Refused, UsageError)) as caught:
            files.matching(root, patterns)
        assert caught.value.slug == slug
