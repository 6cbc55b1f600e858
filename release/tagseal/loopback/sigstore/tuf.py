"""The repository that clients learn their trust from: TUF, as ``tuf-repo-cdn.sigstore.dev`` serves it.

Sources: the TUF specification 1.0.31, sections 4 and 6, and sigstore/root-signing for names and custom metadata.

1. ``1.root.json`` names the keys of all roles; a client has to have it already, and asks for ``2.root.json`` in vain.
2. ``timestamp.json`` names the snapshot, ``1.snapshot.json`` the targets, ``1.targets.json`` each target's digest.
3. A target lies at ``targets/<sha256>.<name>`` (consistent snapshots, section 6.2).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # documented, but in no __all__
from tuf.api.metadata import (  # type: ignore[attr-defined]  # as above
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from werkzeug import Response
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule

from tagseal.loopback.service import Service
from tagseal.loopback.sigstore.trust import (
    CERTIFICATE_LOG,
    FULCIO,
    REKOR,
    Signing,
    signing_config,
    trusted_root,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from werkzeug import Request

    from tagseal.loopback.sigstore import PlayedSigstore

TUF = "https://tuf-repo-cdn.sigstore.dev"

_LIFETIME = timedelta(days=30)


class Tuf(Service):
    """A TUF repository that says to trust this Sigstore; its keys are fresh, and forgotten once used."""

    routes = Map([Rule("/<path:path>", endpoint="_file", methods=["GET"])])

    def __init__(
        self, sigstore: PlayedSigstore, signing: Signing | None = None, *, lifetime: timedelta = _LIFETIME
    ) -> None:
        """Sign the metadata, once; it is good for this long, or has been over for so long."""
        targets = _targets(sigstore, signing or Signing())
        self._files = _sign_roles(targets, lifetime) | {
            f"targets/{_digest(it)}.{name}": it for name, (it, _) in targets.items()
        }

    @property
    def root(self) -> bytes:
        """The first root's metadata: what a client must have been given, for here is nobody to ask for it."""
        return self._files["1.root.json"]

    def refusal(self, error: HTTPException) -> Response:
        """Return the error as the bucket does: XML that no client reads."""
        return Response(f"<Error><Code>{error.name}</Code></Error>", error.code, content_type="application/xml")

    def _file(self, _request: Request, path: str) -> Response:
        if path not in self._files:
            raise NotFound
        return Response(self._files[path], content_type="application/octet-stream")


def _targets(sigstore: PlayedSigstore, signing: Signing) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Return each target with what Sigstore says of it: cosign 2 and Kubernetes find the keys by their usage."""
    fulcio = sigstore.fulcio
    intermediate, root = (certificate.public_bytes(Encoding.PEM) for certificate in fulcio.chain)
    return {
        "fulcio_v1.crt.pem": (root, _custom("Fulcio", FULCIO)),
        "fulcio_intermediate_v1.crt.pem": (intermediate, _custom("Fulcio", FULCIO)),
        "ctfe_2022.pub": (_pem(fulcio.log_key), _custom("CTFE", CERTIFICATE_LOG)),
        "rekor.pub": (_pem(sigstore.rekor.log.public_key), _custom("Rekor", REKOR)),
        "trusted_root.json": (json.dumps(trusted_root(sigstore)).encode(), {}),
        "signing_config.v0.2.json": (json.dumps(signing_config(sigstore, signing)).encode(), {}),
    }


def _custom(usage: str, uri: str) -> dict[str, str]:
    return {"usage": usage, "status": "Active", "uri": uri}


def _sign_roles(targets: dict[str, tuple[bytes, dict[str, str]]], lifetime: timedelta) -> dict[str, bytes]:
    """Return the metadata of every role, by file name: root and targets by one key, the online roles by another."""
    kept, online = CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ecdsa()
    expires = datetime.now(UTC).replace(microsecond=0) + lifetime
    root = Root(expires=expires, consistent_snapshot=True)
    for role, signer in (("root", kept), ("targets", kept), ("snapshot", online), ("timestamp", online)):
        root.add_key(signer.public_key, role)
    listed = {name: _target(name, content, custom) for name, (content, custom) in targets.items()}
    return {
        "1.root.json": _bytes(Metadata(root), kept),
        "1.targets.json": _bytes(Metadata(Targets(expires=expires, targets=listed)), kept),
        "1.snapshot.json": _bytes(Metadata(Snapshot(expires=expires, meta={"targets.json": MetaFile()})), online),
        "timestamp.json": _bytes(Metadata(Timestamp(expires=expires, snapshot_meta=MetaFile())), online),
    }


def _target(name: str, content: bytes, custom: dict[str, str]) -> TargetFile:
    found = TargetFile.from_data(name, content, ["sha256"])
    if custom:
        found.unrecognized_fields["custom"] = {"sigstore": custom}
    return found


def _bytes(metadata: Metadata[Any], signer: CryptoSigner) -> bytes:
    metadata.sign(signer)
    return metadata.to_bytes()


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
