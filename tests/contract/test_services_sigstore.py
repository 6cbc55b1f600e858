"""What signing takes for granted in sigstore-python, two private names among it (decision 17)."""

from __future__ import annotations

import json
import re
import socket
import threading
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sigstore.hashes import Hashed
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore_models.common.v1 import HashAlgorithm

from instance import RUN, instance, moved
from tagseal.errors import Busy, ServiceError
from tagseal.services.sigstore import Sigstore
from tagseal.services.sigstore.failures import ExpiredCertificate

if TYPE_CHECKING:
    from tagseal.loopback import Loopback

DIGEST = "0" * 64


@pytest.mark.parametrize("version", [1, 2])
def test_a_client_has_one_session_a_thread(version: int) -> None:
    """A log's client of either version, and a timestamp authority's, keep it under the private name that is used."""
    with instance() as played:
        document = moved(played.trust_config, "rekorTlogUrls", "http://127.0.0.1:1", version=version)
    signing = ClientTrustConfig.from_json(document).signing_config
    clients: list[Any] = [signing.get_tlogs()[0], signing.get_tsas()[0]]
    for client in clients:
        sessions = [client._session for _ in range(2)]  # noqa: SLF001 - what this test is about
        assert isinstance(sessions[0], requests.Session)
        assert sessions[0] is sessions[1]


@pytest.mark.parametrize(("kind", "version"), [("caUrls", 1), ("rekorTlogUrls", 1), ("rekorTlogUrls", 2)])
def test_no_request_waits_for_ever(kind: str, version: int) -> None:
    """Fulcio, and a log of either version, may take the connection and never answer."""
    with instance() as played, socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        document = moved(played.trust_config, kind, url, version=version)
        signing = Sigstore(origin="a test", document=document, timeout=(1.0, 0.2))
        with pytest.raises(Busy) as caught:
            signing.sign({"one": DIGEST}, lambda: played.issuer.mint(RUN, "sigstore"), lambda *_: None)
    assert "Read timed out" in caught.value.context[0]


def test_a_root_of_trust_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """TUF's client counts silence only, so what it does is left behind when the time is over."""
    never = threading.Event()
    monkeypatch.setattr(ClientTrustConfig, "production", never.wait)
    with pytest.raises(Busy, match="could not load the root of trust") as caught:
        _ = Sigstore(origin="a test", document="", timeout=(0.1, 0.1)).trusted_root
    never.set()
    assert caught.value.context == ("TimeoutError: got no result within 0.2 s, expected one",)


def test_a_certificate_that_is_over_has_an_error_of_its_own() -> None:
    """A signer keeps its certificate, and says by this class that it is over; it never asks for another."""
    with instance(certificate_lifetime=0) as played:
        context = SigningContext.from_trust_config(ClientTrustConfig.from_json(played.trust_config))
        signer = Signer(IdentityToken(played.issuer.mint(RUN, "sigstore")), context, cache=True)
        with pytest.raises(ExpiredCertificate):
            signer.sign_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes(32)))


def test_a_server_that_is_not_trusted_is_not_waited_for(internet: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot prove to be Fulcio will not be able to later; the hint names the clock, which may be why."""
    for name, value in internet.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name)
    signing = Sigstore.from_environ({"TAGSEAL_TRUST_CONFIG": str(internet.folder / "trust.json")}, loopback=True)
    with pytest.raises(ServiceError, match="could not get a signing certificate from Fulcio") as caught:
        signing.sign({"one": DIGEST}, lambda: internet.issuer.mint(RUN, "sigstore"), lambda *_: None)
    assert not isinstance(caught.value, Busy)
    assert "CERTIFICATE_VERIFY_FAILED" in " ".join(caught.value.context)
    assert "clock" in caught.value.hint


def test_the_trust_is_written_down_as_it_was_fetched() -> None:
    """The other private name: what TUF gave is one document, and reading that gives the same root of trust."""
    with instance() as played:
        again = Sigstore(origin="a test", document=played.trust_config).trust_config()
    assert again == json.loads(played.trust_config)
    folder = resources.files("sigstore") / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    public = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": json.loads((folder / "trusted_root.json").read_bytes()),
        "signingConfig": json.loads((folder / "signing_config.v0.2.json").read_bytes()),
    }
    found = Sigstore(origin="a test", document=json.dumps(public)).trust_config()
    assert timeless(found) == timeless(public)
    assert Sigstore(origin="a test", document=json.dumps(found)).trust_config() == found


def timeless(document: object) -> object:
    """Return a document in which no time's fraction of a second is spelled."""
    return json.loads(re.sub(r"\.[0-9]+Z", "Z", json.dumps(document)))
