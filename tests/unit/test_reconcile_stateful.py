"""Reconciliation over arbitrary remote states: a small forge in memory does the very acts that a difference names."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tagseal.errors import Refused, VerificationFailed
from tagseal.records import Asset
from tagseal.services.github import Release, mine
from tagseal.steps.draft import body
from tagseal.steps.draft.choice import choose
from tagseal.steps.draft.difference import Act, Create, Delete, Difference, Discard, Edit, Look, Send, difference
from tagseal.steps.draft.wanted import WantedFile, problems

TAG, ACTOR = "v1.2.3", "github-actions[bot]"
FILES = {
    name: WantedFile(name=name, size=1, sha256=letter * 64) for name, letter in (("a", "a"), ("b", "a"), ("c", "c"))
}
NAMES = st.sampled_from([*FILES, *FILES, *FILES, "unplanned"])
KINDS = st.sampled_from(["right", "right", "right", "of another", "wrong", "starter"])
ASSETS = st.dictionaries(NAMES, KINDS, max_size=4)
OURS = body.close("Notes of yesterday.", TAG)
FILLED = body.close(f"{body.beginning('Words.')}Notes of yesterday.", TAG)
BODIES = st.sampled_from([OURS, FILLED, FILLED, FILLED.replace("yesterday", "today"), "Words.", ""])
RELEASES = st.tuples(BODIES, st.sampled_from([ACTOR, "mallory"]), ASSETS, st.booleans())
Drawn = tuple[str, str, dict[str, str], bool]
ROUNDS = 6


class Stopped(Exception):  # noqa: N818 - the run was stopped: no error
    """The process was killed between two acts."""


class Forge(RuleBasedStateMachine):
    """Whatever may exist for a tag, a tool that is killed now and then, and people who meddle."""

    def __init__(self) -> None:
        super().__init__()
        self.releases: dict[int, Release] = {}
        self.bytes: dict[int, str] = {}
        self.looked: dict[int, str] = {}
        self.numbers = count(1)
        self.adopt = False
        self.proven: set[int] = set()

    @initialize(adopt=st.booleans(), public=st.none() | RELEASES, drafts=st.lists(RELEASES, max_size=3))
    def begins(self, adopt: bool, public: Drawn | None, drafts: list[Drawn]) -> None:  # noqa: FBT001 - drawn
        """Let the project choose, and anything be there."""
        self.adopt = adopt
        if public is not None:
            self._appears(public, draft=False)
        for draft in drafts:
            self._appears(draft)

    # What people and earlier runs do

    @rule(drawn=RELEASES)
    def draft_appears(self, drawn: Drawn) -> None:
        """A draft twice made, from another run, or by somebody else."""
        self._appears(drawn)

    @precondition(lambda self: self.releases)
    @rule(data=st.data(), name=NAMES, kind=KINDS)
    def asset_appears(self, data: st.DataObject, name: str, kind: str) -> None:
        """A file is attached, or begun."""
        self._attach(self._drawn(data).id, name, kind)

    @precondition(lambda self: any(release.assets for release in self.releases.values()))
    @rule(data=st.data(), digest=st.booleans())
    def asset_is_lost(self, data: st.DataObject, digest: bool) -> None:  # noqa: FBT001 - drawn
        """A file goes, or its digest does."""
        release = data.draw(st.sampled_from([release for release in self.releases.values() if release.assets]))
        asset = data.draw(st.sampled_from(release.assets))
        others = tuple(one for one in release.assets if one is not asset)
        self._set(replace(release, assets=(*others, replace(asset, sha256="")) if digest else others))

    @precondition(lambda self: self.releases)
    @rule(data=st.data())
    def body_is_edited(self, data: st.DataObject) -> None:
        """A person writes above, or within."""
        release = self._drawn(data)
        edits = [f"Hello.\n\n{release.body}", release.body.replace("Notes", "Quotes"), "Words."]
        self._set(replace(release, body=data.draw(st.sampled_from(edits))))

    # What the tool does

    @rule(acts=st.integers(0, 6), nulls=st.booleans())
    def run_is_killed(self, acts: int, nulls: bool) -> None:  # noqa: FBT001 - drawn
        """A run ends after some acts; what it looked into is forgotten."""
        try:
            self._converge(acts, nulls=nulls)
        except (Stopped, Refused, VerificationFailed):
            self.looked = {}

    @rule(nulls=st.booleans())
    def run_ends(self, nulls: bool) -> None:  # noqa: FBT001 - drawn
        """A run terminates: refused, or with a release that is exactly what was wanted; another finds nothing to do."""
        try:
            release = self._converge(10**6, nulls=nulls)
        except (Refused, VerificationFailed):
            return
        assert self._difference().acts == ()
        assert problems(FILES, self._known(release).assets) == ()
        assert release.body == body.close(f"{body.beginning(body.theirs(release.body))}Notes.", TAG)
        if release.draft:
            self._set(replace(release, draft=False))
        self.proven.add(release.id)

    @invariant()
    def one_release_is_published(self) -> None:
        """GitHub has one published release for a tag; the tool never asks for another."""
        assert sum(not release.draft for release in self.releases.values()) <= 1

    # The forge

    def _converge(self, left: int, *, nulls: bool) -> Release:
        for _ in range(ROUNDS):
            found = self._difference()
            if found.kept is not None and not found.acts:
                return found.kept
            for act in found.acts:
                if left == 0:
                    raise Stopped
                left -= 1
                self._do(found, act, nulls=nulls)
                if isinstance(act, Create):
                    break
                if isinstance(act, Look) and not isinstance(_behind(found, act), Look):
                    break
        raise AssertionError("it does not terminate")

    def _difference(self) -> Difference:
        there = sorted(map(self._known, self.releases.values()), key=lambda one: (one.draft, one.id))
        choice = choose(there, FILES, tag=TAG, actor=ACTOR, adopt=self.adopt)
        self.text = body.close(f"{body.beginning(choice.theirs)}Notes.", TAG)
        return difference(choice, TAG, FILES, body=self.text, prerelease=False)

    def _do(self, found: Difference, act: Act, *, nulls: bool) -> None:
        """Do one act, and hold the rules that none may break."""
        kept = self.releases[found.kept.id] if found.kept else None
        if kept is not None and not isinstance(act, Look | Discard):
            assert self.adopt or (kept.draft and mine(kept, TAG, ACTOR)), "a stranger's, or published"
            assert not kept.immutable
            assert kept.draft or body.theirs(kept.body) is not None or not kept.assets, "not left empty for us"
        match act:
            case Discard(draft):
                gone = self.releases.pop(draft.id)
                assert gone.draft
                assert mine(gone, TAG, ACTOR)
                assert not gone.assets
            case Create():
                assert not self.releases
                self._add(Release(**self._blank(), body=self.text, author=ACTOR))
            case Look(asset):
                self.looked[asset.id] = self.bytes[asset.id]
            case Edit() if kept is not None:
                assert kept.draft or not body.loses(kept.body, self.text), "words of a person"
                self._set(replace(kept, body=self.text, prerelease=False))
            case Delete(asset) if kept is not None:
                held = FILES.get(asset.name)
                assert held is not None, "nobody planned it"
                assert asset.state != "uploaded" or self.bytes[asset.id] != held.sha256
                assert kept.draft or asset.state != "uploaded", "published"
                others = tuple(one for one in kept.assets if one.id != asset.id)
                self._set(replace(kept, assets=others))
            case Send(file) if kept is not None:
                assert all(asset.name != file.name for asset in kept.assets)
                self._attach(kept.id, file.name, "right", digest=not nulls)

    def _blank(self) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "id": number,
            "tag": TAG,
            "url": f"https://github.com/o/r/{number}",
            "draft": True,
            "prerelease": False,
            "immutable": False,
            "assets": (),
            "published_at": "",
        }

    def _appears(self, drawn: Drawn, *, draft: bool = True) -> None:
        text, author, assets, immutable = drawn
        blank = self._blank() | {"draft": draft, "immutable": immutable and not draft}
        self._add(Release(**blank, body=text, author=author))
        for name, kind in assets.items():
            self._attach(blank["id"], name, kind)

    def _attach(self, number: int, name: str, kind: str, *, digest: bool = True) -> None:
        release, right = self.releases[number], FILES.get(name, FILES["a"]).sha256
        sha256 = {"right": right, "of another": "ac".replace(right[0], "")[0] * 64, "wrong": "e" * 64}.get(kind, "")
        if all(asset.name != name for asset in release.assets):
            asset = Asset(
                id=next(self.numbers),
                name=name,
                size=1,
                sha256=sha256 if digest else "",
                state="starter" if kind == "starter" else "uploaded",
            )
            self.bytes[asset.id] = sha256
            self._set(replace(release, assets=(*release.assets, asset)))

    def _known(self, release: Release) -> Release:
        assets = (replace(asset, sha256=asset.sha256 or self.looked.get(asset.id, "")) for asset in release.assets)
        return replace(release, assets=tuple(assets))

    def _drawn(self, data: st.DataObject) -> Release:
        return self.releases[data.draw(st.sampled_from(sorted(self.releases)))]

    def _add(self, release: Release) -> None:
        self.releases[release.id] = release

    _set = _add


def _behind(found: Difference, act: Act) -> Act | None:
    """Return the act behind this one."""
    number = found.acts.index(act) + 1
    return found.acts[number] if number < len(found.acts) else None


Forge.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestForge = Forge.TestCase
