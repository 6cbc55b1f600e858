"""GitHub, through PyGithub: repositories, tags, releases and assets. The only importer of ``github``.

Writes are sent once: PyGithub's own retry would create a draft twice (measured).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import requests
from github import Auth, Github, GithubException, RateLimitExceededException

from tagseal.errors import ServiceError, TagsealError
from tagseal.records import Asset
from tagseal.services import actions, refusals
from tagseal.services.downloads import fetch
from tagseal.services.files import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from github.GitRelease import GitRelease
    from github.GitReleaseAsset import GitReleaseAsset
    from github.Repository import Repository

T = TypeVar("T")

BOT = "github-actions[bot]"
TIMEOUT = 60
"""Seconds without an answer."""
_FORBIDDEN, _NOT_FOUND = 403, 404


def marker(tag: str) -> str:
    """Return the last line of a body that is ours."""
    return f"<!-- tagseal: {tag} -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as the server has it now."""

    id: int
    tag: str
    url: str
    draft: bool
    prerelease: bool
    body: str
    """With ``\\n`` for line ends."""
    author: str
    assets: tuple[Asset, ...]
    published_at: str
    """ISO 8601, UTC; empty for a draft."""


class GitHub:
    """What the steps ask of GitHub, with one token.

    Every method raises a TagsealError for whatever goes wrong: UsageError for a token that may not, ServiceError
    for a service that does not answer.
    """

    def __init__(self, token: str, api: str = actions.API) -> None:
        """Prepare; nothing is asked yet. An empty token reads public repositories only."""
        self._token = token
        self._client = Github(
            base_url=api,
            auth=Auth.Token(token) if token else None,
            retry=None,
            timeout=TIMEOUT,
            per_page=100,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )
        self._repositories: dict[str, Repository] = {}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> GitHub:
        """Take the job's token from its environment."""
        return cls(actions.token(environ), environ.get("GITHUB_API_URL", actions.API).rstrip("/"))

    def private(self, repository: str) -> bool:
        """Tell whether only its members may see the repository."""
        with _border(f"read the repository {repository}"):
            return _typed(bool, self._repository(repository).private)

    def tag_commit(self, repository: str, tag: str) -> str | None:
        """Return the commit that the remote tag names, peeled of all its tag objects; None without such a tag."""
        with _border(f"read the tag {tag} of {repository}"):
            try:
                target = self._repository(repository).get_git_ref(f"tags/{tag}").object
                while target.type == "tag":
                    target = self._repository(repository).get_git_tag(target.sha).object
            except GithubException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise
            return _typed(str, target.sha)

    def actor(self) -> str:
        """Return the login that this token writes as; an Actions token may not ask, and is the bot."""
        with _border("read the token's user"):
            try:
                return _typed(str, self._client.get_user().login)
            except GithubException as error:
                if error.status == _FORBIDDEN and not isinstance(error, RateLimitExceededException):
                    return BOT
                raise

    def releases(self, repository: str) -> Iterator[Release]:
        """Yield the releases, newest first; drafts among them where the token may push."""
        with _border(f"list the releases of {repository}"):
            for found in self._repository(repository).get_releases():
                yield _release(found)

    def drafts(self, repository: str, tag: str) -> tuple[Release, ...]:
        """Return every draft for this tag, ours or not."""
        return tuple(one for one in self.releases(repository) if one.draft and one.tag == tag)

    def find_draft(self, repository: str, tag: str) -> Release | None:
        """Return our draft for this tag: the marker on the last line, and written by this token's actor."""
        drafts = self.drafts(repository, tag)
        marked = [one for one in drafts if one.body.rstrip().rpartition("\n")[2] == marker(tag)]
        if not marked:
            return None
        actor = self.actor()
        return next((one for one in marked if one.author == actor), None)

    def published(self, repository: str, tag: str) -> Release | None:
        """Return the published release of this tag."""
        with _border(f"read the release {tag} of {repository}"):
            try:
                return _release(self._repository(repository).get_release(tag))
            except GithubException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise

    def release(self, repository: str, number: int) -> Release:
        """Return the release with this id, read now."""
        with _border(f"read the release {number} of {repository}"):
            return _release(self._repository(repository).get_release(number))

    def create_draft(self, repository: str, tag: str, *, body: str, prerelease: bool) -> Release:
        """Create a draft. Look for one first: this is sent once, and makes another."""
        with _border(f"create a draft for {tag} in {repository}"):
            return _release(
                self._repository(repository).create_git_release(
                    tag, name=tag, message=body, draft=True, prerelease=prerelease, make_latest="false"
                )
            )

    def edit(self, repository: str, release: Release, *, body: str, prerelease: bool) -> Release:
        """Set the body and the flags of a draft."""
        with _border(f"edit the draft {release.id} of {repository}"):
            handle = self._repository(repository).get_release(release.id)
            return _release(
                handle.update_release(release.tag, body, draft=True, prerelease=prerelease, tag_name=release.tag)
            )

    def publish(self, repository: str, release: Release, *, latest: bool) -> Release:
        """Flip the draft. Irreversible."""
        with _border(f"publish the release {release.tag} of {repository}"):
            handle = self._repository(repository).get_release(release.id)
            flipped = handle.update_release(
                release.tag,
                release.body,
                draft=False,
                prerelease=release.prerelease,
                tag_name=release.tag,
                make_latest="true" if latest else "false",
            )
            return _release(flipped)

    def upload(self, repository: str, release: Release, path: Path) -> Asset:
        """Send one file, streamed; the answer is compared by the caller.

        Raises:
            Refused: It is no regular file.
        """
        with opened(path) as file, _border(f"upload {path.name} to {repository}"):
            handle = self._repository(repository).get_release(release.id)
            size = os.fstat(file.fileno()).st_size
            # `upload_asset` opens the file itself, and leaves it open when it fails.
            return _asset(handle.upload_asset_from_memory(file, size, path.name, "application/octet-stream"))

    def delete_asset(self, repository: str, release: Release, asset: Asset) -> None:
        """Delete an asset of our own draft."""
        with _border(f"delete {asset.name} from the draft {release.id} of {repository}"):
            handle = self._repository(repository).get_release(release.id)
            for one in handle.get_assets():
                if one.id == asset.id:
                    one.delete_asset()

    def download(self, repository: str, asset: Asset, path: Path) -> None:
        """Fetch one asset into ``path``: streamed, hashed, and put in place when it is whole.

        Raises:
            VerificationFailed: Its size or its digest is not what the server's listing says.
        """
        url = f"{actions.API}/repos/{repository}/releases/assets/{asset.id}"
        with _border(f"download {asset.name} from {repository}"):
            fetch(url, path, token=self._token, size=asset.size, sha256=asset.sha256)

    def _repository(self, name: str) -> Repository:
        if name not in self._repositories:
            self._repositories[name] = self._client.get_repo(name)
        return self._repositories[name]


