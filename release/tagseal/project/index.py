"""The packages of a release as the index has them: which are there, with which bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.machine import metadata
from tagseal.machine.metadata import stem
from tagseal.project.assets import StatusRow
from tagseal.services.index import sites
from tagseal.services.index.client import IndexClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.records import Plan
    from tagseal.steps import Services


def rows(name: str, plan: Plan | None, digests: Mapping[str, str], services: Services) -> Iterator[StatusRow]:
    """Yield a line for each package that the index has of this version, or that it should have.

    Args:
        name: The release's tag.
        plan: What is known of the release; without it, what the checkout declares.
        digests: SHA-256 of the release's files, by name: those of the seal, or GitHub's.
        services: The retry policy and the settings.
    """
    index = sites.of(services.settings.index)
    version = services.pattern_beside(name).parse(name)
    if index is None or version is None:
        return
    project = plan.project if plan else metadata.read_declared(services.project).name
    if not project:
        yield StatusRow(
            what="index", state="untold", good=None, text="only the build back end knows the project's name"
        )
        return
    try:
        listed = IndexClient(index=index, project=project, version=str(version), retry=services.retry).files()
    except TagsealError as error:
        yield StatusRow(what="index", state=error.slug, good=None, text=error.what)
        return
    begin = stem(project, str(version))
    there = {one.name: one for one in listed}
    for file in sorted(
        {*there, *(digest for digest in digests if digest.startswith(f"{begin}-") or digest == f"{begin}.tar.gz")}
    ):
        if file.endswith((".whl", ".tar.gz")):
            one = there.get(file)
            state, good, text = ("none", None, "not there") if one is None else _row(one.sha256, digests.get(file, ""))
            if one is not None and one.yanked:
                state, good, text = "yanked", False, "yanked: pip passes it over"
            yield StatusRow(what="index", name=f"{index.name} {file}", state=state, good=good, text=text)
    if not listed and not digests:
        yield StatusRow(what="index", state="none", good=None, text=f"{index.name} has no file of {project} {version}")


def _row(there: str, here: str) -> tuple[str, bool | None, str]:
    if not here:
        return "alone", None, f"sha256 {there}, and no release to compare it with"
    if there != here:
        return "differs", False, f"sha256 {there}, and the release has {here}"
    return "equal", True, "there, the very bytes of the release"
