"""What every test may use."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stamina
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from job import Job
    from tagseal.loopback import Loopback

sys.path.insert(0, str(Path(__file__).parent / "support"))

# A shell that starts this in the background lets it, and all its children, ignore Ctrl-C, which tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


def pytest_report_header() -> str:
    """Name what chose the sample, so that a run elsewhere can take the same."""
    import sampling  # noqa: PLC0415 - found where the path above leads

    return f"cases: {'all' if sampling.exhaustive() else f'a sample, TAGSEAL_SAMPLE={sampling.seed()}'}"


@pytest.hookimpl(trylast=True)  # what -k and -m leave out is out already: a sample is taken of the rest
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave in a sample of what is marked ``sampled(size, group)``.

    It is taken of the group's tests, wherever they lie; without a group of a test's cases, or a marked module's tests.
    """
    from sampling import sample  # noqa: PLC0415

    groups: defaultdict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        for node, mark in item.iter_markers_with_node("sampled"):
            if mark.args:  # without a size the test itself takes a sample
                size, *group = mark.args
                groups[group[0] if group else node.nodeid.partition("[")[0], size].append(item)
            break  # the closest mark counts
    left_out: set[pytest.Item] = set()
    for (_, size), cases in groups.items():
        kept = sample(cases, size, lambda item: item.nodeid)
        left_out |= set(cases) - set(kept)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


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
