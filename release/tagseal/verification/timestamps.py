"""Every signed timestamp of a bundle, and not only one that will do.

sigstore-python and cosign count the timestamps that hold, and are content with one source of time: beside a log's
promise a timestamp over another message, or by nobody whom they know, passes unseen. Here each of them must hold, so
that a time which anybody reads in a bundle is one that somebody trusted vouches for. Source: RFC 3161 section 2.3,
and Sigstore's client specification, "Timestamping".
"""

from __future__ import annotations

from datetime import MAXYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import rfc3161_client
from sigstore.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rfc3161_client import TimeStampResponse
    from sigstore.models import Bundle, TrustedRoot

MOST = 32
"""Timestamps in a bundle; sigstore-python and cosign have the same bound."""

_CHAIN = 2
"""Certificates of an authority that can be verified: the one that signs, and a root."""


class VerifierWithRoot(Verifier):
    """A verifier of bundles whose root of trust can be asked for: the library's own keeps it to itself."""

    def __init__(self, trusted_root: TrustedRoot) -> None:
        """Verify by this root of trust."""
        super().__init__(trusted_root=cast("TrustedRoot", _Root(trusted_root)))
        self.root = trusted_root


class _Root:
    """A root of trust whose timestamp authorities are trusted to the last moment.

    The library leaves that moment out; Sigstore's own conformance tests count it in
    (``trust-root-tsa-validity-end-inclusive``).
    """

    def __init__(self, root: TrustedRoot) -> None:
        self._root = root

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library reads
        return getattr(self._root, name)

    def get_timestamp_authorities(self) -> list[_Authority]:
        return [_Authority(authority) for authority in self._root.get_timestamp_authorities()]


class _Authority:
    def __init__(self, authority: Any) -> None:  # noqa: ANN401 - the library's type is private
        self._authority = authority

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library reads
        return getattr(self._authority, name)

    @property
    def validity_period_end(self) -> datetime | None:
        end: datetime | None = self._authority.validity_period_end
        return end if end is None or end.year == MAXYEAR else end + timedelta.resolution


def verify_timestamps(bundle: Bundle, root: TrustedRoot) -> None:
    """Verify each timestamp of a bundle; there may be none.

    1. They are few, and no two are the same.
    2. Each is by a timestamp authority of the root, over the bundle's signature, at a time when this authority was
       trusted, the first and the last moment included. Whether the signing certificate was valid then is verified with
       the certificate.

    Raises:
        ValueError: One of them does not hold.
    """
    data = bundle.verification_material.timestamp_verification_data
    stamps = data.rfc3161_timestamps if data else []
    if len(stamps) > MOST:
        raise ValueError(f"got {len(stamps)} timestamps, expected at most {MOST}")
    if len({stamp.time_stamp_token() for stamp in stamps}) != len(stamps):
        raise ValueError("got the same timestamp twice, expected each once")
    for one in stamps:
        if said := _refusals(one, bundle.signature, root):
            raise ValueError(
                f"got a timestamp of {one.tst_info.gen_time:%Y-%m-%d %H:%M:%S} UTC that does not hold, expected every "
                f"one to be over this signature and by a trusted authority: {said}"
            )


def _refusals(stamp: TimeStampResponse, signature: bytes, root: TrustedRoot) -> str:
    """Return why no authority of the root made this timestamp over this signature; empty if one did."""
    said = list(_reasons(stamp, signature, root))
    return "" if "" in said else "; ".join(said) or "the root of trust has no timestamp authority"


def _reasons(stamp: TimeStampResponse, signature: bytes, root: TrustedRoot) -> Iterator[str]:
    """Yield for each authority why the timestamp is none of its, or an empty word."""
    time = stamp.tst_info.gen_time
    for authority in root.get_timestamp_authorities():
        start, end = authority.validity_period_start, authority.validity_period_end
        if time < start or (end is not None and time > end):
            yield f"an authority that is trusted from {start} to {end or 'now'}"
            continue
        chain = authority.certificates(allow_expired=True)
        if len(chain) < _CHAIN:
            yield "an authority without a root"
            continue
        builder = rfc3161_client.VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
        for certificate in chain[1:-1]:
            builder = builder.add_intermediate_certificate(certificate)
        try:
            builder.build().verify_message(stamp, signature)
        except (rfc3161_client.VerificationError, ValueError) as error:
            yield str(error)
        else:
            yield ""
