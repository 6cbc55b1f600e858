"""Attestations of packages: what verifies, and what only looks like it."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from pypi_attestations import Attestation, AttestationBundle, GitHubPublisher, Provenance
from sigstore.dsse import Statement

from instance import COMMIT, IDENTITY, RUN, instance
from tagseal.verification.index import (
    LARGEST,
    PREDICATE,
    attestation,
    attestations,
    statement,
    verify_attestation,
)
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from instance import Instance

NAME, SHA = "widget-1.2.3.tar.gz", "a" * 64
POLICY = Exact(IDENTITY, COMMIT)


@pytest.fixture(scope="module")
def sigstore() -> Iterator[Instance]:
    """Give a Sigstore instance."""
    with instance() as one:
        yield one


@pytest.fixture(scope="module")
def genuine(sigstore: Instance) -> bytes:
    """Attest one file."""
    return made(sigstore, statement(NAME, SHA))


def made(sigstore: Instance, subject: Statement) -> bytes:
    bundles: dict[str, bytes] = {}
    token = sigstore.issuer.mint(RUN, "sigstore")
    sigstore.signer().sign({"it": subject}, lambda: token, bundles.__setitem__, promised=True)
    return attestation(bundles["it"])


def verdict(sigstore: Instance, text: bytes, policy: Exact = POLICY) -> tuple[bool, str]:
    found = verify_attestation(text, NAME, SHA, policy, VerifierWithRoot(sigstore.sigstore.trusted_root)).verdict
    return found.ok, found.detail


def test_an_attestation_of_this_file_verifies(sigstore: Instance, genuine: bytes) -> None:
    """And tells the log entry, whose time is the only one that it has."""
    found = verify_attestation(genuine, NAME, SHA, POLICY, VerifierWithRoot(sigstore.sigstore.trusted_root))
    assert found.verdict.ok, found.verdict.detail
    assert found.facts is not None
    assert found.facts.integrated_time > 0
    assert found.facts.entry == "dsse 0.0.1"
    assert found.facts.timestamps == 0


STATEMENTS: dict[str, dict[str, Any]] = {
    "another file": {"subject": [{"name": "widget-1.2.4.tar.gz", "digest": {"sha256": SHA}}]},
    "other bytes": {"subject": [{"name": NAME, "digest": {"sha256": "b" * 64}}]},
    "two files": {"subject": [{"name": NAME, "digest": {"sha256": SHA}}, {"name": "x", "digest": {"sha256": SHA}}]},
    "another predicate": {"predicateType": "https://slsa.dev/provenance/v1"},
    "a predicate with content": {"predicate": {"x": 1}},
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_statement_of_something_else_is_refused(sigstore: Instance, what: str) -> None:
    """Signed by the very identity, and about another thing."""
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": NAME, "digest": {"sha256": SHA}}],
        "predicateType": PREDICATE,
        "predicate": None,
    }
    ok, detail = verdict(sigstore, made(sigstore, Statement(json.dumps(said | STATEMENTS[what]).encode())))
    assert not ok
    assert detail.startswith("got a statement with ")


POLICIES = {
    "another repository": Exact(dataclasses.replace(IDENTITY, repository="evil/widget"), COMMIT),
    "another workflow": Exact(dataclasses.replace(IDENTITY, workflow=".github/workflows/x.yml"), COMMIT),
    "another tag": Exact(dataclasses.replace(IDENTITY, ref="refs/tags/v9"), COMMIT),
    "another commit": Exact(IDENTITY, "e" * 40),
}


@pytest.mark.parametrize("what", POLICIES)
def test_another_signer_is_refused(sigstore: Instance, genuine: bytes, what: str) -> None:
    """Every part of the identity counts, the commit among them."""
    assert not verdict(sigstore, genuine, POLICIES[what])[0]


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def spoil(text: bytes) -> bytes:
        document = json.loads(text)
        change(document)
        return json.dumps(document).encode()

    return spoil


def _twice(document: dict[str, Any]) -> None:
    document["verification_material"]["transparency_entries"] *= 2


def _unpromised(document: dict[str, Any]) -> None:
    del document["verification_material"]["transparency_entries"][0]["inclusionPromise"]


def _unsigned(document: dict[str, Any]) -> None:
    document["envelope"]["signature"] = base64.b64encode(b"x" * 70).decode()


def _restated(document: dict[str, Any]) -> None:
    said = base64.b64decode(document["envelope"]["statement"]).replace(b"1.2.3", b"6.6.6")
    document["envelope"]["statement"] = base64.b64encode(said).decode()


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "two log entries": _changed(_twice),
    "no promise of the log": _changed(_unpromised),
    "another signature": _changed(_unsigned),
    "another statement": _changed(_restated),
    "a key twice": lambda text: text.replace(b'{"version":1', b'{"version":1,"version":1', 1),
    "too large": lambda text: text + b" " * LARGEST,
    "half": lambda text: text[: len(text) // 2],
    "nothing": lambda _: b"",
    "a list": lambda _: b"[]",
    "no attestation": lambda _: b'{"verification_material": {"transparency_entries": [{}]}}',
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_spoilt_is_a_verdict_and_no_exception(sigstore: Instance, genuine: bytes, what: str) -> None:
    """Whatever the bytes are."""
    ok, detail = verdict(sigstore, SPOILT[what](genuine))
    assert not ok
    assert detail
    assert "\n" not in detail


def test_a_provenance_gives_its_attestations(sigstore: Instance, genuine: bytes) -> None:
    """As the index hands them out, of however many publishers; they verify as before."""
    found = Attestation.model_validate_json(genuine)
    publisher = GitHubPublisher(repository="octo/widget", workflow="release.yml")
    bundle = AttestationBundle(publisher=publisher, attestations=[found])
    text = Provenance(attestation_bundles=[bundle, bundle]).model_dump_json().encode()
    given = attestations(text)
    assert len(given) == 2
    assert all(verdict(sigstore, one)[0] for one in given)


@pytest.mark.system
@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"attestation_bundles": 3}', b"[" * 100_000, b" " * (5 * LARGEST)]
)
def test_what_is_no_provenance_has_none(text: bytes) -> None:
    """An index may hand out anything."""
    assert attestations(text) == ()
