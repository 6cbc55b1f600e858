"""Where GHCR's blobs come from: another host, at signed addresses, which must not see the registry's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.routing import Map, Rule

from tagseal.loopback.registry.blobs import DIGEST
from tagseal.loopback.service import Service
from tagseal.loopback.signed import Addresses, Refusal, answer_with_file, refuse_as_xml

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug import Request, Response
    from werkzeug.exceptions import HTTPException

    from tagseal.loopback.registry.blobs import Blobs

HOST = "pkg-containers.githubusercontent.com"


class Storage(Service):
    """Hand out blobs, whole or in ranges."""

    routes = Map([Rule("/ghcr1/blobs/<digest>", methods=["GET"], endpoint="_bytes")])

    def __init__(self, blobs: Blobs, clock: Callable[[], float]) -> None:
        """Serve these blobs; ``clock`` counts seconds."""
        self._blobs = blobs
        self._addresses = Addresses(HOST, clock)

    def address(self, digest: str) -> str:
        """Return where the blob can be fetched for a while."""
        return self._addresses.of(f"/ghcr1/blobs/{digest}")

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal as object stores do."""
        return refuse_as_xml(error)

    def _bytes(self, request: Request, digest: str) -> Response:
        self._addresses.check(request)
        if DIGEST.fullmatch(digest) is None or not self._blobs.path(digest).exists():
            raise Refusal(404, "The object does not exist.")
        return answer_with_file(request, self._blobs.path(digest), media_type="application/octet-stream", etag=digest)
