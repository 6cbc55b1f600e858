"""publish, the first act: the packages go to the index, each once, wheels before the sdist.

1. What is there must be of this release; what is missing is sent, if it is of the planned project and version by its
   name and by its metadata: a name at an index is used up permanently.
2. This job must be the publisher that the configuration names, by the claims of its own identity token.
3. Wheels go side by side, then the sdist: nobody builds from source what is about to have a wheel.
4. After an answer that tells nothing, the index is looked at before anything is sent again.
5. At the end the index lists every file, with the bytes that were sealed.
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from tagseal.errors import Busy, Refused, VerificationFailed
from tagseal.machine import actions
from tagseal.machine.threads import side_by_side
from tagseal.names import number_of
from tagseal.records import ATTESTATION, Kind
from tagseal.services import oidc
from tagseal.steps import fileset, index
from tagseal.steps.index.attest import unequal
from tagseal.steps.seal import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.records import Artifact, Plan, Seal
    from tagseal.services.index.client import IndexClient, ListedFile
    from tagseal.steps import Services

_THREADS = 4
"""twine is a process for each file, and most of its time waits for the other end."""


def send(plan: Plan, seal: Seal, services: Services) -> Iterator[str]:
    """Send what the index lacks, and yield what was done.

    Raises:
        Refused: The index has other bytes, or refuses a file or this publisher.
        VerificationFailed: A package is of another project or version than the planned one.
        Busy: It did not answer until the patience was over.
        ServiceError: twine failed.
    """
    asking = index.client(plan, services)
    if asking is None:
        return
    packages, name = seal.packages, asking.index.name
    listed = index.there(plan, services)
    index.surplus([package.name for package in packages], listed, plan)
    unequal(plan, packages, listed, services)
    missing = [package for package in packages if package.name not in listed]
    if not missing:
        yield f"{name} had all {len(packages)} packages already"
        return
    _hold_planned(plan, missing, services)
    if asking.index.site and not services.environ.get(actions.OIDC_URL):
        raise Refused(
            f"got a job without an identity token, expected one: {name} trusts this workflow by it",
            hint="Give the job that publishes the permission `id-token: write`. Then run it again: nothing was "
            "published.",
            slug="publisher-without-identity",
        )
    if asking.index.site:
        services.retry.read(partial(_publisher, services))
    for _, group in groupby(missing, lambda one: one.kind is Kind.sdist):
        side_by_side(partial(_send, asking=asking, plan=plan, services=services), list(group), _THREADS)
    services.retry.read(lambda: listing(asking.files(), plan, packages, services))
    yield f"{number_of(len(missing), 'package')} sent to {name}"


def _hold_planned(plan: Plan, packages: Sequence[Artifact], services: Services) -> None:
    """Hold that the index would file each package under the planned project and version.

    Raises:
        VerificationFailed: It would not.
    """
    foreign = [package.name for package in packages if not fileset.is_of_version(plan, package.name)]
    if problems := (
        *(f"{name}: not of {plan.project} {plan.version}" for name in foreign),
        *fileset.content_problems(plan, packages, services.work),
    ):
        raise VerificationFailed(
            f"got packages that {plan.index_name} would file under another project or version; nothing was sent",
            context=problems,
            hint="Find out how they came to be signed. Then release a new version.",
            slug="index-package-not-planned",
        )


def _publisher(services: Services) -> None:
    """Hold that this job is who the configuration says is registered.

    Raises:
        Refused: A field differs.
        Busy: The runner gave no identity token.
    """
    token = oidc.identity_token(services.environ, oidc.SIGSTORE)
    if token is not None:
        identity.publishing(services.settings.index, oidc.claims(token))


def listing(
    found: tuple[ListedFile, ...], plan: Plan, packages: tuple[Artifact, ...], services: Services
) -> dict[str, ListedFile]:
    """Return what the index lists, by name: these packages, and nothing else of this version.

    Raises:
        Refused: It has other bytes.
        Busy: It does not list all of them yet.
    """
    listed = {one.name: one for one in found}
    unequal(plan, packages, listed, services)
    index.surplus([package.name for package in packages], listed, plan)
    if missing := [package.name for package in packages if package.name not in listed]:
        raise Busy(
            f"got no {', '.join(missing[:5])} in the listing of {plan.index_name}, expected what was sent there",
            hint="{Rerun}: it looks before it sends.",
            slug="index-not-listed",
        )
    return listed


def _send(package: Artifact, *, asking: IndexClient, plan: Plan, services: Services) -> None:
    from tagseal.services.index import uploads  # noqa: PLC0415 - only where something is to be sent

    path = services.work.file(package)
    attestation = services.work.attestations / (package.name + ATTESTATION) if asking.index.site else None

    def sending() -> bool:
        services.say(f"sending {package.name} to {asking.index.name}")
        uploads.upload(asking.index, path, package.sha256, attestation, services.environ)
        return True

    def look() -> bool | None:
        listed = {file.name: file for file in asking.files()}
        unequal(plan, (package,), listed, services)
        return True if package.name in listed else None

    services.retry.write(sending, look)
