"""The verification tools of a rehearsal: the person's own where they work here, a stand-in where not.

A folder of shims goes first on PATH. The shims of ``sigstore`` and ``cosign`` add the one flag that names the
loopback's trust, or, for images and cosign 2, three variables, and run the real tool; that of ``pypi-attestations``
puts it where the tool keeps what it trusts. Where a real tool is missing, or
does not trust the door, the shim runs a stand-in, and every report says so.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagseal.loopback.sigstore.trust import KEYS
from tagseal.loopback.sigstore.tuf import TUF
from tagseal.machine import process
from tagseal.machine.threads import gather
from tagseal.names import quote_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STAND_IN = "stand-in"
_COSIGN_OLDEST, _COSIGN_MAJOR = 2, 3
"""The first version that is used, and the first that reads a trusted root for images as well."""
_PROBE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program that the notes name, as it is played."""

    name: str
    by: str
    """``gh 2.23.0``, or ``stand-in``."""

    @property
    def real(self) -> bool:
        """Whether the person's own program runs."""
        return self.by != STAND_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A tool as it was found on PATH."""

    path: str = ""
    """Where it lies; empty where it is missing."""
    by: str = STAND_IN
    """What :class:`Tool` says, ``stand-in`` also for a program that does not work here."""


def find(environ: Mapping[str, str], probe: Mapping[str, str], *, image: bool = False) -> Mapping[str, Program]:
    """Find the tools on PATH, and let each say its version and, where it reads the network, ask the door.

    Args:
        environ: The rehearsal's own environment.
        probe: What a child needs to reach the door: a token and a repository for ``gh`` included.
        image: Whether the notes speak of an image, which takes one tool more.
    """
    asked = {"gh": _gh, "cosign": _cosign, "curl": _curl, "sha256sum": _sha256sum} | (
        {"crane": _crane} if image else {}
    )

    def look(name: str) -> Program:
        path = shutil.which(name, path=environ.get("PATH"))
        by = asked[name](path, probe) if path else None
        return Program(path=path or "", by=by or STAND_IN)

    return dict(zip(asked, gather(look, asked, len(asked)), strict=True))


def install(
    shims: Path, programs: Mapping[str, Program], *, loopback: Path, forms: Sequence[str] = (), index: bool = False
) -> tuple[Tool, ...]:
    """Fill the folder of shims, and tell what each tool is.

    Args:
        shims: To be first on PATH.
        programs: What :func:`find` found.
        loopback: The folder with the loopback's trust.
        forms: How the image that the notes speak of is signed; empty for no image.
        index: Whether there are packages at an index that takes attestations. It takes one tool more.
    """
    trust_config, trusted_root = loopback / "trust.json", loopback / "trusted_root.json"
    shims.mkdir(parents=True, exist_ok=True)
    _shim(shims, "sigstore", [sys.executable, "-P", "-m", "sigstore", "--trust-config", str(trust_config)])
    attestations_shim(shims, trusted_root)
    own = ("sigstore", *(("pypi-attestations",) if index else ()))
    tools = [Tool(name=name, by=f"{name} {version(name)}") for name in own]
    for name, program in programs.items():
        if program.by == STAND_IN:
            _shim(
                shims, name, [sys.executable, "-P", "-m", "tagseal.rehearsal.tools.standins", name, str(trusted_root)]
            )
        elif name == "cosign":
            _cosign_shim(shims, program.path, loopback, old=_major(program.by) < _COSIGN_MAJOR, forms=forms)
        tools.append(Tool(name=name, by=program.by))
    return tuple(tools)


def _shim(shims: Path, name: str, argv: Sequence[str]) -> None:
    _script(shims / name, f'exec {" ".join(map(quote_word, argv))} "$@"')


def attestations_shim(shims: Path, trusted_root: Path) -> None:
    """Put the root of trust where the tool looks for it: it has no flag for another one, only for one that it has."""
    home = '"$HOME/Library/Caches' if sys.platform == "darwin" else '"${XDG_CACHE_HOME:-$HOME/.cache}'
    folder = f'{home}/sigstore-python/tuf/{quote(TUF, safe="")}"'
    tool = " ".join(map(quote_word, (sys.executable, "-P", "-m", "pypi_attestations")))
    _script(
        shims / "pypi-attestations",
        f"if test \"$1 $2\" = 'verify pypi'; then\n"
        f"  mkdir -p {folder} && cp {quote_word(str(trusted_root))} {folder}/trusted_root.json\n"
        f'  shift 2; set -- verify pypi --offline "$@"\nfi\nexec {tool} "$@"',
    )


def _cosign_shim(shims: Path, cosign: str, loopback: Path, *, old: bool, forms: Sequence[str]) -> None:
    """Add the flag behind the subcommand, and to those only that know it; cosign 2 reads old signatures by other means.

    Where there are bundles every cosign reads those; 2 wants to be told as long as its trust is given by hand.
    """
    flag = f'shift; set -- "$verb" --trusted-root {quote_word(str(loopback / "trusted_root.json"))} "$@"'
    keys = " ".join(f"{name}={quote_word(str(loopback / file))}" for name, file in KEYS.items())
    bundled = flag.replace('"$verb"', '"$verb" --new-bundle-format')
    image = bundled if "bundle" in forms else f"export {keys}"
    cases = f"verify) {image};; verify-blob) {flag};;" if old else f"verify|verify-blob) {flag};;"
    _script(shims / "cosign", f'verb=$1\ncase $verb in {cases} esac\nexec {quote_word(cosign)} "$@"')


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def _gh(found: str, probe: Mapping[str, str]) -> str | None:
    """Ask the door something with it: Go on some systems does not heed SSL_CERT_FILE."""
    reached = _run([found, "api", "repos/{owner}/{repo}"], probe)
    return _version("gh", _run([found, "--version"], probe)) if reached is not None else None


def _cosign(found: str, probe: Mapping[str, str]) -> str | None:
    named = _version("cosign", _run([found, "version"], probe))
    return named if named and _major(named) >= _COSIGN_OLDEST else None


def _major(named: str) -> int:
    return int(named.split()[1].split(".", maxsplit=1)[0])


def _crane(found: str, probe: Mapping[str, str]) -> str | None:
    """Ask the door for what is not there: Go on some systems does not heed SSL_CERT_FILE."""
    finished = process.run(
        [found, "digest", "ghcr.io/tagseal/probe:none"],
        cwd=Path(probe["HOME"]),
        environ=probe,
        timeout=_PROBE_SECONDS,
    )
    said = finished.output + finished.errors
    reached = finished.code == 0 or any(word in said for word in ("UNKNOWN", "UNAUTHORIZED", "DENIED"))
    return _version("crane", _run([found, "version"], probe)) if reached else None


def _curl(found: str, probe: Mapping[str, str]) -> str | None:
    reached = _run([found, "--silent", "--output", os.devnull, "https://github.com/"], probe)
    return _version("curl", _run([found, "--version"], probe)) if reached is not None else None


def _sha256sum(found: str, probe: Mapping[str, str]) -> str | None:
    return _version("sha256sum", _run([found, "--version"], probe))


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return what a tool printed, or None where it failed."""
    finished = process.run(argv, cwd=Path(environ["HOME"]), environ=environ, timeout=_PROBE_SECONDS)
    return finished.output + finished.errors if finished.code == 0 else None


def _version(name: str, text: str | None) -> str | None:
    found = re.search(r"v?([0-9]+\.[0-9]+(?:\.[0-9]+)?)", text or "")
    return f"{name} {found[1]}" if found else None
