"""The tag's work folder, and what lies where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.names import folder

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.records import Artifact


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The tag's work folder, ``dist/<tag>/``: the hand-over between jobs."""

    path: Path

    @classmethod
    def of(cls, root: Path, tag: str) -> Workspace:
        """Return the work folder of this tag below the repository's root."""
        return cls(path=root / "dist" / folder(tag))

    @property
    def packages(self) -> Path:
        """Wheels and sdist, nothing else: an index would refuse it."""
        return self.path / "packages"

    @property
    def assets(self) -> Path:
        """Further files of the release, ``SHA256SUMS`` among them."""
        return self.path / "assets"

    @property
    def bundles(self) -> Path:
        """One ``<name>.sigstore.json`` an artifact."""
        return self.path / "bundles"

    @property
    def attestations(self) -> Path:
        """One ``<name>.publish.attestation`` a package, where an index takes them: apart from everything else."""
        return self.path / "attestations"

    @property
    def image(self) -> Path:
        """The image, an OCI layout."""
        return self.path / "image"

    @property
    def notes(self) -> Path:
        """The rendered notes, for a person to read; never an input."""
        return self.path / "notes.md"

    @property
    def records(self) -> Path:
        """The records so far."""
        return self.path / "release.json"

    def file(self, artifact: Artifact) -> Path:
        """Return where the artifact's bytes lie."""
        within = self.packages if artifact.kind in {"wheel", "sdist"} else self.assets
        return within / artifact.name
