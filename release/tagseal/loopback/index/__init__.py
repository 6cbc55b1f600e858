"""A package index, played: it never lets a file name be used twice, and trusts publishers instead of passwords.

pypiserver cannot play this part: a deleted name is free again there, nothing exchanges an identity token, and neither
attestations nor the JSON of PEP 691 are known to it.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from werkzeug import Response
from werkzeug.routing import Map, Rule

from tagseal.loopback.index.attested import AttestationVerifier
from tagseal.loopback.index.legacy import UploadApi
from tagseal.loopback.index.listing import ListingApi
from tagseal.loopback.index.state import ANY, IndexFile, IndexRules, IndexState, RegisteredPublisher
from tagseal.loopback.index.tokens import TokenExchange
from tagseal.loopback.service import Service, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from werkzeug.exceptions import HTTPException

    from tagseal.loopback.actions import Issuer
    from tagseal.loopback.sigstore import PlayedSigstore

_FAILED = 400

__all__ = ["ANY", "IndexFile", "IndexRules", "PlayedIndex", "RegisteredPublisher"]


@functools.cache
def _routes(simple: str, upload: str, *, whole: bool) -> Map:
    """Route these paths of the simple API and of uploads; ``whole`` adds everything else that an index's site has."""
    rules = [
        Rule(upload, methods=["POST"], endpoint="_legacy.upload"),
        Rule(f"{simple}<name>/", methods=["GET"], endpoint="_listing.project"),
        Rule("/packages/<sha256>/<filename>", methods=["GET"], endpoint="_listing.content"),
    ]
    if whole:
        rules += [
            Rule("/pypi/<name>/json", methods=["GET"], endpoint="_listing.of_project"),
            Rule("/pypi/<name>/<version>/json", methods=["GET"], endpoint="_listing.of_version"),
            Rule("/integrity/<name>/<version>/<filename>/provenance", endpoint="_listing.provenance"),
            Rule("/_/oidc/audience", methods=["GET"], endpoint="_tokens.audience"),
            Rule("/_/oidc/mint-token", methods=["POST"], endpoint="_tokens.mint"),
        ]
    return Map(rules)


class PlayedIndex(Service):
    """One index with real, mutable behaviour; its ``rules`` can be changed while it runs."""

    def __init__(  # noqa: PLR0913 - its addresses, each by its name
        self,
        folder: Path,
        issuer: Issuer,
        sigstore: PlayedSigstore,
        *,
        name: str,
        simple: str,
        upload: str,
        site: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep files below ``folder``.

        Args:
            folder: Where files go.
            issuer: Whose identity tokens are exchanged.
            sigstore: Whose attestations are taken.
            name: What the index calls itself: the audience of those tokens.
            simple: Root of the simple API.
            upload: Where files are sent to.
            site: Root of the JSON and integrity APIs and of trusted publishing; empty for an index without them.
            clock: Seconds that tokens expire by.
        """
        self.name, self.simple, self.site = name, simple, site
        self.state = IndexState(folder, clock)
        self.hosts = frozenset(urlsplit(one).hostname or "" for one in (simple, upload))
        self._listing, self._legacy = (
            ListingApi(self.state, simple, site),
            UploadApi(self.state, AttestationVerifier(sigstore)),
        )
        self._tokens = TokenExchange(self.state, issuer, name)
        self.routes = _routes(urlsplit(simple).path, urlsplit(upload).path, whole=bool(site))

    @property
    def rules(self) -> IndexRules:
        """What can differ from index to index."""
        return self.state.rules

    @property
    def publishers(self) -> list[RegisteredPublisher]:
        """Who is trusted; can be changed."""
        return self.state.publishers

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal in its own words, or in JSON."""
        response = error.response or (error.get_response() if (error.code or 500) < _FAILED else None)
        return response if isinstance(response, Response) else answer({"message": error.name}, error.code or 500)

    def register(self, publisher: RegisteredPublisher) -> RegisteredPublisher:
        """Register a trusted publisher."""
        with self.state.lock:
            self.state.publishers.append(publisher)
        return publisher

    def token(self, *projects: str) -> str:
        """Return a token for these projects, as a person makes it in the index's settings."""
        with self.state.lock:
            return self.state.issue({canonicalize_name(project) for project in projects})

    def add_project(self, name: str) -> None:
        """Let there be a project of somebody else, without a file yet."""
        with self.state.lock:
            self.state.projects.setdefault(canonicalize_name(name), {})

    def files(self, project: str, version: str = "") -> tuple[IndexFile, ...]:
        """Return a project's files, of one version or of all, by name, however much a listing lags."""
        with self.state.lock:
            found = self.state.projects.get(canonicalize_name(project), {}).values()
            return tuple(sorted((one for one in found if version in {"", one.version}), key=lambda one: one.name))

    def content(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            KeyError: There is none of this name.
        """
        with self.state.lock:
            files = {one.name: one for project in self.state.projects.values() for one in project.values()}
            return self.state.path(files[name].sha256).read_bytes()

    def yank(self, project: str, version: str, reason: str = "") -> None:
        """Yank a version."""
        with self.state.lock:
            self.state.yank(canonicalize_name(project), version, reason)

    def delete(self, project: str, name: str) -> None:
        """Delete a file; its name stays used."""
        with self.state.lock:
            del self.state.projects[canonicalize_name(project)][name]
