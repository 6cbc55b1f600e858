"""What is wanted against what is there, by name, size and sha256: the difference is a value, and nothing is done here.

1. ``tagseal.steps.draft.choice`` says which release it is about, and how far a run may go with it.
2. Each wanted file is there, or missing, or unfinished, or has other bytes, or nobody knows; then it is looked into.
3. What may be mended becomes an act; what may not stops the run: nothing is done to a release that would stay wrong.
4. The acts are in their order. A run that ends after any of them is resumed by finding the difference anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.errors import Refused, VerificationFailed
from tagseal.names import number_of
from tagseal.steps.draft.body import changes, loses
from tagseal.steps.draft.choice import AllowedChange
from tagseal.steps.draft.wanted import WantedFile, _wrong, problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagseal.records import Asset
    from tagseal.services.github import Release
    from tagseal.steps.draft.choice import Choice


@dataclass(frozen=True, slots=True)
class Discard:
    """Delete an empty draft of ours beside the one that is kept."""

    draft: Release

    def __str__(self) -> str:
        return f"discard the empty draft {self.draft.url}"


@dataclass(frozen=True, slots=True)
class Create:
    """Make the draft, with the notes."""

    tag: str

    def __str__(self) -> str:
        return f"create a draft for {self.tag}"


@dataclass(frozen=True, slots=True)
class Edit:
    """Set the notes and the flags; first of all, so that a release of somebody else's has our part in it."""

    what: tuple[str, ...]

    def __str__(self) -> str:
        return f"edit {' and '.join(self.what)}"


@dataclass(frozen=True, slots=True)
class Look:
    """Download an asset and hash it: GitHub keeps no digest of it."""

    asset: Asset

    def __str__(self) -> str:
        return f"look into {self.asset.name}, of which GitHub keeps no digest"


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an asset that is not the wanted one, so that the wanted one can be sent."""

    asset: Asset

    def __str__(self) -> str:
        return f"delete {self.asset.name}, which {_wrong(self.asset)}"


@dataclass(frozen=True, slots=True)
class Send:
    """Upload a file."""

    file: WantedFile

    def __str__(self) -> str:
        return f"send {self.file.name}, {number_of(self.file.size, 'byte')}"


Act = Discard | Create | Edit | Look | Delete | Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What separates a release from what is wanted: the acts, in order, that end it."""

    kept: Release | None
    """The release that it is about; None before it is made."""
    acts: tuple[Act, ...]
    remarks: tuple[str, ...]
    """What a person should know, one sentence each."""

    def lines(self) -> tuple[str, ...]:
        """Return one line for each act, for a person to read."""
        return tuple(str(act) for act in self.acts)


def difference(choice: Choice, tag: str, files: Mapping[str, WantedFile], *, body: str, prerelease: bool) -> Difference:
    """Return what is to be done.

    Raises:
        VerificationFailed: A published release is not what is wanted; it is never changed.
        Refused: A draft has a file that nobody planned, or one that is not ours to replace.
    """
    kept = choice.kept
    acts: Iterable[Act]
    if kept is None:
        acts = (Create(tag), *(Send(files[name]) for name in sorted(files)))
    elif choice.reach is AllowedChange.look:
        acts = _looks(kept, files)
        if not acts and (wrong := _not_whole(kept, files, body=body, prerelease=prerelease)):
            raise wrong
    else:
        _hold(choice.reach, kept, files)
        acts = (*_looks(kept, files), *_edits(kept, body, prerelease), *_mends(kept, files))
    discards = (Discard(draft) for draft in choice.discard)
    remarks = tuple(f"left as it is, beside the one that is kept: {draft.url}" for draft in choice.left)
    return Difference(kept=kept, acts=(*discards, *acts), remarks=remarks)


def unknown(files: Mapping[str, WantedFile], there: Iterable[Asset]) -> tuple[Asset, ...]:
    """Return the assets of which only their bytes can tell whether they are the wanted ones."""
    return tuple(one for one in there if one.name in files and files[one.name].like(one) is None)


def _looks(kept: Release, files: Mapping[str, WantedFile]) -> tuple[Look, ...]:
    return tuple(map(Look, unknown(files, kept.assets)))


def _edits(kept: Release, body: str, prerelease: bool) -> Iterator[Edit]:  # noqa: FBT001 - the flag itself
    edited = " (a person edited them; theirs are kept beside the records)" if loses(kept.body, body) else ""
    parts = {f"the notes{edited}": same(kept.body, body), "the pre-release flag": kept.prerelease == prerelease}
    if not all(parts.values()):
        yield Edit(tuple(part for part, holds in parts.items() if not holds))


def _mends(kept: Release, files: Mapping[str, WantedFile]) -> Iterator[Act]:
    """Yield what makes the files right: all that goes, then all that comes."""
    assets = {asset.name: asset for asset in kept.assets}
    wrong = [name for name in sorted(files) if name in assets and files[name].like(assets[name]) is False]
    yield from (Delete(assets[name]) for name in wrong)
    yield from (Send(files[name]) for name in sorted({*wrong} | (files.keys() - assets.keys())))


def _hold(reach: AllowedChange, kept: Release, files: Mapping[str, WantedFile]) -> None:
    """Accept a release in which such a run may mend whatever is wrong.

    Raises:
        Refused: It may not.
    """
    if beyond := [asset for asset in kept.assets if _beyond(reach, asset, files)]:
        named = problems({one.name: files[one.name] for one in beyond if one.name in files}, beyond)
        raise Refused(
            f"got files for {kept.tag} that nobody planned, or that are not ours to replace",
            context=(kept.url, *named),
            hint=f"Delete them at {kept.url}, or list them under `assets` in [tool.tagseal] and tag again.",
            slug="unplanned-asset",
        )


def _beyond(reach: AllowedChange, asset: Asset, files: Mapping[str, WantedFile]) -> bool:
    """Tell whether an asset is in the way, and not to be mended by such a run."""
    if asset.name not in files:
        return True
    needed = AllowedChange.replace if asset.state == "uploaded" else AllowedChange.finish
    return files[asset.name].like(asset) is False and reach < needed


def _not_whole(
    release: Release, files: Mapping[str, WantedFile], *, body: str, prerelease: bool
) -> VerificationFailed | None:
    """Return the error for a published release, with everything that is wrong with it; None if it is whole."""
    flag = () if release.prerelease == prerelease else ("the pre-release flag: not as planned",)
    found = (*problems(files, release.assets), *flag, *edits(release.body, body))
    if not found:
        return None
    return VerificationFailed(
        "got a published release that is not what was sealed",
        context=(release.url, *found),
        hint="A published release is never changed. Compare what is named here, then release a new version.",
        slug="release-not-whole",
    )


def edits(got: str, expected: str) -> tuple[str, ...]:
    """Return what to say of a body that is not the rendered one: that, and how it differs."""
    return () if same(got, expected) else ("the notes: not as rendered", *changes(got, expected))


def same(got: str, expected: str) -> bool:
    """Tell whether two bodies are one; the server may drop the last newline."""
    return got.rstrip() == expected.rstrip()
