"""Stand-ins do the one documented call as the real tool does: the same files, exit code and reason."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import stage as played
from instance import COMMIT, IDENTITY
from rehearsing import programs
from stage import NAMES, SDIST, WHEEL
from tagseal.loopback.github.state import utc_now
from tagseal.notes.commands import Use
from tagseal.records import BUNDLE
from tagseal.rehearsal.tools import toolset
from tagseal.steps.shell.instructions import Instruction, Shell, instructions
from tagseal.verification.attacks import Attack, AttackedCommand, attacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagseal.machine.process import Finished

DOWNLOAD = "gh release download v1.2.3 --repo octo/widget"
COSIGN = (
    f"cosign verify-blob {WHEEL} --bundle {WHEEL}{BUNDLE} --certificate-identity {IDENTITY.uri} "
    f"--certificate-oidc-issuer {IDENTITY.issuer}"
)
SOURCE = f"--certificate-github-workflow-repository {IDENTITY.repository} --certificate-github-workflow-sha {COMMIT}"
EVERYTHING = {one for name in NAMES for one in (name, name + BUNDLE)}
FAILS = {
    "gh: no such release": "gh release download v9 --repo octo/widget",
    "gh: no such file": f"{DOWNLOAD} --pattern nothing",
    "gh: a file that exists": DOWNLOAD,
    "curl: no such file": "curl --fail --location --remote-name-all https://github.com/octo/widget/releases/download/v9/a",
    "sha256sum: no such list": "sha256sum -c NOTHING",
    "sha256sum: no such file": f"rm {SDIST} && sha256sum -c SHA256SUMS",
    "sha256sum: nothing is there": f"rm {SDIST} {WHEEL} && sha256sum -c SHA256SUMS --ignore-missing",
    "cosign: no root of trust": f"{COSIGN} --trusted-root SHA256SUMS",
    "cosign: another commit": f"{COSIGN} {SOURCE[:-1]}",
    "cosign: another source": f"{COSIGN} {SOURCE.replace('octo', 'evil')}",
    "cosign: no such bundle": "cosign verify-blob --bundle a --certificate-identity b --certificate-oidc-issuer c d",
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One published release, and two shells: with the tools of this machine, and with stand-ins for all of them."""

    real: Shell
    standing_in: Shell
    commands: Mapping[str, str]
    """The notes' own, by tool; the last of each."""
    attacks: tuple[Attack, ...]
    """Those on a tool that has a stand-in."""
    genuine: Path
    """A folder with every asset."""

    def both(self, text: str, folder: Path) -> dict[str, tuple[Finished, set[str]]]:
        """Run a command with either, in a copy of the genuine files; give what came of it, and the files then."""
        found = {}
        for name, shell in (("real", self.real), ("stand-in", self.standing_in)):
            shutil.copytree(self.genuine, folder / name)
            finished = shell.run(text, folder / name, secrets={"GH_TOKEN": shell.token})
            found[name] = finished, {path.name for path in (folder / name).iterdir()}
        return found


