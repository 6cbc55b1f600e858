"""What an index has of a version, asked as anybody may.

Sources: the JSON and integrity APIs in the index's own documentation; PEP 503, PEP 691 and PEP 740.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import Version

from tagseal.errors import VerificationFailed
from tagseal.machine import metadata
from tagseal.names import FILE, show
from tagseal.services.index.asking import ask, download
from tagseal.services.index.refusals import garbled_answer
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.records import Index

_ONCE = Retry(patience=0)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIMPLE = "application/vnd.pypi.simple.v1+json"
_LARGEST = 64 * 1024 * 1024
"""Bytes of an answer: a project with ten thousand files has 5 MB."""
_PROVENANCE = 4 * 1024 * 1024
"""Bytes. Real ones have about 10 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file that the index has."""

    name: str
    sha256: str
    """Hexadecimal."""
    size: int
    """Bytes; 0 where the index does not say."""
    url: str
    yanked: bool


@dataclass(frozen=True, kw_only=True)
class IndexClient:
    """Asks one index about one version of one project."""

    index: Index
    project: str
    """As its metadata spells it."""
    version: str
    """Normalised, PEP 440."""
    retry: Retry = field(default=_ONCE, repr=False)

    @property
    def normalized(self) -> str:
        """The project's name as addresses spell it (PEP 503)."""
        return canonicalize_name(self.project)

    def files(self) -> tuple[ListedFile, ...]:
        """Return the files of this version, in the order of their names; none where the index knows none.

        Raises:
            Busy: The index did not answer until the patience was over.
            ServiceError: It refused, or answered something else.
        """
        listing = self._by_version if self.index.site else self._by_project
        return tuple(sorted(self.retry.read(listing), key=lambda one: one.name))

    def simple(self) -> tuple[ListedFile, ...]:
        """Return the files that the simple API lists, which is what pip reads: caches keep an old one for long.

        Raises:
            Busy: The index did not answer until the patience was over.
            ServiceError: It refused, or answered something else.
        """
        return tuple(sorted(self.retry.read(self._by_project), key=lambda one: one.name))

    def provenance(self, name: str) -> bytes | None:
        """Return the provenance of a file (PEP 740, JSON); None where the index has none.

        Raises:
            Busy: The index did not answer until the patience was over.
            ServiceError: It refused.
        """
        url = self.index.provenance(self.normalized, self.version, name)
        return self.retry.read(partial(ask, url, f"ask {self.index.name} for the provenance of {name}", _PROVENANCE))

    def fetch(self, listed: ListedFile, path: Path) -> None:
        """Fetch a file: whole, with the listed digest, or not at all.

        Raises:
            VerificationFailed: Its bytes are not those that the index lists.
            Busy: The index did not answer until the patience was over.
            ServiceError: It refused.
        """
        got = self.retry.read(partial(download, listed.url, f"download {listed.name} from {self.index.name}", path))
        if got != listed.sha256:
            path.unlink()
            raise VerificationFailed(
                f"got sha256 {got} for {listed.name} from {self.index.name}, expected {listed.sha256}, as it lists it",
                hint="Run the same command again. If it persists, look at who answers for the index on this network.",
                slug="index-download-differs",
            )

    def _by_version(self) -> list[ListedFile]:
        """Ask the JSON API, which answers for one version."""
        url = f"{self.index.site}pypi/{self.normalized}/{self.version}/json"
        answer = ask(url, self._doing, _LARGEST)
        return [] if answer is None else list(self._list_files(answer, url, "urls"))

    def _by_project(self) -> list[ListedFile]:
        """Ask the simple API, which every index has, and which answers for all versions."""
        url = f"{self.index.simple}{self.normalized}/"
        answer = ask(url, self._doing, _LARGEST, accept=_SIMPLE)
        found = [] if answer is None else list(self._list_files(answer, url, "files"))
        return [one for one in found if _identity(one.name) == (self.normalized, Version(self.version))]

    def _list_files(self, answer: bytes, url: str, key: str) -> Iterator[ListedFile]:
        from pydantic_core import from_json  # noqa: PLC0415 - as pydantic elsewhere

        try:
            for one in from_json(answer)[key]:
                yield _file(one, url)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise garbled_answer(self._doing, f"{type(error).__name__}: {error}") from error

    @property
    def _doing(self) -> str:
        return f"ask {self.index.name} for {self.project} {self.version}"


def _identity(name: str) -> tuple[str, Version] | None:
    """Return project and version that a file's name tells; None for what no index takes today."""
    try:
        return metadata.parse_filename(name)
    except ValueError:
        return None


def _file(one: dict[str, Any], base: str) -> ListedFile:
    """Read one file of either API's list; what is there is data from outside.

    Raises:
        ValueError: It is not what the API is documented to give.
    """
    name, url = str(one["filename"]), urljoin(base, str(one["url"]))
    sha256 = str((one.get("digests") or one["hashes"])["sha256"])
    size = one.get("size") or 0
    if not FILE.fullmatch(name) or not _DIGEST.fullmatch(sha256) or not isinstance(size, int):
        raise ValueError(f"got the file {show(name)} with sha256 {show(sha256)}")
    if urlsplit(url).scheme != "https":
        raise ValueError(f"got the address {show(url)}, expected https")
    return ListedFile(name=name, sha256=sha256, size=size, url=url, yanked=bool(one.get("yanked")))
