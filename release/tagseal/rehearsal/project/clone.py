"""The project, cloned and tagged where nothing can leak back.

1. The tracked files of the person's checkout, with their uncommitted changes and the untracked files that a
   release reads (tagseal.toml, .github/**), become one commit of a temporary clone.
2. What the person asked for on the command line (``--project``, ``--packages``) becomes configuration there, for
   the shipped command reads its configuration at the tag.
3. The tag that fits the version is made there; one of that name that stands elsewhere moves in the clone only.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal import config, tags
from tagseal.errors import UsageError
from tagseal.machine import backend, files, git, metadata, toml
from tagseal.names import REPOSITORY, safe_repository, safe_tag
from tagseal.project.readiness.candidate import of_tree
from tagseal.project.readiness.place import READ_BY_A_RELEASE
from tagseal.records import GITHUB, Reason
from tagseal.rehearsal.project.prebuilt import collect_prebuilt, first_names
from tagseal.services.index import sites
from tagseal.workflow import signing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.machine.git import Git
    from tagseal.project.readiness.candidate import Candidate
    from tagseal.records import Index
    from tagseal.rehearsal.project.workflow_file import WorkflowFile

_PACKAGES = "rehearsed-packages"
_AUTHOR = ("-c", "user.name=Tagseal rehearsal", "-c", "user.email=rehearsal@tagseal.invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A tagged project in a temporary folder."""

    git: Git
    source: Path
    """The person's checkout: read, never written but for what a rehearsal leaves."""
    project: str
    """The distribution's name."""
    version: str
    tag: str
    commit: str
    pattern: tags.Pattern
    repository: str
    workflow: str
    """File name in ``.github/workflows/``."""
    private: bool
    """Whether the repository is played as a private one: where it consents to the public log."""
    image: str
    """Registry and repository of the image; empty for none."""
    forms: tuple[str, ...]
    """How it is signed."""
    index: Index | None
    """Where the packages go besides; None for nowhere."""
    publisher: config.PublisherSettings | None
    """Who is registered there, by the configuration."""
    brought: Mapping[str, Path]
    """What earlier jobs and steps make in a real release: path in the checkout, and where it lies here."""
    remarks: tuple[str, ...]
    missing: tuple[Reason, ...]
    """What the command line brought, which a real release lacks."""
    candidate: Candidate
    """What is judged: these files, and the checkout that they come from."""

    @property
    def attested(self) -> bool:
        """Whether the packages go to an index that trusts publishers, and takes attestations."""
        return self.index is not None and bool(self.index.site)

    def checkout_to(self, folder: Path) -> Git:
        """Make a job's checkout: the tag, all tags, and a remote that leads to the played host."""
        checkout = self.git.clone_to(folder, self.commit)
        checkout.command("remote", "add", "origin", f"{GITHUB}/{self.repository}.git")
        return checkout

    def bring(self, checkout: Path) -> None:
        """Put what earlier jobs and steps make where the configuration expects it."""
        for name, file in self.brought.items():
            _put(file, files.below(checkout, name))


def make(  # noqa: PLR0913 - what a person can say of the project, each by its name
    source: Git,
    temporary: Path,
    *,
    project: str | None,
    tag: str | None,
    packages: Path | None,
    chosen: WorkflowFile | None = None,
) -> Clone:
    """Clone, configure and tag the project of this checkout.

    Raises:
        UsageError: It has no commit, its version cannot be told, or there are no packages where they should be.
    """
    head = source.head()
    remarks: list[str] = []
    clone = source.clone_to(temporary / "project", head)
    remarks += (*_overlay(source, clone), *(chosen.place(clone) if chosen else ()))
    missing = _configure(clone, project, packages)
    _commit(clone)
    settings = config.load(clone.root)
    config.not_yet(settings)
    pattern = tags.pattern(clone.tags(), settings.tag)
    name, version = _version(clone, clone.root / settings.project, pattern, source.environ, tag)
    wanted = safe_tag(tag or pattern.tag(version))
    _tag(clone, wanted)
    repository, said = _repository(settings, source)
    workflow = signing.signing(clone.root, chosen.name if chosen else settings.workflow, {})
    made, from_here = collect_prebuilt(settings, source, clone, packages)
    return Clone(
        git=clone,
        source=source.root,
        project=name,
        version=version,
        tag=wanted,
        commit=clone.head(),
        pattern=pattern,
        repository=repository,
        workflow=workflow.file,
        private=settings.public_log,
        image=settings.image.name if settings.image else "",
        forms=settings.image.signatures if settings.image else (),
        index=sites.of(settings.index),
        publisher=settings.index.publisher if settings.index else None,
        brought=made,
        remarks=(*remarks, *said, *from_here),
        missing=missing,
        candidate=of_tree(clone.root, source, settings, pattern=pattern, version=version, signing=workflow, tag=wanted),
    )


