"""Who will have signed: what the certificate will carry, and what an index has to trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.machine.git import repository
from tagseal.project.doctor.row import DoctorRow
from tagseal.records import GITHUB
from tagseal.services.index import sites
from tagseal.steps.seal.identity import publisher_fields, unlike
from tagseal.tags import pattern
from tagseal.workflow import signing as workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.config import IndexSettings
    from tagseal.project.doctor.row import ExaminedProject
    from tagseal.workflow.document import Workflow


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Tell the identity of the next release, and the four fields of a trusted publisher."""
    if subject.git is None or subject.settings is None:
        return
    settings = subject.settings
    name = repository(settings.repository, {}, subject.git.origin())
    if name is None:
        text = "this checkout does not tell its repository at GitHub, which is part of the identity"
        fix = 'Add the remote `origin`, or set repository = "OWNER/REPO" in [tool.tagseal].'
        yield DoctorRow.warning("identity", text, fix, "identity-unknown")
        return
    signing = workflows.signing(subject.git.root, settings.workflow, {})
    way = pattern(subject.git.tags(), settings.tag)
    identity = f"{GITHUB}/{name}/{signing.path}@refs/tags/{way.tag('VERSION')}"
    yield DoctorRow.ok("identity", f"{identity} ({signing.reason}); a fork would sign as itself")
    workflow = next((one for _, one in subject.files if one.path == signing.path), None)
    if workflow is None:
        return
    yield from _callable_rows(workflow)
    if settings.index is not None and sites.trusts(settings.index):
        publishing = subject.map.environment(signing.path, settings.index.name)
        yield from _index(settings.index, name, signing.path, publishing)


def _index(index: IndexSettings, name: str, path: str, publishing: str | None) -> Iterator[DoctorRow]:
    """Tell the four fields of a trusted publisher, and which of them the configuration has otherwise.

    Args:
        index: As it is configured.
        name: OWNER/REPO.
        path: Of the workflow that signs, in the repository.
        publishing: The environment of its job that publishes there; None where none does.
    """
    file = path.rpartition("/")[2]
    fields = publisher_fields(name, path, publishing)
    mismatches = tuple(unlike(index, path, publishing))
    for mismatch in mismatches:
        text = f"the trusted publisher of {index.name}: {mismatch.text}"
        fix = "Correct the publisher at the index and `publisher` in [tool.tagseal.index], or the workflow."
        yield DoctorRow.error("index", text, fix, "publisher-disagrees", path)
    if index.publisher is None:
        environment = f', environment = "{publishing}"' if publishing else ""
        yield DoctorRow.warning(
            "index",
            f"{index.name} is to trust this workflow, and nothing says what is registered there: {fields}",
            f'Register these four, then write into [tool.tagseal.index]: publisher = {{ workflow = "{file}"'
            f"{environment} }}; it is compared before anything is signed.",
            "publisher-unknown-here",
        )
    elif not mismatches:
        text = f"{index.name} is to trust this release: {fields}; not checkable from here"
        yield DoctorRow.ok("index", text)


def _callable_rows(workflow: Workflow) -> Iterator[DoctorRow]:
    for job in workflow.jobs:
        if job.uses:
            yield DoctorRow(
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
