"""Every step after ``sign`` verifies all bundles again, in its own process: a record from disk is a claim.

1. The seal is of this tag, at this commit, by this identity: derived by this job, not read from the record.
2. Its files are the planned ones, under their names, and nothing else; so are its kit and its image.
3. Its lists are whole: safe names, one bundle for each artifact, ``SHA256SUMS`` over exactly the others, an offline
   kit last, which no list can have.
4. The files on disk are the listed ones, byte for byte, and every bundle verifies. So it does by the root of trust in
   the kit, whose bundles are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.machine import files
from tagseal.names import safe_file_name
from tagseal.records import BUNDLE, Kind
from tagseal.steps import fileset
from tagseal.steps.images import layouts, signatures
from tagseal.steps.index import attest
from tagseal.steps.seal import bundles, checksums, kit
from tagseal.steps.seal.bundles import BundleVerifier, Signature
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.config import Settings
    from tagseal.records import Artifact, Bundle, Plan, Seal, Tag
    from tagseal.steps import Services


def fitting(tag: Tag, plan: Plan, seal: Seal, settings: Settings) -> None:
    """Accept a seal of this very run, with the planned files and whole lists; no file is read (numbers 1 to 3).

    Raises:
        Refused: It is of another tag, commit or identity, or a name in it is not safe.
        VerificationFailed: It has a file that is not planned, or lacks one; an artifact has no bundle of its own, or is
            not in the list of checksums.
    """
    if (seal.tag, seal.commit, seal.identity) != (tag.name, tag.commit, tag.identity):
        raise Refused(
            f"got a seal of {seal.tag} at {seal.commit} by {seal.identity.uri}, "
            f"expected {tag.name} at {tag.commit} by {tag.identity.uri}",
            hint="The records are of another run. Run the job that signs again.",
            slug="seal-of-another-tag",
        )
    for name in (*(artifact.name for artifact in seal.artifacts), *(bundle.name for bundle in seal.bundles)):
        safe_file_name(name)
    if problems := tuple(_not_planned(plan, seal, settings)):
        raise VerificationFailed(
            "got a seal of files that are not the planned ones",
            context=problems,
            hint="`sign` did not write this record, or the configuration differs between the jobs. Find out who "
            "changed it. Then re-run all jobs.",
            slug="seal-not-planned",
        )
    if problems := tuple(_gaps(seal)):
        raise VerificationFailed(
            "got a seal whose lists do not fit each other, expected one bundle for each artifact, "
            "and checksums of all others",
            context=problems,
            hint="`sign` did not write this record. Run the job that signs again.",
            slug="seal-not-whole",
        )


def verify_sealed(tag: Tag, plan: Plan, seal: Seal, services: Services) -> None:
    """Hash every file again and verify every bundle (numbers 1 to 4).

    Raises:
        Refused: The seal is of another run, or a file is a link.
        VerificationFailed: A file is missing or changed, or a bundle does not verify; all of them are named.
    """
    fitting(tag, plan, seal, services.settings)
    policy = Exact(tag.identity, tag.commit)
    of_files = BundleVerifier(policy=policy, trust=services.verifier).signatures(seal.artifacts, services.work.bundles)
    of_image = signatures.of_image(seal.image, policy, services)
    of_packages = attest.signatures(attest.attested_packages(seal, services), policy, services)
    rows = zip(of_files, seal.artifacts, seal.bundles, strict=True)
    problems = (
        *(problem for row in rows for problem in _problems(*row, services)),
        *kit.problems(tag, seal, services),
        *bundles.problems("signature", of_image, seal.signatures),
        *bundles.problems("attestation", of_packages, seal.attestations),
    )
    if seal.image is not None:
        layouts.read(seal.image, services)
    if problems:
        raise VerificationFailed(
            "got files that do not verify, expected none",
            context=problems,
            hint="The work folder was changed since `sign`. Run the job that signs again.",
            slug="sealed-files-changed",
        )


def _not_planned(plan: Plan, seal: Seal, settings: Settings) -> Iterator[str]:
    made = {Kind.checksums, Kind.kit}
    yield from fileset.name_problems(
        plan, [artifact for artifact in seal.artifacts if artifact.kind not in made], settings
    )
    kits = [artifact.name for artifact in seal.artifacts if artifact.kind is Kind.kit]
    yield from fileset.differences("offline kit", kits, [plan.kit] if plan.kit else [])
    if wrong := layouts.difference_from_plan(seal.image, plan.image):
        yield wrong


def _gaps(seal: Seal) -> Iterator[str]:
    names = [artifact.name for artifact in seal.artifacts]
    if len(set(names)) != len(names):
        yield "an artifact is listed twice"
    got = [f"{bundle.name} of {bundle.artifact}" for bundle in seal.bundles]
    expected = [f"{name}{BUNDLE} of {name}" for name in names]
    if got != expected:
        yield f"got the bundles {', '.join(got) or '(none)'}, expected {', '.join(expected)}"
    kits = [artifact for artifact in seal.artifacts if artifact.kind is Kind.kit]
    if kits not in ([], [*seal.artifacts][-1:]):
        yield f"got {', '.join(one.name for one in kits)}, expected at most one offline kit, behind the other artifacts"
    lists = [artifact for artifact in seal.artifacts if artifact.kind is Kind.checksums]
    others = [artifact for artifact in seal.artifacts if artifact.kind is not Kind.checksums]
    if lists != [checksums.listing(others)[0]]:
        yield f"{checksums.NAME}: got another list than that of the other artifacts"


def _problems(signature: Signature, artifact: Artifact, bundle: Bundle, services: Services) -> Iterator[str]:
    """Yield what is wrong with a file and its bundle on disk."""
    try:
        found = files.artifact(services.work.file(artifact), artifact.kind)
    except FileNotFoundError:
        yield f"{artifact.name}: no such file"
        return
    if found != artifact:
        yield f"{artifact.name}: got sha256 {found.sha256}, expected {artifact.sha256}"
        return
    yield from signature.problems(bundle)
