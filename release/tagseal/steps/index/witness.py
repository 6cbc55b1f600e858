"""witness: what the index hands out to strangers, byte for byte what was sealed, and attested."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagseal.errors import Busy, VerificationFailed
from tagseal.machine.files import measure
from tagseal.machine.threads import side_by_side
from tagseal.steps import index
from tagseal.steps.index import attest
from tagseal.steps.index.publish import listing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.records import Artifact, Plan, Seal
    from tagseal.services.index.client import IndexClient, ListedFile
    from tagseal.steps import Services
    from tagseal.steps.seal.bundles import BundleVerifier

_THREADS = 4


def witness_files(plan: Plan, seal: Seal, judge: BundleVerifier, folder: Path, services: Services) -> None:
    """Download every package by its address there, compare it with the seal, and verify its provenance.

    An sdist is never given to a build back end: pip would run it for its name and version.

    Raises:
        VerificationFailed: A file or its provenance is not of this release.
        Busy: The index does not show it until the patience is over.
        ServiceError: It refused.
    """
    asking = index.client(plan, services)
    if asking is None:
        return
    listed = services.retry.read(lambda: listing(asking.files(), plan, seal.packages, services))
    services.retry.read(lambda: listing(asking.simple(), plan, seal.packages, services))  # pip's, which may be older
    folder.mkdir()
    act = partial(_look, asking=asking, listed=listed, judge=judge, folder=folder, services=services)
    side_by_side(act, seal.packages, _THREADS)


def _look(  # noqa: PLR0913 - where to look, and by what it is judged
    package: Artifact,
    *,
    asking: IndexClient,
    listed: Mapping[str, ListedFile],
    judge: BundleVerifier,
    folder: Path,
    services: Services,
) -> None:
    asking.fetch(listed[package.name], folder / package.name)  # holds it against the listing, which is the seal's
    if asking.index.site:
        services.retry.read(partial(_provenance, asking, package, judge))


def _provenance(asking: IndexClient, package: Artifact, judge: BundleVerifier) -> None:
    text = asking.provenance(package.name)
    if text is None:
        raise Busy(
            f"got no provenance of {package.name} from {asking.index.name}, expected the attestation that was sent",
            hint="{Rerun}. If it persists, the index took the file without it.",
            slug="index-without-provenance",
        )
    found, said = attest.among(text, package.name, package.sha256, judge.policy, judge.trust)
    if found is None:
        raise VerificationFailed(
            f"got a provenance of {package.name} from {asking.index.name} that does not verify",
            context=(said,),
            hint="Do not use this release. Look at who sent the file: its page at the index says so.",
            slug="index-provenance-fails",
        )


def hold_downloads(folder: Path, seal: Seal) -> None:
    """Hold what pip downloaded against the seal: one wheel at least, and the same bytes.

    Raises:
        VerificationFailed: It is another file, or none.
    """
    want = {package.name: package.sha256 for package in seal.packages}
    got = {path.name: measure(path)[1] for path in folder.glob("*.whl")}
    if not got or any(want.get(name) != sha256 for name, sha256 in got.items()):
        raise VerificationFailed(
            f"got {', '.join(sorted(got)) or 'no wheel'} from the index by pip, expected a wheel of this release",
            context=tuple(f"{name}: sha256 {sha256}, expected {want.get(name)}" for name, sha256 in got.items()),
            hint="Look at the project's page at the index, and at which index pip asked.",
            slug="index-download-other",
        )
