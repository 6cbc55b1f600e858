"""``SHA256SUMS``: the list that ``sha256sum -c`` reads; one more artifact, signed like the others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tagseal.machine.files import duplicate
from tagseal.records import Artifact, Kind
from tagseal.verification.checksums import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NAME", "listing"]


def listing(artifacts: Sequence[Artifact]) -> tuple[Artifact, bytes]:
    """Return the list of these artifacts, sorted by name, as an artifact and as its bytes.

    The offline kit has the list in it, and so is not in the list.

    Raises:
        UsageError: One of them has its name.
    """
    if any(artifact.name == NAME for artifact in artifacts):
        raise duplicate(NAME)
    lines = sorted(
        (artifact.name, artifact.sha256) for artifact in artifacts if artifact.kind not in {Kind.image, Kind.kit}
    )
    text = "".join(f"{sha256}  {name}\n" for name, sha256 in lines).encode()
    return Artifact(kind=Kind.checksums, name=NAME, size=len(text), sha256=hashlib.sha256(text).hexdigest()), text
