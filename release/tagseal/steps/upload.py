"""upload: one draft release that holds the sealed files and the rendered notes.

1. Every bundle is verified again, in this process.
2. What exists for the tag is read, and which of it is kept is chosen (``tagseal.steps.draft.choice``).
3. The difference from what is wanted is found (``tagseal.steps.draft.difference``): ``upload --plan`` prints it.
4. Its acts are done. Where nothing is known of an asset's bytes, or a draft was made, number 2 comes next.
5. What was changed is read once more; there must be no difference left.

An image is pushed between 3 and 4, untagged: what nobody pulls by accident may be there first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

from tagseal.errors import Busy, VerificationFailed
from tagseal.machine import files
from tagseal.machine.threads import side_by_side
from tagseal.names import show
from tagseal.records import BUNDLE, Draft, Kind, Plan, Seal, Tag
from tagseal.steps.draft import body, compare
from tagseal.steps.draft.choice import choose
from tagseal.steps.draft.difference import Act, Create, Delete, Difference, Discard, Edit, Look, Send, difference
from tagseal.steps.draft.wanted import wanted_files
from tagseal.steps.images import registry
from tagseal.steps.seal.bundles import BundleVerifier
from tagseal.steps.seal.earlier import is_whole
from tagseal.steps.seal.kit import Kit
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.verification.policy import Exact

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.services.github import Release
    from tagseal.steps import Services
    from tagseal.steps.draft.wanted import WantedFile

_THREADS = 16
"""One upload waits for the other end most of its time: 200 small files took 1.3 s less than by five (decision 20)."""
_ROUNDS = 6
"""Times that the difference is found: a draft is made, filled, looked into, read again; the rest is for accidents."""


def upload(tag: Tag, plan: Plan, seal: Seal, *, services: Services) -> Draft:
    """Return the draft, converged to the wanted assets and notes.

    Raises:
        Refused: A draft that is not ours exists for this tag, or a file in ours that nobody planned; the tag moved.
        VerificationFailed: The published release is not whole, or the server keeps other bytes or names.
    """
    verify_sealed(tag, plan, seal, services)
    work = _UploadRun(tag, plan, seal, services)
    if seal.image is not None:
        work.difference()  # what is refused here keeps the image out of the registry, too
        work.pushed = registry.push(seal, services)
    for _ in range(_ROUNDS):
        found = work.difference()
        if found.kept is not None and not found.acts:
            return work.draft_of(found.kept, found)
        work.spare(found)
        work.do(found)
    raise VerificationFailed(
        f"got a draft for {tag.name} that is still not what was sealed after mending it {_ROUNDS} times",
        context=found.lines(),
        hint="Somebody else is changing it, or GitHub keeps other bytes. Look at it; then run the same command again.",
        slug="release-unsettled",
    )


def plan_upload(tag: Tag, plan: Plan, seal: Seal, *, services: Services) -> Difference:
    """Return what ``upload`` would do now; nothing is changed.

    Raises:
        TagsealError: What ``upload`` would raise before it changes anything.
    """
    verify_sealed(tag, plan, seal, services)
    return _UploadRun(tag, plan, seal, services).difference()


class _UploadRun:
    """What one run knows on its way: what it made, and what it found out."""

    def __init__(self, tag: Tag, plan: Plan, seal: Seal, services: Services) -> None:
        self.tag, self.plan, self.seal, self.services = tag, plan, seal, services
        self.github, self.repository = services.github, tag.identity.repository
        self.files = wanted_files(seal)
        self.text = cache(partial(body.render_body, tag, plan, seal, services))
        self.theirs: str | None = None
        self.made: set[int] = set()
        """Drafts, by id: a listing may lag."""
        self.digests: dict[int, str] = {}
        """sha256 by the asset's id: the bytes of an asset never change."""
        self.sent = self.pushed = 0

    def difference(self) -> Difference:
        """Read what is there, and find what separates it from what is wanted."""
        choice = choose(
            self._there(),
            self.files,
            tag=self.tag.name,
            actor=self.github.actor(),
            adopt=self.services.settings.release == "adopt",
        )
        self.theirs = choice.theirs
        text = self.text(self.theirs)
        return difference(choice, self.tag.name, self.files, body=text, prerelease=self.plan.prerelease)

    def spare(self, found: Difference) -> None:
        """Hold that nothing is deleted of a whole, verified set, which ``sign`` had not seen yet: a listing may lag.

        Raises:
            Busy: There is one; ``sign`` takes it, next time.
        """
        kept = found.kept
        lost = {act.asset.name for act in found.acts if isinstance(act, Delete)}
        if kept is None or kept.id in self.made or not lost:
            return
        judge = BundleVerifier(policy=Exact(self.tag.identity, self.tag.commit), trust=self.services.verifier)
        fetch = partial(self.github.download, self.repository)
        try:
            if lost <= {self.plan.kit, self.plan.kit + BUNDLE}:  # it follows from the others, which stay
                kit = Kit.of(self.tag, self.plan, self.seal.artifacts, self.services)
                whole = kit.there(kept, judge) is not None
            else:
                others = tuple(artifact for artifact in self.seal.artifacts if artifact.kind is not Kind.kit)
                whole = is_whole(others, kept, fetch=fetch, work=self.services.work, judge=judge)
        except VerificationFailed:  # its bytes are not those that GitHub lists
            return
        if whole:
            raise Busy(
                f"got a whole set of signed files in the draft for {self.tag.name}, which was not listed while these "
                "were signed, expected the files that `sign` knew of",
                context=(kept.url,),
                hint="Run the job that signs again: it takes those, which somebody may use already.",
                slug="earlier-set-listed-late",
            )

    def do(self, found: Difference) -> None:
        """Do the acts, those of one kind side by side; after making or looking there is more to be found out."""
        for kind, group in groupby(found.acts, type):
            acts = list(group)
            self.github.pace.expect(len(acts))
            side_by_side(partial(self._do, found.kept, len(acts)), list(enumerate(acts, 1)), _THREADS)
            if kind in {Create, Look}:
                return

    def draft_of(self, kept: Release, found: Difference) -> Draft:
        """Return the record of a release that is what was wanted."""
        public = () if kept.draft else (f"the release {kept.tag} is public already, and whole: {kept.url}",)
        for remark in (*public, *found.remarks):
            self.services.remark(remark)
        files.write_atomically(self.services.work.notes, kept.body.encode())
        return Draft(
            id=kept.id,
            url=kept.url,
            tag=kept.tag,
            assets=kept.assets,
            body_sha256=body.digest(kept.body),
            sent=self.sent,
            pushed=self.pushed,
        )

    def _there(self) -> list[Release]:
        listed = {one.id: one for one in self.github.of_tag(self.repository, self.tag.name)}
        missing = [self.github.release(self.repository, number) for number in sorted(self.made - listed.keys())]
        return [self._known_release(one) for one in (*listed.values(), *missing)]

    def _known_release(self, release: Release) -> Release:
        assets = (replace(asset, sha256=asset.sha256 or self.digests.get(asset.id, "")) for asset in release.assets)
        return replace(release, assets=tuple(assets))

    def _do(self, kept: Release | None, all_of_them: int, numbered: tuple[int, Act]) -> None:
        number, act = numbered
        self.services.say(f"{act} ({number} of {all_of_them})")
        match act:
            case Discard(draft):
                if self.github.delete_draft(self.repository, draft):
                    self.made.discard(draft.id)
            case Create(name):
                compare.hold_tag(self.tag, self.services)
                made = self.github.create_draft(
                    self.repository, name, body=self.text(None), prerelease=self.plan.prerelease
                )
                self.made.add(made.id)
            case Look(asset):
                self.digests[asset.id] = compare.hash_asset(asset, self.tag, self.services)
            case Delete(asset):
                self.github.delete_asset(self.repository, asset)
            case Edit() if kept is not None:
                self._edit(kept)
            case Send(file) if kept is not None:
                self._send(kept, file)

    def _edit(self, kept: Release) -> None:
        text = self.text(self.theirs)
        if body.loses(kept.body, text):
            path = body.keep(kept.body, self.services.work.path)
            self.services.remark(f"somebody edited the notes; what was there is kept as {path.name}:")
            for line in body.changes(kept.body, text):
                self.services.remark(line)
        self.github.edit(self.repository, kept, body=text, prerelease=self.plan.prerelease)

    def _send(self, kept: Release, file: WantedFile) -> None:
        answer = self.github.upload(self.repository, kept, self._path(file.name), sha256=file.sha256)
        self.sent += 1
        if answer.name != file.name:
            self.github.delete_asset(self.repository, answer)  # nobody planned it
            raise VerificationFailed(
                f"got the name {show(answer.name)} from GitHub for the upload of {file.name}, expected its own",
                hint="It is deleted again: nobody would find it. Give the file a plainer name, and tag again.",
                slug="upload-renamed",
            )
        if file.like(answer) is False:
            raise VerificationFailed(
                f"got {answer.size:,} bytes with sha256 {answer.sha256 or 'unknown'} from GitHub for the upload of "
                f"{file.name}, expected {file.size:,} bytes with sha256 {file.sha256}",
                hint="Run the same command again: it replaces the asset.",
                slug="upload-differs",
            )

    def _path(self, name: str) -> Path:
        artifact = next((artifact for artifact in self.seal.artifacts if artifact.name == name), None)
        return self.services.work.file(artifact) if artifact else self.services.work.bundles / name
