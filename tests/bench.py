"""Ratios, measured side by side in one run: `nox -s bench`.

Every request to the loopback takes 100 ms longer, as a service on the internet does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from played import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.actions import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARTIFACTS = 32
LATENCY = 0.1
STARTS = 5
OURS = """
import hashlib, os, sys
from pathlib import Path
from tagseal.services import oidc
from tagseal.services.sigstore import Sigstore

files = [Path(name) for name in sys.argv[1:]]
service = Sigstore.from_environ(os.environ, loopback=True)
service.sign(
    {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
    lambda: oidc.identity_token(os.environ, "sigstore") or "",
    lambda name, bundle: Path(f"{name}.sigstore.json").write_bytes(bundle),
)
"""


def main() -> None:
    """Print every comparison."""
    with tempfile.TemporaryDirectory(prefix="tagseal-bench-") as temporary:
        folder = Path(temporary)
        signing(folder)
    starting()


def signing(folder: Path) -> None:
    """Sign 32 files: ours, one `sigstore sign` with 32 arguments, 32 runs of it."""
    (folder / "temp").mkdir()
    with Loopback(folder=folder / "loopback", latency=LATENCY) as loopback:
        environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(folder),
            **loopback.environment(),
            **environment(
                RUN,
                token="",
                oidc_url=loopback.oidc_url,
                oidc_token=loopback.tokens.grant(RUN),
                workspace=folder,
                temp=folder / "temp",
            ),
        }
        theirs = [sys.executable, "-P", "-m", "sigstore", "--trust-config", str(loopback.folder / "trust.json"), "sign"]
        ours = timed([sys.executable, "-P", "-c", OURS, *files(folder / "ours")], folder / "ours", environ)
        once = timed([*theirs, *files(folder / "once")], folder / "once", environ)
        each = sum(timed([*theirs, file], folder / "each", environ) for file in files(folder / "each"))
    show(f"sign {ARTIFACTS} artifacts, {LATENCY * 1000:.0f} ms a request")
    show(f"  tagseal                             {ours:6.2f} s")
    show(f"  sigstore sign, one run              {once:6.2f} s   {once / ours:5.1f} times as long   (aim: 1)")
    show(f"  sigstore sign, {ARTIFACTS} runs             {each:6.2f} s   {each / ours:5.1f} times as long   (aim: 20)")


def starting() -> None:
    """Start the quick commands, beside an interpreter that does nothing; show what was imported."""
    clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    refused = {**clean, "GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}
    module = [sys.executable, "-P", "-m", "tagseal"]
    nothing = median([sys.executable, "-P", "-c", "pass"], clean)
    show("start, median of 5")
    show(f"  python -c pass                      {nothing:6.3f} s")
    for name, argv, environ in (("--help", [*module, "--help"], clean), ("guard", [*module, "guard"], refused)):
        seconds = median(argv, environ)
        show(f"  tagseal {name:<28}{seconds:6.3f} s   {seconds / nothing:5.1f} times as long   (aim: 0.15 s)")
        heavy = [one for one in ("sigstore", "github", "pydantic", "rich") if one in imported(argv, environ)]
        show(f"    heavy imports: {', '.join(heavy) or 'none'}")


def files(folder: Path) -> list[str]:
    folder.mkdir()
    made = [folder / f"artifact-{number}.bin" for number in range(ARTIFACTS)]
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


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
