"""What the next release would be called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tagseal.machine.files import read
from tagseal.records import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tagseal.project.readiness.candidate import Candidate


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say which versions nobody means to release, and which cannot be."""
    version, tag = candidate.parsed, candidate.tag
    if version is None or tag is None:
        return
    if version.is_devrelease or version.local:
        kind = "a development version" if version.is_devrelease else "a local version, which no index takes"
        yield _reason(candidate, "version-not-final", f"{version} is {kind}", f"{version.base_version}")
    stands = candidate.git.commit_of(f"refs/tags/{tag}")
    if stands is not None and stands != candidate.git.head():
        what = f"the tag {tag} is on {stands[:7]} already, and this is {candidate.git.head()[:7]}"
        yield _reason(candidate, "tag-taken", what, "a new one")
    elif (above := _highest(candidate)) is not None and above[0] > version:
        what = f"{version} is lower than {above[0]}, whose tag {above[1]} is in the history of this branch"
        reason = _reason(candidate, "version-lower", what, f"one above {above[0]}")
        if candidate.settings.project != "." and candidate.settings.tag is None:
            of_tags = 'If that tag is another package\'s, write tag = "NAME-v{version}" into [tool.tagseal]. If not: '
            reason = replace(reason, fix=of_tags + reason.fix)
        yield reason


def _highest(candidate: Candidate) -> tuple[Version, str] | None:
    """Return the highest final version that was released before on this branch: a backport has its own."""
    merged = candidate.pattern.versions(candidate.git.tags(merged=candidate.git.head()))
    return max((pair for pair in merged if not pair[0].is_prerelease), default=None)


def _reason(candidate: Candidate, slug: str, what: str, wanted: str) -> Reason:
    line = _line(candidate)
    place = f"pyproject.toml:{line}" if line else ""
    where = f" in {place}" if place else " where the build back end takes it from"
    return Reason.not_yet(slug, what, f"Set the version to {wanted}{where}, and commit that.", place)


def _line(candidate: Candidate) -> int:
    """Return the line of pyproject.toml that states the version; 0 where none does."""
    file = candidate.root / candidate.settings.project / "pyproject.toml"
    if candidate.settings.project != "." or not file.is_file():
        return 0
    table = ""
    for number, line in enumerate(read(file, follow=True).decode("utf-8", "replace").splitlines(), 1):
        words = line.split("#")[0].strip()
        table = words if words.startswith("[") else table
        if table in {"[project]", "[tool.poetry]"} and words.replace(" ", "").startswith("version="):
            return number
    return 0
