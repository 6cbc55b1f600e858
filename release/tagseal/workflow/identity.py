"""Which jobs of a workflow can sign as the release: a certificate names the file and the ref, never the job.

Source: "Workflow syntax for GitHub Actions", ``permissions``; Fulcio's "OIDC usage" for GitHub.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tagseal.workflow.acts import verbs

if TYPE_CHECKING:
    from tagseal.workflow.document import Workflow, WorkflowJob

_READS = "read-all"
_SCOPE = "id-token"


class IdentitySource(StrEnum):
    """What gives a job an identity token."""

    none = "none"
    job = "job"  # its own permissions
    file = "file"  # those of the whole workflow
    unsaid = "unsaid"  # nothing is written: the repository's default may give it


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldIdentity:
    """Whether a job can have an identity, and how."""

    source: IdentitySource
    reason: str = ""
    """The end of a sentence; empty where it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityHolder:
    """A job that can sign as the release and has no reason to."""

    job: WorkflowJob
    reason: str
    """How it may: the end of a sentence."""


def foreign_holders(workflow: Workflow, *, index: bool) -> tuple[IdentityHolder, ...]:
    """Return the jobs that can have an identity, besides those that sign, or publish to an index that knows them by it.

    Args:
        workflow: The one that signs.
        index: Whether the job that publishes needs an identity.
    """
    needed = {"sign", "publish"} if index else {"sign"}
    return tuple(
        IdentityHolder(job=job, reason=reason)
        for job in workflow.jobs
        if (reason := held(job, workflow).reason) and not needed & {verb for step in job.steps for verb in verbs(step)}
    )


def runs_verbs(workflow: Workflow) -> bool:
    """Tell whether a job of it runs a verb of ours."""
    return any(verbs(step) for job in workflow.jobs for step in job.steps)


def held(job: WorkflowJob, workflow: Workflow) -> HeldIdentity:
    """Return how a job can have an identity, by its own permissions or those of the file."""
    own, above = (place.get("permissions") for place in (job.at, workflow.at))
    granted = next((given for given in (own, above) if given is not None and given.value != ""), None)
    if granted is None:
        reason = "no permissions are written for it, and the repository's default may be all"
        return HeldIdentity(source=IdentitySource.unsaid, reason=reason)
    source = IdentitySource.job if granted is own else IdentitySource.file
    if isinstance(granted.value, str):
        reason = "" if granted.value == _READS else f"it has `{granted.value}`"
    else:
        levels = [level.text for scope, level in granted.entries.items() if scope.lower() == _SCOPE]
        inherited = "" if granted is own else ", for the whole file"
        reason = next((f"it has `{_SCOPE}: {level}`{inherited}" for level in levels if level != "none"), "")
    return HeldIdentity(source=source if reason else IdentitySource.none, reason=reason)
