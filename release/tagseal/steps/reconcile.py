"""What is wanted against what is there, by name, size and sha256: the difference is a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tagseal.records import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that the release must have."""

    name: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What separates a release from the wanted files, each by name."""

    equal: tuple[str, ...]
    missing: tuple[str, ...]
    different: tuple[str, ...]
    unplanned: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Nothing is to be done."""
        return not (self.missing or self.different or self.unplanned)

    def lines(self) -> tuple[str, ...]:
        """Return one line for each file that is not as wanted."""
        return (
            *(f"{name}: missing" for name in self.missing),
            *(f"{name}: other bytes than the signed ones" for name in self.different),
            *(f"{name}: nobody planned it" for name in self.unplanned),
        )


def difference(wanted: Mapping[str, Wanted], there: Iterable[Asset]) -> Difference:
    """Compare; a remote file without a digest counts as different, for nothing vouches for its bytes."""
    remote = {asset.name: asset for asset in there}
    both = sorted(wanted.keys() & remote.keys())
    equal = tuple(
        name for name in both if (remote[name].size, remote[name].sha256) == (wanted[name].size, wanted[name].sha256)
    )
    return Difference(
        equal=equal,
        missing=tuple(sorted(wanted.keys() - remote.keys())),
        different=tuple(name for name in both if name not in equal),
        unplanned=tuple(sorted(remote.keys() - wanted.keys())),
    )
