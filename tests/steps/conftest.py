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
    """Give a tag that is built and checked, in a public repository."""
    with stage(tmp_path, monkeypatch) as one:
        yield one
