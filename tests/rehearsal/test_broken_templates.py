"""A command of the notes that is broken, and a tool that lets an attack through, stop the release before it is out."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

import images
from rehearsing import Ended, project, rehearse
from tagseal.notes.guide import TEMPLATE as GUIDE
from tagseal.notes.kit import TEMPLATE as KIT
from tagseal.notes.templates import packaged_folder

if TYPE_CHECKING:
    from pathlib import Path

TOOL = '\n[tool.tagseal]\ntemplates = "release-templates"\n'
INDEX = '[tool.tagseal.index]\nname = "testpypi"\n'
IMAGE = '[tool.tagseal.image]\nname = "ghcr.io/example/widget"\narchive = "image.tar"\n'
BLOCK = re.compile(r"```bash (?:draft|public|shown)\n.*?\n```", re.DOTALL)

# What is broken in each command of the packaged templates, as a person's own template might have it. That every
# other word of them is held as well is shown by tests/unit/test_notes_commands.py, without a process for each.
BROKEN = {
    "kit.md.j2": [
        {"no root of trust": ("--trust-config trust_config.json ", "")},
        {"no identity": ("  --certificate-identity {{ identity | quoted }} \\\n", "")},
        {"another tag": ("--tag {{ tag | quoted }}", "--tag latest")},
        {"an error swallowed": ("--ignore-missing", "--ignore-missing || true")},
    ],
    "verify/index.md.j2": [
        {
            "a build": ("--only-binary :all: ", ""),
            "another version": ("{{ index.requirement | quoted }}", "{{ project | quoted }}"),
            "another index": ("{{ index.url | quoted }}", "https://packages.example/simple/"),
        },
        {"another package": ("pypi-attestations", "pypi-attestation")},
        {"another URL": ("{{ file.url | quoted }}", "{{ (file.url ~ '?raw') | quoted }}")},
        {
            "another repository": ('("https://github.com/" ~ repository)', '"https://github.com/octo/fork"'),
            "another provenance": ("{{ file.provenance | quoted }}", "{{ index.files[0].provenance | quoted }}"),
        },
    ],
    "verify/section.md.j2": [
        {"another version": ("{{ index.requirement | quoted }}", "{{ (project ~ '==0') | quoted }}")},
        {
            "another package": ("'sigstore>=", "'sigstroe>="),
            "a file that nobody verified is run": ("pip install", "python -m pip install"),
        },
        {"another repository": ("{{ repository | quoted }}", "{{ (repository ~ '-fork') | quoted }}")},
        {
            "a pattern of the identity": ("--cert-identity {{ identity | enclosed }}", "--cert-identity '.*'"),
            "the other file": ("{{ first.name | quoted }}", "{{ others[0].name | quoted }}"),
        },
        {"another digest": ("image.digest)", "image.digest | replace('sha256:', 'sha256:0'))")},
    ],
    "verify/by-tag.md.j2": [{"the tag that moves": ("image.tag)", "'latest')")}],
    "verify/by-digest.md.j2": [
        {"the digest of another": ("crane digest {{ (image.name", "crane digest {{ (image.name ~ '-fork'")},
    ],
    "verify/files.md.j2": [
        {
            "a download that stops half way": (" --skip-existing", ""),
            "another program": ("gh release", "hub release"),
            "a download of whatever is there": (
                " \\\n  -p {{ file.name | quoted }} -p {{ file.bundle | quoted }}",
                "",
            ),
        },
        {"another URL": ("{{ file.url | quoted }}", "{{ (file.url ~ '?raw') | quoted }}")},
        {"no issuer": ("  --cert-oidc-issuer {{ issuer | enclosed }}", "  --verbose")},
        {"an error swallowed": ("{{ list.name | quoted }}", "{{ list.name | quoted }} || true")},
    ],
    "verify/cosign.md.j2": [
        {
            "no identity": ("  --certificate-identity {{ identity | enclosed }} \\\n", ""),
            "nobody runs it": ("bash draft", "bash shown"),
        },
    ],
}
CASES = [
    pytest.param(file, index, old, new, id=f"{file.removesuffix('.md.j2')} {index + 1}: {what}")
    for file, blocks in BROKEN.items()
    for index, ways in enumerate(blocks)
    for what, (old, new) in ways.items()
]


def blocks(file: str) -> list[str]:
    return BLOCK.findall((packaged_folder() / file).read_text())


def stopped(ended: Ended) -> Ended:
    """Hold that it ended as what does not verify, and that the played release is no more than a draft."""
    assert ended.code == 1, ended.output + ended.errors
    assert not ended.published
    assert "REHEARSED" not in ended.output
    assert "FAILED in the job" in ended.output
    return ended


def test_every_command_of_the_templates_is_broken_here() -> None:
    """A command that is added to a template is broken by these tests, or this one fails."""
    files = [path.relative_to(packaged_folder()).as_posix() for path in sorted(packaged_folder().rglob("*.j2"))]
    files.remove(GUIDE)  # see tests/rehearsal/test_guide.py
    assert {file: len(blocks(file)) for file in files if blocks(file)} == {
        file: len(BROKEN[file]) for file in sorted(BROKEN)
    }


@pytest.mark.parametrize(("file", "index", "old", "new"), CASES)
def test_a_broken_command_stops_the_release(file: str, index: int, old: str, new: str, tmp_path: Path) -> None:
    """Whatever is wrong with one command of a project's own template, nothing is published."""
    block = blocks(file)[index]
    assert old in block
    template = (packaged_folder() / file).read_text().replace(block, block.replace(old, new, 1))
    git = project(
        tmp_path / "widget",
        TOOL + ("kit = true\n" if file == KIT else "") + IMAGE + INDEX,
        {f"release-templates/{file}": template},
    )
    images.archive(images.layout(tmp_path / "layout"), git.root / "image.tar")
    ended = stopped(rehearse(git.root, out=tmp_path / "out"))
    assert ended.slug.startswith(("command-", "instructions-", "kit-", "notes-command-"))


HEEDLESS = """
[ "$1" = version ] && exec {real} "$@"
exec {real} $(echo "$@" | sed "s|--certificate-identity [^ ]*|--certificate-identity-regexp https://.|")
"""
# Programs that a person might have on PATH: what each does instead of its work, and the error that it must lead to.
FAKES = {
    "cosign accepts everything": ("cosign", "echo v3.1.3", "attack-not-refused"),
    "cosign heeds no identity": ("cosign", HEEDLESS, "attack-not-refused"),
    "sha256sum accepts everything": ("sha256sum", "echo 9.1", "attack-not-refused"),
    "gh downloads something else": (
        "gh",
        '[ "$1" = release ] && for name in *; do echo evil > "$name"; done; echo 2.23.0',
        "notes-command-failed",
    ),
}


@pytest.mark.parametrize("name", FAKES)
def test_a_tool_that_does_not_do_its_work_stops_the_release(name: str, tmp_path: Path) -> None:
    """An attack that a person's own program lets through is found while the release is a draft."""
    tool, script, slug = FAKES[name]
    real = shutil.which(tool)
    if "{real}" in script and real is None:
        pytest.skip(f"{tool} is not on PATH")
    fake = tmp_path / "bin" / tool
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script.format(real=real)}\n")
    fake.chmod(0o755)
    path = os.pathsep.join([str(fake.parent), os.environ["PATH"]])
    git = project(tmp_path / "widget")
    ended = stopped(rehearse(git.root, out=tmp_path / "out", environ={"PATH": path}))
    assert ended.slug == slug
    assert ended.release["draft"]
    assert ended.release["assets"]
