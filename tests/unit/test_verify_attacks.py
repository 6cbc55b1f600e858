"""What a folder, a release or an environment could do to whoever verifies: each test is an attack that once worked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tagseal.verification.found import found
from tagseal.verification.result import Check

BUNDLE = ".sigstore.json"


def asked(*arguments: str | Path) -> dict[str, Check | None]:
    """Return what is to be verified, by name; with the check that has failed already."""
    return {one.path.name: one.problem[0] if one.problem else None for one in found(arguments)}


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
    assert [one.path for one in found([tmp_path / "**" / "*.whl"])] == [tmp_path / "dist" / "a.whl"]


def test_an_empty_name_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was never set does not stand for all that lies around."""
    touch(tmp_path, "a.whl")
    monkeypatch.chdir(tmp_path)
    assert asked("") == {"": Check.file}


def test_links_in_a_ring_have_failed(tmp_path: Path) -> None:
    """They lead nowhere, and end no run."""
    (tmp_path / "ring").symlink_to("ring")
    assert asked(tmp_path / "ring" / "a.whl", tmp_path) == {"a.whl": Check.file, "ring": Check.bundle}


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
    """A thousand folders, each with the same file and its bundle, do not make a million notes."""
    for number in range(50):
        touch(tmp_path / str(number), "a.whl", f"a.whl{BUNDLE}")
    notes = [one.notes for one in found([tmp_path])]
    assert notes == [("none of its 49 bundles elsewhere was looked at",)] * 50
