"""The parts that records are made of: frozen values as well."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TypeVar, dataclass_transform

GITHUB = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOWS = ".github/workflows"
"""The folder of a repository's workflows, whose files sign under their own names."""
BUNDLE = ".sigstore.json"
"""What the name of a file's bundle ends in, behind the file's own."""
ATTESTATION = ".publish.attestation"
"""What the name of a package's attestation ends in, as twine expects it (PEP 740)."""

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a record's, or a part's: frozen, and strict where it is read from JSON."""
    cls.__pydantic_config__ = {"extra": "forbid", "strict": True}  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Kind(StrEnum):
    """What an artifact is."""

    wheel = "wheel"
    sdist = "sdist"
    asset = "asset"
    checksums = "checksums"
    kit = "kit"
    image = "image"


class Phase(StrEnum):
    """When a command of the notes is executed (design, rule 5)."""

    draft = "draft"  # in `prove` and in `witness`
    public = "public"  # in `witness` only: it needs the published release
    shown = "shown"  # never: it installs a tool


@record
class Identity:
    """Who signed: exactly one workflow file of one repository, on one ref, at one issuer."""

    repository: str
    """OWNER/REPO, spelled as the token spells it."""
    workflow: str
    """Path in the repository: ``.github/workflows/release.yml``."""
    ref: str
    """Full ref: ``refs/tags/v1.2.3``."""
    issuer: str = ISSUER

    @property
    def uri(self) -> str:
        """The certificate's only subject alternative name."""
        return f"{GITHUB}/{self.repository}/{self.workflow}@{self.ref}"

    @property
    def repository_uri(self) -> str:
        """What the certificate's source repository extension says."""
        return f"{GITHUB}/{self.repository}"


@record
class Index:
    """A package index: where it is asked, and where files go."""

    name: str
    """As twine knows it: ``pypi``, ``testpypi``, or a section of ``.pypirc``."""
    simple: str
    """Root of the simple API (PEP 503, PEP 691), with a slash at its end."""
    upload: str
    """Where files are sent to; empty where twine's own configuration file says it."""
    site: str
    """Root of the JSON and integrity APIs and of trusted publishing; empty for an index that has none of them."""

    def provenance(self, project: str, version: str, name: str) -> str:
        """Return where the provenance of a file is (PEP 740); project and version are normalised."""
        return f"{self.site}integrity/{project}/{version}/{name}/provenance"


@record
class Manifest:
    """One manifest below an image's root (OCI image index, "manifests")."""

    platform: str
    """``linux/amd64``, ``linux/arm/v7``; empty for a nested index, which lists platforms of its own."""
    size: int
    """Bytes."""
    sha256: str


@record
class Artifact:
    """One file of the release, or an image: what it is called, and which bytes it is."""

    kind: Kind
    name: str
    """Base name; of an image, registry and repository: ``ghcr.io/octo/widget``."""
    size: int
    """Bytes; of an image, those of its root manifest, an index or the only platform's."""
    sha256: str
    """64 lower-case hexadecimal digits; of an image, its digest."""
    manifests: tuple[Manifest, ...] = ()
    """Of an image: what its index lists, at any depth, that a platform can pull. Each is signed as well."""


@record
class Contents:
    """What a bundle is made of, as far as clients differ in what they can read."""

    media_type: str
    """The bundle's."""
    entry: str
    """Kind and version of its log entry: ``hashedrekord 0.0.1``."""
    stamped: bool
    """Whether there are signed timestamps (RFC 3161)."""


@record
class Bundle:
    """The Sigstore bundle of one artifact."""

    artifact: str
    """The artifact's name."""
    name: str
    """``<artifact>.sigstore.json``."""
    size: int
    sha256: str
    log_index: int
    integrated_time: int
    """Seconds since the epoch, from the transparency log; 0 where the log gives none."""
    contents: Contents


@record
class Command:
    """One fenced block of the notes: a shell text with its phase."""

    phase: Phase
    text: str
    """As a reader copies it, without the final newline."""


@record
class Verdict:
    """What came of one check, command or attack."""

    name: str
    """The command's first line, the attack's name, or the check's."""
    ok: bool
    """It ended as it should: a command passed, an attack was refused."""
    detail: str = ""
    """One line: the tool's own words, or why it was refused."""
    by: str = ""
    """What ran it: ``sigstore 4.5.1``, ``stand-in``; empty for this process."""


@record
class Asset:
    """An asset of a GitHub release, as the server names it."""

    id: int
    name: str
    size: int
    sha256: str
    """Empty where the server keeps no digest."""
    state: str = "uploaded"  # the server's word; `starter`: begun and never finished


KNOWN_INDEXES = frozenset({"pypi", "testpypi"})
"""Those whose addresses twine knows, and which take attestations and trust publishers."""
