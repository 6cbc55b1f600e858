"""What every test may use."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stamina
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job import Job
    from tagseal.loopback import Loopback

sys.path.insert(0, str(Path(__file__).parent))

# A machine with other work to do is slow, and nothing is wrong: no example is held against a clock. And a folder that
# all examples of a test share is what tests here want.
_ALLOWED = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
settings.register_profile("untimed", deadline=None, suppress_health_check=_ALLOWED)
settings.load_profile("untimed")

REAL = ("gh", "cosign", "cosign2", "crane", "curl", "sha256sum", "skopeo", "buildah", "docker-registry")


def pytest_configure() -> None:
    """Where the real tools are required, a missing one ends the run: a skipped test would look like a passed one."""
    missing = [name for name in REAL if shutil.which(name) is None]
    if os.environ.get("TAGSEAL_INTEROP") == "required" and missing:
        pytest.exit(f"interop needs {', '.join(missing)} on PATH", returncode=2)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Let whatever waits for a service in this process try three times, without waiting."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture(scope="session")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Give a loopback for all tests that make a repository of their own in it."""
    from tagseal.loopback import Loopback  # noqa: PLC0415 - 1 s that most tests need not wait for

    with Loopback(folder=tmp_path_factory.mktemp("loopback")) as loopback:
        yield loopback


@pytest.fixture
def job(tmp_path: Path, internet: Loopback, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Give a job on a real checkout, whose tag is pushed."""
    import job as jobs  # noqa: PLC0415

    return jobs.job(tmp_path, internet, monkeypatch)


@pytest.fixture
def forge(internet: Loopback, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be in a job of a repository that has no release yet."""
    import job as jobs  # noqa: PLC0415

    jobs.job(tmp_path_factory.mktemp("job"), internet, monkeypatch).environ()
