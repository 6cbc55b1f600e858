"""Which files an upload names: folders, files, wildcards, and what a ``!`` takes out again.

Source: ``src/shared/search.ts`` of actions/upload-artifact, version 7, and the options that it gives @actions/glob.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import show
from tagseal.workflow.play.action import StepFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.workflow.play.action import StepCall

_WILD = re.compile(r"[*?\[]")


def inside(call: StepCall, said: str) -> Path:
    """Return a path that is written in the workflow, links in it followed for the judgement alone.

    Raises:
        StepFailedError: It leads out of the workspace and the job's temporary folder.
    """
    path = Path(os.path.normpath(call.workspace / said))
    tops = (call.workspace.resolve(), call.temp.resolve())
    real = path.resolve()
    if not any(real.is_relative_to(top) for top in tops):
        raise StepFailedError(f"got the path {show(said)}, expected one inside the workspace or the temporary folder")
    return path


def search(call: StepCall, patterns: Sequence[str], *, hidden: bool) -> list[Path]:
    """Return the files that the patterns name, in order; the last pattern that fits a file decides.

    Raises:
        StepFailedError: A pattern, or a link that it meets, leads outside.
    """
    kept: dict[Path, None] = {}
    for pattern in patterns:
        files = _files(call, pattern.removeprefix("!").strip(), hidden=hidden)
        if pattern.startswith("!"):
            left_out = set(files)
            kept = {path: None for path in kept if path not in left_out}
        else:
            kept |= dict.fromkeys(files)
    return sorted(kept)


def root(call: StepCall, patterns: Sequence[str], files: Sequence[Path]) -> Path:
    """Return the folder that names in the artifact are relative to: what all the patterns have in common.

    A file that is named by itself lies in its own folder; a pattern below another one changes nothing.
    """
    bases = {_base(call, pattern) for pattern in patterns if not pattern.startswith("!")}
    tops = [base for base in bases if not bases.intersection(base.parents)]
    if len(tops) > 1:
        return Path(os.path.commonpath(tops))
    return tops[0].parent if list(files) == tops else tops[0]


def _files(call: StepCall, pattern: str, *, hidden: bool) -> Iterator[Path]:
    base = _base(call, pattern)
    rest = os.path.relpath(call.workspace / pattern, base) if _WILD.search(pattern) else ""
    tops = base.glob(rest) if rest else [base] if base.exists() else []
    for top in tops:
        for path in _below(call, top, frozenset()):
            # The name that the search begins at counts as well: `path: .hidden/` finds nothing.
            if hidden or not any(part.startswith(".") for part in path.relative_to(base.parent).parts):
                yield path


def _below(call: StepCall, top: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield the files at a path and below it; a link to a folder above itself ends there, a broken one is none."""
    if not top.exists():
        return
    real = inside(call, str(top)).resolve()
    if not top.is_dir():
        if top.is_file():
            yield top
    elif real not in above:
        for path in sorted(top.iterdir()):
            yield from _below(call, path, above | {real})


def _base(call: StepCall, pattern: str) -> Path:
    """Return the folder, or the file, that a pattern names before its first wildcard."""
    parts = Path(pattern).parts
    plain = [part for number, part in enumerate(parts) if not any(map(_WILD.search, parts[: number + 1]))]
    return inside(call, str(Path(*plain)))
