"""The played Sigstore: the services whose keys one trusted root holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.loopback.sigstore import certificates
from tagseal.loopback.sigstore.fulcio import Fulcio
from tagseal.loopback.sigstore.rekor import Rekor
from tagseal.loopback.sigstore.rekor_tiles import RekorTiles
from tagseal.loopback.sigstore.timestamp import TimestampAuthority

if TYPE_CHECKING:
    from tagseal.loopback.actions import Issuer


class PlayedSigstore:
    """A certificate authority, both faces of the log, a timestamp authority: fresh, and in memory."""

    def __init__(self, issuer: Issuer, *, certificate_lifetime: int = certificates.LIFETIME) -> None:
        """Make them; certificates go to those whose token this issuer vouches for, and live so many seconds."""
        self.fulcio = Fulcio(issuer, lifetime=certificate_lifetime)
        self.rekor = Rekor()
        self.tiles = RekorTiles()
        self.timestamps = TimestampAuthority()
