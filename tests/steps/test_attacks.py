"""The reasons in ``verification/attacks.py``, held against the words of the real tools."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from instance import COMMIT, IDENTITY, instance
from tagseal.names import quote_word
from tagseal.records import BUNDLE
from tagseal.steps.shell.instructions import Shell
from tagseal.verification.attacks import AttackedCommand, attacks

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("widget.whl", "widget.tar.gz", "SHA256SUMS")
_IDENTITY = f"--cert-identity {IDENTITY.uri} --cert-oidc-issuer {IDENTITY.issuer}"
_GITHUB = f"--cert-identity {IDENTITY.uri} --repository {IDENTITY.repository} --ref {IDENTITY.ref} --sha {COMMIT}"
_SOURCE = f"--certificate-github-workflow-repository {IDENTITY.repository} --certificate-github-workflow-sha {COMMIT}"
OTHER = IDENTITY.repository.replace("/", "-fork/")

TARGETS = {
    "sigstore": AttackedCommand(
        tool="sigstore", text=f"sigstore verify identity {' '.join(NAMES)} {_IDENTITY}", files=NAMES
    ),
    "cosign": AttackedCommand(
        tool="cosign",
        text="\n".join(
            f"cosign verify-blob --bundle {name}{BUNDLE} {_IDENTITY.replace('--cert', '--certificate')} {name}"
            for name in NAMES
        ),
        files=NAMES,
    ),
    "sigstore github": AttackedCommand(
        tool="sigstore", text=f"sigstore verify github {_GITHUB} {' '.join(NAMES)}", files=NAMES, names_commit=True
    ),
    "cosign with the commit": AttackedCommand(
        tool="cosign",
        text=f"cosign verify-blob --bundle {NAMES[2]}{BUNDLE} {_IDENTITY.replace('--cert', '--certificate')} {_SOURCE} "
        f"{NAMES[2]}",
        files=NAMES[2:],
        names_commit=True,
    ),
    "sha256sum": AttackedCommand(tool="sha256sum", text="sha256sum -c SHA256SUMS", files=NAMES[:2]),
}


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Shell]:
    """A folder of signed files, and a shell whose tools trust the instance that signed them."""
    base = tmp_path_factory.mktemp("attacks")
    folder, shims, home = (base / name for name in ("genuine", "shims", "home"))
    for one in (folder, shims, home):
        one.mkdir()
    for name in NAMES[:2]:
        (folder / name).write_text(f"bytes of {name}")
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES[:2]}
    (folder / NAMES[2]).write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    digests[NAMES[2]] = hashlib.sha256((folder / NAMES[2]).read_bytes()).hexdigest()
    with instance() as played:
        for name, bundle in played.sign(digests).items():
            (folder / (name + BUNDLE)).write_bytes(bundle)
        (base / "trust.json").write_text(played.trust_config)
        (base / "root.json").write_text(played.trusted_root)
    python, cosign = quote_word(sys.executable), quote_word(shutil.which("cosign") or "cosign")
    calls = {
        "sigstore": f'exec {python} -m sigstore --trust-config {quote_word(str(base / "trust.json"))} "$@"',
        "cosign": f'verb=$1; shift; exec {cosign} "$verb" --trusted-root {quote_word(str(base / "root.json"))} "$@"',
    }
    for name, call in calls.items():
        (shims / name).write_text(f"#!/bin/sh\n{call}\n")
        (shims / name).chmod(0o755)
    return folder, Shell(home=home, environ={"PATH": f"{shims}:{os.environ['PATH']}"}, token="")


@pytest.mark.parametrize(
    "tool",
    [pytest.param(name, marks=[pytest.mark.interop] * (one.tool == "cosign")) for name, one in TARGETS.items()],
)
def test_each_tool_accepts_the_genuine_and_refuses_each_attack(
    genuine: tuple[Path, Shell], tool: str, tmp_path: Path
) -> None:
    """A real tool passes the genuine files, and gives the expected reason for each attack."""
    if TARGETS[tool].tool == "cosign" and not shutil.which("cosign"):
        pytest.skip("cosign is not on PATH")
    folder, shell = genuine
    target = TARGETS[tool]
    assert shell.run(target.text, folder).code == 0
    tried = [*attacks(target, IDENTITY, NAMES)]
    of_source = [attack.name for attack in tried if attack.name.startswith("signed for another")]
    named = [f"repository: {OTHER}", f"commit: {'0' * 40}"] if target.names_commit else []
    assert of_source == [f"signed for another {one}" for one in named]
    for number, attack in enumerate(tried):
        attacked = tmp_path / str(number)
        shutil.copytree(folder, attacked, copy_function=os.link)
        attack.prepare(attacked)
        finished = shell.run(attack.text, attacked)
        assert attack.refusal(finished.code, finished.output + finished.errors), (attack.name, finished)
    assert shell.run(target.text, folder).code == 0
