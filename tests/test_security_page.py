"""The table of threats: each row names the tests that hold it."""

from __future__ import annotations

import re

import pytest

from source import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| who |")
]
RULE = re.compile(r"^(?:async )?def test_", re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_row_is_held_by_tests_that_are_there(row: list[str]) -> None:
    """A promise without a test is a hope; a name without a file is neither."""
    named = re.findall(r"`([\w./]+\.py)`", row[-1])
    assert named != []
    missing = [name for name in named if not (ROOT / "tests" / name).is_file()]
    assert missing == []
    empty = [name for name in named if RULE.search((ROOT / "tests" / name).read_text(encoding="utf-8")) is None]
    assert empty == []


def test_every_row_has_all_its_cells() -> None:
    """Who, what they control, what stops them, what does not, and the tests."""
    assert {len(row) for row in ROWS} == {5}
