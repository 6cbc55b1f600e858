"""Rules about trust: who issued the certificate, which log and clock are believed, and by what root.

Where the certificate did not pass, all that is known is what the bundle claims; a forged one may claim anything.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tagseal.verification.diagnosis.instances import PRODUCTION, STAGING
from tagseal.verification.diagnosis.wording import capital, cut, download, verifier
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence

AHEAD = 300
"""Seconds that two clocks may differ."""

_LOST = re.compile(
    r"out of reach|network issue|ConnectionError|Connection (?:refused|reset|aborted)|Max retries exceeded|timed? ?out"
    r"|Name or service not known|Temporary failure in name resolution|getaddrinfo|Network is unreachable|NameResolution"
    r"|ProxyError|DownloadError|Failed to (?:download|refresh TUF)",
    re.IGNORECASE,
)
_EXPIRED_TRUST = re.compile(r"(?:root|timestamp|snapshot|targets)(?:\.json)? is expired|ExpiredMetadata", re.IGNORECASE)
_TLS_TIME = re.compile(r"certificate (?:is not yet valid|has expired)", re.IGNORECASE)
_BAD_ROOT = re.compile(r"root of trust|trusted root|TUF|[Mm]etadata", re.IGNORECASE)
_OVER = re.compile(r"expired at time of signing|not valid at validation time")
_CHAIN = re.compile(r"failed to build timestamp certificate chain")
_NOT_YET = re.compile(r"Did not find any Rekor keys|keys not found|certificates not found|No valid ")
"""What a client says of keys whose time begins later than its clock shows."""
_TIMES = re.compile(r"verified time|Timestamp Authorit|signed timestamp", re.IGNORECASE)
_SCT = re.compile(r"\bSCT\b|certificate timestamp")
_BEFORE_LOG = {Check.time, Check.certificate, Check.log}


def tls_clock(case: Evidence) -> Cause | None:
    """A wrong clock breaks every TLS connection first."""
    if not _TLS_TIME.search(case.detail):
        return None
    return _clock(case, "got a TLS certificate that is not valid at this machine's time, expected one that is")


def clock_behind(case: Evidence) -> Cause | None:
    """A signature cannot come from the future; which of two clocks is wrong, a person can see."""
    signed = max(case.facts.integrated_time, case.signer.not_before)
    if case.check not in {Check.time, Check.certificate, Check.log} or signed <= case.now + AHEAD:
        return None
    if not _NOT_YET.search(case.detail):
        return None
    when = f"got a bundle that claims, unverified, to be made at {_time(signed)}, expected a time before now"
    return _clock(case, f"{when}, which this machine takes to be {_time(int(case.now))}")


def expired_trust(case: Evidence) -> Cause | None:
    """Metadata of the root of trust ends, so that nobody can hold a client on an old one for ever."""
    if not _EXPIRED_TRUST.search(case.detail):
        return None
    return Cause(
        slug="expired-trust-root",
        what=f"got a root of trust that is over ({case.trust}), expected one that is valid at {_time(int(case.now))}",
        next="Look at this machine's clock: `date -u`. If it is right, update the client: "
        "`python -m pip install --upgrade sigstore`; or get a new trust configuration from whoever gave you this one.",
        context=(
            (
                "Either somebody keeps you on an old root of trust, or nobody has renewed it, or this machine's clock "
                "is ahead."
            ),
            *verifier(case),
        ),
    )


def no_network(case: Evidence) -> Cause | None:
    """Nothing was verified, and nothing is wrong with the file as far as is known."""
    if not _LOST.search(case.detail):
        return None
    return Cause(
        slug="no-network",
        what=f"got no answer from where the root of trust comes from ({case.trust}), expected one",
        next="Connect this machine, or look at HTTPS_PROXY, and run the same command again. Without a network: give "
        "--offline with --trust-config FILE, or use the release's verification kit.",
        context=("Nothing has been verified: the file may be good or bad.", f"The words: {case.detail}"),
    )


def staging(case: Evidence) -> Cause | None:
    """Anybody may try things out there; no release is signed on it."""
    if case.check not in _BEFORE_LOG or case.facts.log_id not in STAGING:
        return None
    return Cause(
        slug="staging-instance",
        what=f"got a bundle of Sigstore's staging instance, as its log's identifier claims, expected one that "
        f"{case.trust} vouches for: {case.danger}",
        next=f"Tell the maintainers that this release was signed on staging; then {download(case)}.",
        context=(
            "Staging is for trying out: its keys are not kept as those of the public instance are.",
            f"The log: {STAGING[case.facts.log_id]}, {case.facts.log_id}.",
        ),
    )


def over(case: Evidence) -> Cause | None:
    """A certificate lives ten minutes, and the log's time must be within them: after that its key is nobody's."""
    if case.check not in _BEFORE_LOG or not _OVER.search(case.detail):
        return None
    first, last, at = case.signer.not_before, case.signer.not_after, case.facts.integrated_time
    signed = f"at {_time(at)}" if at else "at a time outside"
    return Cause(
        slug="certificate-over",
        what=f"got a signature that entered the log {signed}, expected it while the certificate was valid, "
        f"{_time(first)} to {_time(last)}: {case.danger}",
        next=f"{capital(download(case))}. If it fails again, tell the maintainers.",
        context=(
            "Either somebody used a signing key after its time, or the maintainers' job was slow or its clock wrong.",
            *([] if case.certified else ["The times are what the bundle claims."]),
        ),
    )


def old_trust(case: Evidence) -> Cause | None:
    """The bundle claims to be of the public instance, and the root of trust at hand does not know its keys."""
    if case.check not in _BEFORE_LOG or case.facts.log_id not in PRODUCTION or not _unknown(case):
        return None
    return Cause(
        slug="unknown-trust-root",
        what=f"got a bundle that claims to be of the public Sigstore instance, expected one that {case.trust} vouches "
        f"for: {case.danger}",
        next="Verify it with the public root of trust, and a client of today: `python -m pip install --upgrade "
        "sigstore`, then the same command without --trust-config and --offline.",
        context=(
            (
                "Either the bundle is forged, or your root of trust is older than the keys that signed it, or is of "
                "another instance."
            ),
            f"The log: {PRODUCTION[case.facts.log_id]}, {case.facts.log_id}.",
        ),
    )


def private(case: Evidence) -> Cause | None:
    """An authority, or a log, that nobody here knows: anybody can run one."""
    if case.check not in _BEFORE_LOG or not _unknown(case):
        return None
    return Cause(
        slug="private-instance",
        what=f"got a bundle of a Sigstore instance that {case.trust} does not know, expected one that it vouches for: "
        f"{case.danger}",
        next="If the maintainers run an instance of their own, get its trust configuration from a page that you trust, "
        f"and give it: --trust-config FILE. Else {download(case)}.",
        context=(
            (
                "Either somebody made up an authority of their own, for anybody can; or this is a private instance, or "
                "a rehearsal's."
            ),
            f"The certificate {case.says} it was issued by {cut(case.signer.authority or 'nobody')}.",
            f"The log: {cut(case.facts.log_id or 'none named')}.",
            *verifier(case),
        ),
    )


def no_time(case: Evidence) -> Cause | None:
    """Without a trusted time a certificate of ten minutes proves nothing."""
    if case.check not in {Check.time, Check.bundle, Check.certificate} or not _TIMES.search(case.detail):
        return None
    return Cause(
        slug="no-trusted-time",
        what=f"got a bundle without a time that {case.trust} vouches for, expected a log's promise or a signed "
        f"timestamp: {case.danger}",
        next=f"Update the client: `python -m pip install --upgrade sigstore`; then {download(case)}.",
        context=(
            (
                "Either the time was taken out or exchanged, or it is of a timestamp authority that your root of trust "
                "does not know."
            ),
            (
                f"It has {case.facts.timestamps} signed timestamps, and its log entry is of kind "
                f"{cut(case.facts.entry or 'none')}."
            ),
            *verifier(case),
        ),
    )


def entry_unproven(case: Evidence) -> Cause | None:
    """The log's own key vouches for its entries; what does not fit was not written by the log."""
    if case.check is not Check.log:
        return None
    return Cause(
        slug="entry-unproven",
        what=f"got a log entry whose proof does not hold, expected one that the log {case.facts.log_id[:16] or '?'}… "
        f"signed: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=(
            "Either somebody changed the bundle or made it up, or it was damaged.",
            *verifier(case),
        ),
    )


