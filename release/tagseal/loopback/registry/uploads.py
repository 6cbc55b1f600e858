"""Pushing blobs: OCI distribution 1.1, "Pushing blobs".

1. POST opens a session (202, Location), takes the whole blob (``?digest=``), or mounts another repository's.
2. PATCH appends a chunk: 202, or 416 where it does not begin at the byte that is expected next. GET tells how far.
3. PUT with ``?digest=`` appends what it carries, compares, and makes a blob of it: 201. The session is over then,
   also after another digest: 404 ``BLOB_UPLOAD_UNKNOWN`` to whoever asks again, as GHCR answers.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug import Response

from tagseal.loopback.registry.calls import problem, valid_digest, valid_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.loopback.registry.blobs import Upload
    from tagseal.loopback.registry.calls import Endpoint, RegistryCall
    from tagseal.loopback.registry.state import ImageRepository

_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/\S+)?", re.ASCII)


def begin(call: RegistryCall, name: str) -> Response:
    """``POST …/blobs/uploads/``."""
    found = call.to_push(name)
    if mounted := call.request.args.get("mount"):
        if _mounts(call, found, mounted, call.request.args.get("from")):
            return _answer_created(call, found, mounted)
    elif "digest" in call.request.args:
        valid_digest(call.request.args["digest"])
        upload = call.state.begin(name)
        try:
            return _finish(call, found, upload)
        finally:
            call.state.drop(upload)
    upload = call.state.begin(name)
    return Response(status=202, headers=_progress(call, upload))


def status(call: RegistryCall, name: str, session: str) -> Response:
    """``GET …/blobs/uploads/SESSION``: how many bytes are there."""
    call.to_push(name)
    return Response(status=204, headers=_progress(call, _session(call, name, session)))


def append(call: RegistryCall, name: str, session: str) -> Response:
    """``PATCH …/blobs/uploads/SESSION``: one chunk, or all of it as a stream."""
    call.to_push(name)
    with _hold(call, name, session) as upload:
        _receive(call, upload)
        return Response(status=202, headers=_progress(call, upload))


def finish(call: RegistryCall, name: str, session: str) -> Response:
    """``PUT …/blobs/uploads/SESSION?digest=``: the last chunk, which may be empty."""
    found = call.to_push(name)
    with _hold(call, name, session) as upload:
        return _finish(call, found, upload)


def cancel(call: RegistryCall, name: str, session: str) -> Response:
    """``DELETE …/blobs/uploads/SESSION``."""
    call.to_push(name)
    with _hold(call, name, session) as upload:
        call.state.drop(upload)
        return Response(status=204)


def _session(call: RegistryCall, name: str, session: str) -> Upload:
    with call.state.lock:
        upload = call.state.uploads.get(session)
    if upload is None or upload.repository != name or call.request.args.get("_state") != upload.state:
        raise problem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return upload


@contextmanager
def _hold(call: RegistryCall, name: str, session: str) -> Iterator[Upload]:
    """Let nobody else append: of two that finish a session, the second finds none."""
    upload = _session(call, name, session)
    with upload.lock:
        yield _session(call, name, session)


def _receive(call: RegistryCall, upload: Upload) -> None:
    """Append the body if it begins where the last one ended, and is as long as it says."""
    length = call.request.content_length
    if said := call.request.headers.get("Content-Range"):
        span = _RANGE.fullmatch(said)
        first, last = (int(span[1]), int(span[2])) if span else (-1, -2)
        if first != upload.size or last < first or (length is not None and length != last - first + 1):
            message = f"got the range {said[:60]}, expected one from {upload.size}"
            raise problem(416, "BLOB_UPLOAD_INVALID", message, headers=_progress(call, upload))
        length = last - first + 1
    came = upload.append(call.request.stream)
    if length is not None and came != length:
        raise problem(400, "SIZE_INVALID", f"got {came} bytes, expected {length}", headers=_progress(call, upload))


def _finish(call: RegistryCall, found: ImageRepository, upload: Upload) -> Response:
    digest = valid_digest(call.request.args.get("digest", ""))
    _receive(call, upload)
    actual = upload.digest(digest.partition(":")[0])
    if actual != digest:
        call.state.drop(upload)
        raise problem(
            400, "DIGEST_INVALID", "provided digest did not match uploaded content", detail={"digest": digest}
        )
    with call.state.lock:
        call.state.blobs.keep(upload, digest)
        found.blobs.add(digest)
        call.state.drop(upload)
    return _answer_created(call, found, digest)


def _mounts(call: RegistryCall, found: ImageRepository, digest: str, source: str | None) -> bool:
    """Take another repository's blob, if the caller may pull it there; without a source, any such one's."""
    valid_digest(digest)
    names = [valid_name(source)] if source else sorted(call.state.repositories)
    with call.state.lock:
        for name in names:
            other = call.state.repositories.get(name)
            if other and digest in other.blobs and (not other.private or call.may(name, "pull")):
                found.blobs.add(digest)
                return True
    return False


def _answer_created(call: RegistryCall, found: ImageRepository, digest: str) -> Response:
    headers = {"Location": call.address(f"v2/{found.name}/blobs/{digest}"), "Docker-Content-Digest": digest}
    return Response(status=201, headers=headers)


def _progress(call: RegistryCall, upload: Upload) -> dict[str, str]:
    where = f"v2/{upload.repository}/blobs/uploads/{upload.id}?_state={quote(upload.state)}"
    return {
        "Location": call.address(where),
        "Range": f"0-{max(0, upload.size - 1)}",
        "Docker-Upload-UUID": upload.id,
    }


_SESSION = "/v2/<path:name>/blobs/uploads/<session>"

TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/v2/<path:name>/blobs/uploads/", begin),
    ("GET", _SESSION, status),
    ("PATCH", _SESSION, append),
    ("PUT", _SESSION, finish),
    ("DELETE", _SESSION, cancel),
)
