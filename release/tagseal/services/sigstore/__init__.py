"""Sigstore: signing, and the root of trust that verification needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigstore.dsse import Statement
from sigstore.errors import Error
from sigstore.hashes import Hashed
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore_models.common.v1 import HashAlgorithm

from tagseal.errors import Busy, Refused, ServiceError
from tagseal.machine import files
from tagseal.machine.actions import TRUST_CONFIG
from tagseal.machine.threads import side_by_side, within
from tagseal.services import oidc
from tagseal.services.retry import Retry
from tagseal.services.sigstore.failures import ExpiredCertificate, border, has_status
from tagseal.services.sigstore.stamping import insistent
from tagseal.services.transport import TIMEOUT, Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sigstore.models import Bundle, SigningConfig, TrustedRoot

THREADS = 16
"""Signing waits for two services; more threads than this gained nothing (measured)."""

_ONCE = Retry(patience=0)
_BAD_REQUEST, _CONFLICT = 400, 409
_PROMISES = 1
"""The version of Rekor whose answer holds a signed entry timestamp."""


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
            loopback: What ``tagseal.machine.actions.loopback`` says about this environment.
            retry: The retry policy.
        """
        if loopback:
            document = files.read(Path(environ[TRUST_CONFIG]), follow=True).decode("utf-8")
            return cls(origin="the loopback", document=document, retry=retry)
        return cls(origin="the public instance", document="", retry=retry)

    def sign(
        self,
        wanted: Mapping[str, str | Statement],
        token: Callable[[], str],
        done: Callable[[str, bytes], None],
        *,
        promised: bool = False,
    ) -> None:
        """Sign every artifact and statement, in rounds of one certificate each.

        1. Ask for a token and a certificate.
        2. Sign in parallel; each finished bundle is handed on at once, so that an interrupt loses nothing.
        3. At the first failure the round ends: one pause for all threads, then what is left from 1.
        4. A round that finished something begins the patience anew.

        Args:
            wanted: Name to SHA-256, 64 hexadecimal digits, or to a statement, which goes into an envelope.
            token: Gives a fresh identity token for :data:`tagseal.services.oidc.SIGSTORE`.
            done: Takes a name and its bundle, JSON; called from several threads.
            promised: Whether each bundle must hold a log's promise, as the simplesigning form and an attestation
                do: a log of version 1 is taken, whatever else there is.

        Raises:
            Refused: Promises are asked for, and there is no such log. Nothing was signed.
            Busy: Fulcio, Rekor, a timestamp authority or the token endpoint failed until the patience was over.
            ServiceError: One of them refused. What was handed on stays good.
        """
        config = self._signing(promised=promised)  # before the rounds: it has a patience of its own
        rest = dict(wanted)
        failed: list[Busy] = []

        def finished(name: str, bundle: bytes) -> None:
            done(name, bundle)
            del rest[name]

        def attempt() -> None:
            if failed:
                raise failed.pop()  # the pause after a round that finished something
            left = len(rest)
            try:
                self._round(config, rest, token, finished)
            except ExpiredCertificate as error:
                if len(rest) == left:
                    raise _expired_unused() from error
            except Busy as busy:
                if len(rest) == left:
                    raise
                failed.append(busy)

        while rest:
            self.retry.read(attempt)

    @cached_property
    def trusted_root(self) -> TrustedRoot:
        """The certificates and keys that are trusted.

        Raises:
            ServiceError: The root of trust cannot be had.
        """
        with border("load the root of trust"):
            return self._config.trusted_root

    def trust_config(self) -> dict[str, Any]:
        """Return trusted root and signing configuration in one document, as ``sigstore --trust-config`` reads it.

        ``_inner`` is the second private name that is used here: the library has no public way to write down what it
        fetched by TUF. ``tests/contract/test_services_sigstore.py`` holds it.

        Raises:
            ServiceError: The root of trust cannot be had.
        """
        with border("load the root of trust"):
            found: dict[str, Any] = self._config._inner.to_dict()  # noqa: SLF001
            return found

    @cached_property
    def _config(self) -> ClientTrustConfig:
        def load() -> ClientTrustConfig:
            with border("load the root of trust"):
                if self.document:
                    return ClientTrustConfig.from_json(self.document)
                # Whoever answers for TUF may take as long as he likes: its client counts silence only.
                return within(2 * max(self.timeout), ClientTrustConfig.production)

        return self.retry.read(load)

    def _signing(self, *, promised: bool) -> SigningConfig:
        """Choose the services to sign with."""
        with border("read the signing configuration"):
            found = self._config.signing_config
        if not promised:
            return found
        self._config.force_tlog_version = _PROMISES
        try:
            return self._config.signing_config
        except Error as error:
            raise _no_promising_log() from error
        finally:
            self._config.force_tlog_version = None

    def _round(
        self,
        config: SigningConfig,
        wanted: Mapping[str, str | Statement],
        token: Callable[[], str],
        finished: Callable[[str, bytes], None],
    ) -> None:
        """Sign with one certificate, until all is signed or something fails; what has begun then is finished.

        Raises:
            ExpiredCertificate: The certificate is over.
        """
        log, authorities = config.get_tlogs()[0], config.get_tsas()
        signer = self._signer(config, token, log, authorities)

        def sign(one: tuple[str, str | Statement]) -> None:
            _sign(signer, *one, finished)

        side_by_side(
            sign, list(wanted.items()), THREADS, first=partial(_set_timeouts, (log, *authorities), self.timeout)
        )

    def _signer(self, config: SigningConfig, token: Callable[[], str], log: Any, authorities: Sequence[Any]) -> Signer:  # noqa: ANN401 - private types
        """Get a certificate; where Fulcio refuses the token, which may have ended on the way, with another one."""
        try:
            return self._get_certificate(config, token, log, authorities)
        except ServiceError as error:
            if not has_status(error, _BAD_REQUEST):
                raise
        return self._get_certificate(config, token, log, authorities)

    def _get_certificate(
        self,
        config: SigningConfig,
        token: Callable[[], str],
        log: Any,  # noqa: ANN401
        authorities: Sequence[Any],
    ) -> Signer:
        asked = time.time()
        raw = token()
        oidc.compare_clocks(raw, asked)
        with border("get a signing certificate from Fulcio"):
            authority = config.get_fulcio()
            Adapter(self.timeout).on(authority.session)
            context = SigningContext(
                fulcio=authority,
                rekor=log,
                trusted_root=self.trusted_root,
                tsa_clients=insistent(authorities),
            )
            return Signer(IdentityToken(raw, oidc.SIGSTORE), context, cache=True)


