"""Pulling and deleting blobs: OCI distribution 1.1, "Pulling blobs" and "Deleting Blobs"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug import Response
from werkzeug.utils import redirect

from tagseal.loopback.registry.calls import problem, valid_digest
from tagseal.loopback.signed import answer_with_file

if TYPE_CHECKING:
    from tagseal.loopback.registry.calls import Endpoint, RegistryCall


def blob(call: RegistryCall, name: str, digest: str) -> Response:
    """``GET`` and ``HEAD …/blobs/DIGEST``: whole, or the range that is asked for, maybe elsewhere."""
    found = call.to_pull(name)
    if valid_digest(digest) not in found.blobs:
        raise _unknown(digest)
    if call.state.storage and call.request.method == "GET":
        return redirect(call.state.storage.address(digest), 307)
    path = call.state.blobs.path(digest)
    response = answer_with_file(call.request, path, media_type="application/octet-stream", etag=digest)
    response.headers["Docker-Content-Digest"] = digest
    return response


def delete(call: RegistryCall, name: str, digest: str) -> Response:
    """``DELETE …/blobs/DIGEST``: other repositories keep theirs."""
    found = call.to_push(name)
    if valid_digest(digest) not in found.blobs:
        raise _unknown(digest)
    call.state.forget(found, digest)
    return Response(status=202)


def _unknown(digest: str) -> Exception:
    return problem(404, "BLOB_UNKNOWN", "blob unknown to registry", detail={"digest": digest})


TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v2/<path:name>/blobs/<digest>", blob),
    ("DELETE", "/v2/<path:name>/blobs/<digest>", delete),
)
