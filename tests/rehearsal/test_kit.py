"""A rehearsal of a release with an offline kit: it goes through, and what it leaves works by itself."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tagseal.cli import main
from tagseal.machine.packed import unpack
from tagseal.notes.commands import commands
from tagseal.notes.known import KIT_FORMS
from tagseal.records import Phase
from tagseal.steps.shell import offline

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsing import Ended

KIT = "widget-1.2.3-verify.zip"


def test_a_release_with_a_kit_is_rehearsed(kitted: Ended) -> None:
    """All jobs end well; the kit is one more asset and one more entry, and its commands ran in two of the jobs."""
    assert kitted.code == 0, kitted.errors
    records = kitted.document["records"]
    assert records["plan"]["kit"] == KIT
    assert records["sign"]["artifacts"][-1]["kind"] == "kit"
    for verb in ("prove", "witness"):
        assert [record["name"].split()[0] for record in records[verb]["kit"]] == ["sigstore", "cosign", "sha256sum"]
        assert records[verb]["offline"] in {offline.NAMESPACE, offline.PROXIES}
    assert "6 log entries naming example/widget" in kitted.errors
    assert f"3 commands of the offline kit ran {records['prove']['offline']}" in kitted.errors
    assert {KIT, f"{KIT}.sigstore.json"} <= {path.name for path in (kitted.out / "assets").iterdir()}


def laid_out(kitted: Ended, folder: Path) -> dict[str, bytes]:
    """Unpack the kit, put the files beside its members, and return those."""
    assets = kitted.out / "assets"
    folder.mkdir()
    members = unpack(assets / KIT, KIT.removesuffix(".zip"))
    for name, content in members.items():
        (folder / name).write_bytes(content)
    for file in assets.iterdir():
        if not file.name.endswith(".sigstore.json") and file.name not in {KIT, *members}:
            shutil.copy(file, folder)
    return members


def test_what_is_left_verifies_on_a_machine_without_a_network(kitted: Ended, tmp_path: Path) -> None:
    """The kit, the files, the real tools, and nothing else: no shim, no loopback, no network, an empty home."""
    lacking = [name for name in ("cosign", "sha256sum", "bash") if shutil.which(name) is None]
    if lacking:
        pytest.skip(f"this machine has no {', '.join(lacking)}")
    path = f"{shutil.which('bash').rpartition('/')[0]}"  # type: ignore[union-attr]
    prefix, how = offline.without_network({"PATH": path}, tmp_path)
    if how != offline.NAMESPACE:
        pytest.skip("this machine lets nobody make a network namespace")
    folder = tmp_path / "kit"
    members = laid_out(kitted, folder)
    own = sys.executable.rpartition("/")[0]
    cosign = str(shutil.which("cosign")).rpartition("/")[0]
    environ = {"HOME": str(tmp_path), "PATH": f"{own}:{cosign}:{path}:/usr/bin:/bin", "COLUMNS": "1000"}
    said = ""
    for command in commands(members["VERIFY.md"].decode(), KIT_FORMS):
        if command.phase is Phase.draft:
            ended = subprocess.run(
                [*prefix, "bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", command.text],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert ended.returncode == 0, ended.stdout + ended.stderr
            said += ended.stdout + ended.stderr
    assert (said.count("OK: "), said.count("Verified OK"), said.count(": OK")) == (3, 3, 2)


def test_our_own_verification_reads_the_kit(kitted: Ended, tmp_path: Path) -> None:
    """The command that the page only shows is right as well."""
    own = [sys.executable, "-P", "-m", "tagseal"]
    members = laid_out(kitted, tmp_path / "kit")
    shown = [
        command.text
        for command in commands(members["VERIFY.md"].decode(), KIT_FORMS)
        if command.text.startswith("tagseal ")
    ]
    argv = shlex.split(shown[0].replace("\\\n", ""))[1:]
    ended = subprocess.run(
        [*own, *argv],
        cwd=tmp_path / "kit",
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout.count("OK: ")) == (0, 3), ended.stdout + ended.stderr


def test_verify_takes_an_unpacked_kit_for_one(
    kitted: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ``unzip`` leaves it beside the downloads, and with the files put into its folder, as its page says."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "TAGSEAL_TRUST_CONFIG", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    who = ("--repo", "example/widget", "--tag", "v1.2.3", "--offline", "--trust-config")
    folder = KIT.removesuffix(".zip")
    shutil.copytree(kitted.out / "assets", tmp_path / "downloads")
    monkeypatch.chdir(tmp_path / "downloads")
    with zipfile.ZipFile(KIT) as archive:
        archive.extractall(".")
    assert main(["verify", ".", *who, folder]) == 0
    assert f"note:    '{folder}' has an unpacked offline kit. " in capsys.readouterr().out
    laid_out(kitted, tmp_path / "laid-out")
    monkeypatch.chdir(tmp_path / "laid-out")
    assert main(["verify", ".", *who, "."]) == 0
    assert "note:    this folder has an unpacked offline kit. " in capsys.readouterr().out
