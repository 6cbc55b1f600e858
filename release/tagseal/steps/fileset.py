"""Which files a release may have, by the plan and the settings, and what packages must say of themselves.

``check`` asks in the build job, beside a back end that can write the files and every record of that job alike. So
``sign`` asks again before anything is signed, and every later step holds the names: nothing here runs project code, and
nothing is taken from a record but the plan, which each job derives from the tag.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from tagseal.machine import archives, metadata
from tagseal.names import printable, show
from tagseal.records import BUNDLE, Kind
from tagseal.steps.seal import checksums
from tagseal.tags import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagseal.config import Settings
    from tagseal.records import Artifact, Plan
    from tagseal.workspace import Workspace

PRIVATE = "Private ::"
"""Begins a classifier that no index takes: it keeps a project from being published by mistake."""


def name_problems(plan: Plan, artifacts: Sequence[Artifact], settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the files that a build made or collected: exactly the planned ones, each once."""
    names = {kind: [artifact.name for artifact in artifacts if artifact.kind is kind] for kind in Kind}
    if names[Kind.sdist] != [plan.sdist]:
        yield f"got the sdist {_file_list(names[Kind.sdist])}, expected {plan.sdist}"
    if not names[Kind.wheel]:
        yield f"got no wheel, expected {plan.wheel}*.whl"
    yield from (
        f"got the wheel {printable(name)}, expected {plan.wheel}*.whl"
        for name in names[Kind.wheel]
        if not (name.startswith(plan.wheel) and name.endswith(".whl") and is_of_version(plan, name))
    )
    yield from differences("asset", names[Kind.asset], plan.assets)
    yield from (
        f"got the asset {printable(name)}, which no pattern in `assets` matches"
        for name in names[Kind.asset]
        if not _is_configured(name, settings)
    )
    yield from (f"got the asset {printable(name)}: `sign` writes that name" for name in plan.assets if is_ours(name))
    yield from (
        f"got {printable(artifact.name)} as {artifact.kind}, expected wheels, one sdist and assets only"
        for artifact in artifacts
        if artifact.kind not in {Kind.wheel, Kind.sdist, Kind.asset}
    )
    every = [artifact.name for artifact in artifacts]
    yield from (f"got {printable(name)} twice" for name in sorted({*every}) if every.count(name) > 1)


def content_problems(plan: Plan, packages: Iterable[Artifact], work: Workspace) -> Iterator[str]:
    """Yield where name and version inside a package differ from the plan; archives are read, never extracted.

    Raises:
        VerificationFailed: An archive is unsafe, damaged, or has no metadata.
    """
    for package in packages:
        found = archives.read(work.file(package))
        if canonicalize_name(found.name) != canonicalize_name(plan.project):
            yield f"{package.name}: got the name {show(found.name)}, expected {plan.project}"
        if parse_version(found.version) != Version(plan.version):
            yield f"{package.name}: got the version {show(found.version)}, expected {plan.version}"
        if plan.index and (kept := [name for name in found.classifiers if name.startswith(PRIVATE)]):
            yield f"{package.name}: got the classifier {show(kept[0])}, which {plan.index.name} refuses by design"


def is_of_version(plan: Plan, name: str) -> bool:
    """Tell whether an index would take a file of this name for one of the planned project and version."""
    try:
        project, version = metadata.parse_filename(name)
    except ValueError:
        return False
    return (project, version) == (canonicalize_name(plan.project), Version(plan.version))


def is_ours(name: str) -> bool:
    """Tell whether signing writes a file of this name."""
    return name == checksums.NAME or name.endswith(BUNDLE)


def packages(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Return the wheels and the sdist."""
    return [artifact for artifact in artifacts if artifact.kind in {Kind.wheel, Kind.sdist}]


def differences(what: str, got: Iterable[str], expected: Iterable[str]) -> Iterator[str]:
    """Yield the names that are in one of both only."""
    yield from (f"got the {what} {printable(name)}, expected none" for name in sorted({*got} - {*expected}))
    yield from (f"got no {what} {printable(name)}, expected one" for name in sorted({*expected} - {*got}))


def _is_configured(name: str, settings: Settings) -> bool:
    """Tell whether a pattern can match a file of this name in some folder; folders are the build job's."""
    return any(fnmatchcase(name, PurePosixPath(pattern).name) for pattern in settings.assets)


def _file_list(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names)) or "(none)"
