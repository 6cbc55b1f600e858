"""One request to a registry and its answer: https only, bounded, and the token goes to the registry's host alone.

1. Redirects of reads are followed here: blobs lie with storage services, which must not see the token.
2. Nothing of ``~/.netrc`` is sent (requests would let it replace the token), and no cookie is kept.
3. 401 gets a token, once (:mod:`tagseal.services.images.registry.tokens`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import IO, TYPE_CHECKING, Protocol, cast
from urllib.parse import urljoin, urlsplit

from tagseal.services import transport
from tagseal.services.images.registry import refusals
from tagseal.services.images.registry.tokens import AuthorizationHeaders
from tagseal.services.transport import BLOCK, Authorization

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from tagseal.services.images.registry.credentials import Credentials

TIMEOUT = 60
"""Seconds without an answer, or without progress."""
_LARGEST = 1 << 40
"""Bytes of an answer: each is read to a limit of its own."""
_SMALL = 1 << 16
"""Bytes of an answer that is read for its headers, and of a token's."""
_WORDS = 4000
"""Bytes of a refusal that are read."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_REDIRECTED = 300
_UNAUTHORIZED, _CLIENT_ERRORS, _SERVER_ERRORS, _RAISED = 401, 400, 500, frozenset({401, 403, 408, 429})
_API = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
"""Where the API of a registry is that answers under another name."""


class Body(Protocol):
    """What is sent, in blocks; its length is known."""

    def __len__(self) -> int: ...
    def read(self, size: int = ..., /) -> bytes: ...  # noqa: D102 - as files do


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRequest:
    """What is asked."""

    doing: str
    """Completes "could not"."""
    method: str
    url: str
    push: bool = False
    """Whether the token must be one that may push."""
    mount: str = ""
    """A repository that is read as well."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Body] | bytes | None = None
    """Called for each sending."""
    limit: int = _SMALL
    """Bytes of the answer that are read, and one more where there are more."""
    patience: float = 0.0
    """Seconds to wait for the answer besides the timeout."""
    led: bool = False
    """Whether redirects are followed."""
    into: IO[bytes] | None = None
    """Where the answer goes, from the file's beginning, in place of memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered; neither a refusal of the credentials nor a failure."""

    url: str
    status: int
    headers: Mapping[str, str]
    """Their names in any case."""
    content: bytes


class RegistryClient:
    """A repository's API with one account's credentials; from any thread."""

    def __init__(
        self, host: str, repository: str, credentials: Credentials | None, timeout: float, *, pushes: bool
    ) -> None:
        """Prepare; nothing is asked yet. One that ``pushes`` reads with the right to push, too."""
        self.host, self._pushes = host, pushes
        self._authority = _API.get(host, host)
        self.root = f"https://{self._authority}/v2/{repository}"
        self._repository, self._timeout = repository, timeout
        self._tokens = AuthorizationHeaders(host, credentials)
        self._threads = threading.local()

    def ask(self, request: RegistryRequest) -> Answer:
        """Send a request, a second time with a new token where the first one was too old, and return the answer.

        Raises:
            Busy: The registry did not answer, failed, or wants a pause; the request may have been done.
            UsageError: These credentials may not; or the registry has no TLS, or no valid certificate.
            Refused: It leads to an address without https.
        """
        with refusals.border(self.host, request.doing):
            scopes = self._scopes(request)
            used = self._tokens.known_header(scopes)
            answer = self._follow(request, used)
            if answer.status == _UNAUTHORIZED and self._ours(answer.url):
                wanted = answer.headers.get("WWW-Authenticate", "")
                header = self._tokens.renew(scopes, used, wanted, request.doing, self._fetch)
                answer = self._follow(request, header)
            if answer.status in _RAISED or answer.status >= _SERVER_ERRORS:
                if not self._ours(answer.url):
                    # A storage service's own signature has expired: the registry gives a new one.
                    raise refusals.unreachable(self.host, request.doing, f"{answer.status} from where it keeps blobs")
                raise self.refusal(request.doing, answer)
            return answer

    def refusal(self, doing: str, answer: Answer) -> Exception:
        """Return the error for an answer."""
        return refusals.error_for(self.host, doing, answer.status, answer.content, answer.headers)

    def place(self, url: str, location: str) -> str:
        """Return where an answer leads; its Location may be relative (RFC 9110 section 10.2.2).

        Raises:
            Refused: Not to an address with https.
        """
        try:
            there = urljoin(url, location)
            parts = urlsplit(there)
            good = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and bool(location)
        except ValueError:
            good = False
        # Parsers differ about what is not printable: none of that is ever sent on.
        if not good or not there.isascii() or not there.isprintable() or "\\" in there:
            raise refusals.insecure(self.host, location.partition("?")[0])
        return there

    def _scopes(self, request: RegistryRequest) -> tuple[str, ...]:
        actions = "pull,push" if request.push or self._pushes else "pull"
        mount = (f"repository:{request.mount}:pull",) if request.mount else ()
        return (f"repository:{self._repository}:{actions}", *mount)

    def _ours(self, url: str) -> bool:
        return urlsplit(url).netloc.lower().removesuffix(":443") == self._authority.removesuffix(":443")

    def _follow(self, request: RegistryRequest, authorization: str) -> Answer:
        url = request.url
        for _ in range(_HOPS):
            answer = self._send(request, url, authorization if self._ours(url) else "")
            if not request.led or answer.status not in _REDIRECTS:
                return answer
            url = self.place(url, answer.headers.get("Location", ""))
        raise refusals.garbled_answer(self.host, request.doing, f"{_HOPS} redirects")

    def _send(self, request: RegistryRequest, url: str, authorization: str) -> Answer:
        with self._session.request(
            request.method,
            url,
            data=request.body() if callable(request.body) else request.body,
            headers={"Accept-Encoding": "identity", **request.headers},
            auth=Authorization(authorization),
            timeout=(self._timeout, self._timeout + request.patience),
            allow_redirects=False,
            stream=True,
        ) as answer:
            if request.into is not None and answer.status_code < _REDIRECTED:
                content = _save(answer, request.into, request.limit)
            else:
                content = _content(answer, request.limit)
            return Answer(url=url, status=answer.status_code, headers=answer.headers, content=content)

    def _fetch(self, url: str, authorization: str, form: dict[str, str]) -> tuple[int, bytes]:
        """Ask a token service."""
        with self._session.request(
            "POST" if form else "GET",
            url,
            data=form or None,
            auth=Authorization(authorization),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return answer.status_code, _content(answer, _SMALL)

    @property
    def _session(self) -> requests.Session:
        """This thread's session."""
        if not hasattr(self._threads, "session"):
            session = transport.session((self._timeout, self._timeout), most=_LARGEST)
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._threads.session = session
        return cast("requests.Session", self._threads.session)


def _content(answer: requests.Response, limit: int) -> bytes:
    if answer.request.method == "HEAD":
        return b""
    most = limit + 1 if answer.status_code < _CLIENT_ERRORS else _WORDS
    return cast("bytes", answer.raw.read(most, decode_content=True))


def _save(answer: requests.Response, file: IO[bytes], limit: int) -> bytes:
    """Write an answer to a file, which begins anew: an earlier try may have left a part."""
    file.seek(0)
    file.truncate()
    left = limit
    while left > 0 and (block := answer.raw.read(min(BLOCK, left), decode_content=True)):
        file.write(block)
        left -= len(block)
    return b""
