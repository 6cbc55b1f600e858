"""TOML files, read with errors that say where."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from tagseal.errors import ConfigError
from tagseal.services import files

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 20
"""Bytes; the largest that are written by hand have a hundred thousand."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's content, or an empty table where there is no such file.

    Raises:
        ConfigError: It is not UTF-8 or not TOML.
        Refused: It is no regular file.
        UsageError: It is longer than any.
    """
    try:
        return tomllib.loads(files.read(path, _LARGEST, follow=True).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(
            f"got a {path.name} that does not parse, expected TOML in UTF-8",
            context=(f"{path.name}: {error}",),
            hint=f"Correct {path.name} at that place.",
            slug="invalid-toml",
        ) from error
