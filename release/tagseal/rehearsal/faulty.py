"""Faults as a person names them: ``server-error``, or ``drop-after,host=uploads.github.com,method=POST,count=2``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.loopback.faults import FAULTS, Fault
from tagseal.names import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXTS = ("host", "method", "path")


def named(descriptions: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults of these descriptions.

    Raises:
        UsageError: A name or a key is unknown, or a count is no number.
    """
    return tuple(_fault(one) for one in descriptions)


def _fault(description: str) -> Fault:
    name, *pairs = description.split(",")
    where = dict(pair.partition("=")[::2] for pair in pairs)
    count = where.pop("count", "1")
    if name not in FAULTS or not set(where) <= set(_TEXTS) or not count.isdecimal():
        raise UsageError(
            f"got the fault {shown(description)}, expected NAME[,host=…][,method=…][,path=…][,count=N]",
            context=tuple(f"{known}: {text}" for known, text in FAULTS.items()),
            hint="`--fault server-error,host=api.github.com,method=POST` fails the first write to GitHub.",
            slug="unknown-fault",
        )
    return Fault(name=name, count=int(count), **where)
