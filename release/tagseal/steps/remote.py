"""The release on GitHub, held against the seal: read again, rendered again, downloaded and hashed again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.steps.reconcile import difference
from tagseal.steps.sealed import fitting
from tagseal.steps.upload import body, body_digest, wanted
from tagseal.verification.verify import digest

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Asset, Plan, Seal, Tag
    from tagseal.services.github import Release
    from tagseal.steps import Services

_THREADS = 8


def unaltered(release: Release, tag: Tag, plan: Plan, seal: Seal, services: Services) -> None:
    """Compare a release with the seal, by name, size and digest, and its body with the page, rendered now.

    Raises:
        Refused: The seal is not of this tag, commit and identity.
        VerificationFailed: The seal is not whole; or the release is of another tag, has other files, or another body.
    """
    fitting(tag, seal)
    problems = difference(wanted(seal), release.assets).lines()
    if release.tag != tag.name:
        problems = (*problems, f"the tag: {release.tag}")
    if body_digest(release.body) != body_digest(body(tag, plan, seal, services)):
        problems = (*problems, "the notes: not as rendered")
    if problems:
        raise VerificationFailed(
            "got a release that is not what was sealed",
            context=(release.url, *problems),
            hint="Somebody changed it meanwhile. Look at it; of a draft, run upload and prove again.",
            slug="release-altered",
        )


def download(release: Release, tag: Tag, seal: Seal, folder: Path, services: Services) -> None:
    """Fetch every asset into a new folder, and compare its bytes with the seal.

    Raises:
        VerificationFailed: An asset has other bytes.
        ServiceError: GitHub failed.
    """
    folder.mkdir()

    def fetch(asset: Asset) -> None:
        services.github.download(tag.identity.repository, asset, folder / asset.name)

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            list(pool.map(fetch, release.assets))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    compare(folder, seal)


def compare(folder: Path, seal: Seal) -> None:
    """Hold the files of a folder against the seal: the same names, the same bytes.

    Raises:
        VerificationFailed: A file is absent, another is there, or one has other bytes.
    """
    want = {one.name: one.sha256 for one in wanted(seal).values()}
    got = {path.name: digest(path) for path in folder.iterdir() if path.is_file() and not path.is_symlink()}
    if got != want:
        names = sorted(name for name in want.keys() | got.keys() if want.get(name) != got.get(name))
        raise VerificationFailed(
            f"got {len(names)} downloaded files that are not the sealed ones",
            context=tuple(
                f"{one}: got {got.get(one, 'nothing')}, expected {want.get(one, 'nothing')}" for one in names
            ),
            hint="Run the same command again. If it persists, look at the release: somebody changed it.",
            slug="downloads-differ",
        )
