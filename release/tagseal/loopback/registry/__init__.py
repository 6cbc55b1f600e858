"""A container registry, played: OCI distribution 1.1, with GHCR's tokens, packages and words."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug import Response
from werkzeug.routing import Map, Rule

from tagseal.loopback.registry import content, listing, manifests, tokens, uploads
from tagseal.loopback.registry.calls import RegistryCall, problem
from tagseal.loopback.registry.state import ImageRepository, RegistryRules, RegistryState
from tagseal.loopback.registry.storage import Storage
from tagseal.loopback.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from werkzeug import Request
    from werkzeug.exceptions import HTTPException

    from tagseal.loopback.registry.calls import Endpoint
    from tagseal.loopback.registry.state import PushedManifest, Scopes

GHCR = "ghcr.io"
TOKEN_LIFETIME = 300
"""Seconds, as GHCR's."""

_TABLE = (*listing.TABLE, *tokens.TABLE, *uploads.TABLE, *content.TABLE, *manifests.TABLE)
_CODES = {404: ("NAME_UNKNOWN", "repository name not known to registry"), 405: ("UNSUPPORTED", "unsupported")}


class PlayedRegistry(Service):
    """A registry with real, mutable behaviour; its ``rules`` can be changed while it runs."""

    routes = Map(
        [Rule(path, methods=[verb], endpoint=endpoint) for verb, path, endpoint in _TABLE],
        strict_slashes=False,
        merge_slashes=False,
    )

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        folder: Path,
        scopes: Scopes,
        *,
        referrers: bool = True,
        fresh_private: bool = False,
        immutable: bool = False,
        token_lifetime: int = TOKEN_LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep blobs below ``folder``.

        Args:
            folder: Where blobs and unfinished uploads go.
            scopes: Takes a GitHub token and a repository's name, and gives what the token may do there.
            referrers: Whether there is a referrers API; GHCR has none.
            fresh_private: Whether a repository is private at its first push, as in GHCR.
            immutable: Whether a tag of a new repository stays at its digest.
            token_lifetime: Seconds that an issued token is good for.
            clock: Seconds that tokens expire by.
        """
        self.rules = RegistryRules(
            referrers=referrers, fresh_private=fresh_private, immutable=immutable, token_lifetime=token_lifetime
        )
        self.state = RegistryState(folder, scopes, self.rules, clock)

    def store_elsewhere(self) -> Storage:
        """Let blobs be pulled from GHCR's other host from now on, and return what plays that."""
        self.state.storage = Storage(self.state.blobs, self.state.clock)
        return self.state.storage

    def respond(self, endpoint: Endpoint, request: Request, parts: Mapping[str, Any]) -> Response:
        """Call the endpoint with what the bearer's token is good for."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        ticket = self.state.ticket(token) if kind.lower() == "bearer" else None
        response = endpoint(RegistryCall(self.state, request, ticket), **parts)
        response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
        return response

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal in the specification's form."""
        response = error.response
        if not isinstance(response, Response):
            code, message = _CODES.get(error.code or 500, ("UNKNOWN", error.name))
            response = problem(error.code or 500, code, message).response
        return response if isinstance(response, Response) else Response(status=500)

    def add_repository(self, name: str, *, private: bool = False, immutable: bool = False) -> ImageRepository:
        """Create an empty repository, or change what is said of one that is there."""
        with self.state.lock:
            repository = self.state.repository(name)
            repository.private, repository.immutable = private, immutable
            return repository

    def tags(self, name: str) -> dict[str, str]:
        """Return tag to digest; nothing of a repository that is not there."""
        with self.state.lock:
            found = self.state.repositories.get(name)
            return dict(found.tags) if found else {}

    def manifest(self, name: str, reference: str) -> PushedManifest | None:
        """Return what a tag or digest stands for."""
        with self.state.lock:
            found = self.state.repositories.get(name)
            return found.find(reference) if found else None

    def move_tag(self, name: str, tag: str, digest: str) -> None:
        """Let a tag point to a manifest that is there, whatever the repository's rules say."""
        with self.state.lock:
            repository = self.state.repositories[name]
            repository.tags[tag] = repository.manifests[digest].digest

    def delete(self, name: str, reference: str) -> bool:
        """Delete a tag, or a manifest with its tags; tell whether it was there."""
        with self.state.lock:
            return self.state.repositories[name].delete(reference)

    def dump(self, folder: Path) -> None:
        """Write every repository below ``folder`` as an OCI layout of its own.

        A layout's folder is the name with ``%2F`` for a slash; tags are annotations in its index.
        """
        with self.state.lock:
            for repository in self.state.repositories.values():
                self._dump(repository, folder / quote(repository.name, safe=""))

    def _dump(self, repository: ImageRepository, folder: Path) -> None:
        for digest in repository.blobs:
            _copy(self.state.blobs.path(digest), folder / "blobs" / digest.replace(":", "/"))
        for digest, manifest in repository.manifests.items():
            path = folder / "blobs" / digest.replace(":", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(manifest.content)
        tagged = set(repository.tags.values())
        listed = [
            repository.manifests[digest].descriptor | {"annotations": {"org.opencontainers.image.ref.name": tag}}
            for tag, digest in sorted(repository.tags.items())
        ]
        listed += [manifest.descriptor for digest, manifest in repository.manifests.items() if digest not in tagged]
        folder.mkdir(parents=True, exist_ok=True)
        index = {"schemaVersion": 2, "mediaType": listing.INDEX, "manifests": listed}
        (folder / "index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}\n', encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    """Link, or copy where that cannot be: a blob never changes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
