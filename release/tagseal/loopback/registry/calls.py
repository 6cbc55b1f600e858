"""One call of the registry: whose it is, what they may do, and how it is refused (OCI distribution 1.1, "Errors").

1. Without a token of this registry: 401 with the challenge, whatever is asked (GHCR: even for what is public).
2. With one that was issued for another repository or for less: 401 with the challenge that names what it takes.
3. Whoever may not by the permissions of their GitHub token: 403 ``DENIED`` in GHCR's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from tagseal.loopback.registry.blobs import DIGEST
from tagseal.loopback.service import answer
from tagseal.names import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug import Request, Response

    from tagseal.loopback.registry.state import ImageRepository, RegistryState, Ticket

    Endpoint = Callable[..., Response]

_LEVELS = {"pull": {"read", "write"}, "push": {"write"}}
_LONGEST_NAME = 255


def problem(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, detail: object = None
) -> HTTPException:
    """Return a refusal in the specification's form."""
    error: dict[str, object] = {"code": code, "message": message}
    if detail is not None:
        error["detail"] = detail
    return HTTPException(response=answer({"errors": [error]}, status, headers))


def challenge(request: Request, scope: str, error: str = "") -> HTTPException:
    """Return the 401 that says where a token for ``scope`` can be had."""
    words = f'Bearer realm="{request.host_url}token",service="{request.host}",scope="{scope}"'
    words += f',error="{error}"' if error else ""
    return problem(401, "UNAUTHORIZED", "authentication required", headers={"WWW-Authenticate": words})


def valid_name(name: str) -> str:
    """Return a repository's name if it is one."""
    if len(name) > _LONGEST_NAME or IMAGE.fullmatch(f"registry.invalid/{name}") is None:
        raise problem(400, "NAME_INVALID", "invalid repository name")
    return name


def valid_digest(digest: str) -> str:
    """Return a digest if it is one."""
    if DIGEST.fullmatch(digest) is None:
        raise problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    return digest


@dataclass(frozen=True, slots=True)
class RegistryCall:
    """A request, and whoever makes it."""

    state: RegistryState
    request: Request
    ticket: Ticket | None
    """None: no token, or one that is over."""

    def to_pull(self, name: str) -> ImageRepository:
        """Return a repository that the caller may pull from."""
        found = self.repository_to_pull(name)
        if found is None:
            raise problem(404, "NAME_UNKNOWN", "repository name not known to registry", detail={"name": name})
        return found

    def repository_to_pull(self, name: str) -> ImageRepository | None:
        """Return a repository that the caller may pull from, if it is there."""
        self._need(valid_name(name), "pull")
        return self.state.repositories.get(name)

    def to_push(self, name: str) -> ImageRepository:
        """Return a repository that the caller may push to; it is made at the first push."""
        self._need(valid_name(name), "push")
        return self.state.repository(name)

    def require_token(self) -> None:
        """Refuse a caller without a token."""
        if self.ticket is None:
            raise challenge(self.request, "repository:user/image:pull")

    def address(self, path: str) -> str:
        """Return the whole address of a path of this registry."""
        return f"{self.request.host_url}{path}"

    def may(self, name: str, action: str) -> bool:
        """Tell whether this caller's token covers the action, and the permissions behind it allow it."""
        covered = self.ticket is not None and action in self.ticket.access.get(name, ())
        return covered and self._is_allowed(name, action)

    def _need(self, name: str, action: str) -> None:
        scope = f"repository:{name}:{'pull,push' if action == 'push' else 'pull'}"
        if self.ticket is None:
            raise challenge(self.request, scope, "invalid_token" if "Authorization" in self.request.headers else "")
        if action not in self.ticket.access.get(name, ()):
            raise challenge(self.request, scope, "insufficient_scope")
        allowed = self._is_allowed(name, action)
        if self.ticket.github:
            self.state.account(self.ticket.github, {"pull": "read", "push": "write"}[action], refused=not allowed)
        if not allowed:
            raise self._denial(name, action)

    def _is_allowed(self, name: str, action: str) -> bool:
        found = self.state.repositories.get(name)
        if action == "pull" and found is not None and not found.private:
            return True
        github = self.ticket.github if self.ticket else None
        scopes = self.state.scopes(github, name) if github else None
        return (scopes or {}).get("packages") in _LEVELS[action]

    def _denial(self, name: str, action: str) -> HTTPException:
        """Say it as GHCR does: actions/runner#1039, tuna-os/tunaOS#642."""
        github = (self.ticket.github if self.ticket else None) or ""
        if not github.startswith("ghs_"):
            verb = "write" if action == "push" else "read"
            return problem(403, "DENIED", f"permission_denied: {verb}_package")
        known = name in self.state.repositories
        verb = "Read" if action == "pull" else "Write" if known else "Create"
        return problem(403, "DENIED", f"installation not allowed to {verb} organization package")
