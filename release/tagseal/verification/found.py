"""Which files are asked for, and which bundle is whose: arguments become pairs, and nothing is passed over.

1. An argument is a file, a folder (everything below it), a pattern that the shell left alone, or a bundle.
2. A link or a device is not followed, and not forgotten: it is something that cannot be verified.
3. A bundle is paired with its file; it is no file of its own.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import shown
from tagseal.verification.checksums import NAME
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

SUFFIX = ".sigstore.json"
LEGACY = ".sigstore"
MOST = 10_000
"""Files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file that is to be verified."""

    path: Path
    bundle: Path | None = None
    problem: tuple[Check, str] | None = None
    """Why there is nothing to verify."""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""
    sums: Path | None = None
    """The list that may bind its name."""


@dataclass(slots=True)
class _Arguments:
    files: dict[Path, Wanted] = field(default_factory=dict)
    """By where each really is: two arguments may name one file."""
    bundles: dict[Path, Path] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        if is_bundle(path):
            self.bundles.setdefault(_place(path), path)
        else:
            self.files.setdefault(_place(path), Wanted(path=path))
        if len(self.files) + len(self.bundles) > MOST:
            raise UsageError(
                f"got more than {MOST} files, expected a release's",
                hint="Name the files, or a folder that has no others.",
                slug="too-many-to-verify",
            )

    def lacking(self, path: Path, why: str) -> None:
        self.files.setdefault(_place(path), Wanted(path=path, problem=(Check.file, why)))


def found(arguments: Iterable[str | Path]) -> tuple[Wanted, ...]:
    """Return what is to be verified, in the order of the arguments, folders sorted; each file once.

    Raises:
        UsageError: There are too many.
    """
    given = _Arguments()
    for argument in arguments:
        try:
            _add(given, argument)
        except OSError as error:
            given.lacking(Path(argument), f"cannot be looked at: {error.strerror}")
    names = {one.path.name for one in given.files.values()}
    for bundle in list(given.bundles.values()):
        _of_bundle(given, bundle, names)
    listed = _lists(given)
    bundles: defaultdict[str, list[tuple[Path, Path]]] = defaultdict(list)
    for place, path in given.bundles.items():
        bundles[_subject(path)].append((place, path))
    return tuple(
        one
        if one.problem
        else replace(
            _paired(one.path, [path for where, path in bundles[one.path.name] if where.parent != place.parent]),
            sums=listed.get(one.path.parent),
        )
        for place, one in given.files.items()
    )


def _add(given: _Arguments, argument: str | Path) -> None:
    path = Path(argument)
    if path.is_dir() and not path.is_symlink():
        _add_below(given, path)
    elif _there(path):
        given.add(path)
    elif glob.has_magic(str(argument)) and (matches := _matching(str(argument))):
        for match in map(Path, matches):
            if match.is_dir() and not match.is_symlink():
                _add_below(given, match)
            else:
                given.add(match)
    else:
        given.lacking(path, "got nothing of that name, expected a file")


def _matching(pattern: str) -> list[str]:
    """Return what a pattern matches, as a shell would; it may be absolute, which ``Path.glob`` does not take."""
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - as above


def _add_below(given: _Arguments, folder: Path) -> None:
    failures: list[OSError] = []
    below = list(_below(folder, failures.append))
    for one in below:
        given.add(one)
    for failure in failures:
        given.lacking(Path(failure.filename), f"cannot be looked into: {failure.strerror}")
    if not below and not failures:
        given.lacking(folder, "got a folder without a file, expected some")


def _below(folder: Path, failed: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield every file below a folder, links to folders included, as what they are."""
    for root, folders, files in os.walk(folder, onerror=failed):
        folders.sort()
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in sorted([*files, *links]))


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _of_bundle(given: _Arguments, bundle: Path, names: AbstractSet[str]) -> None:
    """Ask for a bundle's file, where no argument of that name does."""
    name = _subject(bundle)
    if name in names:
        return
    path = bundle.with_name(name)
    if _there(path):
        given.add(path)
    else:
        given.lacking(path, f"got its bundle only, {shown(bundle.name)}, expected the file as well")


def is_bundle(path: Path) -> bool:
    """Tell whether a file is a bundle by its name."""
    return path.name.endswith((SUFFIX, LEGACY))


def _subject(bundle: Path) -> str:
    return bundle.name.removesuffix(SUFFIX if bundle.name.endswith(SUFFIX) else LEGACY)


def _paired(path: Path, elsewhere: Sequence[Path]) -> Wanted:
    """Return a file with its bundle: the one beside it, or the only one that was named for it elsewhere."""
    beside, legacy = path.with_name(path.name + SUFFIX), path.with_name(path.name + LEGACY)
    if _there(beside):
        notes = [f"{shown(one.name)} in {shown(str(one.parent))} was not looked at" for one in elsewhere]
        notes += [f"{shown(legacy.name)} lies there as well, and was not looked at"] if _there(legacy) else []
        return Wanted(path=path, bundle=beside, notes=tuple(notes))
    if len(elsewhere) > 1:
        return Wanted(path=path, problem=(Check.bundle, f"got {len(elsewhere)} bundles for it, expected one"))
    if elsewhere:
        return Wanted(path=path, bundle=elsewhere[0])
    if _there(legacy):
        note = f"its bundle has the older name {shown(legacy.name)}, expected {shown(beside.name)}"
        return Wanted(path=path, bundle=legacy, notes=(note,))
    return Wanted(path=path, problem=(Check.bundle, f"got no bundle, expected {shown(beside.name)} beside it"))


def _lists(given: _Arguments) -> dict[Path, Path]:
    """Return the list of checksums for each folder: its own, or else the only one that was named.

    One that lies there without having been named is asked for, if it has a bundle: an unsigned one binds nothing.
    """
    files = [one.path for one in given.files.values() if not one.problem]
    named = [path for path in files if path.name == NAME]
    own: dict[Path, Path] = {}
    for folder in {path.parent: None for path in files}:
        beside = folder / NAME
        if _there(beside) and any(_there(folder / f"{NAME}{suffix}") for suffix in (SUFFIX, LEGACY)):
            given.add(beside)
        if _place(beside) in given.files:
            own[folder] = given.files[_place(beside)].path
        elif len(named) == 1:
            own[folder] = named[0]
    return own


def _there(path: Path) -> bool:
    """Tell whether something has this name, a link that leads nowhere included."""
    return os.path.lexists(path)
