"""`tagseal guide`: the page for any project, and the one that it was made after."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import guides
import widget
from tagseal.errors import ConfigError, Refused, TagsealError, UsageError
from tagseal.machine.git import Git
from tagseal.machine.indexes import known_indexes
from tagseal.notes.page import html
from tagseal.notes.templates import packaged_folder
from tagseal.project.guide import page
from tagseal.verification.diagnosis import TROUBLES

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.system

SEED = Path(__file__).parents[1] / "assets" / "guide" / "securescan"
ADDED = {
    # The page verifies an sdist that none of its commands downloads.
    ("bash", "gh release download v0.11.0"): "--pattern 'securescan-0.11.0.tar.gz'",
}
"""The blocks that the page of Metbcy/securescan has not, by their first words and what tells them from the others."""
SECURESCAN = {
    "pyproject.toml": '[project]\nname = "securescan"\nversion = "0.11.0"\n'
    '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
}
TOOLS = ("gh", "sigstore", "cosign", "crane", "pip")


@pytest.fixture
def securescan(tmp_path: Path) -> str:
    settings = guides.IMAGE.replace("octo/widget", "metbcy/securescan")
    return page(guides.checkout(tmp_path, settings, SECURESCAN, repository="Metbcy/securescan"), "v0.11.0")


def is_added(block: tuple[str, str]) -> bool:
    return any(
        block[0] == info and block[1].startswith(start) and mark in block[1] for (info, start), mark in ADDED.items()
    )


def test_every_block_is_that_of_the_page_it_was_made_after(securescan: str) -> None:
    """For Metbcy/securescan the blocks are its page's, in its order, but for what is listed here with the reason."""
    wanted = [(file.suffix[1:], file.read_text().strip()) for file in sorted(SEED.glob("[0-9]*"))]
    found = guides.blocks(securescan)
    assert [one for one in found if not is_added(one)] == wanted
    assert len(found) == len(wanted) + len(ADDED)


def test_the_headings_are_those_of_the_page_it_was_made_after(securescan: str) -> None:
    """Links into the page stay whole. Below Troubleshooting they differ: its messages are those of no tool."""
    assert guides.headings(securescan) == (SEED / "headings.txt").read_text().splitlines()


def test_the_segments_are_told_in_a_table(securescan: str) -> None:
    """Each part of the identity, with what it names."""
    rows = re.findall(r"^\| `(.+)` \| the .+ \|$", securescan, flags=re.MULTILINE)
    assert rows == ["Metbcy/securescan", ".github/workflows/release.yml", "refs/tags/v0.11.0"]


@pytest.mark.parametrize("image", [guides.IMAGE, ""])
def test_its_troubles_are_told_in_the_words_of_real_tools(tmp_path: Path, image: str) -> None:
    """Each message of a tool that the page speaks of is one that `--explain` knows; a slug is an anchor."""
    (_, _, told) = page(guides.checkout(tmp_path, image), None).partition("## Troubleshooting")
    tools = {"sigstore", "sha256sum", *(("cosign", "cosign 2", "cosign 3") if image else ())}
    common = [
        (trouble.slug, said) for trouble in TROUBLES if trouble.common for said in trouble.said if said.tool in tools
    ]
    lines = re.findall(r"^- (`.*) *$", told.partition("## Source")[0], flags=re.MULTILINE)
    assert lines == [f"`{said.text}` ({said.tool})" for _, said in common]
    assert re.findall(r'^<a id="([a-z0-9-]+)"></a>$', told, flags=re.MULTILINE) == list(dict(common))


def test_a_message_that_no_tool_prints_is_not_explained(securescan: str) -> None:
    """The page that it was made after has three headings of that kind."""
    for message in ("tlog entry not found", "subject mismatch", "error: bundle does not match"):
        assert message not in securescan


