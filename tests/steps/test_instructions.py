from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import VerificationFailed
from tagseal.notes.commands import Purpose, Use
from tagseal.records import Command, Phase
from tagseal.steps.shell.instructions import Instruction, Shell, follow

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "ghs_canary0123456789"


@pytest.fixture
def shims(tmp_path: Path) -> Path:
    folder = tmp_path / "shims"
    folder.mkdir()
    return folder


@pytest.fixture
def shell(tmp_path: Path, shims: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "HOME": "/home/person",
        "GITHUB_TOKEN": TOKEN,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN,
        "AWS_SECRET_ACCESS_KEY": "canary",
        "XDG_CONFIG_HOME": "/home/person/.config",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "SSL_CERT_FILE": "/ca.pem",
    }
    return Shell(home=home, environ=environ, token=TOKEN)


def shim(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def step(text: str, tool: str, kind: Use = Use.verify) -> Instruction:
    return Instruction(
        command=Command(phase=Phase.draft, text=text),
        purpose=Purpose(kind=kind, tool=tool, files=(), phase=Phase.draft),
    )


def test_nothing_of_the_persons_gets_in(shell: Shell, tmp_path: Path) -> None:
    """A command sees the proxy, the certificates and PATH, and no token, home or secret of the job."""
    finished = shell.run("env", tmp_path)
    seen = dict(line.split("=", 1) for line in finished.output.splitlines())
    assert TOKEN not in finished.output
    assert "canary" not in finished.output
    assert "/home/person" not in finished.output
    assert seen["HOME"] == str(shell.home)
    assert seen["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert seen["SSL_CERT_FILE"] == "/ca.pem"


def test_programs_beside_this_one_are_found_last(shell: Shell, tmp_path: Path) -> None:
    """A shim or a tool of the job wins over what was installed with this tool."""
    path = shell.run('echo "$PATH"', tmp_path).output.strip().split(os.pathsep)
    assert path[0] == str(tmp_path / "shims")
    assert path[-1] == os.path.dirname(sys.executable)  # noqa: PTH120 - as the environment spells it


@pytest.mark.parametrize("text", ["false; true", "false | true", "echo $unset_variable"])
def test_a_failure_in_the_middle_is_a_failure(shell: Shell, tmp_path: Path, text: str) -> None:
    """Errors, also in a pipe, and unset variables end a command."""
    assert shell.run(text, tmp_path).code != 0


def test_only_a_download_by_gh_gets_the_token(shell: Shell, shims: Path, tmp_path: Path) -> None:
    """The token goes to ``gh`` when it downloads, to nothing else."""
    for name in ("gh", "curl", "sigstore"):
        shim(shims, name, 'echo "token: ${GH_TOKEN:-none}" >&2')
    details = [
        shell.follow(step("gh release download v1", "gh", Use.download), tmp_path).detail,
        shell.follow(step("curl https://github.com", "curl", Use.download), tmp_path).detail,
        shell.follow(step("sigstore verify", "sigstore"), tmp_path).detail,
    ]
    assert details == ["token: ***", "token: none", "token: none"]


def test_a_verdict_names_the_command_and_the_tool(shell: Shell, shims: Path, tmp_path: Path) -> None:
    """The command's first line, without what continues it, and what ran it."""
    shim(shims, "cosign", 'if [ "$1" = version ]; then echo "GitVersion:    v3.1.3"; else echo Verified OK >&2; fi')
    verdict = shell.follow(step("cosign verify-blob \\\n  a.whl", "cosign"), tmp_path)
    assert verdict.name == "cosign verify-blob"
    assert verdict.ok
    assert verdict.detail == "Verified OK"
    assert verdict.by == "cosign 3.1.3"


def test_a_stand_in_is_called_one(shell: Shell, shims: Path, tmp_path: Path) -> None:
    """What a rehearsal plays is never reported as the real tool."""
    shim(shims, "gh", "echo gh stand-in")
    assert shell.follow(step("gh release download v1", "gh"), tmp_path).by == "stand-in"


def test_the_first_failure_stops_and_says_why(shell: Shell, shims: Path, tmp_path: Path) -> None:
    """The commands behind it do not run; the error has the tool's own words and says where to look."""
    shim(shims, "sigstore", "echo FAIL: a.whl >&2; exit 1")
    steps = [step("sigstore verify a.whl", "sigstore"), step("touch ran", "touch")]
    with pytest.raises(VerificationFailed, match=r"sigstore verify a\.whl") as caught:
        follow(steps, shell, tmp_path, look="https://github.com/octo/widget/releases", draft=True)
    assert any("FAIL: a.whl" in line for line in caught.value.context)
    assert "https://github.com/octo/widget/releases" in caught.value.hint
    assert not (tmp_path / "ran").exists()


def test_words_of_a_tool_cannot_rewrite_the_terminal(shell: Shell, tmp_path: Path) -> None:
    """Control characters of a tool's output are shown, not obeyed."""
    finished = shell.run(r"printf 'OK\033[2K\rFAIL'", tmp_path)
    assert shell.words(finished).isprintable()


@pytest.mark.parametrize(("draft", "said"), [(True, "left as it is"), (False, "release a new version")])
def test_the_hint_knows_whether_it_is_too_late(
    shell: Shell, shims: Path, tmp_path: Path, *, draft: bool, said: str
) -> None:
    """A draft can be made anew; of a public release nobody is told to upload again."""
    shim(shims, "sigstore", "exit 1")
    with pytest.raises(VerificationFailed) as caught:
        follow([step("sigstore verify a.whl", "sigstore")], shell, tmp_path, look="the page", draft=draft)
    assert said in caught.value.hint


def test_a_python_of_the_runners_finds_its_library(tmp_path: Path) -> None:
    """Where actions/setup-python unpacks to another folder, no program of that Python starts without this."""
    shell = Shell(home=tmp_path, environ={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": "/tools/lib"}, token="")
    seen = dict(line.split("=", 1) for line in shell.run("env", tmp_path).output.splitlines() if "=" in line)
    assert seen["LD_LIBRARY_PATH"] == "/tools/lib"
