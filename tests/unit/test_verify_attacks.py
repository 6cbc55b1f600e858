"""What a folder, a release or an environment could do to whoever verifies: each test is an attack that once worked."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from instance import TAG, Instance, instance
from tagseal.cli import main
from tagseal.errors import UsageError
from tagseal.verification.diagnosis.contents import looks_whole
from tagseal.verification.diagnosis.explain import LARGEST, explain
from tagseal.verification.found import find_files
from tagseal.verification.result import Check
from tagseal.verification.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = ".sigstore.json"
SIGNER = ("--repo", "octo/widget", "--tag", TAG)


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture
def dist(played: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that this process is in, with a file and its bundle; the root of trust lies above."""
    (tmp_path / "root.json").write_text(played.trusted_root)
    touch(tmp_path / "dist", "a.whl")
    sign(played, tmp_path / "dist", "a.whl")
    monkeypatch.chdir(tmp_path / "dist")
    return tmp_path / "dist"


def sign(played: Instance, folder: Path, *names: str) -> None:
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    for name, bundle in played.sign(digests).items():
        (folder / f"{name}{BUNDLE}").write_bytes(bundle)


def asked(*arguments: str | Path) -> dict[str, Check | None]:
    """Return what is to be verified, by name; with the check that has failed already."""
    return {file.path.name: file.problem[0] if file.problem else None for file in find_files(arguments)}


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize("name", [BUNDLE, ".sigstore", f".{BUNDLE}", "..sigstore", "...sigstore"])
def test_a_bundle_without_a_files_name_has_failed(tmp_path: Path, name: str) -> None:
    """It ends no run: what else lies there is verified."""
    touch(tmp_path, name, "a.whl", f"a.whl{BUNDLE}")
    assert asked(tmp_path) == {"a.whl": None, name: Check.file}


def test_a_bundle_of_a_bundle_has_failed(tmp_path: Path) -> None:
    """Whatever is asked for is told of, and a bundle is no file of its own."""
    twice = f"a.whl{BUNDLE}{BUNDLE}"
    touch(tmp_path, "a.whl", f"a.whl{BUNDLE}", twice)
    assert asked(tmp_path) == {"a.whl": None, twice: Check.file}


def test_a_file_that_looks_like_a_pattern_hides_no_other(tmp_path: Path) -> None:
    """Who names a pattern means all that it matches, and gets the file of that very name as well."""
    touch(tmp_path, "a.whl", "b.whl", "[ab].whl", "*.whl")
    assert asked(tmp_path / "[ab].whl").keys() == {"[ab].whl", "a.whl", "b.whl"}
    assert asked(tmp_path / "*.whl").keys() == {"[ab].whl", "a.whl", "b.whl", "*.whl"}


def test_a_pattern_follows_no_link_to_a_folder(tmp_path: Path) -> None:
    """Two links to their own folder would be two to the fortieth folders."""
    touch(tmp_path / "dist", "a.whl")
    for name in ("one", "two"):
        (tmp_path / "dist" / name).symlink_to(".")
    assert [file.path for file in find_files([tmp_path / "**" / "*.whl"])] == [tmp_path / "dist" / "a.whl"]


def test_an_empty_name_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was never set does not stand for all that lies around."""
    touch(tmp_path, "a.whl")
    monkeypatch.chdir(tmp_path)
    assert asked("") == {"": Check.file}


def test_links_in_a_ring_have_failed(tmp_path: Path) -> None:
    """They lead nowhere, and end no run."""
    (tmp_path / "ring").symlink_to("ring")
    assert asked(tmp_path / "ring" / "a.whl", tmp_path) == {"a.whl": Check.file, "ring": Check.bundle}


@pytest.mark.system
def test_no_folder_is_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked through without a call for each level; a pattern that has one fails for itself alone."""
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("d").mkdir()
        monkeypatch.chdir("d")
    Path("a.whl").touch()
    monkeypatch.chdir(tmp_path)
    try:
        assert asked("d") == {"a.whl": Check.bundle}
        assert set(asked("**/*.whl").values()) <= {Check.file, Check.bundle}
    finally:
        subprocess.run(
            [str(shutil.which("rm")), "-r", "d"], check=True
        )  # what clears a test's folder has a call for each level


def test_many_files_of_one_name_have_few_words(tmp_path: Path) -> None:
    """Many folders with the same file and its bundle make no note, and of many other bundles one is named."""
    for number in range(50):
        touch(tmp_path / str(number), "a.whl", f"a.whl{BUNDLE}")
    assert [file.notes for file in find_files([tmp_path])] == [()] * 50
    for number in range(50, 90):
        touch(tmp_path / str(number), f"a.whl{BUNDLE}")
    first = tmp_path / "50" / f"a.whl{BUNDLE}"
    note = f"the bundle beside it was used; '{first}' and 39 more of that name were not looked at"
    assert [file.notes for file in find_files([tmp_path])] == [(note,)] * 50


