"""Every step after ``sign`` verifies all bundles again, in its own process: a record from disk is a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.records import Verdict
from tagseal.services import files
from tagseal.verification.policy import Exact
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from tagseal.records import Artifact, Seal
    from tagseal.steps import Services


def verify_sealed(seal: Seal, services: Services) -> None:
    """Hash every file again and verify every bundle.

    Raises:
        VerificationFailed: A file is missing or changed, or a bundle does not verify; all of them are named.
    """
    policy = Exact(seal.identity, seal.commit)
    bundles = {one.artifact: one for one in seal.bundles}
    problems = []
    for artifact in seal.artifacts:
        verdict = (
            _verdict(artifact, bundles[artifact.name].name, policy, services)
            if artifact.name in bundles
            else (Verdict(name=artifact.name, ok=False, detail="no bundle"))
        )
        if not verdict.ok:
            problems.append(f"{verdict.name}: {verdict.detail}")
    if problems:
        raise VerificationFailed(
            f"got {len(problems)} files that do not verify, expected none",
            context=tuple(problems),
            hint="The work folder was changed since `sign`. Run the job that signs again.",
            slug="sealed-files-changed",
        )


def _verdict(artifact: Artifact, bundle: str, policy: Exact, services: Services) -> Verdict:
    path = services.work.file(artifact)
    try:
        found = files.artifact(path, artifact.kind)
        text = (services.work.bundles / bundle).read_bytes()
    except FileNotFoundError as error:
        return Verdict(name=artifact.name, ok=False, detail=f"no file {error.filename}")
    if found != artifact:
        return Verdict(name=artifact.name, ok=False, detail=f"got sha256 {found.sha256}, expected {artifact.sha256}")
    return verify_digest(artifact.name, found.sha256, text, policy, services.sigstore.verifier).verdict
