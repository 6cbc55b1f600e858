"""The package index of a rehearsal: what is registered there, and how a job that publishes logs in at another one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from packaging.utils import canonicalize_name

from tagseal.loopback.index import RegisteredPublisher

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.loopback import Loopback
    from tagseal.rehearsal.project.clone import Clone


def further(clone: Clone) -> tuple[str, str] | None:
    """Return the addresses of the project's index where twine does not know them; None for no such index.

    Where only the person's own configuration says where files go, they go to a made-up place on the same host.
    """
    index = clone.index
    if index is None or index.site:
        return None
    return index.simple, index.upload or urljoin(index.simple, "/rehearsed-upload/")


def register(clone: Clone, loopback: Loopback) -> None:
    """Let the index trust the publisher that the configuration says is registered; by default the signing workflow."""
    if clone.index is None or not clone.attested:
        return
    owner, _, repository = clone.repository.partition("/")
    said = clone.publisher
    loopback.indexes[clone.index.name].register(
        RegisteredPublisher(
            project=canonicalize_name(clone.project),
            owner=owner,
            repository=repository,
            workflow=said.workflow if said else clone.workflow,
            environment=(said.environment or "") if said else "",
        )
    )


def login(clone: Clone, loopback: Loopback, temp: Path) -> dict[str, str]:
    """Return what a job that publishes finds of another index: a token, and where to send files, as twine reads it."""
    found = further(clone)
    if found is None or clone.index is None:
        return {}
    if not clone.index.upload:
        name = clone.index.name
        text = f"[distutils]\nindex-servers = {name}\n[{name}]\nrepository = {found[1]}\n"
        (temp / "home").mkdir(exist_ok=True)
        (temp / "home" / ".pypirc").write_text(text, encoding="utf-8")
    token = loopback.indexes["other"].token(clone.project)
    return {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
