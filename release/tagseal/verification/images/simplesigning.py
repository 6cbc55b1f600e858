"""The form of cosign 2: a payload that names the image, signed; the signature stands in a layer's annotations.

Sources: containers/image ``docs/containers-signature.5.md`` (the payload), cosign ``specs/SIGNATURE_SPEC.md``. What
is kept on disk is the Sigstore bundle of the payload, with its inclusion proof: ``verify.verify_digest`` verifies it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from sigstore_models.bundle.v1 import Bundle

from tagseal.errors import Refused, VerificationFailed
from tagseal.verification import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"

SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
PROMISE = "dev.sigstore.cosign/bundle"

TYPE = "cosign container image signature"
LARGEST_MANIFEST = 4 << 20
"""Bytes: what a registry must take (OCI distribution 1.1, "Pushing Manifests")."""

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One signature, as a registry keeps it."""

    payload: bytes
    """The blob."""
    annotations: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The blob's: ``sha256:…``."""
        return f"sha256:{hashlib.sha256(self.payload).hexdigest()}"

    @property
    def descriptor(self) -> dict[str, Any]:
        """What a manifest's ``layers`` hold (OCI image 1.1, "Content Descriptors")."""
        size = len(self.payload)
        return {"mediaType": LAYER, "size": size, "digest": self.digest, "annotations": dict(self.annotations)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSignature:
    """One signature that a manifest lists: claims of whoever pushed it."""

    digest: str
    """The payload's: ``sha256:…``."""
    size: int
    """Bytes of the payload."""
    annotations: Mapping[str, str]


def payload(image: str, sha256: str) -> bytes:
    """Return what is signed: always the same bytes for an image.

    Args:
        image: Registry and repository, without a tag.
        sha256: The manifest's digest, 64 hexadecimal digits.
    """
    critical = {
        "identity": {"docker-reference": image},
        "image": {"docker-manifest-digest": f"sha256:{sha256}"},
        "type": TYPE,
    }
    return _json({"critical": critical, "optional": None})


def layer(bundle: bytes, payload: bytes) -> Layer:
    """Return the layer of a payload's bundle, which the caller has verified.

    Raises:
        VerificationFailed: The bundle holds no promise of a log, which is what this form consists of.
    """
    read = Bundle.from_json(bundle)
    material = read.verification_material
    entry = material.tlog_entries[0]
    if entry.inclusion_promise is None or not read.message_signature or not material.certificate:
        raise VerificationFailed(
            "got a bundle without a signed entry timestamp, expected one: cosign 2 reads nothing else",
            hint="Remove the image's bundle from the work folder and run sign again, with a log of version 1.",
            slug="bundle-without-promise",
        )
    certificate = load_der_x509_certificate(material.certificate.raw_bytes)
    promise = {
        "SignedEntryTimestamp": _text(entry.inclusion_promise.signed_entry_timestamp),
        "Payload": {
            "body": _text(entry.canonicalized_body),
            "integratedTime": entry.integrated_time,
            "logIndex": entry.log_index,
            "logID": entry.log_id.key_id.hex(),
        },
    }
    annotations = {
        SIGNATURE: _text(read.message_signature.signature),
        CERTIFICATE: certificate.public_bytes(Encoding.PEM).decode(),
        PROMISE: _json(promise).decode(),
    }
    return Layer(payload=payload, annotations=annotations)


def signature_tag(sha256: str) -> str:
    """Return the tag at which cosign looks for the signatures of a manifest."""
    return f"sha256-{sha256}.sig"


def signature_manifest(layers: Sequence[Layer]) -> tuple[bytes, bytes]:
    """Return manifest and configuration for the tag of signatures: always the same bytes for the same layers."""
    config = _json(
        {
            "architecture": "",
            "created": _NEVER,
            "history": [{"created": _NEVER} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [one.digest for one in layers]},
            "config": {},
        }
    )
    described = {"mediaType": CONFIG, "size": len(config), "digest": f"sha256:{hashlib.sha256(config).hexdigest()}"}
    descriptors = [one.descriptor for one in layers]
    return _json({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": descriptors}), config


def list_signatures(manifest: bytes) -> tuple[ListedSignature, ...]:
    """Return the signatures at an image's tag for them; layers of another kind are left out.

    Raises:
        Refused: What is there is no such manifest.
    """
    try:
        return tuple(
            ListedSignature(
                digest=str(one["digest"]), size=int(one["size"]), annotations=dict(one.get("annotations") or {})
            )
            for one in _layers(reading.document(manifest, LARGEST_MANIFEST, "a manifest"))
            if one.get("mediaType") == LAYER
        )
    except Exception as error:
        raise _unknown(reading.words(error)) from error


def append(existing: bytes, layers: Sequence[Layer]) -> bytes:
    """Return a manifest of signatures with these as well; what others have put there stays as it is.

    A signature that is there is not added again; where nothing is to add, the very bytes come back.

    Raises:
        Refused: What is there is no such manifest, or would get too large.
    """
    try:
        found = reading.document(existing, LARGEST_MANIFEST, "a manifest")
        there = {(one["digest"], (one.get("annotations") or {}).get(SIGNATURE)) for one in _layers(found)}
    except Exception as error:
        raise _unknown(reading.words(error)) from error
    added = [one for one in layers if (one.digest, one.annotations[SIGNATURE]) not in there]
    if not added:
        return existing
    found["layers"] += [one.descriptor for one in added]
    text = _json(found)
    if len(text) > LARGEST_MANIFEST:
        raise _unknown(f"with ours it has {len(text)} bytes, and registries take {LARGEST_MANIFEST}")
    return text


def _layers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    kind, layers = manifest.get("mediaType", MANIFEST), manifest.get("layers")
    if manifest.get("schemaVersion") != 2 or kind not in {MANIFEST, _DOCKER_MANIFEST} or not isinstance(layers, list):  # noqa: PLR2004
        raise ValueError("it is another kind of manifest")
    return layers


def _unknown(why: str) -> Refused:
    return Refused(
        "got something else at the image's tag for signatures, expected a manifest of signatures to add ours to",
        context=(why,),
        hint="Look at the tag sha256-<digest>.sig of the image. Once it is clear who made it, delete that tag in the "
        "registry and run the same command again.",
        slug="foreign-signature-manifest",
    )


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _text(content: bytes) -> str:
    return b64encode(content).decode()
