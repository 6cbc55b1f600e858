"""``[tool.tagseal]`` in pyproject.toml, or tagseal.toml: read once, at the border, into frozen settings.

A key that is unknown, of the wrong type or without sense is a problem; all problems are reported together, each
with its key path. ``None`` and an empty tuple mean that the key was not set and detection decides.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, dataclass_transform

from tagseal.config import checks
from tagseal.config.checks import as_written
from tagseal.errors import ConfigError
from tagseal.machine.toml import read_toml
from tagseal.names import number_of, printable, show
from tagseal.records.parts import KNOWN_INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

T = TypeVar("T")

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Names of one registry that every tool spells otherwise."""
FILES = ("pyproject.toml", "tagseal.toml")
"""Where the settings are read from."""


def _key(name: str) -> str:
    return name.replace("_", "-")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _table(cls: type[T]) -> type[T]:
    cls.__pydantic_config__ = {"extra": "forbid", "strict": True, "alias_generator": _key}  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)


@_table
class SigstoreSettings:
    """A private Sigstore instance."""

    trust_config: Annotated[str, checks.INSIDE]
    """Path of the client trust configuration, tracked at the tag."""
    audience: Annotated[str, checks.AUDIENCE]
    """Of the identity token; never the public instance's."""


@_table
class ImageSettings:
    """A container image that is released with the packages."""

    name: Annotated[str, checks.IMAGE_NAME]
    """Registry, slash, repository."""
    build: tuple[Annotated[str, checks.WORD], ...] = ()
    """Command that writes ``{archive}``."""
    archive: Annotated[str, checks.INSIDE] | None = None
    """OCI archive or layout that exists; nothing is built then."""
    tags: tuple[Annotated[str, checks.IMAGE_TAGS], ...] = ("{tag}",)
    """Those with ``{tag}`` or ``{version}`` belong to one version, the others move with the latest one."""
    signatures: tuple[Literal["simplesigning", "bundle"], ...] = ("simplesigning",)


@_table
class PublisherSettings:
    """The trusted publisher, as it is registered at the index."""

    workflow: Annotated[str, checks.WORKFLOW_FILE]
    environment: Annotated[str, checks.WORD] | None = None


@_table
class IndexSettings:
    """The package index to publish to."""

    name: Annotated[str, checks.INDEX_NAME]
    """``pypi``, ``testpypi``, or a name that twine knows: a section of ``.pypirc``."""
    url: Annotated[str, checks.INDEX_URL] | None = None
    """Root of another index's simple API."""
    publish_url: Annotated[str, checks.PUBLISH_URL] | None = None
    """Where another index takes files; by default what ``.pypirc`` says of its name."""
    publisher: PublisherSettings | None = None


@_table
class Settings:
    """What the project says about its releases; every key has a default."""

    repository: Annotated[str, checks.OWNER_AND_REPOSITORY] | None = None
    """OWNER/REPO."""
    project: Annotated[str, checks.INSIDE] = "."
    """The folder to build, relative to the root."""
    tag: Annotated[str, checks.WITH_VERSION] | None = None
    """Contains ``{version}`` once."""
    workflow: Annotated[str, checks.WORKFLOW_FILE] | None = None
    """File name in ``.github/workflows/``."""
    changelog: Annotated[str, checks.INSIDE] | None = None
    packages: tuple[Annotated[str, checks.INSIDE], ...] = ()
    """Patterns of packages that earlier jobs built."""
    build: tuple[Annotated[str, checks.WORD], ...] = ()
    """Another front end's argv."""
    build_env: tuple[Annotated[str, checks.WORD], ...] = ()
    """Patterns of variables that the build child may see besides the usual."""
    assets: tuple[Annotated[str, checks.INSIDE], ...] = ()
    """Patterns of further files to attach."""
    templates: Annotated[str, checks.OWN_FOLDER] | None = None
    reproducible: Literal["report", "require", "off"] | None = None
    smoke: tuple[Annotated[str, checks.WORD], ...] | Literal["off"] = ()
    """The command that a rehearsal runs where the wheel is installed, instead of importing it."""
    release: Literal["create", "adopt"] = "create"
    public_log: bool = False
    """Consent to name a private repository in the public log."""
    wait: Annotated[int, checks.SECONDS] = 600
    """Seconds of patience with a failing service."""
    kit: bool = False
    """Attach the offline kit."""
    dropped: tuple[Annotated[str, checks.WORD], ...] = ()
    """Patterns of wheels that the previous release had and this one may lack."""
    sigstore: SigstoreSettings | None = None
    image: ImageSettings | None = None
    index: IndexSettings | None = None


_TABLES: Mapping[str, type] = {
    "": Settings,
    "sigstore": SigstoreSettings,
    "image": ImageSettings,
    "index": IndexSettings,
    "index.publisher": PublisherSettings,
}


