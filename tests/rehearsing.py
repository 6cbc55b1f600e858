"""``tagseal rehearse`` as a person runs it: a child process, its words, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = (sys.executable, "-P", "-m", "tagseal")
CHANGELOG = "# Changelog\n\n## 1.2.3\n\n- A widget that turns.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    output: str
    errors: str
    out: Path
    """The folder that was named with ``--out``."""

    @property
    def slug(self) -> str:
        """The anchor of the error that was told, empty for none."""
        found = re.search(r"ERRORS\.md#([a-z-]+) \(exit ([0-9]+)\)", self.output + self.errors)
        assert found is None or int(found[2]) == self.code, "the error names another exit code"
        return found[1] if found else ""

    @property
    def document(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        found: dict[str, Any] = json.loads(self.output)
        return found

    @property
    def release(self) -> dict[str, Any]:
        """The played release, as it was left."""
        found: dict[str, Any] = json.loads((self.out / "release.json").read_text(encoding="utf-8"))
        return found

    @property
    def published(self) -> bool:
        """Whether the played release became public."""
        return (self.out / "release.json").exists() and not self.release["draft"]


def rehearse(
    path: Path | str,
    *options: str,
    out: Path,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Ended:
    """Rehearse the project there; ``environ`` adds to the environment."""
    return command("rehearse", str(path), "--out", str(out), *options, out=out, cwd=cwd, environ=environ)


def command(*arguments: str, out: Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> Ended:
    """Run one command of the tool to its end."""
    finished = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd or out.parent,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return Ended(code=finished.returncode, output=finished.stdout, errors=finished.stderr, out=out)
