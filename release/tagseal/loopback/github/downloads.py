"""The host that assets' bytes come from: addresses are signed and expire, and a token is refused there."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service
from tagseal.loopback.signed import Refusal, answer_with_file, refuse_as_xml

if TYPE_CHECKING:
    from werkzeug import Request, Response
    from werkzeug.exceptions import HTTPException

    from tagseal.loopback.github.state import GitHubState, PlayedAsset, PlayedRepository

_RULE = "/github-production-release-asset/<int:repository>/<int:asset>"


def sign_address(state: GitHubState, repository: PlayedRepository, asset: PlayedAsset) -> str:
    """Return an address at which anybody can fetch the asset for a while."""
    return state.downloads.of(f"/github-production-release-asset/{repository.id}/{asset.id}")


class Objects(Service):
    """Hand out the bytes of one asset, whole or in ranges."""

    routes = Map([Rule(_RULE, methods=["GET"], endpoint="_bytes")])

    def __init__(self, state: GitHubState) -> None:
        """Serve what the state holds."""
        self._state = state

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal as object stores do."""
        return refuse_as_xml(error)

    def _bytes(self, request: Request, repository: int, asset: int) -> Response:
        self._state.downloads.check(request)
        found = self._find(repository, asset)
        name = PurePosixPath(found.name).name
        return answer_with_file(request, found.path, media_type=found.content_type, etag=found.sha256, name=name)

    def _find(self, repository: int, number: int) -> PlayedAsset:
        with self._state.lock:
            for within in self._state.repositories:
                for release in within.releases if within.id == repository else ():
                    for asset in release.assets:
                        if asset.id == number:
                            asset.downloads += 1
                            return asset
        raise Refusal(404, "The object does not exist.")
