"""Where an index is: the addresses of the two that twine knows are twine's, any other's are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.machine.indexes import known_indexes
from tagseal.records import Index
from tagseal.records.parts import KNOWN_INDEXES

if TYPE_CHECKING:
    from tagseal import config


def of(settings: config.IndexSettings | None) -> Index | None:
    """Return the addresses of the configured index; None where none is configured."""
    if settings is None:
        return None
    if settings.name in KNOWN_INDEXES:
        return known_indexes()[settings.name]
    return Index(name=settings.name, simple=settings.url or "", upload=settings.publish_url or "", site="")


def trusts(settings: config.IndexSettings | None) -> bool:
    """Tell whether the configured index trusts publishers, so that no secret is needed to publish there."""
    return settings is not None and settings.name in KNOWN_INDEXES
