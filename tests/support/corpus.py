"""The corpus of bundles, ``tests/assets/verify``, as the tests read it: folders, and no code for any of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instance import COMMIT, IDENTITY
from tagseal.verification.result import Expected
from tagseal.verification.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parents[1] / "assets" / "verify"
CONFIG, ROOT = CORPUS / "trust.json", CORPUS / "trusted_root.json"
SUFFIX = ".sigstore.json"
DATA = "case.toml"
EXPECTED = Expected(identity=IDENTITY, uri=IDENTITY.uri, issuer=IDENTITY.issuer, commit=COMMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One folder."""

    folder: Path
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """Its base name."""
        return self.folder.name

    @property
    def genuine(self) -> bool:
        """Whether it must verify."""
        return not self.name.endswith("_fail")

    @property
    def truncated(self) -> bool:
        """Whether it stands for the bundle, cut off after every number of bytes."""
        return bool(self.data.get("truncated"))

    def files(self) -> dict[str, bytes]:
        """Return what was signed, or should have been."""
        there = [path for path in self.folder.iterdir() if path.name != DATA and not path.name.endswith(SUFFIX)]
        return {path.name: path.read_bytes() for path in sorted(there)}

    def bundles(self) -> dict[str, bytes]:
        """Return the bundles by the names of their files; what the data describes is made."""
        found = {path.name.removesuffix(SUFFIX): path.read_bytes() for path in sorted(self.folder.glob(f"*{SUFFIX}"))}
        if "repeat" in self.data:
            text, times = self.data["repeat"]
            found |= dict.fromkeys(self.files(), text.encode() * times)
        return found

    def lengths(self, step: int = 1) -> Iterator[bytes]:
        """Yield the beginnings of its only bundle, the empty one and the whole one left out."""
        (bundle,) = self.bundles().values()
        for length in range(1, len(bundle), step):
            yield bundle[:length]

    def write(self, folder: Path, bundle: bytes | None = None) -> None:
        """Put the files and bundles, or another bundle, into a folder."""
        for name, content in self.files().items():
            (folder / name).write_bytes(content)
        for name, content in self.bundles().items():
            (folder / f"{name}{SUFFIX}").write_bytes(content if bundle is None else bundle)


def _case(folder: Path) -> Case:
    data = folder / DATA
    return Case(folder=folder, data=tomllib.loads(data.read_text(encoding="utf-8")) if data.exists() else {})


@cache
def trust() -> Trust:
    """Return what all cases trust."""
    return Trust.of_file(CONFIG)


CASES = [_case(folder) for folder in sorted(CORPUS.iterdir()) if folder.is_dir()]
