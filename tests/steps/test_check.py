"""check: the files are what was planned, nothing else is there, and a second build is compared."""

from __future__ import annotations

import dataclasses
import io
import shutil
import tarfile
import zipfile
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import widget
from tagseal.errors import Refused, TagsealError, UsageError, VerificationFailed
from tagseal.machine import files
from tagseal.records import Artifact, Build, Checks, Kind, Plan, Verdict
from tagseal.steps.build import build
from tagseal.steps.check import check

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.steps import Services

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nDescription-Content-Type: {type}\n\n{text}\n"
GOOD = {"name": "widget", "version": "1.2.3", "type": "text/markdown", "text": "A widget."}
UNSTEADY = widget.BACKEND.replace(
    '"widget.py": pathlib.Path("widget.py").read_text(),', '"widget.py": f"MADE_BY = {os.getpid()}\\n",'
)


def collected(root: Path) -> tuple[Plan, Build, Services]:
    """Return a build of packages that were written by hand, each member of them as good as it can be."""
    git = widget.project(root, "v1.2.3")
    _, plan, services = widget.release(git, packages=("wheelhouse/*",))
    services.work.assets.mkdir(parents=True)
    services.work.packages.mkdir(parents=True)
    return plan, packed(services), services


def packed(services: Services, **facts: str) -> Build:
    """Write both packages with this metadata into the work folder and record them."""
    text = METADATA.format(**GOOD | facts).encode()
    wheel, sdist = (services.work.packages / name for name in (widget.WHEEL, widget.SDIST))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("widget-1.2.3.dist-info/METADATA", text)
        archive.writestr("widget-1.2.3.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    with tarfile.open(sdist, "w:gz") as archive_:
        for name in ("PKG-INFO", "pyproject.toml"):
            info = tarfile.TarInfo(f"widget-1.2.3/{name}")
            info.size = len(text)
            archive_.addfile(info, io.BytesIO(text))
    return recorded(services)


def recorded(services: Services) -> Build:
    kinds = {".whl": Kind.wheel, ".gz": Kind.sdist}
    artifacts = [files.artifact(path, kinds[path.suffix]) for path in sorted(services.work.packages.iterdir())]
    return Build(commit=services.git.head(), artifacts=tuple(artifacts), collected=True)


def problems(plan: Plan, built: Build, services: Services) -> tuple[str, ...]:
    with pytest.raises(VerificationFailed) as caught:
        check(plan, built, services=services)
    return caught.value.context


def test_a_build_as_planned_passes_every_check(tmp_path: Path) -> None:
    """The record lists the same artifacts and one verdict a check; the second build gave the same members."""
    git = widget.project(tmp_path, "v1.2.3")
    tag, plan, services = widget.release(git)
    built = build(tag, plan, services=services)
    assert check(plan, built, services=services) == Checks(
        artifacts=built.artifacts,
        verdicts=(
            Verdict(name="file set", ok=True, detail="2 files, as planned"),
            Verdict(name="digests", ok=True, detail="every file is the recorded one"),
            Verdict(name="metadata", ok=True, detail="widget 1.2.3 in each package"),
            Verdict(name="description (twine check)", ok=True, detail="renders on an index"),
            Verdict(name="second build", ok=True, detail="every member is the same"),
        ),
    )


def test_a_difference_of_the_second_build_is_reported_or_refused(tmp_path: Path) -> None:
    """`report` names the members that differ, `require` refuses them, `off` does not build."""
    git = widget.project(tmp_path, "v1.2.3", backend=UNSTEADY)
    tag, plan, services = widget.release(git, reproducible="report")
    built = build(tag, plan, services=services)
    differs = f"{widget.WHEEL}: widget.py"
    second = check(plan, built, services=services).verdicts[-1]
    assert second == Verdict(name="second build", ok=True, detail=f"1 difference: {differs}")
    _, _, services = widget.release(git, reproducible="require")
    assert problems(plan, built, services) == (differs,)
    _, _, services = widget.release(git, reproducible="off")
    second = check(plan, built, services=services).verdicts[-1]
    assert second == Verdict(name="second build", ok=True, detail="not made: reproducible is off")


def test_collected_packages_are_checked_and_not_built_again(tmp_path: Path) -> None:
    """What earlier jobs built gets every check but the second build, and the verdict says why."""
    plan, built, services = collected(tmp_path)
    (services.work.assets / "SHA256SUMS").touch()
    second = check(plan, built, services=services).verdicts[-1]
    assert second == Verdict(name="second build", ok=True, detail="not made: earlier jobs built the packages")


def test_the_file_set_is_exact(tmp_path: Path) -> None:
    """Record, plan and folders are compared both ways, and every difference is named."""
    plan, built, services = collected(tmp_path)
    foreign = services.work.packages / "widget-1.2.4-py3-none-any.whl"
    shutil.copy(services.work.packages / widget.WHEEL, foreign)
    (services.work.packages / widget.SDIST).rename(services.work.packages / "other-1.tar.gz")
    widget.write(services.work.assets, {"stray.txt": "x"})
    built = recorded(services)
    (services.work.packages / "late\x1b.txt").touch()
    plan = dataclasses.replace(plan, assets=("widget.pyz",))
    assert problems(plan, dataclasses.replace(built, commit="0" * 40), services) == (
        f"got a build of 0000000, expected {plan.commit[:7]}",
        f"got the sdist other-1.tar.gz, expected {widget.SDIST}",
        f"got the wheel {foreign.name}, expected widget-1.2.3-*.whl",
        "got no asset widget.pyz, expected one",
        "got the file in packages/ late\\u001b.txt, expected none",
        "got the file in assets/ stray.txt, expected none",
    )


def test_a_build_without_packages_is_not_as_planned(tmp_path: Path) -> None:
    """No sdist and no wheel is two problems."""
    plan, built, services = collected(tmp_path)
    shutil.rmtree(services.work.packages)
    empty = dataclasses.replace(built, artifacts=())
    assert problems(plan, empty, services) == (
        f"got the sdist (none), expected {widget.SDIST}",
        "got no wheel, expected widget-1.2.3-*.whl",
    )


def test_the_bytes_are_the_recorded_ones(tmp_path: Path) -> None:
    """A file that changed after the build is caught, with both digests."""
    plan, built, services = collected(tmp_path)
    path = services.work.packages / widget.SDIST
    path.write_bytes(path.read_bytes() + b"!")
    (problem,) = problems(plan, built, services)
    was = next(artifact for artifact in built.artifacts if artifact.kind is Kind.sdist)
    now: Artifact = files.artifact(path, Kind.sdist)
    assert problem == (f"{widget.SDIST}: got {now.size} bytes, {now.sha256}, expected {was.size} bytes, {was.sha256}")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "gadget"}, "got the name 'gadget', expected widget"),
        ({"version": "1.2.4"}, "got the version '1.2.4', expected 1.2.3"),
        ({"version": "newest"}, "got the version 'newest', expected 1.2.3"),
        ({"version": "9" * 5000}, f"got the version '{'9' * 120}…', expected 1.2.3"),
    ],
)
def test_each_package_says_the_planned_name_and_version(tmp_path: Path, facts: dict[str, str], said: str) -> None:
    """The metadata inside both packages is compared with the plan, whatever the file is called."""
    plan, _, services = collected(tmp_path)
    assert problems(plan, packed(services, **facts), services) == (
        f"{widget.WHEEL}: {said}",
        f"{widget.SDIST}: {said}",
    )


