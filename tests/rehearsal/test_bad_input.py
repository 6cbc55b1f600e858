"""What a person gets wrong: a clear error with the right exit code, and nothing left that a second run trips over."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import widget
from rehearsing import Ended, programs, project, rehearse
from tagseal.machine.git import Git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TOOL = "\n[tool.tagseal]\n"
BROKEN_BUILD = widget.BACKEND.replace("def build_sdist(", "raise SystemExit('the dog ate it')\ndef build_sdist(")
HOSTILE_NAME = widget.BACKEND.replace(
    'tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]',
    r"{'name': 'wid\x1b[2Jget', 'version': '1.2.3'}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One thing wrong with a project, or with how it is rehearsed."""

    slug: str
    code: int
    words: tuple[str, ...]
    """What the error says, each somewhere."""
    toml: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def asset(name: str, text: str, *, slug: str, code: int) -> Bad:
    toml = f'{TOOL}assets = ["made/*"]\n'
    return Bad(slug=slug, code=code, words=(name,), toml=toml, files={f"made/{name}": text})


BAD = {
    "invalid TOML": Bad(slug="invalid-toml", code=2, words=("pyproject.toml", "at end of document"), toml="[tool"),
    "wrong keys, all at once": Bad(
        slug="invalid-configuration",
        code=2,
        words=(
            "got 5 problems",
            "tool.tagseal.asets: unknown key; did you mean assets?",
            "tool.tagseal.index.nam: unknown key; did you mean name?",
            "tool.tagseal.index.name: it is missing",
            "tool.tagseal.project: got 3, expected a string",
            "tool.tagseal.tag: got 'v', expected {version} in it, exactly once",
        ),
        toml=f'{TOOL}asets = ["*.pyz"]\nproject = 3\ntag = "v"\nindex = {{nam = "pypi"}}\n',
    ),
    "a version that PEP 440 does not know": Bad(
        slug="invalid-version",
        code=2,
        words=("'one'", "for example to 1.2.3"),
        files={"pyproject.toml": widget.files("one")["pyproject.toml"]},
    ),
    "a name that would rewrite the terminal": Bad(
        slug="invalid-project-name",
        code=2,
        words=(r"'wid\u001b[2Jget'",),
        files={
            "pyproject.toml": widget.files()["pyproject.toml"].partition("[project]")[0],
            "backend.py": HOSTILE_NAME,
        },
    ),
    "no project in that folder": Bad(
        slug="no-project",
        code=2,
        words=("without a pyproject.toml", 'project = "FOLDER"'),
        toml="",
        options=("--project", "made"),
        files={"made/readme.txt": "x"},
    ),
    "a tag of another version": Bad(
        slug="version-disagrees", code=3, words=("got version 1.2.3", "v9.9.9"), options=("--tag", "v9.9.9")
    ),
    "a tag that a shell would run": Bad(
        slug="unsafe-tag", code=3, words=("v1$(id)", "DOLLAR SIGN"), options=("--tag", "v1$(id)")
    ),
    "a failing build": Bad(
        slug="build-failed", code=2, words=("the dog ate it", "whole log:"), files={"backend.py": BROKEN_BUILD}
    ),
    "an asset pattern without a file": Bad(
        slug="pattern-without-file", code=2, words=("'made/*'",), toml=f'{TOOL}assets = ["made/*"]\n'
    ),
    "an asset pattern that leads outside": Bad(
        slug="invalid-configuration",
        code=2,
        words=("'../*'", "a relative path inside the repository"),
        toml=f'{TOOL}assets = ["../*"]\n',
    ),
    "two assets of one name": Bad(
        slug="duplicate-file-name",
        code=2,
        words=("notice.txt",),
        toml=f'{TOOL}assets = ["a/*", "b/*"]\n',
        files={"a/notice.txt": "a", "b/notice.txt": "b"},
    ),
    "an empty asset": asset("empty.txt", "", slug="empty-file", code=2),
    "an asset with a space": asset("read me.txt", "x", slug="unsafe-file-name", code=3),
    "an asset with a tilde": asset("widget~1.txt", "x", slug="unsafe-file-name", code=3),
    "an asset with an umlaut": asset("überblick.txt", "x", slug="unsafe-file-name", code=3),
    "a file called dist": Bad(slug="system-refused", code=2, words=("Not a directory", "dist"), files={"dist": "x"}),
    "no folder of packages": Bad(
        slug="no-packages", code=2, words=("wheels and one sdist",), options=("--packages", "no")
    ),
    "an unknown fault": Bad(
        slug="unknown-fault", code=2, words=("expected drop-after",), options=("--fault", "drop-affter")
    ),
    "an unknown option": Bad(slug="bad-command-line", code=2, words=("--force",), options=("--force",)),
}


def refused(ended: Ended, slug: str, code: int, *words: str) -> str:
    """Hold that it ended so, and left nothing half-written; return what it said."""
    said = ended.output + ended.errors
    assert (ended.slug, ended.code) == (slug, code), said
    assert [word for word in words if word not in said] == []
    assert "Traceback" not in said
    assert not ended.published
    assert ended.leftovers == ()
    assert "tagseal-rehearsal-" not in said, "it names a place that is gone"
    return said


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_an_error_that_names_it(name: str, tmp_path: Path, here: Callable[..., Ended]) -> None:
    """Each has its exit code and its slug, and leaves the person's checkout as it was."""
    bad = BAD[name]
    git = project(tmp_path / "widget", bad.toml, bad.files)
    before = sorted(tmp_path.rglob("widget/**/*"))
    refused(here(git.root, *bad.options, out=tmp_path / "out"), bad.slug, bad.code, *bad.words)
    assert sorted(tmp_path.rglob("widget/**/*")) == before
    assert git.status() == ((), ())


