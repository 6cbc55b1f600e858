"""Whatever request to the registry fails, a plain re-run ends in one whole release with one image under its tag."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import images
from instance import TAG
from stage import proof_of
from tagseal.errors import ServiceError
from tagseal.loopback.faults import Fault
from tagseal.steps.images import registry
from tagseal.steps.publish import publish

if TYPE_CHECKING:
    from pathlib import Path

    from stage import Stage
    from tagseal.records import Seal

NAME = "octo/widget"


def release(released: Stage, source: Path) -> Seal:
    """Play the jobs from ``sign`` on another machine, to which only the build was handed over."""
    shutil.rmtree(released.work.path, ignore_errors=True)
    released.with_image(source)
    seal = released.sign()
    draft = released.upload(seal)
    services = released.services(run=None)
    publish(released.tag, released.plan, seal, draft, proof_of(draft), services=services)
    return seal


@pytest.mark.sampled(5)
@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("skip", range(0, 70, 14))
@pytest.mark.parametrize("fault", ["server-error", "drop-after"])
def test_a_re_run_ends_in_one_whole_release(
    released: Stage, tmp_path: Path, fault: str, skip: int, *, rebuilt: bool
) -> None:
    """The registry fails for longer than the patience; then it is asked again, perhaps with an image built anew."""
    released.accept_everything()
    first = images.layout(tmp_path / "first")
    again = images.layout(tmp_path / "again", content="other") if rebuilt else first
    released.loopback.faults.set([Fault(name=fault, host="ghcr.io", skip=skip, count=20)])
    try:
        release(released, first)
        failed = False
    except ServiceError as error:
        assert error.exit_code == 4  # noqa: PT017 - both ends are good
        failed = True
    released.loopback.faults.set([])
    if failed:
        release(released, again)
    (public,) = released.repository.releases
    found = released.loopback.registry.tags(NAME)
    tags = {tag: digest for tag, digest in found.items() if not tag.startswith("sha256-")}
    assert not public.draft
    assert len(tags) == 1
    assert tags[TAG] in public.body
    released.with_image(first if tags[TAG].endswith(released.with_image(first).sha256) else again)
    seal = released.sign()
    registry.verify_signed(seal, released.services(run=None))
