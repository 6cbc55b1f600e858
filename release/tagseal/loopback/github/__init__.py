"""GitHub, played: repositories, tags, releases, assets, uploads, downloads, the GraphQL of gh, and release pages."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagseal.loopback.github import graphql, releases, rest, shapes, uploads
from tagseal.loopback.github.accidents import Accidents
from tagseal.loopback.github.calls import Api, routes
from tagseal.loopback.github.downloads import Objects
from tagseal.loopback.github.pages import Pages, plain
from tagseal.loopback.github.state import ACTIONS_BOT, DOWNLOADS, GitHubState, Grant, PlayedRepository, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from tagseal.loopback.github.state import PlayedRelease

_ROUTES = routes(*rest.TABLE, *releases.TABLE, *graphql.TABLE)
_UPLOAD_ROUTES = routes(*uploads.TABLE)


class PlayedGitHub:
    """A forge with real, mutable behaviour, behind four host names."""

    def __init__(
        self, folder: Path, *, render: Callable[[str], str] = plain, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Keep assets below ``folder``; ``render`` makes safe HTML of notes for the release pages."""
        self._state = GitHubState(folder, now)
        self.accidents = Accidents(self._state)
        self.hosts: Mapping[str, WSGIApplication] = {
            "api.github.com": Api(self._state, _ROUTES),
            "uploads.github.com": Api(self._state, _UPLOAD_ROUTES),
            "github.com": Pages(self._state, render),
            DOWNLOADS: Objects(self._state),
        }

    def add_repository(
        self, name: str, *, private: bool = False, immutable: bool = False, default_branch: str = "main"
    ) -> PlayedRepository:
        """Create ``OWNER/REPO``, with one commit on its default branch; ``immutable`` locks what is published."""
        repository = PlayedRepository(
            id=self._state.next_id(),
            full_name=name,
            private=private,
            immutable=immutable,
            default_branch=default_branch,
        )
        repository.add_branch(default_branch, hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest())
        self._state.add(repository)
        return repository

    def rename(self, repository: PlayedRepository, name: str) -> None:
        """Give a repository another name; requests for the old one are redirected to its number."""
        with self._state.lock:
            self._state.rename(repository, name)

    def token(self, *, scopes: Mapping[str, str], repository: str | None = None, actor: str = ACTIONS_BOT) -> str:
        """Return a new token; ``scopes`` is spelled as ``permissions:`` in a workflow."""
        kind = "ghs" if actor.endswith("[bot]") else "ghp"
        token = f"{kind}_{secrets.token_hex(18)}"
        grant = Grant(actor=self._state.account(actor), scopes=dict(scopes), repository=repository)
        with self._state.lock:
            self._state.grants[token] = grant
        return token

    def packages(self, token: str, package: str = "") -> Mapping[str, str] | None:
        """Return what a token may do with a package, ``OWNER/…``; None for a token that nobody knows.

        A job's token reaches its repository's owner's packages, and no others.
        """
        with self._state.lock:
            grant = self._state.grants.get(token)
        if grant is None:
            return None
        owner = (grant.repository or package).partition("/")[0].lower()
        return grant.scopes if owner == package.partition("/")[0].lower() else {}

    def account(self, token: str, level: str, *, refused: bool) -> None:
        """Remember that a registry was asked for this level of ``packages`` with a token."""
        with self._state.lock:
            grant = self._state.grants.get(token)
        if grant is not None:
            grant.account("packages", level, refused=refused)

    def permissions_asked(self, token: str) -> Mapping[tuple[str, str], bool]:
        """Return every scope and level that requests with a token took, and whether it had them."""
        with self._state.lock:
            return dict(self._state.grants[token].asked)

    def may_read(self, token: str, repository: PlayedRepository) -> bool:
        """Tell whether git may fetch the repository with a token, which counts as asked."""
        with self._state.lock:
            grant = self._state.grants[token]
        allowed = not repository.private or grant.may("contents", "read", repository)
        grant.account("contents", "read", refused=not allowed)
        return allowed

    def revoke(self, token: str) -> None:
        """Forget a token, as the end of its job does."""
        with self._state.lock:
            self._state.grants.pop(token, None)

    def dump(self, folder: Path) -> None:
        """Write every release below ``folder``: ``OWNER/REPO/TAG/release.json`` and the assets beside it.

        A draft's folder is named as in its address, ``untagged-…``.
        """
        with self._state.lock:
            for repository in self._state.repositories:
                for release in repository.releases:
                    self.dump_release(repository, release, folder / repository.full_name / quote(release.slug, safe=""))

    def dump_release(self, repository: PlayedRepository, release: PlayedRelease, folder: Path) -> None:
        """Write ``release.json``, as the REST API shows it, and ``assets/``."""
        (folder / "assets").mkdir(parents=True, exist_ok=True)
        shape = shapes.release(repository, release)
        (folder / "release.json").write_text(json.dumps(shape, indent=2) + "\n", encoding="utf-8")
        for asset in release.assets:
            shutil.copyfile(asset.path, folder / "assets" / asset.name)
