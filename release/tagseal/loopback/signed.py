"""Addresses at which anybody can fetch something for a while, as object stores sign them."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.utils import send_file
from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from werkzeug import Request

LIFETIME = 300
"""Seconds that an address is good for."""

_BLOCK = 1 << 18


class Addresses:
    """The addresses of one host; the key that signs them is in memory."""

    def __init__(self, host: str, clock: Callable[[], float]) -> None:
        """Sign for ``host``; ``clock`` counts seconds."""
        self.host = host
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def of(self, path: str) -> str:
        """Return the address of a path."""
        expires = int(self._clock()) + LIFETIME
        return f"https://{self.host}{path}?" + urlencode({"sp": "r", "se": expires, "sig": self._sign(path, expires)})

    def check(self, request: Request) -> None:
        """Refuse a request whose address was not made here or is over, and one that shows a token."""
        expires = request.args.get("se", 0, int)
        genuine = hmac.compare_digest(request.args.get("sig", "").encode(), self._sign(request.path, expires).encode())
        if "Authorization" in request.headers:
            raise Refusal(400, "Only one way of authentication is allowed: the signature.")
        if not genuine or expires < self._clock():
            raise Refusal(403, "The signature is wrong or has expired.")

    def _sign(self, path: str, expires: int) -> str:
        return hmac.new(self._key, f"{path} {expires}".encode(), "sha256").hexdigest()


class Refusal(HTTPException):
    """A refusal of an object store."""

    def __init__(self, code: int, description: str) -> None:
        """Refuse with a status and a reason."""
        super().__init__(description)
        self.code = code


def refuse_as_xml(error: HTTPException) -> Response:
    """Return a refusal as object stores do: XML."""
    text = f"<Error><Code>{error.name}</Code><Message>{error.description}</Message></Error>"
    return Response(text, error.code, mimetype="application/xml")


def answer_with_file(request: Request, path: Path, *, media_type: str, etag: str, name: str | None = None) -> Response:
    """Return the bytes of a file, whole or in ranges, a block at a time; with a name to save it under, if any."""
    request.environ["wsgi.file_wrapper"] = lambda file, _: FileWrapper(file, _BLOCK)
    return send_file(
        path, request.environ, mimetype=media_type, etag=etag, as_attachment=name is not None, download_name=name
    )
