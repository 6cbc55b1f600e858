"""Who will have signed: what the certificate will carry, and what an index has to trust."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.project.doctor.row import Row
from tagseal.records import GITHUB
from tagseal.services import workflows
from tagseal.services.git import repository
from tagseal.tags import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.doctor.row import Subject
    from tagseal.workflow.document import Workflow

_PUBLISHES = re.compile(r"\bpublish\b")


def look(subject: Subject) -> Iterator[Row]:
    """Tell the identity of the next release, and the four fields of a trusted publisher."""
    if subject.git is None or subject.settings is None:
        return
    settings = subject.settings
    name = repository(settings.repository, {}, subject.git.origin())
    if name is None:
        yield Row(
            check="identity",
            level="warning",
            text="this checkout does not tell its repository at GitHub, which is part of the identity",
            fix='Add the remote `origin`, or set repository = "OWNER/REPO" in [tool.tagseal].',
            slug="identity-unknown",
        )
        return
    signing = workflows.signing(subject.git.root, settings.workflow, {})
    way = pattern(subject.git.tags(), settings.tag)
    identity = f"{GITHUB}/{name}/{signing.path}@refs/tags/{way.tag('VERSION')}"
    yield Row(check="identity", level="ok", text=f"{identity} ({signing.reason}); a fork would sign as itself")
    workflow = next((one for _, one in subject.files if one.path == signing.path), None)
    if workflow is None:
        return
    yield from _called(workflow)
    owner, _, repo = name.partition("/")
    fields = (
        f"owner {owner}, repository {repo}, workflow {signing.file}, environment {_environment(workflow) or 'none'}"
    )
    yield Row(
        check="index", level="ok", text=f"an index that is to trust this release: {fields}; not checkable from here"
    )


def _called(workflow: Workflow) -> Iterator[Row]:
    for job in workflow.jobs:
        if job.uses:
            yield Row(
                check="identity",
                level="warning",
                text=f"{workflow.path}:{job.at.line}: the job {job.id} is another workflow, {job.uses}: what it signs "
                "carries that one's name, and everybody who calls it gets it",
                fix="Write the steps that sign into this file.",
                slug="identity-of-the-called",
                file=workflow.path,
                line=job.at.line,
                column=job.at.column,
            )


def _environment(workflow: Workflow) -> str:
    """Return the environment of the job that publishes."""
    publishing = [
        job for job in workflow.jobs if any(_PUBLISHES.search(f"{step.uses} {step.run}") for step in job.steps)
    ]
    return next((job.environment for job in publishing if job.environment), "")
