"""Which check a failed verification names: each of sigstore-python's messages is provoked with real keys."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import ExtendedKeyUsage, KeyUsage, UnrecognizedExtension
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from sigstore.models import ClientTrustConfig

import forged
from forged import DIGEST, TIMESTAMP, Forger
from instance import COMMIT, IDENTITY, RUN
from tagseal.loopback.actions import Issuer
from tagseal.loopback.sigstore import PlayedSigstore, trust
from tagseal.verification.checks import WORDS, ProgressPolicy
from tagseal.verification.policy import Exact
from tagseal.verification.result import Check
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagseal.loopback.sigstore.rekor import Rekor


@dataclass
class Case:
    """A genuine bundle and its root of trust, before an attacker has changed either."""

    forger: Forger
    rekor: Rekor
    key: ec.EllipticCurvePrivateKey
    bundle: dict[str, Any]
    root: dict[str, Any]
    digest: str = DIGEST

    @property
    def material(self) -> dict[str, Any]:
        found: dict[str, Any] = self.bundle["verificationMaterial"]
        return found

    @property
    def entry(self) -> dict[str, Any]:
        found: dict[str, Any] = self.material["tlogEntries"][0]
        return found

    def signed(self, **options: Any) -> None:  # noqa: ANN401 - the forger's
        self.bundle = forged.bundle(self.rekor, self.key, self.forger.forge(self.key, **options))

    def stamped(self, *timestamps: str) -> None:
        self.material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": x} for x in timestamps]}

    def trusting_timestamps(self) -> None:
        self.root["trustedRoot"]["timestampAuthorities"] = self.root["trustedRoot"]["certificateAuthorities"]

    def judged(self) -> Outcome:
        verifier = VerifierWithRoot(ClientTrustConfig.from_json(json.dumps(self.root)).trusted_root)
        bundle = json.dumps(self.bundle).encode()
        return verify_digest("widget", self.digest, bundle, Exact(IDENTITY, COMMIT), verifier)


@pytest.fixture
def case() -> Case:
    forger, key, played = Forger(Issuer()), ec.generate_private_key(ec.SECP256R1()), PlayedSigstore(Issuer())
    played.fulcio = forger
    bundle = forged.bundle(played.rekor, key, forger.forge(key))
    root = trust.client_trust_config(played)
    return Case(forger=forger, rekor=played.rekor, key=key, bundle=bundle, root=root)


def usage(*, digital_signature: bool) -> KeyUsage:
    rest = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign")
    others = dict.fromkeys((*rest, "crl_sign", "encipher_only", "decipher_only"), False)
    return KeyUsage(digital_signature=digital_signature, **{**others, "content_commitment": True})


def no_time(case: Case) -> None:
    case.entry["integratedTime"] = "0"


def other_entry_version(case: Case) -> None:
    case.entry["kindVersion"]["version"] = "0.0.2"


def broken_timestamp(case: Case) -> None:
    case.stamped("AAAA")


def broken_timestamp_without_promise(case: Case) -> None:
    case.stamped("AAAA")
    del case.entry["inclusionPromise"]


def neither_promise_nor_timestamp(case: Case) -> None:
    del case.entry["inclusionPromise"]


def stamped_by_nobody(case: Case) -> None:
    case.stamped(TIMESTAMP)


def stamped_often(case: Case) -> None:
    case.trusting_timestamps()
    case.stamped(*[TIMESTAMP] * 33)


def stamped_twice(case: Case) -> None:
    case.trusting_timestamps()
    case.stamped(TIMESTAMP, TIMESTAMP)


def foreign_authority(case: Case) -> None:
    other = Forger(Issuer())
    case.bundle = forged.bundle(case.rekor, case.key, other.forge(case.key))


def foreign_certificate_log(case: Case) -> None:
    case.signed(log_key=ec.generate_private_key(ec.SECP256R1()))


def no_certificate_timestamp(case: Case) -> None:
    case.signed(changes={ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS: None})


def broken_certificate_timestamp(case: Case) -> None:
    oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
    case.signed(changes={oid: UnrecognizedExtension(oid, b"nonsense")})


def no_certificate_log(case: Case) -> None:
    case.root["trustedRoot"]["ctlogs"] = []


def usage_without_signatures(case: Case) -> None:
    case.signed(changes={ExtensionOID.KEY_USAGE: usage(digital_signature=False)})


def no_usage(case: Case) -> None:
    case.signed(changes={ExtensionOID.KEY_USAGE: None})


def for_servers(case: Case) -> None:
    case.signed(changes={ExtensionOID.EXTENDED_KEY_USAGE: ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])})


def other_tag(case: Case) -> None:
    case.signed(run=replace(RUN, ref="refs/tags/v9"))


def other_root_hash(case: Case) -> None:
    case.entry["inclusionProof"]["rootHash"] = forged.text(bytes(32))


def no_log(case: Case) -> None:
    for log in case.root["trustedRoot"]["tlogs"]:
        log["publicKey"]["validFor"] = {"start": "2999-01-01T00:00:00Z"}


def junk_in_the_checkpoint(case: Case) -> None:
    note = case.entry["inclusionProof"]["checkpoint"]
    note["envelope"] = note["envelope"].replace("\n\n\N{EM DASH} ", "\n\n\N{EM DASH} x x\n\N{EM DASH} ")


def other_bytes(case: Case) -> None:
    case.digest = "0" * 64


def other_bytes_without_their_digest(case: Case) -> None:
    del case.bundle["messageSignature"]["messageDigest"]
    case.digest = "0" * 64


def envelope_entry(case: Case) -> None:
    case.entry["kindVersion"]["kind"] = "dsse"


def other_entry(case: Case) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    foreign = forged.bundle(case.rekor, other, case.forger.forge(other))
    case.material["tlogEntries"] = foreign["verificationMaterial"]["tlogEntries"]


def nonsense_in_the_log(case: Case) -> None:
    case.material["tlogEntries"] = [forged.entry(case.rekor, b'{"kind": "nonsense"}')]


def other_kind_of_key(case: Case) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    case.bundle = forged.bundle(case.rekor, key, case.forger.forge(key))


REFUSED: tuple[tuple[Callable[[Case], None], Check, str], ...] = (
    (broken_timestamp_without_promise, Check.time, "Invalid Timestamp Response"),
    (neither_promise_nor_timestamp, Check.time, "bundle must contain an inclusion promise or signed timestamp(s)"),
    (broken_timestamp, Check.time, "Invalid Timestamp Response"),
    (no_time, Check.time, "not enough sources of verified time"),
    (other_entry_version, Check.time, "Integrated time only supported for dsse/hashedrekord 0.0.1 types"),
    (stamped_by_nobody, Check.time, "got a timestamp of "),
    (stamped_often, Check.time, "got 33 timestamps, expected at most 32"),
    (stamped_twice, Check.time, "got the same timestamp twice, expected each once"),
    (foreign_authority, Check.certificate, "failed to build timestamp certificate chain"),
    (foreign_certificate_log, Check.certificate, "failed to verify SCT on signing certificate: SCT verify failed"),
    (no_certificate_timestamp, Check.certificate, "failed to verify SCT on signing certificate"),
    (broken_certificate_timestamp, Check.certificate, "error parsing asn1 value"),
    (no_certificate_log, Check.certificate, "CTFE keys not found in trusted root"),
    (usage_without_signatures, Check.certificate, "Key usage is not of type `digital signature`"),
    (no_usage, Check.certificate, "No <class 'cryptography.x509.extensions.KeyUsage'> extension was found"),
    (for_servers, Check.certificate, "Extended usage does not contain `code signing`"),
    (other_tag, Check.identity, "the certificate names "),
    (other_root_hash, Check.log, "invalid log entry: inclusion proof contains invalid root hash"),
    (no_log, Check.log, "Did not find any Rekor keys in trusted root"),
    (junk_in_the_checkpoint, Check.log, "Invalid base64-encoded string"),
    (other_bytes, Check.signature, "Bundle message digest mismatch"),
    (other_bytes_without_their_digest, Check.signature, "Signature is invalid for input"),
    (envelope_entry, Check.signature, "Expected entry type hashedrekord, got dsse"),
    (other_entry, Check.signature, "transparency log entry is inconsistent with other materials"),
    (nonsense_in_the_log, Check.signature, "2 validation errors for Hashedrekord"),
    (other_kind_of_key, Check.signature, "Ed25519PublicKey.verify() takes 2 positional"),
)


def test_the_genuine_bundle_passes_all_checks(case: Case) -> None:
    """What each attack begins with verifies."""
    outcome = case.judged()
    assert (outcome.verdict.ok, outcome.check) == (True, None), outcome.verdict.detail


@pytest.mark.parametrize(("attack", "check", "words"), REFUSED, ids=[one[0].__name__ for one in REFUSED])
def test_a_failure_names_the_check(case: Case, attack: Callable[[Case], None], check: Check, words: str) -> None:
    """Each message of the library's leads to the check that failed, and is told."""
    attack(case)
    outcome = case.judged()
    assert (outcome.verdict.ok, outcome.check) == (False, check), outcome.verdict.detail
    assert outcome.verdict.detail.startswith(words)


@pytest.mark.parametrize("begins", [one for known in WORDS.values() for one in known])
def test_every_message_that_is_known_is_provoked(begins: str) -> None:
    """The table holds nothing that the library does not say."""
    assert any(re.match(begins.partition(": ")[2], words) for _, _, words in REFUSED)


@pytest.mark.parametrize("reached", [Check.bundle, Check.time, Check.identity, Check.log])
def test_an_unknown_failure_names_the_first_check_that_was_not_seen_to_pass(reached: Check) -> None:
    """Nothing is said to have passed that may not have."""
    watched = ProgressPolicy(Exact(IDENTITY, COMMIT))
    watched.reached = reached
    assert watched.failed_check(RuntimeError("something new")) is reached
