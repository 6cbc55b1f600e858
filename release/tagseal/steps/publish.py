"""publish: the irreversible acts, in order.

No stored verdict is believed: every bundle is verified again, the remote tag and the draft are read again, and
compared with what ``prove`` saw. After the flip, everything is compared once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.records import Draft, Plan, Proof, Publication, Seal, Tag
from tagseal.steps.reconcile import difference
from tagseal.steps.sealed import verify_sealed
from tagseal.steps.upload import body, body_digest, wanted

if TYPE_CHECKING:
    from tagseal.services.github import Release
    from tagseal.steps import Services


def publish(  # noqa: PLR0913 - the records are the signature
    tag: Tag, plan: Plan, seal: Seal, draft: Draft, proof: Proof, *, services: Services
) -> Publication:
    """Make the proven draft public; a release that is public and whole already is success.

    Raises:
        VerificationFailed: The draft is not what ``prove`` saw, or became something else while it was flipped.
        Refused: The remote tag moved.
    """
    verify_sealed(tag, seal, services)
    repository = tag.identity.repository
    _unmoved(tag, services)
    before = services.github.release(repository, draft.id)
    _proven(before, proof, body(tag, plan, seal, services), seal)
    if before.draft:
        services.say(f"publishing {tag.name}")
        services.github.publish(repository, before, latest=plan.latest)
    after = services.github.release(repository, draft.id)
    _proven(after, proof, before.body, seal)
    if after.draft or after.tag != tag.name:
        raise VerificationFailed(
            f"got a release that is {'still a draft' if after.draft else f'on {after.tag}'} after publishing",
            context=(after.url,),
            hint="Run the same command again; it looks before it acts.",
            slug="not-published",
        )
    act = f"release {tag.name} published" if before.draft else f"release {tag.name} was public already"
    return Publication(id=after.id, url=after.url, published_at=after.published_at, acts=(act,))


def _unmoved(tag: Tag, services: Services) -> None:
    commit = services.github.tag_commit(tag.identity.repository, tag.name)
    if commit != tag.commit:
        raise Refused(
            f"got {tag.name} on {commit or 'no commit'} at the remote, expected {tag.commit}",
            hint="The tag moved since this run began: nothing was published. Find out who moved it.",
            slug="tag-moved-before-publish",
        )


def _proven(release: Release, proof: Proof, text: str, seal: Seal) -> None:
    """Compare a release with what ``prove`` saw: ids, names, sizes, digests, and the notes."""
    problems = difference(wanted(seal), release.assets).lines()
    if release.id != proof.draft or {*release.assets} != {*proof.assets}:
        problems = (*problems, "the assets: not the ones that the notes' commands ran on")
    if not body_digest(release.body) == body_digest(text) == proof.body_sha256:
        problems = (*problems, "the notes: not the ones whose commands ran")
    if problems:
        raise VerificationFailed(
            "got a release that is not what `prove` saw",
            context=(release.url, *problems),
            hint="Somebody changed it meanwhile. Look at it, then run upload, prove and publish again.",
            slug="changed-after-proof",
        )
