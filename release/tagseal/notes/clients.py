"""Which clients read a release's bundles: the oldest of each, computed from what the bundles are made of.

What a client must be able to do comes from the bundles themselves and from the public root of trust, which is read
before any of them. ``nox -s clients`` installs the versions that are named here, and those before them, and holds
what it can of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from tagseal.errors import Refused
from tagseal.names import show
from tagseal.records import BUNDLE, Contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tagseal.records import Seal

ED25519 = "an Ed25519 key among the root of trust's logs"
"""The public root of trust has had one since 2025, whichever log a bundle is from."""
STAMPED = "signed timestamps, by an authority whose time is not over"
"""As production signs since 2025, and its root of trust names that authority: since when, and not until when."""
OFFLINE = "a client trust configuration that names services as production does today"
"""What the offline kit's commands give to sigstore; cosign gets the root of trust alone."""
OLDEST = "application/vnd.dev.sigstore.bundle+json;version=0.1"
OLDER = "application/vnd.dev.sigstore.bundle+json;version=0.2"
OLD = "application/vnd.dev.sigstore.bundle+json;version=0.3"
NEW = "application/vnd.dev.sigstore.bundle.v0.3+json"
V1, V2 = "hashedrekord 0.0.1", "hashedrekord 0.0.2"

SINCE: Mapping[str, Mapping[str, str]] = {
    "sigstore": {
        OLDEST: "2.0.0",
        OLDER: "2.0.0",
        OLD: "3.0.0",
        NEW: "3.0.0",
        V1: "2.0.0",
        V2: "4.0.0",
        ED25519: "3.6.3",  # one before stops at that key, those before it at a second key of any type
        OFFLINE: "4.0.0",  # 3.6 wants a signing configuration of an older form, 0.1
        STAMPED: "3.6.5",  # such a timestamp does not count in any 3.6, and until here that ended everything
    },
    "cosign": {  # `verify-blob --bundle`, with no other option than those of the notes
        **dict.fromkeys((OLDEST, OLDER, OLD, NEW), "2.4.2"),  # 2.4.0 wants `--new-bundle-format` as well
        V1: "2.4.2",
        V2: "3.0.5",  # 2.6.0 wants `--use-signed-timestamps` as well
        ED25519: "2.4.1",
        OFFLINE: "2.4.2",
        STAMPED: "2.4.2",
    },
    "image": {  # `cosign verify`, of signatures that are bundles; it reads the older form since 2.0
        **dict.fromkeys((OLD, NEW), "3.0"),  # 2.6.0 wants `--new-bundle-format` as well
        "dsse 0.0.1": "3.0",
        V2: "3.0.5",
        ED25519: "2.4.1",
        STAMPED: "3.0",
    },
}
"""Since which version a client reads a thing: an absent one is not known to be read by any.

What decides is measured (``tests/contract/README.md``); what is below that, and the image's, are the clients' own
changelogs and source.
"""

_BUNDLED = f".bundle{BUNDLE}"
"""How the files of an image's signatures in the form ``bundle`` end."""

GH = "2.23"
"""The GitHub CLI only downloads: the oldest that rehearsals have run with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumClients:
    """The oldest clients that accept everything."""

    sigstore: str
    cosign: str
    image: str
    """The cosign that accepts the image's signatures which are bundles."""
    gh: str = GH


def of(seal: Seal) -> MinimumClients:
    """Return the oldest clients that accept what was sealed.

    Raises:
        Refused: A bundle is made of something that no client is known to read.
    """
    files = [bundle.contents for bundle in seal.bundles]
    bundled = [signature.contents for signature in seal.signatures if signature.name.endswith(_BUNDLED)]
    return minimum(files, bundled)


def minimum(bundles: Sequence[Contents], signatures: Sequence[Contents] = ()) -> MinimumClients:
    """Return the oldest clients that accept bundles made of these things: what one of a set needs, the set needs.

    Args:
        bundles: Those of the files.
        signatures: Those of the image, in the form ``bundle``; none: those that are planned.

    Raises:
        Refused: One is made of something that no client is known to read.
    """
    return MinimumClients(
        sigstore=_oldest("sigstore", bundles),
        cosign=_oldest("cosign", bundles),
        image=_oldest("image", signatures or (PLANNED_SIGNATURE,)),
    )


def offline(bundles: Sequence[Contents]) -> MinimumClients:
    """Return the oldest clients that accept bundles made of these things by the trust that lies in an offline kit.

    Raises:
        Refused: One is made of something that no client is known to read.
    """
    return MinimumClients(
        sigstore=_oldest("sigstore", bundles, OFFLINE),
        cosign=_oldest("cosign", bundles, OFFLINE),
        image=PLANNED.image,
    )


def needs(contents: Contents) -> tuple[str, ...]:
    """Return what a client must be able to read for such a bundle."""
    return (contents.media_type, contents.entry, ED25519, *((STAMPED,) if contents.stamped else ()))


def _oldest(client: str, contents: Iterable[Contents], *more: str) -> str:
    since = SINCE[client]
    needed = dict.fromkeys((*(need for content in contents for need in needs(content)), *more))
    if unknown := [one for one in needed if one not in since]:
        raise Refused(
            f"got a bundle with {', '.join(show(one) for one in unknown)}, expected what verifying clients are known "
            f"to read: {', '.join(since)}",
            hint="A newer tagseal may know it: install that, then run the same command again.",
            slug="unknown-bundle-contents",
        )
    return max((since[one] for one in needed), key=Version)


PLANNED_BUNDLE = Contents(media_type=NEW, entry=V1, stamped=True)
PLANNED_SIGNATURE = Contents(media_type=NEW, entry="dsse 0.0.1", stamped=True)
PLANNED = minimum([PLANNED_BUNDLE])
"""What the public instance's signing configuration leads to today: said before anything is signed."""
PLANNED_OFFLINE = offline([PLANNED_BUNDLE])
"""As before, of the offline kit."""
