"""plan: what will be released, settled before anything costs time or cannot be undone."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.errors import Refused, UsageError
from tagseal.machine import files, metadata
from tagseal.machine.metadata import stem
from tagseal.names import show
from tagseal.notes import changelog, commands, render
from tagseal.notes import kit as pages
from tagseal.records import Artifact, Kind, Phase, Plan, Tag
from tagseal.services.index import sites
from tagseal.steps import images, index
from tagseal.steps.seal import kit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagseal.services.github import Release
    from tagseal.steps import Services

_VOLATILE = frozenset({"latest", "published", "irreversible", "remarks", "assets", "tools"})
"""What the remote, or files that only the build job has, may change between two jobs."""


def plan(tag: Tag, *, services: Services) -> Plan:
    """Return the plan, and fail on whatever can be known now.

    Raises:
        UsageError: The version, the changelog, the notes' templates or a pattern of assets is not as it must be.
        Refused: The tag and the version disagree; or the index has this version, and it is yanked there.
        Busy: GitHub or the index did not answer until the patience was over.
    """
    name, version = _project_and_version(tag, services)
    assets = tuple(path.name for path in files.matching(services.root, services.settings.assets))
    planned = derive(tag, name, version, assets=assets, releases=_published_releases(tag, services), services=services)
    index.takes(planned)
    planned = dataclasses.replace(
        planned,
        published=(*planned.published, *index.sentences(planned, services)),
        irreversible=(*planned.irreversible, *index.irreversible(planned)),
    )
    kit.free(planned)
    page = preview(planned, services)
    artifacts = expected_artifacts(planned)
    expected = commands.ExpectedRelease.of_plan(planned, tag.name, artifacts)
    purposes = [commands.classify(command, expected=expected) for command in page.commands]
    run = [purpose for purpose in purposes if purpose.phase is not Phase.shown]
    tools = sorted({tool for one in run for tool in (one.tool, one.helper) if tool})
    return dataclasses.replace(planned, tools=tuple(tools))


def preview(planned: Plan, services: Services) -> render.Page:
    """Return the notes as they would be with planned names and no digests: a broken template fails here."""
    artifacts = expected_artifacts(planned)
    if planned.kit:
        pages.render(tag=planned.tag, plan=planned, artifacts=artifacts, since=0, override=services.templates)
    return render.render(tag=planned.tag, plan=planned, artifacts=artifacts, override=services.templates)


def confirm(tag: Tag, claimed: Plan, *, services: Services) -> None:
    """Derive a plan from disk again, as far as a job without the project's code can.

    Raises:
        Refused: It is not what this job derives.
    """
    declared = metadata.read_declared(services.project)
    name = metadata.stated_name(declared)
    version = declared.version or claimed.version
    agrees(tag, version, services)
    # Which releases are public decides volatile fields only: GitHub need not be asked again.
    again = derive(tag, name, version, assets=claimed.assets, releases=(), services=services)
    wrong = [
        field.name
        for field in dataclasses.fields(Plan)
        if field.name not in _VOLATILE and getattr(again, field.name) != getattr(claimed, field.name)
    ]
    if wrong:
        raise Refused(
            "got a plan that this job does not derive from the tag",
            context=tuple(
                f"{one}: got {show(str(getattr(claimed, one)))}, expected {show(str(getattr(again, one)))}"
                for one in wrong
            ),
            hint="The hand-over was changed, or the configuration differs between the jobs. Re-run all jobs.",
            slug="plan-disagrees",
        )


def _project_and_version(tag: Tag, services: Services) -> tuple[str, str]:
    """Return name and version as the project declares them; a version may be computed by its back end, in a child."""
    declared = metadata.read_declared(services.project)
    name, version = metadata.stated_name(declared), declared.version
    if not version:
        from tagseal.machine import backend  # noqa: PLC0415 - most projects are static

        services.say("asking the build back end for the version")
        with tempfile.TemporaryDirectory(prefix="tagseal-") as folder:
            copy = services.git.clone_to(Path(folder) / "source", tag.commit).root
            environ = backend.child_environ(
                services.environ, services.settings.build_env, home=Path(folder) / "home", loopback=services.loopback
            )
            version = backend.metadata(copy / services.settings.project, environ).version
    agrees(tag, version, services)
    return name, version


def agrees(tag: Tag, version: str, services: Services) -> None:
    """Compare the tag with the version that the project states.

    Raises:
        UsageError: PEP 440 does not allow that version.
        Refused: They disagree.
    """
    parsed = metadata.valid_version(version)
    pattern = services.pattern_beside(tag.name)
    expected = pattern.parse(tag.name)
    if parsed != expected:
        raise Refused(
            f"got version {parsed} at the tag {tag.name}, expected {expected or f'a tag like {pattern}'}",
            hint=f"Tag {pattern.tag(parsed)}, or set the version that the tag names, commit, and move the tag before "
            "anything is published under it.",
            slug="version-disagrees",
        )


def derive(  # noqa: PLR0913 - everything that a plan follows from, each by name
    tag: Tag,
    name: str,
    version: str,
    *,
    assets: tuple[str, ...],
    releases: Sequence[Release],
    services: Services,
) -> Plan:
    """Return what follows from a tag, a name and a version; ``releases`` are those that are public."""
    parsed = Version(version)
    start = stem(name, str(parsed))
    epoch = services.git.commit_time(tag.commit)
    source, section, remarks = _section(tag, parsed, epoch, services)
    published = tuple(f"release {release.tag}: {release.url}" for release in releases if release.tag == tag.name)
    return Plan(
        tag=tag.name,
        commit=tag.commit,
        project=name,
        version=str(parsed),
        prerelease=parsed.is_prerelease,
        latest=_latest(parsed, releases, services),
        identity=tag.identity,
        epoch=epoch,
        sdist=f"{start}.tar.gz",
        wheel=f"{start}-",
        assets=assets,
        tools=(),
        changelog=source,
        section=section,
        published=published,
        image=services.settings.image.name if services.settings.image else "",
        image_tags=images.own_tags(services.settings.image, tag.name, parsed) if services.settings.image else (),
        image_forms=services.settings.image.signatures if services.settings.image else (),
        kit=f"{start}{kit.ENDING}" if services.settings.kit else "",
        index=sites.of(services.settings.index),
        irreversible=(
            f"the public transparency log keeps an entry for each artifact, naming {tag.identity.repository}",
            f"the release {tag.name} of {tag.identity.repository} becomes public",
            *images.irreversible(services.settings.image, tag.name, parsed),
        ),
        remarks=remarks,
    )


def latest(tag: Tag, planned: Plan, services: Services) -> bool:
    """Tell whether GitHub shall call this release the latest, by what is public now."""
    return _latest(Version(planned.version), _published_releases(tag, services), services)


def _published_releases(tag: Tag, services: Services) -> tuple[Release, ...]:
    return tuple(release for release in services.github.releases(tag.identity.repository) if not release.draft)


def _latest(version: Version, releases: Iterable[Release], services: Services) -> bool:
    """Tell whether this is the highest final version; moving tags and backports do not count."""
    if version.is_prerelease:
        return False
    known = services.pattern(services.git.tags()).versions(release.tag for release in releases)
    return all(version >= other for other, _ in known if not other.is_prerelease)


def _section(tag: Tag, version: Version, epoch: int, services: Services) -> tuple[str, str, tuple[str, ...]]:
    """Return where the notes' first part comes from, that part, and what to say about it."""
    path = changelog.find(services.root, services.settings.changelog)
    if path is None:
        known = [one for one in services.git.tags(merged=tag.commit) if one != tag.name]
        subjects = services.git.subjects(services.pattern(known).previous(known, version), tag.commit)
        return "commits", changelog.from_commits(subjects), ("no changelog: the notes list the commits",)
    where = path.relative_to(services.root).as_posix()
    found = changelog.section(path, version, epoch)
    if found is not None:
        own = str(version) in found.heading
        return where, found.text, () if own else (f"{where}: took the section {show(found.heading)}",)
    missing = section_missing(where, str(version), tag.name)
    if services.loopback:
        sentence = f"{where} has no section for {version}: a real release would refuse here"
        return where, f"*{sentence}.*", (sentence,)
    raise missing


def section_missing(where: str, version: str, tag: str) -> UsageError:
    """Return the error for a changelog, at this path, that says nothing about the version."""
    return UsageError(
        f"got no section for {version} in {where}, expected a heading with that version, or with Unreleased",
        hint=f"Add the section, commit, and tag that commit. `tagseal notes --tag {tag}` shows the result.",
        slug="changelog-section-missing",
    )


def expected_artifacts(planned: Plan) -> tuple[Artifact, ...]:
    """Return stand-ins for the artifacts, so that the notes can be rendered before anything is built."""
    names = [
        (Kind.wheel, f"{planned.wheel}py3-none-any.whl"),
        (Kind.sdist, planned.sdist),
        *((Kind.asset, name) for name in planned.assets),
        (Kind.checksums, "SHA256SUMS"),
    ]
    if planned.image:
        names.append((Kind.image, planned.image))
    made = tuple(Artifact(kind=kind, name=name, size=1, sha256="0" * 64) for kind, name in names)
    return (*made, *kit.placeholder(planned))
