"""What the templates may name: each value safe to be shown and to be quoted, and nothing else of a release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagseal.errors import Refused
from tagseal.names import safe_file_name, safe_image, safe_repository, show
from tagseal.notes.commands import shown_packages
from tagseal.notes.forms import from_index, index_options
from tagseal.notes.index import PROVENANCE
from tagseal.records import BUNDLE, Artifact, Kind, Manifest, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagseal.notes.forms import ExpectedRelease

_WORKFLOW = re.compile(r"\.github/workflows/[A-Za-z0-9_.-]+\.ya?ml", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """One artifact as the templates see it."""

    name: str
    bundle: str
    size: int
    """Bytes."""
    sha256: str
    url: str
    """Where anybody can download it once the release is public."""
    bundle_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView:
    """The container image as the templates see it."""

    name: str
    tag: str
    """By which strangers pull it."""
    digest: str
    """``sha256:…``."""
    manifests: tuple[Manifest, ...]
    """What the digest stands for, by platform; empty for an image of one."""
    bundled: bool
    """Whether there are signatures in cosign 3's own form, which every cosign that knows it reads first."""
    old: bool
    """Whether there are signatures that every cosign since 2.0 reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedPackage:
    """A package with a provenance at the index, as the templates see it."""

    name: str
    provenance: str
    """File that the commands keep it in."""
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexCommands:
    """The package index as the templates see it."""

    name: str
    requirement: str
    """``project==version``."""
    url: str
    """Its simple API; empty for the one that pip asks by itself."""
    folder: str
    """That the commands download into."""
    files: tuple[AttestedPackage, ...]
    """Packages whose provenance is verified; none where the index has no such thing."""


def values(plan: Plan, artifacts: Sequence[Artifact], expected: ExpectedRelease) -> dict[str, Any]:
    """Return what the templates may name, each of it safe to be shown and to be quoted.

    Raises:
        Refused: A name is not safe, or there is no file.
    """
    files = {artifact: _file(artifact, expected) for artifact in artifacts if artifact.kind is not Kind.image}
    if not files:
        raise Refused(
            "got no file to verify, expected at least one",
            hint="Check what the build made: `tagseal build`.",
            slug="notes-without-files",
        )
    if _WORKFLOW.fullmatch(plan.identity.workflow) is None:
        raise Refused(
            f"got the workflow {show(plan.identity.workflow)}, expected .github/workflows/FILE.yml",
            hint='Set workflow = "FILE.yml" in [tool.tagseal], of ASCII letters, digits and . _ - only.',
            slug="unsafe-workflow-name",
        )
    return {
        "tag": expected.tag,
        "version": plan.version,
        "project": plan.project,
        "commit": plan.commit,
        "repository": safe_repository(plan.identity.repository),
        "workflow": plan.identity.workflow,
        "identity": plan.identity.uri,
        "issuer": plan.identity.issuer,
        "files": list(files.values()),
        "shown": [files[artifact] for artifact in _shown(files)],
        "checksums": [file for artifact, file in files.items() if artifact.kind is Kind.checksums],
        "kit": next((file for artifact, file in files.items() if artifact.kind is Kind.kit), None),
        "image": _image(plan, artifacts, expected),
        "index": _index(artifacts, expected),
    }


def _shown(files: Iterable[Artifact]) -> list[Artifact]:
    """Return the first wheel and the first sdist, as the guide does; of a release without packages, one file."""
    order = [Kind.wheel, Kind.sdist, Kind.asset, Kind.checksums, Kind.kit]
    first = {artifact.kind: artifact for artifact in reversed([*files])}
    there = [first[kind] for kind in order if kind in first]
    return [artifact for artifact in there if artifact.kind in {Kind.wheel, Kind.sdist}] or there[:1]


def _file(artifact: Artifact, expected: ExpectedRelease) -> FileView:
    name = safe_file_name(artifact.name)
    bundle = safe_file_name(name + BUNDLE)
    return FileView(
        name=name,
        bundle=bundle,
        size=artifact.size,
        sha256=artifact.sha256,
        url=expected.url(name),
        bundle_url=expected.url(bundle),
    )


def _image(plan: Plan, artifacts: Sequence[Artifact], expected: ExpectedRelease) -> ImageView | None:
    found = next((artifact for artifact in artifacts if artifact.kind is Kind.image), None)
    if found is None:
        return None
    safe_image(found.name)
    return ImageView(
        name=found.name,
        tag=expected.image_tag,
        digest=expected.digest,
        manifests=found.manifests,
        bundled="bundle" in plan.image_forms,
        old="simplesigning" in plan.image_forms,
    )


def _index(artifacts: Sequence[Artifact], expected: ExpectedRelease) -> IndexCommands | None:
    if expected.index is None:
        return None
    folder, site = from_index(expected.index), bool(expected.index.site)
    return IndexCommands(
        name=expected.index.name,
        requirement=expected.requirement,
        url="".join(index_options(expected.index)),
        folder=folder,
        files=tuple(
            AttestedPackage(
                name=safe_file_name(one.name),
                provenance=f"{folder}/{one.name}{PROVENANCE}",
                url=expected.index.provenance(expected.project, expected.version, one.name),
            )
            for one in (shown_packages(artifacts) if site else ())
        ),
    )
