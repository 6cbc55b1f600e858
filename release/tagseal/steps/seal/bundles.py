"""What is signed, one value each: a file, a manifest of an image, a package for an index.

Whether its bundle is there, verifies, and is the recorded one is asked of each in the same way.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.machine import files
from tagseal.names import number_of, printable, show
from tagseal.records import BUNDLE, Bundle
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sigstore.dsse import Statement

    from tagseal.records import Artifact
    from tagseal.verification.policy import Exact
    from tagseal.verification.timestamps import VerifierWithRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of a release, there already or not."""

    name: str
    """What it is called while it is made; of its kind, no other one is called so."""
    label: str
    """What is signed, as the record and the commands name it."""
    path: Path
    """Where its bundle lies; the base name is the record's."""
    subject: str | Statement
    """What Sigstore signs: a SHA-256, 64 hexadecimal digits, or a statement, which goes into an envelope."""
    verify: Callable[[bytes], Outcome]
    """Verifies a bundle of it."""
    form: Callable[[bytes], bytes] = bytes
    """Makes of a fresh bundle what is kept of it."""

    def outcome(self) -> Outcome | None:
        """Verify the bundle that lies there; None where there is none."""
        text = read_bundle(self.path)
        return None if text is None else self.verify(text)

    def is_good(self) -> bool:
        """Tell whether there is a bundle, and it verifies."""
        outcome = self.outcome()
        return outcome is not None and outcome.verdict.ok

    def keep(self, bundle: bytes) -> None:
        """Put a fresh bundle in its place."""
        files.write_atomically(self.path, self.form(bundle))

    def describe(self) -> Bundle:
        """Verify the bundle, and return what the seal says of it.

        Raises:
            VerificationFailed: It does not verify.
        """
        text = read_bundle(self.path) or b""
        outcome = self.verify(text)
        if not outcome.verdict.ok or outcome.facts is None:
            raise VerificationFailed(
                f"got a fresh bundle for {self.label} that does not verify",
                context=(outcome.verdict.detail,),
                hint="Run the same command again. If it persists, the root of trust is not that of the service that "
                "signs.",
                slug="fresh-bundle-fails",
            )
        return Bundle(
            artifact=self.label,
            name=self.path.name,
            size=len(text),
            sha256=hashlib.sha256(text).hexdigest(),
            log_index=outcome.facts.log_index,
            integrated_time=outcome.facts.integrated_time,
            contents=outcome.facts.contents,
        )

    def problems(self, listed: Bundle) -> Iterator[str]:
        """Yield what is wrong with the bundle that a record lists; only listed bytes are verified."""
        text = read_bundle(self.path)
        if text is None:
            yield f"{listed.name}: no such file"
            return
        if (len(text), digest := hashlib.sha256(text).hexdigest()) != (listed.size, listed.sha256):
            yield f"{listed.name}: got sha256 {digest}, expected {listed.sha256}"
            return
        outcome = self.verify(text)
        if not outcome.verdict.ok:
            yield f"{listed.artifact}: {printable(outcome.verdict.detail)}"
        elif outcome.facts is not None and listed.contents != outcome.facts.contents:
            yield f"{listed.name}: got a record of {show(str(listed.contents))}, expected {outcome.facts.contents}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerifier:
    """Verifies artifacts against the bundles of a folder."""

    policy: Exact
    trust: VerifierWithRoot

    def signatures(self, artifacts: Iterable[Artifact], folder: Path) -> tuple[Signature, ...]:
        """Return the signatures of these files, whose bundles lie in the folder."""
        return tuple(
            Signature(
                name=artifact.name,
                label=artifact.name,
                path=folder / (artifact.name + BUNDLE),
                subject=artifact.sha256,
                verify=partial(self._verify, artifact),
            )
            for artifact in artifacts
        )

    def good(self, artifacts: Iterable[Artifact], folder: Path) -> frozenset[str]:
        """Return the names of those whose bundle there verifies."""
        return good(self.signatures(artifacts, folder))

    def _verify(self, artifact: Artifact, bundle: bytes) -> Outcome:
        return verify_digest(artifact.name, artifact.sha256, bundle, self.policy, self.trust)


def good(signatures: Iterable[Signature]) -> frozenset[str]:
    """Return the names of those whose bundle is there and verifies."""
    return frozenset(signature.name for signature in signatures if signature.is_good())


def problems(noun: str, wanted: Sequence[Signature], listed: Sequence[Bundle]) -> Iterator[str]:
    """Yield what is wrong with a record's list of signatures, or else with the files on disk, each verified again."""
    by_place = {(bundle.artifact, bundle.name): bundle for bundle in listed}
    places = [(signature.label, signature.path.name) for signature in wanted]
    if len(listed) != len(by_place) or by_place.keys() != {*places}:
        yield f"got {number_of(len(listed), noun)} by the record, expected {len(wanted)} by configuration"
        return
    for signature, place in zip(wanted, places, strict=True):
        yield from signature.problems(by_place[place])


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
