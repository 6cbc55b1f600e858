# /// script
# dependencies = ["nox>=2026.4.10"]
# ///
"""What is done to this project, each by one name: `nox -l` lists them."""

from __future__ import annotations

import os
import shutil
import tarfile
from contextlib import suppress
from pathlib import Path

import nox

nox.needs_version = ">=2026.4.10"
nox.options.sessions = ["lint", "tests", "rehearse"]
nox.options.stop_on_first_error = True
nox.options.error_on_missing_interpreters = True

# The verbs of a release (guard … witness), where the tool is installed: this project releases itself as others do.
with suppress(ImportError):
    import tagseal.sessions

    tagseal.sessions.register()

PROJECTS = ("click", "structlog", "requests", "build", "poetry-core")
COSIGN = "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3"


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, in a clean environment."""
    session.install(".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    session.run("pytest", *(session.posargs or ["--numprocesses=auto"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types of source, tests and noxfile."""
    groups = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "lint", "typing")
    session.install(".", *groups)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def rehearse(session: nox.Session) -> None:
    """Rehearse this project's release, or another's: `nox -s rehearse -- PATH`."""
    session.install(".")
    session.run("tagseal", "rehearse", *session.posargs)


@nox.session(default=False)
def projects(session: nox.Session) -> None:
    """Rehearse the releases of real projects, from their sdists: `nox -s projects -- NAME…`."""
    session.install(".")
    folder = Path(session.create_tmp()).resolve()
    for name in session.posargs or PROJECTS:
        root = _as_repository(session, name, folder)
        session.log(f"rehearsing {name}")
        session.run("tagseal", "rehearse", str(root), "--out", str(folder / f"{name}-rehearsal"))


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Run the tests that need real tools: gh from Debian's packages, cosign from its Go module."""
    tools = Path(session.create_tmp()).resolve() / "bin"
    _gh(session)
    if not (tools / "cosign").exists() and not shutil.which("cosign"):
        if not shutil.which("go"):
            session.error("interop needs Go for cosign: install Go, or put cosign on PATH")
        session.run("go", "install", COSIGN, env={"GOBIN": str(tools), "GOFLAGS": ""}, external=True)
    path = os.pathsep.join([str(tools), os.environ.get("PATH", "")])
    session.install(".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    session.run("pytest", "-m", "interop", *session.posargs, env={"PATH": path, "TAGSEAL_INTEROP": "required"})


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print how this tool compares with others at the same work, as ratios measured in one run."""
    session.install(".")
    session.run("python", "tests/bench.py", *session.posargs)


@nox.session(default=False)
def torture(session: nox.Session) -> None:
    """Release through faults and kills, 1,000 times over; one seed again: `nox -s torture -- --seed 4711`."""
    session.install(".")
    session.run("python", "tests/torture.py", *session.posargs)


def _as_repository(session: nox.Session, name: str, folder: Path) -> Path:
    """Download a project's sdist and make it a git repository, without the metadata that would hide the tag."""
    downloads = folder / name
    shutil.rmtree(downloads, ignore_errors=True)
    session.run("pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(downloads), name)
    (archive,) = downloads.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(downloads, filter="data")
    (root,) = (path for path in downloads.iterdir() if path.is_dir())
    (root / "PKG-INFO").unlink()
    for leftover in root.glob("**/*.egg-info"):
        shutil.rmtree(leftover)
    who = ("-c", "user.name=Tagseal", "-c", "user.email=tagseal@tagseal.invalid")
    for command in (("init", "--quiet"), ("add", "--all", "--force"), (*who, "commit", "--quiet", "-m", "The sdist")):
        session.run("git", "-C", str(root), *command, external=True)
    return root


def _gh(session: nox.Session) -> None:
    if shutil.which("gh"):
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        session.error("interop needs gh: install it from your system's packages")
    session.run("apt-get", "update", "--quiet", "--quiet", external=True)
    session.run("apt-get", "install", "--yes", "--quiet", "--quiet", "gh", external=True)


if __name__ == "__main__":
    nox.main()
