"""build: wheel and sdist from the tag's files, or the packages that earlier jobs built, and the further assets.

1. The packages are made in a child that sees neither the checkout nor a token; or they are collected.
2. What the index has of this version already takes the place of a package of that name.
3. Further assets are found by their patterns in the checkout.
4. Everything is copied into a folder beside the final ones, and described by the very bytes that are copied.
5. Only then the final folders are replaced: a build that fails leaves what was there.
6. The image, where one is configured, is built or taken into a layout of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.errors import Refused, UsageError
from tagseal.machine import backend, files, wheels
from tagseal.names import show
from tagseal.records import Build, Kind
from tagseal.steps import fileset
from tagseal.steps.images import layouts
from tagseal.steps.index.adopt import adopt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagseal.machine.git import Git
    from tagseal.records import Artifact, Plan, Tag
    from tagseal.steps import Services

_ENDINGS = {".whl": Kind.wheel, ".tar.gz": Kind.sdist}


def build(tag: Tag, plan: Plan, *, services: Services) -> Build:
    """Make the files of this release and return what they are.

    Raises:
        UsageError: The build failed, or what was found is not what a release may hold.
        Refused: A file is unsafe; a platform is lost that the previous release had; or the index has a file of this
            version that was not built.
        ServiceError: Packages are collected, and GitHub could not tell what the previous release had; or the index
            failed.
    """
    with tempfile.TemporaryDirectory(prefix="tagseal-", ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        if patterns := services.settings.packages:
            packages = files.matching(services.root, patterns)
            dropped = wheels.check_collected(
                [path.name for path in packages],
                previous=_previous_wheels(tag, plan, services),
                dropped=services.settings.dropped,
                index=services.settings.index is not None,
            )
        else:
            make(plan, made, services.work.path / "logs" / "build.log", services=services)
            packages, dropped = tuple(sorted(made.iterdir())), ()
            if services.settings.index:
                wheels.portable([path.name for path in packages if path.name.endswith(".whl")])
        packages, taken = adopt(plan, packages, Path(folder) / "index", services)
        artifacts = _place(packages, files.matching(services.root, services.settings.assets), services)
    image = layouts.make(plan, services)
    return Build(
        commit=tag.commit,
        artifacts=artifacts,
        collected=bool(patterns),
        dropped=dropped,
        image=image,
        adopted=taken,
    )


def make(plan: Plan, out: Path, log: Path, *, services: Services) -> None:
    """Build the packages from a copy of the commit's tracked files into the folder ``out``.

    Raises:
        UsageError: The build failed.
        Refused: A submodule is missing, or files are kept elsewhere.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tagseal-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        clone = services.git.clone_to(place / "source", plan.commit)
        _whole(clone)
        environ = backend.child_environ(
            services.environ, services.settings.build_env, home=place / "home", loopback=services.loopback
        )
        backend.build_packages(
            services.settings.build,
            clone.root / services.settings.project,
            out,
            {**environ, "SOURCE_DATE_EPOCH": str(plan.epoch)},
            log,
        )


def _previous_wheels(tag: Tag, plan: Plan, services: Services) -> tuple[str, ...]:
    """Return the file names of the wheels that the published release before this one has."""
    releases = services.github.releases(tag.identity.repository)
    before = {release.tag: release for release in releases if not release.draft and release.tag != tag.name}
    known = services.pattern_beside(tag.name)
    previous = known.previous(before, Version(plan.version))
    return tuple(asset.name for asset in before[previous].assets if asset.name.endswith(".whl")) if previous else ()


def _whole(clone: Git) -> None:
    if large := clone.large_files():
        raise Refused(
            f"got {len(large)} files that Git LFS keeps elsewhere, expected all files in git: the packages would hold "
            "pointers in their place",
            context=tuple(show(path) for path in large[:10]),
            hint='Build in an earlier job, whose checkout has `lfs: true`, and collect: packages = ["wheelhouse/*"] '
            "in [tool.tagseal].",
            slug="large-files",
        )


def _place(packages: Iterable[Path], assets: Iterable[Path], services: Services) -> tuple[Artifact, ...]:
    """Copy the files beside the work folder's own, then put them in their place."""
    staging = services.work.path / ".staging"
    shutil.rmtree(staging, ignore_errors=True)
    for final in (services.work.packages, services.work.assets):
        (staging / final.name).mkdir(parents=True)
    artifacts = (
        *(files.copy_artifact(path, staging / services.work.packages.name, _kind(path)) for path in packages),
        *(files.copy_artifact(path, staging / services.work.assets.name, Kind.asset) for path in assets),
    )
    _distinct([artifact.name for artifact in artifacts])
    for final in (services.work.packages, services.work.assets):
        if final.exists():
            shutil.rmtree(final)
        (staging / final.name).rename(final)
    staging.rmdir()
    return artifacts


def _kind(path: Path) -> Kind:
    for ending, kind in _ENDINGS.items():
        if path.name.endswith(ending):
            return kind
    raise UsageError(
        f"got {show(path.name)} among the packages, expected wheels (.whl) and one sdist (.tar.gz)",
        hint="Name other files in assets, and let `packages` match packages only.",
        slug="not-a-package",
    )


def _distinct(names: Sequence[str]) -> None:
    """Refuse names that are given twice, and those that signing will give."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise files.duplicate(name)
        if fileset.is_ours(name):
            raise UsageError(
                f"got an asset called {name}, expected another name: signing writes a file of that name",
                hint="Rename it, or leave it out of `assets` in [tool.tagseal].",
                slug="reserved-file-name",
            )
