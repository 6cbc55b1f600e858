"""Rules about the root of trust itself, and about the clock: nothing was verified, and nothing is known to be wrong.

These go by words. So they look at words only where no bundle has a part in them: what a verifier says of a bundle may
repeat what an attacker wrote there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.verification.diagnosis.wording import moment
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence

AHEAD = 300
"""Seconds that two clocks may differ."""

_LOST = re.compile(
    r"out of reach|network issue|ConnectionError|Connection (?:refused|reset|aborted)|Max retries exceeded|timed? ?out"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo|Network is unreachable|NameResolution"
    r"|ProxyError|DownloadError|Failed to download",
    re.IGNORECASE,
)
_EXPIRED_TRUST = re.compile(r"(?:root|timestamp|snapshot|targets)(?:\.json)? is expired|ExpiredMetadata", re.IGNORECASE)
_TLS_TIME = re.compile(r"certificate (?:is not yet valid|has expired)", re.IGNORECASE)
_BAD_ROOT = re.compile(r"root of trust|trusted root|TUF|[Mm]etadata", re.IGNORECASE)
_NOT_YET = re.compile(r"(?:Did not find any Rekor keys|(?:CTFE keys|Fulcio certificates) not found) in trusted root")
"""What a client says of keys whose time begins later than its clock shows."""


def tls_clock(case: Evidence) -> Cause | None:
    """A wrong clock breaks every TLS connection first."""
    if not (_is_about_root(case) and _TLS_TIME.search(case.detail)):
        return None
    return _clock(case, "got a TLS certificate that is not valid at this machine's time, expected one that is")


def clock_behind(case: Evidence) -> Cause | None:
    """A signature cannot come from the future; which of two clocks is wrong, a person can see."""
    signed = max(case.facts.integrated_time, case.signer.not_before)
    if case.check not in {Check.time, Check.certificate, Check.log} or signed <= case.now + AHEAD:
        return None
    if not _NOT_YET.fullmatch(case.detail):
        return None
    when = f"got a bundle that claims, unverified, to be made at {moment(signed)}, expected a time before now"
    return _clock(case, f"{when}, which this machine takes to be {moment(int(case.now))}")


def expired_trust(case: Evidence) -> Cause | None:
    """Metadata of the root of trust ends, so that nobody can hold a client on an old one for ever."""
    if not (_is_about_root(case) and _EXPIRED_TRUST.search(case.detail)):
        return None
    return Cause(
        slug="expired-trust-root",
        what=f"got a root of trust that is over ({case.trust}), expected one that is valid at {moment(int(case.now))}",
        next="Look at this machine's clock: `date -u`. If it is right, update the client: "
        "`pip install --upgrade sigstore`; or get a new trust configuration from whoever gave you this one.",
        context=(
            (
                "Either somebody keeps you on an old root of trust, or nobody has renewed it, or this machine's clock "
                "is ahead."
            ),
        ),
    )


def no_network(case: Evidence) -> Cause | None:
    """Nothing was verified, and nothing is wrong with the file as far as is known."""
    if not (_is_about_root(case) and _LOST.search(case.detail)):
        return None
    return Cause(
        slug="no-network",
        what=f"got no answer from where the root of trust comes from ({case.trust}), expected one",
        next="Connect this machine, or look at HTTPS_PROXY, and run the same command again. Without a network: give "
        "--offline with --trust-config FILE, or use the release's verification kit.",
        context=("Nothing has been verified: the file may be good or bad.", f"The words: {case.detail}"),
    )


def unloadable(case: Evidence) -> Cause | None:
    """The root of trust itself could not be read or believed."""
    empty = case.check in {Check.time, Check.certificate} and _NOT_YET.fullmatch(case.detail)
    if not (empty or (_is_about_root(case) and _BAD_ROOT.search(case.detail))):
        return None
    return Cause(
        slug="bad-trust-root",
        what=f"got a root of trust that cannot be used ({case.trust}), expected a valid one",
        next="Update the client: `pip install --upgrade sigstore`; or get a new trust configuration from "
        "whoever gave you this one.",
        context=(
            (
                "Nothing has been verified. Either somebody answers in the place of those whom you trust, or the file "
                "is damaged, or this client is too old."
            ),
        ),
    )


def _is_about_root(case: Evidence) -> bool:
    """Tell whether the words are about the root of trust: of a bundle, they may repeat what an attacker wrote there."""
    return case.bundle is None and case.check in {Check.time, Check.certificate}


def _clock(case: Evidence, what: str) -> Cause:
    return Cause(
        slug="clock-wrong",
        what=what,
        next="Look at this machine's clock: `date -u`. Set it, then run the same command again.",
        context=(
            (
                f"If the clock is right, {case.danger}: somebody may have made the times up, or stands between you and "
                "the server."
            ),
        ),
    )


RULES = (
    # A wrong clock makes everything else look wrong.
    tls_clock,
    # As does a root of trust that is over.
    expired_trust,
    # Or that cannot be had.
    no_network,
    # A time to come.
    clock_behind,
    # No root of trust to verify by, for whatever reason.
    unloadable,
)
