"""PyGithub, so that it fits: a client for each thread, without its retries, throttle, redirects of writes, and pages.

1. Its own retry would create a draft twice (measured): it is off.
2. It follows redirects of writes: before anything else, a repository has answered by its own name.
3. It takes a listing's answer without a list for an empty listing: pages are asked for here.
4. It is for one thread: each gets its own.
5. Its requests count silence only: each gets a deadline, and each answer a bound (``services.transport``).
6. It is lazy: a handle costs no request. Of a handle that was not completed it makes values up, from its own URL
   (a release's tag is then the last part of it: measured); whoever reads one completes it first.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from github import Auth, Github, GithubException
from github.Requester import HTTPSRequestsConnectionClass

from tagseal.names import excerpt
from tagseal.services.github import refusals
from tagseal.services.github.releases import require_type
from tagseal.services.transport import Adapter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from github.GitRelease import GitRelease
    from github.GitReleaseAsset import GitReleaseAsset
    from github.Repository import Repository

    K = TypeVar("K", GitRelease, GitReleaseAsset)

PAGES = 100
"""Pages of a listing that are read: ten thousand releases."""
_PAGE = 100
_GONE, _NOT_FOUND = 204, 404


class _GitHubConnection(HTTPSRequestsConnectionClass):
    """PyGithub's connection, with requests that end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as the library has it
        super().__init__(*arguments, **options)
        Adapter((options["timeout"], options["timeout"])).on(self.session)


class GitHubClient:
    """The API with one token, from any thread; it raises what PyGithub and requests raise."""

    def __init__(self, token: str, api: str, timeout: int) -> None:
        """Prepare; nothing is asked yet."""
        self._token, self._api, self._timeout = token, api, timeout
        self._threads = threading.local()
        self._known: set[str] = set()

    @property
    def github(self) -> Github:
        """This thread's client."""
        if not hasattr(self._threads, "github"):
            self._threads.github = made = Github(
                base_url=self._api,
                auth=Auth.Token(self._token) if self._token else None,
                retry=None,
                timeout=self._timeout,
                seconds_between_requests=0,
                seconds_between_writes=0,
                lazy=True,
            )
            # The one private name that is used here (decision 17): PyGithub makes sessions of its own.
            made.requester._Requester__connectionClass = _GitHubConnection  # type: ignore[attr-defined]  # noqa: SLF001
        client: Github = self._threads.github
        return client

    def repository(self, name: str) -> Repository:
        """Return a handle on the repository, which has answered by this very name once.

        Raises:
            UsageError: It has another name now.
        """
        handle = self.github.get_repo(name)
        if name not in self._known:
            found = require_type(str, handle.complete().full_name)
            if found.lower() != name.lower():
                raise refusals.renamed_repository(f"use the repository {name}", excerpt(found))
            self._known.add(name)
        return handle

    def release(self, repository: str, number: int) -> GitRelease:
        """Return a handle on the release with this id."""
        return self.repository(repository).get_release(number)

    def pages(self, path: str, kind: type[K]) -> Iterator[K]:
        """Yield what a listing shows, a request a page."""
        for number in range(1, PAGES + 1):
            asked = {"per_page": str(_PAGE), "page": str(number)}
            headers, found = self.github.requester.requestJsonAndCheck("GET", path, parameters=asked)
            for one in require_type(list, found):
                yield self.github.create_from_raw_data(kind, one)
            if 'rel="next"' not in str(headers.get("link", "")):
                return

    def change(self, path: str, kind: type[K], **fields: object) -> K:
        """Set these fields of what is at this path, and no other; PyGithub would send the rest as it once was."""
        headers, found = self.github.requester.requestJsonAndCheck("PATCH", path, input=fields)
        return self.github.create_from_raw_data(kind, require_type(dict, found), headers)

    def delete(self, path: str) -> bool:
        """Delete what is at this path; it may be gone."""
        status, headers, said = self.github.requester.requestJson("DELETE", path)
        if status in {_GONE, _NOT_FOUND}:
            return True
        raise GithubException(status, {"message": str(said)}, headers)
