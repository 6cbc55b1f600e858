"""How a runner on Linux starts shell lines. Source: "Workflow syntax for GitHub Actions", ``steps[*].shell``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHELLS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "": (("bash", "-e"), ".sh"),
    "bash": (("bash", "--noprofile", "--norc", "-e", "-o", "pipefail"), ".sh"),
    "sh": (("sh", "-e"), ".sh"),
    "python": (("python",), ".py"),
}
"""By name: how it is called, with the script behind, and the script's suffix."""


def argv(shell: str, lines: str, script: Path) -> list[str]:
    """Write the lines into a script, and return what runs it."""
    call, suffix = SHELLS[shell]
    file = script.with_suffix(suffix)
    file.write_text(lines + "\n", encoding="utf-8")
    return [*call, str(file)]
