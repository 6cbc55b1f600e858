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
from tagseal.steps.seal import bundles
from tagseal.steps.seal.bundles import Signature
from tagseal.verification.images import attached, simplesigning
from tagseal.verification.verify import Outcome, verify_digest

if TYPE_CHECKING:
    from sigstore.dsse import Statement

    from tagseal.records import Artifact
    from tagseal.steps import Services
    from tagseal.verification.policy import Exact


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSignature:
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

    def of(self, policy: Exact, services: Services) -> Signature:
        """Return it as a signature of the release, with its bundle in the work folder."""
        return Signature(
            name=self.key,
            label=self.label,
            path=services.work.bundles / (self.key + BUNDLE),
            subject=self.subject,
            verify=partial(self.outcome, policy=policy, services=services),
        )


def wanted_signatures(image: Artifact | None, services: Services) -> tuple[ImageSignature, ...]:
    """Return the signatures that an image gets: its own first, then those of what its index lists."""
    if image is None:
        return ()
    manifests = dict.fromkeys((image.sha256, *(manifest.sha256 for manifest in image.manifests)))
    return tuple(
        ImageSignature(image=image.name, sha256=sha256, form=form) for sha256 in manifests for form in forms(services)
    )


def of_image(image: Artifact | None, policy: Exact, services: Services) -> tuple[Signature, ...]:
    """Return an image's signatures as signatures of the release."""
    return tuple(signature.of(policy, services) for signature in wanted_signatures(image, services))


def forms(services: Services) -> tuple[str, ...]:
    """Return the forms that signatures have, by configuration."""
    return tuple(dict.fromkeys(services.settings.image.signatures)) if services.settings.image else ()


def good(wanted: tuple[ImageSignature, ...], policy: Exact, services: Services) -> frozenset[str]:
    """Return the keys of those whose bundle in the work folder verifies."""
    return bundles.good(signature.of(policy, services) for signature in wanted)
