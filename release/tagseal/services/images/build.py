"""Image builders: the project's Containerfile, run by the configured command or by docker's buildx.

The child sees what package builds see (:func:`tagseal.machine.backend.child_environ`, with :data:`VARIABLES` besides).
Its HOME is empty, so buildx finds no builder there and makes one: the container behind it stays, and with it the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.machine import process
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ARCHIVE = "{archive}"
"""In a configured command's argv: the file that takes the image."""
BUILDER = "tagseal"
"""The builder that buildx keeps for us."""
DEFAULT = ("docker", "buildx", "build", "--builder", BUILDER, "--output", f"type=oci,dest={ARCHIVE}", ".")
VARIABLES = (
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "BUILDKIT_HOST", "CONTAINER_HOST"),
    *("XDG_RUNTIME_DIR", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "BUILDAH_ISOLATION"),
)
"""What builders need to find their service or their storage; none holds a credential."""

_CREATE = ("docker", "buildx", "create", "--name", BUILDER, "--driver", "docker-container")
_INSPECT = ("docker", "buildx", "inspect", BUILDER)


def build(  # noqa: PLR0913 - what a child gets; all but two by name
    argv: Sequence[str], archive: Path, *, folder: Path, environ: Mapping[str, str], epoch: int, log: Path
) -> None:
    """Build an image into ``archive``: an OCI archive, or an OCI layout's folder.

    1. A configured command names ``{archive}``; where none is configured, buildx's builder is there or made.
    2. The command runs in ``folder`` with ``SOURCE_DATE_EPOCH``.
    3. It left something at ``archive``, which is for :func:`tagseal.services.images.layout.take` to judge.

    Args:
        argv: The configured command; none: docker's buildx.
        archive: Does not exist yet.
        folder: The project, in a copy that the build may change.
        environ: The child's whole environment but for the epoch.
        epoch: Seconds, from the commit.
        log: File for everything that is written.

    Raises:
        UsageError: A program is missing, the build failed, or it wrote no archive.
    """
    environ = {**environ, "SOURCE_DATE_EPOCH": str(epoch)}
    if not argv:
        _provide_builder(folder, environ)
    elif not any(ARCHIVE in word for word in argv):
        raise UsageError(
            f"got the image's build command without {ARCHIVE}, expected it where the command names its output",
            context=(show(" ".join(argv)),),
            hint=f'For docker: `--output "type=oci,dest={ARCHIVE}"`; for buildah and podman: `oci-archive:{ARCHIVE}`.',
            slug="image-build-without-archive",
        )
    command = [word.replace(ARCHIVE, str(archive)) for word in argv or DEFAULT]
    finished = _run(command, folder, environ, log)
    if finished.code != 0:
        raise UsageError(
            f"got exit code {finished.code} from the build of the image, expected 0",
            context=(*process.tail(finished.output), f"whole log: {log}"),
            hint="Run it in a fresh clone to see it fail alike. A variable that the build needs is named in "
            "`build-env` of [tool.tagseal].",
            slug="image-build-failed",
        )
    if not archive.is_dir() and not (archive.is_file() and archive.stat().st_size):
        raise UsageError(
            f"got no archive from {show(command[0])}, which ended well, expected one in place of {ARCHIVE}",
            context=(*process.tail(finished.output), f"whole log: {log}"),
            hint=f"Let the command in `build` of [tool.tagseal.image] write an OCI archive to {ARCHIVE}.",
            slug="no-image-archive",
        )


def _provide_builder(folder: Path, environ: Mapping[str, str]) -> None:
    """Make the builder that can write OCI archives: the default driver cannot, and runs one platform."""
    if _run(_INSPECT, folder, environ).code == 0:
        return
    made = _run(_CREATE, folder, environ)
    # Two builds at a time: the other one made it meanwhile.
    if made.code != 0 and _run(_INSPECT, folder, environ).code != 0:
        raise UsageError(
            f"got exit code {made.code} from `{' '.join(_CREATE)}`, expected a builder that writes OCI archives",
            context=process.tail(made.output + made.errors),
            hint="`docker info` and `docker buildx version` should answer. Without docker, set `build` in "
            "[tool.tagseal.image] to buildah's or podman's command, as the README shows.",
            slug="no-buildx-builder",
        )


def _run(argv: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path | None = None) -> process.Finished:
    try:
        return process.run(argv, cwd=folder, environ=environ, log=log)
    except UsageError as error:
        if error.slug != "missing-tool":
            raise
        raise UsageError(
            f"got no program {show(argv[0])}, expected it on PATH: it builds the image",
            hint="Install it; or set `build` in [tool.tagseal.image] to the command of a builder that is here: docker "
            "(with buildx), buildah or podman, as the README shows.",
            slug="no-image-builder",
        ) from error