def test_another_spelling_of_the_same_name_and_version_is_the_same(tmp_path: Path) -> None:
    """Names and versions are compared as PEP 503 and PEP 440 compare them."""
    plan, _, services = collected(tmp_path)
    verdicts = check(plan, packed(services, name="Widget", version="1.2.3.0"), services=services).verdicts
    assert verdicts[2] == Verdict(name="metadata", ok=True, detail="widget 1.2.3 in each package")


@pytest.mark.parametrize(
    ("text", "result", "warning"),
    [("A widget.", "", ""), ("UNKNOWN", "PASSED with warnings", "twine check: WARNING  `long_description` missing.")],
)
def test_a_warning_about_the_description_is_a_remark(tmp_path: Path, text: str, result: str, warning: str) -> None:
    """An index accepts what twine only warns of, so a release does not stop there; nothing else is said."""
    plan, _, services = collected(tmp_path)
    heard: list[str] = []
    built = packed(services, text=text)
    verdicts = check(plan, built, services=dataclasses.replace(services, remark=heard.append)).verdicts
    assert verdicts[3] == Verdict(name="description (twine check)", ok=True, detail="renders on an index")
    names = (widget.SDIST, widget.WHEEL) if result else ()
    assert sorted(heard) == sorted(
        line for name in names for line in (f"twine check: Checking {name}: {result}", warning)
    )


