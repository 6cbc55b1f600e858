"""A whole Sigstore instance behind plain HTTP on loopback: for tests that need signatures, and no door.

``instance()`` signs as production does today, with the first version of the log and a timestamp; ``log="v2"`` and
``timestamped=False`` change that. The trusted root is the same in all: ``signer`` and ``sign`` take both for one call.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING

from plans import PLAN
from tagseal.loopback.actions import Issuer, Run, TokenEndpoint
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore import PlayedSigstore as Played
from tagseal.loopback.sigstore import certificates, trust
from tagseal.loopback.sigstore.trust import Signing
from tagseal.services.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.sigstore.trust import Log

COMMIT, TAG, IDENTITY = PLAN.commit, PLAN.tag, PLAN.identity
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

    def __init__(
        self, *answers: WSGIApplication | None, then: WSGIApplication | None = None, seconds: float = 0
    ) -> None:
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
    """Fulcio, both faces of Rekor, the timestamp authority, and the runner's token endpoint."""

    def __init__(
        self,
        start: Callable[[WSGIApplication], str],
        fronts: Mapping[str, Front],
        signing: Signing,
        certificate_lifetime: int,
    ) -> None:
        self.issuer = Issuer()
        self.played = Played(self.issuer, certificate_lifetime=certificate_lifetime)
        self.fulcio, self.rekor, self.tiles = self.played.fulcio, self.played.rekor, self.played.tiles
        self.timestamps = self.played.timestamps
        self.tokens = TokenEndpoint(self.issuer)
        played = {
            "fulcio": self.fulcio,
            "rekor": self.rekor,
            "tiles": self.tiles,
            "timestamps": self.timestamps,
            "tokens": self.tokens,
        }
        found = {name: start(fronts[name].of(one) if name in fronts else one) for name, one in played.items()}
        self.oidc_url = found["tokens"] + TokenEndpoint.path
        self._signing = replace(
            signing,
            fulcio_url=found["fulcio"],
            rekor_url=found["rekor"],
            tiles_url=found["tiles"],
            timestamps_url=found["timestamps"],
        )
        self.trust_config = json.dumps(trust.client_trust_config(self.played, self._signing))
        self.trusted_root = json.dumps(trust.trusted_root(self.played))
        self.sigstore = Sigstore(origin="a test", document=self.trust_config)
        self.keys = trust.keys(self.played)

    def sign(
        self, digests: dict[str, str], run: Run = RUN, *, log: Log | None = None, timestamped: bool | None = None
    ) -> dict[str, bytes]:
        """Return a bundle for each digest, signed by a job of this run; another way than the instance's where told."""
        bundles: dict[str, bytes] = {}
        signer = self.signer(log=log, timestamped=timestamped)
        signer.sign(digests, lambda: self.issuer.mint(run, "sigstore"), bundles.__setitem__)
        return bundles

    def signer(self, *, log: Log | None = None, timestamped: bool | None = None) -> Sigstore:
        """Return what signs with this version of the log, with a timestamp or without; None: as the instance does."""
        own = self._signing
        changed = replace(own, log=log or own.log, timestamped=own.timestamped if timestamped is None else timestamped)
        return Sigstore(origin="a test", document=json.dumps(trust.client_trust_config(self.played, changed)))


def moved(trust_config: str, kind: str, url: str, *, version: int = 1) -> str:
    """Return the trust configuration with another address for ``caUrls``, ``rekorTlogUrls`` or ``tsaUrls``."""
    changed = json.loads(trust_config)
    changed["signingConfig"][kind][0] |= {"url": url, "majorApiVersion": version}
    return json.dumps(changed)


@contextmanager
def instance(
    fronts: Mapping[str, Front] | None = None,
    *,
    log: Log = "v1",
    timestamped: bool = True,
    certificate_lifetime: int = certificates.LIFETIME,
) -> Iterator[Instance]:
    """Start an instance, and stop it; ``fulcio``, ``rekor``, ``tiles``, ``timestamps``, ``tokens`` may have a front."""
    servers: list[Server] = []

    def start(application: WSGIApplication) -> str:
        servers.append(Server(application))
        host, port = servers[-1].address
        return f"http://{host}:{port}"

    try:
        yield Instance(start, fronts or {}, Signing(log=log, timestamped=timestamped), certificate_lifetime)
    finally:
        for server in servers:
            server.close()
