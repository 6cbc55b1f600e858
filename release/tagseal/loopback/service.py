"""What the played services have in common: routes to methods, JSON answers, errors in the service's own words."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from werkzeug.routing import Map

CODES = {400: 3, 404: 5, 405: 12}
"""HTTP status to gRPC code, which a JSON gateway's errors repeat: InvalidArgument, NotFound, Unimplemented."""


class Service(ABC):
    """A WSGI application whose routes lead to methods.

    A method refuses by raising one of ``werkzeug.exceptions``; :meth:`refusal` puts it as the real service would.
    """

    routes: Map
    """Compiled once, for all instances, because compiling takes longer than everything else that a service starts with.

    Each endpoint is the name of a method, ``_state``, or of a method of one of the service's parts,
    ``_listing.project``; the method takes the request and the parts of the path, and gives the answer.
    """

    @abstractmethod
    def refusal(self, error: HTTPException) -> Response:
        """Return the answer to a request that failed."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            endpoint, parts = self.routes.bind_to_environ(environ).match()
            response = self.respond(endpoint, Request(environ), parts)
        except HTTPException as error:
            response = self.refusal(error)
        return response(environ, start_response)

    def respond(self, endpoint: Any, request: Request, parts: Mapping[str, Any]) -> Response:  # noqa: ANN401 - Werkzeug's
        """Call the method that a route names."""
        response: Response = attrgetter(endpoint)(self)(request, **parts)
        return response


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(content), status, headers, content_type="application/json")
