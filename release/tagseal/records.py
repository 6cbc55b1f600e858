"""The nine records, one for each step, and their parts.

A record is a frozen value: no secret, no path but base names. It goes through JSON strictly: an unknown key, a
missing one or another type is an error, and all of them are reported at once with their key path.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast, dataclass_transform

if TYPE_CHECKING:
    from pydantic import TypeAdapter

GITHUB = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _record(cls: type[T]) -> type[T]:
    cls.__pydantic_config__ = {"extra": "forbid", "strict": True}  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Kind(StrEnum):
    """What an artifact is."""

    wheel = "wheel"
    sdist = "sdist"
    asset = "asset"
    checksums = "checksums"
    image = "image"


class Phase(StrEnum):
    """When a command of the notes is executed (design, rule 5)."""

    draft = "draft"  # in `prove` and in `witness`
    public = "public"  # in `witness` only: it needs the published release
    shown = "shown"  # never: it installs a tool


@_record
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


@_record
class Manifest:
    """One manifest below an image's root (OCI image index, "manifests")."""

    platform: str
    """``linux/amd64``, ``linux/arm/v7``; empty for a nested index, which lists platforms of its own."""
    size: int
    """Bytes."""
    sha256: str


@_record
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


@_record
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


@_record
class Command:
    """One fenced block of the notes: a shell text with its phase."""

    phase: Phase
    text: str
    """As a reader copies it, without the final newline."""


@_record
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


@_record
class Asset:
    """An asset of a GitHub release, as the server names it."""

    id: int
    name: str
    size: int
    sha256: str
    """Empty where the server keeps no digest."""
    state: str = "uploaded"  # the server's word; `starter`: begun and never finished


@_record
class Tag:
    """guard: this run is on exactly this tag."""

    verb: ClassVar[str] = "guard"
    name: str
    commit: str
    """40 hexadecimal digits: the tag, peeled."""
    identity: Identity
    """What a certificate of this run names."""
    private: bool
    unchecked: tuple[str, ...] = ()
    """What this job could not check, one sentence each."""
    untracked: tuple[str, ...] = ()
    """Files that git does not know, which the build will not see."""


@_record
class Plan:
    """plan: what will be released."""

    verb: ClassVar[str] = "plan"
    tag: str
    commit: str
    project: str
    """The distribution's name as its metadata spells it."""
    version: str
    prerelease: bool
    latest: bool
    """Whether GitHub shall call it the latest."""
    identity: Identity
    epoch: int
    """SOURCE_DATE_EPOCH: seconds, from the commit."""
    sdist: str
    """The expected file name."""
    wheel: str
    """What every wheel's file name starts with: ``<name>-<version>-``."""
    assets: tuple[str, ...]
    """Base names of further files to attach."""
    tools: tuple[str, ...]
    """Programs that the notes' commands need."""
    changelog: str
    """Where the notes' first part comes from: a file name, or ``commits``."""
    section: str
    """That part, Markdown, as the contributors wrote it: data, never a template."""
    published: tuple[str, ...]
    """What exists already for this tag, one sentence each."""
    irreversible: tuple[str, ...]
    """The acts that cannot be undone, in order, one sentence each."""
    remarks: tuple[str, ...] = ()
    """What a person should know, one sentence each."""


@_record
class Build:
    """build: the files, fresh from the back end."""

    verb: ClassVar[str] = "build"
    commit: str
    artifacts: tuple[Artifact, ...]
    collected: bool
    """Whether earlier jobs built the packages."""
    dropped: tuple[str, ...] = ()
    """Wheels that the previous release had, this one lacks, and the configuration lets go."""


@_record
class Checks:
    """check: the files are what was planned."""

    verb: ClassVar[str] = "check"
    artifacts: tuple[Artifact, ...]
    """The very bytes that were checked."""
    verdicts: tuple[Verdict, ...]


@_record
class Seal:
    """sign: every artifact has a bundle that verifies. From here on this is the list of artifacts."""

    verb: ClassVar[str] = "sign"
    tag: str
    commit: str
    identity: Identity
    artifacts: tuple[Artifact, ...]
    bundles: tuple[Bundle, ...]
    kept: int
    """How many of the bundles existed before this run."""


@_record
class Draft:
    """upload: one draft release holds the wanted assets and the rendered notes."""

    verb: ClassVar[str] = "upload"
    id: int
    url: str
    tag: str
    assets: tuple[Asset, ...]
    body_sha256: str
    sent: int
    """Assets that this run uploaded; the others were there."""


@_record
class Proof:
    """prove: the notes' commands accept the draft, and refuse every attack. Only ``prove`` makes one."""

    verb: ClassVar[str] = "prove"
    draft: int
    assets: tuple[Asset, ...]
    body_sha256: str
    commands: tuple[Verdict, ...]
    attacks: tuple[Verdict, ...]
    later: int
    """Commands that wait for ``witness``."""
    shown: int
    """Commands that are never executed."""


@_record
class Publication:
    """publish: the release is public."""

    verb: ClassVar[str] = "publish"
    id: int
    url: str
    published_at: str
    """ISO 8601, UTC, from the server."""
    acts: tuple[str, ...]
    """What was done, in order, one sentence each."""


@_record
class Testimony:
    """witness: the notes' commands as a stranger sees them."""

    verb: ClassVar[str] = "witness"
    commands: tuple[Verdict, ...]
    public: bool
    """False: published, not publicly verifiable."""
    remarks: tuple[str, ...] = ()


Record = Tag | Plan | Build | Checks | Seal | Draft | Proof | Publication | Testimony

RECORDS: tuple[type[Record], ...] = (Tag, Plan, Build, Checks, Seal, Draft, Proof, Publication, Testimony)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a record's class
    from pydantic import TypeAdapter  # noqa: PLC0415 - 0.1 s that `--help` need not wait for

    return TypeAdapter(kind)


def to_object(value: object) -> Any:  # noqa: ANN401 - plain JSON data
    """Return a record as plain dictionaries, lists, strings and numbers."""
    return _adapter(cast("Any", type(value))).dump_python(value, mode="json")


def from_json(kind: type[T], text: bytes | str) -> T:
    """Read a record back, strictly.

    Raises:
        pydantic.ValidationError: Something is unknown, missing or of another type; it lists every problem.
    """
    found: T = _adapter(cast("Any", kind)).validate_json(text)
    return found