def test_a_file_does_not_become_an_option(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell writes file names for ``*``: a root of trust, or an older tag, could be one."""
    assert main(["verify", *SIGNER, "--trust-config=../root.json", "a.whl"]) == 0
    with instance() as evil:
        (dist / "a.whl").write_bytes(b"evil")
        (dist / "root.json").write_text(evil.trusted_root)
        touch(dist, "--trust-config=root.json")
        sign(evil, dist, "a.whl", "root.json")
    names = sorted(one.name for one in dist.iterdir())
    assert main(["verify", *names, *SIGNER]) == 2
    assert "option-is-a-file" in capsys.readouterr().err
    assert main(["verify", *SIGNER, "--trust-config=../root.json", "--", *names]) == 1


@pytest.mark.parametrize("name", ["--help", "-h", "--json", "--tag=v1.0.0", "--off", "--"])
def test_no_file_ends_a_verification_early(dist: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """The help ends with 0, and whoever asks for that alone takes it for a verdict."""
    touch(dist, name)
    assert main(["verify", name, "a.whl", *SIGNER, "--trust-config=../root.json"]) == 2
    assert "option-is-a-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"inclusionPromise": None, "integratedTime": "946684800", "logIndex": "4711"},
        {"integratedTime": "0", "logIndex": "4711"},
    ],
)
def test_what_no_log_has_signed_is_not_told(
    dist: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str | None]
) -> None:
    """Beside a timestamp the log's promise may be left out, and whoever passes the bundle on may write any time."""
    path = dist / f"a.whl{BUNDLE}"
    document = json.loads(path.read_bytes())
    entry = document["verificationMaterial"]["tlogEntries"][0]
    entry |= change
    document["verificationMaterial"]["tlogEntries"] = [{name: one for name, one in entry.items() if one is not None}]
    path.write_text(json.dumps(document))
    assert main(["verify", *SIGNER, "--trust-config=../root.json", "--json", "a.whl"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["files"]
    assert (told["log_index"], told["integrated_at"]) == (int(entry["inclusionProof"]["logIndex"]), "")


def test_a_file_of_odd_parts_ends_no_run(dist: Path) -> None:
    """Why it failed is guessed from bytes that a stranger chose: an archive that claims to be on two disks."""
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 2)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    (dist / "a.whl").write_bytes(b"PK\x03\x04" + locator + end)
    assert main(["verify", *SIGNER, "--trust-config=../root.json", "a.whl", "x" * 300]) == 1


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    """Whether it is whole stays open; a file of the usual kind is read to its end."""
    for name, content in (("bomb.tar.gz", bytes(64 << 20)), ("a.tar.gz", os.urandom(1 << 20))):
        (tmp_path / name).write_bytes(gzip.compress(content))
    assert looks_whole(tmp_path / "bomb.tar.gz", b"\x1f\x8b") is None
    assert looks_whole(tmp_path / "a.tar.gz", b"\x1f\x8b") is True


@pytest.mark.parametrize("unit", [" ", " \t", " x.py:1", "\x1b]", "FAIL: "])
def test_a_message_is_read_in_the_time_of_its_length(unit: str) -> None:
    """A megabyte of white space would take hours, if each space were where a margin may begin."""
    assert explain(unit * (LARGEST // len(unit))) == ()


@pytest.mark.parametrize(
    ("compression", "more", "words"),
    [
        (zipfile.ZIP_LZMA, (), "whose reader has no bound"),
        (zipfile.ZIP_BZIP2, (), "whose reader has no bound"),
        (zipfile.ZIP_DEFLATED, ("other/trusted_root.json",), "got 2 members"),
        (zipfile.ZIP_DEFLATED, (), ""),
    ],
)
def test_a_root_of_trust_in_an_archive_is_bounded(
    played: Instance, tmp_path: Path, compression: int, more: tuple[str, ...], words: str
) -> None:
    """A small archive may unpack to anything; and the digest is of the root, under its own name."""
    kit = tmp_path / "kit.zip"
    with zipfile.ZipFile(kit, "w", compression) as archive:
        for name in ("kit/trusted_root.json", *more):
            archive.writestr(name, played.trusted_root)
    if not words:
        sha256 = hashlib.sha256(played.trusted_root.encode()).hexdigest()
        assert Trust.of_file(kit).origin == f"{kit}/kit/trusted_root.json, sha256 {sha256}"
        return
    with pytest.raises(UsageError) as caught:
        Trust.of_file(kit)
    assert words in caught.value.context[0]


def test_a_list_alone_is_called_so(played: Instance, dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is signed, and no file has been looked at."""
    (dist / "SHA256SUMS").write_text(f"{'0' * 64}  a.whl\n")
    sign(played, dist, "SHA256SUMS")
    assert main(["verify", *SIGNER, "--trust-config=../root.json", "SHA256SUMS"]) == 0
    assert "VERIFIED 1 file, the list of names alone (SHA256SUMS), " in capsys.readouterr().out