def _set_timeouts(clients: Sequence[Any], timeout: tuple[float, float]) -> None:
    """Let this thread's requests to a log, and to timestamp authorities, end.

    The one private name that is used here (decision 17): their clients make a session for each thread, and offer no
    public way to it. ``_session`` is there in sigstore 4.5 to 4.x; ``tests/contract/test_services_sigstore.py``
    holds it for both versions of the log.
    """
    for client in clients:
        Adapter(timeout).on(client._session)  # noqa: SLF001


def _sign(signer: Signer, name: str, wanted: str | Statement, finished: Callable[[str, bytes], None]) -> None:
    """Sign one artifact, or statement.

    Raises:
        ExpiredCertificate: The certificate is over, or was by the time that the log answered: its entry is of no use.
    """
    with border(f"sign {name}"):
        bundle = _sign_and_log(signer, wanted)
        if datetime.now(UTC) > bundle.signing_certificate.not_valid_after_utc:
            raise ExpiredCertificate
        document = bundle.to_json().encode()
    finished(name, document)


def _sign_and_log(signer: Signer, wanted: str | Statement) -> Bundle:
    """Sign, and once more where the log has this very entry already: a fresh signature makes one of its own."""
    try:
        return _sign_once(signer, wanted)
    except Exception as error:
        if not has_status(error, _CONFLICT):
            raise
    return _sign_once(signer, wanted)


def _sign_once(signer: Signer, wanted: str | Statement) -> Bundle:
    if isinstance(wanted, Statement):
        return signer.sign_dsse(wanted)
    return signer.sign_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(wanted)))


def _expired_unused() -> Busy:
    return Busy(
        "got a certificate that was over before anything was signed with it, expected one that lasts",
        hint="{Rerun}. If it persists, look at this machine's clock.",
        slug="certificate-over",
    )


def _no_promising_log() -> Refused:
    return Refused(
        "got a Sigstore instance without a log of version 1, expected one: the simplesigning form of an image's "
        "signature, and a package's attestation, have no other time than its signed entry timestamp",
        hint='Set signatures = ["bundle"] in [tool.tagseal.image]; an index cannot be served by this instance. Then '
        "run the same command again.",
        slug="log-without-promises",
    )
