"""The templates of all that is written: the packaged ones, or a project's own of the same name.

A project's own are the files that git tracks in a folder of their own: nothing that a job leaves beside them, such as
the credentials of a checkout, can be named. They run sandboxed, and in a child that time and memory end, for the jobs
that fill them hold a token.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    FunctionLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tagseal.errors import ConfigError
from tagseal.machine.files import is_own, open_file
from tagseal.names import enclose, quote_word, show
from tagseal.notes.child import ChildAnswer, ask

if TYPE_CHECKING:
    from tagseal.machine.git import Git

Templates = Mapping[str, str]
"""A project's own templates: each one's text by its name, such as ``verify/meaning.md.j2``."""

_ENDING = ".j2"
_LARGEST = 1024 * 1024
"""Bytes of a template."""


def packaged_folder() -> Path:
    """Return the folder of the packaged templates: inside the wheel, or at the top of the checkout."""
    package = Path(__file__).parents[1]
    return inside if (inside := package / "templates").is_dir() else package.parents[1] / "templates"


def read(git: Git, setting: str | None) -> Templates | None:
    """Return a project's own templates, or None where it has none.

    Raises:
        ConfigError: The folder is absent, or has a template that is a link, not tracked, too long or not UTF-8.
    """
    if setting is None:
        return None
    folder = PurePosixPath(setting)
    if not (git.root / folder).is_dir():
        raise ConfigError(
            f"templates: got {show(setting)}, expected a folder of the project",
            hint="Create it, or remove `templates` from [tool.tagseal].",
            slug="templates-not-found",
        )
    tracked = [PurePosixPath(path) for path in git.tracked_files() if path.endswith(_ENDING)]
    paths = [path for path in tracked if path.is_relative_to(folder)]
    if link := next((path for path in paths if not is_own(git.root, git.root / path)), None):
        raise ConfigError(
            f"templates: got {show(str(link))} through a link, or no file there, expected a regular file: a link may "
            "lead out of the project",
            hint="Put a copy in its place.",
            slug="templates-link",
        )
    there = {PurePosixPath(path.relative_to(git.root)) for path in (git.root / folder).rglob(f"*{_ENDING}")}
    if untracked := sorted(there - {*paths}):
        raise ConfigError(
            f"templates: got {show(str(untracked[0]))}, which git does not track, expected tracked templates only",
            hint=f"git add {quote_word(str(folder))}, or move it elsewhere.",
            slug="templates-untracked",
        )
    return {str(path.relative_to(folder)): _read(git.root / path) for path in paths}


def fill(name: str, values: Mapping[str, Any], own: Templates | None) -> str:
    """Return one template with these values in it, which are data, never a template.

    Raises:
        ConfigError: The template is absent or wrong; the error names its file and line.
    """
    answer = _fill(None, name, values) if own is None else _fill_in_child(pickle.dumps((dict(own), name, dict(values))))
    if answer.problem:
        raise ConfigError(
            f"{answer.place or name}: {show(answer.problem, 300)}",
            hint="Correct the template; `tagseal notes`, or `tagseal guide`, renders it.",
            slug="template-error",
        )
    return answer.text


def work(request: tuple[Templates, str, Mapping[str, Any]]) -> ChildAnswer:
    """Fill a template of a project's own, or a packaged one that may include such; in a child."""
    return _fill(*request)


@cache
def _fill_in_child(request: bytes) -> ChildAnswer:
    """Ask a child, once for the same values: a job renders its page several times."""
    return ask(__name__, pickle.loads(request))  # noqa: S301 - written above


def _read(path: Path) -> str:
    with open_file(path) as file:
        content = file.read(_LARGEST + 1)
    try:
        if len(content) > _LARGEST:
            raise ValueError  # noqa: TRY301 - one error for what is no template
        return content.decode("utf-8")
    except ValueError as error:
        raise ConfigError(
            f"templates: got {show(path.name)}, which is not UTF-8 or has more than {_LARGEST:,} bytes",
            hint="Save it as UTF-8, or split it.",
            slug="templates-unreadable",
        ) from error


def _fill(own: Templates | None, name: str, values: Mapping[str, Any]) -> ChildAnswer:
    environment = _packaged_environment() if own is None else _environment(own)
    try:
        return ChildAnswer(text=environment.get_template(name).render(values))
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        return ChildAnswer(problem=str(error) or type(error).__name__, place=_place(error))


@cache
def _packaged_environment() -> ImmutableSandboxedEnvironment:
    """Return what compiles each packaged template once."""
    return _environment({})


def _environment(own: Templates) -> ImmutableSandboxedEnvironment:
    found = FunctionLoader(lambda name: (own[name], name, None) if name in own else None)
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([found, FileSystemLoader(packaged_folder())]),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown: page.check holds what becomes of it
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": quote_word, "enclosed": enclose}
    return environment


def _place(error: Exception) -> str:
    """Return ``file:line`` of the template that failed; Jinja puts template lines into tracebacks."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name}:{error.lineno}"
    if isinstance(error, TemplateNotFound):
        return f"{error.name}:0"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.endswith(_ENDING)]
    return f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else ""
