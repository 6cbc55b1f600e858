"""A command of the notes that is broken, and a tool that lets an attack through, stop the release before it is out."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

import widget
from rehearsing import project, rehearse
from stage import stage
from tagseal.config import ImageSettings, IndexSettings, Settings
from tagseal.errors import VerificationFailed
from tagseal.notes.guide import TEMPLATE as GUIDE
from tagseal.notes.kit import TEMPLATE as KIT
from tagseal.notes.templates import packaged_folder
from tagseal.steps.plan import plan
from tagseal.steps.prove import prove

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from job import Job
    from stage import Stage
    from tagseal.records import Draft, Plan, Seal

TOOL = '\n[tool.tagseal]\ntemplates = "release-templates"\n'
BLOCK = re.compile(r"```bash\n.*?\n```", re.DOTALL)
MACROS, MACRO = "verify/commands.md.j2", re.compile(r"\{% macro (?!laid).*?\{%- endmacro %\}", re.DOTALL)
"""What writes the commands that several templates have; how it lays out their words is no command."""

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
        {"an error swallowed": ("{{ download_from_index() }}", "{{ download_from_index() }} || true")},
        {"another URL": ("{{ file.url | quoted }}", "{{ (file.url ~ '?raw') | quoted }}")},
        {
            "another repository": ('("https://github.com/" ~ repository)', '"https://github.com/octo/fork"'),
            "another provenance": ("{{ file.provenance | quoted }}", "{{ index.files[0].provenance | quoted }}"),
        },
    ],
    "verify/section.md.j2": [
        {"a file that nobody verified is run": ("{{ install_project() }}", "python -m {{ install_project() }}")},
        {"a file that nobody verified is run": ("{{ install() }}", "python -m {{ install() }}")},
        {"one file twice, the other never": ("download(file, 2)", "download(shown[0], 2)")},
        {"an error swallowed": ("verify(file, 2) }}", "verify(file, 2) }} || true")},
        {"output kept from the reader": ("in_line=2) }}", "in_line=2) }} > /dev/null")},
        {"another digest": ("image.digest)", "image.digest | replace('sha256:', 'sha256:0'))")},
    ],
    MACROS: [
        {"another package": ("sigstore", "sigstroe")},
        {
            "another version": ("index.requirement | quoted", "(project ~ '==0') | quoted"),
            "another index": ("{{ index.url | quoted }}", "https://packages.example/simple/"),
        },
        {
            "a build": ("--only-binary :all: ", ""),
            "another version": ("{{ index.requirement | quoted }}", "{{ project | quoted }}"),
            "another index": ("{{ index.url | quoted }}", "https://packages.example/simple/"),
        },
        {"another repository": ("repository | quoted", "(repository ~ '-fork') | quoted")},
        {"a pattern of the identity": ("identity | enclosed", "\"'.*'\"")},
        {
            "no identity": ('  "--certificate-identity " ~ identity | enclosed,\n', ""),
            "no commit": ('  "--certificate-github-workflow-sha " ~ commit,\n', ""),
        },
        {"another repository, of the source": ("repository | quoted", "(repository ~ '-fork') | quoted")},
    ],
    "verify/by-tag.md.j2": [{"the tag that moves": ("image.tag)", "'latest')")}],
    "verify/by-digest.md.j2": [
        {"the digest of another": ("crane digest {{ (image.name", "crane digest {{ (image.name ~ '-fork'")},
    ],
    "verify/files.md.j2": [
        {
            "another program": ("gh release", "hub release"),
            "a download of whatever is there": (
                " \\\n  -p {{ file.name | quoted }} -p {{ file.bundle | quoted }}",
                "",
            ),
        },
        {"another URL": ("{{ file.url | quoted }}", "{{ (file.url ~ '?raw') | quoted }}")},
        {
            "another repository": ("--repository {{ repository | quoted }} ", "--repository octo/fork "),
            "a part of the commit": ("{{ commit }}", "{{ commit[:7] }}"),
            "a branch": ("refs/tags/", "refs/heads/"),
        },
    ],
    "verify/cosign.md.j2": [
        {"the signer's name alone": ("stricter=true", "stricter=false")},
        {"an error swallowed": ("{{ list.name | quoted }}", "{{ list.name | quoted }} || true")},
    ],
    "verify/image.md.j2": [{"the signer's name alone": ("stricter=true", "stricter=false")}],
}
CASES = [
    pytest.param(file, index, old, new, id=f"{file.removesuffix('.md.j2')} {index + 1}: {what}")
    for file, blocks in BROKEN.items()
    for index, ways in enumerate(blocks)
    for what, (old, new) in ways.items()
]


def blocks(file: str) -> list[str]:
    return (MACRO if file == MACROS else BLOCK).findall((packaged_folder() / file).read_text())


def template(file: str, index: int, old: str, new: str) -> dict[str, str]:
    """Return a template of a project's own, with one command that is broken, by its path in the project."""
    block = blocks(file)[index]
    assert old in block
    text = (packaged_folder() / file).read_text()
    return {f"release-templates/{file}": text.replace(block, block.replace(old, new, 1))}


