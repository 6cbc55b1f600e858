# /// script
# dependencies = ["nox>=2026.4.10"]
# ///
"""What is done to this project, each by one name: `nox -l` lists them."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nox

nox.needs_version = ">=2026.4.10"
nox.options.sessions = ["lint", "tests", "rehearse"]
nox.options.stop_on_first_error = True
nox.options.error_on_missing_interpreters = True

SCAFFOLD = "templates/scaffold"
LOCKED = """# What a release's jobs install: the very files that this version was tested with. Made by `nox -s lock`.
# Install it with --no-deps: what no verb imports is left out.
"""
REHEARSE_LOCKED = """# What the job that rehearses installs: the lock of a release, and more. Made by `nox -s lock`.
-r requirements.txt
"""
LEFT_OUT = {
    "keyring": "twine works without it, as on ppc64le; the sender brings its own credentials",
    "email-validator": "for a type of pydantic's that no model of Sigstore's uses",
    "virtualenv": "the verbs' sessions run in the environment that Nox is in",
    "python-discovery": "as virtualenv",
}
"""Packages that others ask for and no verb imports, with the reason: neither they nor what they need is locked."""
PROJECTS = ("click", "structlog", "requests", "build", "poetry-core", "nox", "PyYAML")
DEBIAN = ("gh", "skopeo", "buildah", "docker-registry")
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
GO = {
    "cosign": "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3",
    "cosign2": "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5",
    "crane": "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "conformance": "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111",
}
CONFORMANCE = ("github.com/opencontainers/distribution-spec/conformance", "v0.0.0-20231101194043-f2182352d4cc")
"""The last version of the conformance suite whose tests are sorted by workflow; the newest is a program of its own."""
EVALUATORS = {
    "policy-tester": ("github.com/sigstore/policy-controller@v0.13.1", "./cmd/tester"),
    "kyverno": ("github.com/kyverno/kyverno@v1.19.1", "./cmd/cli/kubectl-kyverno"),
}
CLIENTS = {"sigstore": ("3.6.2", "3.6.3", "3.6.4", "3.6.5", "3.6.7", "4.0.0"), "cosign": ("2.4.2",)}
"""What notes can name as the oldest clients (tagseal/notes/clients.py), and the versions just before."""
FURTHER = ("2.4.1", "3.0.4", "3.0.5")
"""Versions of cosign for `nox -s clients -- all`: each takes minutes to build."""


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, in a clean environment."""
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    session.run("pytest", *(session.posargs or ["--numprocesses=auto"]))


