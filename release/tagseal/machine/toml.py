"""TOML files, read with errors that say where."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from tagseal.errors import ConfigError
from tagseal.machine import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST = 1 << 20
"""Bytes; the largest that are written by hand have a hundred thousand."""
_DEEPEST = 100
_BEYOND = 1 << 63
"""The first number that the format does not have."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's content, or an empty table where there is no such file.

    Raises:
        ConfigError: It is not UTF-8 or not TOML.
        Refused: It is no regular file.
        UsageError: It is longer than any.
    """
    try:
        document = tomllib.loads(files.read(path, _LARGEST, follow=True).decode("utf-8"))
        _hold_depth(document)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, RecursionError) as error:  # the parser lets those of its numbers, and of deep values, through
        raise ConfigError(
            f"got a {path.name} that does not parse, expected TOML in UTF-8",
            context=(f"{path.name}: {error}",),
            hint=f"Correct {path.name} at that place.",
            slug="invalid-toml",
        ) from error
    return document


def table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a table of a document; an empty one where it has none, or something else of that name."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _hold_depth(document: dict[str, Any]) -> None:
    """Hold a document to what its readers can take: dotted keys make levels without brackets.

    Raises:
        ValueError: It has more levels than anybody writes, or a number beyond the format's 64 bits.
    """
    left: list[tuple[object, int]] = [(document, 1)]
    while left:
        value, level = left.pop()
        if level > _DEEPEST:
            raise ValueError(f"got more than {_DEEPEST} levels, expected fewer")
        if isinstance(value, int) and not -_BEYOND <= value < _BEYOND:
            raise ValueError("got a number of more than 64 bits, expected a smaller one")
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        left.extend((item, level + 1) for item in below)
