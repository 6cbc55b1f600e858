"""The files that a release must have, and what is wrong with those that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tagseal.records import Artifact, Asset, Bundle, Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file that the release must have."""

    name: str
    size: int
    """Bytes."""
    sha256: str

    def like(self, asset: Asset) -> bool | None:
        """Tell whether an asset is this file, whole; None where only its bytes can tell."""
        if asset.state != "uploaded" or asset.size != self.size:
            return False
        return asset.sha256 == self.sha256 if asset.sha256 else None


def wanted_files(seal: Seal) -> dict[str, WantedFile]:
    """Return every file of the release by name: the artifacts and their bundles."""
    files: tuple[Artifact | Bundle, ...] = (*seal.artifacts, *seal.bundles)
    return {file.name: WantedFile(name=file.name, size=file.size, sha256=file.sha256) for file in files}


def problems(files: Mapping[str, WantedFile], there: Iterable[Asset]) -> tuple[str, ...]:
    """Return one line for each file that is not as wanted; one without a digest is not."""
    assets = {one.name: one for one in there}
    return (
        *(f"{name}: missing" for name in sorted(files.keys() - assets.keys())),
        *(
            f"{name}: {_wrong(assets[name])}"
            for name in sorted(files.keys() & assets.keys())
            if not files[name].like(assets[name])
        ),
        *(f"{name}: nobody planned it" for name in sorted(assets.keys() - files.keys())),
    )


def _wrong(asset: Asset) -> str:
    if asset.state != "uploaded":
        return "was begun and never finished"
    return "has other bytes than the signed ones"
