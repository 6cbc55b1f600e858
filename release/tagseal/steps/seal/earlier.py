"""What an earlier run left behind: bundles on disk, and the release on GitHub for this tag.

A whole, verified set that exists for this tag and commit wins over a rebuilt one: its bytes may be in use, and its
log entries exist. Of a release that is not whole, the bundles that fit the files here are taken.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.records import BUNDLE, Kind
from tagseal.steps.seal import checksums
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.records import Artifact, Asset
    from tagseal.services.github import Release
    from tagseal.steps.seal.bundles import BundleVerifier
    from tagseal.workspace import Workspace


def adopt(
    artifacts: tuple[Artifact, ...],
    release: Release,
    *,
    fetch: Callable[[Asset, Path], object],
    work: Workspace,
    judge: BundleVerifier,
) -> tuple[Artifact, ...] | None:
    """Return the release's artifacts where it has a whole, verified set of these names; else None.

    1. Its bundles are fetched, and the files that differ from those here, if every name is there.
    2. Every fetched bundle that verifies for its file takes its place in the work folder.
    3. If all of them verify, their files take the place of what was built: after the bundles, by which a run that was
       ended between two files knows them again.

    Args:
        artifacts: What was built, ``SHA256SUMS`` last.
        release: What exists for this tag.
        fetch: Downloads an asset; it raises errors of ours.
        work: The work folder.
        judge: Says which bundles are good.
    """
    with tempfile.TemporaryDirectory(prefix=".existing-", dir=work.path) as temporary:
        folder = Path(temporary)
        there = _fetch_set(artifacts, release, fetch, folder)
        whole = _whole(artifacts, there, judge, folder)
        final = there if whole else artifacts
        for name in judge.good(final, folder):
            (folder / (name + BUNDLE)).replace(work.bundles / (name + BUNDLE))
        for one in there if whole else ():
            if (folder / one.name).exists():
                (folder / one.name).replace(work.file(one))
    return there if whole else None


def is_whole(
    artifacts: tuple[Artifact, ...],
    release: Release,
    *,
    fetch: Callable[[Asset, Path], object],
    work: Workspace,
    judge: BundleVerifier,
) -> bool:
    """Tell whether the release has a whole, verified set of these names, whatever its bytes; nothing is changed."""
    with tempfile.TemporaryDirectory(prefix=".existing-", dir=work.path) as temporary:
        folder = Path(temporary)
        return _whole(artifacts, _fetch_set(artifacts, release, fetch, folder), judge, folder)


def _fetch(artifact: Artifact, asset: Asset, fetch: Callable[[Asset, Path], object], folder: Path) -> Artifact:
    """Return the asset as an artifact; its bytes lie in the folder unless they are those that were built."""
    if asset.sha256 == artifact.sha256:
        return artifact
    fetch(asset, folder / artifact.name)
    return files.artifact(folder / artifact.name, artifact.kind)


def _fetch_set(
    artifacts: tuple[Artifact, ...], release: Release, fetch: Callable[[Asset, Path], object], folder: Path
) -> tuple[Artifact, ...]:
    """Fetch the bundles of a release, and the files that differ from those here; return the artifacts that it has."""
    assets = {asset.name: asset for asset in release.assets if asset.state == "uploaded"}
    for one in artifacts:
        bundle = assets.get(one.name + BUNDLE)
        if bundle is not None and bundle.size <= LARGEST_BUNDLE:
            fetch(bundle, folder / bundle.name)
    return tuple(
        _fetch(artifact, assets[artifact.name], fetch, folder) for artifact in artifacts if artifact.name in assets
    )


def _whole(artifacts: tuple[Artifact, ...], there: tuple[Artifact, ...], judge: BundleVerifier, folder: Path) -> bool:
    """Tell whether every name is there and verifies, and the list of checksums lists these very files."""
    if len(there) != len(artifacts):
        return False
    packages = [one for one in there if one.kind is not Kind.checksums]
    return checksums.listing(packages)[0] == there[-1] and len(judge.good(there, folder)) == len(there)
