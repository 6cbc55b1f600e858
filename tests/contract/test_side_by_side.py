"""The table of `DESIGN.md` that sets gh and this tool side by side is what both do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from source import ROOT

DESIGN = ROOT / ".github" / "DESIGN.md"
BEGIN, END = "<!-- tests/support/side_by_side.py -->\n", "<!-- end -->\n"


@pytest.mark.interop
@pytest.mark.skipif(os.environ.get("TAGSEAL_INTEROP") != "required", reason="a minute and more: nox -s interop")
def test_the_table_is_what_both_do() -> None:
    """Every cell is measured again, of another gh than the table's our own; ``TAGSEAL_GOLDEN=write`` writes it anew."""
    argv = [sys.executable, "-P", str(ROOT / "tests" / "support" / "side_by_side.py")]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "support"), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, rest = DESIGN.read_text(encoding="utf-8").split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("TAGSEAL_GOLDEN") == "write":
        DESIGN.write_text(f"{before}{BEGIN}{done.stdout}{END}{after}", encoding="utf-8")
    elif done.stdout.splitlines()[0] == written.splitlines()[0]:
        assert done.stdout == written
    else:
        assert ours(done.stdout) == ours(written)


def ours(table: str) -> list[tuple[str, str]]:
    """Return the first and the last cell of every row below the head."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [(row[0], row[-1]) for row in rows]
