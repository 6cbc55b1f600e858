"""The token endpoint: https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/, as GHCR answers.

A token is opaque, and good for the repositories and actions that it was asked for. A stranger gets one for what is
public. Whoever shows a GitHub token, as the password of any user, gets one for what they ask; whether the permissions
suffice is asked at each call, so that a revoked token ends here too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tagseal.loopback.registry.calls import problem
from tagseal.loopback.registry.state import Ticket
from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug import Response

    from tagseal.loopback.registry.calls import Endpoint, RegistryCall

_ACTIONS = frozenset({"pull", "push"})
_MOST_SCOPES = 32


def by_query(call: RegistryCall) -> Response:
    """``GET /token?service=&scope=``, with or without a password."""
    shown = call.request.authorization
    if "Authorization" in call.request.headers and (shown is None or shown.type != "basic"):
        raise _refusal()
    github = (shown.password or "") if shown else None
    return _issue(call, github, call.request.args.getlist("scope"))


def by_form(call: RegistryCall) -> Response:
    """``POST /token``, as OAuth 2: a password, or a refresh token, which is the same here."""
    form = call.request.form
    kind = {"password": "password", "refresh_token": "refresh_token"}.get(form.get("grant_type", ""))
    if kind is None or not form.get(kind):
        raise problem(400, "UNSUPPORTED", "unsupported grant type")
    return _issue(call, form[kind], form.getlist("scope"))


def _issue(call: RegistryCall, github: str | None, scopes: Iterable[str]) -> Response:
    access = _access(scopes)
    if github is None:
        access = {name: actions & {"pull"} for name, actions in access.items()}
        repositories = call.state.repositories
        if any(name not in repositories or repositories[name].private for name in access):
            raise problem(401, "UNAUTHORIZED", "authentication required")
    elif call.state.scopes(github, "") is None:
        raise _refusal()
    lifetime = call.state.rules.token_lifetime
    token = call.state.issue(Ticket(github=github, access=access, expires=call.state.clock() + lifetime))
    issued = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return answer({"token": token, "access_token": token, "expires_in": lifetime, "issued_at": issued})


def _access(scopes: Iterable[str]) -> dict[str, frozenset[str]]:
    """Read ``repository:NAME:pull,push``, or ``*`` for both; other actions are not given, other kinds not known."""
    access: dict[str, frozenset[str]] = {}
    for scope in " ".join(scopes).split()[:_MOST_SCOPES]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "repository" and name:
            asked = set(actions.split(","))
            access[name] = access.get(name, frozenset()) | (_ACTIONS if "*" in asked else _ACTIONS & asked)
    return access


def _refusal() -> Exception:
    return problem(403, "DENIED", "denied")


TABLE: tuple[tuple[str, str, Endpoint], ...] = (("GET", "/token", by_query), ("POST", "/token", by_form))
