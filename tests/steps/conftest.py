"""One release on the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stage import Stage, stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give a tag that is built and checked, in a public repository.

    Each test has a loopback of its own, whose faults, clocks and logs it may change: starting one takes a twentieth of
    what such a test takes, so that a shared one, with a rule for what is to be undone in it, would save too little.
    """
    with stage(tmp_path, monkeypatch) as one:
        yield one
