"""upload: one draft release that holds the sealed files and the rendered notes.

1. Every bundle is verified again, in this process.
2. A release that is published already is whole, or an error: nothing is sent to it.
3. Our draft is found by listing, or made; a stranger's stops the run.
4. Only what is missing is sent; what the server answers is compared.
5. The draft is read once more, and must be exactly what was wanted.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.names import shown
from tagseal.notes import render
from tagseal.records import Artifact, Asset, Bundle, Draft, Plan, Seal, Tag
from tagseal.services.github.releases import marker, mine
from tagseal.steps.reconcile import Wanted, difference
from tagseal.steps.sealed import verify_sealed

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.services.github import Release
    from tagseal.steps import Services


def upload(tag: Tag, plan: Plan, seal: Seal, *, services: Services) -> Draft:
    """Return the draft, converged to the wanted assets and notes.

    Raises:
        Refused: A draft that is not ours exists for this tag, or a file in ours that nobody planned.
        VerificationFailed: The published release is not whole, or the server keeps other bytes or names.
    """
    verify_sealed(tag, seal, services)
    want = wanted(seal)
    text = body(tag, plan, seal, services)
    repository = tag.identity.repository
    published = services.github.published(repository, tag.name)
    if published is not None:
        return _whole(published, want, text)
    draft = _ours(tag, plan, text, services)
    sent = _send(draft, want, repository, seal, services)
    if draft.body.rstrip() != text.rstrip() or draft.prerelease != plan.prerelease:
        services.github.edit(repository, draft, body=text, prerelease=plan.prerelease)
    return _whole(services.github.release(repository, draft.id), want, text, sent=sent)


def body(tag: Tag, plan: Plan, seal: Seal, services: Services) -> str:
    """Return the release's body: the notes, rendered now, and the marker on its last line."""
    page = render.render(tag=tag.name, plan=plan, artifacts=seal.artifacts, override=services.templates)
    services.work.notes.write_text(page.text, encoding="utf-8")
    return f"{page.text.rstrip()}\n\n{marker(tag.name)}\n"


def body_digest(text: str) -> str:
    """Return the sha256 of a body; the server may drop the last newline."""
    return hashlib.sha256(text.rstrip().encode()).hexdigest()


def wanted(seal: Seal) -> dict[str, Wanted]:
    """Return every file of the release by name: the artifacts and their bundles."""
    files: tuple[Artifact | Bundle, ...] = (*seal.artifacts, *seal.bundles)
    return {one.name: Wanted(name=one.name, size=one.size, sha256=one.sha256) for one in files}


def _ours(tag: Tag, plan: Plan, text: str, services: Services) -> Release:
    repository = tag.identity.repository
    drafts = [one for one in services.github.of_tag(repository, tag.name) if one.draft]
    found = next((one for one in drafts if mine(one, tag.name, services.github.actor())), None)
    if found is not None:
        return found
    if strangers := drafts:
        raise Refused(
            f"got a draft for {tag.name} that this tool did not make, expected none or its own",
            context=tuple(f"{one.url} by {shown(one.author)}" for one in strangers),
            hint="Delete that draft, or publish it under another tag, then run the same command again.",
            slug="stranger-draft",
        )
    services.say(f"creating the draft for {tag.name}")
    return services.github.create_draft(repository, tag.name, body=text, prerelease=plan.prerelease)


def _send(draft: Release, want: dict[str, Wanted], repository: str, seal: Seal, services: Services) -> int:
    found = difference(want, draft.assets)
    if found.unplanned:
        raise Refused(
            f"got {len(found.unplanned)} files in our draft that nobody planned",
            context=found.lines(),
            hint=f"Delete them at {draft.url}, or list them under `assets` in [tool.tagseal] and tag again.",
            slug="unplanned-asset",
        )
    for asset in draft.assets:
        if asset.name in found.different:
            services.github.delete_asset(repository, asset)
    paths = _paths(seal, services)
    names = (*found.missing, *found.different)
    for number, name in enumerate(names, 1):
        services.say(f"uploading {name} ({number} of {len(names)})")
        _as_sent(want[name], services.github.upload(repository, draft, paths[name], sha256=want[name].sha256))
    return len(names)


def _paths(seal: Seal, services: Services) -> dict[str, Path]:
    artifacts = {one.name: services.work.file(one) for one in seal.artifacts}
    return artifacts | {one.name: services.work.bundles / one.name for one in seal.bundles}


def _as_sent(sent: Wanted, answer: Asset) -> None:
    got = (answer.name, answer.size, answer.sha256 or sent.sha256)
    if got != (sent.name, sent.size, sent.sha256):
        raise VerificationFailed(
            f"got {got} from GitHub for the upload of {sent.name}, expected {(sent.name, sent.size, sent.sha256)}",
            hint="Run the same command again: it replaces the asset. If the name differs, rename the file.",
            slug="upload-differs",
        )


def _whole(release: Release, want: dict[str, Wanted], text: str, *, sent: int = 0) -> Draft:
    found = difference(want, release.assets)
    if not found.whole or release.body.rstrip() != text.rstrip():
        edited = () if release.body.rstrip() == text.rstrip() else ("the notes: not as rendered",)
        raise VerificationFailed(
            f"got a {'draft' if release.draft else 'published release'} that is not what was sealed",
            context=(release.url, *found.lines(), *edited),
            hint="Run the same command again, it mends a draft."
            if release.draft
            else "A published release is never changed. Compare the files named here, then release a new version.",
            slug="release-not-whole",
        )
    return Draft(
        id=release.id,
        url=release.url,
        tag=release.tag,
        assets=release.assets,
        body_sha256=body_digest(release.body),
        sent=sent,
    )
