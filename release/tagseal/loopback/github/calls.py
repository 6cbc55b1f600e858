"""One call of the API: whose it is, what they may see, and how it is refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from werkzeug import Request

    from tagseal.loopback.github.state import GitHubState, Grant, PlayedRelease, PlayedRepository

    Endpoint = Callable[..., Response]

_DOCUMENTATION = "https://docs.github.com/rest"
_LIMIT = 1000
"""Requests an hour and repository that a job's token has."""


def problem(
    status: int, message: str, *errors: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> HTTPException:
    """Return a refusal in the API's form."""
    body: dict[str, object] = {"message": message}
    if errors:
        body["errors"] = list(errors)
    body |= {"documentation_url": _DOCUMENTATION, "status": str(status)}
    return HTTPException(response=answer(body, status, headers))


def invalid(resource: str, field: str, code: str, message: str = "") -> HTTPException:
    """Return the refusal of one field; ``message`` goes with the code ``custom``."""
    error = {"resource": resource, "code": code, "field": field}
    return problem(422, "Validation Failed", {**error, "message": message} if message else error)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request, and whoever makes it."""

    state: GitHubState
    request: Request
    grant: Grant | None
    """None: a stranger."""

    def repository(self, owner: str, repo: str) -> PlayedRepository:
        """Return the repository; a private one does not exist for strangers."""
        name = f"{owner}/{repo}"
        found = self.state.find(name)
        if found is None and (moved := self.state.moved_repository(name)) and self.may_see(moved):
            raise self._redirect(moved, name)
        if found is None or not self.may_see(found):
            raise problem(404, "Not Found")
        return found

    def _redirect(self, moved: PlayedRepository, name: str) -> HTTPException:
        """Lead from a former name to the number; 307 keeps the method, which 301 may not."""
        rest = self.request.full_path.removeprefix(f"/repos/{name}").removesuffix("?")
        to = f"https://{self.request.host}/repositories/{moved.id}{rest}"
        status = 301 if self.request.method == "GET" else 307
        body = {"message": "Moved Permanently", "url": to, "documentation_url": _DOCUMENTATION}
        return HTTPException(response=answer(body, status, {"Location": to}))

    def may_see(self, repository: PlayedRepository) -> bool:
        """Tell whether the repository exists for this caller."""
        if not repository.private:
            return True
        return self.grant is not None and self.grant.repository in {None, repository.full_name}

    def may(self, scope: str, level: str, repository: PlayedRepository) -> bool:
        """Tell whether the token has the scope; what is public may be read by anybody."""
        if level == "read" and not repository.private:
            return True
        return self.grant is not None and self.grant.may(scope, level, repository)

    def need(self, scope: str, level: str, repository: PlayedRepository) -> None:
        """Refuse a caller without the scope; the header is as in microsoft/AL-Go#808."""
        if self.has(scope, level, repository):
            return
        if self.grant is None:
            raise problem(401, "Requires authentication")
        accepted = f"{scope.replace('-', '_')}={level}"
        raise problem(403, self.inaccessible, headers={"X-Accepted-GitHub-Permissions": accepted})

    def has(self, scope: str, level: str, repository: PlayedRepository) -> bool:
        """Tell whether the token has the scope, which counts as asked."""
        allowed = self.may(scope, level, repository)
        if self.grant is not None:
            self.grant.account(scope, level, refused=not allowed)
        return allowed

    @property
    def inaccessible(self) -> str:
        """The words for what a token is not for."""
        kind = "integration" if self.grant and self.grant.actor.bot else "personal access token"
        return f"Resource not accessible by {kind}"

    def person(self) -> Grant:
        """Return whoever calls, if it is a person; a job's token is an installation's."""
        if self.grant is None:
            raise problem(401, "Requires authentication")
        if self.grant.actor.bot:
            raise problem(403, self.inaccessible)
        return self.grant

    def release(self, repository: PlayedRepository, number: int) -> PlayedRelease:
        """Return a release; a draft exists only for those who may push."""
        self.need("contents", "read", repository)
        found = repository.by_id.get(number)
        if found is not None and self.reads(repository, found):
            return found
        raise problem(404, "Not Found")

    def reads(self, repository: PlayedRepository, release: PlayedRelease) -> bool:
        """Tell whether this caller may read the release that they ask for; a draft takes what writing it takes."""
        return not release.draft or self.has("contents", "write", repository)

    def shows(self, repository: PlayedRepository, release: PlayedRelease) -> bool:
        """Tell whether a listing has the release for this caller; nobody is refused one that is left out."""
        seen = not release.draft or self.may("contents", "write", repository)
        if seen and release.draft and self.grant is not None:
            self.grant.account("contents", "write", refused=False)
        return seen

    def json(self) -> dict[str, Any]:
        """Return the request's body, an object."""
        try:
            value = json.loads(self.request.get_data() or b"{}")
        except ValueError:
            raise problem(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise problem(400, "Body should be a JSON object")
        return value


def routes(*table: tuple[str, str, Endpoint]) -> Map:
    """Route each line of a table, method, path and endpoint; an endpoint takes a call and the parts of the path."""
    rules = [Rule(path, methods=[verb], endpoint=endpoint) for verb, path, endpoint in table]
    return Map(rules, merge_slashes=False)


class Api(Service):
    """A host of the API."""

    def __init__(self, state: GitHubState, routes: Map) -> None:
        """Answer these routes from the state."""
        self._state = state
        self.routes = routes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; a repository can also be named by its number, as the links between pages do."""
        if numbered := re.match(r"/repositories/(\d+)(.*)", environ["PATH_INFO"]):
            found = self._state.by_number(int(numbered[1]))
            environ = environ | {"PATH_INFO": f"/repos/{found.full_name}{numbered[2]}" if found else "/"}
        return super().__call__(environ, start_response)

    def refusal(self, error: HTTPException) -> Response:
        """Return the refusal in the API's form."""
        if isinstance(error.response, Response):
            return error.response
        response = problem(error.code or 500, "Not Found" if error.code == 404 else error.name).response  # noqa: PLR2004
        return response if isinstance(response, Response) else answer({}, 500)

    def respond(self, endpoint: Endpoint, request: Request, parts: Mapping[str, Any]) -> Response:
        """ApiCall the endpoint for whoever the token belongs to, and count the request."""
        token = request.headers.get("Authorization", "").partition(" ")[2]
        with self._state.lock:
            grant = self._state.grants.get(token)
            used = self._state.requests[token] = self._state.requests.get(token, 0) + 1
        if grant is None and "Authorization" in request.headers:
            raise problem(401, "Bad credentials")
        response = endpoint(ApiCall(self._state, request, grant), **parts)
        response.headers.update(self._limits(used))
        return response

    def _limits(self, used: int) -> dict[str, str]:
        return {
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-RateLimit-Limit": str(_LIMIT),
            "X-RateLimit-Remaining": str(max(0, _LIMIT - used)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(self._state.now().timestamp()) + 3600),
            "X-RateLimit-Resource": "core",
        }
