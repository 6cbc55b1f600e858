"""The files of a release as they lie there, one by one: which bytes they are, and whether the bundles verify.

1. What is wanted comes from the seal; without one, from the release's own ``SHA256SUMS``, which is an artifact with a
   bundle like the others.
2. Only bundles and that list are downloaded: GitHub tells the digest of a file.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.machine.threads import side_by_side
from tagseal.records import BUNDLE
from tagseal.steps.draft.wanted import WantedFile, wanted_files
from tagseal.steps.seal import checksums
from tagseal.steps.seal.bundles import read_bundle
from tagseal.steps.seal.kit import ENDING
from tagseal.verification.verify import LARGEST_BUNDLE, verify_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.records import Asset, Seal
    from tagseal.services.github import Release
    from tagseal.steps import Services
    from tagseal.verification.policy import Exact

_LISTED = re.compile(r"([0-9a-f]{64})  (\S+)", re.ASCII)
_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One line of what there is."""

    what: str
    """``tag``, ``release``, ``asset``, ``bundle``, ``image``, ``index``, ``notes`` or ``records``."""
    name: str = ""
    """The file's, where it is one of many."""
    state: str
    """A word for programs."""
    good: bool | None
    """None: not there yet, or it cannot be told here."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFiles:
    """What is needed to judge the files of one release."""

    release: Release
    repository: str
    seal: Seal | None
    policy: Exact | None
    """Who must have signed, at which commit; None where the commit is not known."""
    services: Services

    def rows(self) -> tuple[StatusRow, ...]:
        """Return a row for each file that is there or wanted, by name."""
        there = {asset.name: asset for asset in self.release.assets}
        with tempfile.TemporaryDirectory(prefix="tagseal-status-") as temporary:
            folder = Path(temporary)
            self._fetch(folder)
            files, lister = self._wanted_files(folder, there)
            names = sorted(there.keys() | files.keys())
            return tuple(self._row(name, there, files.get(name), lister, folder) for name in names)

    def _fetch(self, folder: Path) -> None:
        small = [one for one in self.release.assets if _read(one)]
        self.services.say(f"reading {len(small)} bundles")

        def fetch(asset: Asset) -> None:
            with suppress(VerificationFailed):  # other bytes than listed: as good as none
                self.services.github.download(self.repository, asset, folder / asset.name)

        side_by_side(fetch, small, _THREADS)

    def _wanted_files(self, folder: Path, there: Mapping[str, Asset]) -> tuple[dict[str, WantedFile], str]:
        """Return what is wanted, by name, and who says so, if anybody; what nobody says is as it was found."""
        if self.seal:
            return wanted_files(self.seal), "as sealed"
        listed = _listed_digests(read_bundle(folder / checksums.NAME))
        artifacts = {**listed, checksums.NAME: ""} if listed else {one: "" for one in there if not one.endswith(BUNDLE)}
        artifacts |= {one: "" for one in there if one.endswith(ENDING)}  # a list cannot have the kit that has the list
        digests = {**artifacts, **{artifact + BUNDLE: "" for artifact in artifacts}}
        found = {
            name: WantedFile(
                name=name,
                size=there[name].size if name in there else 0,
                sha256=sha256 or (there[name].sha256 if name in there else ""),
            )
            for name, sha256 in digests.items()
        }
        return found, f"as {checksums.NAME} has it" if listed else ""

    def _row(
        self, name: str, there: Mapping[str, Asset], wanted: WantedFile | None, lister: str, folder: Path
    ) -> StatusRow:
        what = "bundle" if name.endswith(BUNDLE) else "asset"
        of_kit = self.seal is None and name.endswith((ENDING, ENDING + BUNDLE))
        state, good, text = _compare(there.get(name), wanted, lister and "as its bundle has it" if of_kit else lister)
        if what == "bundle" and state in {"equal", "unlisted", "no-digest"}:
            state, good, text = self._verify(there.get(name.removesuffix(BUNDLE)), folder / name)
        return StatusRow(what=what, name=name, state=state, good=good, text=text)

    def _verify(self, artifact: Asset | None, path: Path) -> tuple[str, bool | None, str]:
        if artifact is None:
            return "untold", None, "not verified: its file is missing"
        if not artifact.sha256:
            return "untold", None, "not verified: there is no digest of its artifact"
        if self.policy is None:
            return "untold", None, "not verified: the tag's commit is not known"
        if (text := read_bundle(path)) is None:
            return "fails", False, "could not be read as the server lists it"
        verifier = self.services.verifier
        verdict = verify_digest(artifact.name, artifact.sha256, text, self.policy, verifier).verdict
        if not verdict.ok:
            return "fails", False, f"does not verify: {verdict.detail}"
        return "verifies", True, "verifies"


def _read(asset: Asset) -> bool:
    """Tell whether an asset is downloaded: a bundle, or the list of checksums, and not larger than one is."""
    ours = asset.name.endswith(BUNDLE) or asset.name == checksums.NAME
    return ours and asset.state == "uploaded" and asset.size <= LARGEST_BUNDLE


def _listed_digests(text: bytes | None) -> dict[str, str]:
    """Return the digests of ``SHA256SUMS`` by name; empty where it is not there, or is none."""
    lines = [_LISTED.fullmatch(line) for line in (text or b"").decode("utf-8", "replace").splitlines()]
    return {found[2]: found[1] for found in lines if found} if all(lines) else {}


def _compare(asset: Asset | None, wanted: WantedFile | None, lister: str) -> tuple[str, bool | None, str]:
    if asset is None:
        return "missing", False, "missing"
    if wanted is None:
        return "unplanned", False, "nobody planned it"
    if asset.state != "uploaded":
        return "starter", False, "begun and never finished"
    like = wanted.like(asset)
    if like is None:
        return "no-digest", None, "there; GitHub keeps no digest of it"
    if like and not lister:
        return "unlisted", None, "there; no list says which bytes it must have"
    return ("equal", True, lister) if like else ("differs", False, "other bytes than the wanted ones")
