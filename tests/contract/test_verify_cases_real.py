"""Real ``sigstore`` and real ``cosign``, run on the corpus: wherever they judge otherwise than we do, we say why.

``sigstore verify identity`` is asked for the name and the issuer, as the release page has it, and so is
``cosign verify-blob``. What they accept beyond that, and what they refuse that we take, stands in
``tests/assets/verify/DIFFERENCES.toml``: nothing is listed that is no difference, and no difference is unlisted.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from corpus import CASES, CONFIG, CORPUS, ROOT, SUFFIX, Case
from instance import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIFFERENCES = tomllib.loads((CORPUS / "DIFFERENCES.toml").read_text(encoding="utf-8"))
SAMPLE = 1_500
"""Of the bundle that is cut off at every length, every so manieth for a tool that has to be started each time."""
COSIGN = shutil.which("cosign") or "cosign"
NEEDS_COSIGN = pytest.mark.skipif(
    shutil.which("cosign") is None, reason="cosign is not installed: go install …/cosign/v3/cmd/cosign@v3.1.3"
)


def sigstore(file: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run the command in this process: an interpreter for each would take a second. A traceback is a refusal."""
    identity = ("--cert-identity", IDENTITY.uri, "--cert-oidc-issuer", IDENTITY.issuer)
    argv = ["sigstore", "--trust-config", str(CONFIG), "verify", "identity", *identity, str(file)]
    monkeypatch.setattr(sys, "argv", argv)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            runpy.run_module("sigstore", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return not ended.code
    except Exception:  # noqa: BLE001 - whatever ends the command with a traceback
        return False
    return True


def cosign(file: Path, _: pytest.MonkeyPatch) -> bool:
    identity = ("--certificate-identity", IDENTITY.uri, "--certificate-oidc-issuer", IDENTITY.issuer)
    trusted = ("--trusted-root", str(ROOT), "--bundle", f"{file}{SUFFIX}")
    argv = [COSIGN, "verify-blob", *trusted, *identity, str(file)]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0


def accepts(
    tool: Callable[[Path, pytest.MonkeyPatch], bool], case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Tell whether a tool accepts every file of a case, or any of the bundles that were cut off."""
    (name, *others) = case.files()
    if case.truncated:
        for bundle in case.lengths(SAMPLE):
            case.write(folder, bundle)
            if tool(folder / name, monkeypatch):
                return True
        return False
    case.write(folder)
    return all(tool(folder / other, monkeypatch) for other in (name, *others))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sigstore_judges_as_we_do(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real sigstore accepts what must verify and refuses what must not, apart from what is listed with its reason."""
    differs = accepts(sigstore, case, tmp_path, monkeypatch) is not case.genuine
    assert differs is (case.name in DIFFERENCES["sigstore"])


@pytest.mark.interop
@NEEDS_COSIGN
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cosign_judges_as_we_do(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real cosign accepts what must verify and refuses what must not, apart from what is listed with its reason."""
    differs = accepts(cosign, case, tmp_path, monkeypatch) is not case.genuine
    assert differs is (case.name in DIFFERENCES["cosign"])


def test_every_difference_is_of_a_case_and_has_its_reason() -> None:
    """What is listed names a tool that is run, a folder that is there, and a sentence."""
    assert DIFFERENCES.keys() == {"sigstore", "cosign"}
    for listed in DIFFERENCES.values():
        assert listed.keys() <= {case.name for case in CASES}
        assert [name for name, reason in listed.items() if not reason.endswith(".")] == []
