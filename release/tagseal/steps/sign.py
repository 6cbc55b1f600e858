"""sign: every artifact gets a bundle that verifies.

1. The tools that ``prove`` needs are here: afterwards there would be log entries without a release.
2. The identity token names the planned identity; the committed pages, and the index's publisher, name no other.
3. The bytes are those that were checked, and what ``check`` found without running anything is found again: that step
   ran beside a back end. ``SHA256SUMS`` is one more artifact.
4. A whole, verified set that exists for this tag and commit takes their place; so does such an image. What the index
   has of this version must be of that set, and attested by this workflow.
5. Bundles that verify for identity, commit and digest are kept; the rest is signed, with one certificate.
6. Every bundle is verified, in this process.
7. The offline kit is made of them, or one that fits them is kept; it is signed like them, in a second pass.
"""

from __future__ import annotations

import shutil
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError, VerificationFailed
from tagseal.machine import actions, files
from tagseal.records import ATTESTATION, Artifact, Build, Checks, Plan, Seal, Tag
from tagseal.services import oidc
from tagseal.steps import fileset
from tagseal.steps.draft.choice import Choice, choose
from tagseal.steps.draft.wanted import WantedFile
from tagseal.steps.guard import agree
from tagseal.steps.images import layouts, signatures
from tagseal.steps.images.earlier import winning
from tagseal.steps.index import attest
from tagseal.steps.seal import checksums, earlier, identity
from tagseal.steps.seal.bundles import BundleVerifier, good
from tagseal.steps.seal.kit import Kit
from tagseal.steps.shell import instructions
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tagseal.steps import Services
    from tagseal.steps.seal.bundles import Signature

_INSTALL = {
    "bash": "your system's package of that name",
    "crane": "https://github.com/google/go-containerregistry/tree/main/cmd/crane",
    "cosign": "https://docs.sigstore.dev/cosign/system_config/installation/",
    "gh": "https://cli.github.com",
    "pip": "python -P -m ensurepip",
    "pypi-attestations": "pip install pypi-attestations",
    "sha256sum": "your system's coreutils",
    "sigstore": "pip install sigstore",
}


def sign(tag: Tag, plan: Plan, build: Build, checks: Checks, *, services: Services) -> Seal:
    """Return the sealed artifacts, each with its bundle.

    Raises:
        UsageError: A tool that ``prove`` needs is missing.
        Refused: The job has no identity token, or one of another identity; or the index has a file of this version
            that is not of this release.
        VerificationFailed: A file is not planned, or not the checked one, or a fresh bundle does not verify.
        Busy: Sigstore, GitHub or the runner's token endpoint failed until the patience was over.
        ServiceError: One of them refused; finished bundles are kept for the next run.
    """
    _tools(plan, services)
    services.retry.read(partial(_token, tag, services))
    judge = BundleVerifier(policy=Exact(tag.identity, tag.commit), trust=services.verifier)
    artifacts, there = _adopt(_hold_checked(tag, plan, build, checks, judge, services), judge, tag, services)
    image = winning(checks.image, plan, judge.policy, there.kept, services)
    of_files = judge.signatures(artifacts, services.work.bundles)
    of_image = signatures.of_image(image, judge.policy, services)
    bundled = good(of_files)
    attest.agrees(plan, artifacts, {*build.adopted} - bundled, judge, services)
    of_packages = attest.signatures(attest.wanted_packages(plan, artifacts), judge.policy, services)
    kept = bundled | good([*of_image, *of_packages])
    _sign([*of_files, *of_image, *of_packages], kept, tag, services)
    bundles = [signature.describe() for signature in of_files]
    made, again = _kit(tag, plan, artifacts, there, judge, services)
    return Seal(
        tag=tag.name,
        commit=tag.commit,
        identity=tag.identity,
        artifacts=(*artifacts, *made),
        bundles=(*bundles, *(signature.describe() for signature in judge.signatures(made, services.work.bundles))),
        kept=len(kept) + again,
        image=image,
        signatures=tuple(signature.describe() for signature in of_image),
        attestations=tuple(signature.describe() for signature in of_packages),
    )


def _tools(plan: Plan, services: Services) -> None:
    path = instructions.path(services.environ)
    missing = [tool for tool in ("bash", *plan.tools) if shutil.which(tool, path=path) is None]
    if missing:
        raise UsageError(
            f"got no {', '.join(missing)}, expected the tools that the notes' commands need",
            context=tuple(f"{tool}: {_INSTALL.get(tool, 'see its own documentation')}" for tool in missing),
            hint="Install them in this job, then run the same command again. Nothing was signed.",
            slug="missing-proof-tools",
        )


def _token(tag: Tag, services: Services) -> str:
    token = oidc.identity_token(services.environ, oidc.SIGSTORE)
    if token is None:
        raise Refused(
            "got a job without an identity token, expected one",
            hint="Give this job the permission `id-token: write`.",
            slug="no-identity-token",
        )
    agree(oidc.claims(token), actions.event(services.environ), tag.identity)
    identity.agrees(services.git, tag.identity)
    identity.hold_publisher(services.root, services.settings.index, tag.identity)
    return token


