"""The transparency log's service: version 1 of Rekor's API (``openapi.yaml``), for the kinds in ``entries``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, Field, ValidationError, field_validator
from werkzeug import Response
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, UnprocessableEntity
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service, answer
from tagseal.loopback.sigstore.entries import build_proposal, canonical
from tagseal.loopback.sigstore.log import EntryLog

if TYPE_CHECKING:
    from werkzeug import Request

HOST = "rekor.sigstore.dev"

_ENTRIES = "/api/v1/log/entries"
_MOST_QUERIES = 10


class _Query(BaseModel):
    """The body of ``POST /api/v1/log/entries/retrieve``."""

    uuids: list[str] = Field(default=[], alias="entryUUIDs")
    indexes: list[int] = Field(default=[], alias="logIndexes")
    entries: list[dict[str, Any]] = []

    @field_validator("uuids", "indexes", "entries", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        """Take null for an empty list, as Go's clients write it and Go's servers read it."""
        return [] if value is None else value


class Rekor(Service):
    """A transparency log that takes an entry whose signature verifies; ``log`` holds them, one of its own first."""

    routes = Map(
        [
            Rule("/api/v1/log", endpoint="_state", methods=["GET"]),
            Rule("/api/v1/log/publicKey", endpoint="_public_key", methods=["GET"]),
            Rule("/api/v1/log/proof", endpoint="_proof", methods=["GET"]),
            Rule(_ENTRIES, endpoint="_add", methods=["POST"]),
            Rule(_ENTRIES, endpoint="_by_index", methods=["GET"]),
            Rule(f"{_ENTRIES}/retrieve", endpoint="_retrieve", methods=["POST"]),
            Rule(f"{_ENTRIES}/<uuid>", endpoint="_by_uuid", methods=["GET"]),
        ],
        strict_slashes=False,
    )

    def __init__(self) -> None:
        self.log = EntryLog(HOST)
        # Index 0 and an empty proof are absent in a bundle's JSON (protobuf), and sigstore-python then refuses it.
        self.log.add(canonical(build_proposal(b"the first entry", ec.generate_private_key(ec.SECP256R1()))))

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as Rekor does: code and message."""
        status = error.code or 500
        return answer({"code": status, "message": error.description}, status)

    def _add(self, request: Request) -> Response:
        body = canonical(request.get_data())
        fresh, uuid = self.log.add(body), self.log.uuid(body)
        where = {"Location": f"{_ENTRIES}/{uuid}"}
        if not fresh:
            message = f"an equivalent entry already exists in the transparency log with UUID {uuid}"
            return answer({"code": 409, "message": message}, 409, where)
        return answer(self.log.by_uuid(uuid), 201, where | {"ETag": uuid})

    def _by_uuid(self, _request: Request, uuid: str) -> Response:
        return answer(_present(self.log.by_uuid(uuid)))

    def _by_index(self, request: Request) -> Response:
        return answer(_present(self.log.by_index(_integer(request, "logIndex"))))

    def _retrieve(self, request: Request) -> Response:
        """Answer with the entries that are there; an absent one is left out."""
        try:
            query = _Query.model_validate_json(request.get_data())
        except ValidationError as error:
            raise UnprocessableEntity(error.errors()[0]["msg"]) from error
        if len(query.uuids) + len(query.entries) + len(query.indexes) > _MOST_QUERIES:
            raise UnprocessableEntity(f"more than max allowed {_MOST_QUERIES} entries in request")
        named = [self.log.uuid(canonical(json.dumps(entry))) for entry in query.entries]
        found = [self.log.by_uuid(uuid) for uuid in (*query.uuids, *named)]
        found += [self.log.by_index(index) for index in query.indexes]
        return answer([entry for entry in found if entry])

    def _state(self, _request: Request) -> Response:
        return answer(self.log.state())

    def _proof(self, request: Request) -> Response:
        first, last = _integer(request, "firstSize", 1), _integer(request, "lastSize")
        try:
            return answer(self.log.consistency(first, last))
        except IndexError as error:
            raise BadRequest(
                f"firstSize({first}) must be less than lastSize({last})"
                if first > last
                else f"the tree size requested({last}) was greater than what is currently observable({len(self.log)})"
            ) from error

    def _public_key(self, _request: Request) -> Response:
        pem = self.log.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Response(pem, content_type="application/x-pem-file")


def _integer(request: Request, name: str, default: int | None = None) -> int:
    value = request.args.get(name, default, type=int)
    if value is None:
        raise UnprocessableEntity(f"{name} in query is required")
    return value


def _present(entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        raise NotFound
    return entry
