"""From a seed, what goes wrong in one sequence: nothing here knows what came of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from tagseal.loopback.faults import FAULTS, Fault
from torturing.death import Death, Ending

Place = Literal["step", "machine", "other", "all"]
"""Where a job that failed runs again: the same step, the same machine, another one, or all jobs on other ones."""

Adopts = Literal["nothing", "a draft", "an empty release"]
ADOPTS: tuple[Adopts, ...] = ("nothing", "a draft", "an empty release")

BUILDS = 2
"""How many times a project is built, each time of other bytes."""

PERMANENT = {"name-rewritten", "immutable", "tag-burnt", "tag-moved", "image-tag-moved", "index-name-taken"}
"""Faults that no re-run mends: these are held by tests of their own."""
TRANSIENT = tuple(sorted(FAULTS.keys() - PERMANENT))

_PEOPLE = {"draft-edited", "asset-added", "asset-deleted"}
_NOT_THE_FLIP = "GET|POST|DELETE"
"""Nobody can look between the last look and the request that publishes: what a person does just then is public."""
_KILLING = tuple(name for name in TRANSIENT if name.startswith("kill"))
_BRANCH = "refs/heads/main"
_OPERATIONS = {True: 60, False: 120}
"""The last file operation that a death waits for: below ``dist/``, or anywhere."""
_BYTES = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run of a job in which something goes wrong, and where it runs again if it failed."""

    faults: tuple[Fault, ...] = ()
    death: Death | None = None
    ref: str = ""
    """Another ref, that the job's identity tokens speak of."""
    place: Place = "other"
    build: int = 0
    """Which build all jobs begin with, where they run again."""

    def __str__(self) -> str:
        faults = (f"{fault.name} (skip {fault.skip}, count {fault.count})" for fault in self.faults)
        death = self.death
        dying = (f"{death.kind} at {death.at}{' of the work folder' if death.work else ''}",) if death else ()
        return ", ".join((*faults, *dying, *([f"a token of {self.ref}"] if self.ref else []))) or "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Everything that is decided before a sequence begins."""

    seed: int
    turns: tuple[Turn, ...]
    immutable: bool
    """Whether the repository locks what it publishes."""
    adopts: Adopts
    """What somebody else made for the tag, for this run to fill."""
    again: bool
    """Whether all jobs run once more, on other machines, after the release is out."""
    index: bool
    """Whether the packages go to an index as well."""


def schedule(seed: int) -> Schedule:
    """Return the schedule of this seed, always the same."""
    draw = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    drawn = Schedule(
        seed=seed,
        turns=tuple(_turn(draw) for _ in range(draw.choice((1, 2, 2, 3, 3, 4, 5)))),
        immutable=draw.random() < 0.2,
        adopts=draw.choices(ADOPTS, (80, 14, 6))[0],
        again=draw.random() < 0.1,
        index=draw.random() < 0.25,
    )
    return replace(drawn, adopts="nothing") if drawn.index else drawn


def _turn(draw: random.Random) -> Turn:
    kind = draw.choices(("faults", "death", "both", "foreign"), (45, 35, 15, 5))[0]
    return Turn(
        faults=tuple(_fault(draw) for _ in range(draw.choice((1, 1, 2, 3)))) if kind in {"faults", "both"} else (),
        death=_death(draw) if kind in {"death", "both"} else None,
        ref=_BRANCH if kind == "foreign" else "",
        place=draw.choices(("step", "machine", "other", "all"), (15, 25, 35, 25))[0],
        build=draw.randrange(BUILDS),
    )


def _fault(draw: random.Random) -> Fault:
    name = draw.choice(_KILLING if draw.random() < 0.25 else TRANSIENT)
    count = 1 if name == "slow" else draw.choices((1, 2, 5, 20), (70, 15, 10, 5))[0]
    method = _NOT_THE_FLIP if name in _PEOPLE else ".*"
    return Fault(name=name, method=method, skip=draw.choice((0, 0, 1, 2, 4, draw.randrange(80))), count=count)


def _death(draw: random.Random) -> Death:
    kinds: tuple[Ending, ...] = ("kill", "interrupt", "torn", "full")
    kind = draw.choices(kinds, (60, 15, 15, 10))[0]
    work = draw.random() < 0.7
    most = _OPERATIONS[work] if kind in {"kill", "interrupt"} else _BYTES
    return Death(kind=kind, at=draw.randint(1, most), work=work)
