"""uploads.github.com: https://docs.github.com/rest/releases/assets#upload-a-release-asset.

An asset exists in the state ``starter`` from the first byte on; when the connection breaks it stays so.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from tagseal.loopback.github import shapes
from tagseal.loopback.github.calls import invalid, problem
from tagseal.loopback.github.state import PlayedAsset
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Response

    from tagseal.loopback.github.calls import ApiCall, Endpoint
    from tagseal.loopback.github.state import PlayedRelease

MOST_ASSETS = 1000
MOST_BYTES = 2**31

_BLOCK = 1 << 16


def server_name(name: str) -> str:
    """Return what the server calls a file: other characters become periods, periods at the ends go."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._+-]", ".", plain)).strip(".")
    stem, dot, extension = name.rpartition(".")
    named = re.search(r"[A-Za-z0-9]", unicodedata.normalize("NFKD", stem or name)) is not None
    return kept if named or not dot else f"default.{extension}"


def upload(call: ApiCall, owner: str, repo: str, number: int) -> Response:
    """``POST …/releases/ID/assets?name=…``: the body is the file."""
    found = call.repository(owner, repo)
    release = call.release(found, number)
    call.need("contents", "write", found)
    asset = _begin(call, release)
    digest = hashlib.sha256()
    with asset.path.open("wb") as file:
        while block := call.request.stream.read(_BLOCK):
            digest.update(block)
            asset.size += file.write(block)
    if asset.size != call.request.content_length:
        raise problem(502, "Bad Gateway")
    with call.state.lock:
        asset.sha256, asset.state = digest.hexdigest(), "uploaded"
    return answer(shapes.asset(found, release, asset), 201)


def _begin(call: ApiCall, release: PlayedRelease) -> PlayedAsset:
    """Check in the server's order, and reserve the name."""
    size = call.request.content_length
    if not size:
        raise problem(400, "Bad Content-Length: ")
    if release.immutable:
        raise problem(422, "Cannot upload assets to an immutable release.")
    if not (asked := call.request.args.get("name", "")):
        raise invalid("ReleaseAsset", "name", "missing_field")
    if size >= MOST_BYTES:
        raise invalid("ReleaseAsset", "size", "custom", f"size must be less than {MOST_BYTES}")
    if call.grant is None:
        raise problem(401, "Requires authentication")
    name = server_name(asked)
    with call.state.lock:
        if len(release.assets) >= MOST_ASSETS:
            message = f"file_count limited to {MOST_ASSETS} assets per release"
            raise invalid("ReleaseAsset", "file_count", "custom", message)
        if any(asset.name == name for asset in release.assets):
            raise invalid("ReleaseAsset", "name", "already_exists")
        identifier = call.state.next_id()
        asset = PlayedAsset(
            id=identifier,
            name=name,
            label=call.request.args.get("label", ""),
            content_type=call.request.mimetype or "application/octet-stream",
            path=call.state.folder / str(identifier),
            uploader=call.grant.actor,
            created_at=call.state.now(),
        )
        asset.path.touch()
        release.assets.append(asset)
    return asset


TABLE: tuple[tuple[str, str, Endpoint], ...] = (("POST", "/repos/<owner>/<repo>/releases/<int:number>/assets", upload),)
