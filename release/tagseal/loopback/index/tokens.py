"""Trusted publishing: an identity token of a workflow becomes a token of the index, good for minutes.

Source: "Publishing with OpenID Connect" in the index's own documentation. In order: the identity token is verified,
for the audience that the index names; it is new; a registered publisher has its repository, workflow and environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
from pydantic import BaseModel, ValidationError

from tagseal.loopback.index.state import TOKEN_LIFETIME
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Request, Response

    from tagseal.loopback.actions import Issuer
    from tagseal.loopback.index.state import State

_FAILED = 422


class _Exchange(BaseModel):
    """The body of ``POST /_/oidc/mint-token``."""

    token: str


class Tokens:
    """Exchanges tokens of one issuer for one audience."""

    def __init__(self, state: State, issuer: Issuer, audience: str) -> None:
        """Prepare."""
        self._state, self._issuer, self._audience = state, issuer, audience

    def audience(self, _request: Request) -> Response:
        """Name the audience of the tokens that are taken."""
        return answer({"audience": self._audience})

    def mint(self, request: Request) -> Response:
        """Exchange a token."""
        try:
            exchange = _Exchange.model_validate_json(request.get_data())
        except ValidationError:
            return _refused("invalid-payload", "body is not the expected JSON")
        try:
            claims = self._issuer.verify(exchange.token, self._audience)
        except jwt.InvalidTokenError:
            return _refused("invalid-token", "malformed or invalid token")
        with self._state.lock:
            return self._exchanged(claims)

    def _exchanged(self, claims: dict[str, Any]) -> Response:
        number = str(claims.get("jti"))
        if number in self._state.seen:
            return _refused("invalid-reuse-token", "invalid token: already used")
        found = [one for one in self._state.publishers if one.trusts(claims)]
        if not found:
            return _refused(
                "invalid-publisher",
                "valid token, but no corresponding publisher (Publisher with matching claims was not found)",
            )
        self._state.seen.add(number)
        token = self._state.issue({one.project for one in found}, found[0], TOKEN_LIFETIME)
        return answer({"success": True, "token": token, "expires": int(claims["iat"]) + TOKEN_LIFETIME})


def _refused(code: str, description: str) -> Response:
    errors = [{"code": code, "description": description}]
    return answer({"message": "Token request failed", "errors": errors}, _FAILED)
