"""The token that a registry wants: asked for where its challenge says, kept for each scope.

1. A request is sent with the token of its scope, at first with none.
2. 401 names the scheme. Basic: the credentials themselves, to this host only.
3. Bearer: a token service, by https; it gets the credentials, and the scope that we need, whatever the challenge names
   (GHCR's names another one).
4. The request is sent once more. A second 401 stands.

Source: "Token Authentication Specification" of CNCF distribution; RFC 9110 section 11.6.1.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from tagseal.services.images.registry import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.services.images.registry.credentials import Credentials

    Fetch = Callable[[str, str, "dict[str, str]"], "tuple[int, bytes]"]
    """Asks an address with an authorization, and with a form where it is not empty; gives status and content."""

_CHALLENGE = re.compile(r'(?:(?P<scheme>[A-Za-z]+)\s+)?(?P<key>[a-z_]+)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s,"]+))')
_QUOTED = re.compile(r'"[^"]*"')
_SCHEME = re.compile(r"(?:^|,)\s*(Basic|Bearer)\b", re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_OK = 200


class Challenge(NamedTuple):
    """What a 401 asks for."""

    scheme: str
    """``bearer``, ``basic``, or an empty string."""
    realm: str
    service: str


def challenge(header: str) -> Challenge:
    """Read ``WWW-Authenticate``; Bearer counts before Basic."""
    found: dict[str, dict[str, str]] = {one.lower(): {} for one in _SCHEME.findall(_QUOTED.sub("", header))}
    scheme = ""
    for part in _CHALLENGE.finditer(header):
        scheme = (part["scheme"] or scheme).lower()
        found.setdefault(scheme, {})[part["key"]] = part["quoted"] or part["bare"] or ""
    for scheme in ("bearer", "basic"):
        if scheme in found:
            return Challenge(scheme, found[scheme].get("realm", ""), found[scheme].get("service", ""))
    return Challenge("", "", "")


class AuthorizationHeaders:
    """The Authorization header for each scope; from any thread."""

    def __init__(self, host: str, credentials: Credentials | None) -> None:
        """Prepare; nothing is asked yet."""
        self._host, self._credentials = host, credentials
        self._known: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    def known_header(self, scopes: tuple[str, ...]) -> str:
        """Return the header for these scopes; empty where none is known."""
        return self._known.get(scopes, "")

    def renew(self, scopes: tuple[str, ...], used: str, header: str, doing: str, fetch: Fetch) -> str:
        """Return a header for these scopes after a 401 to the one that was ``used``.

        Raises:
            UsageError: These credentials get none.
            Refused: The token service is not https.
        """
        with self._lock:
            if self._known.get(scopes, "") == used:
                self._known[scopes] = self._ask(scopes, challenge(header), doing, fetch)
            return self._known[scopes]

    def _ask(self, scopes: tuple[str, ...], asked: Challenge, doing: str, fetch: Fetch) -> str:
        if asked.scheme == "bearer":
            return f"Bearer {self._token(scopes, asked, doing, fetch)}"
        if asked.scheme == "basic" and self._credentials and not self._credentials.identity:
            return _basic(self._credentials)
        raise refusals.forbidden(self._host, doing, (f"{self._host} wants credentials, and there are none",))

    def _token(self, scopes: tuple[str, ...], asked: Challenge, doing: str, fetch: Fetch) -> str:
        if not _secure(asked.realm):
            raise refusals.insecure(self._host, asked.realm)
        query = [("service", asked.service)] * bool(asked.service) + [("scope", scope) for scope in scopes]
        url, form, authorization = asked.realm, dict[str, str](), ""
        if self._credentials and self._credentials.identity:
            form = {"grant_type": "refresh_token", "client_id": "tagseal", "service": asked.service}
            form |= {"scope": " ".join(scopes), "refresh_token": self._credentials.secret}
        else:
            url += ("&" if "?" in url else "?") + urlencode(query)
            authorization = _basic(self._credentials) if self._credentials else ""
        status, content = fetch(url, authorization, form)
        if status != _OK:
            raise refusals.error_for(self._host, doing, status, content, {})
        answer = json.loads(content)
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise refusals.garbled_answer(self._host, doing, "the token service gave no token")
        return token


def _secure(realm: str) -> bool:
    try:
        parts = urlsplit(realm)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _basic(credentials: Credentials) -> str:
    return "Basic " + b64encode(f"{credentials.user}:{credentials.secret}".encode()).decode()
