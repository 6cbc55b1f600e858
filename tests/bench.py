"""Ratios, measured side by side in one run: `nox -s bench`, or some of them: `nox -s bench -- signing large`.

Every request to the loopback takes as much longer as is said, as a service on the internet does.
"""

from __future__ import annotations

import base64
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import images
from played import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.actions import environment
from tagseal.records import ISSUER
from tagseal.services import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ARTIFACTS = 32
LATENCY = 0.1
RELEASED = 100
NEAR, FAR = 0.05, 0.2
SIGNING, UPLOADING = 16, 16
"""Threads that sign, and that upload."""
ALONE = 13
"""Requests of `sign` and `upload` that nothing runs beside: what is there, token, certificate, draft, the last look."""
LARGE = 2**31 - 1
"""Bytes: the most that GitHub takes."""
VERIFIED, RUNS = 100, 20
"""Files that are verified; and of the runs with one file each, how many are measured for all."""
STARTS = 5
MIB, GIB = 1 << 20, 1 << 30
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
from tagseal.services.files import artifact
from tagseal.steps import Services, Workspace
from tagseal.steps.sign import sign
from tagseal.steps.upload import upload

commit, repository = sys.argv[1:3]
root = Path.cwd()
identity = Identity(repository=repository, workflow=".github/workflows/release.yml", ref="refs/tags/v1")
tag = Tag(name="v1", commit=commit, identity=identity, private=False)
plan = Plan(
    tag="v1", commit=commit, project="widget", version="1", prerelease=False, latest=True, identity=identity, epoch=1,
    sdist="", wheel="", assets=(), tools=("gh",), changelog="CHANGELOG.md", section="- Turns.", published=(),
    irreversible=(),
)
services = Services(
    root=root, settings=Settings(), work=Workspace.of(root, "v1"), environ=dict(os.environ), loopback=True,
    say=lambda _: None,
)
files = tuple(artifact(path, Kind.asset) for path in sorted(services.work.assets.iterdir()))
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
from tagseal.services import layout
from tagseal.services.registry import Registry, credentials

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
    for compare in COMPARISONS if len(sys.argv) == 1 else [globals()[name] for name in sys.argv[1:]]:
        with tempfile.TemporaryDirectory(prefix="tagseal-bench-") as temporary:
            compare(Path(temporary))


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


def signing(folder: Path) -> None:
    """Sign 32 files: ours, one `sigstore sign` with 32 arguments, 32 runs of it."""
    with job(folder, LATENCY) as (loopback, environ):
        theirs = sigstore(loopback)
        ours = timed([sys.executable, "-P", "-c", OURS, *files(folder / "ours")], folder / "ours", environ)
        once = timed([*theirs, *files(folder / "once")], folder / "once", environ)
        each = sum(timed([*theirs, file], folder / "each", environ) for file in files(folder / "each"))
    show(f"sign {ARTIFACTS} artifacts, {LATENCY * 1000:.0f} ms a request")
    row("tagseal", ours)
    row("sigstore sign, one run", once, f"{once / ours:5.1f} times as long   (aim: 1)")
    row(f"sigstore sign, {ARTIFACTS} runs", each, f"{each / ours:5.1f} times as long   (aim: 20)")


def releasing(folder: Path) -> None:
    """Sign and upload 100 artifacts: ours, and one `sigstore sign` followed by one `gh release create`."""
    for latency in (NEAR, FAR):
        (folder / str(latency)).mkdir()
        _releasing(folder / str(latency), latency)


