"""What the page of the next release would say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.machine import files
from tagseal.machine.toml import read_toml, table
from tagseal.names import number_of, show
from tagseal.notes import changelog
from tagseal.records import Readiness, Reason
from tagseal.steps.plan import section_missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.project.readiness.candidate import Candidate

_NO_FRAGMENT = re.compile(r"[._].*|readme.*|scriv\.ini|.*template.*|.*\.(?:j2|jinja2?)")
"""The other files that lie beside fragments."""


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say which changelog has no section of this version, or an unfinished one, or what it has is not assembled."""
    version, tag = candidate.parsed, candidate.tag
    if version is None or tag is None:
        return
    yield from _fragments(candidate.root, str(version))
    path = changelog.find(candidate.root, candidate.settings.changelog)
    if path is None:
        return
    where = path.relative_to(candidate.root).as_posix()
    found = changelog.section(path, version)
    if found is None and (foreign := changelog.foreign_heading(path, version)):
        what = f"{where} begins with {show(foreign)}, and this is {version}: the notes would be another version's"
        fix = f"Rename that heading to {version}, or set the version that it names."
        yield Reason.broken("notes-of-another-version", what, fix, where, verb="plan")
    elif found is None:
        missing = section_missing(where, str(version), tag)
        yield Reason.of(missing, Readiness.not_yet, verb="plan", place=where)
    elif found.unreleased or ("unreleased" in found.heading.casefold() and not version.is_prerelease):
        what = f"{where} has no finished section for {version}: the notes would be those of {show(found.heading)}"
        yield Reason.not_yet("notes-unreleased", what, f"Rename that heading to {version}, and commit it.", where)
    elif not changelog.says_something(found):
        what = f"{where} says nothing below the heading {show(found.heading)}"
        fix = f"Write what is new in {version}, and commit it. `tagseal notes` shows the page."
        yield Reason.not_yet("notes-empty", what, fix, where)


def _fragments(root: Path, version: str) -> Iterator[Reason]:
    """Say which fragments of a changelog nobody has assembled."""
    for folder, command in _collectors(root, version):
        if names := _listed(root, folder):
            what = f"{folder}/ has {number_of(len(names), 'fragment')} that no section has yet, {show(names[0])} first"
            fix = f"{command}, and commit what it writes."
            yield Reason.not_yet("notes-not-assembled", what, fix, f"{folder}/{names[0]}")


def _collectors(root: Path, version: str) -> Iterator[tuple[str, str]]:
    """Yield the folders of fragments, each with the command that assembles them."""
    ours = table(read_toml(root / "pyproject.toml"), "tool")
    towncrier = table(ours, "towncrier") or table(table(read_toml(root / "towncrier.toml"), "tool"), "towncrier")
    if towncrier:
        package = towncrier.get("package", "")
        usual = f"{towncrier.get('package_dir', '.')}/{package}/newsfragments" if package else "newsfragments"
        yield str(towncrier.get("directory", usual)), f"`towncrier build --version {version}`"
    scriv = table(ours, "scriv")
    if scriv or (root / "changelog.d/scriv.ini").is_file():
        yield str(scriv.get("fragment_directory", "changelog.d")), f"`scriv collect --version {version}`"
    elif not towncrier:
        yield "changelog.d", "Assemble them with the tool that this project uses"


def _listed(root: Path, name: str) -> list[str]:
    """Return the names of the fragments in a folder of the project."""
    folder = root / name
    if ".." in folder.parts or not folder.is_relative_to(root) or not folder.is_dir() or files.link_below(root, folder):
        return []
    return [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_file() and "." in path.name.strip(".") and not _NO_FRAGMENT.fullmatch(path.name.lower())
    ]