def _overlay(source: Git, clone: Git) -> list[str]:
    """Copy what is changed, and what a release reads although git does not track it yet."""
    status = source.status()
    extra = [one for one in status.untracked if one.split("/")[0] in READ_BY_A_RELEASE]
    for name in sorted((*status.changed, *extra)):  # what was a link, or a file, before what is in the folder now
        _copy(source.root, clone.root, name)
    parts = {"uncommitted": status.changed, "untracked": extra}
    return [f"{kind}, but part of this rehearsal: {first_names(names)}" for kind, names in parts.items() if names]


def _copy(source: Path, clone: Path, name: str) -> None:
    """Copy what a name is in the checkout; the name is of its index, which a stranger can make say anything."""
    here, target = source / name, files.below(clone, name)
    present = os.path.lexists(here) and not files.link_below(source, here.parent)
    folder = here.is_dir() and not here.is_symlink()
    if target.is_symlink() or not target.is_dir():
        with suppress(FileNotFoundError, NotADirectoryError):
            target.unlink()
    elif present and folder:
        return  # a submodule: the clone has it at the commit that is recorded
    else:
        shutil.rmtree(target)
    if present and not folder:
        _put(here, target)


def _put(file: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, target, follow_symlinks=False)


def _configure(clone: Git, project: str | None, packages: Path | None) -> tuple[Reason, ...]:
    """Write what the command line says into the clone's configuration; say that a real release lacks it."""
    settings = config.load(clone.root)
    lines = [f"project = {json.dumps(project)}"] if project and project != settings.project else []
    if packages is not None and not settings.packages:
        lines.append(f'packages = ["{_PACKAGES}/*"]')
    if not lines:
        return ()
    file = clone.root / "tagseal.toml"
    if "tagseal" in toml.read_toml(clone.root / "pyproject.toml").get("tool", {}):
        raise UsageError(
            "got --project or --packages for a project with [tool.tagseal], expected them there",
            context=tuple(lines),
            hint="Add these lines to [tool.tagseal] in pyproject.toml: a real release reads them at the tag.",
            slug="already-configured",
        )
    before = b""
    if os.path.lexists(file):
        with files.open_file(file) as opened:
            before = opened.read()
    files.write_atomically(file, "\n".join([*lines, ""]).encode() + before)
    what = "the command line names what no release reads: --project or --packages"
    fix = f"Write this into tagseal.toml, and commit it: {'; '.join(lines)}"
    return (Reason.not_yet("configuration-missing", what, fix),)


def _commit(clone: Git) -> None:
    clone.command("add", "--all", "--force", "--", ".")
    if clone.status().changed:
        clone.command(*_AUTHOR, "commit", "--quiet", "--no-gpg-sign", "-m", "Rehearse what is not committed yet")


def _version(
    clone: Git, folder: Path, pattern: tags.Pattern, environ: Mapping[str, str], tag: str | None
) -> tuple[str, str]:
    """Return name and version: declared, or computed by the back end in a child."""
    declared = metadata.read_declared(folder)
    if declared.name and declared.version:
        return declared.name, declared.version
    if tag is not None:
        _tag(clone, safe_tag(tag))
    name, version = _computed_version(folder, environ)
    parsed = Version(version)
    if tag is None and (parsed.local or parsed.is_devrelease):
        # A version from the tags names the commits since the last one: with the next tag in place it is final.
        following = parsed.base_version
        _tag(clone, safe_tag(pattern.tag(following)))
        name, again = _computed_version(folder, environ)
        if Version(again) == Version(following):
            return name, following
        clone.command("tag", "--delete", pattern.tag(following))
    return name, str(parsed)


def _computed_version(folder: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    with tempfile.TemporaryDirectory(prefix="tagseal-") as home:
        # What a back end that is ended leaves in TMPDIR goes with its home.
        inside = backend.child_environ(environ, (), home=Path(home)) | {"TMPDIR": home}
        found = backend.metadata(folder, inside)
    return found.name, found.version


def _tag(clone: Git, name: str) -> None:
    clone.command(*_AUTHOR, "tag", "--force", "--annotate", "--no-sign", "-m", f"Rehearse {name}", name)


def _repository(settings: config.Settings, source: Git) -> tuple[str, Sequence[str]]:
    found = git.repository(settings.repository, {}, source.origin())
    if found:
        return safe_repository(found), ()
    made_up = f"example/{source.root.name}"
    made_up = made_up if REPOSITORY.fullmatch(made_up) else "example/project"
    return made_up, (f"the project has no remote at GitHub: played as {made_up}",)
