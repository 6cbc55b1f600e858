"""The offline kit's page: the golden one, the forms of its commands, and that no other page may use them.

``TAGSEAL_GOLDEN=write pytest tests/unit/test_notes_kit.py`` writes the golden page anew; look at the difference.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import ConfigError, Refused, VerificationFailed
from tagseal.notes import commands, kit
from tagseal.notes.commands import ExpectedRelease, Use
from tagseal.notes.known import KIT_FORMS
from tagseal.notes.render import Page, render
from tagseal.notes.templates import packaged_folder
from tagseal.records import Artifact, Command, Kind, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Plan

GOLDEN = Path(__file__).parents[1] / "golden" / "kit.md"
KIT = Artifact(kind=Kind.kit, name="widget-1.2.3-verify.zip", size=34_567, sha256="d" * 64)
SINCE = 1_795_651_200
URI = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1.2.3"
COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
ISSUER = "https://token.actions.githubusercontent.com"
WHEEL = "widget-1.2.3-py3-none-any.whl"
SIGSTORE = (
    "sigstore --trust-config trust_config.json verify identity --offline "
    f"--cert-identity {URI} --cert-oidc-issuer {ISSUER} {WHEEL}"
)
COSIGN = (
    f"cosign verify-blob --bundle {WHEEL}.sigstore.json --trusted-root trusted_root.json "
    f"--certificate-identity {URI} --certificate-oidc-issuer {ISSUER} {WHEEL}"
)
HASHES = "sha256sum -c SHA256SUMS --ignore-missing"
TAGSEAL = (
    "tagseal verify --offline --trust-config trust_config.json --repo octo/widget --tag v1.2.3 "
    f"--workflow release.yml --commit {COMMIT} {WHEEL}"
)


@pytest.fixture
def rendered(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> Callable[..., Page]:
    def with_changes(
        override: dict[str, str] | None = None, files: tuple[Artifact, ...] = artifacts, **changes: object
    ) -> Page:
        planned = plan(**{"kit": KIT.name, **changes})
        return kit.render(tag="v1.2.3", plan=planned, artifacts=files, since=SINCE, override=override)

    return with_changes


@pytest.fixture
def expected(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> ExpectedRelease:
    return kit.expectations("v1.2.3", plan(), artifacts)


def test_the_page_is_the_golden_one(rendered: Callable[..., Page]) -> None:
    """Whoever changes the template sees what it does to the page."""
    text = rendered().text
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_page_says_what_its_root_of_trust_is_worth(rendered: Callable[..., Page]) -> None:
    """Whoever replaced the files could replace the root, too; it has a date, and an image is not covered."""
    text = rendered().text
    assert "comes with the files proves nothing by itself" in text
    assert "not before 2026-11-26 (UTC)" in text
    assert "container image" not in text
    assert "The container image is not covered" in rendered(image="ghcr.io/octo/widget").text


def test_the_kit_covers_every_file_but_itself(
    rendered: Callable[..., Page], artifacts: tuple[Artifact, ...], image: Artifact
) -> None:
    """It cannot have its own bundle in it, and no image has a bundle that lies beside files."""
    assert rendered(files=(*artifacts, KIT, image), image=image.name).commands == rendered().commands
    assert KIT.name not in "\n".join(command.text for command in rendered().commands)


@pytest.mark.parametrize(
    ("text", "use", "files"),
    [
        (SIGSTORE, Use.verify, (WHEEL,)),
        (f"{SIGSTORE} SHA256SUMS", Use.verify, (WHEEL, "SHA256SUMS")),
        (COSIGN, Use.verify, (WHEEL,)),
        (HASHES, Use.hash, ("SHA256SUMS",)),
        ("sha256sum -c SHA256SUMS", Use.hash, ("SHA256SUMS",)),
    ],
)
def test_the_kits_commands_are_understood(
    text: str, use: Use, files: tuple[str, ...], expected: ExpectedRelease
) -> None:
    """Each names the trust that lies in the kit."""
    found = commands.classify(Command(phase=Phase.draft, text=text), expected=expected, forms=KIT_FORMS)
    assert (found.kind, found.files) == (use, files)


@pytest.mark.parametrize(
    "text",
    [
        SIGSTORE.replace(" --offline", ""),
        SIGSTORE.replace("--offline", "--offline --offline"),
        SIGSTORE.replace("trust_config.json", "other.json"),
        SIGSTORE.replace("--trust-config trust_config.json ", ""),
        SIGSTORE.replace("--trust-config trust_config.json", "--staging"),
        SIGSTORE.replace("v1.2.3 ", "v1.2.4 "),
        SIGSTORE.replace(WHEEL, KIT.name),
        f"{SIGSTORE} --bundle {WHEEL}.sigstore.json",
        COSIGN.replace("--trusted-root trusted_root.json ", ""),
        COSIGN.replace("trusted_root.json", "/etc/root.json"),
        COSIGN.replace(
            "--trusted-root trusted_root.json", "--trusted-root trusted_root.json --trusted-root other.json"
        ),
        f"{COSIGN} --insecure-ignore-tlog",
        f"{COSIGN} --insecure-ignore-sct",
        COSIGN.replace("--certificate-identity ", "--certificate-identity-regexp "),
        "sha256sum --ignore-missing SHA256SUMS",
        "sha256sum -c --quiet SHA256SUMS",
        "cat trusted_root.json",
        f"unzip {KIT.name}",
        f"gh release download v1.2.3 --repo octo/widget --pattern {WHEEL}",
        TAGSEAL,  # only shown: see the next test
    ],
)
def test_another_word_is_refused(text: str, expected: ExpectedRelease) -> None:
    """Nothing that checks less, or by another root than the kit's, and nothing that is no check."""
    with pytest.raises(VerificationFailed):
        commands.classify(Command(phase=Phase.draft, text=text), expected=expected, forms=KIT_FORMS)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (TAGSEAL, True),
        (TAGSEAL.replace("--offline ", ""), False),
        (TAGSEAL.replace("octo/widget", "evil/widget"), False),
        (TAGSEAL.replace("--tag v1.2.3", "--tag v1.2.4"), False),
        (TAGSEAL.replace("trust_config.json", "other.json"), False),
        (TAGSEAL.replace(COMMIT, "e" * 40), False),
        (TAGSEAL.replace("release.yml", "other.yml"), False),
        (TAGSEAL.removesuffix(f" {WHEEL}"), False),
    ],
)
def test_a_command_that_is_only_shown_is_held_as_well(text: str, good: bool, expected: ExpectedRelease) -> None:  # noqa: FBT001
    """A reader runs it all the same."""
    command = Command(phase=Phase.shown, text=text)
    if good:
        assert commands.classify(command, expected=expected, forms=KIT_FORMS).phase is Phase.shown
        return
    with pytest.raises(VerificationFailed):
        commands.classify(command, expected=expected, forms=KIT_FORMS)


