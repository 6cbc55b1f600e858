"""The release on GitHub, held against the seal: read again, rendered again, downloaded and hashed again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine.threads import side_by_side
from tagseal.steps.draft import body
from tagseal.steps.draft.difference import edits, unknown
from tagseal.steps.draft.wanted import problems, wanted_files
from tagseal.steps.seal.reverify import fitting
from tagseal.verification.verify import digest

if TYPE_CHECKING:
    from tagseal.records import Asset, Plan, Seal, Tag
    from tagseal.services.github import Release
    from tagseal.steps import Services

_THREADS = 8


def hold_tag(tag: Tag, services: Services) -> None:
    """Read the remote tag again, before something is made for it.

    Raises:
        Refused: It is gone, or on another commit.
    """
    commit = services.github.tag_commit(tag.identity.repository, tag.name)
    if commit != tag.commit:
        raise Refused(
            f"got {tag.name} on {commit or 'no commit'} at the remote, expected {tag.commit}",
            hint="The tag moved since this run began, which stops here. If you moved it, let the run that your push "
            "started release it. Else find out who did, before anything else.",
            slug="tag-moved-meanwhile",
        )


def hold_release(release: Release, tag: Tag, plan: Plan, seal: Seal, services: Services) -> Release:
    """Compare a release with the seal, by name, size and digest, and its body with the page, rendered now.

    Of what somebody else wrote above our part of the body, which may change, the page's own rules hold.

    Returns:
        The release, with a digest for every asset: where GitHub keeps none, that of its bytes.

    Raises:
        Refused: The seal is not of this tag, commit and identity; or words above the instructions hide them.
        VerificationFailed: The seal is not whole, or not of the planned files; or the release is of another tag, has
            other files, or another body.
    """
    fitting(tag, plan, seal, services.settings)
    files = wanted_files(seal)
    digests = {one.id: hash_asset(one, tag, services) for one in unknown(files, release.assets)}
    assets = tuple(replace(asset, sha256=digests.get(asset.id, asset.sha256)) for asset in release.assets)
    theirs = body.theirs(release.body) if services.settings.release == "adopt" else None
    wrong = [
        *problems(files, assets),
        *([] if release.tag == tag.name else [f"the tag: {release.tag}"]),
        *edits(release.body, body.render_body(tag, plan, seal, services, theirs)),
    ]
    if wrong:
        raise VerificationFailed(
            "got a release that is not what was sealed",
            context=(release.url, *wrong),
            hint="Somebody changed it meanwhile. Look at it; of a draft, run upload and prove again.",
            slug="release-altered",
        )
    return replace(release, assets=assets)


def hash_asset(asset: Asset, tag: Tag, services: Services) -> str:
    """Return the sha256 of an asset's bytes: downloaded, and thrown away."""
    with tempfile.TemporaryDirectory(prefix=".asset-", dir=services.work.path) as folder:
        return services.github.download(tag.identity.repository, asset, Path(folder) / "asset")


def download(release: Release, tag: Tag, seal: Seal, folder: Path, services: Services) -> None:
    """Fetch every asset into a new folder, and compare its bytes with the seal.

    Raises:
        VerificationFailed: An asset has other bytes.
        ServiceError: GitHub failed.
    """
    folder.mkdir()

    def fetch(asset: Asset) -> None:
        services.github.download(tag.identity.repository, asset, folder / asset.name)

    side_by_side(fetch, release.assets, _THREADS)
    compare(folder, seal)


def compare(folder: Path, seal: Seal) -> None:
    """Hold the files of a folder against the seal: the same names, the same bytes.

    Raises:
        VerificationFailed: A file is absent, another is there, or one has other bytes.
    """
    want = {file.name: file.sha256 for file in wanted_files(seal).values()}
    got = {path.name: digest(path) for path in folder.iterdir() if path.is_file() and not path.is_symlink()}
    if got != want:
        names = sorted(name for name in want.keys() | got.keys() if want.get(name) != got.get(name))
        raise VerificationFailed(
            f"got {len(names)} downloaded files that are not the sealed ones",
            context=tuple(
                f"{name}: got {got.get(name, 'nothing')}, expected {want.get(name, 'nothing')}" for name in names
            ),
            hint="Run the same command again. If it persists, look at the release: somebody changed it.",
            slug="downloads-differ",
        )
