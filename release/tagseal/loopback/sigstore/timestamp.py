"""The timestamp authority: it says when it saw a digest, and that is the time at which a bundle was signed.

Source: RFC 3161, over HTTP (section 3.4), as Sigstore's timestamp-authority serves it: no weak digest, no extension,
and no policy but its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding
from werkzeug import Response
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service, answer
from tagseal.loopback.sigstore import certificates, tsp

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from werkzeug import Request

PATH = "/api/v1/timestamp"

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


class TimestampAuthority(Service):
    """An authority with a root of its own; the keys are fresh and live in memory."""

    routes = Map(
        [
            Rule(PATH, endpoint="_timestamp", methods=["POST"]),
            Rule(f"{PATH}/certchain", endpoint="_chain", methods=["GET"]),
        ]
    )

    def __init__(self) -> None:
        """Make the keys."""
        self._root = certificates.root_authority("sigstore-tsa-selfsigned", below=0)
        self._authority = certificates.timestamp_authority(self._root)

    @property
    def chain(self) -> list[x509.Certificate]:
        """The certificates, from the one that signs to the root."""
        return [self._authority.certificate, self._root.certificate]

    @property
    def started(self) -> datetime:
        """When its keys came into use."""
        return self._root.certificate.not_valid_before_utc

    def stamp(self, message: bytes, time: datetime | None = None) -> bytes:
        """Return a response over this message, now or at another time: what an attacker might hold."""
        return tsp.response(tsp.query_of(message), self._authority, time)

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as the service does: code and message."""
        status = error.code or 500
        return answer({"code": status, "message": error.description}, status)

    def _timestamp(self, request: Request) -> Response:
        if request.mimetype != _QUERY:
            raise UnsupportedMediaType("unsupported content type")
        try:
            asked = tsp.query(request.get_data())
        except ValueError as error:
            raise BadRequest(f"Error generating timestamp response: {error}") from error
        if asked.policy not in {"", tsp.POLICY}:
            raise BadRequest("Timestamp request contains an unaccepted policy")
        return Response(tsp.response(asked, self._authority), 201, content_type=_REPLY)

    def _chain(self, _request: Request) -> Response:
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)
        return Response(chain, content_type="application/pem-certificate-chain")
