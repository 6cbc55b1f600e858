"""The nine records, one for each step.

A record is a frozen value: no secret, no path but base names. It goes through JSON strictly: an unknown key, a
missing one or another type is an error, and all of them are reported at once with their key path.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from tagseal.records.parts import (
    ATTESTATION,
    BUNDLE,
    GITHUB,
    ISSUER,
    WORKFLOWS,
    Artifact,
    Asset,
    Bundle,
    Command,
    Contents,
    Identity,
    Index,
    Kind,
    Manifest,
    Phase,
    Verdict,
    record,
)
from tagseal.records.reason import Readiness, Reason

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "ATTESTATION",
    "BUNDLE",
    "GITHUB",
    "ISSUER",
    "RECORDS",
    "WORKFLOWS",
    "Artifact",
    "Asset",
    "Build",
    "Bundle",
    "Checks",
    "Command",
    "Contents",
    "Draft",
    "Identity",
    "Index",
    "Kind",
    "Manifest",
    "Phase",
    "Plan",
    "Proof",
    "Publication",
    "Readiness",
    "Reason",
    "Record",
    "Seal",
    "Tag",
    "Testimony",
    "Verdict",
    "from_json",
    "to_object",
]

T = TypeVar("T")


@record
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


@record
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
    image: str = ""
    """Registry and repository of the image; empty for none."""
    image_tags: tuple[str, ...] = ()
    """The image's tags that belong to this version, the first one in the notes; none of them ever moves."""
    image_forms: tuple[str, ...] = ()
    """How it is signed: ``simplesigning``, ``bundle``."""
    kit: str = ""
    """File name of the offline kit; empty for none."""
    index: Index | None = None
    """Where the packages go besides; None for nowhere."""

    @property
    def index_name(self) -> str:
        """As twine knows the index; empty for none."""
        return self.index.name if self.index else ""


@record
class Build:
    """build: the files, fresh from the back end."""

    verb: ClassVar[str] = "build"
    commit: str
    artifacts: tuple[Artifact, ...]
    collected: bool
    """Whether earlier jobs built the packages."""
    dropped: tuple[str, ...] = ()
    """Wheels that the previous release had, this one lacks, and the configuration lets go."""
    image: Artifact | None = None
    adopted: tuple[str, ...] = ()
    """Packages that the index has under these names, with other bytes than a build gave here."""


@record
class Checks:
    """check: the files are what was planned."""

    verb: ClassVar[str] = "check"
    artifacts: tuple[Artifact, ...]
    """The very bytes that were checked."""
    verdicts: tuple[Verdict, ...]
    image: Artifact | None = None


@record
class Seal:
    """sign: every artifact has a bundle that verifies. From here on this is the list of artifacts."""

    verb: ClassVar[str] = "sign"
    tag: str
    commit: str
    identity: Identity
    artifacts: tuple[Artifact, ...]
    bundles: tuple[Bundle, ...]
    kept: int
    """How many of the bundles and signatures existed before this run."""
    image: Artifact | None = None
    signatures: tuple[Bundle, ...] = ()
    """Of the image: one a manifest and form; ``artifact`` is ``NAME@sha256:DIGEST``."""

    attestations: tuple[Bundle, ...] = ()
    """Of the packages, where they go to an index that takes them; ``name`` is ``<artifact>.publish.attestation``."""

    @property
    def packages(self) -> tuple[Artifact, ...]:
        """What an index takes, in the order of sending: sdists last, so that nobody builds what has a wheel."""
        return tuple(
            artifact for kind in (Kind.wheel, Kind.sdist) for artifact in self.artifacts if artifact.kind is kind
        )

    @property
    def subjects(self) -> tuple[Artifact, ...]:
        """The files, and the image behind them: what the instructions are for."""
        return (*self.artifacts, *((self.image,) if self.image else ()))


@record
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
    pushed: int = 0
    """Blobs and manifests of the image that this run sent."""


@record
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
    kit: tuple[Verdict, ...] = ()
    """The offline kit's commands."""
    offline: str = ""
    """What kept those off the network; empty where there is no kit."""


@record
class Publication:
    """publish: the release is public."""

    verb: ClassVar[str] = "publish"
    id: int
    url: str
    published_at: str
    """ISO 8601, UTC, from the server."""
    acts: tuple[str, ...]
    """What was done, in order, one sentence each."""


@record
class Testimony:
    """witness: the notes' commands as a stranger sees them."""

    verb: ClassVar[str] = "witness"
    commands: tuple[Verdict, ...]
    public: bool
    """False: published, not publicly verifiable."""
    remarks: tuple[str, ...] = ()
    kit: tuple[Verdict, ...] = ()
    """The offline kit's commands."""
    offline: str = ""
    """What kept those off the network; empty where there is no kit."""


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
