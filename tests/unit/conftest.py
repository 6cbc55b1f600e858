"""One small release, for tests that need its records; and what holds that a unit test is one."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plans import PLAN
from tagseal.records import Artifact, Kind, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tagseal.records import Plan

SYSTEM = frozenset(
    (
        *("subprocess.Popen", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.system"),
        *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"),
    )
)
"""Audit events of whatever starts a process or opens a socket. Source: the standard library's table of them."""
PLAYING = frozenset({"internet", "loopback", "played", "sigstore"})
"""Fixtures that start servers: who uses one opens a socket, in whichever order tests are run."""
_happened: list[str] = []
"""Those since the test began, in whichever thread."""


def _note(event: str, _: tuple[object, ...]) -> None:
    if event in SYSTEM:
        _happened.append(event)


sys.addaudithook(_note)  # for good: no audit hook can be taken away

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Call every test here a unit test, but those that need more than this process: marked, or by their fixtures."""
    here = Path(__file__).parent
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(here):
            system = item.get_closest_marker("system") is not None or not PLAYING.isdisjoint(item.fixturenames)
            item.add_marker("system" if system else "unit")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin before the fixtures do."""
    _happened.clear()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a unit test that started a process or opened a socket: it is marked ``system``, or lies elsewhere."""
    result = yield
    if pyfuncitem.get_closest_marker("unit") is not None and _happened:
        pytest.fail(f"got {', '.join(_happened)} in a unit test, expected neither a process nor a socket")
    return result


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
