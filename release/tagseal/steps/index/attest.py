"""sign, and every step after it: the attestations of the packages, made, kept or taken from the index.

Each lies in ``attestations/`` under the name that twine expects. One that the index has of the very file is as good
as one of this run, and comes first: the log needs no second entry.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagseal.errors import Refused, ServiceError
from tagseal.machine import files
from tagseal.records import ATTESTATION, Kind
from tagseal.services.index import sites
from tagseal.steps import index
from tagseal.steps.seal.bundles import Signature
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.records import Artifact, Plan, Seal
    from tagseal.services.index.client import IndexClient, ListedFile
    from tagseal.steps import Services
    from tagseal.steps.seal.bundles import BundleVerifier
    from tagseal.verification.timestamps import VerifierWithRoot
    from tagseal.verification.verify import Outcome


def wanted_packages(plan: Plan, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    """Return the packages that get an attestation: all of them, where the index takes any."""
    if plan.index is None or not plan.index.site:
        return ()
    return tuple(artifact for artifact in artifacts if artifact.kind in {Kind.wheel, Kind.sdist})


def signatures(packages: Sequence[Artifact], policy: Exact, services: Services) -> tuple[Signature, ...]:
    """Return the attestations of these packages, as they lie in the work folder."""
    if not packages:
        return ()
    from tagseal.verification.index import attestation, statement, verify_attestation  # noqa: PLC0415 - 0.1 s

    def verify(package: Artifact, text: bytes) -> Outcome:
        return verify_attestation(text, package.name, package.sha256, policy, services.verifier)

    return tuple(
        Signature(
            name=package.name + ATTESTATION,
            label=package.name,
            path=services.work.attestations / (package.name + ATTESTATION),
            subject=statement(package.name, package.sha256),
            verify=partial(verify, package),
            form=attestation,
        )
        for package in packages
    )


def agrees(
    plan: Plan, artifacts: Sequence[Artifact], unknown: Collection[str], judge: BundleVerifier, services: Services
) -> None:
    """Hold that whatever the index has of this version is of this release, and take its attestations.

    Args:
        plan: The plan.
        artifacts: What is about to be signed.
        unknown: Names of those that came from the index and have no bundle of this identity and commit yet.
        judge: Says which attestations are good.
        services: The services.

    Raises:
        Refused: A file there has other bytes, is not attested by this workflow at this commit, or is one too many.
        Busy: The index did not answer until the patience was over.
        ServiceError: It refused.
    """
    asking, listed = index.client(plan, services), index.there(plan, services)
    packages = {artifact.name: artifact for artifact in artifacts if artifact.kind in {Kind.wheel, Kind.sdist}}
    index.surplus([*packages], listed, plan)
    unequal(plan, artifacts, listed, services)
    for name in listed:
        if asking is not None and asking.index.site:
            _take(asking, packages[name], plan, judge, services)
        elif name in unknown:
            raise _strange(plan, name, "it differs from what was built here, and no bundle of this workflow fits it")


def _take(asking: IndexClient, artifact: Artifact, plan: Plan, judge: BundleVerifier, services: Services) -> None:
    provenance = asking.provenance(artifact.name) or b""
    text, said = among(provenance, artifact.name, artifact.sha256, judge.policy, judge.trust)
    if text is None:
        raise _strange(plan, artifact.name, said)
    files.write_atomically(services.work.attestations / (artifact.name + ATTESTATION), text)


def among(
    provenance: bytes, name: str, sha256: str, policy: VerificationPolicy, trust: VerifierWithRoot
) -> tuple[bytes | None, str]:
    """Return the attestation in a provenance that is of exactly these bytes, by whom the policy says; else why not."""
    from tagseal.verification.index import attestations, verify_attestation  # noqa: PLC0415 - as above

    said = []
    for text in attestations(provenance):
        verdict = verify_attestation(text, name, sha256, policy, trust).verdict
        if verdict.ok:
            return text, ""
        said.append(verdict.detail)
    return None, "; ".join(said) or "it has no attestation at all"


def _strange(plan: Plan, name: str, why: str) -> Refused:
    return Refused(
        f"got {name} at {plan.index_name} that this workflow did not attest at {plan.commit[:7]}, expected a file of "
        "this release, or none",
        context=(why,),
        hint="Nothing was signed. Find out who sent it: the file's page at the index says when. Its name is used up "
        "for ever: release a new version.",
        slug="index-file-not-ours",
    )


def attested_packages(seal: Seal, services: Services) -> tuple[Artifact, ...]:
    """Return the packages of a seal that have an attestation, by configuration."""
    there = sites.of(services.settings.index)
    return seal.packages if there is not None and there.site else ()


def unequal(plan: Plan, artifacts: Sequence[Artifact], listed: Mapping[str, ListedFile], services: Services) -> None:
    """Hold that what the index lists has the bytes that are released.

    Raises:
        Refused: A file has others, and is not of this release.
        ServiceError: A file has others, and is of this release: the job that builds takes it, next time.
    """
    asking = index.client(plan, services)
    for artifact in artifacts:
        if artifact.name not in listed or listed[artifact.name].sha256 == artifact.sha256:
            continue
        there = listed[artifact.name].sha256
        if asking is not None and asking.index.site:
            policy, provenance = Exact(plan.identity, plan.commit), asking.provenance(artifact.name) or b""
            if among(provenance, artifact.name, there, policy, services.verifier)[0] is not None:
                raise _late(plan, artifact.name)
        raise _strange(plan, artifact.name, f"got sha256 {there} there, and {artifact.sha256} here")


def _late(plan: Plan, name: str) -> ServiceError:
    return ServiceError(
        f"got {name} of an earlier run at {plan.index_name}, with other bytes than these, expected what `build` took "
        "from there",
        context=("it was not listed when `build` asked, or these files were built before it was sent",),
        hint="Re-run all jobs: `build` takes the file that is there, for its name is used up.",
        slug="index-file-listed-late",
    )
