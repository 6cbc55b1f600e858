"""The map of what releases a project, as a table and as a document."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING

from tagseal.names import printable
from tagseal.workflow.identity import IdentitySource
from tagseal.workflow.publications import IndexTrust
from tagseal.workflow.release_tools import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.release_jobs import MappedJob, ReleaseMap

_WIDTH = 80
"""Columns of the narrowest terminal that is usual."""
_WIDEST = 34
"""Columns of place and name together; what is longer has a line to itself."""
_CONDITION = 240
"""Characters of an ``if`` that are shown."""
_ROLES = {
    Role.builds: "builds",
    Role.builds_platform_wheels: "builds platform wheels",
    Role.signs: "signs",
    Role.attests: "attests",
    Role.pushes: "pushes an image or another package",
    Role.releases: "makes or fills the release",
    Role.begins_releases: "begins releases",
    Role.comes_after: "documents or announces",
    Role.unread: "may release, and was not looked into",
}
_TRUSTS = {
    IndexTrust.identity: "trusted publishing",
    IndexTrust.credential: "a secret",
    IndexTrust.unsaid: "trusted by nothing that the file says",
}
_IDENTITIES = {
    IdentitySource.job: "can sign",
    IdentitySource.file: "can sign, as every job of the file",
}


def document(found: ReleaseMap) -> dict[str, object]:
    """Return the map as a document."""
    jobs = [
        {"at": job.at, **dataclasses.asdict(job), "roles": job.roles, "releases_on_tags": job.releases_on_tags}
        for job in found.jobs
    ]
    return {"jobs": jobs, "unread": [dataclasses.asdict(file) for file in found.unread]}


def table(found: ReleaseMap) -> str:
    """Return the map as lines: a workflow with what starts it, then its jobs, each with its place."""
    by_file: dict[str, list[MappedJob]] = {}
    for job in found.jobs:
        by_file.setdefault(job.path, []).append(job)
    shown = {path: jobs for path, jobs in by_file.items() if any(job.roles or job.on_tags for job in jobs)}
    lines = [line for jobs in shown.values() for line in (*_file(jobs), "")]
    releasing = dict.fromkeys(job.file for job in found.jobs if job.releases_on_tags)
    groups = {
        "Nothing of a release": [jobs[0].file for path, jobs in by_file.items() if path not in shown],
        "A pushed tag releases from": [*releasing] or ["no workflow"],
        "A pushed tag also starts": [job.file for job in found.jobs if job.on_tags and job.file not in releasing],
        "A published release starts": [job.file for job in found.jobs if job.on_release],
    }
    said = [f"{words}: {', '.join(dict.fromkeys(files))}" for words, files in groups.items() if files]
    said += [f"Not read: {file.path}:{file.line}: {file.reason}" for file in found.unread]
    return "\n".join((*lines, *(line for text in said for line in _wrap(text, "  "))))


def _file(jobs: list[MappedJob]) -> Iterator[str]:
    """Yield the lines of one workflow."""
    called = [f"a call from {place.rpartition('/')[2]}" for place in jobs[0].called_by]
    events = "; ".join((*(event for event in jobs[0].events if not called or event != "workflow_call"), *called))
    yield from _wrap(f"{jobs[0].file}: {events or 'nothing starts it'}", "    ")
    if open_jobs := [job.id for job in jobs if job.identity.source is IdentitySource.unsaid]:
        names = ", ".join(open_jobs) if len(open_jobs) < len(jobs) else "any job"
        yield from _wrap(f"  without permissions, and so might sign: {names}", "    ")
    heads = [f"  {job.file}:{job.line}  {job.id}" for job in jobs]
    indent = min(_WIDEST, max(map(len, heads)) + 2)
    tags = any(job.on_tags for job in jobs)
    for job, head in zip(jobs, heads, strict=True):
        text = "; ".join((*_deeds(job), *_limits(job, tags=tags)))
        if len(head) > indent - 2:
            yield from _wrap(head, "    ")
        yield from _wrap(f"{head if len(head) <= indent - 2 else '':<{indent}}{text}", " " * indent)


def _deeds(job: MappedJob) -> Iterator[str]:
    """Yield what a job does."""
    if job.verbs:
        yield f"runs {' '.join(job.verbs)}"
    for role, words in _ROLES.items():
        if tools := list(dict.fromkeys(act.tool for act in job.acts if act.role is role and act.tool != job.calls)):
            yield f"{words} ({', '.join(tools)})"
    for upload in job.publications:
        place = f"environment {upload.environment}" if upload.environment else "no environment"
        condition = f", if {_cut(upload.condition)}" if upload.condition else ""
        secrets = f" ({', '.join(upload.secrets)})" if upload.secrets else ""
        yield f"publishes to {upload.index} ({upload.tool}), {place}, {_TRUSTS[upload.trust]}{secrets}{condition}"
    if job.calls:
        unread = ", which may release, and was not looked into" if Role.unread in job.roles else ""
        yield f"calls {job.calls.removeprefix('.github/workflows/')}{unread}"
    if job.after:
        yield f"comes after {job.after}"
    if not job.roles:
        yield "nothing of a release"


def _limits(job: MappedJob, *, tags: bool) -> Iterator[str]:
    """Yield what lets a job do it, and when it does not run."""
    if job.identity.source in _IDENTITIES:
        yield _IDENTITIES[job.identity.source]
    if tags and not job.on_tags:
        yield "not on a pushed tag"
    if job.condition:
        yield f"if {_cut(job.condition)}"


def _cut(text: str) -> str:
    line = " ".join(text.split()).removeprefix("${{").removesuffix("}}").strip()
    return line if len(line) <= _CONDITION else f"{line[:_CONDITION]}…"


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(printable(text), _WIDTH, subsequent_indent=indent, break_on_hyphens=False)
