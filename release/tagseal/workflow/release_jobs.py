"""The values of the map of what releases a project: jobs, what each does for a release, and where it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.workflow.release_tools import OUTWARD, OUTWARD_VERBS, Role

if TYPE_CHECKING:
    from tagseal.workflow.identity import HeldIdentity
    from tagseal.workflow.publications import MappedPublication


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedAct:
    """One thing that a job does for a release."""

    role: Role
    tool: str
    """The action, or the words of the command: ``twine upload``."""
    line: int
    """In the file, from 1."""
    condition: str
    """The step's ``if``."""
    on_tags: bool
    """Whether a pushed tag can start it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedJob:
    """One job of one workflow."""

    path: str
    """Of the workflow, in the repository."""
    line: int
    """From 1."""
    id: str
    events: tuple[str, ...]
    """What starts the workflow, in words: ``pushed tags v*``."""
    on_tags: bool
    """Whether a pushed tag can start it, as far as its filters, conditions and callers tell."""
    on_release: bool
    """Whether a release can, as ``on: release`` is one."""
    needs: tuple[str, ...]
    condition: str
    """Its ``if``."""
    environment: str
    identity: HeldIdentity
    verbs: tuple[str, ...]
    """Those of ours that it runs."""
    calls: str
    """The workflow that it calls: a path in the repository, or as it is written."""
    called_by: tuple[str, ...]
    """Places of the jobs that call its workflow."""
    acts: tuple[MappedAct, ...]
    publications: tuple[MappedPublication, ...]
    after: str
    """What it comes after; empty where nothing says so."""

    @property
    def at(self) -> str:
        """File and line."""
        return f"{self.path}:{self.line}"

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.path.rpartition("/")[2]

    @property
    def roles(self) -> tuple[Role, ...]:
        """What it is there for, in the order of a release; none for a test."""
        found = {act.role for act in self.acts}
        more = {Role.runs_verbs: self.verbs, Role.calls: self.calls, Role.comes_after: self.after}
        return tuple(role for role in Role if role in found or more.get(role))

    @property
    def releases(self) -> bool:
        """Whether it gives something to the world, signs, begins a release, or may do so."""
        return bool({*self.roles} & {*OUTWARD, Role.begins_releases}) or self.runs_outward_verbs

    @property
    def runs_outward_verbs(self) -> bool:
        """Whether it runs a verb of ours that leaves something outside."""
        return not OUTWARD_VERBS.isdisjoint(self.verbs)

    @property
    def releases_on_tags(self) -> bool:
        """Whether a pushed tag can make it release something."""
        acts = any(act.on_tags and act.role in {*OUTWARD, Role.begins_releases} for act in self.acts)
        return acts or (self.on_tags and self.runs_outward_verbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadWorkflow:
    """A file that is no workflow for this reader."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMap:
    """What releases a project today."""

    jobs: tuple[MappedJob, ...]
    """All of them, by file, in the order of the file."""
    unread: tuple[UnreadWorkflow, ...] = ()

    def having(self, role: Role) -> tuple[MappedJob, ...]:
        """Return the jobs with a role."""
        return tuple(job for job in self.jobs if role in job.roles)

    def file(self, path: str) -> tuple[MappedJob, ...]:
        """Return the jobs of one workflow, by its path in the repository."""
        return tuple(job for job in self.jobs if job.path == path)

    @property
    def publications(self) -> tuple[tuple[MappedJob, MappedPublication], ...]:
        """Every upload to an index, with its job."""
        return tuple((job, upload) for job in self.jobs for upload in job.publications)

    def environment(self, path: str, index: str) -> str | None:
        """Return the environment of the job of a workflow that publishes to an index; empty for none.

        The verb ``publish`` counts first. None where no job can be seen to publish there.
        """
        jobs = self.file(path)
        ours = [job.environment for job in jobs if "publish" in job.verbs]
        theirs = [job.environment for job in jobs for upload in job.publications if upload.index == index]
        return next(iter((*ours, *theirs)), None)