@pytest.mark.parametrize(
    ("forms", "old", "signer", "oldest"),
    [
        (["simplesigning"], True, True, "≥ v2.0"),
        (["bundle"], False, False, "≥ v3.0"),
        (["simplesigning", "bundle"], False, False, "≥ v2.0"),
    ],
)
def test_the_json_is_that_of_the_configured_forms(
    tmp_path: Path, forms: list[str], oldest: str, *, old: bool, signer: bool
) -> None:
    """Cosign reads a bundle wherever there is one, and then names neither issuer nor subject."""
    text = page(guides.checkout(tmp_path, f"{guides.IMAGE}signatures = {forms}\n"), "v1.2.3")
    ((_, output),) = [block for block in guides.blocks(text) if block[0] == "json"]
    assert ("cosign container image signature" in output) == old
    assert ("Issuer" in output, "Subject" in output) == (signer, signer)
    assert oldest in text
    assert ("policy-controller --tag" in text) == ("simplesigning" in forms)


def test_without_an_image_there_is_no_word_of_one(tmp_path: Path) -> None:
    """Nobody reads of an image, a registry or a cluster that is not there."""
    text = page(guides.checkout(tmp_path, files={"Dockerfile": ""}), None)
    assert [word for word in ("image", "cosign", "Kubernetes", "registry", "Docker") if word in text] == []
    assert "Container image (cosign keyless)" not in guides.headings(text)
    assert "--require-hashes" in text


def test_without_a_tag_words_in_angle_brackets_stand_for_it(tmp_path: Path) -> None:
    """The page says what they stand for, in the way in which this project tags."""
    text = page(guides.checkout(tmp_path, f'tag = "widget/{{version}}"\n{guides.IMAGE}tags = ["{{version}}"]\n'), None)
    assert "gh release download '<tag>'" in text
    assert "@refs/tags/<tag>'" in text
    assert "cosign verify 'ghcr.io/octo/widget:<version>'" in text
    assert "`<tag>` stands for the release's tag, such as `widget/1.2.3`, and `<version>`" in text


def test_a_reader_sees_every_word_in_angle_brackets(tmp_path: Path) -> None:
    """Outside of code a browser would take it for an element, and show nothing."""
    pyproject = '[project]\nname = "widget"\nversion = "1"\n[build-system]\nbuild-backend = "maturin"\n'
    text = page(guides.checkout(tmp_path, guides.IMAGE, {"pyproject.toml": pyproject}), None)
    for word in ("tag", "version", "platform", "file"):
        assert text.count(f"<{word}>") > 0
        assert html(text).count(f"&lt;{word}&gt;") == text.count(f"<{word}>")


