"""Rules about trust: who issued the certificate, which log and clock are believed, and by what root.

Where the certificate did not pass, all that is known is what the bundle claims; a forged one may claim anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.verification.diagnosis.wording import capital, cut, download, moment
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence

_OVER = re.compile(r"expired at time of signing|not valid at validation time")
_CHAIN = re.compile(r"failed to build timestamp certificate chain")
_UNKNOWN = re.compile(
    r"failed to build timestamp certificate chain|not enough sources of verified time|no Timestamp Authorities"
)
_TIMES = re.compile(r"verified time|Timestamp Authorit|signed timestamp", re.IGNORECASE)
_SCT = re.compile(r"\bSCT\b|certificate timestamp")
PRODUCTION = {
    "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d": "rekor.sigstore.dev",
    "cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0": "log2025-1.rekor.sigstore.dev",
}
STAGING = {
    "d32f30a3c32d639c2b762205a21c7bb07788e68283a4ae6f42118723a1bea496": "rekor.sigstage.dev",
    "f30d5a999d92e662484244263f174cb8eacbfe8264bc583d32741799e3825dc9": "log2025-alpha1.rekor.sigstage.dev",
    "29f4a2497da244bca12bad925152f8eef55caaa471fd101ec292899bc21d653a": "log2025-alpha2.rekor.sigstage.dev",
    "d3d3a70ca130eff8696626153e84d1cd16e0947934b3296c528bde8274549496": "log2025-alpha3.rekor.sigstage.dev",
}
"""Which log belongs to which instance, by its identifier, hexadecimal: the SHA-256 of its key (RFC 6962 section 3.2).

As in the trusted roots that sigstore-python 4.5 carries. A log that began later is unknown here, and a bundle may name
any log: a hit tells what a bundle claims, and nothing more.
"""
_BEFORE_LOG = {Check.time, Check.certificate, Check.log}


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
    if first <= at <= last:
        return None  # it is an authority that was not valid then: a root of trust of other keys
    signed = f"at {moment(at)}" if at else "at a time outside"
    return Cause(
        slug="certificate-over",
        what=f"got a signature that entered the log {signed}, expected it while the certificate was valid, "
        f"{moment(first)} to {moment(last)}: {case.danger}",
        next=f"{capital(download(case))}. If it fails again, tell the maintainers.",
        context=(
            "Either somebody used a signing key after its time, or the maintainers' job was slow or its clock wrong.",
            *([] if case.certified else ["The times are what the bundle claims."]),
        ),
    )


def old_trust(case: Evidence) -> Cause | None:
    """The bundle claims to be of the public instance, and the root of trust at hand does not know its keys."""
    if case.check not in _BEFORE_LOG or case.facts.log_id not in PRODUCTION or not _UNKNOWN.match(case.detail):
        return None
    return Cause(
        slug="unknown-trust-root",
        what=f"got a bundle that claims to be of the public Sigstore instance, expected one that {case.root} vouches "
        f"for: {case.danger}",
        next="Verify it with the public root of trust, and a client of today: `pip install --upgrade "
        "sigstore`, then the same command without --trust-config and --offline.",
        context=(
            (
                "Either the bundle is forged, or your root of trust is older than the keys that signed it, or is of "
                "another instance."
            ),
            f"The log: {PRODUCTION[case.facts.log_id]}, {case.facts.log_id}.",
        ),
    )


def unknown_authority(case: Evidence) -> Cause | None:
    """An authority that nobody here knows: anybody can make one, and a changed certificate is nobody's."""
    if case.check not in _BEFORE_LOG or not _CHAIN.search(case.detail):
        return None
    return Cause(
        slug="unknown-authority",
        what=f"got a certificate that no authority of {case.root} issued as it stands, expected one that such an "
        f"authority did: {case.danger}",
        next="If the maintainers run an instance of Sigstore of their own, get its trust configuration from a page "
        f"that you trust, and give it: --trust-config FILE. Else {download(case)}.",
        context=(
            (
                "Either somebody changed the certificate, or made up an authority, for anybody can; or it was signed "
                "on a private instance of Sigstore, or in a rehearsal."
            ),
            f"The certificate {case.says} it was issued by {cut(case.signer.authority or 'nobody')}.",
            f"The log: {cut(case.facts.log_id or 'none named')}.",
        ),
    )


def unlogged_certificate(case: Evidence) -> Cause | None:
    """An authority that issues a certificate in secret is caught by the log of certificates, or not at all."""
    if case.check is not Check.certificate or not _SCT.search(case.detail):
        return None
    return Cause(
        slug="certificate-not-logged",
        what=f"got a certificate without a timestamp of a certificate log that {case.root} names, expected one: "
        f"{case.danger}",
        next=f"Update the client: `pip install --upgrade sigstore`; then {download(case)}. If it fails "
        "again, tell the maintainers.",
        context=(
            (
                "Either the authority was made to issue a certificate in secret, or your root of trust is older than "
                "the log of certificates, or of another instance."
            ),
        ),
    )


def no_time(case: Evidence) -> Cause | None:
    """Without a trusted time a certificate of ten minutes proves nothing."""
    words = case.check in {Check.bundle, Check.certificate} and _TIMES.search(case.detail)
    if not (words or case.check is Check.time):
        return None
    return Cause(
        slug="no-trusted-time",
        what=f"got a bundle without a time that {case.root} vouches for, expected a log's promise or a signed "
        f"timestamp: {case.danger}",
        next=f"Update the client: `pip install --upgrade sigstore`; then {download(case)}. If the "
        "maintainers run an instance of their own, get its trust configuration from a page that you trust: "
        "--trust-config FILE.",
        context=(
            (
                "Either the time was taken out or exchanged, or made up; or your root of trust does not know who told "
                "it, for it is old, or the bundle is of a private or staging instance of Sigstore."
            ),
            (
                f"It has {case.facts.timestamps} signed timestamps, and its log entry is of kind "
                f"{cut(case.facts.entry or 'none')}."
            ),
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
            (
                "Either somebody changed the bundle or made it up, or it was damaged, or its log is one that your "
                "root of trust does not name."
            ),
        ),
    )


def bad_certificate(case: Evidence) -> Cause | None:
    """Whatever else is wrong with the certificate."""
    if case.check is not Check.certificate:
        return None
    return Cause(
        slug="bad-certificate",
        what=f"got a bundle whose certificate does not hold, expected what {case.root} vouches for: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
    )


RULES = (
    # Known by its log, whatever failed.
    staging,
    # The chain is known, and its leaf was over.
    over,
    # A claim to be public, before "anybody's".
    old_trust,
    # An authority that nobody knows.
    unknown_authority,
    # A known authority, and no log of certificates that vouches for it.
    unlogged_certificate,
    # No time at all.
    no_time,
    # The log's own proof.
    entry_unproven,
    # What is left of certificates.
    bad_certificate,
)
