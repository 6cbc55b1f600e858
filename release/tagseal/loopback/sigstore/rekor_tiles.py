"""The second version of Rekor's API, as rekor-tiles serves it: an entry is given in, and read in tiles.

Source: ``rekor_service.proto`` through its JSON gateway, and C2SP ``tlog-tiles`` for what is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug import Response
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import CODES, Service, answer
from tagseal.loopback.sigstore import tiles
from tagseal.loopback.sigstore.tile_entries import build_request, canonical

if TYPE_CHECKING:
    from werkzeug import Request

HOST = "log2025-1.rekor.sigstore.dev"

_API = "/api/v2"
_ALREADY_EXISTS = 6
_ADDRESS = re.compile(r"(?P<index>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?", re.ASCII)
"""Of a tile: its index in groups of three digits, and its width where it is not full (C2SP ``tlog-tiles``)."""


class RekorTiles(Service):
    """A transparency log that takes an entry whose signature verifies; ``log`` holds them, one of its own first."""

    routes = Map(
        [
            Rule(f"{_API}/log/entries", endpoint="_add", methods=["POST"]),
            Rule(f"{_API}/checkpoint", endpoint="_checkpoint", methods=["GET"]),
            Rule(f"{_API}/tile/entries/<path:address>", endpoint="_entries", methods=["GET"]),
            Rule(f"{_API}/tile/<int:level>/<path:address>", endpoint="_tile", methods=["GET"]),
            Rule("/healthz", endpoint="_health", methods=["GET"]),
        ]
    )

    def __init__(self) -> None:
        self.log = tiles.TileLog(HOST)
        # Index 0 and an empty proof are absent in a bundle's JSON (protobuf), and sigstore-python then refuses it.
        self.log.add(canonical(build_request(b"the first entry", ec.generate_private_key(ec.SECP256R1()))))

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as the JSON gateway does: gRPC code, message, details."""
        status = error.code or 500
        return answer({"code": CODES.get(status, 2), "message": error.description, "details": []}, status)

    def _add(self, request: Request) -> Response:
        try:
            entry = canonical(request.get_data())
            told = self.log.add(entry)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        if told is None:
            index = self.log.index(entry.body)
            message = f"an equivalent entry already exists in the transparency log with index {index}"
            body = {"code": _ALREADY_EXISTS, "message": message, "details": []}
            return answer(body, 409, {"x-log-index": str(index)})
        return answer(told, 201)

    def _checkpoint(self, _request: Request) -> Response:
        return Response(self.log.checkpoint(), content_type="text/plain; charset=utf-8")

    def _tile(self, _request: Request, level: int, address: str) -> Response:
        try:
            return _bytes(self.log.tile(level, *_place(address)))
        except IndexError as error:
            raise NotFound from error

    def _entries(self, _request: Request, address: str) -> Response:
        try:
            return _bytes(self.log.entries(*_place(address)))
        except IndexError as error:
            raise NotFound from error

    def _health(self, _request: Request) -> Response:
        return answer({"status": "SERVING"})


def _bytes(content: bytes) -> Response:
    return Response(content, content_type="application/octet-stream")


def _place(address: str) -> tuple[int, int]:
    """Return a tile's index and width.

    Raises:
        BadRequest: It is no such address.
    """
    found = _ADDRESS.fullmatch(address)
    width = int(found["width"] or tiles.WIDTH) if found else 0
    if found is None or width > tiles.WIDTH:
        raise BadRequest("invalid tile address")
    return int(re.sub(r"[x/]", "", found["index"])), width
