"""The wheel, installed into a fresh environment and imported; the sdist, built again."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from tagseal.errors import ServiceError, UsageError
from tagseal.machine import archives, backend, files, process
from tagseal.names import number_of, printable, show
from tagseal.records import Reason
from tagseal.rehearsal.packages import importer, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagseal.config import Settings
    from tagseal.machine.archives import PackageContents

_PATIENCE = 60.0
"""Seconds that importing, or the project's own command, may take."""
_INSTALLING = 600.0
_LONGEST_REPORT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageTrial:
    """What became of the packages where they were tried."""

    said: str
    """What was done, for the report."""
    seconds: float
    reasons: tuple[Reason, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What could not be told here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """A fresh environment, and the folder that everything happens in."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def run(self, argv: Sequence[str], seconds: float) -> process.Finished:
        """Run a program there."""
        return process.run(argv, cwd=self.folder, environ=self.environ, timeout=seconds)

    def pip(self, *arguments: str) -> process.Finished:
        """Run pip for this environment; of another one where that has pip."""
        own = ("-P", "-m", "pip", "--python", str(self.python)) if find_spec("pip") else ()
        argv = (sys.executable, *own) if own else (str(self.python), "-P", "-m", "pip")
        return self.run((*argv, "--no-input", "--disable-pip-version-check", *arguments), _INSTALLING)


def try_packages(packages: Path, settings: Settings, environ: Mapping[str, str]) -> PackageTrial:
    """Install the wheel that fits this machine, import it, and build the sdist again where nothing did yet.

    Args:
        packages: The folder that has them.
        settings: The project's.
        environ: As a build's: the machine, and the way to an index.
    """
    begun = time.monotonic()
    if settings.smoke == "off":
        return PackageTrial(said='the wheel was not installed, for smoke is "off"', seconds=0.0)
    wheel, why = choose_wheel(packages)
    found = archives.read(wheel) if wheel else None
    why = _other_python(found.requires_python) if found else why
    if wheel is None or found is None or why:
        return PackageTrial(
            said="no wheel was installed", seconds=0.0, unchecked=(f"the wheel was not installed: {why}",)
        )
    with tempfile.TemporaryDirectory(prefix="tagseal-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        inside = backend.child_environ(environ, settings.build_env, home=place / "home")
        fresh = _Environment(folder=place, environ=inside | {"TMPDIR": folder, "PATH": _path(place, inside)})
        fresh.run((sys.executable, "-P", "-m", "venv", *(("--without-pip",) if find_spec("pip") else ()), "venv"), 600)
        # A front end of the project's own may make the two from the tree, each by itself.
        again = tuple(_build_again(fresh, packages, wheel)) if settings.build else ()
        said, reasons, unchecked = _try(fresh, wheel, found, settings.smoke)
    return PackageTrial(said=said, seconds=time.monotonic() - begun, reasons=(*again, *reasons), unchecked=unchecked)


def choose_wheel(packages: Path) -> tuple[Path | None, str]:
    """Return the wheel that fits this machine best, or why there is none."""
    wheels = sorted(packages.glob("*.whl"))
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    fitting = []
    for wheel in wheels:
        rank = min((ranks[tag] for tag in parse_wheel_filename(wheel.name)[3] if tag in ranks), default=None)
        if rank is not None:
            fitting.append((rank, wheel))
    if not fitting:
        return None, f"none of {number_of(len(wheels), 'wheel')} is for this machine"
    return min(fitting)[1], ""


def _other_python(wanted: str) -> str:
    """Return why a wheel that wants these versions of Python is not for this one; nothing where it is."""
    running = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = SpecifierSet(wanted).contains(running, prereleases=True)
    except InvalidSpecifier:
        fits = True  # pip will say it
    return "" if fits else f"it is for Python {show(wanted)}, and this is {running}"


def _path(folder: Path, environ: Mapping[str, str]) -> str:
    return os.pathsep.join([str(folder / "venv" / "bin"), environ.get("PATH", os.defpath)])


def _try(
    fresh: _Environment, wheel: Path, found: PackageContents, smoke: Sequence[str]
) -> tuple[str, tuple[Reason, ...], tuple[str, ...]]:
    """Return what was done, what keeps the wheel from being released, and what could not be told."""
    try:
        installed = fresh.pip("install", "--quiet", str(wheel))
        if installed.code != 0:
            return _not_installed(fresh, wheel, installed)
        if smoke:
            return _own_command(fresh, wheel, smoke)
        return _import(fresh, wheel, found)
    except ServiceError as error:
        return "the wheel was not installed", (), (f"the wheel was not installed: {error.what}",)


def _not_installed(
    fresh: _Environment, wheel: Path, installed: process.Finished
) -> tuple[str, tuple[Reason, ...], tuple[str, ...]]:
    """Tell a wheel that cannot be installed from one whose dependencies cannot be had here."""
    alone = fresh.pip("install", "--quiet", "--no-deps", str(wheel))
    said = "the wheel was not installed"
    if alone.code == 0:
        last = next(iter(process.tail(installed.errors, 1)), "pip failed")
        return said, (), (f"whether the wheel can be imported, for what it needs was not installed here ({last})",)
    return said, (_broken("wheel-not-installable", f"pip refuses {wheel.name}", alone),), ()


def _own_command(
    fresh: _Environment, wheel: Path, smoke: Sequence[str]
) -> tuple[str, tuple[Reason, ...], tuple[str, ...]]:
    """Run the project's own command."""
    said = f"{wheel.name} installed, and {show(' '.join(smoke))} ran"
    try:
        done = fresh.run(smoke, _PATIENCE)
    except (ServiceError, UsageError) as error:
        return said, (_reason("wheel-does-not-work", f"{show(smoke[0])}, the command of `smoke`: {error.what}"),), ()
    if done.code == 0:
        return said, (), ()
    what = f"{show(' '.join(smoke))}, the command of `smoke`, ended with {done.code}"
    return said, (_broken("wheel-does-not-work", what, done),), ()


def _import(
    fresh: _Environment, wheel: Path, found: PackageContents
) -> tuple[str, tuple[Reason, ...], tuple[str, ...]]:
    """Import every name of the wheel."""
    wanted = names.import_names(found.members)
    if not wanted:
        return f"{wheel.name} installed", (), (f"{wheel.name} has nothing to import",)
    report = fresh.folder / "imported.jsonl"
    try:
        fresh.run((str(fresh.python), "-I", str(importer.__file__), str(report), *wanted), _PATIENCE)
    except ServiceError:
        ended = f"it had not ended after {_PATIENCE:.0f} s"
    else:
        ended = "it ended Python itself"
    told = dict(_read_report(report))
    reasons: list[Reason] = []
    unchecked: list[str] = []
    for name in wanted:
        problem, missing = told.get(name, (ended, ""))
        root = missing.split(".")[0]
        if problem and root in sys.stdlib_module_names:
            unchecked.append(f"`import {name}`, which wants {show(missing)} of Python: another system has it")
        elif problem and found.extras and missing and root not in {*names.roots(found.members)}:
            unchecked.append(f"`import {name}`, which wants {show(missing)}: an extra may bring it")
        elif problem:
            reasons.append(_reason("wheel-does-not-work", f"`import {name}` of {wheel.name} fails: {problem}"))
        if name not in told:
            break
    said = f"{wheel.name} installed, {number_of(len(wanted), 'import')} tried"
    return said, tuple(reasons), tuple(unchecked)


def _read_report(report: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what became of each name: what went wrong, and which module was missing. A module can have written it."""
    if not report.is_file() or report.is_symlink():
        return
    with files.open_file(report) as file:
        lines = file.read(_LONGEST_REPORT).decode("utf-8", "replace").splitlines()
    for line in lines:
        try:
            entry = json.loads(line)
            yield str(entry["name"]), (printable(str(entry["problem"])), printable(str(entry["missing"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _build_again(fresh: _Environment, packages: Path, wheel: Path) -> Iterator[Reason]:
    """Build the sdist, and compare the names in the wheel that it makes."""
    sdist = next(iter(sorted(packages.glob("*.tar.gz"))), None)
    if sdist is None or not wheel.name.endswith("-none-any.whl"):
        return
    out = fresh.folder / "again"
    out.mkdir()
    built = fresh.pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(sdist))
    made = next(iter(out.glob("*.whl")), None)
    if built.code != 0 or made is None:
        yield _broken("sdist-does-not-build", f"{sdist.name} makes no wheel", built)
        return
    ours, theirs = ({name for name in archives.members(path) if ".dist-info/" not in name} for path in (wheel, made))
    if ours != theirs:
        first = min(ours ^ theirs)
        which = "lacks" if first in ours else "adds"
        what = f"the wheel that {sdist.name} makes {which} {show(first)}, against the one of this release"
        yield _reason("sdist-builds-another-wheel", what)


def _broken(slug: str, what: str, ended: process.Finished) -> Reason:
    last = next(iter(process.tail(ended.errors or ended.output, 1)), "")
    return _reason(slug, f"{what}: {last}" if last else what)


def _reason(slug: str, what: str) -> Reason:
    return Reason.broken(
        slug,
        what,
        "Try it: `python -m build`, and in a new environment `pip install dist/*.whl`. Where the import is not "
        'what tells, name a command: smoke = ["COMMAND"] in [tool.tagseal].',
    )
