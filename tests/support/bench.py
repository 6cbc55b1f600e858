"""Ratios, measured side by side in one run: `nox -s bench`, or some of them: `nox -s bench -- signing large`.

Every request to the loopback takes as much longer as is said, as a service on the internet does. With `--smallest` each
row is measured once and at its smallest, so that CI finds what no longer runs; those ratios say little. A tool that is
missing here is told of, and nothing is compared with it.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import images
import packages
from instance import RUN, TAG
from tagseal.loopback import Loopback
from tagseal.loopback.actions import environment
from tagseal.records import ISSUER
from tagseal.services.images import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LATENCY = 0.1
"""Seconds that a request takes longer while artifacts are signed."""
SIGNING, UPLOADING = 16, 16
"""Threads that sign, and that upload."""
ALONE = 13
"""Requests of `sign` and `upload` that nothing runs beside: what is there, token, certificate, draft, the last look."""
MIB, GIB = 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    signed: int
    """Artifacts that are signed, of a KiB each."""
    released: int
    """Artifacts that are signed and uploaded."""
    latencies: tuple[float, ...]
    """Seconds that a request takes longer meanwhile."""
    large: int
    """Bytes of a file that is sent, fetched and verified."""
    layer: int
    """Bytes of an image's layer."""
    verified: int
    """Files that are verified."""
    runs: int
    """Of the runs with one file each, how many are measured for all."""
    starts: int
    """How often a command is started, where the median or the shortest counts."""


FULL = Sizes(
    signed=32,
    released=100,
    latencies=(0.05, 0.2),
    large=2**31 - 1,  # the most that GitHub takes
    layer=GIB,
    verified=100,
    runs=20,
    starts=5,
)
SMALLEST = Sizes(signed=2, released=3, latencies=(0.05,), large=MIB, layer=MIB, verified=2, runs=1, starts=1)
OURS = """
import hashlib, os, sys
from pathlib import Path
from tagseal.services import oidc
from tagseal.services.sigstore import Sigstore

files = [Path(name) for name in sys.argv[1:]]
service = Sigstore.from_environ(os.environ, loopback=True)
service.sign(
    {file.name: hashlib.file_digest(file.open("rb"), "sha256").hexdigest() for file in files},
    lambda: oidc.identity_token(os.environ, "sigstore") or "",
    lambda name, bundle: Path(f"{name}.sigstore.json").write_bytes(bundle),
)
"""


RELEASE = """
import os, sys
from pathlib import Path
from tagseal.config import Settings
from tagseal.records import Artifact, Build, Checks, Identity, Kind, Plan, Tag, Verdict
from tagseal.machine.files import artifact
from tagseal.steps import Services
from tagseal.workspace import Workspace
from tagseal.steps.sign import sign
from tagseal.steps.upload import upload

commit, repository = sys.argv[1:3]
root = Path.cwd()
identity = Identity(repository=repository, workflow=".github/workflows/release.yml", ref="refs/tags/v1.2.3")
tag = Tag(name="v1.2.3", commit=commit, identity=identity, private=False)
services = Services(
    root=root, settings=Settings(assets=("made/*.bin",)), work=Workspace.of(root, "v1.2.3"), environ=dict(os.environ),
    loopback=True, say=lambda _: None,
)
kinds = {".whl": Kind.wheel, ".gz": Kind.sdist, ".bin": Kind.asset}
found = sorted([*services.work.packages.iterdir(), *services.work.assets.iterdir()])
files = tuple(artifact(path, kinds[path.suffix]) for path in found)
plan = Plan(
    tag="v1.2.3", commit=commit, project="widget", version="1.2.3", prerelease=False, latest=True, identity=identity,
    epoch=1, sdist="widget-1.2.3.tar.gz", wheel="widget-1.2.3-", tools=(), changelog="CHANGELOG.md", section="- Turns.",
    assets=tuple(one.name for one in files if one.kind is Kind.asset), published=(), irreversible=(),
)
build = Build(commit=commit, artifacts=files, collected=True)
checks = Checks(artifacts=files, verdicts=(Verdict(name="file set", ok=True),))
upload(tag, plan, sign(tag, plan, build, checks, services=services), services=services)
"""
TRANSFER = """
import os, resource, sys, time
from pathlib import Path
from tagseal.services.github import GitHub
from tagseal.verification.verify import digest

repository, tag, name = sys.argv[1:]
path = Path(name)
sha256 = digest(path)
github = GitHub(os.environ["GITHUB_TOKEN"])
draft = github.create_draft(repository, tag, body="", prerelease=False)
start = time.perf_counter()
asset = github.upload(repository, draft, path, sha256=sha256)
sent = time.perf_counter()
path.unlink()
github.download(repository, asset, path)
print(sent - start, time.perf_counter() - sent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""

PUSH = """
import os, resource, sys, time
from pathlib import Path
from tagseal.records import ISSUER
from tagseal.services.images import layout
from tagseal.services.images.registry import Registry, credentials

