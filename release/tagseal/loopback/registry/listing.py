"""What a repository holds: OCI distribution 1.1, "Content Discovery"."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tagseal.loopback.registry.calls import problem, valid_digest
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Response

    from tagseal.loopback.registry.calls import Endpoint, RegistryCall

INDEX = "application/vnd.oci.image.index.v1+json"

_PAGE = 1000
"""How many tags a page has at most."""


def version(call: RegistryCall) -> Response:
    """``GET /v2/``: that this is a registry, to whoever has a token."""
    call.require_token()
    return answer({})


def tags(call: RegistryCall, name: str) -> Response:
    """``GET …/tags/list?n=&last=``: in ASCII order, a page at a time, with a link to the next."""
    found = call.to_pull(name)
    size, last = call.request.args.get("n", _PAGE, int), call.request.args.get("last", "")
    if size < 0:
        raise problem(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    with call.state.lock:
        rest = sorted(tag for tag in found.tags if tag > last)
    page = rest[: min(size, _PAGE)]
    headers = {}
    if page and len(page) < len(rest):
        query = urlencode({"last": page[-1], "n": len(page)})
        headers["Link"] = f'</v2/{name}/tags/list?{query}>; rel="next"'
    return answer({"name": name, "tags": page}, headers=headers)


def referrers(call: RegistryCall, name: str, digest: str) -> Response:
    """``GET …/referrers/DIGEST?artifactType=``: what is about this manifest, which need not be there."""
    if not call.state.rules.referrers:
        raise problem(404, "NOT_FOUND", "404 page not found")
    found = call.repository_to_pull(name)
    wanted = call.request.args.get("artifactType")
    with call.state.lock:
        manifests = found.manifests.values() if found else ()
        about = [manifest for manifest in manifests if manifest.subject == valid_digest(digest)]
    listed = [one.descriptor for one in about if wanted in {None, one.artifact_type}]
    response = answer({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    response.content_type = INDEX
    if wanted is not None:
        response.headers["OCI-Filters-Applied"] = "artifactType"
    return response


TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v2/", version),
    ("GET", "/v2/<path:name>/tags/list", tags),
    ("GET", "/v2/<path:name>/referrers/<digest>", referrers),
)
