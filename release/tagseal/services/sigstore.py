"""Sigstore: signing, and the root of trust that verification needs.

The library's errors have no common root (six classes stand alone), and its clients let those of requests and of
the JSON, X.509 and ASN.1 parsers through; all of them end here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from sigstore.hashes import Hashed
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from tagseal.errors import ServiceError, TagsealError
from tagseal.names import printable
from tagseal.services.actions import TRUST_CONFIG
from tagseal.services.oidc import SIGSTORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sigstore.models import Bundle

THREADS = 16
"""Signing waits for two services; more threads than this gained nothing (measured)."""
_WORDS = 300


@dataclass(frozen=True, kw_only=True)
class Sigstore:
    """One Sigstore instance: the public one, or the loopback's."""

    origin: str
    """Where its trust comes from, for a person to read."""
    document: str = field(repr=False)
    """The client trust configuration, JSON; empty for the public instance's, which comes by TUF."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, loopback: bool) -> Sigstore:
        """Choose the instance: the loopback's inside the loopback, else the public one.

        Args:
            environ: The process's environment.
            loopback: What ``tagseal.services.actions.loopback`` says about this environment.
        """
        if loopback:
            document = Path(environ[TRUST_CONFIG]).read_text(encoding="utf-8")
            return cls(origin="the loopback", document=document)
        return cls(origin="the public instance", document="")

    def sign(self, digests: Mapping[str, str], token: Callable[[], str], done: Callable[[str, bytes], None]) -> None:
        """Sign every artifact, all at once, with one certificate as long as it lives.

        1. Ask for a token and a certificate.
        2. Sign in parallel; each finished bundle is handed on at once, so that an interrupt loses nothing.
        3. Where the certificate ended meanwhile, go on with the rest from 1.

        Args:
            digests: Artifact's name to SHA-256, 64 hexadecimal digits.
            token: Gives a fresh identity token for :data:`tagseal.services.oidc.SIGSTORE`.
            done: Takes the artifact's name and its bundle, JSON; called from several threads.

        Raises:
            ServiceError: Fulcio, Rekor or a timestamp authority failed; what was handed on stays good.
        """
        rest = dict(digests)
        while rest:
            with _border("get a signing certificate from Fulcio"):
                context = SigningContext.from_trust_config(self._config)
                signer = Signer(IdentityToken(token(), SIGSTORE), context, cache=True)
            finished = _sign_all(signer, rest, done)
            rest = {name: digest for name, digest in rest.items() if name not in finished}

    @cached_property
    def verifier(self) -> Verifier:
        """What verifies bundles of this instance.

        Raises:
            ServiceError: The root of trust cannot be had.
        """
        with _border("load the root of trust"):
            return Verifier(trusted_root=self._config.trusted_root)

    @cached_property
    def _config(self) -> ClientTrustConfig:
        with _border("load the root of trust"):
            return ClientTrustConfig.from_json(self.document) if self.document else ClientTrustConfig.production()


def _sign_all(signer: Signer, digests: Mapping[str, str], done: Callable[[str, bytes], None]) -> set[str]:
    """Sign; return the names that are finished: all, or those up to the certificate's end."""
    finished: dict[str, Bundle] = {}

    def sign(name: str, digest: str) -> None:
        with _border(f"sign {name}"):
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest))
            bundle = signer.sign_artifact(hashed)
        done(name, bundle.to_json().encode())
        finished[name] = bundle

    with ThreadPoolExecutor(THREADS, thread_name_prefix="sign") as pool:
        running = [pool.submit(sign, name, digest) for name, digest in digests.items()]
        try:
            for one in as_completed(running):
                one.result()
        except ServiceError:
            pool.shutdown(cancel_futures=True)
            if not _ended(finished.values()):
                raise
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return set(finished)


def _ended(bundles: Iterable[Bundle]) -> bool:
    """Tell whether the certificate of these bundles is over; without any there is no telling, and no progress."""
    return any(bundle.signing_certificate.not_valid_after_utc <= datetime.now(UTC) for bundle in bundles)


@contextmanager
def _border(doing: str) -> Iterator[None]:
    """Turn whatever the library lets through into one of our errors, with the server's own words."""
    try:
        yield
    except TagsealError:
        raise
    except Exception as error:
        raise ServiceError(
            f"Sigstore failed: could not {doing}",
            context=tuple(dict.fromkeys(_words(error))),
            hint="Run the same command again; bundles that are finished are kept.",
            slug="sigstore-failed",
        ) from error


def _words(error: BaseException | None) -> Iterator[str]:
    """Yield what each error of the chain says, and the answer's body, which the library leaves out for 4xx."""
    while error is not None:
        yield _line(f"{type(error).__name__}: {error}")
        if isinstance(error, requests.HTTPError) and error.response is not None:
            yield _line(f"the service said: {error.response.status_code} {error.response.text}")
        error = error.__cause__


def _line(text: str) -> str:
    return printable(" ".join(text.split()))[:_WORDS]