folder, host, repository = sys.argv[1:]
registry = Registry(host, repository, credentials(os.environ, host), pushes=True)
start = time.perf_counter()
image = layout.read(Path(folder))
for one in image.blobs:
    registry.push_blob(layout.blob(Path(folder), one.sha256), sha256=one.sha256, size=one.size)
for one in image.documents:
    registry.push_manifest(layout.blob(Path(folder), one.sha256).read_bytes(), one.media_type)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""

MEASURED = """
import resource, sys
from pathlib import Path
from tagseal.cli import main

code = main(sys.argv[1:])
read = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["rchar"]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, read)
sys.exit(code)
"""


def main() -> None:
    """Print the comparisons that are named, or all."""
    known = {compare.__name__: compare for compare in COMPARISONS}
    parser = argparse.ArgumentParser(prog="bench", allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all if none is named")
    parser.add_argument("--smallest", action="store_true", help="each row once, as small as it can be")
    options = parser.parse_args()
    if unknown := {*options.names} - {*known}:
        parser.error(f"got {', '.join(sorted(unknown))}, expected some of {', '.join(known)}")
    for name in options.names or known:
        with tempfile.TemporaryDirectory(prefix="tagseal-bench-") as temporary:
            known[name](Path(temporary), SMALLEST if options.smallest else FULL)


@contextmanager
def job(folder: Path, latency: float) -> Iterator[tuple[Loopback, dict[str, str]]]:
    """Give a loopback, and the environment of a job in it that may write and sign."""
    (folder / "temp").mkdir()
    with Loopback(folder=folder / "loopback", latency=latency) as loopback:
        loopback.github.add_repository(RUN.repository).add_tag(RUN.ref_name, RUN.sha)
        token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=RUN.repository)
        played = environment(
            RUN,
            token=token,
            oidc_url=loopback.oidc_url,
            oidc_token=loopback.tokens.grant(RUN),
            workspace=folder,
            temp=folder / "temp",
        )
        machine = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        tools = {"GH_TOKEN": token, "GH_REPO": RUN.repository, "GH_PROMPT_DISABLED": "1", "GITHUB_TOKEN": token}
        yield loopback, {**machine, "HOME": str(folder), **loopback.environment(), **played, **tools}


def sigstore(loopback: Loopback) -> list[str]:
    """Return the argv of `sigstore sign` in the loopback."""
    trust = str(loopback.folder / "trust.json")
    return [sys.executable, "-P", "-m", "sigstore", "--trust-config", trust, "sign"]


def signing(folder: Path, sizes: Sizes) -> None:
    """Sign files: ours, one `sigstore sign` with all of them, and a run of it for each."""
    with job(folder, LATENCY) as (loopback, environ):
        theirs = sigstore(loopback)
        made = {name: files(folder / name, sizes.signed) for name in ("ours", "once", "each")}
        ours = timed([sys.executable, "-P", "-c", OURS, *made["ours"]], folder / "ours", environ)
        once = timed([*theirs, *made["once"]], folder / "once", environ)
        each = sum(timed([*theirs, file], folder / "each", environ) for file in made["each"])
    show(f"sign {sizes.signed} artifacts, {LATENCY * 1000:.0f} ms a request")
    row("tagseal", ours)
    row("sigstore sign, one run", once, than=ours, aim="1")
    row(f"sigstore sign, {sizes.signed} runs", each, than=ours, aim="20")


def releasing(folder: Path, sizes: Sizes) -> None:
    """Sign and upload artifacts: ours, and one `sigstore sign` followed by one `gh release create`."""
    for latency in sizes.latencies:
        (folder / str(latency)).mkdir()
        _releasing(folder / str(latency), latency, sizes.released)


