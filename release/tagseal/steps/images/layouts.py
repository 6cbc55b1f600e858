"""The image's bytes: an OCI layout in the work folder, built or taken, and read again whenever it is used."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError
from tagseal.machine import backend
from tagseal.names import show
from tagseal.services.images import build, layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.records import Artifact, Plan
    from tagseal.services.images.layout import LayoutImage
    from tagseal.steps import Services


def make(plan: Plan, services: Services) -> Artifact | None:
    """Build the image, or take the one that exists, into the work folder; None where none is configured.

    Raises:
        UsageError: The build failed, there is no archive, or it holds no OCI image.
        VerificationFailed: The archive is incomplete, or was changed.
        Refused: A file of it is a link, or lies outside of the project.
    """
    wanted = services.settings.image
    if wanted is None:
        return None
    services.work.image.parent.mkdir(parents=True, exist_ok=True)
    if wanted.archive:
        found = layout.take(_existing(services.root, wanted.archive), services.work.image)
        return found.artifact(wanted.name)
    with tempfile.TemporaryDirectory(prefix="tagseal-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        allowed = (*services.settings.build_env, *build.VARIABLES)
        environ = backend.child_environ(services.environ, allowed, home=place / "home", loopback=services.loopback)
        services.say("building the image")
        archive, log = place / "image.tar", services.work.path / "logs" / "image.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        build.build(
            wanted.build,
            archive,
            folder=services.git.clone_to(place / "source", plan.commit).root,
            environ=environ,
            epoch=plan.epoch,
            log=log,
        )
        return layout.take(archive, services.work.image).artifact(wanted.name)


def read(image: Artifact, services: Services) -> LayoutImage:
    """Read the layout in the work folder, every byte of it, and hold that it is this image.

    Raises:
        VerificationFailed: It is another, incomplete, or changed.
        UsageError: There is none.
        Refused: A file of it is a link.
    """
    found = layout.read(services.work.image)
    if found.artifact(image.name) != image:
        raise another(found.artifact(image.name), image)
    return found


def another(found: Artifact, expected: Artifact) -> Refused:
    """Return what to raise for an image in the work folder that is not the recorded one."""
    return Refused(
        f"got the image sha256:{found.sha256} in the work folder, expected sha256:{expected.sha256}",
        hint="The work folder was changed after `build`. Find out by whom; then run build and check again.",
        slug="another-image",
    )


def difference_from_plan(image: Artifact | None, planned: str) -> str:
    """Return what is wrong with the image that a record names; an empty string if it is the planned one."""
    got = image.name if image else ""
    if got == planned:
        return ""
    return f"got the image {show(got) if got else '(none)'}, expected {show(planned) if planned else 'none'}"


def problems(image: Artifact | None, planned: str, services: Services) -> Iterator[str]:
    """Yield what is wrong with a build's image: what was planned, and what lies in the work folder."""
    if wrong := difference_from_plan(image, planned):
        yield wrong
    elif image is not None and layout.read(services.work.image).artifact(image.name) != image:
        yield f"{image.name}: got another image in image/ than the recorded one"


def _existing(root: Path, name: str) -> Path:
    """Return an archive or layout of the project, in no folder that is a link."""
    path = root / name
    if any(parent.is_symlink() for parent in (path, *path.parents) if parent != root and root in parent.parents):
        raise Refused(
            f"got the link {show(name)} as the image's archive, expected a file or folder of the project",
            hint="Let the step that builds the image write it where `archive` says.",
            slug="image-archive-link",
        )
    if not path.exists():
        raise UsageError(
            f"got no {show(name)}, expected the image's archive or layout that an earlier step made",
            hint="Build it before this job's `build`, or set `build` instead of `archive` in [tool.tagseal.image].",
            slug="image-archive-absent",
        )
    return path
