"""A rehearsal of a project with a container image: built or taken, and verified by whatever tools are here."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

import images
from rehearsing import IMAGE, VARIED, Ended, programs, project, rehearse
from tagseal.project.readiness import judge
from tagseal.rehearsal.project.clone import make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "ghcr.io/example/widget"
SHELL = ("git", "bash", "sh", "cp")
FILE = ".github/workflows/release.yml"
TAKEN = IMAGE.format(name=NAME)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an OCI archive of two platforms, with buildx's attestations."""
    return images.archive(images.layout(tmp_path / "layout", attestation=True), tmp_path / "made.tar")


def requests(ended: Ended) -> list[dict[str, object]]:
    """Return the requests to the registry."""
    lines = (ended.out / "transcript.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["host"] == "ghcr.io"]


def test_an_image_that_exists_is_rehearsed_with_this_machines_tools(imaged: Ended) -> None:
    """By digest before it is public, by tag and by ``crane digest`` after; its tags come at the very end."""
    ended = imaged
    assert ended.code == 0, ended.errors
    records = ended.document["records"]
    image = records["sign"]["image"]
    assert [one["platform"] for one in image["manifests"]] == ["linux/amd64", "linux/arm64"]
    names = [record["name"] for verb in ("prove", "witness") for record in records[verb]["commands"]]
    ran = [name.partition(" --certificate")[0] for name in names]
    assert ran.count(f"cosign verify {NAME}@sha256:{image['sha256']}") == 4  # alone and with the commit, by either verb
    assert f"cosign verify {NAME}:v1.2.3" in ran
    assert f'DIGEST="$(crane digest {NAME}:v1.2.3)"' in ran
    assert records["publish"]["acts"] == [
        "image tag v1.2.3 set",
        "release v1.2.3 published",
        "image tag latest set",
    ]
    assert "6 log entries" in ended.errors
    writes = [request["path"] for request in requests(ended) if request["method"] == "PUT" and request["status"] == 201]
    assert [str(write).rpartition("/")[2] for write in writes][-2:] == ["v1.2.3", "latest"]


@VARIED
def test_an_image_is_built_in_the_build_job_and_verified_by_stand_ins(tmp_path: Path, archive: Path) -> None:
    """Where no tool but a shell is here, everything is played, and the story says so."""
    build = f'build = ["cp", "{archive}", "{{archive}}"]\n'
    git = project(tmp_path / "widget", TAKEN.replace('archive = "image.tar"\n', build))
    ended = rehearse(git.root, out=tmp_path / "out", environ={"PATH": programs(tmp_path / "bin", *SHELL)})
    assert ended.code == 0, ended.output
    assert re.search(r"; by a stand-in: gh, cosign, curl, sha256sum, crane\n", ended.output)
    assert "image for 2 platforms" in ended.output
    assert ended.published


def test_a_workflow_that_could_not_release_the_image_is_told(tmp_path: Path, archive: Path) -> None:
    """What a pushed tag would stop at is known before a job begins; a comment grants nothing.

    That a rehearsal goes on, and says so at the end, is held in tests/rehearsal/test_projects.py.
    """
    steps = "jobs:\n  release:\n    # packages: write, crane\n    if: github.repository == 'other/project'\n"
    workflow = f"on:\n  push:\n    tags: ['v*']\n{steps}    steps:\n      - run: tagseal run guard sign\n"
    git = project(tmp_path / "widget", TAKEN, {FILE: workflow})
    shutil.copyfile(archive, git.root / "image.tar")
    (tmp_path / "temporary").mkdir()
    clone = make(git, tmp_path / "temporary", project=None, tag=None, packages=None)
    wrong = [(reason.slug, reason.what) for reason in judge(clone.candidate)]
    assert ("tool-missing-in-workflow", f"no step of {FILE} installs crane, which the notes' commands need") in wrong
    assert (
        "another-repository-s-job",
        "the job 'release' does not run in example/widget, because of `github.repository == 'other/project'`",
    ) in wrong
    assert ("permission-missing", "the job 'release' lacks `packages: write`, which `sign` needs") in wrong


@VARIED
def test_a_registry_that_is_not_ghcr_is_played_as_well(tmp_path: Path, archive: Path) -> None:
    """Its credentials come from the environment, as after a login."""
    git = project(tmp_path / "widget", TAKEN.replace("ghcr.io", "registry.example.org"))
    shutil.copyfile(archive, git.root / "image.tar")
    ended = rehearse(git.root, out=tmp_path / "out")
    assert ended.code == 0, ended.output


def test_a_docker_archive_is_refused_with_the_way_out(tmp_path: Path, here: Callable[..., Ended]) -> None:
    """Before anything is signed."""
    git = project(tmp_path / "widget", TAKEN)
    (git.root / "image.tar").write_bytes(b"no archive")
    ended = here(git.root, out=tmp_path / "out")
    assert ended.code == 2
    assert "FAILED in the job build" in ended.output


@pytest.mark.interop
@pytest.mark.parametrize("cosign", ["cosign", "cosign2"])
@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64", "linux/arm/v7")])
def test_the_notes_hold_with_either_real_cosign(tmp_path: Path, cosign: str, platforms: tuple[str, ...]) -> None:
    """The printed commands, word by word, by the real programs: cosign 3 and 2, crane, gh."""
    program = shutil.which(cosign)
    if program is None or shutil.which("crane") is None:
        pytest.skip(f"{cosign} or crane is not on PATH")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cosign").symlink_to(program)
    git = project(tmp_path / "widget", TAKEN)
    images.archive(images.layout(tmp_path / "layout", platforms), git.root / "image.tar")
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    ended = rehearse(git.root, "--json", out=tmp_path / "out", environ={"PATH": path})
    assert ended.code == 0, ended.errors
    tools = ended.document["tools"]
    assert tools["cosign"].startswith("cosign 3." if cosign == "cosign" else "cosign 2.")
    assert tools["crane"].startswith("crane 0.")
