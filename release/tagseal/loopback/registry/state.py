"""What a registry remembers: repositories, manifests, tags, uploads and the tokens that it issued.

Manifests are in memory, blobs on disk. Whoever reads or changes more than one value holds ``State.lock``.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tagseal.loopback.registry.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tagseal.loopback.registry.blobs import Upload
    from tagseal.loopback.registry.storage import Storage

    class PermissionLedger(Protocol):
        """Is told which level of ``packages`` a GitHub token was asked for, and whether it was refused."""

        def __call__(self, token: str, level: str, *, refused: bool) -> None:
            """Take one request's account."""

    Scopes = Callable[[str, str], Mapping[str, str] | None]
    """Takes a GitHub token and a repository's name, empty for none, and gives what the token may do there, spelled as
    ``permissions:`` in a workflow; None for a token that nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedManifest:
    """A manifest or an index, as it was pushed."""

    content: bytes = field(repr=False)
    digest: str
    media_type: str
    artifact_type: str = ""
    """Of an image without one: its config's media type (distribution 1.1, "Listing Referrers")."""
    subject: str = ""
    """The digest of the manifest that this one is about."""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def descriptor(self) -> dict[str, object]:
        """What an index says of it."""
        shape: dict[str, object] = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}
        if self.artifact_type:
            shape["artifactType"] = self.artifact_type
        return shape | ({"annotations": dict(self.annotations)} if self.annotations else {})


@dataclass(slots=True, kw_only=True)
class ImageRepository:
    """One package: what was pushed under one name."""

    name: str
    private: bool
    immutable: bool
    """Whether a tag, once there, stays at its digest."""
    blobs: set[str] = field(default_factory=set)
    """Digests of the blobs that this repository knows; another's are strange to it."""
    manifests: dict[str, PushedManifest] = field(default_factory=dict)
    """By digest."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tag to digest."""

    def find(self, reference: str) -> PushedManifest | None:
        """Return the manifest of this tag or digest."""
        return self.manifests.get(reference if ":" in reference else self.tags.get(reference, ""))

    def delete(self, reference: str) -> bool:
        """Delete a tag, or a manifest with every tag that points to it; tell whether it was there."""
        if ":" not in reference:
            return self.tags.pop(reference, None) is not None
        self.tags = {tag: digest for tag, digest in self.tags.items() if digest != reference}
        return self.manifests.pop(reference, None) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What an issued token stands for."""

    github: str | None = field(repr=False)
    """The GitHub token that it was issued for; None for a stranger."""
    access: Mapping[str, frozenset[str]]
    """Repository to ``pull`` and ``push``."""
    expires: float
    """Seconds, by the state's clock."""


@dataclass(slots=True, kw_only=True)
class RegistryRules:
    """How registries differ; whoever changes one changes what happens from the next request on."""

    referrers: bool
    """Whether there is a referrers API, and an OCI-Subject header."""
    fresh_private: bool
    """Whether a repository is private at its first push."""
    immutable: bool
    """Whether the tags of a new repository stay at their digests."""
    token_lifetime: int
    """Seconds that an issued token is good for."""


def nobody(token: str, level: str, *, refused: bool) -> None:
    """Keep no account."""


class RegistryState:
    """Everything together."""

    def __init__(self, folder: Path, scopes: Scopes, rules: RegistryRules, clock: Callable[[], float]) -> None:
        """Keep blobs below ``folder``; ``clock`` counts seconds."""
        self.blobs = Blobs(folder)
        self.scopes = scopes
        self.rules = rules
        self.storage: Storage | None = None
        """Where blobs are pulled from, if it is not the registry itself."""
        self.account: PermissionLedger = nobody
        self.clock = clock
        self.lock = threading.RLock()
        self.repositories: dict[str, ImageRepository] = {}
        self.uploads: dict[str, Upload] = {}
        self._tickets: dict[str, Ticket] = {}

    def repository(self, name: str) -> ImageRepository:
        """Return the repository of this name, made at its first push."""
        with self.lock:
            fresh = ImageRepository(name=name, private=self.rules.fresh_private, immutable=self.rules.immutable)
            return self.repositories.setdefault(name, fresh)

    def begin(self, name: str) -> Upload:
        """Open an upload session."""
        upload = self.blobs.begin(name)
        with self.lock:
            self.uploads[upload.id] = upload
        return upload

    def drop(self, upload: Upload) -> None:
        """Close a session, and delete what came unless a blob was made of it."""
        with self.lock:
            self.uploads.pop(upload.id, None)
        upload.path.unlink(missing_ok=True)

    def forget(self, repository: ImageRepository, digest: str) -> None:
        """Take a blob from a repository, and from the disk if it was the last one's."""
        with self.lock:
            repository.blobs.discard(digest)
            if not any(digest in other.blobs for other in self.repositories.values()):
                self.blobs.path(digest).unlink(missing_ok=True)

    def issue(self, ticket: Ticket) -> str:
        """Return a new token for the ticket; expired ones are forgotten."""
        token = secrets.token_urlsafe(32)
        with self.lock:
            now = self.clock()
            self._tickets = {key: one for key, one in self._tickets.items() if one.expires > now}
            self._tickets[token] = ticket
        return token

    def ticket(self, token: str) -> Ticket | None:
        """Return what the token stands for, as long as it is good."""
        with self.lock:
            found = self._tickets.get(token)
        return found if found and found.expires > self.clock() else None
