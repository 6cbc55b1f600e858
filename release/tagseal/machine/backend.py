"""Build back ends: a project's own code, run in a child that sees little.

The child's environment is an allow-list: what a build needs, the person's own settings for reaching a package index,
and what the configuration names. Its HOME is an empty folder. This stops accidents, not attackers: a child can read
its parent's memory, so the job that builds has no permission worth stealing (design, "The job is the boundary").
"""

from __future__ import annotations

import json
import os
import site
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.machine import process
from tagseal.machine.metadata import valid_name, valid_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BUILD_NETWORK = "TAGSEAL_BUILD_NETWORK"
"""Inside the loopback: the person's own network settings, as a JSON object."""
OUT = "{out}"
"""In a configured front end's argv: the folder that takes the packages."""

LOCALE = (
    *("LANG", "LANGUAGE", "LC_ALL", "LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION", "LC_MEASUREMENT"),
    *("LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE", "LC_TIME"),
)
"""locale(7), by name: ssh lets every ``LC_*`` through, so people send tokens under such names."""

_USUAL = ("PATH", "LD_LIBRARY_PATH", *LOCALE, "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")
"""The second: where actions/setup-python unpacks to another folder than usual, its Python finds its library by it."""
_NETWORK = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST", "PIP_PROXY"),
    *("PIP_CERT", "PIP_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_CONSTRAINT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
    "PIP_DISABLE_PIP_VERSION_CHECK",
    *("UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_INSECURE_HOST", "UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "UV_CONSTRAINT"),
    *process.WAY_OUT,
    "RUSTUP_HOME",
)
_NOT_EXTRA = (*_NETWORK, "ACTIONS_*", "GITHUB_*", "GH_*", "TAGSEAL_*")
"""What no pattern of the configuration lets in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the back end computed."""

    name: str
    version: str


def child_environ(
    environ: Mapping[str, str], extra: Sequence[str] = (), *, home: Path, loopback: bool = False
) -> dict[str, str]:
    """Return the environment of a child that runs project code, and make its empty home.

    Args:
        environ: This process's environment.
        extra: Patterns of further names, from the configuration.
        home: The folder to be HOME.
        loopback: Whether the network settings of ``environ`` lead to the door: then the person's own take their
            place, from ``TAGSEAL_BUILD_NETWORK``.
    """
    home.mkdir(parents=True, exist_ok=True)
    network = json.loads(environ.get(BUILD_NETWORK, "{}")) if loopback else network_settings(environ)
    return {
        **{name: value for name, value in environ.items() if _fits(name, _USUAL)},
        **{name: value for name, value in network.items() if name in _NETWORK},
        **{name: value for name, value in environ.items() if _fits(name, extra) and not _fits(name, _NOT_EXTRA)},
        "HOME": str(home),
        # This interpreter's user site would move with HOME, and the front end may be installed there.
        "PYTHONUSERBASE": site.getuserbase(),
    }


def network_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return how this person reaches a package index: variables, and the per-user files that HOME leads to."""
    found = {name: environ[name] for name in _NETWORK if environ.get(name)}
    return {**_of_home(environ), **found}


def metadata(folder: Path, environ: Mapping[str, str]) -> Metadata:
    """Ask the back end of the project in this folder for name and version, in a child.

    Raises:
        UsageError: The back end failed, or gave no valid name or version.
    """
    argv = [sys.executable, "-P", "-m", "build", "--metadata", str(folder)]
    finished = process.run(argv, cwd=folder.parent, environ=environ)
    if finished.code != 0:
        raise _failure("the project's metadata", finished, finished.output + finished.errors, None)
    fields = json.loads(finished.output[finished.output.index("{") :])
    return Metadata(name=valid_name(fields["name"]), version=str(valid_version(fields["version"])))


def build_packages(argv: Sequence[str], folder: Path, out: Path, environ: Mapping[str, str], log: Path) -> None:
    """Build wheel and sdist of the project in this folder into ``out``, in a child.

    Args:
        argv: Another front end than ``python -m build``; it writes to ``{out}``, or to ``dist`` in the project's or
            the checkout's folder.
        folder: The project, in a copy that the build may change.
        out: An empty folder.
        environ: See :func:`child_environ`.
        log: File for everything that is written.

    Raises:
        UsageError: The build failed, or there is no such front end.
    """
    if not argv:
        command = [sys.executable, "-P", "-m", "build", "--outdir", str(out), str(folder)]
        _run(command, out.parent, environ, log)
        return
    before = frozenset(_packages(folder))
    _run([word.replace(OUT, str(out)) for word in argv], folder, environ, log)
    (out / ".gitignore").unlink(missing_ok=True)  # uv's
    for path in frozenset(_packages(folder)) - before:
        path.rename(out / path.name)


def _run(argv: Sequence[str], cwd: Path, environ: Mapping[str, str], log: Path) -> None:
    finished = process.run(argv, cwd=cwd, environ=environ, log=log)
    if finished.code != 0:
        raise _failure("the packages", finished, finished.output, log)


def _failure(what: str, finished: process.Finished, text: str, log: Path | None) -> UsageError:
    return UsageError(
        f"got exit code {finished.code} from the build of {what}, expected 0",
        context=(*process.tail(text), *((f"whole log: {log}",) if log else ())),
        hint="`python -m build` in a fresh clone should fail alike. A variable that the build needs is named in "
        "build-env of [tool.tagseal].",
        slug="build-failed",
    )


def _packages(folder: Path) -> Iterable[Path]:
    """Yield what front ends leave in ``dist``: the project's, or (uv with a workspace) the checkout's."""
    top = next((place for place in folder.parents if (place / ".git").exists()), folder)
    found = {path for place in (folder, top) for path in (place / "dist").glob("*")}
    return (path for path in found if path.name.endswith((".whl", ".tar.gz")))


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _of_home(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a temporary HOME would hide: files and caches where their tools look by default."""
    home = Path(environ.get("HOME") or os.devnull)
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    mac = sys.platform == "darwin"
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    places = {
        "PIP_CONFIG_FILE": (config / "pip/pip.conf", home / ".pip/pip.conf"),
        "PIP_CACHE_DIR": (home / "Library/Caches/pip" if mac else cache / "pip",),
        "UV_CONFIG_FILE": (config / "uv/uv.toml",),
        "UV_CACHE_DIR": (cache / "uv",),
        "RUSTUP_HOME": (home / ".rustup",),
    }
    existing = {name: next((path for path in paths if path.exists()), None) for name, paths in places.items()}
    return {name: str(path) for name, path in existing.items() if path is not None}
