"""The documents of an image, parsed once into values: layout, index, manifest and configuration.

Readers of JSON differ: some take the first of two keys, some the last, and Go's takes a key in another case as well. An
image could then be one thing to whoever signs it and another to whoever runs it, so such documents are refused, as are
those that are an index and a manifest at once (GHSA-mc8v-mgrf-8f4m).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.names import show
from tagseal.services.images.layout import failures
from tagseal.services.images.layout.values import INDEX, MANIFEST, UNKNOWN, Descriptor, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE = "vnd.docker.reference"
"""What buildx's annotations of an attestation begin with."""
_ATTESTATION = "attestation-manifest"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}", re.ASCII)
_PLATFORM = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDescriptor:
    """A descriptor with what its document says beside it."""

    descriptor: Descriptor
    platform: Platform | None = None
    kind: str = ""
    """Of buildx's attestations: what it is."""
    about: str = ""
    """Of buildx's attestations: the digest of the manifest that it speaks of."""

    @property
    def attests(self) -> bool:
        """Whether this is an attestation, which no platform pulls."""
        return self.kind == _ATTESTATION


def check_layout(text: bytes) -> None:
    """Check the file that makes a folder a layout.

    Raises:
        VerificationFailed: It is another version's.
    """
    where = "oci-layout"
    version = _field(_table(text, where), "imageLayoutVersion", where)
    if version != "1.0.0":
        raise failures.damage(where, f"says version {show(str(version))}")


def index(text: bytes, where: str) -> tuple[ListedDescriptor, ...]:
    """Return what an index lists, in its order.

    Raises:
        VerificationFailed: It is not what the specification says.
    """
    table = _document(text, where, INDEX, never=("config", "layers"))
    return tuple(
        _listed_descriptor(one, f"{where}: manifests.{number}")
        for number, one in enumerate(_array(table, "manifests", where))
    )


def manifest(text: bytes, where: str) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Return the configuration and the layers that a manifest names.

    Raises:
        VerificationFailed: It is not what the specification says.
    """
    table = _document(text, where, MANIFEST, never=("manifests", "fsLayers"))
    config = _descriptor(_field(table, "config", where), f"{where}: config")
    layers = _array(table, "layers", where)
    return config, tuple(_descriptor(layer, f"{where}: layers.{number}") for number, layer in enumerate(layers))


def configuration(text: bytes, where: str) -> Platform:
    """Return the platform that a configuration is for.

    Raises:
        VerificationFailed: It is not what the specification says.
    """
    return _platform(_table(text, where), where)


def _document(text: bytes, where: str, kind: str, *, never: tuple[str, ...]) -> Mapping[str, Any]:
    table = _table(text, where)
    if (version := _field(table, "schemaVersion", where)) != 2 or version is True:  # noqa: PLR2004 - both documents' only version
        raise failures.damage(where, f"says schemaVersion {show(str(version))}")
    if (own := _field(table, "mediaType", where, kind)) != kind:
        raise failures.damage(where, f"says it is {show(str(own))} and is listed as {kind}")
    if key := next((key for key in table if key.casefold() in {one.casefold() for one in never}), None):
        raise failures.damage(where, f"is a {kind} and has {show(key)} as well")
    return table


def _listed_descriptor(value: object, where: str) -> ListedDescriptor:
    table = _object(value, where)
    platform = _field(table, "platform", where, None)
    annotations = _object(_field(table, "annotations", where, {}), f"{where}.annotations")
    found = ListedDescriptor(
        descriptor=_descriptor(table, where),
        platform=None if platform is None else _platform(_object(platform, where), f"{where}.platform"),
        kind=str(annotations.get(f"{REFERENCE}.type", "")),
        about=str(annotations.get(f"{REFERENCE}.digest", "")),
    )
    # A runtime pulls by platform and heeds no annotation: what is left unsigned must be what none pulls.
    if found.attests != (found.platform is not None and UNKNOWN in {found.platform.os, found.platform.architecture}):
        raise failures.damage(
            where, f"is for {show(str(found.platform))} and {'an' if found.attests else 'no'} attestation"
        )
    return found


def _descriptor(value: object, where: str) -> Descriptor:
    table = _object(value, where)
    kind, digest, size = (_field(table, key, where) for key in ("mediaType", "digest", "size"))
    if not isinstance(kind, str) or _MEDIA_TYPE.fullmatch(kind) is None:
        raise failures.damage(where, f"has the media type {show(str(kind))}")
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise failures.damage(where, f"has the digest {show(str(digest))}, which is no sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise failures.damage(where, f"has the size {show(str(size))}")
    return Descriptor(media_type=kind, size=size, sha256=digest.removeprefix("sha256:"))


def _platform(table: Mapping[str, Any], where: str) -> Platform:
    parts = [_field(table, key, where) for key in ("os", "architecture")]
    parts += [_field(table, key, where, "") for key in ("variant", "os.version")]
    for part in parts:
        if not isinstance(part, str) or (part and _PLATFORM.fullmatch(part) is None):
            raise failures.damage(where, f"names the platform {show(str(part))}")
    if not parts[0] or not parts[1]:
        raise failures.damage(where, "names no operating system or no architecture")
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2], version=parts[3])


def _table(text: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise failures.damage(where, f"does not read as JSON ({show(str(error))[1:-1]})") from error
    return _object(value, where)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise failures.damage(where, "is no JSON object")
    return value


def _array(table: Mapping[str, Any], key: str, where: str) -> list[object]:
    value = _field(table, key, where)
    if not isinstance(value, list):
        raise failures.damage(f"{where}: {key}", "is no JSON array")
    return value


_NONE = object()


def _field(table: Mapping[str, Any], key: str, where: str, default: object = _NONE) -> Any:  # noqa: ANN401 - JSON
    if other := next((one for one in table if one != key and one.casefold() == key.casefold()), None):
        raise failures.damage(where, f"has {show(other)}, which some readers take for {key}")
    value = table.get(key, default)
    if value is _NONE:
        raise failures.damage(where, f"lacks {key}")
    return value
