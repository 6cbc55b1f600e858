"""The list of what refers to an image: read from the API or from the index at its fallback tag, and added to there.

Source: OCI distribution 1.1, "Listing Referrers" and "Referrers Tag Schema".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from requests.utils import parse_header_links

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDEX = "application/vnd.oci.image.index.v1+json"
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """What an index says of a manifest; every word is the registry's, or a stranger's."""

    media_type: str
    sha256: str
    size: int
    """Bytes."""
    artifact_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)


def tag(sha256: str) -> str:
    """Return the fallback tag of the image with this digest."""
    return f"sha256-{sha256}"


def hexadecimal(digest: object) -> str:
    """Return the digits of ``sha256:…``; an empty string for any other digest."""
    found = _SHA256.fullmatch(digest) if isinstance(digest, str) else None
    return found[1] if found else ""


def entries(content: bytes) -> list[dict[str, Any]]:
    """Return the entries of an index.

    Raises:
        ValueError: It is none.
    """
    index = _object(content)
    found = index.get("manifests")
    # An image's manifest may lie at the tag: appending to that would make another thing of it.
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("got something else than an index of manifests")
    return found


def read_descriptor(entry: Mapping[str, Any]) -> Referrer | None:
    """Return an entry as a value; None for one that is not of that form, or has another kind of digest."""
    sha256, size, annotations = hexadecimal(entry.get("digest")), entry.get("size"), entry.get("annotations")
    media_type, artifact_type = entry.get("mediaType"), entry.get("artifactType") or ""
    if not (sha256 and isinstance(size, int) and isinstance(media_type, str) and isinstance(artifact_type, str)):
        return None
    kept = annotations if isinstance(annotations, dict) else {}
    return Referrer(
        media_type=media_type,
        sha256=sha256,
        size=size,
        artifact_type=artifact_type,
        annotations={key: value for key, value in kept.items() if isinstance(value, str)},
    )


def entry(content: bytes, media_type: str, sha256: str) -> dict[str, Any]:
    """Return the entry for a manifest with these bytes and this digest."""
    manifest = _object(content)
    config = manifest.get("config")
    kind = manifest.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
    made: dict[str, Any] = {"mediaType": media_type, "digest": f"sha256:{sha256}", "size": len(content)}
    return (
        made
        | ({"artifactType": kind} if kind else {})
        | ({"annotations": manifest["annotations"]} if manifest.get("annotations") else {})
    )


def following(header: str) -> str:
    """Return where the next page is, as ``Link`` says (RFC 8288); an empty string for none."""
    for one in parse_header_links(header) if header else ():
        if one.get("rel") == "next":
            return str(one["url"])
    return ""


def subject(content: bytes) -> str:
    """Return the digits of the digest that a manifest refers to; an empty string where there is none."""
    found = _object(content).get("subject")
    return hexadecimal(found.get("digest")) if isinstance(found, dict) else ""


def append(content: bytes | None, wanted: Sequence[dict[str, Any]]) -> bytes | None:
    """Return an index with these entries besides its own; None where it has all of them.

    Raises:
        ValueError: What is there is no index.
    """
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    if content is not None:
        index = _object(content) | {"manifests": entries(content)}
    known = {one.get("digest") for one in index["manifests"]}
    missing = [one for one in wanted if one.get("digest") not in known]
    if not missing:
        return None
    return json.dumps(index | {"manifests": [*index["manifests"], *missing]}, separators=(",", ":")).encode()


def _object(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("got something else than an object")  # noqa: TRY004 - what is wrong is the document
    return found
