"""What every test may use."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

REAL = ("gh", "cosign", "curl", "sha256sum")


def pytest_configure() -> None:
    """Where the real tools are required, a missing one ends the run: a skipped test would look like a passed one."""
    missing = [name for name in REAL if shutil.which(name) is None]
    if os.environ.get("TAGSEAL_INTEROP") == "required" and missing:
        pytest.exit(f"interop needs {', '.join(missing)} on PATH", returncode=2)
