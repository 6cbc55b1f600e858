"""What the loopback tells its clients to trust: exactly the keys of these instances, under production URLs."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sigstore.models import ClientTrustConfig

from tagseal.loopback.actions import Issuer
from tagseal.loopback.signatures import spki
from tagseal.loopback.sigstore import PlayedSigstore, trust
from tagseal.loopback.sigstore.trust import Log, Signing

SIGSTORE = PlayedSigstore(Issuer())
FULCIO = SIGSTORE.fulcio
SERVICES = ("caUrls", "rekorTlogUrls", "tsaUrls")


def embedded(name: str) -> str:
    """Return a file of production's trust as sigstore-python carries it."""
    folder = files("sigstore._store") / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    return (folder / name).read_text()


def chain(authority: dict[str, Any]) -> list[x509.Certificate]:
    return [
        x509.load_der_x509_certificate(b64decode(one["rawBytes"])) for one in authority["certChain"]["certificates"]
    ]


@pytest.fixture
def root() -> dict[str, Any]:
    return trust.trusted_root(SIGSTORE)


def test_the_trust_is_that_of_these_instances(root: dict[str, Any]) -> None:
    """One authority of each kind, one certificate log, both versions of the other, all with the very keys."""
    (authority,), (certificate_log,), (stamps,) = (
        root[kind] for kind in ("certificateAuthorities", "ctlogs", "timestampAuthorities")
    )
    assert [chain(one) for one in (authority, stamps)] == [FULCIO.chain, SIGSTORE.timestamps.chain]
    first, second = SIGSTORE.rekor.log, SIGSTORE.tiles.log
    keys = [spki(first.public_key), spki(second.public_key), spki(FULCIO.log_key)]
    told = [*root["tlogs"], certificate_log]
    assert [b64decode(one["publicKey"]["rawBytes"]) for one in told] == keys
    identifiers = [sha256(keys[0]).digest(), second.key_id, sha256(keys[2]).digest()]
    assert [b64decode(one["logId"]["keyId"]) for one in told] == identifiers


def test_every_key_is_valid_from_its_birth_on(root: dict[str, Any]) -> None:
    """A period has a start that has come, and no end."""
    periods = [
        *(log["publicKey"]["validFor"] for log in (*root["tlogs"], *root["ctlogs"])),
        *(one["validFor"] for one in (*root["certificateAuthorities"], *root["timestampAuthorities"])),
    ]
    assert [set(period) for period in periods] == [{"start"}] * 5
    assert all(datetime.fromisoformat(period["start"]) <= datetime.now(UTC) for period in periods)


@pytest.mark.parametrize(
    ("log", "url", "version"),
    [("v1", "https://rekor.sigstore.dev", 1), ("v2", "https://log2025-1.rekor.sigstore.dev", 2)],
)
def test_urls_are_those_of_production(log: Log, url: str, version: int) -> None:
    """Clients are sent to the names that the door plays; without a word said, to those of production's own list."""
    signing = trust.signing_config(SIGSTORE, Signing(log=log))
    found = {kind: [(one["url"], one["majorApiVersion"]) for one in signing[kind]] for kind in SERVICES}
    assert found == {
        "caUrls": [("https://fulcio.sigstore.dev", 1)],
        "rekorTlogUrls": [(url, version)],
        "tsaUrls": [("https://timestamp.sigstore.dev/api/v1/timestamp", 1)],
    }


def test_without_a_word_said_signers_are_led_as_in_production() -> None:
    """The services, their URLs and versions, and how many of them sign, are those that sigstore-python carries."""
    ours, production = trust.signing_config(SIGSTORE), json.loads(embedded("signing_config.v0.2.json"))
    for kind in SERVICES:
        assert [our | {"validFor": ""} for our in ours[kind]] == [one | {"validFor": ""} for one in production[kind]]
    assert {name: ours[name] for name in ("rekorTlogConfig", "tsaConfig")} == {
        name: production[name] for name in ("rekorTlogConfig", "tsaConfig")
    }


def test_the_trusted_logs_are_called_as_in_production(root: dict[str, Any]) -> None:
    """Both versions of the log stand there with production's URLs and kinds of keys, and so does the authority."""
    production = json.loads(embedded("trusted_root.json"))
    assert [
        [(one["baseUrl"], one["publicKey"]["keyDetails"]) for one in found["tlogs"]] for found in (root, production)
    ] == [[(trust.REKOR, "PKIX_ECDSA_P256_SHA_256"), (trust.TILES, "PKIX_ED25519")]] * 2
    stamps = [found["timestampAuthorities"][0] for found in (root, production)]
    assert stamps[0]["uri"] == stamps[1]["uri"]
    assert stamps[0]["subject"] == stamps[1]["subject"]


def test_the_document_is_made_of_the_two_others(root: dict[str, Any]) -> None:
    """One file for sigstore and two for cosign say the same, and sigstore reads it back without loss."""
    config = trust.client_trust_config(SIGSTORE)
    assert config["trustedRoot"] == root
    assert config["signingConfig"] == trust.signing_config(SIGSTORE)
    assert ClientTrustConfig.from_json(json.dumps(config)).signing_config.get_oidc_url() == trust.OIDC


def test_the_same_keys_stand_in_files_for_cosign_2() -> None:
    """What reads no trusted root gets the same chain and keys, as PEM texts, one file for each of its variables."""
    texts = trust.keys(SIGSTORE)
    assert list(texts) == list(trust.KEYS.values())
    authorities, log, certificate_log = texts.values()
    assert x509.load_pem_x509_certificates(authorities) == FULCIO.chain
    assert load_pem_public_key(log) == SIGSTORE.rekor.log.public_key
    assert load_pem_public_key(certificate_log) == FULCIO.log_key
