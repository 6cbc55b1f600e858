"""What is wrong with an image that was read: each finding as an error of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError, VerificationFailed
from tagseal.names import show

if TYPE_CHECKING:
    from tagseal.services.images.layout.values import Descriptor, Platform

_AGAIN = "Build the image again; if it stays so, look at what writes it."


def damage(where: str, why: str) -> VerificationFailed:
    """Return the error for a document that is not what the specification says."""
    return VerificationFailed(
        f"got {show(where)}, which {why}, expected it as the OCI image specification 1.1 has it",
        hint=_AGAIN,
        slug="damaged-image",
    )


def differs(expected: Descriptor, got: str) -> VerificationFailed:
    """Return the error for bytes that are not those of their descriptor."""
    return VerificationFailed(
        f"got {got} for {expected.digest}, expected {expected.size:,} bytes with that digest",
        context=(f"it is listed as {show(expected.media_type)}",),
        hint="The archive is incomplete or was changed: build the image again.",
        slug="image-blob-differs",
    )


def missing(name: str) -> VerificationFailed:
    """Return the error for a file that the layout lacks."""
    return VerificationFailed(
        f"got no {show(name)} in the image, expected every file that its documents name",
        hint="The archive is incomplete: build the image again, with all platforms in it (buildah: `manifest push "
        "--all`, skopeo: `copy --all`).",
        slug="image-blob-missing",
    )


def unsafe(name: str, found: str) -> VerificationFailed:
    """Return the error for an archive that two readers may read differently."""
    return VerificationFailed(
        f"got {show(name)} with {found}, expected an archive of plain files, each once",
        hint="Let the builder write the archive itself: type=oci, or oci-archive:.",
        slug="unsafe-image-archive",
    )


def too_large(what: str, limit: str) -> VerificationFailed:
    """Return the error for what no real image needs."""
    return VerificationFailed(f"got {what}, expected {limit} at most", hint=_AGAIN, slug="image-too-large")


def docker(what: str) -> UsageError:
    """Return the error for an image in Docker's own form."""
    return UsageError(
        f"got {what}, which is Docker's own form, expected an OCI image",
        hint='With buildx: `--output "type=oci,oci-mediatypes=true,dest={archive}"`. An image that exists: '
        "`skopeo copy --all --format oci docker-archive:OLD oci-archive:NEW`.",
        slug="docker-image",
    )


def media_type(kind: str, where: str) -> UsageError:
    """Return the error for what is no part of an image, by its media type."""
    if kind.startswith("application/vnd.docker."):
        return docker(f"{show(kind)} in {show(where)}")
    if ".nondistributable." in kind:
        return UsageError(
            f"got a layer of type {show(kind)} in {show(where)}, expected layers that a registry may hold",
            hint="Build on a base image whose layers may be distributed.",
            slug="nondistributable-layer",
        )
    return UsageError(
        f"got the media type {show(kind)} in {show(where)}, expected an OCI index, manifest, configuration or layer",
        hint="Release a container image here; other artifacts are no images to a registry's clients.",
        slug="unknown-media-type",
    )


def count(number: int) -> UsageError:
    """Return the error for a layout that does not say which image is meant."""
    return UsageError(
        f"got {number} images in index.json, expected one",
        hint="Put the platforms into one index (buildah: `manifest create` and `manifest push --all`), and write one "
        "image into the archive.",
        slug="several-images",
    )


def platform(digest: str, listed: Platform, own: Platform) -> VerificationFailed:
    """Return the error for a manifest that is listed as what it is not."""
    return VerificationFailed(
        f"got {show(str(own))} in the configuration of {digest}, expected {show(str(listed))} as its index says",
        hint="Build that platform for itself (`--platform`): a machine that pulls it by platform gets what it cannot "
        "run.",
        slug="image-platform-differs",
    )


def absent(name: str, what: str) -> UsageError:
    """Return the error for a place without an image."""
    return UsageError(
        f"got {what} at {show(name)}, expected an OCI archive or the folder of an OCI layout",
        hint="Make it before this command, or correct `archive` in [tool.tagseal.image].",
        slug="no-image",
    )
