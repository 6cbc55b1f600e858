"""Images that buildah builds for several platforms, by the README's command, and what is taken from them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tagseal.machine import backend
from tagseal.services.images import build as image_build
from tagseal.services.images import layout

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed: apt-get install buildah"),
    pytest.mark.skipif(os.geteuid() != 0, reason="buildah without a daemon or user namespaces needs root"),
]

SKOPEO = shutil.which("skopeo") or ""
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")
# One after another: given them all, buildah lists them as they end, which makes another index each time.
COMMANDS = f"""
image="localhost/tagseal:$$"
for platform in {" ".join(PLATFORMS)}; do
    buildah build --platform "$platform" --timestamp "$SOURCE_DATE_EPOCH" --manifest "$image" .
done
buildah manifest push --all --rm "$image" "oci-archive:$1"
"""
ONE = """
buildah build --timestamp "$SOURCE_DATE_EPOCH" --tag "oci-archive:$1" .
"""
EPOCH = 1_700_000_000


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a build whose storage lies in the test's folder, away from the machine's own."""
    storage = tmp_path / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/storage"\n', encoding="utf-8"
    )
    own = {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot"}
    return backend.child_environ(own, image_build.VARIABLES, home=tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Containerfile").write_text("FROM scratch\nCOPY widget /widget\nCOPY data /data\n")
    (folder / "widget").write_text("widget 1.2.3")
    (folder / "data").write_bytes(bytes(1 << 20))
    return folder


def build(project: Path, environ: dict[str, str], archive: Path, commands: str) -> layout.LayoutImage:
    log = archive.with_suffix(".log")
    argv = ("sh", "-euc", commands, "sh", image_build.ARCHIVE)
    image_build.build(argv, archive, folder=project, environ=environ, epoch=EPOCH, log=log)
    return layout.take(archive, archive.with_suffix(""))


def test_an_image_for_several_platforms_is_taken(tmp_path: Path, project: Path, environ: dict[str, str]) -> None:
    """Its platforms are listed as they were asked for, each with the configuration of its own, and it reads back."""
    image = build(project, environ, tmp_path / "image.tar", COMMANDS)
    assert image.platforms == PLATFORMS
    assert layout.read(tmp_path / "image") == image
    created = {
        json.loads(layout.blob(tmp_path / "image", blob.sha256).read_bytes())["created"]
        for blob in image.blobs
        if "config" in blob.media_type
    }
    assert created == {"2023-11-14T22:13:20Z"}


def test_the_same_commit_gives_the_same_image(tmp_path: Path, project: Path, environ: dict[str, str]) -> None:
    """Two builds with one SOURCE_DATE_EPOCH have one digest."""
    first, second = (build(project, environ, tmp_path / f"{name}.tar", COMMANDS) for name in ("first", "second"))
    assert first == second


def test_an_image_for_one_platform_is_taken(tmp_path: Path, project: Path, environ: dict[str, str]) -> None:
    """Its root is a manifest, and its platform the configuration's."""
    image = build(project, environ, tmp_path / "image.tar", ONE)
    assert image.manifests == ()
    assert image.platform.startswith("linux/")


@pytest.mark.skipif(not SKOPEO, reason="skopeo is not installed: apt-get install skopeo")
def test_skopeo_reads_what_was_taken(tmp_path: Path, project: Path, environ: dict[str, str]) -> None:
    """The normalised layout is one to a real client, with the same root, and every blob of it can be copied."""
    image = build(project, environ, tmp_path / "image.tar", COMMANDS)
    copy = (SKOPEO, "--insecure-policy", "copy", "--all", f"oci:{tmp_path}/image", f"oci:{tmp_path}/copy:latest")
    subprocess.run(copy, check=True, capture_output=True)
    assert layout.take(tmp_path / "copy", tmp_path / "again") == image
