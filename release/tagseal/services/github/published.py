"""A published release as a stranger gets it: listed by the API, each file by its plain address.

With a token, as a private repository needs it, the files come through the API as well. Either way each is held against
the size and the digest that the API tells, and none takes the place of a file with other bytes.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagseal.errors import Busy, Refused, UsageError
from tagseal.machine import actions
from tagseal.machine.files import measure
from tagseal.machine.threads import side_by_side
from tagseal.names import plain, show
from tagseal.services.github import GitHub
from tagseal.services.github.border import border
from tagseal.services.github.refusals import garbled_answer
from tagseal.services.github.transfers import TIMEOUT, Transfers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tagseal.records import Asset
    from tagseal.services.github import Release
    from tagseal.services.retry import Retry

THREADS = 8
_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRelease:
    """What there is for a tag."""

    release: Release
    commit: str
    """What the tag names now."""


def find_published(repository: str, tag: str, environ: Mapping[str, str], retry: Retry) -> PublishedRelease:
    """Read the published release of a tag, with the token of this environment if there is one.

    Raises:
        UsageError: There is no such repository, tag or release, or it has no files.
        ServiceError: GitHub did not answer, or wants a pause.
    """
    token = _token(environ)
    github = GitHub(token, retry=retry)
    with _patient(anonymous=not token):
        commit = github.tag_commit(repository, tag)
        if commit is None:
            other = tag.removeprefix("v") if tag.startswith("v") else f"v{tag}"
            there = github.tag_commit(repository, other) is not None
            meant = f"; there is {other}" if there else ""
            raise _absent(f"got no tag {tag} in {repository}, expected one{meant}")
        release = github.published_release(repository, tag)
        if release is None:
            drafts = github.of_tag(repository, tag)
            found = "a draft only" if drafts else "no release"
            raise _absent(f"got {found} for {tag} in {repository}, expected a published release")
    if _COMMIT.fullmatch(commit) is None or release.draft or release.tag != tag:
        raise garbled_answer(
            f"read the release {tag} of {repository}", "another release than the one that was asked for"
        )
    if not release.assets:
        raise _absent(f"got a release of {tag} without a file in {repository}, expected some")
    return PublishedRelease(release=release, commit=commit)


def download(
    repository: str, release: Release, folder: Path, environ: Mapping[str, str], retry: Retry
) -> tuple[Path, ...]:
    """Fetch every file of a release into a folder; return the paths, by name. What was never uploaded is not there.

    Raises:
        Refused: A name is no file's, or the folder has a file with other bytes.
        VerificationFailed: A file has another size or digest than the API tells.
        ServiceError: GitHub did not answer.
    """
    names = _names(release, folder)
    folder.mkdir(parents=True, exist_ok=True)
    fetch = _fetch(repository, release.tag, environ, retry)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as temporary:

        def one(asset: Asset) -> None:
            path = names[asset.id]
            if path.is_symlink() or path.exists():
                _same(path, asset.sha256)
                if asset.sha256:
                    return
            partial_path = Path(temporary) / path.name
            sha256 = fetch(asset, partial_path)
            try:
                os.link(partial_path, path)  # unlike a rename, it never takes another file's place
            except FileExistsError:
                _same(path, sha256)

        side_by_side(one, [asset for asset in release.assets if asset.state == "uploaded"], THREADS)
    return tuple(names.values())


def _fetch(repository: str, tag: str, environ: Mapping[str, str], retry: Retry) -> Callable[[Asset, Path], str]:
    """Return what fetches one file: through the API with a token, by its plain address without."""
    if token := _token(environ):
        return partial(GitHub(token, retry=retry).download, repository)
    transfers = Transfers("", TIMEOUT)

    def plain(asset: Asset, path: Path) -> str:
        url = f"{actions.SERVER}/{repository}/releases/download/{quote(tag, safe='+')}/{quote(asset.name, safe='+')}"

        def ask() -> str:
            with border(f"download {asset.name} from {repository}"):
                return transfers.fetch(url, path, size=asset.size, sha256=asset.sha256)

        return retry.read(ask)

    return plain


def _token(environ: Mapping[str, str]) -> str:
    """Return the token, unless it is another server's, which must not see it: this asks github.com, and nobody else."""
    return actions.token(environ) if actions.api(environ) == actions.API else ""


def _names(release: Release, folder: Path) -> dict[int, Path]:
    """Return where each file goes, by its number.

    Raises:
        Refused: A name is no file's, or another's as well.
    """
    names = {asset.id: folder / _plain(asset.name) for asset in release.assets}
    if len(set(names.values())) != len(release.assets):
        raise Refused(
            f"got {len(release.assets)} files in the release under fewer names, expected a name for each",
            hint="Look at who answers for GitHub on this network: a release has no two files of one name.",
            slug="download-twice",
        )
    return names


def _plain(name: str) -> str:
    """Return a name that stays in its folder; other publishers' need not be as plain as ours.

    Raises:
        Refused: It does not.
    """
    if not plain(name):
        raise Refused(
            f"got a file called {show(name)} in the release, expected a name without a folder",
            hint="Look at who answers for GitHub on this network: a release has no such names.",
            slug="download-elsewhere",
        )
    return name


def _same(path: Path, sha256: str) -> None:
    """Hold a file that lies there against a digest; an empty one is not known yet.

    Raises:
        Refused: It has other bytes, or is no file.
    """
    _, got = measure(path)
    if sha256 and got != sha256:
        raise Refused(
            f"got {show(str(path))} with sha256 {got}, expected {sha256}, or nothing there",
            hint="Name another folder: --out DIR. Nothing is written over.",
            slug="download-over-other-file",
        )


@contextmanager
def _patient(*, anonymous: bool) -> Iterator[None]:
    """Say what helps against GitHub's limit for those without a token: 60 requests an hour and address."""
    try:
        yield
    except Busy as error:
        if not anonymous or "wants a pause" not in error.what:
            raise
        raise Busy(
            f"{error.what}, and nobody said who asks",
            context=error.context,
            hint="{Rerun} within an hour or so; or with a token that may read, which has a limit "
            'of its own: GH_TOKEN="$(gh auth token)" tagseal verify --release OWNER/REPO TAG.',
            slug="github-anonymous-limit",
            after=error.after,
        ) from error


def _absent(what: str) -> UsageError:
    return UsageError(
        what,
        hint="Compare repository and tag with the page of releases. A private repository, and a draft, are seen with "
        "the GH_TOKEN of somebody who may.",
        slug="nothing-released",
    )