def _releasing(folder: Path, latency: float, released: int) -> None:
    with job(folder, latency) as (loopback, environ):
        ours = folder / "ours"
        work = ours / "dist" / TAG
        packages.write(work / "packages")
        files(work / "assets", released - 2)
        run(["git", "init", "--quiet"], ours, environ)  # `sign` looks for pages in a repository
        argv = [sys.executable, "-P", "-c", RELEASE, RUN.sha, RUN.repository]
        seconds = timed(argv, ours, environ)
        requests = len(loopback.transcript.entries)
        theirs = folder / "theirs"
        names = files(theirs, released)
        signed = timed([*sigstore(loopback), *names], theirs, environ)
        bundles = [f"{name}.sigstore.json" for name in names]
        create = ["gh", "release", "create", TAG, "--draft", "--title", TAG, "--notes", "Turns.", *names, *bundles]
        sent = timed_peer(create, theirs, environ)
    rounds = ALONE + math.ceil((released + 1) / SIGNING) + math.ceil(2 * (released + 1) / UPLOADING)
    both, path = None if sent is None else signed + sent, rounds * latency
    show(f"sign and upload {released} artifacts, {latency * 1000:.0f} ms a request")
    row(f"tagseal, {requests} requests", seconds)
    row("sigstore sign, then gh release create", both, than=seconds, aim="2")
    row(f"critical path, {rounds} requests in a row", path, f"tagseal {seconds / path:5.1f} times as long   (aim: 1.5)")


def large(folder: Path, sizes: Sizes) -> None:
    """Send and fetch a large asset: ours, and gh."""
    with job(folder, 0.0) as (_, environ):
        name = folder / "large.bin"
        os.truncate(os.open(name, os.O_CREAT | os.O_WRONLY), sizes.large)
        argv = [sys.executable, "-P", "-c", TRANSFER, RUN.repository, RUN.ref_name, str(name)]
        up, down, peak = map(float, run(argv, folder, environ).split())
        theirs_up = timed_peer(["gh", "release", "create", "v2", "--draft", "--notes", "", str(name)], folder, environ)
        name.unlink()
        theirs_down = timed_peer(["gh", "release", "download", "v2", "--pattern", name.name], folder, environ)
    show(f"one asset of {sizes.large / MIB:.0f} MiB")
    for way, mine, gh in (("up", up, theirs_up), ("down", down, theirs_down)):
        row(f"tagseal {way}, {sizes.large / MIB / mine:.0f} MiB/s", mine)
        row(f"gh {way}, {sizes.large / MIB / gh:.0f} MiB/s" if gh else f"gh {way}", gh, than=mine)
    show(f"  tagseal at its peak: {peak / MIB:.0f} MiB of memory   (aim: 150)")


def verifying(folder: Path, sizes: Sizes) -> None:
    """Verify files: ours, `sigstore verify identity` with all of them, and a run for each; then a large one."""
    with job(folder, 0.0) as (loopback, environ):
        made = folder / "made"
        names = files(made, sizes.verified)
        run([sys.executable, "-P", "-c", OURS, *names], made, environ)
        trust = str(loopback.folder / "trust.json")
        ours = ["verify", "--repo", RUN.repository, "--tag", RUN.ref_name, "--offline", "--trust-config", trust]
        identity = f"https://github.com/{RUN.workflow_ref}"
        who = ("--cert-identity", identity, "--cert-oidc-issuer", ISSUER)
        theirs = [sys.executable, "-P", "-m", "sigstore", "--trust-config", trust, "verify", "identity", *who]
        tagseal = [sys.executable, "-P", "-m", "tagseal", *ours, *names]
        mine = min(timed(tagseal, made, environ) for _ in range(sizes.starts))
        once = min(timed([*theirs, *names], made, environ) for _ in range(sizes.starts))
        runs = [timed([*theirs, name], made, environ) for name in names[: sizes.runs]]
        name = made / "large.bin"
        os.truncate(os.open(name, os.O_CREAT | os.O_WRONLY), sizes.large)
        run([sys.executable, "-P", "-c", OURS, str(name)], made, environ)
        peaks = [_peak([*ours, file], made, environ) for file in (names[0], str(name))]
    show(f"verify {sizes.verified} files")
    row("tagseal verify, one run", mine)
    row("sigstore verify identity, one run", once, than=mine, aim="1")
    each = statistics.mean(runs) * sizes.verified
    row(f"sigstore verify identity, {sizes.verified} runs", each, than=mine, aim=f"25; from {len(runs)}")
    for what, (peak, read) in zip(("1 KiB", f"{sizes.large / MIB:.0f} MiB"), peaks, strict=True):
        show(f"  tagseal on a file of {what}: {peak / MIB:.0f} MiB of memory, {read / MIB:.0f} MiB read")