@pytest.mark.parametrize("tag", [None, "v1.2.3"])
def test_every_command_reaches_its_tool_word_by_word(tmp_path: Path, tag: str | None) -> None:
    """Copied as it stands, no word is taken for a redirection, a pattern or a second command: bash itself says so."""
    text = page(guides.checkout(tmp_path / "project", guides.IMAGE), tag)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@" >> "$LOG"\necho sha256:abc\n')
        (tools / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash
    reader, log = tmp_path / "reader", tmp_path / "log"
    reader.mkdir()
    for command in guides.commands(text):
        environ = {"PATH": f"{tools}:/usr/bin:/bin", "LOG": str(log)}
        subprocess.run(
            [bash, "--noprofile", "--norc", "-euo", "pipefail", "-c", command], env=environ, cwd=reader, check=True
        )
    assert list(reader.iterdir()) == []
    said, version = tag or "<tag>", "1.2.3" if tag else "<version>"
    words = log.read_text().splitlines()
    wheel = f"widget-{version}-py3-none-any.whl"
    uri = f"https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/{said}"
    for word, times in (
        (said, 2),
        (wheel, 2),
        (f"{wheel}.sigstore.json", 2),
        (uri, 4),
        ("ghcr.io/octo/widget@sha256:abc", 1),
    ):
        assert words.count(word) == times, word


def test_a_fence_has_one_word(tmp_path: Path) -> None:
    """Not every renderer of documentation takes a second one; the phases are the template's."""
    text = page(guides.checkout(tmp_path, guides.IMAGE), None)
    assert {info for info, _ in guides.blocks(text)} == {"bash", "text", "json", "yaml"}


@pytest.mark.parametrize(
    ("backend", "files", "compiled"),
    [
        ("maturin", {}, True),
        ("scikit_build_core.build", {}, True),
        ("setuptools.build_meta", {"setup.py": "setup(ext_modules=[Extension('a', ['a.c'])])\n"}, True),
        ("setuptools.build_meta", {"setup.py": "setup()\n"}, False),
        ("hatchling.build", {}, False),
    ],
)
def test_a_compiled_project_has_a_wheel_for_each_platform(
    tmp_path: Path, backend: str, files: dict[str, str], *, compiled: bool
) -> None:
    """The part of the name that nobody can know stays open, with an example."""
    pyproject = f'[project]\nname = "Wid-Get"\nversion = "1.2.3"\n[build-system]\nbuild-backend = "{backend}"\n'
    text = page(guides.checkout(tmp_path, files={"pyproject.toml": pyproject, **files}), "v1.2.3")
    assert ("--pattern 'wid_get-1.2.3-<platform>.whl'" in text) == compiled
    assert ("--pattern 'wid_get-1.2.3-py3-none-any.whl'" in text) == (not compiled)
    assert ("`<platform>` stands for the part of a wheel's name" in text) == compiled
    assert ("There is a wheel for each platform" in text) == compiled


def test_a_reader_is_led_to_what_is_there(tmp_path: Path) -> None:
    """Links go to files of the checkout, as they were at the tag."""
    files = {".github/SECURITY.md": "x", "docs/RELEASING.md": "x", "Dockerfile": "x"}
    root = guides.checkout(tmp_path, guides.IMAGE, files)
    (_, _, following) = page(root, "v1.2.3").partition("## Next")
    home = "https://github.com/octo/widget"
    for address in (
        "releases",
        "blob/v1.2.3/.github/SECURITY.md",
        "blob/v1.2.3/docs/RELEASING.md",
        "blob/v1.2.3/Dockerfile",
    ):
        assert f"({home}/{address})" in following
    assert f"({home}/blob/HEAD/Dockerfile)" in page(root, None)
    assert following.count("](") == 4


@pytest.mark.parametrize(
    ("settings", "options", "kind", "slug"),
    [
        ("", {"tag": "nightly"}, UsageError, "guide-tag-names-no-version"),
        ("", {"tag": "v1.2.3;id"}, Refused, "unsafe-tag"),
        ("", {"repository": ""}, UsageError, "guide-without-repository"),
        ('[sigstore]\ntrust-config = "t.json"\naudience = "ours"\n', {}, ConfigError, "guide-private-sigstore"),
        (f'{guides.IMAGE}tags = ["latest"]\n', {}, ConfigError, "image-without-tag"),
    ],
)
def test_what_would_make_its_commands_wrong_is_refused(
    tmp_path: Path, settings: str, options: dict[str, str], kind: type[TagsealError], slug: str
) -> None:
    """Rather no page than one whose commands name something else."""
    tag, repository = options.get("tag"), options.get("repository", "octo/widget")
    guides.checkout(tmp_path, f'tag = "v{{version}}"\n{settings}', repository=repository)
    with pytest.raises(kind) as caught:
        page(tmp_path, tag)
    assert caught.value.slug == slug


@pytest.mark.parametrize(
    ("old", "new", "slug", "named"),
    [
        ("{{ install() }}", "pip install sigstroe", "command-wrong-word", "sigstroe"),
        ("{{ download(file) }}", "{{ download(file) | replace('octo', 'fork') }}", "command-wrong-word", "fork/widget"),
        ("{{ verify(file) }}", "{{ verify(file) | replace('token.actions', 'evil') }}", "command-wrong-word", "evil"),
        ("{{ verify(file) }}", "{{ verify(file) }} || true", "command-not-understood", "||"),
        ("```bash\n{{ verify", "```sh\n{{ verify", "notes-unknown-fence", "'sh'"),
        ("{{ verify(file) }}", "pip install sigstore #", "command-not-understood", "#"),
        ("```bash\n{{ download", "```text\n{{ download", "guide-incomplete", ""),
        ("```bash\n{{ verify", "```text\n{{ verify", "guide-incomplete", ""),
        ('{% include "verify/by-tag.md.j2" %}', "{{ nothing }}", "template-error", "guide.md.j2"),
    ],
)
def test_a_broken_template_of_a_project_is_found(tmp_path: Path, old: str, new: str, slug: str, named: str) -> None:
    """Whatever is wrong with a command of the project's own template is named, with a tag and without."""
    template = (packaged_folder() / "guide.md.j2").read_text()
    assert old in template
    root = guides.checkout(
        tmp_path,
        f'templates = "ours"\n{guides.IMAGE}',
        {"ours/guide.md.j2": template.replace(old, new)},
    )
    for tag in (None, "v1.2.3"):
        with pytest.raises(TagsealError) as caught:
            page(root, tag)
        assert caught.value.slug == slug
        assert named in caught.value.what


def missing(parts: Sequence[str]) -> dict[str, str]:
    return {f"ours/verify/{part}.md.j2": "" for part in parts}


def test_an_image_that_no_command_verifies_is_told(tmp_path: Path) -> None:
    """A guide for a project with an image is about the image as well."""
    root = guides.checkout(tmp_path, f'templates = "ours"\n{guides.IMAGE}', missing(("by-tag", "by-digest")))
    with pytest.raises(TagsealError) as caught:
        page(root, None)
    assert caught.value.context == ("image: no cosign command",)


SIGNED = "jobs:\n  seal:\n    steps:\n      - run: tagseal run guard sign upload prove\n"


@pytest.mark.parametrize(
    ("released", "declared", "said"),
    [
        ([], "1.2.3", "Every tagged release of widget publishes"),
        ([("v1.3.0", True)], "1.3.0", "Every tagged release of widget publishes"),
        ([("v1.2.2", False)], "1.2.3", "release of widget from `v1.2.3` on publishes signed artifacts; earlier ones"),
        ([("v1.2.2", False), ("v1.2.3", True)], "1.2.3", "release of widget from `v1.2.3` on publishes"),
        ([("v1.2.2", False), ("v1.2.3", True), ("v1.10.0", True)], "2", "release of widget from `v1.2.3` on publishes"),
        ([("v1.2.3", False)], "1.2.3", "release of widget after `v1.2.3` publishes signed artifacts; earlier ones"),
    ],
)
def test_the_page_names_the_first_release_that_it_is_true_for(
    tmp_path: Path, released: list[tuple[str, bool]], declared: str, said: str
) -> None:
    """Earlier ones have no signatures; a release is signed if the workflow at its tag does that."""
    pyproject = SECURESCAN["pyproject.toml"].replace("securescan", "widget").replace("0.11.0", declared)
    root = guides.checkout(tmp_path, files={"pyproject.toml": pyproject})
    git = Git.at(root, os.environ)
    for tag, signed in released:
        workflow = guides.ON_TAGS + (SIGNED if signed else "")
        widget.commit(root, {".github/workflows/release.yml": workflow})
        git.command("tag", tag)
    widget.commit(root, {".github/workflows/release.yml": guides.ON_TAGS + SIGNED})
    assert said in page(root, None)
    for tag, signed in released:
        assert not signed or f"from `{tag}` on" not in page(root, tag)


TEST_INDEX = known_indexes()["testpypi"].simple


@pytest.mark.parametrize(("name", "url"), [("pypi", ""), ("testpypi", f"--index-url {TEST_INDEX} ")])
def test_with_an_index_the_page_speaks_of_it(tmp_path: Path, name: str, url: str) -> None:
    """It says how to install, and how to get what the index has without running it; without one it says nothing."""
    root = guides.checkout(tmp_path / "with", f'[index]\nname = "{name}"\n')
    text = page(root, "v1.2.3")
    assert "From the package index" in guides.headings(text)
    assert f"pip install {url}widget==1.2.3\n" in guides.commands(text)
    download = f"pip download --no-deps --only-binary :all: --dest from-{name} {url}widget==1.2.3\n"
    assert download in guides.commands(text)
    assert f"pip install {url}'widget==<version>'\n" in guides.commands(page(root, None))
    assert "index" not in page(guides.checkout(tmp_path / "without"), "v1.2.3")
