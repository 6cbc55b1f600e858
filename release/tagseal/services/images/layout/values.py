"""What an image is: descriptors, platforms, and the whole tree below its root.

Media types are those of the OCI image specification 1.1 ("Media Types") and, for attestations, of in-toto.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagseal.records import Artifact, Kind, Manifest

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
LAYERS = frozenset(f"application/vnd.oci.image.layer.v1.tar{packed}" for packed in ("", "+gzip", "+zstd"))
IN_TOTO = "application/vnd.in-toto+json"

UNKNOWN = "unknown"
"""Operating system and architecture of what no machine shall run: an attestation."""

_USUAL_VARIANTS = {("amd64", "v1"): "", ("arm64", "v8"): "", ("arm64", "8"): "", ("arm", ""): "v7"}
"""Two spellings of one platform, by architecture and variant: what runtimes take for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One document or blob: what it is and which bytes it is (OCI image specification 1.1, "Descriptor")."""

    media_type: str
    size: int
    """Bytes."""
    sha256: str
    """64 lower-case hexadecimal digits."""

    @property
    def digest(self) -> str:
        """As documents and registries write it."""
        return f"sha256:{self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image runs on, in Go's words."""

    os: str
    architecture: str
    variant: str = ""
    version: str = ""
    """Of the operating system; Windows images have one."""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def usual(self) -> tuple[str, str, str]:
        """What a runtime compares: operating system, architecture, and the variant in its usual spelling."""
        return self.os, self.architecture, _USUAL_VARIANTS.get((self.architecture, self.variant), self.variant)

    @property
    def unknown(self) -> bool:
        """Whether this is the platform of an attestation."""
        return self.os == self.architecture == UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutImage:
    """An image, read whole: its root and everything that the root reaches."""

    root: Descriptor
    platform: str
    """``linux/amd64``, of a root that is a manifest; empty where it is an index."""
    manifests: tuple[Manifest, ...]
    """What an index lists, at any depth, that a platform can pull; attestations are not among it."""
    documents: tuple[Descriptor, ...]
    """Every manifest and index, attestations included, in the order of a push: children before parents, root last."""
    blobs: tuple[Descriptor, ...]
    """Configurations, layers and attestations' statements, each once."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """What it runs on, as listed."""
        return tuple(manifest.platform for manifest in self.manifests if manifest.platform) or (self.platform,)

    def artifact(self, name: str) -> Artifact:
        """Return what the records say of it; ``name`` is registry and repository."""
        return Artifact(
            kind=Kind.image, name=name, size=self.root.size, sha256=self.root.sha256, manifests=self.manifests
        )
