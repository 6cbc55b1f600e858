"""The package indexes whose addresses twine knows: no other file of this tool names their hosts."""

from __future__ import annotations

from urllib.parse import urlsplit

from tagseal.records import Index


def known_indexes() -> dict[str, Index]:
    """Return the indexes whose addresses twine knows, by name."""
    from twine import repository, utils  # noqa: PLC0415 - 0.2 s that most commands need not wait for

    places = {
        "pypi": (repository.WAREHOUSE_WEB, utils.DEFAULT_REPOSITORY),
        "testpypi": (repository.TEST_WAREHOUSE, utils.TEST_REPOSITORY),
    }
    return {
        name: Index(name=name, simple=f"{site}simple/", upload=upload, site=site)
        for name, (site, upload) in places.items()
    }


def index_at(url: str) -> str:
    """Return the name of the known index that has this address; empty for another one's."""
    found = _host(url)
    known = known_indexes().values()
    return next((index.name for index in known if found in {_host(index.site), _host(index.upload)}), "")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "none"
    except ValueError:
        return "none"
