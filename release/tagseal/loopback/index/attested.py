"""Attestations as an index takes them: verified against the publisher who sends the file (PEP 740)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pypi_attestations import Attestation, AttestationType, ConversionError, GitHubPublisher
from sigstore.errors import Error
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier

from tagseal.loopback.sigstore.trust import Signing, client_trust_config

if TYPE_CHECKING:
    from sigstore.verify.policy import VerificationPolicy

    from tagseal.loopback.index.state import RegisteredPublisher
    from tagseal.loopback.sigstore import PlayedSigstore

_LISTED: TypeAdapter[list[Attestation]] = TypeAdapter(list[Attestation])
_MOST = len(AttestationType)
"""Attestations of one file: one of each type."""


class NotAttestedError(Exception):
    """Attestations that do not say what they should; its text says why."""


class _Subject(BaseModel):
    name: str
    digest: dict[str, str]


class _Statement(BaseModel):
    """An in-toto statement, as far as the index reads it."""

    subject: list[_Subject]
    predicate_type: str = Field(alias="predicateType")


class AttestationVerifier:
    """Verifies by the played Sigstore's root of trust."""

    def __init__(self, sigstore: PlayedSigstore) -> None:
        """Prepare."""
        self._sigstore = sigstore

    def verify_attestations(
        self, text: str, name: str, sha256: str, publisher: RegisteredPublisher
    ) -> tuple[bytes, ...]:
        """Return the attestations that this publisher made of exactly this file, each JSON.

        Raises:
            NotAttestedError: One is another's, of another file, or does not verify; or there are none, or too many.
        """
        try:
            listed = _LISTED.validate_json(text)
        except ValidationError as error:
            raise NotAttestedError(f"Malformed attestations: {error.errors()[0]['msg']}") from error
        if not listed:
            raise NotAttestedError("Malformed attestations: an empty attestation set is not permitted")
        if len(listed) > _MOST:
            raise NotAttestedError(f"A maximum of {_MOST} attestations per file are supported")
        identity = GitHubPublisher(repository=f"{publisher.owner}/{publisher.repository}", workflow=publisher.workflow)
        # What makes a policy of a publisher has no public name; the real index uses it, too.
        policy = identity._as_policy()  # noqa: SLF001
        types = [self._type(one, name, sha256, policy) for one in listed]
        if len(set(types)) != len(types):
            raise NotAttestedError(
                f"Multiple attestations for the same file with the same predicate type ({types[0].value}) are not "
                "supported"
            )
        return tuple(one.model_dump_json().encode() for one in listed)

    def _type(self, attestation: Attestation, name: str, sha256: str, policy: VerificationPolicy) -> AttestationType:
        """Return the type of an attestation that is good."""
        try:
            _, payload = self._verifier.verify_dsse(attestation.to_bundle(), policy)
            statement = _Statement.model_validate_json(payload)
            found = AttestationType(statement.predicate_type)
        except (Error, ConversionError, ValueError) as error:
            raise _not_attested(str(error)) from error
        if len(statement.subject) != 1:
            raise _not_attested("too many subjects in statement (must be exactly one)")
        subject = statement.subject[0]
        if subject.name != name:
            raise _not_attested(f"subject does not match distribution name: {subject.name} != {name}")
        if subject.digest.get("sha256") != sha256:
            raise _not_attested("subject does not match distribution digest")
        return found

    @cached_property
    def _verifier(self) -> Verifier:
        config = ClientTrustConfig.from_json(json.dumps(client_trust_config(self._sigstore, Signing())))
        return Verifier(trusted_root=config.trusted_root)


def _not_attested(why: str) -> NotAttestedError:
    return NotAttestedError(f"Could not verify the uploaded artifact using the included attestation: {why}")