def load(root: Path) -> Settings:
    """Read the settings of the project whose repository is at ``root``.

    Raises:
        ConfigError: The file is not TOML, or says something that is unknown or makes no sense.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - 0.1 s that `--help` need not wait for

    where, table = _find(root)
    problems = [f"{where}{path}: got {value}, expected no date or time" for path, value in _moments(table)]
    try:
        settings = TypeAdapter(Settings).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        problems[:0] = [f"{where}{_problem(details)}" for details in error.errors(include_url=False)]
    else:
        problems += [f"{where}{problem}" for problem in _contradictions(settings)]
    if problems:
        raise ConfigError(
            f"got {number_of(len(problems), 'problem')} in the configuration, expected none",
            context=tuple(printable(problem) for problem in problems),
            hint="Correct these keys; the README lists every key with its default.",
            slug="invalid-configuration",
        )
    return settings


def not_yet(settings: Settings) -> None:
    """Refuse the keys that are understood and not built yet, so that none is silently ignored.

    Raises:
        ConfigError: One of them is set.
    """
    host = settings.image.name.partition("/")[0] if settings.image else ""
    asked = {
        "sigstore": settings.sigstore is not None,
        "image at Docker Hub": host in _DOCKER_HUB,
        "image at a registry with a port": ":" in host,
    }
    if keys := tuple(key for key, is_set in asked.items() if is_set):
        raise ConfigError(
            f"got {', '.join(keys)} in the configuration, expected only what this version can do",
            hint="Remove it: a later version will honour it.",
            slug="not-built-yet",
        )


def _moments(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, date | time]]:
    """Find what TOML reads as a date or a time: no key is one, and as JSON it would pass for a text."""
    for key, value in table.items():
        if isinstance(value, date | time):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict | list):
            parts = value if isinstance(value, dict) else {str(number): part for number, part in enumerate(value)}
            yield from _moments(parts, f"{prefix}{key}.")


def _find(root: Path) -> tuple[str, dict[str, Any]]:
    """Return what precedes each key path in messages, and the one table of ours."""
    shared, own = (read_toml(root / name) for name in FILES)
    inside = _ours(shared)
    if inside is not None and own:
        raise ConfigError(
            "got [tool.tagseal] in pyproject.toml and a tagseal.toml, expected one of them",
            hint="Move the keys of tagseal.toml to [tool.tagseal] in pyproject.toml and delete the file.",
            slug="two-configurations",
        )
    if inside is not None:
        return "pyproject.toml: tool.tagseal.", inside
    nested = _ours(own) if set(own) == {"tool"} else None
    return ("tagseal.toml: ", own) if nested is None else ("tagseal.toml: tool.tagseal.", nested)


def _ours(document: dict[str, Any]) -> dict[str, Any] | None:
    tool = document.get("tool")
    table = tool.get("tagseal") if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return table
    raise ConfigError(
        "got tool.tagseal that is no table, expected [tool.tagseal]",
        hint="Write [tool.tagseal] on a line of its own and the keys below it.",
        slug="configuration-not-a-table",
    )


_EXPECTED = {
    "missing": "it is missing",
    "string_type": "expected a string",
    "tuple_type": "expected a list of strings",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "dataclass_type": "expected a table",
    "dataclass_exact_type": "expected a table",
}


def _problem(details: ErrorDetails) -> str:
    """Return one line for one finding of the validator."""
    *parents, last = map(str, details["loc"])
    path = ".".join([*parents, last])
    if details["type"] == "unexpected_keyword_argument":
        return f"{path}: unknown key{_did_you_mean(last, _TABLES['.'.join(parents)])}"
    got = details["input"]
    if details["type"] == "literal_error":
        return f"{path}: got {show(str(got))}, expected {details['ctx']['expected']}"
    expected = _EXPECTED.get(details["type"], details["msg"])
    return f"{path}: {expected}" if details["type"] == "missing" else f"{path}: got {as_written(got)}, {expected}"


def _did_you_mean(word: str, table: type) -> str:
    known = [_key(field.name) for field in dataclasses.fields(table)]
    near = difflib.get_close_matches(word.lower().replace("_", "-"), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _contradictions(settings: Settings) -> Iterator[str]:
    """Find keys of the right form that do not go together."""
    image = settings.image
    if image and image.build and image.archive:
        yield "image: got build and archive, expected one of them"
    if image and image.build and not any("{archive}" in word for word in image.build):
        yield "image.build: got no {archive} in it, expected it where the command names its output"
    index = settings.index
    if index and index.name in KNOWN_INDEXES and (index.url or index.publish_url):
        yield f"index: got an address for {index.name}, expected none: it is known"
    if index and index.name not in KNOWN_INDEXES and not index.url:
        near = difflib.get_close_matches(index.name.lower(), sorted(KNOWN_INDEXES), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield f"index.url: it is missing, expected the simple API of {show(index.name)}{meant}"
    if index and index.name not in KNOWN_INDEXES and index.publisher:
        yield f"index.publisher: got one for {show(index.name)}, expected it for {' or '.join(sorted(KNOWN_INDEXES))}"
