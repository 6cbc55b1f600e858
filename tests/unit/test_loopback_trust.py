"""What the loopback tells its clients to trust: exactly the keys of these instances, under production URLs."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from sigstore.models import ClientTrustConfig

from tagseal.loopback import trust
from tagseal.loopback.actions import Issuer
from tagseal.loopback.fulcio import Fulcio
from tagseal.loopback.rekor import Rekor

FULCIO, REKOR = Fulcio(Issuer()), Rekor()


@pytest.fixture
def root() -> dict[str, Any]:
    return trust.trusted_root(FULCIO, REKOR)


def test_the_trust_is_that_of_these_instances(root: dict[str, Any]) -> None:
    """One authority, one log of each kind, with the very keys; no timestamp authority is claimed."""
    (authority,), (log,), (certificate_log,) = root["certificateAuthorities"], root["tlogs"], root["ctlogs"]
    chain = [
        x509.load_der_x509_certificate(b64decode(one["rawBytes"])) for one in authority["certChain"]["certificates"]
    ]
    assert chain == FULCIO.chain
    for told, key in ((log, REKOR.log.public_key), (certificate_log, FULCIO.log_key)):
        expected = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert b64decode(told["publicKey"]["rawBytes"]) == expected
        assert b64decode(told["logId"]["keyId"]) == sha256(expected).digest()
    assert not root.get("timestampAuthorities")


def test_every_key_is_valid_from_its_birth_on(root: dict[str, Any]) -> None:
    """A period has a start that has come, and no end."""
    periods = [
        *(log["publicKey"]["validFor"] for log in (*root["tlogs"], *root["ctlogs"])),
        *(authority["validFor"] for authority in root["certificateAuthorities"]),
    ]
    assert [set(period) for period in periods] == [{"start"}] * 3
    assert all(datetime.fromisoformat(period["start"]) <= datetime.now(UTC) for period in periods)


def test_urls_are_those_of_production() -> None:
    """Without a word said, clients are sent to the names that the door plays."""
    config = trust.client_trust_config(FULCIO, REKOR)
    signing = config["signingConfig"]
    assert [one["url"] for one in signing["caUrls"]] == ["https://fulcio.sigstore.dev"]
    assert [one["url"] for one in signing["rekorTlogUrls"]] == ["https://rekor.sigstore.dev"]
    assert [one["baseUrl"] for one in config["trustedRoot"]["tlogs"]] == ["https://rekor.sigstore.dev"]


def test_the_document_is_made_of_the_two_others(root: dict[str, Any]) -> None:
    """One file for sigstore and two for cosign say the same, and sigstore reads it back without loss."""
    config = trust.client_trust_config(FULCIO, REKOR)
    assert config["trustedRoot"] == root
    assert config["signingConfig"] == trust.signing_config(FULCIO, REKOR)
    assert ClientTrustConfig.from_json(json.dumps(config)).signing_config.get_oidc_url() == trust.OIDC


def test_the_same_keys_stand_in_files_for_cosign_2() -> None:
    """What reads no trusted root gets the same chain and keys, as PEM texts, one file for each of its variables."""
    texts = trust.keys(FULCIO, REKOR)
    assert list(texts) == list(trust.KEYS.values())
    chain, log, certificate_log = texts.values()
    assert x509.load_pem_x509_certificates(chain) == FULCIO.chain
    assert load_pem_public_key(log) == REKOR.log.public_key
    assert load_pem_public_key(certificate_log) == FULCIO.log_key
