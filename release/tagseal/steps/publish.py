"""publish: the irreversible acts, in order.

1. No stored verdict is believed: every bundle is verified again, in this process.
2. The remote tag is read again, then the draft: it is what ``prove`` saw.
3. The packages go to the index, where there is one: a name there is used up for ever (``steps.index.sending``).
4. The image and its signatures are read again in its registry; then this version's tags point at it.
5. The draft is flipped, with its tag, its body and its flags sent along.
6. Empty drafts of ours for this tag are deleted: one that was made twice shows late.
7. The tag and the release are read and compared once more.
8. The image's tags that move, such as ``latest``, point at it: whoever pulls them gets what is released.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagseal.errors import Busy, VerificationFailed
from tagseal.records import Draft, Plan, Proof, Publication, Seal, Tag
from tagseal.steps.draft import body, compare
from tagseal.steps.draft.choice import choose
from tagseal.steps.images import registry
from tagseal.steps.index.publish import send
from tagseal.steps.plan import latest
from tagseal.steps.seal.reverify import verify_sealed

if TYPE_CHECKING:
    from tagseal.services.github import Release
    from tagseal.steps import Services


def publish(  # noqa: PLR0913 - the records are the signature
    tag: Tag, plan: Plan, seal: Seal, draft: Draft, proof: Proof, *, services: Services
) -> Publication:
    """Make the proven draft public; a release that is public and whole already is success.

    Raises:
        VerificationFailed: The draft is not what ``prove`` saw, or became something else while it was flipped.
        Refused: The remote tag moved; or the index refuses a package or this publisher, or has other bytes.
        Busy: The release is not read as public, or the index did not answer.
        ServiceError: The index, or twine, failed. What was done stays, and the same command goes on.
    """
    verify_sealed(tag, plan, seal, services)
    repository = tag.identity.repository
    newest = latest(tag, plan, services)
    compare.hold_tag(tag, services)
    before = services.github.release(repository, draft.id)
    _proven(before, tag, plan, seal, proof, services)
    registry.verify_signed(seal, services)
    acts = list(send(plan, seal, services))
    acts += registry.tag_own(plan, seal, services)
    if before.draft:
        services.say(f"publishing {tag.name}")
        services.github.publish(repository, before, latest=newest)
        _tidy(tag, services)
        compare.hold_tag(tag, services)
    after = services.retry.read(partial(_public, draft.id, tag, services))
    _proven(after, tag, plan, seal, proof, services)
    acts.append(f"release {tag.name} published" if before.draft else f"release {tag.name} was public already")
    acts += registry.tag_moving(plan, seal, services, latest=newest)
    return Publication(id=after.id, url=after.url, published_at=after.published_at, acts=tuple(acts))


def _public(number: int, tag: Tag, services: Services) -> Release:
    """Return the release once it is read as public, which may take GitHub a while."""
    found = services.github.release(tag.identity.repository, number)
    if found.draft:
        raise Busy(
            "got a release that is still a draft after publishing, expected it public",
            context=(found.url,),
            hint="{Rerun}; it looks before it acts.",
            slug="not-published",
        )
    return found


def _tidy(tag: Tag, services: Services) -> None:
    """Delete empty drafts of ours for this tag."""
    there = services.github.of_tag(tag.identity.repository, tag.name)
    if any(one.draft for one in there):
        for one in choose(there, {}, tag=tag.name, actor=services.github.actor()).discard:
            services.say(f"discarding the empty draft {one.url}")
            services.github.delete_draft(tag.identity.repository, one)


def _proven(  # noqa: PLR0913, PLR0917 - the records are the signature
    release: Release, tag: Tag, plan: Plan, seal: Seal, proof: Proof, services: Services
) -> None:
    """Compare a release with the seal and the page, and with what ``prove`` saw: ids, flags, files and notes."""
    release = compare.hold_release(release, tag, plan, seal, services)
    seen = {
        "the release: not the one that was proven": release.id == proof.draft,
        "the assets: not the ones that the notes' commands ran on": {*release.assets} == {*proof.assets},
        "the notes: not the ones whose commands ran": body.digest(release.body) == proof.body_sha256,
        "the pre-release flag: not as planned": release.prerelease == plan.prerelease,
    }
    if problems := [problem for problem, holds in seen.items() if not holds]:
        raise VerificationFailed(
            "got a release that is not what `prove` saw",
            context=(release.url, *problems),
            hint="Somebody changed it meanwhile. Look at it, then run upload, prove and publish again.",
            slug="changed-after-proof",
        )
