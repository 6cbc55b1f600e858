"""From a failed verdict to its cause and the next command: the first rule that fits names it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine.files import open_file
from tagseal.names import printable
from tagseal.verification.diagnosis import bundles, certificates, files, identities, roots, trusts
from tagseal.verification.diagnosis.beside import facts_in
from tagseal.verification.diagnosis.evidence import PEEK, Evidence
from tagseal.verification.diagnosis.wording import download, verifier
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tagseal.verification.facts import Facts
    from tagseal.verification.result import Expected, Subject

RULES: tuple[Callable[[Evidence], Cause | None], ...] = (
    # Where there is no root of trust, nothing else can be said.
    *roots.RULES,
    # What it vouches for: authority, time and log.
    *trusts.RULES,
    # A bundle that is none, before what it says.
    *bundles.RULES,
    # Who signed, before what: a stranger's good signature is worth nothing. The certificate as a whole, then its name.
    *certificates.RULES,
    *identities.RULES,
    # The bytes.
    *files.RULES,
)

_NOTHING: Mapping[str, str] = MappingProxyType({})


def cause(  # noqa: PLR0913 - everything that a diagnosis may know, each by its name
    check: Check,
    detail: str,
    facts: Facts | None,
    subject: Subject,
    expected: Expected,
    *,
    now: float,
    trust: str,
    bundle: bytes | None = None,
    nearby: Sequence[Subject] = (),
    listed: Mapping[str, str] = _NOTHING,
    published: Subject | None = None,
    whole: bool = False,
    alike: Sequence[str] = (),
) -> Cause:
    """Say why a check failed, as far as the facts tell, and what to do next. It reads the file's first bytes.

    Args:
        check: The first that failed.
        detail: The verifier's own words; without a bundle, those of the error that kept the root of trust away.
        facts: What the bundle says about itself; None where it could not be read.
        subject: The file.
        expected: Who should have signed.
        now: Seconds since the epoch.
        trust: Where the root of trust comes from, for a person to read: ``the public instance``.
        bundle: The bundle's bytes; None where there is none.
        nearby: Other files that lie there, with their digests: one of them may be what the bundle is for.
        listed: File name to SHA-256, hexadecimal, of a SHA256SUMS whose own bundle verified.
        published: What the release's listing says of a file of this name.
        whole: Whether a whole release was to be verified.
        alike: Paths of all files that failed for the same reason, where there are several.
    """
    facts = facts or facts_in(bundle or b"")
    case = Evidence(
        check=check,
        detail=printable(detail),
        facts=facts,
        subject=subject,
        expected=expected,
        now=now,
        trust=trust,
        bundle=bundle,
        nearby=nearby,
        listed=listed,
        published=published,
        whole=whole,
        alike=alike,
        head=_head(subject.path),
    )
    return next((found for rule in RULES if (found := rule(case)) is not None), _no_explanation(case))


def _head(path: Path) -> bytes:
    """Read a file's beginning; a pipe would keep its reader waiting."""
    try:
        with open_file(path) as file:
            return file.read(PEEK)
    except (OSError, ValueError, Refused):
        return b""


def _no_explanation(case: Evidence) -> Cause:
    return Cause(
        slug="unexplained",
        what=f"got a file that did not verify ({case.check}), for a reason that is not known here: do not use it",
        next=f"Do this once more: {download(case)}. If it fails again, tell the maintainers.",
        context=verifier(case),
    )