@nox.session(default=False)
def exhaustive(session: nox.Session) -> None:
    """Run what `tests` takes a sample of, every case of it."""
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    environ = {"TAGSEAL_EXHAUSTIVE": "1"}
    session.run("pytest", *(session.posargs or ["--numprocesses=auto", "-m", "sampled"]), env=environ)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types of source, tests and noxfile, and the workflows."""
    groups = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "lint", "typing")
    session.install(".[rehearse]", *groups)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pyright", "tests/typing")
    session.run("zizmor", "--offline", "--no-progress", "--quiet", "--persona", "pedantic", ".github")
    actionlint = Path(shutil.which("actionlint") or Path(session.create_tmp()).resolve() / "actionlint")
    if not actionlint.exists():
        _go_install(session, actionlint, ACTIONLINT)
    session.run(str(actionlint), external=True)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Lock what the release's jobs and the rehearsal install, with hashes, to the newest; elsewhere: `-- FOLDER`."""
    session.install("uv")
    folder = Path(session.create_tmp()).resolve()
    wanted, left_out = folder / "wanted.in", folder / "left-out.txt"
    wanted.write_text(f"nox{nox.needs_version}\n")
    left_out.write_text("".join(f"{name}\n" for name in LEFT_OUT))
    layout = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--emit-build-options")
    fits = ("--upgrade", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-build")
    resolve = ("uv", "pip", "compile", *layout, *fits, "--excludes", str(left_out), "pyproject.toml", str(wanted))
    to = Path(*session.posargs or [SCAFFOLD])
    release, rehearsal = to / "requirements.txt", to / "rehearse.txt"
    session.run(*resolve, "--output-file", str(release))
    known = re.findall(r"^([\w.-]+)==", release.read_text(), re.MULTILINE)
    besides = ("--extra", "rehearse", "--constraints", str(release), *(f"--no-emit-package={name}" for name in known))
    session.run(*resolve, *besides, "--output-file", str(rehearsal))
    for path, head in ((release, LOCKED), (rehearsal, REHEARSE_LOCKED)):
        path.write_text(head + path.read_text())


@nox.session
def rehearse(session: nox.Session) -> None:
    """Rehearse this project's release, or another's: `nox -s rehearse -- PATH`.

    What a maintainer does at release time anyway may still be to do: a clone of any commit can be rehearsed.
    """
    session.install(".[rehearse]")
    session.run("tagseal", "rehearse", "--allow-not-yet", *session.posargs)


@nox.session(default=False)
def projects(session: nox.Session) -> None:
    """Give real projects, from their sdists, what releases them, and rehearse that: `nox -s projects -- NAME…`."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "wheel", ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder / "wheel"))
    (wheel,) = (folder / "wheel").iterdir()
    session.install(f"{wheel}[rehearse]")
    for name in session.posargs or PROJECTS:
        root = _as_repository(session, name, folder)
        session.log(f"rehearsing {name}")
        with session.chdir(root):
            session.run("tagseal", "init", "--replace-workflow", "--wheel", str(wheel))
            session.run("tagseal", "doctor", "--offline", success_codes=[0, 2])
            out, said = folder / f"{name}-rehearsal", folder / f"{name}.json"
            words = ("tagseal", "rehearse", "--workflow", "--json", "--out", str(out))
            with said.open("w") as file:
                session.run(*words, success_codes=[0, 2], stdout=file, stderr=None)
        found = json.loads(said.read_text())
        if not found.get("verdict"):
            session.error(f"{name} was not rehearsed to its end: {found.get('error')}")
        session.log(f"{name}: {found['verdict']}: {', '.join(reason['slug'] for reason in found['reasons'])}")


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Run the tests that need real tools: those of Debian's packages, and those that are built from Go modules."""
    tools = Path(session.create_tmp()).resolve() / "bin"
    _debian(session)
    for name, package in GO.items():
        if not (tools / name).exists() and not shutil.which(name):
            _go_install(session, tools / name, package)
    _go_test(session, tools / "conformance-workflows", *CONFORMANCE)
    environ = {
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", "")]),
        "TAGSEAL_INTEROP": "required",
        "TAGSEAL_CONFORMANCE": str(tools / "conformance"),
        "TAGSEAL_CONFORMANCE_WORKFLOWS": str(tools / "conformance-workflows"),
    }
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    session.run("pytest", "-m", "interop", *session.posargs, env=environ)


@nox.session(default=False)
def admission(session: nox.Session) -> None:
    """Let policy-controller and Kyverno judge the admission policies: both are built from their Go modules."""
    tools = Path(session.create_tmp()).resolve() / "bin"
    for name, (module, package) in EVALUATORS.items():
        if not (tools / name).exists() and not shutil.which(name):
            _go_build(session, tools / name, module, package)
    path = os.pathsep.join([str(tools), os.environ.get("PATH", "")])
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    environ = {"PATH": path, "TAGSEAL_ADMISSION": "required"}
    session.run("pytest", "tests/contract/test_admission.py", *session.posargs, env=environ)


@nox.session(default=False)
def clients(session: nox.Session) -> None:
    """Let the oldest clients that notes name verify, and the versions before them; all: `nox -s clients -- all`."""
    folder = Path(session.create_tmp()).resolve() / "clients"
    wanted = [("cosign", version) for version in (*CLIENTS["cosign"], *(FURTHER if "all" in session.posargs else ()))]
    if not shutil.which("go"):
        session.warn("no Go here: only the clients that are Python packages are tried")
        wanted = []
    wanted += [("sigstore", version) for version in CLIENTS["sigstore"]]
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    with ThreadPoolExecutor(3) as pool:  # a build of minutes, and packages that wait for their index
        list(pool.map(lambda one: _client(session, folder, *one), wanted))
    environ = {"TAGSEAL_CLIENTS": str(folder)}
    session.run("pytest", "-rs", "--numprocesses=auto", "tests/contract/test_clients.py", env=environ)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print how this tool compares with others at the same work, as ratios of one run; `-- --smallest` is a trial."""
    session.install(".[rehearse]")
    session.run("python", "tests/support/bench.py", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Give readers what was changed or made at random, 20,000 times for each rule or as said: `nox -s fuzz -- 500`."""
    times = session.posargs[0] if session.posargs else "20000"
    session.install(".[rehearse]", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "tests"))
    modules = sorted(map(str, Path("tests").rglob("test_*fuzz*.py")))
    session.run("pytest", "--numprocesses=auto", *modules, env={"TAGSEAL_FUZZ": times})


