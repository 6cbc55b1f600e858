"""Which files are asked for, and which bundle is whose: arguments become pairs, and nothing is passed over.

1. An argument is a file, a folder (everything below it), a pattern that the shell left alone, or a bundle.
2. A link or a device is not followed, and not forgotten: it is something that cannot be verified.
3. A bundle is paired with its file; it is no file of its own.
4. A folder with the three files that only an offline kit has is an unpacked kit. Those three are no files of the
   release, and its bundles are copies, for whichever of the files are there; ``find_kits`` tells of them.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.records import BUNDLE
from tagseal.verification.checksums import NAME
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

LEGACY = ".sigstore"
"""How bundles were named before sigstore-python 3."""
MOST = 10_000
"""Files."""
KIT = frozenset(["VERIFY.md", "trust_config.json", "trusted_root.json"])
"""What an unpacked offline kit has besides bundles and the list of checksums; nothing signs them one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToVerify:
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
    files: dict[Path, FileToVerify] = field(default_factory=dict)
    """By where each really is: two arguments may name one file."""
    bundles: dict[Path, Path] = field(default_factory=dict)
    kits: dict[Path, Path] = field(default_factory=dict)
    """Folders that an offline kit was unpacked into."""

    def add(self, path: Path) -> None:
        if is_bundle(path):
            self.bundles.setdefault(_place(path), path)
        else:
            self.files.setdefault(_place(path), FileToVerify(path=path))
        if len(self.files) + len(self.bundles) > MOST:
            raise UsageError(
                f"got more than {MOST} files, expected a release's",
                hint="Name the files, or a folder that has no others.",
                slug="too-many-to-verify",
            )

    def lacking(self, path: Path, why: str) -> None:
        self.files.setdefault(_place(path), FileToVerify(path=path, problem=(Check.file, why)))


def find_files(arguments: Iterable[str | Path], *, whole: bool = False) -> tuple[FileToVerify, ...]:
    """Return what is to be verified, in the order of the arguments, folders sorted; each file once.

    Args:
        arguments: Files, folders, patterns.
        whole: Whether they are the assets of a release: none of those is part of an unpacked kit, whatever its name.

    Raises:
        UsageError: There are too many.
    """
    given = _read_arguments(arguments, whole=whole)
    names = {file.path.name for file in given.files.values()}
    for place, bundle in list(given.bundles.items()):
        if place.parent not in given.kits:  # a kit has the bundles of files that nobody downloaded, too
            _of_bundle(given, bundle, names)
    listed = _lists(given)
    bundles: defaultdict[str, dict[Path, Path]] = defaultdict(dict)
    strays: defaultdict[str, dict[Path, Path]] = defaultdict(dict)
    for place, path in given.bundles.items():
        bundles[_subject(path)][place] = path
        if place.parent not in given.kits and place.parent / _subject(path) not in given.files:
            strays[_subject(path)][place] = path
    return tuple(
        file
        if file.problem
        else replace(
            _pair(file.path, place, bundles[file.path.name], strays[file.path.name]),
            sums=listed.get(file.path.parent),
        )
        for place, file in given.files.items()
    )


def find_kits(arguments: Iterable[str | Path]) -> tuple[Path, ...]:
    """Return the folders below these arguments that an offline kit was unpacked into, in their order."""
    return tuple(_read_arguments(arguments, whole=False).kits.values())


def _read_arguments(arguments: Iterable[str | Path], *, whole: bool) -> _Arguments:
    given = _Arguments()
    for argument in arguments:
        try:
            _add(given, argument)
        except (OSError, ValueError, RecursionError) as error:  # of patterns as well
            why = error.strerror if isinstance(error, OSError) else error
            given.lacking(Path(argument), f"cannot be looked at: {why}")
    if not whole:
        _set_kits_aside(given)
    return given


def _set_kits_aside(given: _Arguments) -> None:
    """Take what only an offline kit has out of the files: whoever named all of a folder did not mean these.

    One with a bundle of its own is a file like any other, and so is a link; and a folder with nothing else is no kit.
    """
    for place, file in list(given.files.items()):
        members = [place.with_name(name) for name in KIT]
        if place.name not in KIT or not all(member in given.files for member in members):
            continue
        others = len(given.files) + len(given.bundles) > len(KIT)
        if others and all(map(_is_of_kit, members)):
            given.kits[place.parent] = file.path.parent
            for member in members:
                del given.files[member]


def _is_of_kit(path: Path) -> bool:
    bundled = any(_there(path.with_name(path.name + ending)) for ending in (BUNDLE, LEGACY))
    return path.is_file() and not path.is_symlink() and not bundled


