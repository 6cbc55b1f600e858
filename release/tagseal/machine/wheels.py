"""What a set of packages that earlier jobs built must be, told by its file names (PEP 427, PEP 625)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidWheelFilename,
    parse_wheel_filename,
)

from tagseal.errors import Refused, UsageError
from tagseal.machine import metadata
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.tags import Tag
    from packaging.version import Version


def check_collected(
    names: Sequence[str], *, previous: Sequence[str], dropped: Sequence[str], index: bool
) -> tuple[str, ...]:
    """Check what was collected, and return the previous release's wheels that are let go.

    Args:
        names: File names of the packages.
        previous: File names of the previous release's wheels.
        dropped: Patterns of wheels that may be missing.
        index: Whether the packages go to a package index.

    Raises:
        UsageError: There is not exactly one sdist, or not exactly one version, or no package's name at all.
        Refused: An index would not take a wheel; or a platform would be lost that nobody gave up.
    """
    identities = {_identity(name) for name in names}
    if len(identities) > 1:
        raise UsageError(
            f"got packages of {len(identities)} projects or versions, expected one",
            context=tuple(sorted(f"{name} {version}" for name, version in identities)),
            hint="Empty the folder that the earlier jobs' packages arrive in, and let `packages` match one build.",
            slug="collected-versions",
        )
    sdists = [name for name in names if name.endswith(".tar.gz")]
    if len(sdists) != 1:
        raise UsageError(
            f"got {len(sdists)} sdists among the {len(names)} collected packages, expected one",
            context=tuple(sdists),
            hint="Let one earlier job run `python -m build --sdist`, and let `packages` match its file.",
            slug="collected-sdists",
        )
    wheels = [name for name in names if name.endswith(".whl")]
    if index:
        portable(wheels)
    return _dropped_wheels(wheels, previous, dropped)


def is_pure(name: str) -> bool:
    """Tell whether this wheel runs on every platform."""
    return name.endswith("-any.whl")


def _identity(name: str) -> tuple[str, Version]:
    try:
        return metadata.parse_filename(name)
    except ValueError as error:
        raise UsageError(
            f"got {show(name)} among the packages, expected the file name of a wheel or an sdist",
            context=(str(error),),
            hint="Let `packages` match packages only, under the names that the build gave them.",
            slug="not-a-package-name",
        ) from error


def portable(wheels: Sequence[str]) -> None:
    """Hold that no wheel is for one distribution of Linux: an index takes manylinux and musllinux only (PEP 600).

    Raises:
        Refused: One is.
    """
    bound = [name for name in wheels if any(tag.platform.startswith("linux_") for tag in _tags(name))]
    if bound:
        raise Refused(
            "got wheels tagged linux_*, expected manylinux or musllinux: the index refuses them",
            context=tuple(bound),
            hint="Repair them with auditwheel, or build them with cibuildwheel.",
            slug="wheel-not-portable",
        )


def _dropped_wheels(wheels: Sequence[str], previous: Sequence[str], dropped: Sequence[str]) -> tuple[str, ...]:
    """Return the previous wheels that nothing replaces and that the configuration lets go."""
    served = {tag for name in wheels for tag in _tags(name)}
    missing = [name for name in previous if not _tags(name) <= served]
    unaccepted = [name for name in missing if not any(fnmatchcase(name, pattern) for pattern in dropped)]
    if unaccepted:
        raise Refused(
            "got no successor for wheels of the previous release, expected one for each",
            context=tuple(unaccepted),
            hint='Find the job that failed to build them; or accept the loss: dropped = ["PATTERN"] in [tool.tagseal].',
            slug="wheels-lost",
        )
    return tuple(missing)


def _tags(name: str) -> frozenset[Tag]:
    """Return the platforms that a wheel serves; none where an earlier release has a file with an odd name."""
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return frozenset()