def _releasing(folder: Path, latency: float) -> None:
    with job(folder, latency) as (loopback, environ):
        ours = folder / "ours"
        made = ours / "dist" / "v1" / "assets"
        made.parent.mkdir(parents=True)
        files(made, RELEASED)
        argv = [sys.executable, "-P", "-c", RELEASE, RUN.sha, RUN.repository]
        seconds = timed(argv, ours, environ)
        requests = len(loopback.transcript.entries)
        theirs = folder / "theirs"
        names = files(theirs, RELEASED)
        signed = timed([*sigstore(loopback), *names], theirs, environ)
        bundles = [f"{name}.sigstore.json" for name in names]
        create = ["gh", "release", "create", "v1", "--draft", "--title", "v1", "--notes", "Turns.", *names, *bundles]
        sent = timed(create, theirs, environ)
    rounds = ALONE + math.ceil((RELEASED + 1) / SIGNING) + math.ceil(2 * (RELEASED + 1) / UPLOADING)
    both, path = signed + sent, rounds * latency
    show(f"sign and upload {RELEASED} artifacts, {latency * 1000:.0f} ms a request")
    row(f"tagseal, {requests} requests", seconds)
    row("sigstore sign, then gh release create", both, f"{both / seconds:5.1f} times as long   (aim: 2)")
    row(f"critical path, {rounds} requests in a row", path, f"tagseal {seconds / path:5.1f} times as long   (aim: 1.5)")


def large(folder: Path) -> None:
    """Send and fetch an asset of 2 GiB: ours, and gh."""
    with job(folder, 0.0) as (_, environ):
        name = folder / "large.bin"
        os.truncate(os.open(name, os.O_CREAT | os.O_WRONLY), LARGE)
        argv = [sys.executable, "-P", "-c", TRANSFER, RUN.repository, RUN.ref_name, str(name)]
        said = subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout
        up, down, peak = map(float, said.split())
        theirs_up = timed(["gh", "release", "create", "v2", "--draft", "--notes", "", str(name)], folder, environ)
        name.unlink()
        theirs_down = timed(["gh", "release", "download", "v2", "--pattern", name.name], folder, environ)
    show(f"one asset of {LARGE / MIB:.0f} MiB")
    for way, mine, gh in (("up", up, theirs_up), ("down", down, theirs_down)):
        row(f"tagseal {way}, {LARGE / MIB / mine:.0f} MiB/s", mine)
        row(f"gh {way}, {LARGE / MIB / gh:.0f} MiB/s", gh, f"{gh / mine:5.1f} times as long")
    show(f"  tagseal at its peak: {peak / MIB:.0f} MiB of memory   (aim: 150)")


def verifying(folder: Path) -> None:
    """Verify 100 files: ours, `sigstore verify identity` with 100 arguments, and a run for each; then 2 GiB."""
    with job(folder, 0.0) as (loopback, environ):
        made = folder / "made"
        names = files(made, VERIFIED)
        subprocess.run([sys.executable, "-P", "-c", OURS, *names], cwd=made, env=environ, check=True)
        trust = str(loopback.folder / "trust.json")
        ours = ["verify", "--repo", RUN.repository, "--tag", RUN.ref_name, "--offline", "--trust-config", trust]
        identity = f"https://github.com/{RUN.workflow_ref}"
        who = ("--cert-identity", identity, "--cert-oidc-issuer", ISSUER)
        theirs = [sys.executable, "-P", "-m", "sigstore", "--trust-config", trust, "verify", "identity", *who]
        mine = min(timed([sys.executable, "-P", "-m", "tagseal", *ours, *names], made, environ) for _ in range(STARTS))
        once = min(timed([*theirs, *names], made, environ) for _ in range(STARTS))
        each = sum(timed([*theirs, name], made, environ) for name in names[:RUNS]) / RUNS * VERIFIED
        name = made / "large.bin"
        os.truncate(os.open(name, os.O_CREAT | os.O_WRONLY), LARGE)
        subprocess.run([sys.executable, "-P", "-c", OURS, str(name)], cwd=made, env=environ, check=True)
        peaks = [_peak([*ours, file], made, environ) for file in (names[0], str(name))]
    show(f"verify {VERIFIED} files")
    row("tagseal verify, one run", mine)
    row("sigstore verify identity, one run", once, f"{once / mine:5.1f} times as long   (aim: 1)")
    said = f"{each / mine:5.1f} times as long   (aim: 25; from {RUNS} runs)"
    row(f"sigstore verify identity, {VERIFIED} runs", each, said)
    for what, (peak, read) in zip(("1 kiB", f"{LARGE / GIB:.0f} GiB"), peaks, strict=True):
        show(f"  tagseal on a file of {what}: {peak / MIB:.0f} MiB of memory, {read / MIB:.0f} MiB read")


