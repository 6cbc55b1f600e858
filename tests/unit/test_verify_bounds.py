"""Files of any size: what is refused by its size is not read, and what is read is not kept; and no foreign words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from corpus import CASES, CONFIG, SUFFIX
from instance import IDENTITY, TAG
from tagseal.verification.facts import Signer, facts_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

GIB = 1 << 30
MOST = 400 << 20
"""Bytes of memory: an interpreter with sigstore in it takes a quarter of this."""
CHILD = """
import re, sys
from tagseal.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(int(re.search("VmHWM:\\s*([0-9]+) kB", status.read())[1]) * 1024, file=sys.stderr)
sys.exit(code)
"""
"""The peak of this program's own memory: ``ru_maxrss`` begins with that of the process it was forked from."""


def verified(folder: Path) -> tuple[int, str, int]:
    """Run the command on a folder in a process of its own; return exit code, output, bytes of memory at most."""
    who = ("--repo", IDENTITY.repository, "--tag", TAG, "--trust-config", str(CONFIG), "--offline")
    argv = [sys.executable, "-P", "-c", CHILD, "verify", *who, str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    *_, memory = done.stderr.splitlines()
    return done.returncode, done.stdout + done.stderr, int(memory)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    next(case for case in CASES if case.name == "genuine-release").write(tmp_path)
    return tmp_path


def sparse(path: Path) -> None:
    """Make a file of 1 GiB that takes no place on the disk."""
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, GIB)


def test_the_release_itself_is_accepted(release: Path) -> None:
    """What the other tests change is genuine: the command passes."""
    code, said, memory = verified(release)
    assert code == 0, said
    assert memory < MOST


@pytest.mark.parametrize("name", [f"SHA256SUMS{SUFFIX}", f"widget-1.2.3.tar.gz{SUFFIX}", "SHA256SUMS"])
def test_a_huge_file_is_refused_by_its_size(release: Path, name: str) -> None:
    """A bundle, or a list of checksums, of 1 GiB is refused with its size; it is not read."""
    sparse(release / name)
    code, said, memory = verified(release)
    assert code == 1
    assert f"of {GIB} bytes, expected at most {1 << 20}" in said
    assert memory < MOST


def test_a_huge_root_of_trust_is_refused(release: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A root of trust of 1 GiB is one of our errors, and is not read either."""
    root = tmp_path_factory.mktemp("trust") / "trusted_root.json"
    sparse(root)
    who = ("--repo", IDENTITY.repository, "--tag", TAG, "--trust-config", str(root))
    argv = [sys.executable, "-P", "-c", CHILD, "verify", *who, str(release)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "expected a trusted root" in done.stderr
    assert int(done.stderr.splitlines()[-1]) < MOST


def test_a_large_file_is_hashed_without_being_kept(release: Path) -> None:
    """A file of 1 GiB where another was signed does not verify, and memory is what it is for a small one."""
    sparse(release / "widget-1.2.3.tar.gz")
    code, said, memory = verified(release)
    assert code == 1
    assert "mismatch" in said
    assert memory < MOST


def test_a_parsers_warning_is_not_printed(release: Path) -> None:
    """A certificate that a library warns of is a verdict, without the library's words about its own source."""
    bundle = release / f"SHA256SUMS{SUFFIX}"
    document = json.loads(bundle.read_bytes())
    document["verificationMaterial"]["certificate"]["rawBytes"] = negative(document)
    bundle.write_text(json.dumps(document), encoding="utf-8")
    code, said, _ = verified(release)
    assert code == 1
    assert "Warning" not in said


def test_a_parsers_warning_leaves_facts(release: Path) -> None:
    """Where warnings are errors, as here, a certificate that one is about has no facts, and raises nothing."""
    document = json.loads((release / f"SHA256SUMS{SUFFIX}").read_bytes())
    document["verificationMaterial"]["certificate"]["rawBytes"] = negative(document)
    assert facts_of(document).signer == Signer()


def negative(document: dict[str, Any]) -> str:
    """Return the certificate with a serial number below zero, which the X.509 library warns of."""
    der = bytearray(b64decode(document["verificationMaterial"]["certificate"]["rawBytes"]))
    der[der.index(b"\x02\x14") + 2] |= 0x80
    return b64encode(der).decode()
