"""One small release, for tests that need its records."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from plans import PLAN
from tagseal.records import Artifact, Kind, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Plan

WHEEL = Artifact(kind=Kind.wheel, name="widget-1.2.3-py3-none-any.whl", size=12_345, sha256="a" * 64)
SDIST = Artifact(kind=Kind.sdist, name="widget-1.2.3.tar.gz", size=23_456, sha256="b" * 64)
SUMS = Artifact(kind=Kind.checksums, name="SHA256SUMS", size=199, sha256="c" * 64)

IMAGE = Artifact(
    kind=Kind.image,
    name="ghcr.io/octo/widget",
    size=743,
    sha256="d" * 64,
    manifests=(
        Manifest(platform="linux/amd64", size=501, sha256="e" * 64),
        Manifest(platform="linux/arm64", size=502, sha256="f" * 64),
    ),
)

_PLAN = dataclasses.replace(
    PLAN,
    commit="4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e",
    tools=("gh", "sigstore", "cosign"),
    section="### Added\n\n- A widget that turns. (#7)\n",
)


@pytest.fixture(scope="session")
def artifacts() -> tuple[Artifact, ...]:
    """Return the sealed artifacts: a wheel, the sdist, the list of hashes."""
    return WHEEL, SDIST, SUMS


@pytest.fixture(scope="session")
def image() -> Artifact:
    """Return an image of two platforms."""
    return IMAGE


@pytest.fixture(scope="session")
def plan() -> Callable[..., Plan]:
    """Return a function that gives the release's plan, with changes."""

    def changed(**changes: object) -> Plan:
        return dataclasses.replace(_PLAN, **changes)  # type: ignore[arg-type]

    return changed
