"""The offline kit: one more artifact, which follows from the bundles of all others, and is signed after them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from stage import KIT, NAMES, SDIST, WHEEL
from tagseal.services.packed import unpacked
from tagseal.steps.prove import prove

if TYPE_CHECKING:
    from stage import Stage


@pytest.fixture
def kitted(released: Stage) -> Stage:
    """Give a release that is to have a kit."""
    released.settings = dataclasses.replace(released.settings, kit=True)
    return released


def test_the_kit_is_proven(kitted: Stage) -> None:
    """All commands ran without a network and every attack was refused."""
    services = kitted.services()
    seal = kitted.sign(services)
    assert [one.name for one in seal.artifacts] == [WHEEL, SDIST, NAMES[0], KIT]
    draft = kitted.upload(seal, services)
    print((kitted.work.notes).read_text())
    print(unpacked(kitted.work.assets / KIT, "widget-1.2.3-verify")["VERIFY.md"].decode())
    proof = prove(kitted.tag, kitted.plan, seal, draft, services=services)
    print(proof)
    assert 0
