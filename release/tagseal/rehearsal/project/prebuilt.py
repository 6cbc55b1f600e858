"""What earlier jobs and steps make in a real release, found here instead: packages, assets, an image's archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal import config
    from tagseal.machine.git import Git

_SHOWN = 4
_LEFT = ("release.json", "transcript.jsonl")


def collect_prebuilt(
    settings: config.Settings, source: Git, clone: Git, packages: Path | None
) -> tuple[Mapping[str, Path], Sequence[str]]:
    """Return what a real release makes before ``build``, by its path there, and what to say of it.

    It is the packages of ``--packages``, and files of this checkout.

    Raises:
        UsageError: There are no packages where they should be.
    """
    found: dict[str, Path] = {}
    if packages is not None:
        found = _packages(packages, Path(settings.packages[0]).parent)
    archive = settings.image.archive if settings.image else None
    patterns = (
        *settings.assets,
        *(settings.packages if packages is None else ()),
        *((archive, f"{archive}/**/*") if archive else ()),
    )
    here = {
        path.relative_to(source.root).as_posix(): path
        for pattern in patterns
        for path in sorted(source.root.glob(pattern))
        if path.is_file() and not _ours(source.root, path.relative_to(source.root))
    }
    made = {name: path for name, path in here.items() if not (clone.root / name).exists()}
    said = (f"from this checkout, where a real release makes them first: {first_names(list(made))}",) if made else ()
    return found | made, said


def _packages(folder: Path, target: Path) -> dict[str, Path]:
    files = sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []
    if not files:
        raise UsageError(
            f"got the folder {folder} without a file, expected wheels and one sdist",
            hint="Name the folder that the packages were built into: --packages DIR.",
            slug="no-packages",
        )
    return {(target / file.name).as_posix(): file for file in files}


def _ours(root: Path, name: Path) -> bool:
    """Tell whether git keeps this, or an earlier rehearsal or release left it."""
    top, folder = name.parts[0], root.joinpath(*name.parts[:2])
    return top == ".git" or (top == "dist" and any((folder / one).exists() for one in _LEFT))


def first_names(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are besides."""
    more = len(names) - _SHOWN
    return ", ".join(map(show, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