def attacked(step: Instruction) -> AttackedCommand:
    """Return a command as ``prove`` attacks it."""
    files = (SDIST, WHEEL) if step.purpose.kind is Use.hash else step.purpose.files
    return AttackedCommand(
        tool=step.purpose.tool, text=step.command.text, files=files, names_commit=step.purpose.names_commit
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("standins")
    with pytest.MonkeyPatch.context() as patch, played.stage(folder, patch) as stage:
        services = stage.services()
        seal = stage.sign(services)
        release = stage.repository.by_id[stage.upload(seal, services).id]
        release.draft, release.published_at = False, utc_now()
        bare = {"PATH": programs(folder / "bin", "bash")}
        found = toolset.install(folder / "standins", toolset.find(bare, bare), loopback=stage.loopback.folder)
        assert [one.name for one in found if one.real] == ["sigstore"]
        steps = instructions(stage.tag, stage.plan, seal, services)
        environ = {**services.environ, "PATH": os.pathsep.join([str(folder / "standins"), services.environ["PATH"]])}
        for name in ("home-1", "home-2", "genuine"):
            (folder / name).mkdir()
        real = Shell(home=folder / "home-1", environ=services.environ, token=environ["GITHUB_TOKEN"])
        assert real.run(DOWNLOAD, folder / "genuine", secrets={"GH_TOKEN": real.token}).code == 0
        yield Bench(
            real=real,
            standing_in=Shell(home=folder / "home-2", environ=environ, token=real.token),
            commands={step.purpose.tool: step.command.text for step in steps},
            attacks=tuple(
                attack
                for step in steps
                if step.purpose.tool in {"cosign", "sha256sum"}
                for attack in attacks(attacked(step), seal.identity, NAMES)
            ),
            genuine=folder / "genuine",
        )


@pytest.mark.interop
@pytest.mark.parametrize("tool", ["gh", "curl", "sha256sum", "cosign"])
def test_a_stand_in_does_what_the_command_of_the_notes_does(bench: Bench, tool: str, tmp_path: Path) -> None:
    """The notes' command passes with either, and leaves the same files."""
    empty = "rm *.whl *.gz; " if tool in {"gh", "curl"} else ""
    found = bench.both(f"{empty}{bench.commands[tool]}", tmp_path)
    assert [finished.code for finished, _ in found.values()] == [0, 0], [f.errors for f, _ in found.values()]
    assert [files for _, files in found.values()] == [EVERYTHING, EVERYTHING]
    for name in EVERYTHING:
        assert (tmp_path / "stand-in" / name).read_bytes() == (bench.genuine / name).read_bytes()


@pytest.mark.interop
@pytest.mark.parametrize(
    "text",
    [
        f"rm {SDIST} && sha256sum -c SHA256SUMS --ignore-missing",
        f"{COSIGN} --trusted-root ../root.json",
    ],
    ids=["sha256sum", "cosign"],
)
def test_a_stand_in_does_what_the_offline_kits_command_does(bench: Bench, text: str, tmp_path: Path) -> None:
    """It knows the options that only the kit's page has."""
    shutil.copy(bench.genuine.parent / "loopback" / "trusted_root.json", tmp_path / "root.json")
    found = bench.both(text, tmp_path)
    assert [finished.code for finished, _ in found.values()] == [0, 0], [f.errors for f, _ in found.values()]


@pytest.mark.interop
@pytest.mark.parametrize("name", FAILS)
def test_a_stand_in_fails_as_the_real_tool_fails(bench: Bench, name: str, tmp_path: Path) -> None:
    """The same exit code, a word about it, and no traceback."""
    found = bench.both(FAILS[name], tmp_path)
    (real, files), (standing_in, files_then) = found.values()
    assert (standing_in.code, files_then) == (real.code, files), found
    assert real.code != 0
    assert standing_in.errors
    assert "Traceback" not in standing_in.errors


@pytest.mark.interop
def test_a_stand_in_refuses_each_attack_for_the_same_reason(bench: Bench, tmp_path: Path) -> None:
    """What is accepted as a refusal of the real tool is what the stand-in says."""
    assert len(bench.attacks) == 11
    for number, attack in enumerate(bench.attacks):
        for shell in (bench.real, bench.standing_in):
            folder = tmp_path / f"{number}-{shell.home.name}"
            shutil.copytree(bench.genuine, folder)
            attack.prepare(folder)
            finished = shell.run(attack.text, folder)
            assert attack.refusal(finished.code, finished.output + finished.errors), (attack.name, finished)


def test_a_stand_in_calls_itself_one(bench: Bench) -> None:
    """Whoever asks for its version learns that it is not the tool."""
    assert {tool: bench.standing_in.version(tool) for tool in ("gh", "curl", "sha256sum", "cosign")} == dict.fromkeys(
        ("gh", "curl", "sha256sum", "cosign"), "stand-in"
    )
