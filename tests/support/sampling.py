"""A few of many cases, chosen by the commit: the default run takes a sample of them, `nox -s exhaustive` takes all.

Each commit has a sample of its own, the same in every process and in every run again. ``TAGSEAL_SAMPLE=COMMIT`` takes
that of another commit, ``TAGSEAL_EXHAUSTIVE=1`` every case.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, TypeVar

from source import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def exhaustive() -> bool:
    """Tell whether every case is wanted."""
    return os.environ.get("TAGSEAL_EXHAUSTIVE") == "1"


@functools.cache
def seed() -> str:
    """Return what chooses the sample: the commit; a fixed word where there is none, as in an unpacked sdist."""
    if wanted := os.environ.get("TAGSEAL_SAMPLE"):
        return wanted
    argv = ("git", "rev-parse", "HEAD")
    try:
        asked = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return asked.stdout.strip()


def sample(cases: Sequence[T], size: int, name: Callable[[T], str] = repr) -> list[T]:
    """Return this many of the cases, in their order; ``name`` tells them apart, by the same text in every process."""
    if exhaustive():
        return list(cases)
    ranks = [hashlib.sha256(f"{seed()} {name(case)}".encode()).digest() for case in cases]
    chosen = sorted(range(len(cases)), key=ranks.__getitem__)[:size]
    return [cases[index] for index in sorted(chosen)]


def examples(number: int) -> int:
    """Return how many examples a test that makes them at random takes: a quarter of them by default.

    ``TAGSEAL_FUZZ`` says another number for all, as ``nox -s fuzz`` does.
    """
    return int(os.environ.get("TAGSEAL_FUZZ") or (number if exhaustive() else number // 4))