def _peak(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return how many bytes of memory a command had at most, and how many it read."""
    said = run([sys.executable, "-P", "-c", MEASURED, *arguments], folder, environ)
    peak, read = said.splitlines()[-1].split()
    return int(peak), int(read)


def image(folder: Path, sizes: Sizes) -> None:
    """Push an image with a large layer: ours, and `skopeo copy`."""
    with job(folder, 0.0) as (loopback, environ):
        made = layout.take(images.layout(folder / "made", sparse=sizes.layer), folder / "layout")
        token = loopback.github.token(scopes={"packages": "write"}, repository=RUN.repository)
        login = {"TAGSEAL_REGISTRY_USER": "octocat", "TAGSEAL_REGISTRY_PASSWORD": token}
        argv = [sys.executable, "-P", "-c", PUSH, str(folder / "layout"), "ghcr.io", f"{RUN.repository}/ours"]
        mine, peak = map(float, run(argv, folder, {**environ, **login}).split())
        auth = base64.b64encode(f"octocat:{token}".encode()).decode()
        (folder / "auth.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
        copy = ["skopeo", "copy", "--all", "--preserve-digests", "--authfile", "auth.json", "oci:layout"]
        skopeo = timed_peer([*copy, f"docker://ghcr.io/{RUN.repository}/theirs"], folder, environ)
    show(f"an image with a layer of {sizes.layer / MIB:.0f} MiB, {len(made.blobs)} blobs")
    row("tagseal, read again and pushed", mine)
    row("skopeo copy", skopeo, than=mine)
    show(f"  tagseal at its peak: {peak / MIB:.0f} MiB of memory")


def starting(_folder: Path, sizes: Sizes) -> None:
    """Start the quick commands, beside an interpreter that does nothing; show what was imported."""
    clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    refused = {**clean, "GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}
    module = [sys.executable, "-P", "-m", "tagseal"]
    nothing = median([sys.executable, "-P", "-c", "pass"], clean, sizes.starts)
    show(f"start, median of {sizes.starts}")
    row("python -c pass", nothing)
    for name, argv, environ in (("--help", [*module, "--help"], clean), ("guard", [*module, "guard"], refused)):
        seconds = median(argv, environ, sizes.starts)
        row(f"tagseal {name}", seconds, than=nothing, aim="0.15 s")
        heavy = [one for one in ("sigstore", "github", "pydantic", "rich") if one in imported(argv, environ)]
        show(f"    heavy imports: {', '.join(heavy) or 'none'}")


def files(folder: Path, count: int) -> list[str]:
    folder.mkdir()
    made = [folder / f"artifact-{number}.bin" for number in range(count)]
    for file in made:
        file.write_bytes(os.urandom(1024))
    return [str(file) for file in made]


def run(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Return what a command printed; end here, with its last words, where it failed."""
    done = subprocess.run(
        argv, cwd=folder, env=environ, check=False, capture_output=True, text=True, errors="backslashreplace"
    )
    if done.returncode:
        sys.exit(f"{shlex.join(argv)[:200]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def timed(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float:
    start = time.perf_counter()
    run(argv, folder, environ)
    return time.perf_counter() - start


def timed_peer(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float | None:
    """Return how many seconds another tool took; None where it is not here."""
    return timed(argv, folder, environ) if shutil.which(argv[0]) else None


def median(argv: Sequence[str], environ: Mapping[str, str], starts: int) -> float:
    return statistics.median(_start(argv, environ) for _ in range(starts))


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=environ, check=False, capture_output=True)
    return time.perf_counter() - start


def imported(argv: Sequence[str], environ: Mapping[str, str]) -> set[str]:
    """Return the top-level packages that a command imported."""
    traced = [argv[0], "-X", "importtime", *argv[1:]]
    lines = subprocess.run(traced, env=environ, check=False, capture_output=True, text=True).stderr.splitlines()
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines if line.startswith("import time:")}


def row(name: str, seconds: float | None, remark: str = "", *, than: float | None = None, aim: str = "") -> None:
    """Print one figure, compared with another; ``seconds`` is None for a tool that is not here."""
    if seconds is None:
        show(f"  {name:<42}  not measured: it is not on PATH")
        return
    ratio = f"{seconds / than:5.1f} times as long{f'   (aim: {aim})' if aim else ''}" if than else remark
    show(f"  {name:<42}{seconds:7.2f} s   {ratio}".rstrip())


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


COMPARISONS = (starting, signing, releasing, verifying, large, image)

if __name__ == "__main__":
    main()
