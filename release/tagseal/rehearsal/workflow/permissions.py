"""What each job of a played workflow may do, what it did of that, and what it lacked.

Source: "Workflow syntax for GitHub Actions", ``permissions``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagseal.rehearsal.jobs import JOBS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.loopback import Loopback
    from tagseal.rehearsal.jobs import JobTokens
    from tagseal.workflow.document import Workflow
    from tagseal.workflow.document import WorkflowJob as Written
    from tagseal.workflow.tree import PlacedValue

IDENTITY = "id-token"
NO_IDENTITY = frozenset({"no-identity-token", "publisher-without-identity"})
"""The slugs of the errors of ``sign`` and ``publish`` where a job cannot ask who it is."""
_SCOPES = (
    *("actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "id-token"),
    *("issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses"),
)
_WORD = re.compile(r"[a-z]+")
_NO_READ = frozenset(("id-token",))
"""What ``read-all`` does not give: there is nothing to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One permission of a job."""

    scope: str
    level: str
    """``read`` or ``write``."""
    used: Literal["yes", "to read", "no"]
    line: int
    """Where it is granted, from 1."""

    @property
    def text(self) -> str:
        """As a workflow writes it."""
        return f"{self.scope}: {self.level}"


def granted_permissions(written: Written) -> dict[str, str]:
    """Return the permissions of a job by scope; what no file grants is not there."""
    field = written.permissions
    if field is None:
        return {}
    if field.text in {"read-all", "write-all"}:
        level = field.text.removesuffix("-all")
        return {scope: level for scope in _SCOPES if level == "write" or scope not in _NO_READ}
    return {scope: entry.text for scope, entry in field.entries.items() if entry.text in {"read", "write"}}


def permissions_asked(powers: JobTokens, loopback: Loopback) -> dict[tuple[str, str], bool]:
    """Return every scope and level that the job took, and whether it had them."""
    found = dict(loopback.github.permissions_asked(powers.token))
    if powers.request is not None and loopback.tokens.has_asked(powers.request):
        found[IDENTITY, "write"] = True
    return found


def judge_permissions(written: Written, took: Mapping[tuple[str, str], bool]) -> tuple[Permission, ...]:
    """Return the job's permissions, each with what became of it."""
    return tuple(
        Permission(
            scope=scope,
            level=level,
            used="yes" if (scope, level) in took else "to read" if (scope, "read") in took else "no",
            line=_line(written, scope),
        )
        for scope, level in granted_permissions(written).items()
    )


def lacking(
    workflow: Workflow, written: Written, took: Mapping[tuple[str, str], bool], slug: str
) -> tuple[tuple[str, str, str], ...]:
    """Return what a failed job lacked: scope, level, and the sentence that says which line to add, and where."""
    wanted = [one for one, had in took.items() if not had]
    if slug in NO_IDENTITY:
        wanted.append((IDENTITY, "write"))
    needed = _needed_permissions(written)
    lines = dict.fromkeys((scope, needed.get(scope, level)) for scope, level in wanted)
    return tuple((scope, level, _sentence(workflow, written, f"{scope}: {level}")) for scope, level in lines)


def _needed_permissions(written: Written) -> dict[str, str]:
    """Return what the verbs that a job runs will take, by the table: the first refusal is for the least of it."""
    words = {word for step in written.steps for word in _WORD.findall(step.run)}
    mine = [job for job in JOBS if words.intersection(job.verbs) and words & {"nox", "tagseal"}]
    needed: dict[str, str] = {}
    for scope, level in (item for job in mine for item in job.permissions.items()):
        needed[scope] = max(needed.get(scope, level), level)  # "read" comes before "write", in the alphabet as well
    return needed


def _sentence(workflow: Workflow, written: Written, line: str) -> str:
    own = written.at.get("permissions")
    at = own or written.at
    scope = line.partition(":")[0]
    if own is None or not own.entries:
        there = f"write `permissions: {{ {line} }}` into the job, with what else it needs"
    elif scope in own.entries:
        at = own.entries[scope]
        there = f"write `{line}` there"
    else:
        there = f"add the line `{line}` below `permissions:` there"
    return f"{workflow.path}:{at.line}: the job `{written.id}` lacks `{line}`: {there}"


def _line(written: Written, scope: str) -> int:
    field: PlacedValue = written.permissions or written.at
    return field.entries[scope].line if scope in field.entries else field.line
