"""What a verification trusts: the root of the public Sigstore instance, or of a file that the caller names.

A root that lies beside the files is never taken by itself: whoever made the files could have put it there.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sigstore.models import ClientTrustConfig

from tagseal.errors import ServiceError, UsageError
from tagseal.machine.files import open_file
from tagseal.machine.threads import within
from tagseal.names import show
from tagseal.verification import reading
from tagseal.verification.timestamps import VerifierWithRoot

if TYPE_CHECKING:
    from collections.abc import Callable

    from sigstore.models import TrustedRoot

LARGEST = 1 << 20
"""Bytes. The public instance's has about 10 kB."""
ROOT = "trusted_root.json"
"""Its name in a folder, or an archive: that of Sigstore's own repository."""
PUBLIC = "the public Sigstore instance, by TUF"
SECONDS = 60
"""Until TUF gives up: its client counts silence only."""

_BOUNDED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The others unpack whole blocks at once: 60 kB of LZMA took 900 MB of memory (measured)."""
_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_SIGNING_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A root of trust, loaded."""

    origin: str
    """Where it comes from, for a person to read."""
    verifier: VerifierWithRoot = field(repr=False)
    sha256: str = ""
    """Of the file's bytes, hexadecimal; empty for the public instance's."""

    @property
    def name(self) -> str:
        """What vouches, for a sentence."""
        return self.origin.removesuffix(f", sha256 {self.sha256}").removesuffix(", by TUF")

    @classmethod
    def public(cls, load: Callable[[], TrustedRoot] | None = None) -> Trust:
        """Load the public instance's root, as it is now; a cached one that is expired does not count.

        Args:
            load: How to get it; by default one attempt, by TUF.

        Raises:
            ServiceError: It cannot be had: no network, or somebody answers in its place.
        """
        try:
            return cls(origin=PUBLIC, verifier=VerifierWithRoot((load or _by_tuf)()))
        except Exception as error:  # whatever the library lets through: its errors have no common root
            context = (error.what, *error.context) if isinstance(error, ServiceError) else (reading.words(error),)
            raise ServiceError(
                "got no root of trust, expected that of the public Sigstore instance, by TUF",
                context=context,
                hint="{Rerun} with a network that reaches tuf-repo-cdn.sigstore.dev, or without "
                "any: --offline --trust-config FILE, with a root of trust that you have from somebody you trust.",
                slug="no-root-of-trust",
            ) from error

    @classmethod
    def of_file(cls, path: Path, *, origin: str = "") -> Trust:
        """Load a trusted root, or a client trust configuration that holds one; nothing is asked of any network.

        Args:
            path: The file; or a folder or zip archive that holds it as ``trusted_root.json``, as a kit does.
            origin: What to call it; by default its path and digest.

        Raises:
            UsageError: It cannot be read, or is something else.
        """
        try:
            content, where = _content(path)
            document = _configuration(reading.document(content, LARGEST, "a root of trust"))
            verifier = VerifierWithRoot(ClientTrustConfig.from_json(json.dumps(document)).trusted_root)
        except Exception as error:  # whatever the parsers of an archive, of JSON, of certificates and of keys raise
            raise UsageError(
                f"got {show(str(path))}, expected a trusted root or a client trust configuration of Sigstore",
                context=(reading.words(error),),
                hint="Name a trusted_root.json, or a kit that holds one: --trust-config FILE.",
                slug="bad-root-of-trust",
            ) from error
        sha256 = hashlib.sha256(content).hexdigest()
        return cls(origin=origin or f"{where}, sha256 {sha256}", verifier=verifier, sha256=sha256)


def _by_tuf() -> TrustedRoot:
    return within(SECONDS, ClientTrustConfig.production).trusted_root


def _content(path: Path) -> tuple[bytes, Path]:
    """Return the bytes of a root, and where they lie: the digest that is told is of them, not of an archive."""
    if path.is_dir():
        path /= ROOT
    with open_file(path, follow=True) as file:
        content = file.read(LARGEST + 1)
        return (content, path) if not content.startswith(b"PK\x03\x04") else _from_archive(file, path)


def _from_archive(file: IO[bytes], path: Path) -> tuple[bytes, Path]:
    with zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if one.filename.rpartition("/")[2] == ROOT]
        if len(members) != 1:
            raise ValueError(f"got {len(members)} members called {ROOT}, expected one")
        if members[0].compress_type not in _BOUNDED:
            raise ValueError(f"got {ROOT} in a form of compression whose reader has no bound, expected deflate or none")
        with archive.open(members[0]) as member:
            return member.read(LARGEST + 1), Path(f"{path}/{members[0].filename}")  # absolute or not


def _configuration(document: dict[str, Any]) -> dict[str, Any]:
    """Return the client trust configuration; a bare root becomes one that signs nowhere."""
    kind = document.get("mediaType")
    if kind == _CONFIG_TYPE:
        return document
    if kind == _ROOT_TYPE:
        return {"mediaType": _CONFIG_TYPE, "trustedRoot": document, "signingConfig": {"mediaType": _SIGNING_TYPE}}
    raise ValueError(f"got the media type {show(str(kind))}, expected {_ROOT_TYPE} or {_CONFIG_TYPE}")
