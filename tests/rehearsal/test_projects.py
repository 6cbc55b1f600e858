"""Projects as they are: whatever a checkout looks like, a rehearsal takes it as it stands and leaves it so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import widget
from rehearsing import CHANGELOG, VARIED, project, rehearse
from tagseal.project.readiness import judge
from tagseal.rehearsal.project.clone import Clone, make

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsing import Ended
    from tagseal.machine.git import Git

# A back end that computes the version from the tags, and from PKG-INFO where there is no repository, as they do.
FROM_TAGS = """
    import re, subprocess

    def version():
        if pathlib.Path("PKG-INFO").exists():
            return re.search("^Version: (.*)$", pathlib.Path("PKG-INFO").read_text(), re.M)[1]
        last, commits, commit = subprocess.run(
            ["git", "describe", "--tags", "--long"], check=True, capture_output=True, text=True
        ).stdout.strip().rsplit("-", 2)
        following = f"{last[:-1]}{int(last[-1]) + 1}"
        return last if commits == "0" else f"{following}.dev{commits}+{commit}"

    PROJECT["version"] = version()
"""
COMPILED = """
    [build-system]
    requires = ["setuptools>=77"]
    build-backend = "setuptools.build_meta"

    [project]
    name = "widget"
    version = "1.2.3"
    readme = "CHANGELOG.md"

    [tool.setuptools]
    ext-modules = [{ name = "widget", sources = ["widget.c"] }]
"""
WIDGET_C = """
    #include <Python.h>
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "widget"};
    PyMODINIT_FUNC PyInit_widget(void) { return PyModule_Create(&module); }
"""


def cloned(git: Git, folder: Path, *, tag: str | None = None, packages: Path | None = None) -> Clone:
    """Clone the project as a rehearsal begins."""
    (folder / "temporary").mkdir()
    return make(git, folder / "temporary", project=None, tag=tag, packages=packages)


def packages(git: Git, folder: Path) -> Path:
    """Let the back end make wheel and sdist, as an earlier job does."""
    folder.mkdir(parents=True)
    code = f"import backend; [make({str(folder)!r}) for make in (backend.build_wheel, backend.build_sdist)]"
    subprocess.run([sys.executable, "-B", "-c", code], cwd=git.root, check=True)
    return folder


def test_an_odd_place_and_an_odd_name_change_nothing(standing_in: Ended) -> None:
    """Spaces, quotes, a newline and a command in the path; a name with capitals and a dot; modules of our names."""
    assert standing_in.code == 2
    assert {one["name"] for one in standing_in.release["assets"]} >= {
        "wid_get_x-1.2.3-py3-none-any.whl",
        "wid_get_x-1.2.3.tar.gz",
    }
    assert standing_in.leftovers == ()
    assert not list(standing_in.out.parents[1].rglob("canary"))


def test_submodules_are_built_in(standing_in: Ended) -> None:
    """A worktree's submodule, at the recorded commit, is part of what is built."""
    with tarfile.open(standing_in.out / "assets/wid_get_x-1.2.3.tar.gz") as archive:
        assert "wid_get_x-1.2.3/vendor/part.txt" in archive.getnames()


def test_a_remote_elsewhere_is_not_given_away(standing_in: Ended) -> None:
    """A project at another forge is played under a made-up name; its remote's credentials are nowhere."""
    assert "no remote at GitHub: played as example/project\n" in standing_in.output
    left = b"".join(path.read_bytes() for path in standing_in.out.rglob("*") if path.is_file())
    assert b"somebody:" not in left + standing_in.output.encode()


@VARIED
def test_a_version_from_the_tags_gets_the_next_tag(tmp_path: Path) -> None:
    """A package in a folder of its own, whose version only its back end knows, and no section for it."""
    content = widget.files()
    content["backend.py"] = content["backend.py"].replace("STEM =", f"{dedent(FROM_TAGS)}\nSTEM =", 1)
    content["pyproject.toml"] = content["pyproject.toml"].replace('version = "1.2.3"', 'dynamic = ["version"]')
    below = {f"package/{name}": text for name, text in content.items()}
    widget.commit(tmp_path / "widget", {**below, "CHANGELOG.md": CHANGELOG}, "0.1.8")
    git = widget.commit(tmp_path / "widget", {"more.txt": "more"})
    ended = rehearse(git.root, "--project", "package", out=tmp_path / "out")
    assert ended.code == 2, ended.output + ended.errors
    assert ended.output.startswith("widget 0.1.9 · tag 0.1.9 (bare, like your last one) · example/widget")
    assert "note:    CHANGELOG.md has no section for 0.1.9: a real release would refuse here\n" in ended.output
    slugs = re.findall(r"^(?:broken|not yet) .*\[([a-z-]+)\]$", ended.output, re.MULTILINE)
    expected = ["no-release-workflow", "identity-unknown", "changelog-section-missing", "configuration-missing"]
    assert slugs == expected
    assert 'Write this into tagseal.toml, and commit it: project = "package"\n' in ended.output
    assert "\nBROKEN: a real release of this would fail or do harm, 4 reasons above; rehearsed in " in ended.output
    assert git.tags() == ("0.1.8",)
    assert git.status() == ((), ())


