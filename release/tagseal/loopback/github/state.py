"""What the forge remembers: repositories, refs, releases, assets, accounts and tokens. Real, mutable, in memory.

Only the assets' bytes lie on disk. Whoever reads or changes more than one value holds ``State.lock``.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from tagseal.loopback.signed import Addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ACTIONS_BOT = "github-actions[bot]"
DOWNLOADS = "release-assets.githubusercontent.com"


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever a token acts for."""

    id: int
    login: str

    @property
    def bot(self) -> bool:
        """Whether this is an app's installation, as in a job's token."""
        return self.login.endswith("[bot]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one token may do."""

    actor: Actor
    scopes: Mapping[str, str]
    """Scope to ``read`` or ``write``, spelled as ``permissions:`` in a workflow."""
    repository: str | None
    """The only repository that the scopes are for; None for all."""
    asked: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Every scope and level that a request took, and whether the token had it."""

    def account(self, scope: str, level: str, *, refused: bool) -> None:
        """Remember what a request took; what was refused once stays so. Public things are read without any scope."""
        if refused or self.scopes.get(scope) in {level, "write"}:
            self.asked[scope, level] = not refused and self.asked.get((scope, level), True)

    def may(self, scope: str, level: str, repository: PlayedRepository) -> bool:
        """Tell whether the token has the scope for this repository."""
        here = self.repository in {None, repository.full_name}
        return here and self.scopes.get(scope) in {level, "write"}


@dataclass(frozen=True, slots=True)
class GitObject:
    """What a ref or a tag object points to."""

    kind: str
    """``commit`` or ``tag``."""
    sha: str


@dataclass(slots=True, kw_only=True)
class PlayedAsset:
    """One file of a release."""

    id: int
    name: str
    """As the server spells it."""
    label: str
    content_type: str
    path: Path = field(repr=False)
    uploader: Actor
    created_at: datetime
    state: str = "starter"
    """``uploaded`` once every byte is there."""
    size: int = 0
    """Bytes."""
    sha256: str = ""
    """64 hexadecimal digits; empty until every byte is there."""
    downloads: int = 0

    def open(self) -> IO[bytes]:
        """Open the bytes for reading."""
        return self.path.open("rb")


@dataclass(slots=True, kw_only=True)
class PlayedRelease:
    """A release, draft or published."""

    id: int
    author: Actor
    created_at: datetime
    tag_name: str
    target: str
    """The branch or commit that a missing tag would be made at."""
    name: str = ""
    body: str = ""
    draft: bool = False
    prerelease: bool = False
    immutable: bool = False
    published_at: datetime | None = None
    assets: list[PlayedAsset] = field(default_factory=list)
    untagged: str = field(default_factory=lambda: f"untagged-{secrets.token_hex(10)}")

    @property
    def slug(self) -> str:
        """What stands for the tag in the release's web addresses: not the tag while it is a draft."""
        return self.untagged if self.draft else self.tag_name


@dataclass(slots=True, kw_only=True)
class PlayedRepository:
    """A repository: refs, tag objects and releases, but no commits."""

    id: int
    full_name: str
    private: bool
    immutable: bool
    """Whether releases are locked when they are published."""
    default_branch: str
    refs: dict[str, GitObject] = field(default_factory=dict)
    """By full name: ``refs/tags/v1``."""
    tag_objects: dict[str, tuple[str, GitObject]] = field(default_factory=dict)
    """By sha: the tag's name and what it points to."""
    by_id: dict[int, PlayedRelease] = field(default_factory=dict)
    burnt: set[str] = field(default_factory=set)
    """Tags that an immutable release has used, for ever."""
    chosen: int | None = None
    """The release that was made the latest on purpose."""
    stale: list[tuple[PlayedRelease, ...]] = field(default_factory=list)
    """What the next listings show instead of the releases, one each."""

    @property
    def releases(self) -> tuple[PlayedRelease, ...]:
        """All releases, newest first."""
        return tuple(sorted(self.by_id.values(), key=lambda release: release.id, reverse=True))

    @property
    def tags(self) -> dict[str, GitObject]:
        """What each tag points to, by the tag's name."""
        prefix = "refs/tags/"
        return {name.removeprefix(prefix): at for name, at in self.refs.items() if name.startswith(prefix)}

    def list_releases(self) -> tuple[PlayedRelease, ...]:
        """Return what a listing shows, which may lag."""
        return self.stale.pop() if self.stale else self.releases

    def published_release(self, tag: str) -> PlayedRelease | None:
        """Return the published release of this tag."""
        return next((release for release in self.releases if release.tag_name == tag and not release.draft), None)

    @property
    def latest(self) -> PlayedRelease | None:
        """The release that is shown first: the chosen one, else the newest that is neither draft nor pre-release."""
        full = [release for release in self.releases if not release.draft and not release.prerelease]
        return next((one for one in full if one.id == self.chosen), full[0] if full else None)

    def add_branch(self, name: str, commit: str) -> None:
        """Create or move a branch."""
        self.refs[f"refs/heads/{name}"] = GitObject("commit", commit)

    def add_tag(self, name: str, commit: str, *, annotated: bool = False, nested: bool = False) -> None:
        """Create or move a tag; ``nested`` makes an annotated tag of an annotated tag."""
        target = GitObject("commit", commit)
        for _ in range(2 if nested else int(annotated)):
            sha = hashlib.sha1(f"{name} {target}".encode(), usedforsecurity=False).hexdigest()
            self.tag_objects[sha] = (name, target)
            target = GitObject("tag", sha)
        self.refs[f"refs/tags/{name}"] = target


class GitHubState:
    """Everything together."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = utc_now) -> None:
        """Keep the assets' bytes below ``folder``."""
        self.folder = folder
        self.now = now
        self.lock = threading.RLock()
        self.downloads = Addresses(DOWNLOADS, lambda: now().timestamp())
        """Where assets are downloaded from."""
        self.grants: dict[str, Grant] = {}
        self.requests: dict[str, int] = {}
        """Requests so far, by token."""
        self._repositories: dict[str, PlayedRepository] = {}
        self._moved: dict[str, PlayedRepository] = {}
        """By a former name."""
        self._accounts: dict[str, Actor] = {ACTIONS_BOT: Actor(id=41898282, login=ACTIONS_BOT)}
        self._ids = itertools.count(1001)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def repositories(self) -> tuple[PlayedRepository, ...]:
        """All repositories, in the order of their creation."""
        return tuple(self._repositories.values())

    def next_id(self) -> int:
        """Return a number that nothing else has."""
        return next(self._ids)

    def account(self, login: str) -> Actor:
        """Return the account of this name."""
        with self.lock:
            return self._accounts.setdefault(login, Actor(id=self.next_id(), login=login))

    def add(self, repository: PlayedRepository) -> None:
        """Add a repository; names do not differ by case alone."""
        self._repositories[repository.full_name.lower()] = repository

    def find(self, full_name: str) -> PlayedRepository | None:
        """Return the repository of this name, whatever its case."""
        return self._repositories.get(full_name.lower())

    def moved_repository(self, full_name: str) -> PlayedRepository | None:
        """Return the repository that once had this name, unless another has it now."""
        return self._moved.get(full_name.lower())

    def by_number(self, number: int) -> PlayedRepository | None:
        """Return the repository of this number, which no renaming changes."""
        return next((repository for repository in self.repositories if repository.id == number), None)

    def rename(self, repository: PlayedRepository, full_name: str) -> None:
        """Give a repository another name; the old one leads to it."""
        former = repository.full_name.lower()
        self._moved[former] = self._repositories.pop(former)
        for token, grant in self.grants.items():
            if grant.repository == repository.full_name:
                self.grants[token] = replace(grant, repository=full_name)
        repository.full_name = full_name
        self.add(repository)
