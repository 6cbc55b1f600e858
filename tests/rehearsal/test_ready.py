"""Green means ready: each prepared mistake gets its verdict, its reason and what to do; without it all is well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mistakes import Mistake, healthy, mistakes
from rehearsing import rehearse
from tagseal import config
from tagseal.errors import UsageError
from tagseal.machine import backend
from tagseal.machine.git import Git
from tagseal.project.doctor import examine
from tagseal.project.readiness import judge
from tagseal.records import Readiness, Reason
from tagseal.rehearsal.packages import contents
from tagseal.rehearsal.packages.installation import try_packages
from tagseal.rehearsal.project.clone import make

if TYPE_CHECKING:
    from pathlib import Path

MISTAKES = mistakes()
EACH = pytest.mark.parametrize("mistake", [pytest.param(one, id=one.name) for one in MISTAKES])
BUILT = pytest.mark.parametrize("mistake", [pytest.param(one, id=one.name) for one in MISTAKES if one.build])
TOLD = pytest.mark.parametrize("mistake", [pytest.param(one, id=one.name) for one in MISTAKES if not one.build])


def found(git: Git, folder: Path, *, build: bool) -> tuple[Reason, ...]:
    """Return what a rehearsal of this checkout finds, without the release itself."""
    folder.mkdir()
    try:
        clone = make(Git.at(git.root, os.environ), folder, project=None, tag=None, packages=None)
    except UsageError as error:  # there is nothing to play
        return (Reason.of(error, Readiness.broken, verb="plan"),)
    reasons = judge(clone.candidate)
    if not build:
        return reasons
    packages = folder / "packages"
    packages.mkdir()
    settings = clone.candidate.settings
    environ = backend.child_environ(os.environ, home=folder / "home")
    backend.build_packages((), clone.git.root, packages, environ, folder / "build.log")
    return (
        *reasons,
        *try_packages(packages, settings, environ).reasons,
        *contents.judge(packages, clone.candidate.git),
    )


def test_there_are_thirty_at_least() -> None:
    """Of both kinds, and each verdict's name is in the folder's."""
    assert len(MISTAKES) >= 30
    assert {one.readiness for one in MISTAKES} == {Readiness.not_yet, Readiness.broken}


@TOLD
def test_a_mistake_is_told_with_what_to_do(mistake: Mistake, tmp_path: Path) -> None:
    """By the reason that its folder names; the verdict of all reasons is the folder's."""
    reasons = found(mistake.project(tmp_path / "widget"), tmp_path / "temporary", build=False)
    mine = [reason for reason in reasons if reason.slug == mistake.slug]
    assert mine, [reason.slug for reason in reasons]
    assert mistake.fix in mine[0].fix
    assert mine[0].readiness is mistake.readiness
    assert Readiness.of(reasons) is mistake.readiness


@BUILT
def test_a_mistake_of_the_packages_is_told_with_what_to_do(mistake: Mistake, tmp_path: Path) -> None:
    """As the others, once the packages are built."""
    reasons = found(mistake.project(tmp_path / "widget"), tmp_path / "temporary", build=True)
    mine = [reason for reason in reasons if reason.slug == mistake.slug]
    assert mine, [reason.slug for reason in reasons]
    assert mistake.fix in mine[0].fix
    assert Readiness.of(reasons) is mistake.readiness


@EACH
def test_without_the_mistake_the_project_is_ready(mistake: Mistake, tmp_path: Path) -> None:
    """So that it is the mistake which is told."""
    assert found(mistake.project(tmp_path / "widget", made=False), tmp_path / "temporary", build=False) == ()


@pytest.mark.parametrize("project", [pytest.param(one, id=one.name) for one in healthy()])
def test_what_usual_projects_do_is_no_reason(project: Mistake, tmp_path: Path) -> None:
    """Neither by its files nor, where only a build tells, by its packages."""
    git = project.project(tmp_path / "widget")
    assert found(git, tmp_path / "temporary", build=project.build) == ()


def test_the_packages_of_the_project_are_ready(tmp_path: Path) -> None:
    """What all of them are made of can be built, installed and imported."""
    git = MISTAKES[0].project(tmp_path / "widget", made=False)
    assert found(git, tmp_path / "temporary", build=True) == ()


@TOLD
def test_doctor_tells_it_too(mistake: Mistake, tmp_path: Path) -> None:
    """Without a build: what is broken as an error, what is still to do as a warning."""
    git = mistake.project(tmp_path / "widget")
    rows = examine(git.root, (), {"PATH": os.environ["PATH"]}, offline=True).rows
    mine = [row for row in rows if row.slug == mistake.slug]
    assert mine, [row.slug for row in rows]
    level = "error" if mistake.readiness is Readiness.broken else "warning"
    assert {row.level for row in mine} == {level}
    assert ("error" in {row.level for row in rows}) == (mistake.readiness is Readiness.broken)


@pytest.mark.sampled(2, "mistakes")
@EACH
def test_a_rehearsal_ends_with_2(mistake: Mistake, tmp_path: Path) -> None:
    """So that nothing behind ``&&`` runs; the job of a pull request goes on where something is only still to do."""
    git = mistake.project(tmp_path / "widget")
    ended = rehearse(git.root, "--allow-not-yet", "--json", out=tmp_path / "out")
    if "verdict" not in ended.document:
        assert (ended.code, ended.document["error"]["slug"]) == (2, mistake.slug)
        assert ended.errors.startswith("BROKEN: ")
        return
    assert mistake.slug in {reason["slug"] for reason in ended.document["reasons"]}
    if ended.document["verdict"] is None:  # a step refused it: its exit code is kept
        assert (ended.code, mistake.readiness) == (ended.document["error"]["exit"], Readiness.broken), ended.errors
        assert "\nFAILED in the job " in ended.errors
        return
    assert ended.document["verdict"] == mistake.readiness, ended.errors
    assert ended.code == (0 if mistake.readiness is Readiness.not_yet else 2)
    assert f"\n{mistake.readiness}" in ended.errors
    assert f"[{mistake.slug}]\n" in ended.errors


def test_a_configuration_of_the_base_is_none(tmp_path: Path) -> None:
    """What a project of the assets has is what its folder says, not what lies around it."""
    git = MISTAKES[0].project(tmp_path / "widget", made=False)
    assert config.load(git.root) == config.Settings()
