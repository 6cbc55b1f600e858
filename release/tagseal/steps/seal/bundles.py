"""One bundle of a seal: read, verified, described, and what is wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.names import printable, show
from tagseal.records import BUNDLE, Bundle
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tagseal.records import Artifact
    from tagseal.verification.facts import Facts
    from tagseal.verification.policy import Exact
    from tagseal.verification.timestamps import VerifierWithRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerifier:
    """Verifies artifacts against the bundles of a folder."""

    policy: Exact
    trust: VerifierWithRoot

    def outcomes(self, artifacts: Sequence[Artifact], folder: Path) -> dict[str, Outcome]:
        """Return the outcome of every artifact that has a bundle there."""
        bundles = ((artifact, read_bundle(folder / (artifact.name + BUNDLE))) for artifact in artifacts)
        return {
            one.name: verify_digest(one.name, one.sha256, bundle, self.policy, self.trust)
            for one, bundle in bundles
            if bundle is not None
        }

    def good(self, artifacts: Sequence[Artifact], folder: Path) -> dict[str, Outcome]:
        """Return those outcomes that are ok."""
        return {name: outcome for name, outcome in self.outcomes(artifacts, folder).items() if outcome.verdict.ok}


def read_bundle(path: Path) -> bytes | None:
    """Return the bundle, cut off beyond the size that any verifies with; None where there is none.

    Raises:
        Refused: It is no regular file.
    """
    try:
        with files.open_file(path) as file:
            return file.read(LARGEST_BUNDLE + 1)
    except FileNotFoundError:
        return None


def describe_bundle(artifact: str, name: str, facts: Facts, text: bytes) -> Bundle:
    """Return what the seal says of a bundle, or of an attestation, that has verified; ``name`` is its file's."""
    return Bundle(
        artifact=artifact,
        name=name,
        size=len(text),
        sha256=hashlib.sha256(text).hexdigest(),
        log_index=facts.log_index,
        integrated_time=facts.integrated_time,
        contents=facts.contents,
    )


def bundle_problems(bundle: Bundle, folder: Path, judged: Callable[[bytes], Outcome]) -> Iterator[str]:
    """Yield what is wrong with what a record lists, read from the folder and judged again; only listed bytes are."""
    text = read_bundle(folder / bundle.name)
    if text is None:
        yield f"{bundle.name}: no such file"
        return
    if (len(text), digest := hashlib.sha256(text).hexdigest()) != (bundle.size, bundle.sha256):
        yield f"{bundle.name}: got sha256 {digest}, expected {bundle.sha256}"
        return
    outcome = judged(text)
    if not outcome.verdict.ok:
        yield f"{bundle.artifact}: {printable(outcome.verdict.detail)}"
    elif outcome.facts is not None and bundle.contents != outcome.facts.contents:
        yield f"{bundle.name}: got a record of {show(str(bundle.contents))}, expected {outcome.facts.contents}"
