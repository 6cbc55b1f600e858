"""A whole Sigstore instance behind plain HTTP on loopback: for tests that need signatures, and no door."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

from tagseal.loopback import certificates, trust
from tagseal.loopback.actions import Issuer, Run, TokenEndpoint
from tagseal.loopback.fulcio import Fulcio
from tagseal.loopback.rekor import Rekor
from tagseal.loopback.server import Server
from tagseal.records import Identity
from tagseal.services.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from werkzeug import Response

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


class Front:
    """Stands in front of a service: gives these answers first, one a request, and the service's own for None."""

    def __init__(self, *answers: Response | None, then: Response | None = None, seconds: float = 0) -> None:
        """Prepare; ``then`` is what comes after the answers, and each takes its time."""
        self._answers = chain(answers, repeat(then))
        self._seconds = seconds
        self._lock = threading.Lock()
        self.asked = 0

    def of(self, application: WSGIApplication) -> WSGIApplication:
        """Return the service with this front."""

        def play(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            with self._lock:
                self.asked += 1
                answer = next(self._answers)
            time.sleep(self._seconds)
            return (answer or application)(environ, start_response)

        return play


class Instance:
    """Fulcio, Rekor and the runner's token endpoint."""

    def __init__(
        self, start: Callable[[WSGIApplication], str], fronts: Mapping[str, Front], certificate_lifetime: int
    ) -> None:
        self.issuer = Issuer()
        self.fulcio = Fulcio(self.issuer, lifetime=certificate_lifetime)
        self.rekor = Rekor()
        self.tokens = TokenEndpoint(self.issuer)
        played = {"fulcio": self.fulcio, "rekor": self.rekor, "tokens": self.tokens}
        found = {name: start(fronts[name].of(one) if name in fronts else one) for name, one in played.items()}
        self.oidc_url = found["tokens"] + TokenEndpoint.path
        urls = {"fulcio_url": found["fulcio"], "rekor_url": found["rekor"]}
        self.trust_config = json.dumps(trust.client_trust_config(self.fulcio, self.rekor, **urls))
        self.trusted_root = json.dumps(trust.trusted_root(self.fulcio, self.rekor, **urls))
        self.sigstore = Sigstore(origin="a test", document=self.trust_config)
        self.keys = trust.keys(self.fulcio, self.rekor)

    def sign(self, digests: dict[str, str], run: Run = RUN) -> dict[str, bytes]:
        """Return a bundle for each digest, signed by a job of this run."""
        bundles: dict[str, bytes] = {}
        self.sigstore.sign(digests, lambda: self.issuer.mint(run, "sigstore"), bundles.__setitem__)
        return bundles


def moved(trust_config: str, kind: str, url: str, *, version: int = 1) -> str:
    """Return the trust configuration with another address for ``caUrls`` or ``rekorTlogUrls``."""
    changed = json.loads(trust_config)
    changed["signingConfig"][kind][0] |= {"url": url, "majorApiVersion": version}
    return json.dumps(changed)


@contextmanager
def instance(
    fronts: Mapping[str, Front] | None = None, *, certificate_lifetime: int = certificates.LIFETIME
) -> Iterator[Instance]:
    """Start an instance, and stop it; ``fulcio``, ``rekor`` and ``tokens`` may have a front."""
    servers: list[Server] = []

    def start(application: WSGIApplication) -> str:
        servers.append(Server(application))
        host, port = servers[-1].address
        return f"http://{host}:{port}"

    try:
        yield Instance(start, fronts or {}, certificate_lifetime)
    finally:
        for server in servers:
            server.close()