@VARIED
def test_packages_that_exist_are_taken_as_they_are(tmp_path: Path) -> None:
    """With ``--packages`` nothing is built: the very bytes of that folder are signed and published."""
    git = project(tmp_path / "widget")
    made = packages(git, tmp_path / "made")
    git = widget.commit(git.root, {"backend.py": "raise SystemExit('nobody builds here')"})
    ended = rehearse(git.root, "--packages", "../made", out=tmp_path / "out", cwd=git.root)
    assert ended.code == 2, ended.output + ended.errors  # for a real release lacks the line
    assert "[configuration-missing]" in ended.output
    assert "collected wheel" in ended.output
    for file in made.iterdir():
        assert (ended.out / "assets" / file.name).read_bytes() == file.read_bytes()


@VARIED
@pytest.mark.slow
def test_a_compiled_project_is_rehearsed_too(tmp_path: Path) -> None:
    """A wheel for this platform only; two builds of it are not compared unless one asks for it."""
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    git = project(tmp_path / "widget", files={"pyproject.toml": dedent(COMPILED), "widget.c": dedent(WIDGET_C)})
    for name in ("widget.py", "backend.py"):
        (git.root / name).unlink()
    widget.commit(git.root, {})
    ended = rehearse(git.root, out=tmp_path / "out")
    assert ended.code == 0, ended.output + ended.errors
    assert "second build: not made: reproducible is off" in ended.output
    assert any("-cp3" in one["name"] for one in ended.release["assets"])


def test_what_earlier_jobs_made_is_found_in_this_checkout(tmp_path: Path) -> None:
    """Untracked files that ``packages`` and ``assets`` match are brought along; what a rehearsal left is not."""
    git = project(
        tmp_path / "widget",
        '\n[tool.tagseal]\npackages = ["dist/**/*.whl", "dist/*.gz"]\nassets = ["*.pyz", "widget.py"]\n',
        {".gitignore": "dist/\n*.pyz\n"},
    )
    packages(git, git.root / "dist")
    widget.write(git.root, {"widget.pyz": "zip", "dist/rehearsal/a.whl": "old", "dist/rehearsal/release.json": "{}"})
    clone = cloned(git, tmp_path)
    names = {"dist/widget-1.2.3-py3-none-any.whl", "dist/widget-1.2.3.tar.gz", "widget.pyz"}
    assert set(clone.brought) == names
    assert any("from this checkout, where a real release makes them first" in remark for remark in clone.remarks)
    (tmp_path / "checkout").mkdir()
    clone.bring(tmp_path / "checkout")
    assert {one.relative_to(tmp_path / "checkout").as_posix() for one in tmp_path.rglob("checkout/**/*.*")} == names


def test_changes_that_are_not_committed_are_rehearsed_and_named(tmp_path: Path) -> None:
    """Changed files, and untracked ones that a release reads, are in the clone's commit; others are not."""
    git = project(tmp_path / "widget")
    widget.write(git.root, {"widget.py": "CHANGED = 1\n", ".github/workflows/a.yml": "on: release", "secret.txt": "x"})
    clone = cloned(git, tmp_path)
    assert (clone.git.root / "widget.py").read_text() == "CHANGED = 1\n"
    assert clone.workflow == "release.yml"
    assert not (clone.git.root / "secret.txt").exists()
    assert clone.remarks[:2] == (
        "uncommitted, but part of this rehearsal: 'widget.py'",
        "untracked, but part of this rehearsal: '.github/workflows/a.yml'",
    )
    assert clone.git.status() == ((), ())


@pytest.mark.parametrize(("stands", "reasons"), [("nowhere", []), ("here", []), ("elsewhere", ["tag-taken"])])
def test_a_tag_moves_in_the_clone_only(stands: str, reasons: list[str], tmp_path: Path) -> None:
    """The person's own tag stays where it stands; on another commit it is taken."""
    git = project(tmp_path / "widget", "", None, *(["v1.2.3"] if stands != "nowhere" else []))
    if stands == "elsewhere":
        widget.commit(git.root, {"more.txt": "more"})
    before = git.commit_of("refs/tags/v1.2.3")
    clone = cloned(git, tmp_path)
    assert clone.git.commit_of("refs/tags/v1.2.3") == git.head()
    assert [reason.slug for reason in judge(clone.candidate)] == reasons
    assert git.commit_of("refs/tags/v1.2.3") == before


@pytest.mark.parametrize(("version", "tag"), [("2.0.0rc1", "v2.0.0rc1"), ("2.0.0.dev3", "v2.0.0.dev3")])
def test_a_declared_version_is_tagged_as_it_stands(version: str, tag: str, tmp_path: Path) -> None:
    """A pre-release is one: no other version is made up for it."""
    git = widget.commit(tmp_path / "widget", widget.files(version))
    assert (clone := cloned(git, tmp_path)).tag == tag
    assert clone.version == version


def test_a_tracked_dist_folder_is_no_obstacle(tmp_path: Path) -> None:
    """Only the tag's own work folder must not be tracked."""
    git = project(tmp_path / "widget", files={"dist/old.txt": "old"})
    clone = cloned(git, tmp_path)
    clone.checkout_to(tmp_path / "checkout")
    assert (tmp_path / "checkout/dist/old.txt").exists()
    assert not clone.git.is_tracked(clone.git.root / "dist/v1.2.3")
