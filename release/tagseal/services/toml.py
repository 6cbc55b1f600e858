"""TOML files, read with errors that say where."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from tagseal.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's content, or an empty table where there is no such file.

    Raises:
        ConfigError: It is not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"got a {path.name} that does not parse, expected TOML in UTF-8",
            context=(f"{path.name}: {error}",),
            hint=f"Correct {path.name} at that place.",
            slug="invalid-toml",
        ) from error
