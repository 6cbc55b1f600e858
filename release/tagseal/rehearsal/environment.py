"""What a process of a rehearsal may see: lists of what gets in, never of what is kept out."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.machine.backend import LOCALE, network_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_ACTIONS")
"""The last: a runner reads commands in what is printed."""
_MACHINE = ("PATH", "LD_LIBRARY_PATH", *LOCALE, "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE")


def reexec_in(environ: Mapping[str, str]) -> None:
    """Start this command again in this environment, unless it runs in it: a child can read its parent's.

    Files that were handed down open are closed, but for the three streams.
    """
    if environ == dict(os.environ):
        return
    sys.stdout.flush()
    for descriptor in Path("/dev/fd").iterdir():
        if int(descriptor.name) > 2:  # noqa: PLR2004 - the three streams
            with suppress(OSError):  # the one that lists them is gone
                os.set_inheritable(int(descriptor.name), False)  # noqa: FBT003 - takes no keywords
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the program is loaded again: see __main__
    os.execve(sys.executable, [sys.executable, "-P", "-m", "tagseal", *sys.argv[1:]], dict(environ))  # noqa: S606


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the rehearsal's own process may see: the machine, the terminal, and the way to the index.

    HOME stays, as a name: the index's settings are found through it. Children get a temporary one.
    """
    return {**terminal(environ), **_allowed(environ, ("HOME",)), **network_settings(environ)}


def terminal(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a command on the person's terminal may see: the machine, and how the terminal is."""
    return _allowed(environ, (*_MACHINE, *_TERMINAL))


def machine(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every child may see: the machine, and nothing of the person."""
    return _allowed(environ, _MACHINE)


def private_home(folder: Path) -> dict[str, str]:
    """Make an empty home in ``folder``, and return the variables that lead every tool there and to no keyring."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_RUNTIME_DIR": str(home),
        "NETRC": str(home / ".netrc"),
        "DOCKER_CONFIG": str(home / ".docker"),
        "GNUPGHOME": str(home / ".gnupg"),
        "GH_CONFIG_DIR": str(home / ".config" / "gh"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def path(shims: Path, environ: Mapping[str, str]) -> str:
    """Return PATH with the shims first, then the programs installed beside this tool, then the person's."""
    return os.pathsep.join([str(shims), str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])


def _allowed(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in names}
