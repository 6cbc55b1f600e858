"""Releases as values: what an answer of GitHub's says, every field that is used of its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tagseal.records import Asset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from github.GitRelease import GitRelease
    from github.GitReleaseAsset import GitReleaseAsset

T = TypeVar("T")

_SHA256 = "sha256:"
"""Begins a digest; one of another kind is as good as none."""


def marker(tag: str) -> str:
    """Return the last line of a body that is ours."""
    return f"<!-- tagseal: {tag} -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as the server has it now."""

    id: int
    tag: str
    url: str
    draft: bool
    prerelease: bool
    immutable: bool = False
    """Nothing of it can be changed any more but title and notes."""
    name: str = ""
    """Its title; empty where it has none."""
    body: str
    """With ``\\n`` for line ends."""
    author: str
    assets: tuple[Asset, ...]
    """By name."""
    published_at: str
    """ISO 8601, UTC; empty for a draft."""


def mine(release: Release, tag: str, actor: str) -> bool:
    """Tell whether a release is ours: the marker on its last line, the author, and the tag (design, rule 7)."""
    last = release.body.rstrip().rpartition("\n")[2]
    return (release.tag, release.author, last) == (tag, actor, marker(tag))


def require_type(kind: type[T], value: object) -> T:
    """Return a value of an answer if it is there and of its type; PyGithub gives None for what is absent.

    Raises:
        TypeError: It is not.
    """
    if type(value) is not kind:
        raise TypeError(f"got {type(value).__name__}, expected {kind.__name__}")
    return value


def of_release(found: GitRelease, assets: Iterable[GitReleaseAsset]) -> Release:
    """Return the value; ``assets`` may be the inline ones, or those of a listing of their own.

    Raises:
        TypeError: A field is not what the API says.
    """
    return Release(
        id=require_type(int, found.id),
        tag=require_type(str, found.tag_name),
        url=require_type(str, found.html_url),
        draft=require_type(bool, found.draft),
        prerelease=require_type(bool, found.prerelease),
        immutable=found.immutable is True,
        name=found.name or "",
        body=(found.body or "").replace("\r\n", "\n"),
        author=str(getattr(found.author, "login", "")),
        assets=tuple(sorted(map(of_asset, assets), key=lambda one: one.name)),
        published_at="" if found.draft else found.published_at.isoformat(),
    )


def of_asset(found: GitReleaseAsset) -> Asset:
    """Return the value of an asset.

    Raises:
        TypeError: A field is not what the API says.
    """
    digest = found.digest or ""
    return Asset(
        id=require_type(int, found.id),
        name=require_type(str, found.name),
        size=require_type(int, found.size),
        sha256=digest.removeprefix(_SHA256) if digest.startswith(_SHA256) else "",
        state=require_type(str, found.state),
    )