def _hold_checked(  # noqa: PLR0913, PLR0917 - the records, and by what they are judged
    tag: Tag, plan: Plan, build: Build, checks: Checks, judge: BundleVerifier, services: Services
) -> tuple[Artifact, ...]:
    """Return the checked artifacts by name, then their checksums, having compared every byte on disk.

    A file that an earlier try of this step took from the release is not the checked one; its bundle verifies.
    """
    if build.commit != tag.commit or (build.artifacts, build.image) != (checks.artifacts, checks.image):
        raise VerificationFailed(
            f"got checks of another build than that of {tag.commit}",
            hint="Run build and check again.",
            slug="checks-of-another-build",
        )
    _hold_plan(fileset.name_problems(plan, checks.artifacts, services.settings))
    found = [_find(artifact, services) for artifact in checks.artifacts]
    pairs = list(zip(checks.artifacts, found, strict=True))
    taken = [there for one, there in pairs if there is not None and there != one]
    verified = judge.good(taken, services.work.bundles)
    if changed := [one.name for one, there in pairs if there != one and one.name not in verified]:
        raise VerificationFailed(
            "got files that are not the checked ones, expected the same bytes",
            context=tuple(changed),
            hint="The work folder was changed after `check`. Find out by whom; then run build and check again.",
            slug="changed-after-check",
        )
    if wrong := layouts.difference_from_plan(checks.image, plan.image):
        raise VerificationFailed(
            wrong,
            hint="The build job's records are not those of this configuration. Run build and check again.",
            slug="image-not-planned",
        )
    artifacts = [there for there in found if there is not None]
    _hold_plan(fileset.content_problems(plan, fileset.packages(artifacts), services.work))
    listed, text = checksums.listing(artifacts)
    files.write_atomically(services.work.file(listed), text)
    return (*sorted(artifacts, key=lambda one: one.name), listed)


def _hold_plan(problems: Iterator[str]) -> None:
    """Refuse what the build job said of its files together, records and bytes alike, and nobody planned."""
    if found := tuple(problems):
        raise VerificationFailed(
            "got files that are not the planned ones; nothing was signed",
            context=found,
            hint="The build job, or whoever changed what it handed on, made them: look at what that job ran, its "
            "dependencies first. Then re-run all jobs.",
            slug="files-not-planned",
        )


def _find(artifact: Artifact, services: Services) -> Artifact | None:
    try:
        return files.artifact(services.work.file(artifact), artifact.kind)
    except FileNotFoundError:
        return None


def _adopt(
    artifacts: tuple[Artifact, ...], judge: BundleVerifier, tag: Tag, services: Services
) -> tuple[tuple[Artifact, ...], Choice]:
    """Let what exists on GitHub for this tag win, where it is whole and verifies; what ``upload`` keeps comes first.

    Returns:
        The artifacts to release, and which release ``upload`` keeps, with those that are left beside it.

    Raises:
        Refused: ``upload`` would refuse what is there.
    """
    repository, github = tag.identity.repository, services.github
    services.work.bundles.mkdir(parents=True, exist_ok=True)
    there = github.of_tag(repository, tag.name)
    if not there:
        return artifacts, Choice()
    files = {
        artifact.name: WantedFile(name=artifact.name, size=artifact.size, sha256=artifact.sha256)
        for artifact in artifacts
    }
    adopt = services.settings.release == "adopt"
    found = choose(there, files, tag=tag.name, actor=github.actor(), adopt=adopt)
    fetch = partial(github.download, repository)
    for release in (*((found.kept,) if found.kept else ()), *found.left):
        taken = earlier.adopt(artifacts, release, fetch=fetch, work=services.work, judge=judge)
        if taken is not None:
            return taken, found
    return artifacts, found


def _kit(  # noqa: PLR0913, PLR0917 - the records, and by what it is judged
    tag: Tag, plan: Plan, artifacts: tuple[Artifact, ...], there: Choice, judge: BundleVerifier, services: Services
) -> tuple[tuple[Artifact, ...], int]:
    """Make and sign the kit where there is to be one; return it, and how many bundles were kept."""
    if not plan.kit:
        return (), 0
    releases = (*((there.kept,) if there.kept else ()), *there.left)
    made, kept = Kit.of(tag, plan, artifacts, services).settle(releases, judge)
    _sign(judge.signatures([made], services.work.bundles), {made.name} if kept else (), tag, services)
    return (made,), int(kept)


def _sign(wanted: Sequence[Signature], kept: Collection[str], tag: Tag, services: Services) -> None:
    """Sign what has no good bundle; each bundle is on disk before it counts."""
    number = count(len(kept) + 1)
    rest = {signature.name: signature for signature in wanted if signature.name not in kept}

    def finished(name: str, bundle: bytes) -> None:
        rest[name].keep(bundle)
        services.say(f"signed {next(number)} of {len(wanted)}: {name}")

    subjects = {name: signature.subject for name, signature in rest.items()}
    promised = "simplesigning" in signatures.forms(services) or any(name.endswith(ATTESTATION) for name in rest)
    services.sigstore.sign(subjects, lambda: _token(tag, services), finished, promised=promised)
