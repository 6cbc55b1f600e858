"""The guide, "Verifying signed artifacts": a page that a project keeps, rendered and understood as the notes are.

1. A word in angle brackets stands for what is not known yet: in a shell it is quoted like any other unsafe word, so
   that whoever runs a command without filling it in is refused by the tool, and redirects nothing.
2. Every command has one of the forms of the notes' commands, and every word in it is the planned one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from tagseal.errors import VerificationFailed
from tagseal.names import number_of, safe_file_name, safe_image, safe_repository, safe_tag
from tagseal.notes import clients
from tagseal.notes import commands as instructions
from tagseal.notes.commands import ExpectedRelease, Purpose, Use
from tagseal.notes.escape import plain
from tagseal.notes.forms import from_index, index_options
from tagseal.notes.templates import fill
from tagseal.notes.values import ImageView
from tagseal.records import BUNDLE, Command, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.notes.templates import Templates
    from tagseal.records import Artifact, Identity, Index
    from tagseal.workflow.signing import Triggers

TEMPLATE = "guide.md.j2"

TAG, VERSION, PLATFORM = "<tag>", "<version>", "<platform>"
"""What stands for a release's tag, its version, and the part of a wheel's name that says where it runs."""

_DIGEST = "sha256:..."
"""What stands for an image's digest, where a tool prints it."""
_PACKAGES = {Kind.wheel: "wheel", Kind.sdist: "sdist"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideSubject:
    """What a guide is about."""

    project: str
    """The distribution's name."""
    tag: str
    """Or what stands for it."""
    version: str
    """As before."""
    example: tuple[str, str]
    """A tag and its version, as the project spells them."""
    identity: Identity
    artifacts: tuple[Artifact, ...]
    """Files of a release, and its image: the first wheel and the sdist are what the commands name."""
    image_tag: str = ""
    """By which strangers pull the image, or what stands for it."""
    image_forms: tuple[str, ...] = ()
    """How the image is signed: ``simplesigning``, ``bundle``."""
    starts: Triggers
    """What starts the workflow that signs."""
    since: str = ""
    """The tag of the first release that was made so, if there were others before."""
    after: str = ""
    """The tag of the last release that was not, where the next one's name is not known."""
    index: Index | None = None
    """Where the packages are besides; None for nowhere."""
    links: Mapping[str, str]
    """Where a reader may go next: what is there, by its address."""
    minimum: clients.MinimumClients = clients.PLANNED
    """The oldest clients that accept the bundles; before anything is signed, those that it will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The rendered guide."""

    text: str
    """Markdown, as the project keeps it."""
    commands: tuple[Command, ...]
    """In order, each with its phase."""
    purposes: tuple[Purpose, ...]
    """What each command does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package as the template sees it."""

    what: str
    """``wheel`` or ``sdist``."""
    name: str
    bundle: str


def render(subject: GuideSubject, override: Templates | None) -> Guide:
    """Render the guide, and understand each of its commands.

    Raises:
        ConfigError: A template is absent or wrong; the error names its file and line.
        Refused: A name is unsafe.
        VerificationFailed: A command has a word that was not planned, or something is verified by none.
    """
    expected = replace(
        ExpectedRelease.of(subject.identity, _safe_or_placeholder(subject.tag), subject.artifacts, subject.image_tag),
        index=subject.index,
        project=canonicalize_name(subject.project) if subject.index else "",
        version=subject.version,
    )
    text = fill(TEMPLATE, _values(subject, expected), override).strip("\n") + "\n"
    found = instructions.commands(text)
    purposes = tuple(instructions.classify(one, expected=expected) for one in found)
    missing = (*_find_unverified(purposes, subject.artifacts), *instructions.too_early(purposes, subject.artifacts))
    if missing:
        raise VerificationFailed(
            f"got a guide that leaves out {number_of(len(missing), 'thing')}, "
            "expected it to verify each kind of artifact",
            context=missing,
            hint=f"Add the commands to the template that overrides {TEMPLATE}, or remove the override.",
            slug="guide-incomplete",
        )
    return Guide(text=text, commands=found, purposes=purposes)


def _values(subject: GuideSubject, expected: ExpectedRelease) -> dict[str, Any]:
    files = [_package(artifact) for artifact in subject.artifacts if artifact.kind is not Kind.image]
    first = {
        artifact.kind: _package(artifact) for artifact in reversed(subject.artifacts) if artifact.kind in _PACKAGES
    }
    return {
        "tag": subject.tag,
        "version": subject.version,
        "example": {"tag": subject.example[0], "version": subject.example[1]},
        "project": plain(subject.project),
        "repository": safe_repository(subject.identity.repository),
        "workflow": subject.identity.workflow,
        "identity": subject.identity.uri,
        "issuer": subject.identity.issuer,
        "files": files,
        "packages": [first[kind] for kind in _PACKAGES if kind in first],
        "wheels": sum(artifact.kind is Kind.wheel for artifact in subject.artifacts),
        "placeholders": [one for one in (TAG, VERSION, PLATFORM) if _stands(one, subject)],
        "since": f"`{safe_tag(subject.since)}`" if subject.since else "",
        "after": f"`{safe_tag(subject.after)}`" if subject.after else "",
        "index": _index(expected),
        "image": _image(subject, expected),
        "starts": subject.starts,
        "links": subject.links,
        "troubles": _troubles({"sigstore", "sha256sum"} | ({"cosign"} if expected.image else set())),
        "minimum": subject.minimum,
    }


def _safe_or_placeholder(tag: str) -> str:
    return tag if tag == TAG else safe_tag(tag)


def _package(artifact: Artifact) -> Package:
    name = artifact.name
    for word in (VERSION, PLATFORM):
        name = name.replace(word, "0")  # what is left is data from outside
    safe_file_name(name)
    return Package(what=_PACKAGES.get(artifact.kind, "file"), name=artifact.name, bundle=artifact.name + BUNDLE)


def _stands(word: str, subject: GuideSubject) -> bool:
    return word == subject.tag or any(word in artifact.name for artifact in subject.artifacts)


def _image(subject: GuideSubject, expected: ExpectedRelease) -> ImageView | None:
    if not expected.image:
        return None
    safe_image(expected.image)
    return ImageView(
        name=expected.image,
        tag=subject.image_tag,
        digest=_DIGEST,
        manifests=(),
        bundled="bundle" in subject.image_forms,
        old="simplesigning" in subject.image_forms,
    )


def _index(expected: ExpectedRelease) -> dict[str, Any] | None:
    if expected.index is None:
        return None
    return {
        "requirement": expected.requirement,
        "url": "".join(index_options(expected.index)),
        "folder": from_index(expected.index),
        "attests": bool(expected.index.site),
    }


def _troubles(tools: set[str]) -> list[dict[str, Any]]:
    """Return the common troubles of these tools, with the messages of any version of them."""
    from tagseal.verification.diagnosis import TROUBLES  # noqa: PLC0415 - 0.6 s

    found = []
    for trouble in TROUBLES:
        said = [{"tool": said.tool, "text": said.text} for said in trouble.said if said.tool.partition(" ")[0] in tools]
        if trouble.common and said:
            words = {"title": trouble.title, "meaning": " ".join(trouble.meaning), "next": trouble.next}
            found.append({"slug": trouble.slug, "said": said, **words})
    return found


def _find_unverified(purposes: Sequence[Purpose], artifacts: Sequence[Artifact]) -> Iterator[str]:
    """Yield each kind of artifact that no command verifies; the packages want sigstore's."""
    verified = {(purpose.tool, name) for purpose in purposes if purpose.kind is Use.verify for name in purpose.files}
    for kind in dict.fromkeys(artifact.kind for artifact in artifacts):
        names = {artifact.name for artifact in artifacts if artifact.kind is kind}
        if kind in _PACKAGES and not any(("sigstore", name) in verified for name in names):
            yield f"{kind}: no sigstore command"
        if kind is Kind.image and not any(purpose.of_image for purpose in purposes if purpose.kind is Use.verify):
            yield f"{kind}: no cosign command"
