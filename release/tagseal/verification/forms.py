"""What a bundle must be beyond what the library asks: one meaning, one time, one tree.

sigstore-python is lenient where a bundle says more than it needs: it is content with one witness of the time, and
passes over the others; it takes junk in Base64 and other spellings of a number; it does not compare the proof's tree
with the checkpoint's. Nobody who signs makes such a bundle. Source: Sigstore's client specification, "Verification".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.x509 import Certificate
    from sigstore.models import Bundle

MOST_TIMESTAMPS = 32
"""The library refuses more, once it is asked about the whole bundle."""


class Witnessed(Exception):  # noqa: N818 - no error: it ends what need not go on
    """A witness's time is good for the certificate."""


class Witness:
    """A policy that is asked once time and certificate are verified, and wants to know no more."""

    def verify(self, _cert: Certificate) -> NoReturn:
        """Go no further.

        Raises:
            Witnessed: Always.
        """
        raise Witnessed


def unambiguous(document: dict[str, Any], parsed: Bundle) -> None:
    """Refuse a bundle that another reader takes for something else.

    Raises:
        ValueError: Written again it is another document; or it calls a SHA-256 something else.
    """
    if json.loads(parsed.to_json()) != _said(document):
        raise ValueError("got a bundle that two readers take for different things, expected one meaning")
    algorithm = document["messageSignature"].get("messageDigest", {}).get("algorithm", "SHA2_256")
    if algorithm != "SHA2_256":
        raise ValueError(f"got a digest of the algorithm {algorithm}, expected SHA2_256")


def witnesses(document: dict[str, Any]) -> Iterator[bytes]:
    """Yield the bundle once for each of its timestamps, which then alone tells the time.

    Beside a log's promise the library accepts a timestamp over anything, by anybody.
    """
    material = document["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    unpromised = {key: value for key, value in entry.items() if key != "inclusionPromise"}
    for stamp in _timestamps(material)[:MOST_TIMESTAMPS]:
        alone = {"tlogEntries": [unpromised], "timestampVerificationData": {"rfc3161Timestamps": [stamp]}}
        media_type = document["mediaType"].replace(";version=0.1", ";version=0.2")  # 0.1 cannot do without a promise
        yield json.dumps({**document, "mediaType": media_type, "verificationMaterial": {**material, **alone}}).encode()


def one_tree(document: dict[str, Any]) -> None:
    """Compare the proof's tree with the checkpoint's, whose signature has been verified.

    Raises:
        ValueError: They have different sizes. Some proofs are good for several.
    """
    (entry,) = document["verificationMaterial"]["tlogEntries"]
    proof = entry["inclusionProof"]
    signed = proof["checkpoint"]["envelope"].split("\n")[1]
    if signed != proof["treeSize"]:
        raise ValueError(f"got a proof in a tree of {proof['treeSize']} entries, expected {signed}, as was signed")


def _timestamps(material: dict[str, Any]) -> list[Any]:
    data = material.get("timestampVerificationData") or {}
    return data.get("rfc3161Timestamps") or []


def _said(value: object) -> object:
    """Return the document without its nulls, which say nothing."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one is not None}
    return [_said(one) for one in value] if isinstance(value, list) else value
