"""A whole Sigstore instance behind plain HTTP on loopback: for tests that need signatures, and no door."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tagseal.loopback import trust
from tagseal.loopback.actions import Issuer, Run, TokenEndpoint
from tagseal.loopback.fulcio import Fulcio
from tagseal.loopback.rekor import Rekor
from tagseal.loopback.server import Server
from tagseal.records import Identity
from tagseal.services.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

COMMIT = "4f2c1e9" + "0" * 33
TAG = "v1.2.3"
IDENTITY = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref=f"refs/tags/{TAG}")
RUN = Run(
    repository=IDENTITY.repository,
    repository_id=1,
    owner_id=2,
    workflow=IDENTITY.workflow,
    ref=IDENTITY.ref,
    sha=COMMIT,
)


class Instance:
    """Fulcio, Rekor and the runner's token endpoint."""

    def __init__(self, start: Callable[[WSGIApplication], str]) -> None:
        self.issuer = Issuer()
        self.fulcio = Fulcio(self.issuer)
        self.rekor = Rekor()
        self.tokens = TokenEndpoint(self.issuer)
        self.oidc_url = start(self.tokens) + TokenEndpoint.path
        urls = {"fulcio_url": start(self.fulcio), "rekor_url": start(self.rekor)}
        self.trust_config = json.dumps(trust.client_trust_config(self.fulcio, self.rekor, **urls))
        self.trusted_root = json.dumps(trust.trusted_root(self.fulcio, self.rekor, **urls))
        self.sigstore = Sigstore(origin="a test", document=self.trust_config)

    def sign(self, digests: dict[str, str], run: Run = RUN) -> dict[str, bytes]:
        """Return a bundle for each digest, signed by a job of this run."""
        bundles: dict[str, bytes] = {}
        self.sigstore.sign(digests, lambda: self.issuer.mint(run, "sigstore"), bundles.__setitem__)
        return bundles


@contextmanager
def instance() -> Iterator[Instance]:
    """Start an instance, and stop it."""
    servers: list[Server] = []

    def start(application: WSGIApplication) -> str:
        servers.append(Server(application))
        host, port = servers[-1].address
        return f"http://{host}:{port}"

    try:
        yield Instance(start)
    finally:
        for server in servers:
            server.close()
