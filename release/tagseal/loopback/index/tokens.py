"""Trusted publishing: an identity token of a workflow becomes a token of the index, good for minutes.

Source: "Publishing with OpenID Connect" in the index's own documentation. In order: the identity token is verified,
for the audience that the index names; a registered publisher has its repository, owner, workflow file and environment,
the one that names the environment before one that names none; the event and the workflow's ref are what publishing
asks for; and the token is new. A publisher whose project is not there yet makes it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
from pydantic import BaseModel, ValidationError

from tagseal.loopback.index.state import ANY, TOKEN_LIFETIME
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Request, Response

    from tagseal.loopback.actions import Issuer
    from tagseal.loopback.index.state import IndexState

_FAILED = 422


class _Exchange(BaseModel):
    """The body of ``POST /_/oidc/mint-token``."""

    token: str


class TokenExchange:
    """Exchanges tokens of one issuer for one audience."""

    def __init__(self, state: IndexState, issuer: Issuer, audience: str) -> None:
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
            return _refuse("invalid-payload", "body is not the expected JSON")
        try:
            claims = self._issuer.verify(exchange.token, self._audience)
        except jwt.InvalidTokenError:
            return _refuse("invalid-token", "malformed or invalid token")
        with self._state.lock:
            return self._exchange(claims)

    def _exchange(self, claims: dict[str, Any]) -> Response:
        found = [publisher for publisher in self._state.publishers if publisher.trusts(claims)]
        wrong = _wrong(claims) if found else "Publisher with matching claims was not found"
        if wrong:
            return _refuse("invalid-publisher", f"valid token, but no corresponding publisher ({wrong})")
        number = str(claims.get("jti"))
        if number in self._state.seen:
            return _refuse("invalid-reuse-token", "invalid token: already used")
        self._state.seen.add(number)
        publisher = next((one for one in found if one.environment), found[0])
        projects = {one.project for one in found if replace(one, project=publisher.project) == publisher}
        for project in projects - {ANY}:
            self._state.projects.setdefault(project, {})
        token = self._state.issue(projects, publisher, TOKEN_LIFETIME)
        return answer({"success": True, "token": token, "expires": int(time.time()) + TOKEN_LIFETIME})


def _wrong(claims: dict[str, Any]) -> str:
    """Return what a publisher's own workflow does that publishing is not for; empty for nothing."""
    if claims.get("event_name") == "pull_request_target":
        return "Publishing from a workflow invoked via 'pull_request_target' is not supported."
    workflow, _, ref = str(claims.get("job_workflow_ref", "")).partition("@")
    if ref not in {claims.get("ref"), claims.get("sha")}:
        expected = [f"{workflow}@{claims.get(one)}" for one in ("ref", "sha")]
        return f"The job_workflow_ref claim does not match, expecting one of {expected}, got '{workflow}@{ref}'"
    return ""


def _refuse(code: str, description: str) -> Response:
    errors = [{"code": code, "description": description}]
    return answer({"message": "Token request failed", "errors": errors}, _FAILED)