def unloadable(case: Evidence) -> Cause | None:
    """The root of trust itself could not be read or believed."""
    if case.check not in {Check.time, Check.certificate} or not _BAD_ROOT.search(case.detail):
        return None
    return Cause(
        slug="bad-trust-root",
        what=f"got a root of trust that cannot be used ({case.trust}), expected a valid one",
        next="Update the client: `python -m pip install --upgrade sigstore`; or get a new trust configuration from "
        "whoever gave you this one.",
        context=("Nothing has been verified.", *verifier(case)),
    )


def bad_certificate(case: Evidence) -> Cause | None:
    """Whatever else is wrong with the certificate."""
    if case.check not in {Check.time, Check.certificate}:
        return None
    return Cause(
        slug="bad-certificate",
        what=f"got a bundle whose certificate or time does not hold, expected what {case.trust} vouches for: "
        f"{case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=(*verifier(case),),
    )


def _unknown(case: Evidence) -> bool:
    """Tell whether it failed for want of a known authority, or log."""
    if case.check is Check.log:
        return "Signature not found" in case.detail or "keyring: invalid signature" in case.detail
    return bool(_CHAIN.search(case.detail) or _SCT.search(case.detail))


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
            *verifier(case),
        ),
    )


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


RULES = (
    # A wrong clock makes everything below look wrong.
    tls_clock,
    # As does a root of trust that is over.
    expired_trust,
    # Or that cannot be had.
    no_network,
    # A time to come.
    clock_behind,
    # Known by its log, whatever failed.
    staging,
    # The chain is known, and its leaf was over.
    over,
    # A claim to be public, before "anybody's".
    old_trust,
    # An authority that nobody knows.
    private,
    # No time at all.
    no_time,
    # The log's own proof.
    entry_unproven,
    # No root of trust to verify by.
    unloadable,
    # What is left of certificates.
    bad_certificate,
)
