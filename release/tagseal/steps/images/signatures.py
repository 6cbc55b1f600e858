"""The image's signatures: which there are to be, and those on disk, each verified.

Signed are the image's digest and every manifest below it that a platform can pull, each in every configured form. What
lies in ``bundles/`` is a Sigstore bundle of each; what a registry gets is made of them (``pushed``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagseal.records import BUNDLE
from tagseal.steps.seal.bundles import bundle_problems, describe_bundle, read_bundle
from tagseal.verification.images import attached, simplesigning
from tagseal.verification.policy import Exact
from tagseal.verification.verify import Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sigstore.dsse import Statement

    from tagseal.records import Artifact, Bundle, Seal, Tag
    from tagseal.steps import Services
    from tagseal.verification.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One that there is to be."""

    image: str
    """Registry and repository."""
    sha256: str
    """The signed manifest's."""
    form: str
    """``simplesigning`` or ``bundle``."""

    @property
    def key(self) -> str:
        """What its file in ``bundles/`` is called, without the ending."""
        return f"sha256-{self.sha256}.{self.form}"

    @property
    def label(self) -> str:
        """The signed manifest, as commands name it."""
        return f"{self.image}@sha256:{self.sha256}"

    @property
    def payload(self) -> bytes:
        """What is signed in the form ``simplesigning``."""
        return simplesigning.payload(self.image, self.sha256)

    @property
    def subject(self) -> str | Statement:
        """What Sigstore signs: a digest, or a statement."""
        if self.form == "bundle":
            return attached.statement(self.image, self.sha256)
        return hashlib.sha256(self.payload).hexdigest()

    def outcome(self, bundle: bytes, policy: Exact, services: Services) -> Outcome:
        """Verify a bundle of it, with its proof of inclusion."""
        trust = services.verifier
        if self.form == "bundle":
            return attached.verify_attached(bundle, self.image, self.sha256, policy, trust)
        digest = hashlib.sha256(self.payload).hexdigest()
        return verify_digest(self.label, digest, bundle, policy, trust)


def wanted_signatures(image: Artifact | None, services: Services) -> tuple[Signature, ...]:
    """Return the signatures that an image gets: its own first, then those of what its index lists."""
    if image is None:
        return ()
    manifests = dict.fromkeys((image.sha256, *(manifest.sha256 for manifest in image.manifests)))
    return tuple(
        Signature(image=image.name, sha256=sha256, form=form) for sha256 in manifests for form in forms(services)
    )


def forms(services: Services) -> tuple[str, ...]:
    """Return the forms that signatures have, by configuration."""
    return tuple(dict.fromkeys(services.settings.image.signatures)) if services.settings.image else ()


def good(signatures: tuple[Signature, ...], policy: Exact, services: Services) -> frozenset[str]:
    """Return the keys of those whose bundle in the work folder verifies."""
    found = ((signature, read_bundle(services.work.bundles / (signature.key + BUNDLE))) for signature in signatures)
    return frozenset(
        one.key for one, text in found if text is not None and one.outcome(text, policy, services).verdict.ok
    )


def describe(signature: Signature, facts: Facts, text: bytes) -> Bundle:
    """Return what the seal says of a signature whose bundle has verified."""
    return describe_bundle(signature.label, signature.key + BUNDLE, facts, text)


def problems(tag: Tag, seal: Seal, services: Services) -> Iterator[str]:
    """Yield what is wrong with a seal's signatures: their list, the files on disk, each verified again."""
    there = wanted_signatures(seal.image, services)
    listed: Mapping[str, Bundle] = {signature.name: signature for signature in seal.signatures}
    expected = [(one.label, one.key + BUNDLE) for one in there]
    if [(signature.artifact, signature.name) for signature in seal.signatures] != expected:
        yield f"got signatures of {len(seal.signatures)} manifests and forms, expected {len(expected)} by configuration"
        return
    policy = Exact(tag.identity, tag.commit)
    for one in there:
        judged = partial(one.outcome, policy=policy, services=services)
        yield from bundle_problems(listed[one.key + BUNDLE], services.work.bundles, judged)
