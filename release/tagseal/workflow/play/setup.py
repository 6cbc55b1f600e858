"""Set-up: a step that installs hash-locked files and does nothing else.

It is run as it is written, in the job's own interpreter, but on the person's own network and without the job's
tokens: what is installed is known by its hash before anything of it runs. Any other step that wants a package index
finds none: the door plays that host, or refuses it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import time
from typing import TYPE_CHECKING

from tagseal.machine import backend, files, process
from tagseal.names import show
from tagseal.workflow.play import snapshots
from tagseal.workflow.play.action import StepEffects, StepFailedError
from tagseal.workflow.play.actions.python import executable

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.workflow.play.action import StepCall

_HARMLESS = frozenset(
    (
        *("-q", "--quiet", "--no-deps", "--no-input", "--disable-pip-version-check", "--no-cache-dir"),
        *("--require-hashes", "--only-binary=:all:"),
    )
)
_PYTHONS = ("python", "python3")
_PIP = (
    *("pip install", "pip3 install"),
    *(f"{python} {options}-m pip install" for python in _PYTHONS for options in ("", "-P ", "-I ")),
)
_SHELL = re.compile(r"[$`;&|<>(){}\\\n*?#!~]")
_LOCAL = re.compile(r"^[ \t]*(?:file:)?([\w./+-]+)", re.ASCII | re.MULTILINE)
"""What can be a file of the checkout: a wheel that lies there."""
_NESTED = re.compile(r"^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*([^\s#]+)", re.ASCII | re.MULTILINE)
"""A file whose lines count as well."""
_SHOWN = 12
"""Lines of pip's that a failure shows."""


def requirements_file(run: str) -> str | None:
    """Return the requirements file where shell lines are nothing but a hash-locked ``pip install`` of it."""
    read = _read(run)
    return read[1] if read else None


def resolves_dependencies(run: str) -> bool:
    """Tell whether such a ``pip install`` looks for packages besides those that the file names."""
    read = _read(run)
    return read is not None and "--no-deps" not in read[0]


def install(call: StepCall, requirements: str) -> StepEffects:
    """Install what the file locks.

    Raises:
        StepFailedError: The file is not the project's own, or pip refuses.
    """
    lock = _own(call, call.workspace / requirements)
    python = executable(call)
    options, _ = _read(call.step.run) or (["--require-hashes"], "")
    began = time.monotonic()
    with snapshots.keep(call.host, ["set-up", *options, *_facts(call, python, lock)]) as there:
        if not there:
            _pip(call, [str(python), "-I", "-m", "pip", "install", *options, "-r", requirements])
    what = "set up as for the job before" if there else "installed"
    call.log(f"{what}: {show(requirements)}, in {time.monotonic() - began:.1f} s")
    return StepEffects()


def _read(run: str) -> tuple[list[str], str] | None:
    """Return options and file of a hash-locked ``pip install``, if shell lines are nothing else."""
    line = run.strip()
    try:
        words = [] if _SHELL.search(line) else shlex.split(line)
    except ValueError:  # a quotation mark without its other
        return None
    begin = next((pip.split() for pip in _PIP if words[: len(pip.split())] == pip.split()), None)
    if begin is None:
        return None
    options, named = [], []
    rest = iter(words[len(begin) :])
    for word in rest:
        if word in {"-r", "--requirement"}:
            named.append(next(rest, ""))
        else:
            options.append(f"{word}={next(rest, '')}" if word == "--only-binary" else word)
    if "--require-hashes" not in options or set(options) - _HARMLESS or len(named) != 1:
        return None
    return (options, named[0]) if named[0] and not named[0].startswith("-") else None


def _own(call: StepCall, path: Path) -> Path:
    """Return a file of the checkout; a link is none, nor is what lies behind one.

    Raises:
        StepFailedError: It is something else.
    """
    if path.is_symlink() or not path.resolve().is_relative_to(call.workspace.resolve()) or not path.is_file():
        raise StepFailedError(f"got {show(path.name)}, expected a file of the checkout that locks what to install")
    return path


def _pip(call: StepCall, argv: list[str]) -> None:
    network = {backend.BUILD_NETWORK: json.dumps(dict(call.host.network))}
    environ = backend.child_environ({**call.environ, **network}, home=call.temp / "set-up", loopback=True)
    done = process.run(argv, cwd=call.workspace, environ=environ)
    for line in process.tail(done.output + done.errors, _SHOWN):
        call.log(line)
    if done.code != 0:
        raise StepFailedError(
            "pip refused. A hash that differs is another file than the one that was locked: look before you lock it "
            "again. A file that is not found: does this machine reach the package index?"
        )


def _facts(call: StepCall, python: Path, lock: Path) -> list[str]:
    """Return what decides what will be installed: the interpreter, the lock, the files that it names.

    Raises:
        StepFailedError: It names a file that is not the checkout's own.
    """
    facts = [(python.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8")]
    left, seen = [lock], {lock}
    while left:
        file = left.pop()
        content = file.read_bytes()
        facts.append(hashlib.sha256(content).hexdigest())
        text = content.decode(errors="replace")
        nested = {_own(call, file.parent / name) for name in _NESTED.findall(text)} - seen
        left += sorted(nested)
        seen |= nested
        named = [call.workspace / name for name in _LOCAL.findall(text)]
        facts += [files.measure(_own(call, path))[1] for path in named if path.is_file()]
    return facts
