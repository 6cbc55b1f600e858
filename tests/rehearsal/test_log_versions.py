"""A rehearsal in either version of the transparency log: as production signs today, and as it will."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import images
from rehearsing import VARIED, Ended, Served, programs, project, rehearse

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "ghcr.io/example/widget"
IMAGE = f'\n[tool.tagseal.image]\nname = "{NAME}"\narchive = "image.tar"\nsignatures = ["{{}}"]\n'
SHELL = ("git", "bash", "sh", "cp")
WRITES = {
    "v1": ("rekor.sigstore.dev", "/api/v1/log/entries"),
    "v2": ("log2025-1.rekor.sigstore.dev", "/api/v2/log/entries"),
}
STAMPS = ("timestamp.sigstore.dev", "/api/v1/timestamp")


def asked(ended: Ended) -> set[tuple[str, str]]:
    """Return the host and path of every request that a log or an authority for timestamps took."""
    lines = (ended.out / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
    taken = [one for one in map(json.loads, lines) if one["method"] == "POST" and one["status"] == 201]
    return {(one["host"], one["path"]) for one in taken if one["host"].endswith(".sigstore.dev")}


def bundles(ended: Ended) -> Mapping[str, Any]:
    """Return the bundles that were released, by name."""
    folder = Path(next(ended.out.rglob("*.sigstore.json"))).parent
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.sigstore.json")}


def image_project(root: Path, tmp_path: Path, form: str) -> Path:
    git = project(root, IMAGE.format(form))
    made = images.archive(images.layout(tmp_path / "layout", attestation=True), tmp_path / "made.tar")
    shutil.copyfile(made, git.root / "image.tar")
    return git.root


def released(ended: Ended, log: str, oldest: str) -> None:
    """Hold that all is signed in this version: every bundle is timestamped, and only v1 tells the time.

    The notes name the clients that read such bundles.
    """
    assert ended.code == 0, ended.errors
    assert ended.document["log"] == log
    assert asked(ended) == {WRITES[log], STAMPS}
    assert f"Clients that read the files' bundles: {oldest}, or newer." in ended.release["body"]
    records = ended.document["records"]
    assert {record["integrated_time"] > 0 for record in records["sign"]["bundles"]} == {log == "v1"}
    assert len(bundles(ended)) == len(records["sign"]["bundles"])
    for bundle in bundles(ended).values():
        material = bundle["verificationMaterial"]
        assert len(material["timestampVerificationData"]["rfc3161Timestamps"]) == 1
        body = json.loads(b64decode(material["tlogEntries"][0]["canonicalizedBody"]))
        assert body["apiVersion"] == ("0.0.1" if log == "v1" else "0.0.2")


def test_packages_are_released_in_the_first_version(served: Served) -> None:
    """Signed, uploaded, proved, published and witnessed, as production signs today."""
    released(served.ended, "v1", "sigstore 3.6.5, cosign 2.4.2")


@VARIED
def test_packages_are_released_in_the_second_version(tmp_path: Path) -> None:
    """The same in the log that production will sign in."""
    git = project(tmp_path / "widget")
    released(rehearse(git.root, "--json", "--log", "v2", out=tmp_path / "out"), "v2", "sigstore 4.0.0, cosign 3.0.5")


@VARIED
def test_the_notes_hold_in_the_second_version_by_stand_ins(tmp_path: Path) -> None:
    """Where no tool but a shell is here, the stand-ins read such bundles as well, and the story names the version."""
    git = project(tmp_path / "widget")
    path = programs(tmp_path / "bin", *SHELL)
    ended = rehearse(git.root, "--log", "v2", out=tmp_path / "out", environ={"PATH": path})
    assert ended.code == 0, ended.output
    assert "note:    signing in v2 of the transparency log, where production still signs in v1\n" in ended.output
    assert ended.published


@VARIED
def test_an_image_is_signed_in_the_second_version_as_a_bundle(tmp_path: Path) -> None:
    """The newer form of an image's signature needs no promise; whatever cosign is here reads it."""
    root = image_project(tmp_path / "widget", tmp_path, "bundle")
    ended = rehearse(root, "--json", "--log", "v2", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    assert asked(ended) == {WRITES["v2"], STAMPS}
    assert {one["integrated_time"] for one in ended.document["records"]["sign"]["signatures"]} == {0}


@VARIED
def test_the_older_form_of_an_images_signature_is_refused(tmp_path: Path) -> None:
    """It consists of a promise, which the second version does not give: nothing is signed at all."""
    root = image_project(tmp_path / "widget", tmp_path, "simplesigning")
    ended = rehearse(root, "--json", "--log", "v2", out=tmp_path / "out")
    assert ended.code == 3
    assert ended.document["error"]["slug"] == "log-without-promises"
    assert "without a log of version 1" in ended.errors
    assert asked(ended) == set()