def planned(job: Job, file: str, files: Mapping[str, str]) -> Plan:
    """Plan a release of packages and an image, to an index, with these templates."""
    job.push(files)
    settings = Settings(
        templates="release-templates",
        kit=file == KIT,
        image=ImageSettings(name="ghcr.io/octo/widget", archive="image.tar"),
        index=IndexSettings(name="testpypi"),
    )
    services = dataclasses.replace(job.services(), settings=settings)
    return plan(job.guard(services.environ), services=services)


def test_every_command_of_the_templates_is_broken_here() -> None:
    """A command that is added to a template is broken by these tests, or this one fails."""
    files = [path.relative_to(packaged_folder()).as_posix() for path in sorted(packaged_folder().rglob("*.j2"))]
    files.remove(GUIDE)  # see tests/rehearsal/test_guide.py
    assert {file: len(blocks(file)) for file in files if blocks(file)} == {
        file: len(BROKEN[file]) for file in sorted(BROKEN)
    }


def refused(released: Stage, seal: Seal, draft: Draft) -> VerificationFailed:
    """Hold that the draft is not proven, and is still a draft with all that was sent."""
    with pytest.raises(VerificationFailed) as caught:
        prove(released.tag, released.plan, seal, draft, services=released.services())
    assert released.repository.by_id[draft.id].draft
    assert len(released.repository.by_id[draft.id].assets) == len(draft.assets) > 0
    return caught.value


@pytest.mark.parametrize("file", BROKEN)
def test_what_is_not_broken_is_planned(file: str, job: Job) -> None:
    """The same templates, each word as it is, are a project's own and are taken: what is refused is the change."""
    assert planned(job, file, template(file, 0, "", "")).image == "ghcr.io/octo/widget"


@pytest.mark.parametrize(("file", "index", "old", "new"), CASES)
def test_a_broken_command_stops_the_release(file: str, index: int, old: str, new: str, job: Job) -> None:
    """Whatever is wrong with one command of a project's own template, there is no plan, so nothing is built or sent."""
    with pytest.raises(VerificationFailed) as caught:
        planned(job, file, template(file, index, old, new))
    assert caught.value.slug.startswith(("command-", "instructions-", "kit-", "notes-command-"))


def test_a_broken_command_ends_the_rehearsal(tmp_path: Path) -> None:
    """The rehearsal ends as what does not verify, in its first job, and plays no release."""
    files = template("verify/cosign.md.j2", 1, "{{ list.name | quoted }}", "{{ list.name | quoted }} || true")
    git = project(tmp_path / "widget", TOOL, files)
    ended = rehearse(git.root, out=tmp_path / "out")
    assert (ended.code, ended.slug) == (1, "command-not-understood"), ended.output + ended.errors
    assert "FAILED in the job build" in ended.output
    assert "READY" not in ended.output
    assert not (ended.out / "release.json").exists()


def test_a_download_that_stops_half_way_stops_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command alone is well formed, but the second fails where the first was run: that shows on the draft."""
    files = template("verify/files.md.j2", 0, " --skip-existing", "")
    with stage(tmp_path, monkeypatch) as released:
        widget.commit(released.folder / "checkout", files)
        released.settings = Settings(templates="release-templates")
        seal = released.sign()
        draft = released.upload(seal)
        assert refused(released, seal, draft).slug == "notes-command-failed"


HEEDLESS = """
[ "$1" = version ] && exec {real} "$@"
exec {real} $(echo "$@" | sed "s|--certificate-identity [^ ]*|--certificate-identity-regexp https://.|")
"""
WITHOUT_COMMIT = """
exec {real} $(echo "$@" | sed "s|--certificate-github-workflow-sha [^ ]*||")
"""
# Programs that a person might have on PATH: what each does instead of its work, and the error that it must lead to.
FAKES = {
    "cosign accepts everything": ("cosign", "echo v3.1.3", "attack-not-refused"),
    "cosign heeds no identity": ("cosign", HEEDLESS, "attack-not-refused"),
    "cosign heeds no commit": ("cosign", WITHOUT_COMMIT, "attack-not-refused"),
    "sha256sum accepts everything": ("sha256sum", "echo 9.1", "attack-not-refused"),
    "gh downloads something else": (
        "gh",
        '[ "$1" = release ] && for name in *; do echo evil > "$name"; done; echo 2.23.0',
        "notes-command-failed",
    ),
}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", FAKES)
def test_a_tool_that_does_not_do_its_work_stops_the_release(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that a person's own program lets through is found while the release is a draft."""
    tool, script, slug = FAKES[name]
    real = shutil.which(tool)
    if "{real}" in script and real is None:
        pytest.skip(f"{tool} is not on PATH")
    fake = tmp_path / "bin" / tool
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script.format(real=real)}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    with stage(tmp_path / "stage", monkeypatch) as released:
        seal = released.sign()
        draft = released.upload(seal)
        assert refused(released, seal, draft).slug == slug
