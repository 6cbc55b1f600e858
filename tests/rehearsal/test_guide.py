"""The guide in a rehearsal: followed like the notes, and told of when it leads nowhere."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

import images
from rehearsing import VARIED, Ended, programs, project, rehearse
from tagseal.notes.guide import TEMPLATE
from tagseal.notes.page import fences
from tagseal.notes.templates import packaged_folder
from tagseal.project.guide import page

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ghcr.io/example/widget"
IMAGE = f'[tool.tagseal.image]\nname = "{NAME}"\narchive = "image.tar"\n'
VERIFY = "```bash\n{{ verify(file) }}"
# What a project's own template says instead, the error that it leads to, and what that names: one is refused by its
# words, as more of them are in tests/unit/test_guide.py, the other only when it is run.
BROKEN = {
    "a file that nobody verified is run": (
        "`python3 -I -m venv venv",
        "`python3 -m venv venv",
        "command-not-understood",
        "looks for modules in this folder first",
    ),
    "a file that is there already": (
        VERIFY,
        "```bash\ngh release download {{ tag }} --repo {{ repository }} -p {{ file.name }}\n```\n\n" + VERIFY,
        "guide-command-failed",
        "gh release download v1.2.3 --repo example/widget",
    ),
}


def test_its_commands_are_the_notes_own_and_ran_there(imaged: Ended) -> None:
    """None is run a second time: each stands in the notes, word for word."""
    ended = imaged
    assert ended.code == 0, ended.errors
    assert ended.document["guide"] == []
    (line,) = [line for line in ended.errors.splitlines() if line.startswith("guide ")]
    assert line.endswith("s  its 6 commands ran in the notes")
    witnessed = [one["name"] for one in ended.document["records"]["witness"]["commands"]]
    assert [name for name in witnessed if name.startswith(f"cosign verify {NAME}:v1.2.3 ")]


@VARIED
@pytest.mark.parametrize("name", BROKEN)
def test_a_guide_that_leads_nowhere_fails_the_rehearsal(name: str, tmp_path: Path) -> None:
    """Exit 1, and the command is named; it is found with stand-ins as well."""
    old, new, slug, named = BROKEN[name]
    template = (packaged_folder() / TEMPLATE).read_text()
    assert old in template
    files = {f"ours/{TEMPLATE}": template.replace(old, new)}
    git = project(tmp_path / "widget", '\n[tool.tagseal]\ntemplates = "ours"\n', files)
    ended: Ended = rehearse(
        git.root, out=tmp_path / "out", environ={"PATH": programs(tmp_path / "bin", "git", "bash", "sh")}
    )
    assert (ended.code, ended.slug) == (1, slug), ended.output + ended.errors
    assert named in ended.errors
    assert "READY" not in ended.output


OVERHEARD = """#!/bin/sh
{real} "$@" > {log}.$$
code=$?
[ "$1" = verify ] && [ $code = 0 ] && cp {log}.$$ {log}
cat {log}.$$
exit $code
"""


@pytest.mark.interop
@pytest.mark.parametrize("form", ["simplesigning", "bundle"])
def test_the_json_of_the_guide_is_what_the_real_cosign_prints(tmp_path: Path, form: str) -> None:
    """What it shows of the image is all there is; of the signer it shows nothing that is not there."""
    real = shutil.which("cosign")
    if real is None:
        pytest.skip("cosign is not on PATH")
    overhearing, log = tmp_path / "bin" / "cosign", tmp_path / "log"
    overhearing.parent.mkdir()
    overhearing.write_text(OVERHEARD.format(real=real, log=log))
    overhearing.chmod(0o755)
    settings = f'\n[tool.tagseal]\nrepository = "example/widget"\n{IMAGE}signatures = ["{form}"]\n'
    git = project(tmp_path / "widget", settings)
    images.archive(images.layout(tmp_path / "layout"), git.root / "image.tar")
    path = os.pathsep.join([str(overhearing.parent), os.environ["PATH"]])
    ended = rehearse(git.root, out=tmp_path / "out", environ={"PATH": path})
    assert ended.code == 0, ended.output + ended.errors
    (printed,) = json.loads(log.read_text())
    digest = printed["critical"]["image"]["docker-manifest-digest"]
    (said,) = [text for info, text in fences(page(git.root, "v1.2.3")) if info == "json"]
    (shown,) = json.loads(said.replace("sha256:...", digest))
    assert printed["critical"] == shown["critical"]
    signer = {"Issuer", "Subject"}
    assert {name: printed["optional"][name] for name in signer & (printed["optional"] or {}).keys()} == {
        name: shown["optional"][name] for name in signer & shown["optional"].keys()
    }
