"""``tagseal loopback -- COMMAND``: any command, where production names lead to this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.loopback import Loopback
from tagseal.rehearsal import environment, tools
from tagseal.rehearsal.faulty import named

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = "octo/widget"


def run_command(command: tuple[str, ...], *, out: Path, faults: tuple[str, ...], tell: Callable[[str], None]) -> int:
    """Run the command on this terminal, and return its exit code.

    It finds a repository to play with, a token for it, and shims for the verification tools; nothing of the
    person's environment but the machine and the terminal.
    """
    with tempfile.TemporaryDirectory(prefix="tagseal-loopback-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        with Loopback(folder=folder / "loopback", faults=named(faults)) as loopback:
            loopback.github.add_repository(REPOSITORY)
            token = loopback.github.token(actor="octocat", scopes={"contents": "write"}, repository=REPOSITORY)
            environ = {
                **environment.cleaned(os.environ),
                **environment.private_home(folder),
                **loopback.environment(),
                "GH_TOKEN": token,
                "GH_REPO": REPOSITORY,
                "GH_PROMPT_DISABLED": "1",
                "GH_NO_UPDATE_NOTIFIER": "1",
            }
            shims = folder / "shims"
            tools.install(shims, loopback=loopback.folder, environ=environ, probe=environ)
            environ["PATH"] = environment.path(shims, environ)
            code = _foreground(command, environ)
            out.mkdir(parents=True, exist_ok=True)
            shutil.copy2(loopback.folder / "transcript.jsonl", out / "transcript.jsonl")
    tell(f"transcript: {out / 'transcript.jsonl'}")
    return code


def _foreground(command: tuple[str, ...], environ: dict[str, str]) -> int:
    """Run it in this terminal's own process group, so that Ctrl-C reaches it as it would without us."""
    try:
        return subprocess.run(command, env=environ, check=False).returncode
    except (FileNotFoundError, PermissionError) as error:
        raise UsageError(
            f"got no program {command[0]}, expected it on PATH",
            hint=f"Install {command[0]}, or correct the command behind `--`.",
            slug="missing-command",
        ) from error
