"""`tagseal loopback -- COMMAND`: real tools, unmodified, in a played job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import packages

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1.0.0"
EXPECTED = f"--certificate-identity {IDENTITY} --certificate-oidc-issuer https://token.actions.githubusercontent.com"


def inside(folder: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in the loopback."""
    argv = [
        sys.executable,
        "-P",
        "-m",
        "tagseal",
        "loopback",
        "--out",
        str(folder / "out"),
        *options,
        "--",
        "bash",
        "-euc",
        script,
    ]
    return subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True, env=dict(os.environ))


def test_sigstore_signs_and_verifies_inside(tmp_path: Path) -> None:
    """The real sigstore finds an identity token and its trust without a flag."""
    (tmp_path / "a.txt").write_text("a")
    done = inside(
        tmp_path,
        f"sigstore sign a.txt; sigstore verify identity --cert-identity {IDENTITY} "
        "--cert-oidc-issuer https://token.actions.githubusercontent.com a.txt",
    )
    assert "OK: a.txt" in done.stdout + done.stderr
    assert done.returncode == 0
    assert (tmp_path / "out" / "transcript.jsonl").exists()


@pytest.mark.parametrize(("log", "host"), [("v1", "rekor.sigstore.dev"), ("v2", "log2025-1.rekor.sigstore.dev")])
def test_the_log_is_the_one_that_was_asked_for(tmp_path: Path, log: str, host: str) -> None:
    """``--log`` chooses which of them signers are led to; the same trust verifies what comes of both."""
    (tmp_path / "a.txt").write_text("a")
    done = inside(
        tmp_path,
        f"sigstore sign a.txt; sigstore verify identity --cert-identity {IDENTITY} "
        "--cert-oidc-issuer https://token.actions.githubusercontent.com a.txt",
        "--log",
        log,
    )
    assert "OK: a.txt" in done.stdout + done.stderr
    lines = (tmp_path / "out" / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [one["host"] for one in map(json.loads, lines) if one["host"].endswith(".sigstore.dev")]
    assert asked == ["fulcio.sigstore.dev", "timestamp.sigstore.dev", host]


def test_twine_publishes_and_pip_downloads_inside(tmp_path: Path) -> None:
    """Without a flag or a login: the index trusts this job with any project, and keeps a name for ever."""
    packages.write(tmp_path / "dist")
    upload = "twine upload --non-interactive --disable-progress-bar"
    done = inside(
        tmp_path,
        f"{upload} dist/*; pip download -q --no-deps --only-binary :all: --dest got widget==1.2.3; "
        f"echo >>dist/*.whl; {upload} dist/*.whl && exit 3; exit 0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["widget-1.2.3-py3-none-any.whl"]


def test_the_commands_exit_code_is_ours(tmp_path: Path) -> None:
    """What the command says to its caller reaches ours."""
    assert inside(tmp_path, "exit 7").returncode == 7


def test_a_fault_kills_the_command(tmp_path: Path) -> None:
    """The command ends by SIGKILL, told as a shell tells it; nothing that it would do afterwards is done."""
    done = inside(tmp_path, "curl -s https://api.github.com/user; touch later", "--fault", "kill-before")
    assert (done.returncode, (tmp_path / "later").exists()) == (137, False)
    assert "fault:   kill-before hit 1 request\n" in done.stdout


def test_a_missing_command_is_a_usage_error(tmp_path: Path) -> None:
    """A program that is not there is named, with exit code 2."""
    argv = [sys.executable, "-P", "-m", "tagseal", "loopback", "--out", str(tmp_path), "--", "no-such-program"]
    done = subprocess.run(argv, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, "missing-command" in done.stderr) == (2, True)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not on PATH")
def test_gh_makes_edits_and_deletes_a_release_inside(tmp_path: Path) -> None:
    """Real gh creates a draft with a file, uploads, views, downloads, publishes and deletes."""
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    done = inside(
        tmp_path,
        "export GH_REPO=octo/widget; gh release create v1.0.0 a.txt --draft --notes N; gh release upload v1.0.0 b.txt; "
        "gh release view v1.0.0 --json isDraft,assets --jq '.isDraft, .assets[].name'; "
        "mkdir got; gh release download v1.0.0 --dir got; gh release edit v1.0.0 --draft=false; "
        "gh release view v1.0.0 --json isDraft --jq .isDraft; gh release delete v1.0.0 --yes; "
        "gh release view v1.0.0 && exit 9 || true",
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line in {"true", "false", "a.txt", "b.txt"}] == [
        "true",
        "a.txt",
        "b.txt",
        "false",
    ]
    assert {file.name: file.read_text() for file in (tmp_path / "got").iterdir()} == {"a.txt": "a", "b.txt": "b"}


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("cosign") is None, reason="cosign is not on PATH")
def test_cosign_verifies_inside_what_sigstore_signed(tmp_path: Path) -> None:
    """Real cosign accepts the bundle of the genuine file, and refuses another file."""
    (tmp_path / "a.txt").write_text("a")
    verify = f"cosign verify-blob --bundle a.txt.sigstore.json {EXPECTED} a.txt"
    done = inside(tmp_path, f"sigstore sign a.txt; {verify}; echo changed > a.txt; {verify} && exit 9 || true")
    assert done.returncode == 0, done.stderr
    assert "Verified OK" in done.stderr