def _typed(kind: type[T], value: object) -> T:
    """Return a value of an answer if it is there and of its type; PyGithub gives None for what is absent.

    Raises:
        TypeError: It is not.
    """
    if type(value) is not kind:
        raise TypeError(f"got {type(value).__name__}, expected {kind.__name__}")
    return value


def _release(found: GitRelease) -> Release:
    return Release(
        id=_typed(int, found.id),
        tag=_typed(str, found.tag_name),
        url=_typed(str, found.html_url),
        draft=_typed(bool, found.draft),
        prerelease=_typed(bool, found.prerelease),
        body=(found.body or "").replace("\r\n", "\n"),
        author=str(getattr(found.author, "login", "")),
        assets=tuple(sorted((_asset(one) for one in found.assets), key=lambda one: one.name)),
        published_at="" if found.draft else found.published_at.isoformat(),
    )


def _asset(found: GitReleaseAsset) -> Asset:
    return Asset(
        id=_typed(int, found.id),
        name=_typed(str, found.name),
        size=_typed(int, found.size),
        sha256=(found.digest or "").removeprefix("sha256:"),
    )


@contextmanager
def _border(doing: str) -> Iterator[None]:
    """Turn whatever PyGithub and requests raise into one of our errors, with the server's own words."""
    try:
        yield
    except TagsealError:
        raise
    except GithubException as error:
        raise refusals.translated(doing, error.status, refusals.words(error.data)) from error
    except requests.HTTPError as error:
        raise refusals.translated(doing, error.response.status_code, refusals.shown(str(error))) from error
    except requests.RequestException as error:
        raise ServiceError(
            f"GitHub did not answer: could not {doing}",
            context=(refusals.shown(str(error)),),
            hint="Run the same command again; it resumes.",
            slug="github-unreachable",
        ) from error
    except OSError:  # a file of ours
        raise
    except Exception as error:  # PyGithub lets through whatever an answer of another form makes of its code
        raise ServiceError(
            f"GitHub's answer is not one of its API: could not {doing}",
            context=(refusals.shown(f"{type(error).__name__}: {error}"),),
            hint="Run the same command again. If it persists, look at who answers for GitHub on this network.",
            slug="github-garbled",
        ) from error
