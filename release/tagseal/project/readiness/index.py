"""Who takes the packages: an index, and whom it trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.names import FILE, show
from tagseal.records import Reason
from tagseal.steps.seal.identity import unlike
from tagseal.workflow.publications import DEFAULT, TEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.config import IndexSettings
    from tagseal.project.readiness.candidate import Candidate

_TABLE = "[tool.tagseal.index]"


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say where the packages would not reach the index that they reach today, or it would refuse them."""
    index = candidate.settings.index
    if index is None and any(job.verbs for job in candidate.map.file(candidate.signing.path)):
        yield from _left_behind(candidate)
    elif index is not None and candidate.release is not None:
        yield from _publisher(candidate, index)


def _left_behind(candidate: Candidate) -> Iterator[Reason]:
    """Say which publication the release would not make: that of another job, at a tag or for a release."""
    for job, upload in candidate.map.publications:
        if upload.index != TEST and (job.on_tags or job.on_release):
            name = "pypi" if upload.index == DEFAULT else upload.index
            starts = "" if job.on_tags else "; a release that a workflow publishes starts no other one"
            yield Reason.broken(
                "index-not-configured",
                f"the job {show(job.id)} publishes to {show(name)}, and no {_TABLE} says that the release does{starts}",
                f"Write {_TABLE} with {_line(name, candidate)}, and take that job out.",
                f"{job.path}:{upload.line}",
            )
            return


def _line(name: str, candidate: Candidate) -> str:
    """Return what to write: the publisher is the release's own workflow from then on."""
    if not FILE.fullmatch(name):
        return "a `name`, and in `publish-url` where that job uploads to"
    of_publish = candidate.map.environment(candidate.signing.path, name)
    environment = f', environment = "{of_publish}"' if of_publish else ""
    said = f'publisher = {{ workflow = "{candidate.signing.file}"{environment} }}'
    return f'name = "{name}" and {said}, register that publisher there'


def _publisher(candidate: Candidate, index: IndexSettings) -> Iterator[Reason]:
    """Say which fields of the trusted publisher the run would have otherwise, and whose environment it has."""
    path, mapped = candidate.signing.path, candidate.map
    environment = mapped.environment(path, index.name)
    for mismatch in unlike(index, path, environment):
        yield Reason.broken(
            "publisher-disagrees",
            f"the trusted publisher of {index.name}: {mismatch.text}",
            f"Correct the publisher at the index and `publisher` in {_TABLE}, or the workflow.",
            path,
            verb="sign",
        )
    registered = index.publisher.environment if index.publisher else None
    of_tests = {upload.environment for _, upload in mapped.publications if upload.index == TEST} - {""}
    others = {upload.environment for _, upload in mapped.publications if upload.index == index.name}
    ours = {environment or "", registered or ""} if index.name != TEST else set[str]()
    for name in sorted(ours & (of_tests - others)):
        yield Reason.broken(
            "environment-of-the-test-index",
            f"the environment {show(name)} is that of the job for the test index, not of one for {index.name}",
            f"Name the one that is registered at {index.name}, in the job `publish` and in {_TABLE}.",
            path,
        )
