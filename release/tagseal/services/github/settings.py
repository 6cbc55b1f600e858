"""Settings of a repository that a person with a token of their own may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from github import GithubException

from tagseal.machine import actions
from tagseal.services.github.border import border
from tagseal.services.github.client import GitHubClient
from tagseal.services.github.transfers import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_TOLD = (401, 403, 404)


def immutable(repository: str, environ: Mapping[str, str]) -> bool | None:
    """Tell whether published releases are locked; None where this token is not told, as a job's never is.

    Raises:
        ServiceError: GitHub did not answer.
    """
    client = GitHubClient(actions.token(environ), actions.api(environ), TIMEOUT)
    with border(f"read the settings of {repository}"):
        try:
            _, data = client.github.requester.requestJsonAndCheck("GET", f"/repos/{repository}/immutable-releases")
        except GithubException as error:
            if error.status in _NOT_TOLD:
                return None
            raise
    return isinstance(data, dict) and data.get("enabled") is True