@pytest.mark.parametrize("text", [SIGSTORE, COSIGN, HASHES])
def test_the_notes_may_not_use_the_kits_forms(text: str, expected: ExpectedRelease) -> None:
    """There a root of trust comes from elsewhere, and nothing is left out of the list."""
    with pytest.raises(VerificationFailed):
        commands.classify(Command(phase=Phase.draft, text=text), expected=expected)


@pytest.mark.system
@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("bash\n{% for", "text\n{% for", f"{WHEEL}: no cosign command"),
        ("  {{ file.name | quoted }}\n{%- endfor %}", "  {{ files[0].name | quoted }}\n{%- endfor %}", "no sigstore"),
        ("```bash\nsha256sum", "```text\nsha256sum", "SHA256SUMS: nothing reads it"),
    ],
)
def test_a_template_that_leaves_a_file_out_is_refused(
    rendered: Callable[..., Page], before: str, after: str, missing: str
) -> None:
    """Whoever overrides the page covers every file with every tool."""
    text = (packaged_folder() / kit.TEMPLATE).read_text()
    assert before in text
    with pytest.raises(VerificationFailed) as caught:
        rendered({kit.TEMPLATE: text.replace(before, after)})
    assert caught.value.slug == "kit-incomplete"
    assert missing in "\n".join(caught.value.context)


@pytest.mark.system
def test_a_broken_template_is_named(rendered: Callable[..., Page]) -> None:
    """With its file and line."""
    with pytest.raises(ConfigError, match=r"kit\.md\.j2:2"):
        rendered({kit.TEMPLATE: "ok\n{{ nothing }}\n"})


def test_a_hostile_name_never_reaches_the_page(rendered: Callable[..., Page], artifacts: tuple[Artifact, ...]) -> None:
    """It would be a command's word."""
    for name in ("a b.whl", "$(id).whl", "../a.whl", "-rf", "a\n.whl"):
        with pytest.raises(Refused):
            rendered(files=(dataclasses.replace(artifacts[0], name=name), *artifacts[1:]))


def test_the_notes_list_the_kit_with_its_digest(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """In the table, in one sentence, and in a command of each tool, as any file."""
    page = render(tag="v1.2.3", plan=plan(kit=KIT.name), artifacts=(*artifacts, KIT), override=None)
    text = page.text
    assert f"Without a network: `{KIT.name}`, SHA-256 `{KIT.sha256}`, holds" in text
    assert f"| `{KIT.name}` | 34,567 | `{KIT.sha256}` |" in text
    by_tool = {command.text.split()[0]: command.text for command in page.commands}
    assert all(KIT.name in by_tool[tool] for tool in ("gh", "curl", "sigstore", "cosign"))
    assert "Without a network" not in render(tag="v1.2.3", plan=plan(), artifacts=artifacts, override=None).text


@pytest.mark.parametrize(("planned", "files"), [(KIT.name, ()), ("", (KIT,)), ("other-verify.zip", (KIT,))])
def test_the_kit_is_the_planned_one(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], planned: str, files: tuple[Artifact, ...]
) -> None:
    """Neither its absence nor another one passes."""
    with pytest.raises(Refused) as caught:
        render(tag="v1.2.3", plan=plan(kit=planned), artifacts=(*artifacts, *files), override=None)
    assert caught.value.slug == "kit-not-planned"
