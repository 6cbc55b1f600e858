"""The names by which a wheel's modules are imported, told by its members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MODULE = re.compile(r"([A-Za-z_]\w*)(?:\.py|(?:\.[\w-]+)*\.(?:so|pyd))", re.ASCII)
_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_OTHER = re.compile(r"[^/]+\.(?:data|dist-info)/")
_TESTS = frozenset({"test", "tests"})
_MOST = 100


def import_names(members: Iterable[str]) -> tuple[str, ...]:
    """Return the highest names that are no namespace, without private ones and tests; at most a hundred."""
    modules = {parts for member in members if (parts := _module(_DATA.sub("", member, count=1)))}
    packages = {parts[:-1] for parts in modules if parts[-1] == "__init__"}
    highest = {name for parts in modules if (name := _highest(parts, packages))}
    return tuple(sorted(".".join(name) for name in highest if not any(map(_private, name))))[:_MOST]


def _module(member: str) -> tuple[str, ...]:
    """Return the dotted name of a member that is a module, in parts; none for any other."""
    *folders, file = member.split("/")
    found = _MODULE.fullmatch(file)
    if _OTHER.match(member) or not found or not all(folder.isidentifier() for folder in folders):
        return ()
    return (*folders, found[1])


def _highest(parts: tuple[str, ...], packages: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first package on the way to a module, or the module where all above it are namespaces."""
    return next((parts[:end] for end in range(1, len(parts)) if parts[:end] in packages), parts)


def _private(part: str) -> bool:
    return part.startswith("_") or part in _TESTS


def roots(members: Iterable[str]) -> Iterator[str]:
    """Yield the first parts of all its names."""
    yield from {parts[0] for member in members if (parts := _module(_DATA.sub("", member, count=1)))}
