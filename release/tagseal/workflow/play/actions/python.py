"""actions/setup-python: an interpreter of its own for the job. Source: its README and action.yml, version 7.

What plays it is the machine's interpreter of that version; where there is none, the one that runs this, and the log
says so.
"""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tagseal.errors import UsageError
from tagseal.machine import backend, process
from tagseal.names import show
from tagseal.workflow.play import snapshots
from tagseal.workflow.play.action import StepEffects, StepFailedError

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.workflow.play.action import StepCall

_PLAIN = re.compile(r"(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?", re.ASCII)
_ASK = "import platform; print(platform.python_version())"


def play(call: StepCall) -> StepEffects:
    """Make the interpreter's folder and put it first on PATH.

    Raises:
        UsageError: The version is written in a way that is not played.
        StepFailedError: The interpreter makes no environment.
    """
    wanted = _read_specifier(call)
    program, version = _interpreter(call, wanted)
    folder = call.host.python
    with snapshots.keep(call.host, ["python", program, version]) as there:
        if not there:
            environ = backend.child_environ(call.environ, home=call.temp / "set-up")
            made = process.run([program, "-I", "-m", "venv", str(folder)], cwd=call.temp, environ=environ)
            if made.code != 0:
                raise StepFailedError("\n".join(process.tail(made.output + made.errors, 5)))
    python = folder / "bin" / "python"
    return StepEffects(
        outputs={"python-version": version, "python-path": str(python)},
        path=(str(python.parent),),
        environ={"pythonLocation": str(folder)},
    )


def _read_specifier(call: StepCall) -> SpecifierSet:
    """Read ``3.11``, ``3.x`` or ``>=3.11``; nothing is any version."""
    text = call.input_text("python-version")
    plain = _PLAIN.fullmatch(text)
    try:
        if plain is None:
            return SpecifierSet(text)
        parts = [part for part in plain.groups() if part not in {None, "x"}]
        exact = 3
        return SpecifierSet(f"=={'.'.join(parts)}" + ("" if len(parts) == exact else ".*"))
    except InvalidSpecifier as error:
        raise UsageError(
            f"got the Python {show(text)} at {call.place}, expected a version such as 3.11, 3.x or >=3.11",
            hint="Write one version: a release is built once.",
            slug="python-not-played",
        ) from error


def _interpreter(call: StepCall, wanted: SpecifierSet) -> tuple[str, str]:
    """Return an interpreter that fits, and its version."""
    own = sys.version.split()[0].rstrip("+")
    minors = {f"3.{minor}" for minor in range(8, 30) if any(wanted.contains(f"3.{minor}.{last}") for last in (0, 99))}
    if not wanted.contains(own, prereleases=True):
        for minor in sorted(minors, key=lambda one: int(one[2:]), reverse=True):
            program = shutil.which(f"python{minor}", path=call.environ["PATH"])
            if program and (version := _version(call, program)) and wanted.contains(version, prereleases=True):
                return program, version
        call.log(f"this machine has no Python {wanted}: played with {own}")
    return sys.executable, own


def _version(call: StepCall, program: str) -> str:
    environ = backend.child_environ(call.environ, home=call.temp / "set-up")
    told = process.run([program, "-I", "-c", _ASK], cwd=call.temp, environ=environ)
    return told.output.strip() if told.code == 0 else ""


def executable(call: StepCall) -> Path:
    """Return the job's own interpreter.

    Raises:
        StepFailedError: No step has set one up.
    """
    python = call.host.python / "bin" / "python"
    if not python.exists():
        raise StepFailedError("got no interpreter of this job's own, expected actions/setup-python before this step")
    return python