def nowhere(folder: Path) -> Path:
    return folder / "nowhere"


def no_repository(folder: Path) -> Path:
    widget.write(folder / "widget", widget.files())
    return folder / "widget"


def no_commits(folder: Path) -> Path:
    path = no_repository(folder)
    Git.own(path, os.environ).command("init", "--quiet")
    return path


def no_pyproject(folder: Path) -> Path:
    return widget.commit(folder / "widget", {"readme.txt": "x"}).root


def bare(folder: Path) -> Path:
    git = project(folder / "widget")
    git.command("clone", "--quiet", "--bare", str(git.root), str(folder / "bare.git"))
    return folder / "bare.git"


@pytest.mark.parametrize(
    ("place", "slug", "words"),
    [
        (nowhere, "no-such-folder", "nowhere"),
        (no_repository, "not-a-repository", "git init"),
        (no_commits, "no-commits", "git commit"),
        (no_pyproject, "no-project", "pyproject.toml"),
        (bare, "not-a-repository", "bare.git"),
    ],
)
def test_what_is_no_project_is_told_so(
    place: Callable[[Path], Path], slug: str, words: str, tmp_path: Path, here: Callable[..., Ended]
) -> None:
    """No folder, no repository, no commit, no project, no working tree: each is said, with what to do."""
    refused(here(place(tmp_path), out=tmp_path / "out"), slug, 2, words)
    assert not (tmp_path / "out").exists()


def test_git_is_needed(tmp_path: Path, here: Callable[..., Ended]) -> None:
    """Without the git program there is one error, which names it."""
    path = programs(tmp_path / "bin")
    ended = here(project(tmp_path / "widget").root, out=tmp_path / "out", environ={"PATH": path})
    refused(ended, "missing-tool", 2, "got no program git", "Install git")


def test_the_log_of_a_failed_build_can_still_be_read(tmp_path: Path) -> None:
    """The error names a file that is there when the rehearsal is over, with all that the build wrote."""
    git = project(tmp_path / "widget", files={"backend.py": BROKEN_BUILD})
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    log = tmp_path / "out/logs/build.log"
    assert f"  | whole log: {log}\n" in ended.errors
    assert "the dog ate it" in log.read_text()
    error = ended.document["error"]
    assert ended.code == 2
    assert (ended.document["ok"], error["slug"], error["exit"]) == (False, "build-failed", 2)
    assert error["what"] == "got exit code 1 from the build of the packages, expected 0"
    assert f"whole log: {log}" in error["context"]
    assert error["hint"].startswith("`python -m build` in a fresh clone should fail alike.")
    assert ended.document["jobs"] == [{"name": "build", "exit": 2}]


@pytest.mark.parametrize("kind", ["a file", "somebody's folder", "read-only"])
def test_the_folder_for_what_is_left_must_be_ours(kind: str, tmp_path: Path, here: Callable[..., Ended]) -> None:
    """A file, or a folder with files that no rehearsal left, is not touched; one that cannot be made is named."""
    git = project(tmp_path / "widget", files={"assets/logo.svg": "<svg/>", "notes.md": "mine"})
    out = {"a file": tmp_path / "file", "somebody's folder": git.root, "read-only": tmp_path / "file/out"}[kind]
    (tmp_path / "file").write_text("mine")
    ended = here(git.root, "--out", str(out), out=tmp_path / "unused")
    slug = "system-refused" if kind == "read-only" else "out-not-ours"
    refused(ended, slug, 2, str(out))
    assert (tmp_path / "file").read_text() == "mine"
    assert git.status() == ((), ())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = ["mount", "-t", "tmpfs", "-o", "size=1100k", "tmpfs", str(folder)], ["umount", str(folder)]
    if os.geteuid() != 0 or not sys.platform.startswith("linux") or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small disk takes root, and mount")
    try:
        yield folder
    finally:
        subprocess.run(umount, check=True)


def test_a_full_disk_is_told_from_a_release_that_does_not_verify(
    disk: Path, tmp_path: Path, here: Callable[..., Ended]
) -> None:
    """Exit code 2, and where there is no room: not the words of whichever tool fell over it."""
    git = project(tmp_path / "widget")
    (disk / "ballast").write_bytes(b"x" * 600_000)
    ended = here(git.root, out=tmp_path / "out", environ={"TMPDIR": str(disk)})
    refused(ended, "disk-full", 2, "free bytes in", "Make room there")
    assert [path.name for path in disk.iterdir()] == ["ballast"]


def test_no_room_for_what_is_left_is_an_error_and_not_a_half_truth(
    disk: Path, tmp_path: Path, here: Callable[..., Ended]
) -> None:
    """Where the result cannot be written, the rehearsal did not pass; the next one takes the folder over."""
    git = project(tmp_path / "widget", files={"backend.py": BROKEN_BUILD})
    with pytest.raises(OSError, match="No space left"):
        (disk / "ballast").write_bytes(b"x" * 2_000_000)
    out = disk / "out"
    ended = here(git.root, "--out", str(out), out=tmp_path / "unused")
    refused(ended, "disk-full", 2, f"free bytes in {disk}", "Make room there")
    (disk / "ballast").unlink()
    ended = here(git.root, "--out", str(out), out=tmp_path / "unused")
    refused(ended, "build-failed", 2)
    assert (out / "logs/build.log").exists()
