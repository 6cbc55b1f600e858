"""The guide in a rehearsal: followed like the notes, and told of when it leads nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import images
from rehearsing import Ended, programs, project, rehearse
from tagseal.notes.guide import TEMPLATE
from tagseal.notes.render import packaged

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ghcr.io/example/widget"
IMAGE = f'[tool.tagseal.image]\nname = "{NAME}"\narchive = "image.tar"\n'
GH = "--repo {{ repository | quoted }} \\\n  --pattern {{ file.name"
VERIFY = "```bash draft\nsigstore"
# What a project's own template says instead, the error that it leads to, and what that names.
BROKEN = {
    "another repository": (GH, GH.replace("repository", "'example/fork'"), "command-wrong-word", "example/fork"),
    "a file that is there already": (
        VERIFY,
        f"```bash draft\ngh release download {{{{ tag }}}} --repo {{{{ repository }}}}\n```\n\n{VERIFY}",
        "guide-command-failed",
        "gh release download v1.2.3 --repo example/widget",
    ),
}


def test_its_commands_run_unless_the_notes_have_them(tmp_path: Path) -> None:
    """Each once: what the notes print in the same words ran there; by real tools where they are, like theirs."""
    git = project(tmp_path / "widget", f"\n{IMAGE}")
    images.archive(images.layout(tmp_path / "layout"), git.root / "image.tar")
    ended = rehearse(git.root, "--json", out=tmp_path / "out")
    assert ended.code == 0, ended.errors
    ran = ended.document["guide"]
    assert [one["name"].split(" ")[:3] for one in ran] == [
        ["gh", "release", "download"],
        ["sigstore", "verify", "identity"],
    ] * 2
    assert all(one["ok"] for one in ran)
    assert {one["by"] for one in ran} <= set(ended.document["tools"].values())
    (line,) = [line for line in ended.errors.splitlines() if line.startswith("guide ")]
    assert line.endswith("s  4 commands of the guide ran, 2 more are the notes' own")
    witnessed = [one["name"] for one in ended.document["records"]["witness"]["commands"]]
    assert f"cosign verify {NAME}:v1.2.3" in witnessed


@pytest.mark.parametrize("name", BROKEN)
def test_a_guide_that_leads_nowhere_fails_the_rehearsal(name: str, tmp_path: Path) -> None:
    """Exit 1, and the command is named; it is found with stand-ins as well."""
    old, new, slug, named = BROKEN[name]
    template = (packaged() / TEMPLATE).read_text()
    assert old in template
    files = {f"ours/{TEMPLATE}": template.replace(old, new)}
    git = project(tmp_path / "widget", '\n[tool.tagseal]\ntemplates = "ours"\n', files)
    ended: Ended = rehearse(
        git.root, out=tmp_path / "out", environ={"PATH": programs(tmp_path / "bin", "git", "bash", "sh")}
    )
    assert (ended.code, ended.slug) == (1, slug), ended.output + ended.errors
    assert named in ended.errors
    assert "REHEARSED" not in ended.output
