"""Releases through faults and kills, each then run again until it is out: `nox -s torture`.

A seed decides what goes wrong. One that fails is printed with its story, and `--seed` replays it alone; what threads
race for is decided anew each time, so `--times` replays it more than once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tagseal.loopback.github.state import PlayedRepository
    from torturing.sequence import Outcome
    from torturing.world import World

_WORLD: list[World] = []
"""What this process plays in."""


def main() -> int:
    """Play the sequences; return 0 if each ended in exactly one whole release."""
    options = _options()
    replayed = options.seed is not None
    seeds = [options.seed] * options.times if replayed else range(options.first, options.first + options.sequences)
    workers = min(options.workers, len(seeds))
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    for outcome in _played(seeds, workers, lossy=options.lossy):
        outcomes.append(outcome)
        if outcome.problems or replayed:
            _tell(outcome)
        if len(outcomes) % 50 == 0:
            _show(f"{len(outcomes)} sequences, {time.monotonic() - begun:.0f} s")
    _conclude(outcomes, time.monotonic() - begun, workers)
    return int(any(outcome.problems for outcome in outcomes))


def _played(seeds: Sequence[int], workers: int, *, lossy: bool) -> Iterator[Outcome]:
    """Play every seed in one of several processes, each with a world of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="tagseal-torture-", ignore_cleanup_errors=True) as folder,
        ProcessPoolExecutor(workers, get_context("fork"), initializer=_enter, initargs=(folder,)) as pool,
    ):
        for future in as_completed([pool.submit(_play, seed, _lose if lossy else bool) for seed in seeds]):
            yield future.result()


def _conclude(outcomes: Sequence[Outcome], seconds: float, workers: int) -> None:
    runs = sum(outcome.runs for outcome in outcomes)
    hits = Counter(hit for outcome in outcomes for hit in outcome.hits)
    failed = [f"{outcome.seed}" for outcome in outcomes if outcome.problems]
    _show(
        f"{len(outcomes)} sequences of {runs} jobs in {seconds:.0f} s, {seconds / len(outcomes):.2f} s each, "
        f"{workers} at a time"
    )
    _show(f"what hit: {', '.join(f'{name} {count}' for name, count in hits.most_common()) or 'nothing'}")
    _show(f"failed seeds: {', '.join(failed) or 'none'}")


def _enter(folder: str) -> None:
    """Make this worker's world: before it has a second thread."""
    from torturing.warm import end_with_parent  # noqa: PLC0415 - what it imports stays out of the parent
    from torturing.world import World  # noqa: PLC0415

    end_with_parent()
    _WORLD.append(World(Path(folder) / str(os.getpid())))


def _play(seed: int, tamper: Callable[[PlayedRepository], object]) -> Outcome:
    from torturing.sequence import play  # noqa: PLC0415

    return play(_WORLD[0], seed, tamper=tamper)


def _lose(repository: PlayedRepository) -> None:
    """Be a forge that loses files of what it has published."""
    for release in repository.releases:
        if not release.draft:
            del release.assets[1:]


def _tell(outcome: Outcome) -> None:
    replay = f" FAILED, replay it: nox -s torture -- --seed {outcome.seed}" if outcome.problems else ""
    _show(f"seed {outcome.seed}:{replay or ' one whole release'}, after {outcome.seconds:.1f} s")
    for line in (*outcome.story, *outcome.problems):
        _show("  " + line.replace("\n", "\n    "))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s torture --", description=__doc__, allow_abbrev=False)
    parser.add_argument("--sequences", type=int, default=1000, help="how many, each with a seed of its own")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay this one, and tell its story")
    parser.add_argument("--times", type=int, default=1, help="how often to replay it")
    parser.add_argument("--lossy", action="store_true", help="lose files of each release before it is judged")
    parser.add_argument("--workers", type=int, default=(os.cpu_count() or 1) + 1, help="sequences at a time")
    return parser.parse_args()


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
