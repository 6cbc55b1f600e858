"""The image in the notes: how its commands are understood, and that the page covers every way to name it.

``TAGSEAL_GOLDEN=write pytest tests/unit/test_notes_images.py`` writes the golden page anew; look at the difference.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import TagsealError, VerificationFailed
from tagseal.notes.commands import ExpectedRelease, Purpose, Use, classify, require_purposes
from tagseal.notes.render import Page, render
from tagseal.records import ISSUER, Artifact, Command, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Plan

GOLDEN = Path(__file__).parents[1] / "golden" / "notes-image.md"
NAME, DIGEST = "ghcr.io/octo/widget", f"sha256:{'d' * 64}"
URI = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1.2.3"
SIGNER = f"--certificate-identity {URI} --certificate-oidc-issuer {ISSUER}"
ASKS = f'DIGEST="$(crane digest {NAME}:v1.2.3)"'


@pytest.fixture(scope="module")
def page(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], image: Artifact) -> Page:
    return render(
        tag="v1.2.3",
        plan=plan(image_tags=("v1.2.3",), image_forms=("simplesigning",)),
        artifacts=(*artifacts, image),
        override=None,
    )


@pytest.fixture(scope="module")
def expected(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], image: Artifact) -> ExpectedRelease:
    return ExpectedRelease.of_plan(plan(image_tags=("v1.2.3",)), "v1.2.3", (*artifacts, image))


def understood(expected: ExpectedRelease, phase: Phase, text: str) -> Purpose:
    return classify(Command(phase=phase, text=text), expected=expected)


def test_the_page_is_the_golden_one(page: Page) -> None:
    """Whoever changes a template sees what it does to the page."""
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        GOLDEN.write_text(page.text)
    assert page.text == GOLDEN.read_text()


def test_what_cosign_prints_is_that_of_the_form(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], image: Artifact
) -> None:
    """It names no signer where it reads a bundle, which it does wherever there is one; the guide shows its JSON."""
    said = {}
    for forms in (("simplesigning",), ("bundle",), ("simplesigning", "bundle")):
        planned = plan(image_tags=("v1.2.3",), image_forms=forms)
        text = render(tag="v1.2.3", plan=planned, artifacts=(*artifacts, image), override=None).text
        said[forms] = ("names the image and the signer" in text, " 2.0 or newer" in text)
    assert said == {
        ("simplesigning",): (True, True),
        ("bundle",): (False, False),
        ("simplesigning", "bundle"): (False, True),
    }


def test_a_release_without_an_image_names_none(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """Nobody reads of an image that is not there."""
    text = render(tag="v1.2.3", plan=plan(), artifacts=artifacts, override=None).text
    assert "image" not in text


def test_by_digest_is_checked_before_by_tag_after(expected: ExpectedRelease) -> None:
    """A tag points at the image once it is public only; the digest is there before."""
    draft = understood(expected, Phase.draft, f"cosign verify {NAME}@{DIGEST} {SIGNER}")
    public = understood(expected, Phase.public, f"cosign verify {NAME}:v1.2.3 {SIGNER}")
    assert (draft.kind, draft.files, draft.of_image) == (Use.verify, (f"{NAME}@{DIGEST}",), True)
    assert (public.kind, public.files, public.helper) == (Use.verify, (f"{NAME}:v1.2.3",), "")
    for phase, name in ((Phase.public, f"{NAME}@{DIGEST}"), (Phase.draft, f"{NAME}:v1.2.3")):
        with pytest.raises(VerificationFailed) as caught:
            understood(expected, phase, f"cosign verify {name} {SIGNER}")
        assert caught.value.slug == "command-wrong-phase"


def test_the_digest_may_be_asked_for_in_the_line_above(expected: ExpectedRelease) -> None:
    """It is the one thing that a shell may expand, and both tools are needed."""
    purpose = understood(expected, Phase.public, f'{ASKS}\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}')
    assert (purpose.tool, purpose.helper, purpose.files) == ("cosign", "crane", (f"{NAME}@${{DIGEST}}",))


@pytest.mark.parametrize(
    "text",
    [
        ASKS,
        f"crane digest {NAME}:v1.2.3",
        f'cosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f"{ASKS}\ncosign verify {NAME}:v1.2.3 {SIGNER}",
        f'cosign verify "{NAME}@${{DIGEST}}" {SIGNER}\n{ASKS}',
        f'{ASKS.replace("v1.2.3", "latest")}\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f'{ASKS.replace("octo", "evil")}\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f'{ASKS}\ncosign verify "ghcr.io/evil/widget@${{DIGEST}}" {SIGNER}',
        f'{ASKS}; true\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f'DIGEST="$(true)"\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f'DIGEST="$(crane digest {NAME}:v1.2.3; id)"\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f'{ASKS}\ncosign verify "{NAME}@${{DIGEST}}$(id)" {SIGNER}',
        f'{ASKS}\ncosign verify "{NAME}@${{OTHER}}" {SIGNER}',
        f'crane digest {NAME}:v1.2.3\ncosign verify "{NAME}@${{DIGEST}}" {SIGNER}',
        f"{ASKS}\ncosign verify '{NAME}@${{DIGEST}}' {SIGNER}",
        f"cosign verify '\"{NAME}:v1.2.3\"' {SIGNER}",
        f'cosign verify "{NAME}:v1.2.3" {SIGNER}',
        f"cosign verify {NAME} {SIGNER}",
        f"cosign verify {NAME}:latest {SIGNER}",
        f"cosign verify {NAME}:v1.2.3 {NAME}:v1.2.3 {SIGNER}",
        f"cosign verify {NAME}:v1.2.3",
        f"cosign verify {NAME}:v1.2.3 --insecure-ignore-tlog {SIGNER}",
        f"cosign verify {NAME}:v1.2.3 {SIGNER} --certificate-github-workflow-repository octo/widget",
        f"cosign verify {NAME}:v1.2.3 {SIGNER} --certificate-github-workflow-ref refs/tags/v1.2.3",
        f"cosign verify {NAME}:v1.2.3 {SIGNER.replace('v1.2.3', 'v1.2.4')}",
        f"cosign verify {NAME}:v1.2.3 --certificate-identity-regexp .* --certificate-oidc-issuer {ISSUER}",
    ],
)
def test_another_command_is_refused(expected: ExpectedRelease, text: str) -> None:
    """Another image, another signer, a digest from elsewhere, or a shell that does more."""
    with pytest.raises(VerificationFailed):
        understood(expected, Phase.public, text)


@pytest.mark.parametrize(
    "lacks",
    [
        (f"{NAME}@{DIGEST}", f"{NAME}@{DIGEST}: no cosign command"),
        ("-workflow-sha", f"{NAME}@{DIGEST}: no cosign command that names the commit"),
        (f"{NAME}:v1.2.3 ", f"{NAME}:v1.2.3: no cosign command"),
        (f'"{NAME}@${{DIGEST}}"', f"{NAME}@${{DIGEST}}: no cosign command"),
    ],
)
def test_every_way_to_name_the_image_is_covered(
    page: Page, expected: ExpectedRelease, artifacts: tuple[Artifact, ...], image: Artifact, lacks: tuple[str, str]
) -> None:
    """By its digest, alone and with the commit, by its tag, and by the digest that the tag points at."""
    lacking, line = lacks
    commands = [
        command for command in page.commands if "cosign verify " not in command.text or lacking not in command.text
    ]
    assert len(commands) < len(page.commands)
    with pytest.raises(VerificationFailed) as caught:
        require_purposes(commands, expected, (*artifacts, image))
    assert caught.value.slug == "instructions-incomplete"
    assert line in caught.value.context


def test_a_name_that_a_shell_would_read_otherwise_is_refused(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], image: Artifact
) -> None:
    """Names are data from outside, also where the configuration has let one through."""
    hostile = dataclasses.replace(image, name="ghcr.io/octo/$(id)")
    with pytest.raises(TagsealError) as caught:
        render(tag="v1.2.3", plan=plan(image_tags=("v1.2.3",)), artifacts=(*artifacts, hostile), override=None)
    assert caught.value.slug == "unsafe-image-name"
