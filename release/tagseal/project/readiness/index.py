"""Who takes the packages: an index, and whom it trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.records import Readiness, Reason
from tagseal.steps.seal.identity import unlike
from tagseal.workflow import signing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.readiness.candidate import Candidate


def look(candidate: Candidate) -> Iterator[Reason]:
    """Say where the index would refuse what the workflow sends."""
    index, path = candidate.settings.index, candidate.signing.path
    if index is None or candidate.release is None:
        return
    environment = signing.publishing(signing.document(candidate.root / path))
    for mismatch in unlike(index, path, environment):
        yield Reason(
            slug="publisher-disagrees",
            readiness=Readiness.broken,
            what=f"the trusted publisher of {index.name}: {mismatch.text}",
            fix="Correct the publisher at the index and `publisher` in [tool.tagseal.index], or the workflow.",
            place=path,
            verb="sign",
        )
