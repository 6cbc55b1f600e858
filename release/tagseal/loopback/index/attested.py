"""Attestations as an index takes them: verified against the publisher who sends the file (PEP 740)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pypi_attestations import Attestation, AttestationType, ConversionError, GitHubPublisher
from sigstore.errors import Error
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier

from tagseal.loopback.trust import Signing, client_trust_config

if TYPE_CHECKING:
    from tagseal.loopback.index.state import Publisher
    from tagseal.loopback.sigstore import Sigstore

PREDICATE = AttestationType.PYPI_PUBLISH_V1.value


class NotAttestedError(Exception):
    """An attestation that does not say what it should; its text says why."""


class Attested:
    """Verifies by the played Sigstore's root of trust."""

    def __init__(self, sigstore: Sigstore) -> None:
        """Prepare."""
        self._sigstore = sigstore

    def verified(self, text: str, name: str, sha256: str, publisher: Publisher) -> bytes:
        """Return an attestation that this publisher made of exactly this file, JSON.

        Raises:
            NotAttestedError: It is another's, of another file, or does not verify.
            ValueError: It is no attestation at all.
        """
        found = Attestation.model_validate_json(text)
        identity = GitHubPublisher(repository=f"{publisher.owner}/{publisher.repository}", workflow=publisher.workflow)
        try:
            # What makes a policy of a publisher has no public name; the real index uses it, too.
            _, payload = self._verifier.verify_dsse(found.to_bundle(), identity._as_policy())  # noqa: SLF001
        except (Error, ConversionError, ValidationError) as error:
            raise NotAttestedError(f"Verification failed: {error}") from error
        statement = json.loads(payload)
        subject = statement["subject"][0]
        if len(statement["subject"]) != 1 or subject["name"] != name:
            raise NotAttestedError(f"subject does not match distribution name: {subject['name']} != {name}")
        if subject["digest"].get("sha256") != sha256:
            raise NotAttestedError("subject does not match distribution digest")
        if statement["predicateType"] != PREDICATE:
            raise NotAttestedError(f"unknown attestation type: {statement['predicateType']}")
        return found.model_dump_json().encode()

    @cached_property
    def _verifier(self) -> Verifier:
        config = ClientTrustConfig.from_json(json.dumps(client_trust_config(self._sigstore, Signing())))
        return Verifier(trusted_root=config.trusted_root)