def _peak(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return how many bytes of memory a command had at most, and how many it read."""
    argv = [sys.executable, "-P", "-c", MEASURED, *arguments]
    said = subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout
    peak, read = said.splitlines()[-1].split()
    return int(peak), int(read)


def image(folder: Path) -> None:
    """Push an image with a layer of 1 GiB: ours, and `skopeo copy`."""
    with job(folder, 0.0) as (loopback, environ):
        made = layout.take(images.layout(folder / "made", sparse=GIB), folder / "layout")
        token = loopback.github.token(scopes={"packages": "write"}, repository=RUN.repository)
        login = {"TAGSEAL_REGISTRY_USER": "octocat", "TAGSEAL_REGISTRY_PASSWORD": token}
        argv = [sys.executable, "-P", "-c", PUSH, str(folder / "layout"), "ghcr.io", f"{RUN.repository}/ours"]
        said = subprocess.run(
            argv, cwd=folder, env={**environ, **login}, check=True, capture_output=True, text=True
        ).stdout
        mine, peak = map(float, said.split())
        auth = base64.b64encode(f"octocat:{token}".encode()).decode()
        (folder / "auth.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
        copy = ["skopeo", "copy", "--all", "--preserve-digests", "--authfile", "auth.json", "oci:layout"]
        skopeo = timed([*copy, f"docker://ghcr.io/{RUN.repository}/theirs"], folder, environ)
    show(f"an image with a layer of 1 GiB, {len(made.blobs)} blobs")
    row("tagseal, read again and pushed", mine)
    row("skopeo copy", skopeo, f"{skopeo / mine:5.1f} times as long")
    show(f"  tagseal at its peak: {peak / MIB:.0f} MiB of memory")


def starting(_folder: Path) -> None:
    """Start the quick commands, beside an interpreter that does nothing; show what was imported."""
    clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    refused = {**clean, "GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}
    module = [sys.executable, "-P", "-m", "tagseal"]
    nothing = median([sys.executable, "-P", "-c", "pass"], clean)
    show("start, median of 5")
    row("python -c pass", nothing)
    for name, argv, environ in (("--help", [*module, "--help"], clean), ("guard", [*module, "guard"], refused)):
        seconds = median(argv, environ)
        row(f"tagseal {name}", seconds, f"{seconds / nothing:5.1f} times as long   (aim: 0.15 s)")
        heavy = [one for one in ("sigstore", "github", "pydantic", "rich") if one in imported(argv, environ)]
        show(f"    heavy imports: {', '.join(heavy) or 'none'}")


def files(folder: Path, count: int = ARTIFACTS) -> list[str]:
    folder.mkdir()
    made = [folder / f"artifact-{number}.bin" for number in range(count)]
    for file in made:
        file.write_bytes(os.urandom(1024))
    return [str(file) for file in made]


def timed(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True)
    return time.perf_counter() - start


def median(argv: Sequence[str], environ: Mapping[str, str]) -> float:
    return statistics.median(_start(argv, environ) for _ in range(STARTS))


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=environ, check=False, capture_output=True)
    return time.perf_counter() - start


def imported(argv: Sequence[str], environ: Mapping[str, str]) -> set[str]:
    """Return the top-level packages that a command imported."""
    traced = [argv[0], "-X", "importtime", *argv[1:]]
    lines = subprocess.run(traced, env=environ, check=False, capture_output=True, text=True).stderr.splitlines()
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines if line.startswith("import time:")}


def row(name: str, seconds: float, remark: str = "") -> None:
    show(f"  {name:<42}{seconds:7.2f} s   {remark}".rstrip())


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


COMPARISONS = (starting, signing, releasing, verifying, large, image)

if __name__ == "__main__":
    main()
