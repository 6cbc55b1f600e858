"""Registries of container images, by OCI distribution 1.1: blobs and manifests by digest, tags, referrers.

1. A failed read is repeated; after a failed write, what it may have done is looked for first (``services.retry``).
2. Nothing is believed: a manifest's digest is computed from its bytes, and compared with what was asked for and with
   what the registry says. An answer is bounded.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from tagseal.errors import ServiceError, UsageError
from tagseal.names import safe_image
from tagseal.services.images.registry import referrers, refusals
from tagseal.services.images.registry.client import TIMEOUT, RegistryClient
from tagseal.services.images.registry.credentials import Credentials, credentials
from tagseal.services.images.registry.manifests import Manifests, RemoteManifest
from tagseal.services.images.registry.referrers import Referrer
from tagseal.services.images.registry.uploads import Uploads
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["Credentials", "Referrer", "Registry", "RemoteManifest", "credentials"]

LARGEST_BLOB = 64 << 30
"""Bytes."""
_TURNS = 5
"""Times that the list of referrers is written while others write it too."""


class Registry:
    """One repository at one registry, with one account's credentials; from any thread.

    Every method raises a TagsealError for whatever goes wrong: UsageError for credentials that may not, Refused for a
    registry that leads astray, VerificationFailed for other bytes than those asked for, ServiceError for a service that
    does not answer for longer than the patience. A manifest's ``reference`` is a tag or ``sha256:…``; every
    ``sha256`` is hexadecimal.
    """

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        host: str,
        repository: str,
        credentials: Credentials | None = None,
        *,
        retry: Retry | None = None,
        timeout: float = TIMEOUT,
        pushes: bool = False,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            host: The registry's, with a port where it has one.
            repository: Its name there.
            credentials: None for a stranger's.
            retry: How long to bear with a failing service; by default not at all.
            timeout: Seconds without an answer, or without progress, of any request.
            pushes: Whether to read with the right to push as well: a registry may deny whoever may only read what
                is not there yet.

        Raises:
            Refused: The name is none.
        """
        self.host, self.repository = safe_image(f"{host}/{repository}")
        self._timeout = timeout
        self._retry = retry or Retry(patience=0)
        client = RegistryClient(host, repository, credentials, timeout, pushes=pushes)
        self._manifests, self._uploads = Manifests(client), Uploads(client, self._retry)

    def anonymous(self) -> Registry:
        """Return this repository as a stranger sees it."""
        return Registry(self.host, self.repository, retry=self._retry, timeout=self._timeout)

    def begin(self) -> None:
        """Hold that these credentials may push: an upload is begun, and given up.

        Raises:
            UsageError: They may not; the error names the permission.
        """
        self._retry.read(self._uploads.begin)

    def readable(self, reference: str) -> bool:
        """Tell whether there is such a manifest, and these credentials may read it."""
        try:
            return self.manifest(reference) is not None
        except UsageError as error:
            if refusals.is_denial(error):
                return False
            raise

    def is_denied(self, reference: str) -> bool:
        """Tell whether these credentials may not read a manifest, be it there or not."""
        try:
            self.manifest(reference)
        except UsageError as error:
            if refusals.is_denial(error):
                return True
            raise
        return False

    def has_blob(self, sha256: str) -> bool:
        """Tell whether the repository has a blob."""
        return self._retry.read(partial(self._uploads.has, sha256, f"look for the blob sha256:{sha256}"))

    def push_blob(self, path: Path, *, sha256: str, size: int, mount_from: str | None = None) -> bool:
        """Push a file as a blob; return False where it was there.

        Args:
            path: The file; its bytes are read as they are sent.
            sha256: What they must have.
            size: How many they are.
            mount_from: Another repository at this registry that may have it.

        Raises:
            VerificationFailed: The file has other bytes; the registry does not get it whole.
        """
        return self._uploads.push(path, sha256=sha256, size=size, mount_from=mount_from or "")

    def blob(self, sha256: str, limit: int) -> bytes:
        """Return a blob of ``limit`` bytes at most.

        Raises:
            UsageError: It is not there.
            VerificationFailed: It has other bytes.
        """
        return self._retry.read(partial(self._manifests.blob, sha256, limit))

    def fetch_blob(self, sha256: str, file: IO[bytes], limit: int = LARGEST_BLOB) -> int:
        """Write a blob to a file from its beginning, in blocks; return how many bytes it has.

        Raises:
            UsageError: It is not there.
            Busy: It has other bytes, each time that it is asked for.
        """
        return self._retry.read(partial(self._manifests.save, sha256, file, limit))

    def manifest(self, reference: str) -> RemoteManifest | None:
        """Return a manifest; None where there is none.

        Raises:
            VerificationFailed: Its bytes are not those of the digest that was asked for, or that the registry names.
        """
        return self._retry.read(partial(self._manifests.get, reference))

    def resolve(self, tag: str) -> str | None:
        """Return the sha256 that a tag names; None where there is no such tag."""
        return self._retry.read(partial(self._manifests.resolve, tag))

    def tags(self) -> tuple[str, ...]:
        """Return the tags of the repository, as the registry orders them."""
        return self._retry.read(self._manifests.tags)

    def push_manifest(self, content: bytes, media_type: str, reference: str | None = None) -> bool:
        """Push a manifest under a tag, or under its digest alone; tell whether the registry says it lists referrers.

        It says so of a manifest with a ``subject`` only (``OCI-Subject``), and nothing where its answer was lost.

        Raises:
            VerificationFailed: The registry keeps it under another digest.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        where = reference or f"sha256:{sha256}"

        def look() -> bool | None:
            found = self._manifests.get(where)
            return None if found is None or found.sha256 != sha256 else False

        return self._retry.write(partial(self._manifests.put, content, media_type, where), look)

    def refer(self, content: bytes, media_type: str, subject_sha256: str) -> str:
        """Push a manifest that refers to another one, listed among its referrers; return its sha256.

        Where the registry does not list them itself, the index at the fallback tag is read, added to, written, and read
        again: others' entries are kept.

        Raises:
            ServiceError: Others wrote that index each time.
            UsageError: Something else is at that tag.
            ValueError: The manifest has another subject: a mistake of the caller's.
        """
        if referrers.subject(content) != subject_sha256:
            raise ValueError("the manifest has another subject")
        sha256 = hashlib.sha256(content).hexdigest()
        if not self.push_manifest(content, media_type):
            listed = self._retry.read(partial(self._manifests.referrers, subject_sha256, ""))
            if listed is None or all(one.get("digest") != f"sha256:{sha256}" for one in listed):
                self._append(referrers.tag(subject_sha256), referrers.entry(content, media_type, sha256))
        return sha256

    def referrers(self, sha256: str, artifact_type: str = "") -> tuple[Referrer, ...]:
        """Return what refers to a manifest: from the API, else from the fallback tag."""
        listed = self._retry.read(partial(self._manifests.referrers, sha256, artifact_type))
        if listed is None:
            listed = self._read_fallback(referrers.tag(sha256))[1]
        described = [one for entry in listed if (one := referrers.read_descriptor(entry))]
        return tuple(one for one in described if artifact_type in {"", one.artifact_type})

    def _read_fallback(self, tag: str) -> tuple[bytes | None, list[dict[str, Any]]]:
        """Return the index at a fallback tag, and its entries."""
        found = self.manifest(tag)
        if found is None:
            return None, []
        try:
            return found.content, referrers.entries(found.content)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"got something else than an index at the tag {tag} of {self.host}/{self.repository}, "
                "expected the list of referrers",
                hint="Find out who put it there, and delete that tag; then run the same command again.",
                slug="registry-referrers-index",
            ) from error

    def _append(self, tag: str, entry: dict[str, Any]) -> None:
        wanted = [entry]
        for _ in range(_TURNS):
            content, there = self._read_fallback(tag)
            # What was there once and is gone was overwritten by another writer, as ours may have been.
            wanted += [one for one in there if one.get("digest") not in {other.get("digest") for other in wanted}]
            index = referrers.append(content, wanted)
            if index is None:
                return
            self.push_manifest(index, referrers.INDEX, tag)
        raise ServiceError(
            f"got another index at the tag {tag} of {self.host}/{self.repository} after each writing, expected ours",
            hint="Something else signs this image at the same time. {Rerun} once it has ended.",
            slug="registry-referrers-contended",
        )
