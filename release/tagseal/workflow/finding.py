"""What is found in a file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    slug: str
    """Stable name, lower case with hyphens."""
    level: Level
    file: str
    """Path in the repository."""
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    what: str
    """One sentence without a full stop."""
    hint: str
    """What to write instead."""

    @property
    def place(self) -> str:
        """File, line and column, as editors read them."""
        return f"{self.file}:{self.line}:{self.column}"
