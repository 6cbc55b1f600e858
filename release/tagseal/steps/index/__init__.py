"""The package index in the steps: what it has already, what it gets, and what strangers get from it.

A file name at an index is used up for ever, so the index is looked at before every act: what it has of this version
wins over a rebuilt file, where this project's workflow attested it at this commit; else the run stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.errors import Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.records import Plan
    from tagseal.services.index.client import IndexClient, ListedFile
    from tagseal.steps import Services

_SHOWN = 10


def client(plan: Plan, services: Services) -> IndexClient | None:
    """Return what asks the planned index about this version; None where the packages go to none."""
    if plan.index is None:
        return None
    from tagseal.services.index.client import IndexClient  # noqa: PLC0415 - requests

    return IndexClient(index=plan.index, project=plan.project, version=plan.version, retry=services.retry)


def takes(plan: Plan) -> None:
    """Hold that an index takes this version at all.

    Raises:
        UsageError: It is a local one.
    """
    if plan.index is not None and Version(plan.version).local:
        raise UsageError(
            f"got the version {plan.version}, expected one without a local part: {plan.index.name} takes none",
            hint="Release it as a version of its own, such as 1.2.3.post1 (PEP 440), or without [tool.tagseal.index].",
            slug="index-local-version",
        )


def there(plan: Plan, services: Services) -> dict[str, ListedFile]:
    """Return what the index has of this version, by file name.

    Raises:
        Refused: The version is yanked there.
        Busy: The index did not answer until the patience was over.
        ServiceError: It refused.
    """
    asking = client(plan, services)
    if asking is None:
        return {}
    found = {file.name: file for file in asking.files()}
    if yanked := [one.name for one in found.values() if one.yanked]:
        raise Refused(
            f"got {plan.project} {plan.version} yanked at {asking.index.name}, expected a version that people may use",
            context=tuple(yanked[:_SHOWN]),
            hint="If it was yanked by mistake, take that back on the project's page there, and run this job again. "
            "Else release a new version.",
            slug="index-version-yanked",
        )
    return found


def sentences(plan: Plan, services: Services) -> tuple[str, ...]:
    """Return what the index has of this version already, one sentence each."""
    return tuple(f"{plan.index_name}: {name}" for name in there(plan, services))


def irreversible(plan: Plan) -> Iterator[str]:
    """Yield what an index keeps for ever."""
    if plan.index is not None:
        yield f"{plan.index.name} never takes another file named {plan.sdist} or {plan.wheel}*.whl"


def surplus(names: Sequence[str], listed: Mapping[str, ListedFile], plan: Plan) -> None:
    """Hold that the index has no file of this version beside those that are released.

    Raises:
        Refused: It has one.
    """
    if strange := sorted(listed.keys() - {*names}):
        raise Refused(
            f"got {', '.join(strange[:_SHOWN])} at {plan.index_name}, "
            f"expected no file of {plan.version} there that this release has not",
            context=tuple(f"{one}: sha256 {listed[one].sha256}" for one in strange[:_SHOWN]),
            hint="Find out who sent it. Build the same set of files as then, or release a new version.",
            slug="index-has-more",
        )
