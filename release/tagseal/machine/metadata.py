"""What a project says about itself, read without running any of its code."""

from __future__ import annotations

import ast
import configparser
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidName, canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from tagseal.errors import TagsealError, UsageError
from tagseal.machine.files import read
from tagseal.machine.toml import read_toml, table
from tagseal.names import quote_word, show
from tagseal.tags import parse_version

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.version import Version

_LEGACY = ("setup.py", "setup.cfg")
_SETUPTOOLS = "setuptools.build_meta:__legacy__"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredProject:
    """Name and version as they stand in the project's files; None where only the back end knows."""

    name: str | None
    version: str | None
    backend: str
    """The build back end's import name, PEP 517."""

    @property
    def dynamic(self) -> bool:
        """Whether the back end must be asked."""
        return self.name is None or self.version is None


def read_declared(folder: Path) -> DeclaredProject:
    """Read what the project in this folder declares (the ``[project]`` table of PEP 621).

    A name is also taken from where projects state it that have no such table: ``[tool.poetry]``, ``setup.cfg``, or a
    literal or constant in ``setup.py``.

    Raises:
        UsageError: There is no project here, or its name or version is no valid one.
        ConfigError: pyproject.toml does not parse.
    """
    file = folder / "pyproject.toml"
    document = read_toml(file)
    project, system = (table(document, name) for name in ("project", "build-system"))
    poetry = table(table(document, "tool"), "poetry")
    if not (project or system or poetry or any((folder / name).is_file() for name in _LEGACY)):
        without = "a project in its pyproject.toml" if document else "a pyproject.toml"
        below = _projects_below(folder)
        raise UsageError(
            f"got the folder {folder} without {without}, expected a Python project",
            context=tuple(f"a project lies in {show(name)}" for name in below),
            hint=f'Name its folder: project = "{below[0] if below else "FOLDER"}" in tagseal.toml at the root. '
            f"To try it: `tagseal rehearse --project {quote_word(below[0]) if below else 'FOLDER'}`.",
            slug="no-project",
        )
    name, version = (_text(project, key) for key in ("name", "version"))
    if not project:
        name = _text(poetry, "name") or _from_cfg(folder) or _from_setup(folder)
    return DeclaredProject(
        name=None if name is None else valid_name(name),
        version=None if version is None else str(valid_version(version)),
        backend=_text(system, "build-backend") or _SETUPTOOLS,
    )


def _projects_below(folder: Path) -> tuple[str, ...]:
    """Return the folders of projects at most three levels below; no more than ten of them."""
    found = (path for levels in range(1, 4) for path in sorted(folder.glob("*/" * levels + "pyproject.toml")))
    named = (path.parent.relative_to(folder).as_posix() for path in found if path.is_file())
    return tuple(islice((name for name in named if not name.startswith(".")), 10))


def stated_name(found: DeclaredProject) -> str:
    """Return the project's name, which no build back end may decide.

    What a build job says of its files is held against the name, and the job that signs runs no back end to ask.

    Raises:
        UsageError: The project's files do not state it.
    """
    if found.name is not None:
        return found.name
    raise UsageError(
        "got a project whose name only its build back end knows, expected it in a file that can be read",
        hint='Write name = "…" into [project] of pyproject.toml, or into [metadata] of setup.cfg.',
        slug="project-name-not-stated",
    )


def valid_version(text: str) -> Version:
    """Return the version, normalised.

    Raises:
        UsageError: PEP 440 does not allow it.
    """
    if (version := parse_version(text)) is not None:
        return version
    raise UsageError(
        f"got the version {show(text)}, expected one that PEP 440 allows",
        hint="Change it where the project states it, for example to 1.2.3, 1.3.0rc1 or 1.3.0.dev1.",
        slug="invalid-version",
    )


def valid_name(name: str) -> str:
    """Return the name as it stands.

    Raises:
        UsageError: It is none for a distribution (PEP 508).
    """
    try:
        canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise UsageError(
            f"got the project name {show(name)}, expected ASCII letters and digits with . _ - between them",
            hint="Correct `name` in [project].",
            slug="invalid-project-name",
        ) from error
    return name


def parse_filename(name: str) -> tuple[str, Version]:
    """Return project, normalised, and version that the file name of a wheel or an sdist tells (PEP 427, PEP 625).

    Raises:
        ValueError: It is none of either.
    """
    return parse_wheel_filename(name)[:2] if name.endswith(".whl") else parse_sdist_filename(name)


def _from_cfg(folder: Path) -> str | None:
    """Return the name in ``[metadata]`` of setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_source(folder / "setup.cfg"))
    except configparser.Error:
        return None
    return parser.get("metadata", "name", fallback="").strip() or None


def _from_setup(folder: Path) -> str | None:
    """Return the name that setup.py gives its one call of ``setup()``: a literal, or a constant's."""
    try:
        tree = ast.parse(_source(folder / "setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = [
        word.value
        for call in calls
        if _function_name(call.func) == "setup"
        for word in call.keywords
        if word.arg == "name"
    ]
    return _literal(names[0], tree) if len(names) == 1 else None


def _literal(value: ast.expr, tree: ast.Module) -> str | None:
    """Return the text that an expression is, or is another word for: a name that the module binds once, to a text."""
    if isinstance(value, ast.Name):
        bound = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == value.id]
        stored = [node for node in bound if not isinstance(node.ctx, ast.Load)]
        texts = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets == stored]
        value = texts[0] if texts else value
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _function_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _source(path: Path) -> str:
    """Return a file's text, or nothing where there is none that can be read."""
    try:
        return read(path).decode()
    except (OSError, UnicodeDecodeError, TagsealError):
        return ""


def _text(keys: dict[str, Any], key: str) -> str | None:
    value = keys.get(key)
    return value if isinstance(value, str) else None


def stem(name: str, version: str) -> str:
    """Return what the file name of every package begins with."""
    return f"{canonicalize_name(name).replace('-', '_')}-{version}"