@nox.session(default=False)
def torture(session: nox.Session) -> None:
    """Release through faults and kills, 1,000 times over; one seed again: `nox -s torture -- --seed 4711`."""
    session.install(".[rehearse]")
    session.run("python", "tests/support/torture.py", *session.posargs)


def _as_repository(session: nox.Session, name: str, folder: Path) -> Path:
    """Download a project's sdist and make it a git repository, without the metadata that would hide the tag."""
    downloads = folder / name
    shutil.rmtree(downloads, ignore_errors=True)
    session.run("pip", "download", "--quiet", "--no-deps", "--no-binary", name, "--dest", str(downloads), name)
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


def _go_build(session: nox.Session, target: Path, module: str, package: str) -> None:
    """Build a program in the module's own folder: `go install` refuses one with replace directives in its go.mod."""
    if not shutil.which("go"):
        session.error(f"this needs Go for {target.name}: install Go, or put {target.name} on PATH")
    environ = {"GOTOOLCHAIN": "go1.27.1", "GOFLAGS": ""}
    session.run("go", "mod", "download", module, env=environ, external=True)
    cache = session.run("go", "env", "GOMODCACHE", env=environ, silent=True, external=True)
    folder = Path(str(cache).splitlines()[-1]) / module
    session.run("go", "build", "-C", str(folder), "-o", str(target), package, env=environ, external=True)


def _go_install(session: nox.Session, target: Path, package: str) -> None:
    """Install a program of a Go module under the target's name."""
    if not shutil.which("go"):
        session.error(f"this needs Go for {target.name}: install Go, or put {target.name} on PATH")
    with tempfile.TemporaryDirectory() as folder:
        session.run("go", "install", package, env={"GOBIN": folder, "GOFLAGS": ""}, external=True)
        (made,) = Path(folder).iterdir()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)


def _go_test(session: nox.Session, target: Path, module: str, version: str) -> None:
    """Build a Go module's tests as a program."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "go.mod").write_text(f"module suite\n\ngo 1.24\n\nrequire {module} {version}\n")
        build = ("go", "-C", folder, "test", "-mod=mod", "-c", "-o", str(target), module)
        session.run(*build, env={"GOFLAGS": ""}, external=True)


def _client(session: nox.Session, folder: Path, name: str, version: str) -> None:
    """Install a client at a version, in a folder of its own: `cosign-2.4.2/cosign`, `sigstore-3.6.5/bin/sigstore`."""
    home = folder / f"{name}-{version}"
    if name == "cosign" and not (home / name).exists():
        _go_install(session, home / name, f"github.com/sigstore/cosign/v{version[0]}/cmd/cosign@v{version}")
    if name == "sigstore" and not (home / "bin" / name).exists():
        session.run("python", "-m", "venv", "--without-pip", str(home))
        session.run("python", "-m", "pip", "--python", str(home), "install", "--quiet", f"{name}=={version}")


def _debian(session: nox.Session) -> None:
    missing = [name for name in DEBIAN if not shutil.which(name)]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        session.error(f"interop needs {', '.join(missing)}: install them from your system's packages")
    session.run("apt-get", "update", "--quiet", "--quiet", external=True)
    session.run("apt-get", "install", "--yes", "--quiet", "--quiet", *missing, external=True)


# The verbs of a release (guard … witness), where the tool is installed: this project releases itself as others do.
with suppress(ImportError):
    import tagseal.sessions

    tagseal.sessions.register()

if __name__ == "__main__":
    nox.main()
