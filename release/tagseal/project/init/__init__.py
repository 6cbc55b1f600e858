"""``tagseal init``: a project gets what releases it. Nothing is ever written over.

1. Look at the project: how it tags, what releases it today, what it has already.
2. Propose each file: to be written, added to, the same already, or different, and then shown.
3. Write what can be written without losing anything, whole or not at all; a second run changes nothing.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from tagseal.errors import Refused
from tagseal.machine import files
from tagseal.names import show
from tagseal.project import guide
from tagseal.project.init import lock, scaffold, tables
from tagseal.project.init.look import look

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.project.init.look import FoundProject

__all__ = ["Change", "InitResult", "Options", "init", "look"]

State = Literal["write", "add", "replace", "same", "differs"]
_DIFF = 200
"""Lines of a difference that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person asked for."""

    replace: bool = False
    """Whether a workflow that differs is replaced."""
    wheel: Path | None = None
    """The tool itself, for as long as it is on no release page."""
    write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file, as it is proposed."""

    path: str
    """In the repository."""
    state: State
    content: bytes = b""
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """What became of it all."""

    changes: tuple[Change, ...]
    advice: tuple[str, ...]
    """What a person has to do, or should know."""


def init(folder: Path, options: Options, environ: Mapping[str, str]) -> InitResult:
    """Give the project that ``folder`` is in what releases it.

    Raises:
        UsageError: There is no project, or the tool that is to be locked cannot be told.
        ConfigError: A file of the project does not parse.
        Refused: A place to write to leads elsewhere, or has changes that would be lost.
    """
    found = look(folder, environ)
    locked = lock.make_lock(found, options.wheel, environ)
    advice = tuple(found.advice)  # of what is there before anything is written
    changes = [
        *(_propose(found, path, content, replace=False) for path, content in locked.files.items()),
        *_requirements(found, locked, options),
        _workflow(found, options),
        *(_propose(found, path, text, replace=options.replace) for path, text in scaffold.rehearse(found).items()),
        *(_propose_addition(found, path, text) for path, text in tables.merge(found).items()),
    ]
    for change in changes if options.write else ():
        _write(found, change)
    changes += _guide(found, options)
    return InitResult(changes=tuple(changes), advice=(*advice, *_left_to_person(changes)))


def _requirements(found: FoundProject, locked: lock.Lock, options: Options) -> Iterator[Change]:
    """Propose the locks: a newer one takes an older one's place, for both are the tool's own word."""
    for path, text in ((found.requirements, locked.release), (found.rehearse_requirements, locked.rehearse)):
        if text is not None:
            ours = found.text(path).startswith(lock.FIRST)
            yield _propose(found, path, text, replace=ours or options.replace)


def _workflow(found: FoundProject, options: Options) -> Change:
    return _propose(found, found.workflow.path, scaffold.release(found), replace=options.replace)


def _propose(found: FoundProject, path: str, content: str | bytes, *, replace: bool) -> Change:
    data = content.encode() if isinstance(content, str) else content
    file = found.root / path
    if not file.exists():
        # Of a wheel there is no difference to show.
        return Change(path=path, state="write", content=data, diff=() if b"\0" in data else _diff(path, b"", data))
    before = files.read(file, follow=True)
    if before == data:
        return Change(path=path, state="same")
    diff = _diff(path, before, data)
    return Change(path=path, state="replace" if replace else "differs", content=data, diff=diff)


def _propose_addition(found: FoundProject, path: str, text: str | None) -> Change:
    """Propose a file that keeps every line that it has; None: nothing can be added, and what would be is shown."""
    before = found.text(path)
    if text is None:
        return Change(path=path, state="differs", diff=tables.lines(found))
    if text == before:
        return Change(path=path, state="same")
    state: State = "add" if (found.root / path).exists() else "write"
    return Change(path=path, state=state, content=text.encode(), diff=_diff(path, before.encode(), text.encode()))


def _diff(path: str, before: bytes, after: bytes) -> tuple[str, ...]:
    old, new = (one.decode("utf-8", "replace").splitlines() for one in (before, after))
    found = list(difflib.unified_diff(old, new, f"{path} as it is", f"{path} as init writes it", lineterm=""))
    more = [f"… and {len(found) - _DIFF} lines more"] if len(found) > _DIFF else []
    return (*found[:_DIFF], *more)


def _write(found: FoundProject, change: Change) -> None:
    if change.state in {"same", "differs"}:
        return
    file = found.root / change.path
    if linked := files.link_below(found.root, file):
        raise Refused(
            f"got the link {show(str(linked.relative_to(found.root)))}, expected a place in this checkout to write to",
            hint="Put a folder or a file in its place, then run the same command again.",
            slug="init-through-link",
        )
    if change.state == "replace" and change.path in found.changed:
        raise Refused(
            f"got changes in {change.path} that are in no commit, expected none: replacing it would lose them",
            hint="Commit them, then run the same command again.",
            slug="init-would-lose",
        )
    files.write_atomically(file, change.content)


def _guide(found: FoundProject, options: Options) -> Iterator[Change]:
    """Write the guide where the documentation lies, unless there is one; it speaks of what was just written."""
    if found.guide is None:
        return
    if (found.root / found.guide).exists():
        yield Change(path=found.guide, state="same")
        return
    content = guide.page(found.root, None, PurePosixPath(found.guide).suffix).encode() if options.write else b""
    change = Change(path=found.guide, state="write", content=content)
    if options.write:
        _write(found, change)
    yield change


def _left_to_person(changes: list[Change]) -> Iterator[str]:
    """Say what is left to a person."""
    for change in changes:
        if change.state == "differs" and change.path == "pyproject.toml":
            yield f"{change.path} is kept: add {', '.join(change.diff)} to the table of Tagseal yourself"
        elif change.state == "differs":
            yield f"{change.path} is kept; with --replace-workflow it becomes what is shown"
