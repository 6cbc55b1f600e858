"""GitHub, through PyGithub: repositories, tags, releases and assets. The only package that imports ``github``.

1. A failed read is repeated; after a failed write, what it may have made is looked for first (``services.retry``).
2. Writes keep to GitHub's limits for them as soon as it refuses one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import requests
from github import GithubException
from github.GitRelease import GitRelease
from github.GitReleaseAsset import GitReleaseAsset

from tagseal.machine import actions
from tagseal.services.github import refusals
from tagseal.services.github.border import border, fresh, or_none
from tagseal.services.github.client import GitHubClient
from tagseal.services.github.releases import Release, marker, mine, of_asset, of_release, require_type
from tagseal.services.github.transfers import TIMEOUT, Transfers
from tagseal.services.retry import Pace, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from github.Repository import Repository

    from tagseal.records import Asset

__all__ = ["BOT", "GitHub", "Release", "marker", "mine"]

T = TypeVar("T")

BOT = "github-actions[bot]"
UPLOADS = "https://uploads.github.com"
_FORBIDDEN, _INVALID = 403, 422
_TAGS = 10
"""Tag objects, each of the next, that are followed: who may push can make as many as they like."""


class GitHub:
    """What the steps ask of GitHub, with one token.

    Every method raises a TagsealError for whatever goes wrong: UsageError for a token that may not, ServiceError
    for a service that does not answer for longer than the patience.
    """

    def __init__(
        self, token: str, api: str = actions.API, *, retry: Retry | None = None, timeout: int = TIMEOUT
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            token: An empty one reads public repositories only.
            api: Where the API is.
            retry: How long to bear with a failing service; by default not at all.
            timeout: Seconds without an answer, or without progress, of any request.
        """
        self._client = GitHubClient(token, api, timeout)
        self._retry = retry or Retry(patience=0)
        self.pace = Pace(patience=self._retry.patience, waiting=self._retry.waiting)
        self._transfers = Transfers(token, timeout)
        self._actor = ""
        self._made: set[int] = set()
        """Drafts, by id: each answers "not found" until all of GitHub knows of it."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], retry: Retry) -> GitHub:
        """Take the job's token from its environment."""
        return cls(actions.token(environ), actions.api(environ), retry=retry)

    def private(self, repository: str) -> bool:
        """Tell whether only its members may see the repository."""
        return self._read(
            f"read the repository {repository}",
            lambda: require_type(bool, self._client.repository(repository).complete().private),
        )

    def tag_commit(self, repository: str, tag: str) -> str | None:
        """Return the commit that the remote tag names, peeled of all its tag objects; None without such a tag."""

        def peel(within: Repository) -> str:
            target = within.get_git_ref(f"tags/{tag}").complete().object
            for _ in range(_TAGS):
                if target.type != "tag":
                    return require_type(str, target.sha)
                target = within.get_git_tag(target.sha).complete().object
            raise TypeError(f"got a tag of a tag, {_TAGS} times over, expected a commit")

        def ask() -> str | None:
            within = self._client.repository(repository)
            return or_none(lambda: peel(within))

        return self._read(f"read the tag {tag} of {repository}", ask)

    def actor(self) -> str:
        """Return the login that this token writes as; an Actions token may not ask, and is the bot."""

        def ask() -> str:
            try:
                return require_type(str, self._client.github.get_user().complete().login)
            except GithubException as error:
                if error.status == _FORBIDDEN and "rate limit" not in str(error.data).lower():
                    return BOT
                raise

        self._actor = self._actor or self._read("read the token's user", ask)
        return self._actor

    def releases(self, repository: str) -> tuple[Release, ...]:
        """Return the releases, newest first, with inline assets; drafts where the token may push."""
        return self._read(
            f"list the releases of {repository}",
            lambda: tuple(of_release(release, release.assets) for release in self._list_releases(repository)),
        )

    def of_tag(self, repository: str, tag: str) -> tuple[Release, ...]:
        """Return whatever exists for this tag: the published release first, then every draft, the oldest first."""
        published = self.published_release(repository, tag)
        known = published.id if published else None

        def ask() -> list[Release]:
            # A listing may lag: it shows what was deleted since, and as a draft what was published.
            listed = [
                release
                for release in self._list_releases(repository)
                if release.draft and release.tag_name == tag and release.id != known
            ]
            found = [or_none(partial(self._whole, repository, one)) for one in listed]
            return sorted((one for one in found if one is not None), key=lambda one: one.id)

        drafts = self._read(f"list the drafts of {repository}", ask)
        return (*((published,) if published else ()), *drafts)

    def published_release(self, repository: str, tag: str) -> Release | None:
        """Return the published release of this tag."""

        def ask() -> Release | None:
            within = self._client.repository(repository)
            found = or_none(lambda: within.get_release(tag))
            return None if found is None else self._whole(repository, found)

        return self._read(f"read the release {tag} of {repository}", ask)

    def release(self, repository: str, number: int) -> Release:
        """Return the release with this id, read now; one that was made here just now may take a while to be found."""

        def ask() -> Release:
            with fresh(number in self._made):
                return self._release_by_id(repository, number)

        return self._read(f"read the release {number} of {repository}", ask)

    def create_draft(self, repository: str, tag: str, *, body: str, prerelease: bool) -> Release:
        """Create a draft. Look for one first: without a failure this makes another."""

        def look() -> Release | None:
            return next(
                (one for one in self.of_tag(repository, tag) if one.draft and mine(one, tag, self.actor())), None
            )

        def send() -> Release:
            made = self._client.repository(repository).create_git_release(
                tag, name=tag, message=body, draft=True, prerelease=prerelease, make_latest="false"
            )
            self._made.add(require_type(int, made.id))
            return of_release(made, made.assets)

        return self._write(f"create a draft for {tag} in {repository}", send, look)

    def edit(self, repository: str, release: Release, *, body: str, prerelease: bool) -> Release:
        """Set the body and the flags of a draft, or of a published release that is filled."""

        def look() -> Release | None:
            found = self.release(repository, release.id)
            same = (found.body.rstrip(), found.prerelease) == (body.rstrip(), prerelease)
            return found if same else None

        def send() -> Release:
            # Neither title nor `draft` is sent: a person may have set either since it was read.
            path = f"/repos/{repository}/releases/{release.id}"
            made = self._client.change(path, GitRelease, tag_name=release.tag, body=body, prerelease=prerelease)
            return of_release(made, made.assets)

        return self._write(f"edit the release {release.id} of {repository}", send, look)

    def publish(self, repository: str, release: Release, *, latest: bool) -> Release:
        """Flip the draft. Irreversible."""

        def look() -> Release | None:
            found = self.release(repository, release.id)
            return None if found.draft else found

        def send() -> Release:
            made = self._client.release(repository, release.id).update_release(
                release.name,
                release.body,
                draft=False,
                prerelease=release.prerelease,
                tag_name=release.tag,
                make_latest="true" if latest else "false",
            )
            return of_release(made, made.assets)

        return self._write(f"publish the release {release.tag} of {repository}", send, look)

    def upload(self, repository: str, release: Release, path: Path, *, sha256: str) -> Asset:
        """Send one file; return what the server says that it has, under this name.

        An earlier sending that was never finished is replaced. A finished file is never deleted, whatever its bytes.

        Raises:
            Refused: It is no regular file.
            VerificationFailed: Its bytes are not those of ``sha256``; the server has not got them.
        """
        url = f"{UPLOADS}/repos/{repository}/releases/{release.id}/assets?name={quote(path.name, safe='')}"

        def look() -> Asset | None:
            found = next(
                (asset for asset in self.release(repository, release.id).assets if asset.name == path.name), None
            )
            if found is None or found.state == "uploaded":
                return found
            self.delete_asset(repository, found)
            return None

        def send() -> Asset:
            try:
                with fresh(release.id in self._made):
                    answer = self._transfers.send(url, path, sha256=sha256)
                return of_asset(self._client.github.create_from_raw_data(GitReleaseAsset, answer))
            except requests.HTTPError as error:
                if error.response.status_code == _INVALID and "already_exists" in str(error):
                    raise refusals.taken_name(path.name) from error
                raise

        return self._write(f"upload {path.name} to {repository}", send, look)

    def delete_asset(self, repository: str, asset: Asset) -> None:
        """Delete an asset of our own draft; it may be gone."""
        path = f"/repos/{repository}/releases/assets/{asset.id}"
        self._write(f"delete {asset.name} from {repository}", lambda: self._client.delete(path), lambda: None)

    def delete_draft(self, repository: str, release: Release) -> bool:
        """Delete an empty draft of our own; tell whether it is gone.

        It is read again before: a listing that lags shows as an empty draft what was filled, or published, since.
        """
        path = f"/repos/{repository}/releases/{release.id}"

        def send() -> bool:
            found = or_none(lambda: self._release_by_id(repository, release.id))
            if found is not None and (not found.draft or found.assets):
                return False
            self._made.discard(release.id)
            return self._client.delete(path)

        return self._write(f"delete the draft {release.id} of {repository}", send, lambda: None)

    def download(self, repository: str, asset: Asset, path: Path) -> str:
        """Fetch one asset into ``path``: streamed, hashed, and put in place when it is whole; return its sha256.

        Raises:
            VerificationFailed: Its size or its digest is not what the server's listing says.
        """
        url = f"{actions.API}/repos/{repository}/releases/assets/{asset.id}"
        return self._read(
            f"download {asset.name} from {repository}",
            lambda: self._transfers.fetch(url, path, size=asset.size, sha256=asset.sha256),
        )

    def _list_releases(self, repository: str) -> Iterator[GitRelease]:
        self._client.repository(repository)
        return self._client.pages(f"/repos/{repository}/releases", GitRelease)

    def _release_by_id(self, repository: str, number: int) -> Release:
        return self._whole(repository, self._client.release(repository, number).complete())

    def _whole(self, repository: str, found: GitRelease) -> Release:
        """Return a release with all of its assets: those in its own answer may be a part of them."""
        number = require_type(int, found.id)
        return of_release(found, self._client.pages(f"/repos/{repository}/releases/{number}/assets", GitReleaseAsset))

    def _read(self, doing: str, ask: Callable[[], T]) -> T:
        def bordered() -> T:
            with border(doing):
                return ask()

        return self._retry.read(bordered)

    def _write(self, doing: str, send: Callable[[], T], look: Callable[[], T | None]) -> T:
        def paced() -> T:
            with self.pace.turn(), border(doing):
                return send()

        return self._retry.write(paced, look)
