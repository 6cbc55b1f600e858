"""Manifests, tags and referrers as one request each tells them; nobody waits here, and every answer is bounded.

Source: OCI distribution 1.1, "Pulling manifests", "Listing Tags" and "Listing Referrers".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from tagseal.errors import Refused
from tagseal.names import IMAGE_TAG, show
from tagseal.services.images.registry import referrers, refusals
from tagseal.services.images.registry.client import RegistryRequest
from tagseal.services.transport import BLOCK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tagseal.services.images.registry.client import Answer, RegistryClient

LIMIT = 4 << 20
"""Bytes of a manifest, and of a page: what registries take at most, "Pushing Manifests" there."""
_ACCEPTED = (
    referrers.INDEX,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "*/*",
)
_PAGES, _PAGE = 100, 1000
_OK, _NOT_FOUND = 200, 404
_PUT = frozenset({200, 201, 202})
_UNLISTED = frozenset({301, 302, 303, 307, 308, 400, 404, 405, 406})
"""What registries without the referrers API answer; google/go-containerregistry has met most of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteManifest:
    """A manifest, or an index of manifests, as a registry has it."""

    content: bytes
    """Its exact bytes, which the digest is of."""
    media_type: str
    sha256: str


class Manifests:
    """What one repository says."""

    def __init__(self, client: RegistryClient) -> None:
        """Prepare; nothing is asked yet."""
        self._client = client

    def get(self, reference: str) -> RemoteManifest | None:
        """Return a manifest; None where there is none."""
        doing = f"read the manifest {show(reference)}"
        answer = self._ask(doing, "GET", reference)
        if answer.status == _NOT_FOUND:
            return None
        self.expect(doing, answer, {_OK})
        content = self.hold_size(answer.content, LIMIT, doing)
        sha256 = hashlib.sha256(content).hexdigest()
        for told in (reference, answer.headers.get("Docker-Content-Digest")):
            if expected := referrers.hexadecimal(told):
                self.compare(f"the manifest {show(reference)}", sha256, expected)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return RemoteManifest(content=content, media_type=media_type, sha256=sha256)

    def resolve(self, tag: str) -> str | None:
        """Return the sha256 that a tag names; None where there is no such tag."""
        answer = self._ask(f"read the tag {show(tag)}", "HEAD", tag)
        named = referrers.hexadecimal(answer.headers.get("Docker-Content-Digest"))
        if answer.status == _OK and named:
            return named
        found = None if answer.status == _NOT_FOUND else self.get(tag)
        return found.sha256 if found else None

    def put(self, content: bytes, media_type: str, reference: str) -> bool:
        """Push a manifest; tell whether the registry says that it lists referrers."""
        sha256 = hashlib.sha256(content).hexdigest()
        doing = f"push a manifest as {show(reference)}"
        headers = {"Content-Type": media_type}
        answer = self._client.ask(
            RegistryRequest(
                doing=doing, method="PUT", url=self._at(reference), push=True, headers=headers, body=content
            )
        )
        self.expect(doing, answer, _PUT)
        if named := answer.headers.get("Docker-Content-Digest"):
            self.compare("the manifest just pushed", referrers.hexadecimal(named) or named, sha256)
        elif (found := self.get(reference)) is None or found.sha256 != sha256:
            raise refusals.garbled_answer(self._client.host, doing, "it is not there")
        return bool(answer.headers.get("OCI-Subject"))

    def tags(self) -> tuple[str, ...]:
        """Return the tags, as the registry orders them."""
        doing = "list the tags"
        found = list[str]()
        for answer in self._pages(doing, f"{self._client.root}/tags/list?n={_PAGE}", {_OK, _NOT_FOUND}):
            with refusals.border(self._client.host, doing):
                # A registry that has lost the last tag may say null.
                listed = [] if answer.status == _NOT_FOUND else json.loads(answer.content)["tags"] or []
                if any(IMAGE_TAG.fullmatch(one) is None for one in listed):
                    raise ValueError("got something else than tags")
                found += listed
        return tuple(found)

    def referrers(self, sha256: str, artifact_type: str) -> list[dict[str, Any]] | None:
        """Return the entries of what refers to a manifest; None where the registry does not list them."""
        doing = f"list what refers to sha256:{sha256}"
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        found = list[dict[str, Any]]()
        for answer in self._pages(doing, f"{self._client.root}/referrers/sha256:{sha256}{query}", {_OK, *_UNLISTED}):
            if answer.status in _UNLISTED or not answer.headers.get("Content-Type", "").startswith(referrers.INDEX):
                return None
            with refusals.border(self._client.host, doing):
                found += referrers.entries(answer.content)
        return found

    def blob(self, sha256: str, limit: int) -> bytes:
        """Return a blob of ``limit`` bytes at most."""
        doing = f"read the blob sha256:{show(sha256)}"
        url = f"{self._client.root}/blobs/sha256:{quote(sha256, safe='')}"
        answer = self._client.ask(RegistryRequest(doing=doing, method="GET", url=url, limit=limit, led=True))
        self.expect(doing, answer, {_OK})
        content = self.hold_size(answer.content, limit, doing)
        self.compare("the blob", hashlib.sha256(content).hexdigest(), sha256)
        return content

    def save(self, sha256: str, file: IO[bytes], limit: int) -> int:
        """Write a blob to a file, ``limit`` bytes at most, and return how many it has."""
        doing = f"fetch the blob sha256:{show(sha256)}"
        url = f"{self._client.root}/blobs/sha256:{quote(sha256, safe='')}"
        answer = self._client.ask(RegistryRequest(doing=doing, method="GET", url=url, limit=limit, led=True, into=file))
        self.expect(doing, answer, {_OK})
        size = file.tell()
        file.seek(0)
        digest = hashlib.sha256()
        while block := file.read(BLOCK):
            digest.update(block)
        if digest.hexdigest() != sha256:
            # An answer that was cut on the way has other bytes as well: it is asked for again.
            got = f"{size:,} bytes with sha256 {digest.hexdigest()}"
            raise refusals.garbled_answer(self._client.host, doing, f"got {got}")
        return size

    def expect(self, doing: str, answer: Answer, statuses: Collection[int]) -> None:
        """Raise the error for an answer that has none of these statuses."""
        if answer.status not in statuses:
            raise self._client.refusal(doing, answer)

    def hold_size(self, content: bytes, limit: int, doing: str) -> bytes:
        """Return what is no longer than it may be.

        Raises:
            Refused: It is longer.
        """
        if len(content) > limit:
            raise refusals.oversized_answer(self._client.host, doing, limit)
        return content

    def compare(self, what: str, got: str, expected: str) -> None:
        """Hold two digests against each other.

        Raises:
            VerificationFailed: They differ.
        """
        if got != expected:
            raise refusals.differs(self._client.host, what, got, expected)

    def _ask(self, doing: str, method: str, reference: str) -> Answer:
        accept = {"Accept": ", ".join(_ACCEPTED)}
        return self._client.ask(
            RegistryRequest(doing=doing, method=method, url=self._at(reference), headers=accept, limit=LIMIT, led=True)
        )

    def _at(self, reference: str) -> str:
        if not referrers.hexadecimal(reference) and IMAGE_TAG.fullmatch(reference) is None:
            raise Refused(
                f"got the tag {show(reference)} for an image, expected letters, digits and . _ - only",
                hint="Set tags in [tool.tagseal.image] that a registry takes; + and / are none of theirs.",
                slug="unsafe-image-tag",
            )
        return f"{self._client.root}/manifests/{reference}"

    def _pages(self, doing: str, url: str, statuses: Collection[int]) -> Iterator[Answer]:
        for _ in range(_PAGES):
            answer = self._client.ask(RegistryRequest(doing=doing, method="GET", url=url, limit=LIMIT))
            self.expect(doing, answer, statuses)
            self.hold_size(answer.content, LIMIT, doing)
            yield answer
            with refusals.border(self._client.host, doing):
                following = referrers.following(answer.headers.get("Link", ""))
            if not following:
                return
            url = self._client.place(url, following)
        raise refusals.oversized_answer(self._client.host, doing, LIMIT * _PAGES)
