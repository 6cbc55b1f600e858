"""Sigstore: signing, and the root of trust that verification needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from sigstore.hashes import Hashed
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from tagseal.errors import Busy, ServiceError
from tagseal.services import oidc
from tagseal.services.actions import TRUST_CONFIG
from tagseal.services.retry import Retry
from tagseal.services.sigstore.failures import ExpiredCertificate, border, refused
from tagseal.services.threads import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests
    from sigstore.models import Bundle

THREADS = 16
"""Signing waits for two services; more threads than this gained nothing (measured)."""
TIMEOUT = (10.0, 60.0)
"""Seconds for a connection, and without a byte of the answer. TUF's client has 30 of its own, a timestamp's 5."""

_ONCE = Retry(patience=0)
_BAD_REQUEST, _CONFLICT = 400, 409


@dataclass(frozen=True, kw_only=True)
class Sigstore:
    """One Sigstore instance: the public one, or the loopback's."""

    origin: str
    """Where its trust comes from, for a person to read."""
    document: str = field(repr=False)
    """The client trust configuration, JSON; empty for the public instance's, which comes by TUF."""
    retry: Retry = _ONCE
    timeout: tuple[float, float] = TIMEOUT
    """Seconds for a connection, and without a byte of the answer."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, loopback: bool, retry: Retry = _ONCE) -> Sigstore:
        """Choose the instance: the loopback's inside the loopback, else the public one.

        Args:
            environ: The process's environment.
            loopback: What ``tagseal.services.actions.loopback`` says about this environment.
            retry: The retry policy.
        """
        if loopback:
            document = Path(environ[TRUST_CONFIG]).read_text(encoding="utf-8")
            return cls(origin="the loopback", document=document, retry=retry)
        return cls(origin="the public instance", document="", retry=retry)

    def sign(self, digests: Mapping[str, str], token: Callable[[], str], done: Callable[[str, bytes], None]) -> None:
        """Sign every artifact, in rounds of one certificate each.

        1. Ask for a token and a certificate.
        2. Sign in parallel; each finished bundle is handed on at once, so that an interrupt loses nothing.
        3. At the first failure the round ends: one pause for all threads, then what is left from 1.
        4. A round that finished something begins the patience anew.

        Args:
            digests: Artifact's name to SHA-256, 64 hexadecimal digits.
            token: Gives a fresh identity token for :data:`tagseal.services.oidc.SIGSTORE`.
            done: Takes the artifact's name and its bundle, JSON; called from several threads.

        Raises:
            Busy: Fulcio, Rekor or the token endpoint failed until the patience was over.
            ServiceError: One of them refused. What was handed on stays good.
        """
        _ = self._config  # before the rounds: it has a patience of its own
        rest = dict(digests)
        failed: list[Busy] = []

        def finished(name: str, bundle: bytes) -> None:
            done(name, bundle)
            del rest[name]

        def attempt() -> None:
            if failed:
                raise failed.pop()  # the pause after a round that finished something
            left = len(rest)
            try:
                self._round(rest, token, finished)
            except ExpiredCertificate as error:
                if len(rest) == left:
                    raise _unused() from error
            except Busy as busy:
                if len(rest) == left:
                    raise
                failed.append(busy)

        while rest:
            self.retry.read(attempt)

    @cached_property
    def verifier(self) -> Verifier:
        """What verifies bundles of this instance.

        Raises:
            ServiceError: The root of trust cannot be had.
        """
        with border("load the root of trust"):
            return Verifier(trusted_root=self._config.trusted_root)

    @cached_property
    def _config(self) -> ClientTrustConfig:
        def load() -> ClientTrustConfig:
            with border("load the root of trust"):
                return ClientTrustConfig.from_json(self.document) if self.document else ClientTrustConfig.production()

        return self.retry.read(load)

    def _round(
        self, digests: Mapping[str, str], token: Callable[[], str], finished: Callable[[str, bytes], None]
    ) -> None:
        """Sign with one certificate, until all is signed or something fails; what has begun then is finished.

        Raises:
            ExpiredCertificate: The certificate is over.
        """
        log = self._config.signing_config.get_tlogs()[0]
        signer = self._signer(token, log)

        def sign(one: tuple[str, str]) -> None:
            _sign(signer, *one, finished)

        side_by_side(sign, list(digests.items()), THREADS, first=partial(_bound, log, self.timeout))

    def _signer(self, token: Callable[[], str], log: Any) -> Signer:  # noqa: ANN401 - the library's type is private
        """Get a certificate; where Fulcio refuses the token, which may have ended on the way, with another one."""
        try:
            return self._certified(token, log)
        except ServiceError as error:
            if not refused(error, _BAD_REQUEST):
                raise
        return self._certified(token, log)

    def _certified(self, token: Callable[[], str], log: Any) -> Signer:  # noqa: ANN401
        asked = time.time()
        raw = token()
        oidc.compare_clocks(raw, asked)
        with border("get a signing certificate from Fulcio"):
            config = self._config.signing_config
            authority = config.get_fulcio()
            _Timely(self.timeout).on(authority.session)
            context = SigningContext(
                fulcio=authority, rekor=log, trusted_root=self._config.trusted_root, tsa_clients=config.get_tsas()
            )
            return Signer(IdentityToken(raw, oidc.SIGSTORE), context, cache=True)


class _Timely(HTTPAdapter):
    """Let no request wait for ever: the library's own sessions have no timeout."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
        """Send, with a timeout where the caller names none."""
        return super().send(*arguments, **{**options, "timeout": options.get("timeout") or self._timeout})

    def on(self, session: requests.Session) -> None:
        """Take over a session's requests."""
        session.mount("https://", self)
        session.mount("http://", self)


def _bound(log: Any, timeout: tuple[float, float]) -> None:  # noqa: ANN401 - the library's type is private
    """Give this thread's requests to the log a timeout.

    The one private name that is used here (decision 17): a log client makes a session for each thread, and offers no
    public way to it. ``_session`` is there in sigstore 4.5 to 4.x; ``tests/contract/test_services_sigstore.py``
    holds it for both versions of the log.
    """
    _Timely(timeout).on(log._session)  # noqa: SLF001


def _sign(signer: Signer, name: str, digest: str, finished: Callable[[str, bytes], None]) -> None:
    """Sign one artifact.

    Raises:
        ExpiredCertificate: The certificate is over, or was by the time that the log answered: its entry is of no use.
    """
    hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest))
    with border(f"sign {name}"):
        bundle = _entered(signer, hashed)
        if datetime.now(UTC) > bundle.signing_certificate.not_valid_after_utc:
            raise ExpiredCertificate
        document = bundle.to_json().encode()
    finished(name, document)


def _entered(signer: Signer, hashed: Hashed) -> Bundle:
    """Sign, and once more where the log has this very entry already: a fresh signature makes one of its own."""
    try:
        return signer.sign_artifact(hashed)
    except Exception as error:
        if not refused(error, _CONFLICT):
            raise
    return signer.sign_artifact(hashed)


def _unused() -> Busy:
    return Busy(
        "got a certificate that was over before anything was signed with it, expected one that lasts",
        hint="Run the same command again. If it persists, look at this machine's clock.",
        slug="certificate-over",
    )
