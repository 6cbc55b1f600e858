"""Cut a tagged release that anyone can verify, and rehearse it on a laptop first."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagseal.errors import ConfigError, Refused, ServiceError, TagsealError, UsageError, VerificationFailed
    from tagseal.records import (
        Artifact,
        Build,
        Bundle,
        Checks,
        Command,
        Draft,
        Identity,
        Plan,
        Proof,
        Publication,
        Seal,
        Tag,
        Testimony,
        Verdict,
    )

__all__ = [
    "Artifact",
    "Build",
    "Bundle",
    "Checks",
    "Command",
    "ConfigError",
    "Draft",
    "Identity",
    "Plan",
    "Proof",
    "Publication",
    "Refused",
    "Seal",
    "ServiceError",
    "Tag",
    "TagsealError",
    "Testimony",
    "UsageError",
    "Verdict",
    "VerificationFailed",
]

_ERRORS = frozenset({"ConfigError", "Refused", "ServiceError", "TagsealError", "UsageError", "VerificationFailed"})


def __getattr__(name: str) -> object:
    """Import the module of a public name when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{'errors' if name in _ERRORS else 'records'}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