def test_a_description_that_an_index_would_not_render_is_refused(tmp_path: Path) -> None:
    """The check of twine decides, and its words are shown."""
    plan, _, services = collected(tmp_path)
    found = problems(plan, packed(services, type="text/x-rst", text=".. nonsense::"), services)
    assert any("has syntax errors in markup" in line for line in found), found


def test_a_real_back_end_from_the_index_builds_reproducibly(tmp_path: Path) -> None:
    """An isolated environment is made with the person's own index settings, and flit-core builds the same twice."""
    pyproject = dedent("""
        [build-system]
        requires = ["flit-core>=3.11"]
        build-backend = "flit_core.buildapi"
        [project]
        name = "widget"
        dynamic = ["version", "description"]
        readme = "README.md"
    """)
    content = {"pyproject.toml": pyproject, "widget.py": '"""Turns."""\n__version__ = "1.2.3"\n', "README.md": "# W\n"}
    tag, plan, services = widget.release(widget.commit(tmp_path, content, "v1.2.3"), reproducible="require")
    built = build(tag, plan, services=services)
    assert check(plan, built, services=services).verdicts[-1].detail == "every member is the same"


@pytest.mark.parametrize(("further", "slug"), [(496, "no"), (498, "too-many-files")])
def test_more_files_than_a_release_takes_are_refused(tmp_path: Path, further: int, slug: str) -> None:
    """A thousand, the bundles and the list of checksums counted; before a file is read, and long before signing."""
    plan, built, services = collected(tmp_path / "widget")
    more = (Artifact(kind=Kind.asset, name=f"{number}.txt", size=1, sha256="0" * 64) for number in range(further))
    with pytest.raises(TagsealError) as caught:
        check(plan, dataclasses.replace(built, artifacts=(*built.artifacts, *more)), services=services)
    assert (caught.value.slug == slug) is (slug != "no")


def test_a_file_that_is_larger_than_a_release_takes_is_refused(tmp_path: Path) -> None:
    """Two gigabytes, or more."""
    plan, built, services = collected(tmp_path / "widget")
    large = Artifact(kind=Kind.asset, name="image.tar", size=2**31, sha256="0" * 64)
    with pytest.raises(UsageError) as caught:
        check(plan, dataclasses.replace(built, artifacts=(*built.artifacts, large)), services=services)
    assert (caught.value.slug, caught.value.context) == ("file-too-large", ("image.tar: 2,147,483,648 bytes",))


def test_notes_that_github_would_not_take_are_refused(tmp_path: Path) -> None:
    """The instructions for so many files are too long: that is found before anything is signed."""
    plan, _, services = collected(tmp_path / "widget")
    for number in range(450):
        (services.work.assets / f"{number}-{'x' * 80}.txt").write_text("text")
    more = [files.artifact(path, Kind.asset) for path in sorted(services.work.assets.iterdir())]
    built = recorded(services)
    planned = dataclasses.replace(plan, assets=tuple(one.name for one in more))
    services = dataclasses.replace(services, settings=dataclasses.replace(services.settings, assets=("*.txt",)))
    with pytest.raises(Refused) as caught:
        check(planned, dataclasses.replace(built, artifacts=(*built.artifacts, *more)), services=services)
    assert caught.value.slug == "notes-too-long"
