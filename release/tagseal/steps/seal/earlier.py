"""What an earlier run left behind: bundles on disk, and the release on GitHub for this tag.

A whole, verified set that exists for this tag and commit wins over a rebuilt one: its bytes may be in use, and its
log entries exist. Of a release that is not whole, the bundles that fit the files here are taken.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.names import printable, shown
from tagseal.records import BUNDLE, Bundle, Kind
from tagseal.steps.seal import checksums
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tagseal.records import Artifact, Asset
    from tagseal.services.github import Release
    from tagseal.verification.facts import Facts
    from tagseal.verification.policy import Exact
    from tagseal.verification.timestamps import VerifierWithRoot
    from tagseal.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Verifies artifacts against the bundles of a folder."""

    policy: Exact
    trust: VerifierWithRoot

    def outcomes(self, artifacts: Sequence[Artifact], folder: Path) -> dict[str, Outcome]:
        """Return the outcome of every artifact that has a bundle there."""
        bundles = ((one, read_bundle(folder / (one.name + BUNDLE))) for one in artifacts)
        return {
            one.name: verify_digest(one.name, one.sha256, bundle, self.policy, self.trust)
            for one, bundle in bundles
            if bundle is not None
        }

    def good(self, artifacts: Sequence[Artifact], folder: Path) -> dict[str, Outcome]:
        """Return those outcomes that are ok."""
        return {name: one for name, one in self.outcomes(artifacts, folder).items() if one.verdict.ok}


def adopt(
    artifacts: tuple[Artifact, ...],
    release: Release,
    *,
    fetch: Callable[[Asset, Path], object],
    work: Workspace,
    judge: Judge,
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
    judge: Judge,
) -> bool:
    """Tell whether the release has a whole, verified set of these names, whatever its bytes; nothing is changed."""
    with tempfile.TemporaryDirectory(prefix=".existing-", dir=work.path) as temporary:
        folder = Path(temporary)
        return _whole(artifacts, _fetch_set(artifacts, release, fetch, folder), judge, folder)


def read_bundle(path: Path) -> bytes | None:
    """Return the bundle, cut off beyond the size that any verifies with; None where there is none.

    Raises:
        Refused: It is no regular file.
    """
    try:
        with files.opened(path) as file:
            return file.read(LARGEST_BUNDLE + 1)
    except FileNotFoundError:
        return None


def described(artifact: str, name: str, facts: Facts, text: bytes) -> Bundle:
    """Return what the seal says of a bundle, or of an attestation, that has verified; ``name`` is its file's."""
    return Bundle(
        artifact=artifact,
        name=name,
        size=len(text),
        sha256=hashlib.sha256(text).hexdigest(),
        log_index=facts.log_index,
        integrated_time=facts.integrated_time,
        contents=facts.contents,
    )


def problems(bundle: Bundle, folder: Path, judged: Callable[[bytes], Outcome]) -> Iterator[str]:
    """Yield what is wrong with what a record lists, read from the folder and judged again; only listed bytes are."""
    text = read_bundle(folder / bundle.name)
    if text is None:
        yield f"{bundle.name}: no such file"
        return
    if (len(text), digest := hashlib.sha256(text).hexdigest()) != (bundle.size, bundle.sha256):
        yield f"{bundle.name}: got sha256 {digest}, expected {bundle.sha256}"
        return
    outcome = judged(text)
    if not outcome.verdict.ok:
        yield f"{bundle.artifact}: {printable(outcome.verdict.detail)}"
    elif outcome.facts is not None and bundle.contents != outcome.facts.contents:
        yield f"{bundle.name}: got a record of {shown(str(bundle.contents))}, expected {outcome.facts.contents}"


def _fetched(artifact: Artifact, asset: Asset, fetch: Callable[[Asset, Path], object], folder: Path) -> Artifact:
    """Return the asset as an artifact; its bytes lie in the folder unless they are those that were built."""
    if asset.sha256 == artifact.sha256:
        return artifact
    fetch(asset, folder / artifact.name)
    return files.artifact(folder / artifact.name, artifact.kind)


def _fetch_set(
    artifacts: tuple[Artifact, ...], release: Release, fetch: Callable[[Asset, Path], object], folder: Path
) -> tuple[Artifact, ...]:
    """Fetch the bundles of a release, and the files that differ from those here; return the artifacts that it has."""
    assets = {one.name: one for one in release.assets if one.state == "uploaded"}
    for one in artifacts:
        bundle = assets.get(one.name + BUNDLE)
        if bundle is not None and bundle.size <= LARGEST_BUNDLE:
            fetch(bundle, folder / bundle.name)
    return tuple(_fetched(one, assets[one.name], fetch, folder) for one in artifacts if one.name in assets)


def _whole(artifacts: tuple[Artifact, ...], there: tuple[Artifact, ...], judge: Judge, folder: Path) -> bool:
    """Tell whether every name is there and verifies, and the list of checksums lists these very files."""
    if len(there) != len(artifacts):
        return False
    packages = [one for one in there if one.kind is not Kind.checksums]
    return checksums.listing(packages)[0] == there[-1] and len(judge.good(there, folder)) == len(there)
