"""The tree of an image: from the root's descriptor to every blob, each document checked before it is believed.

1. ``oci-layout`` and ``index.json`` name one root, whatever names they give it.
2. Every document is read in bounds, compared with its descriptor, then parsed.
3. A manifest is for the platform that its configuration says, and that is the one its index lists.
4. Attestations are manifests that no platform pulls, about a manifest of the same image.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tagseal.records import Manifest
from tagseal.services.images.layout import documents, failures
from tagseal.services.images.layout.sources import BLOBS
from tagseal.services.images.layout.values import (
    CONFIG,
    EMPTY,
    IN_TOTO,
    INDEX,
    LAYERS,
    MANIFEST,
    Descriptor,
    LayoutImage,
)

if TYPE_CHECKING:
    from collections.abc import Container

    from tagseal.services.images.layout.documents import ListedDescriptor
    from tagseal.services.images.layout.sources import Source
    from tagseal.services.images.layout.values import Platform

_DOCUMENT = 4 * 1024 * 1024
"""Bytes of an index or a manifest: what registries take (OCI distribution 1.1, "Pushing Manifests")."""
_CONFIGURATION = 8 * 1024 * 1024
_DESCRIPTORS = 10_000
_DEPTH = 4
"""Indexes one in another, the root among them."""


def walk(source: Source) -> LayoutImage:
    """Read a layout's image; layers are named, not read.

    Raises:
        VerificationFailed: A document is missing, has other bytes than listed, or says what it must not.
        UsageError: There are several images, or media types that are no image's.
        Refused: A file is a link.
    """
    documents.check_layout(_text(source, "oci-layout", _DOCUMENT))
    listed = documents.index(_text(source, "index.json", _DOCUMENT), "index.json")
    # One image may have several names there: the digest tells.
    if len(roots := {one.descriptor for one in listed}) != 1:
        raise failures.count(len(roots))
    return _Walk(source).image(listed[0].descriptor)


class _Walk:
    """What has been found so far."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = _DESCRIPTORS
        self._documents: dict[str, Descriptor] = {}
        self._blobs: dict[str, Descriptor] = {}
        self._manifests: list[Manifest] = []
        self._about: list[str] = []

    def image(self, root: Descriptor) -> LayoutImage:
        platform = ""
        if root.media_type == INDEX:
            self._index(root, depth=1)
            self._complete(root)
        elif root.media_type == MANIFEST:
            platform = str(self._runnable(root))
        else:
            raise failures.media_type(root.media_type, "index.json")
        if both := self._documents.keys() & self._blobs.keys():
            raise failures.damage(f"sha256:{min(both)}", "is listed as a manifest and as a blob")
        return LayoutImage(
            root=root,
            platform=platform,
            manifests=tuple(self._manifests),
            documents=tuple(self._documents.values()),
            blobs=tuple(self._blobs.values()),
        )

    def _index(self, descriptor: Descriptor, *, depth: int) -> None:
        if depth > _DEPTH:
            raise failures.too_large(f"{depth} indexes one in another", str(_DEPTH))
        platforms = set[tuple[str, ...]]()
        for one in documents.index(self._document(descriptor), descriptor.digest):
            below = one.descriptor
            if below.media_type == INDEX:
                self._add("", below)
                self._index(below, depth=depth + 1)
            elif below.media_type != MANIFEST:
                raise failures.media_type(below.media_type, descriptor.digest)
            elif one.attests:
                self._attestation(one)
            else:
                platform = self._platform(one)
                if (key := (*platform.usual, platform.version)) in platforms:
                    raise failures.damage(descriptor.digest, f"lists {platform} twice")
                platforms.add(key)
        self._add_document(descriptor)

    def _platform(self, listed: ListedDescriptor) -> Platform:
        own = self._runnable(listed.descriptor)
        platform = listed.platform or own
        if platform.usual != own.usual:
            raise failures.platform(listed.descriptor.digest, platform, own)
        self._add(str(platform), listed.descriptor)
        return platform

    def _runnable(self, descriptor: Descriptor) -> Platform:
        own = self._manifest(descriptor, LAYERS, {CONFIG})
        if own is None or own.unknown:
            raise failures.damage(descriptor.digest, "is for no platform and no attestation")
        return own

    def _attestation(self, listed: ListedDescriptor) -> None:
        own = self._manifest(listed.descriptor, {IN_TOTO}, {CONFIG, EMPTY})
        if own is not None and not own.unknown:
            raise failures.damage(listed.descriptor.digest, f"is an attestation and for {own}")
        self._about.append(listed.about)

    def _manifest(
        self, descriptor: Descriptor, layer_types: Container[str], config_types: Container[str]
    ) -> Platform | None:
        config, layers = documents.manifest(self._document(descriptor), descriptor.digest)
        for one, types in ((config, config_types), *((layer, layer_types) for layer in layers)):
            if one.media_type not in types:
                raise failures.media_type(one.media_type, descriptor.digest)
            self._blob(one)
        self._add_document(descriptor)
        if config.media_type == EMPTY:
            return None
        return documents.configuration(_bytes(self._source, config, _CONFIGURATION), config.digest)

    def _document(self, descriptor: Descriptor) -> bytes:
        self._count()
        if descriptor.sha256 in self._documents:
            raise failures.damage(descriptor.digest, "is listed twice")
        return _bytes(self._source, descriptor, _DOCUMENT)

    def _add_document(self, descriptor: Descriptor) -> None:
        """Add a document, behind those that it lists."""
        self._documents[descriptor.sha256] = descriptor

    def _blob(self, descriptor: Descriptor) -> None:
        self._count()
        if self._blobs.setdefault(descriptor.sha256, descriptor) != descriptor:
            raise failures.damage(descriptor.digest, "is listed with two sizes or media types")

    def _add(self, platform: str, descriptor: Descriptor) -> None:
        self._manifests.append(Manifest(platform=platform, size=descriptor.size, sha256=descriptor.sha256))

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise failures.too_large("more descriptors in one image", f"{_DESCRIPTORS:,}")

    def _complete(self, root: Descriptor) -> None:
        """Check what only the whole tree tells."""
        platforms = {f"sha256:{manifest.sha256}" for manifest in self._manifests if manifest.platform}
        if not platforms:
            raise failures.damage(root.digest, "lists no platform")
        if strange := next((one for one in self._about if one and one not in platforms), None):
            raise failures.damage(root.digest, f"has an attestation about {strange}, which it does not list")


def path_of(descriptor: Descriptor) -> str:
    """Return where a layout has this document or blob."""
    return f"{BLOBS}/{descriptor.sha256}"


def _bytes(source: Source, descriptor: Descriptor, limit: int) -> bytes:
    if descriptor.size > limit:
        raise failures.too_large(f"{descriptor.size:,} bytes of JSON ({descriptor.digest})", f"{limit:,} bytes")
    text = _text(source, path_of(descriptor), limit)
    if (len(text), digest := hashlib.sha256(text).hexdigest()) != (descriptor.size, descriptor.sha256):
        raise failures.differs(descriptor, f"{len(text):,} bytes with sha256 {digest}")
    return text


def _text(source: Source, name: str, limit: int) -> bytes:
    with source.open(name) as (stream, size):
        if size > limit:
            raise failures.too_large(f"{size:,} bytes in {name}", f"{limit:,} bytes")
        return stream.read(limit)
