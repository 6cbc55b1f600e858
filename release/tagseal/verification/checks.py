"""Which check failed: what sigstore-python raises, and in which order it looks.

Its verification has one order (``sigstore.verify.verifier``): times, certificate, certificate timestamp, usage; then
the policy; then the log's entry; then signature and entry together. So the policy tells how far it came, and the words
tell the rest. What neither tells counts as the first check that has not been seen to pass: no check is said to have
passed that may not have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.verification.result import Check

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify.policy import VerificationPolicy

WORDS: dict[Check, dict[str, Check]] = {
    # While the bundle is read; whatever else is raised then is about the bundle.
    Check.bundle: {
        "VerificationError: Invalid Timestamp Response": Check.time,
        "InvalidBundle: bundle must contain an inclusion promise": Check.time,
    },
    # Before the policy is asked; whatever else is raised then is about the time.
    Check.time: {
        "CertValidationError: failed to build timestamp certificate chain": Check.certificate,
        "VerificationError: failed to verify SCT on signing certificate": Check.certificate,
        "MetadataError: CTFE keys not found in trusted root": Check.certificate,
        "VerificationError: Key usage is not of type": Check.certificate,
        "VerificationError: Extended usage does not contain": Check.certificate,
        r"ExtensionNotFound: No <class '[a-z0-9.]+(Extended)?KeyUsage'> extension was found": Check.certificate,
        "ValueError: error parsing asn1 value": Check.certificate,
    },
    # After the policy has accepted; whatever else is raised then is about the log.
    Check.log: {
        "VerificationError: Bundle message digest mismatch": Check.signature,
        "VerificationError: Signature is invalid for input": Check.signature,
        "VerificationError: Expected entry type hashedrekord": Check.signature,
        "VerificationError: transparency log entry is inconsistent with other materials": Check.signature,
        # The entry's body is read when it is compared, and not before.
        "ValidationError: [0-9]+ validation errors? for (Hashedrekord|Entry)": Check.signature,
        # A key of another kind is called as if it were an elliptic curve's.
        r"TypeError: .*\bverify\(\)": Check.signature,
    },
}
"""By how far the verification came: how an error begins, class and words, and the check that it is about."""


class ProgressPolicy:
    """A policy that remembers how far the verification came."""

    def __init__(self, policy: VerificationPolicy) -> None:
        """Watch over this policy; the bundle comes first."""
        self._policy = policy
        self.reached = Check.bundle

    def verify(self, cert: Certificate) -> None:
        """Compare the certificate.

        Raises:
            VerificationError: As the policy does.
        """
        self.reached = Check.identity
        self._policy.verify(cert)
        self.reached = Check.log

    def failed_check(self, error: Exception) -> Check:
        """Return the check that this error is about."""
        words = f"{type(error).__name__}: {error}"
        known = WORDS.get(self.reached, {})
        return next((check for begins, check in known.items() if re.match(begins, words)), self.reached)
