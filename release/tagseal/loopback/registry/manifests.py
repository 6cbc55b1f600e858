"""Manifests and indexes: OCI distribution 1.1, "Pushing Manifests", "Pulling manifests", "Deleting Manifests"."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, ValidationError
from werkzeug import Response

from tagseal.loopback.registry.blobs import DIGEST
from tagseal.loopback.registry.calls import problem, valid_digest
from tagseal.loopback.registry.state import PushedManifest
from tagseal.names import IMAGE_TAG

if TYPE_CHECKING:
    from tagseal.loopback.registry.calls import Endpoint, RegistryCall
    from tagseal.loopback.registry.state import ImageRepository

MOST_BYTES = 4 << 20
"""What a registry has to take at least, and GHCR at most."""

IMAGES = frozenset(
    {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}
)
INDEXES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)

_BLOCK = 1 << 16
_ELSEWHERE = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")


class _Descriptor(BaseModel):
    media_type: str = Field(alias="mediaType")
    digest: str = Field(pattern=f"^(?:{DIGEST.pattern})$")


class _Shape(BaseModel):
    """What a registry reads of a manifest or an index; Go writes an empty list as null."""

    version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(None, alias="mediaType")
    artifact_type: str | None = Field(None, alias="artifactType")
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


def put(call: RegistryCall, name: str, reference: str) -> Response:
    """``PUT …/manifests/REFERENCE``."""
    found = call.to_push(name)
    pushed, shape = _parse_manifest(_body(call), call.request.mimetype, _reference(reference))
    with call.state.lock:
        _complete(found, shape)
        if ":" not in reference:
            if found.immutable and found.tags.get(reference, pushed.digest) != pushed.digest:
                message = f"The image tag '{reference}' already exists and cannot be overwritten: it is immutable."
                raise problem(400, "TAG_INVALID", message)
            found.tags[reference] = pushed.digest
        found.manifests[pushed.digest] = pushed
    headers = {
        "Location": call.address(f"v2/{name}/manifests/{pushed.digest}"),
        "Docker-Content-Digest": pushed.digest,
    }
    if pushed.subject and call.state.rules.referrers:
        headers["OCI-Subject"] = pushed.subject
    return Response(status=201, headers=headers)


def get(call: RegistryCall, name: str, reference: str) -> Response:
    """``GET`` and ``HEAD …/manifests/REFERENCE``: the bytes as they came."""
    manifest = call.to_pull(name).find(valid_digest(reference) if ":" in reference else reference)
    if manifest is None:
        raise _unknown(reference)
    headers = {"Docker-Content-Digest": manifest.digest, "ETag": f'"{manifest.digest}"'}
    return Response(manifest.content, headers=headers, content_type=manifest.media_type)


def delete(call: RegistryCall, name: str, reference: str) -> Response:
    """``DELETE …/manifests/REFERENCE``: a tag, or a manifest with its tags."""
    found = call.to_push(name)
    with call.state.lock:
        if not found.delete(_reference(reference)):
            raise _unknown(reference)
    return Response(status=202)


def _unknown(reference: str) -> Exception:
    return problem(404, "MANIFEST_UNKNOWN", "manifest unknown", detail={"name": reference})


def _reference(reference: str) -> str:
    if ":" in reference:
        return valid_digest(reference)
    if IMAGE_TAG.fullmatch(reference) is None:
        raise problem(400, "TAG_INVALID", "manifest tag did not match URI")
    return reference


def _body(call: RegistryCall) -> bytes:
    """Return the body, if it is not too large."""
    content = b""
    while block := call.request.stream.read(_BLOCK):
        content += block
        if len(content) > MOST_BYTES:
            raise problem(413, "SIZE_INVALID", f"got a manifest of more than {MOST_BYTES} bytes")
    return content


def _parse_manifest(content: bytes, media_type: str, reference: str) -> tuple[PushedManifest, _Shape]:
    """Return the manifest, if it is one, and the one that the reference names."""
    algorithm = reference.partition(":")[0] if ":" in reference else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    if ":" in reference and digest != reference:
        raise problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    try:
        shape = _Shape.model_validate_json(content)
    except ValidationError as error:
        raise problem(400, "MANIFEST_INVALID", f"manifest invalid: {error.errors()[0]['msg']}") from None
    media_type = media_type or shape.media_type or ""
    if media_type not in IMAGES | INDEXES or shape.media_type not in {None, media_type}:
        raise problem(400, "MANIFEST_INVALID", "manifest invalid: unknown or contradicting media type")
    manifest = PushedManifest(
        content=content,
        digest=digest,
        media_type=media_type,
        artifact_type=shape.artifact_type or (shape.config.media_type if shape.config else ""),
        subject=shape.subject.digest if shape.subject else "",
        annotations=shape.annotations or {},
    )
    return manifest, shape


def _complete(found: ImageRepository, shape: _Shape) -> None:
    """Refuse a manifest that names what is not there; its subject may be missing."""
    layers = [layer for layer in shape.layers or () if not layer.media_type.startswith(_ELSEWHERE)]
    for blob in ([shape.config] if shape.config else []) + layers:
        if blob.digest not in found.blobs:
            raise problem(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail={"digest": blob.digest})
    for manifest in shape.manifests or ():
        if manifest.digest not in found.manifests:
            raise problem(
                404, "MANIFEST_BLOB_UNKNOWN", "manifest unknown to registry", detail={"digest": manifest.digest}
            )


_PATH = "/v2/<path:name>/manifests/<reference>"

TABLE: tuple[tuple[str, str, Endpoint], ...] = (("PUT", _PATH, put), ("GET", _PATH, get), ("DELETE", _PATH, delete))
