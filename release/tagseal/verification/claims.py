"""Whom bundles name as their signer, read and not verified: what a person is shown who has named nobody.

A claim proves nothing. Whoever exchanged the files also made the bundles, and so chose what these say. It saves the
typing of a name that the person knows from somewhere else, and is of no use to one who does not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine.files import open_file
from tagseal.verification import reading
from tagseal.verification.diagnosis.evidence import Signed
from tagseal.verification.facts import facts_of
from tagseal.verification.found import find_files
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST = 200
"""Bundles that are read: a release has fewer files, and a person reads fewer names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One signer that bundles name."""

    uri: str
    """The only name in the certificate."""
    issuer: str
    """Who vouches for that name, as the certificate says."""

    @property
    def signed(self) -> Signed:
        """The name, taken apart; all parts are empty where it is no workflow's at GitHub."""
        return Signed.parse(self.uri)


def claims(arguments: Iterable[str | Path]) -> tuple[tuple[Claim, int], ...]:
    """Return who claims to have signed these files, and how many of them, the most frequent first.

    Bundles that cannot be read, or name several signers or none, claim nothing.

    Raises:
        UsageError: There are too many files.
    """
    bundles = (file.bundle for file in find_files(arguments) if file.bundle is not None)
    found = Counter(claim for bundle in islice(bundles, MOST) if (claim := _claim(bundle)) is not None)
    return tuple(found.most_common())


def _claim(bundle: Path) -> Claim | None:
    with suppress(OSError, Refused, ValueError, TypeError, RecursionError), open_file(bundle) as file:
        signer = facts_of(reading.document(file.read(LARGEST_BUNDLE + 1), LARGEST_BUNDLE, "a bundle")).signer
        if len(signer.subjects) == 1:
            return Claim(uri=signer.subjects[0], issuer=signer.issuer or signer.issuer_v1)
    return None
