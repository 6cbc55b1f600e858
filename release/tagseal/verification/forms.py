"""What a bundle must be beyond what the library asks: one meaning, one tree.

sigstore-python takes junk in Base64 and other spellings of a number, and does not compare the proof's tree with the
checkpoint's. Nobody who signs makes such a bundle. Source: protobuf's JSON mapping; Sigstore's client specification.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sigstore.models import Bundle


def unambiguous(document: dict[str, Any], parsed: Bundle) -> None:
    """Refuse a bundle that another reader takes for something else.

    Raises:
        ValueError: Written again it is another document; or it calls a SHA-256 something else.
    """
    if json.loads(parsed.to_json()) != _without_nulls(document):
        raise ValueError("got a bundle that two readers take for different things, expected one meaning")
    algorithm = document["messageSignature"].get("messageDigest", {}).get("algorithm", "SHA2_256")
    if algorithm != "SHA2_256":
        raise ValueError(f"got a digest of the algorithm {algorithm}, expected SHA2_256")


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


def _without_nulls(value: object) -> object:
    """Return the document without its nulls, which say nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value
