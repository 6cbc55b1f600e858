"""The host that assets' bytes come from: addresses are signed and expire, and a token is refused there."""

from __future__ import annotations

import hmac
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import send_file
from werkzeug.wsgi import FileWrapper

from tagseal.loopback.service import Service

if TYPE_CHECKING:
    from werkzeug import Request

    from tagseal.loopback.github.state import Asset, Repository, State

HOST = "release-assets.githubusercontent.com"
LIFETIME = 300
"""Seconds that an address is good for."""

_BLOCK = 1 << 16


def signed(state: State, repository: Repository, asset: Asset) -> str:
    """Return an address at which anybody can fetch the asset for a while."""
    path = f"/github-production-release-asset/{repository.id}/{asset.id}"
    expires = int(state.now().timestamp()) + LIFETIME
    return f"https://{HOST}{path}?" + urlencode({"sp": "r", "se": expires, "sig": _signature(state, path, expires)})


def _signature(state: State, path: str, expires: int) -> str:
    return hmac.new(state.key, f"{path} {expires}".encode(), "sha256").hexdigest()


class Objects(Service):
    """Hand out the bytes of one asset, whole or in ranges."""

    def __init__(self, state: State) -> None:
        """Serve what the state holds."""
        self._state = state
        rule = "/github-production-release-asset/<int:repository>/<int:asset>"
        self.routes = Map([Rule(rule, methods=["GET"], endpoint=self._bytes)])

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal as object stores do: XML."""
        text = f"<Error><Code>{error.name}</Code><Message>{error.description}</Message></Error>"
        return Response(text, error.code, mimetype="application/xml")

    def _bytes(self, request: Request, repository: int, asset: int) -> Response:
        expires = request.args.get("se", 0, int)
        genuine = hmac.compare_digest(
            request.args.get("sig", "").encode(), _signature(self._state, request.path, expires).encode()
        )
        if "Authorization" in request.headers:
            raise _Refusal(400, "Only one way of authentication is allowed: the signature.")
        if not genuine or expires < self._state.now().timestamp():
            raise _Refusal(403, "The signature is wrong or has expired.")
        found = self._find(repository, asset)
        request.environ["wsgi.file_wrapper"] = lambda file, _: FileWrapper(file, _BLOCK)
        return send_file(
            found.path,
            request.environ,
            mimetype=found.content_type,
            as_attachment=True,
            download_name=PurePosixPath(found.name).name,
            etag=found.sha256,
        )

    def _find(self, repository: int, number: int) -> Asset:
        with self._state.lock:
            for within in self._state.repositories:
                for release in within.releases if within.id == repository else ():
                    for asset in release.assets:
                        if asset.id == number:
                            asset.downloads += 1
                            return asset
        raise _Refusal(404, "The object does not exist.")


class _Refusal(HTTPException):
    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
