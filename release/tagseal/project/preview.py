"""The notes before anything is built: for a person to read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tagseal import config
from tagseal.errors import UsageError
from tagseal.machine.git import Git
from tagseal.names import safe_tag
from tagseal.project.detect import Project, detect
from tagseal.records import Identity, Tag
from tagseal.steps import Services
from tagseal.steps.plan import agrees, derive, preview
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def notes(folder: Path, tag: str | None, say: Callable[[str], None]) -> str:
    """Return the notes for a tag of the project that ``folder`` is in, with planned file names and no digests.

    Raises:
        UsageError: The project, its version or its changelog does not allow it.
        Refused: The tag names another version than the project.
    """
    git = Git.at(folder, os.environ)
    settings = config.load(git.root)
    project = detect(git, settings, {})
    version = _version(project, tag)
    name = safe_tag(tag or project.pattern.tag(version))
    commit = git.commit_of(f"refs/tags/{name}") or git.head()
    repository = project.repository or f"OWNER/{git.root.name}"
    identity = Identity(repository=repository, workflow=project.workflow.path, ref=f"refs/tags/{name}")
    services = Services(
        root=git.root,
        settings=settings,
        work=Workspace.of(git.root, name),
        environ=dict(os.environ),
        loopback=False,
        say=say,
    )
    stands = Tag(name=name, commit=commit, identity=identity, private=False)
    agrees(stands, version, services)
    planned = derive(
        stands,
        project.declared.name or repository.partition("/")[2],
        version,
        assets=(),
        releases=(),
        services=services,
    )
    return preview(planned, services).text


def _version(project: Project, tag: str | None) -> str:
    of_tag = project.pattern.parse(tag) if tag else None
    version = project.declared.version or (str(of_tag) if of_tag else None)
    if version is None:
        raise UsageError(
            "got a project whose back end computes the version, expected --tag as well",
            hint=f"`tagseal notes --tag {project.pattern.tag('1.2.3')}`, with the version that you mean.",
            slug="notes-need-a-tag",
        )
    return version