def _add(given: _Arguments, argument: str | Path) -> None:
    path = Path(argument)
    # Both: a file's name may look like a pattern, so that it stands for all those that were meant.
    matches = {path} if str(argument) and _there(path) else set()
    if glob.has_magic(str(argument)):
        matches |= set(Path(path.anchor).glob(str(path.relative_to(path.anchor))))  # no link to a folder is followed
    for match in sorted(matches):
        if match.is_dir() and not match.is_symlink():
            _add_below(given, match)
        else:
            given.add(match)
    if not matches:
        given.lacking(path, "got nothing of that name, expected a file")


def _add_below(given: _Arguments, folder: Path) -> None:
    failures: list[OSError] = []
    empty = True
    for one in _below(folder, failures.append):
        given.add(one)
        empty = False
    for failure in failures:
        given.lacking(Path(failure.filename), f"cannot be looked into: {failure.strerror}")
    if empty and not failures:
        given.lacking(folder, "got a folder without a file, expected some")


def _below(folder: Path, failed: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield every file below a folder, links to folders included, as what they are; however deep it lies."""
    rest = [folder]
    while rest:
        try:
            with os.scandir(rest.pop()) as entries:
                here = sorted((Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError as error:
            failed(error)
            continue
        yield from (path for path, is_folder in here if not is_folder)
        rest += [path for path, is_folder in reversed(here) if is_folder]


def _place(path: Path) -> Path:
    """Return where it really is, as far as that can be told: links in a ring lead nowhere."""
    return Path(os.path.realpath(path.parent)) / path.name


def _of_bundle(given: _Arguments, bundle: Path, names: AbstractSet[str]) -> None:
    """Ask for a bundle's file, where no argument of that name does."""
    name = _subject(bundle)
    if name in names:
        return
    if name in {"", ".", ".."} or name.endswith((BUNDLE, LEGACY)):
        given.lacking(bundle, "got a bundle of no file, by its name, expected a file's")
        return
    path = bundle.with_name(name)
    if _there(path):
        given.add(path)
    else:
        given.lacking(path, f"got its bundle only, {show(bundle.name)}, expected the file as well")


def is_bundle(path: Path) -> bool:
    """Tell whether a file is a bundle by its name."""
    return path.name.endswith((BUNDLE, LEGACY))


def _subject(bundle: Path) -> str:
    return bundle.name.removesuffix(BUNDLE if bundle.name.endswith(BUNDLE) else LEGACY)


def _pair(path: Path, place: Path, named: Mapping[Path, Path], strays: Mapping[Path, Path]) -> FileToVerify:
    """Return a file with its bundle: the one beside it, or the only one that was named for it elsewhere.

    Args:
        path: The file.
        place: Where it really is.
        named: Bundles of that name, by where they really are.
        strays: Those of them that have no file beside them, and are of no kit: a person may have meant these.
    """
    beside, legacy = path.with_name(path.name + BUNDLE), path.with_name(path.name + LEGACY)
    if _there(beside):
        notes = [f"{show(legacy.name)} lies there as well, and was not looked at"] if _there(legacy) else []
        return FileToVerify(path=path, bundle=beside, notes=(*_unused(strays), *notes))
    elsewhere = len(named) - sum(one in named for one in (place.with_name(beside.name), place.with_name(legacy.name)))
    if elsewhere > 1:
        return FileToVerify(path=path, problem=(Check.bundle, f"got {elsewhere} bundles for it, expected one"))
    if elsewhere:
        return FileToVerify(path=path, bundle=next(one for where, one in named.items() if where.parent != place.parent))
    if _there(legacy):
        note = f"its bundle has the older name {show(legacy.name)}, expected {show(beside.name)}"
        return FileToVerify(path=path, bundle=legacy, notes=(note,))
    return FileToVerify(path=path, problem=(Check.bundle, f"got no bundle, expected {show(beside.name)} beside it"))


def _unused(strays: Mapping[Path, Path]) -> Iterator[str]:
    """Say which bundles were passed over for the one that lies beside the file."""
    if strays:
        first, more = next(iter(strays.values())), len(strays) - 1
        others = f" and {more:,} more of that name were" if more else " was"
        yield f"the bundle beside it was used; {show(str(first))}{others} not looked at"


def _lists(given: _Arguments) -> dict[Path, Path]:
    """Return the list of checksums for each folder: its own, or else the only one that was named.

    One that lies there without having been named is asked for, if it has a bundle: an unsigned one binds nothing.
    """
    files = [file.path for file in given.files.values() if not file.problem]
    named = [path for path in files if path.name == NAME]
    own: dict[Path, Path] = {}
    for folder in {path.parent: None for path in files}:
        beside = folder / NAME
        if _there(beside) and any(_there(folder / f"{NAME}{suffix}") for suffix in (BUNDLE, LEGACY)):
            given.add(beside)
        if _place(beside) in given.files:
            own[folder] = given.files[_place(beside)].path
        elif len(named) == 1:
            own[folder] = named[0]
    return own


def _there(path: Path) -> bool:
    """Tell whether something has this name, a link that leads nowhere included."""
    return os.path.lexists(path)
