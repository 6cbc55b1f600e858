from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore.errors import VerificationError
from sigstore.models import Bundle

from instance import COMMIT, IDENTITY, RUN, Instance, instance
from tagseal.errors import Refused, ServiceError, UsageError
from tagseal.records import BUNDLE
from tagseal.verification.attacks import AttackedCommand, attacks, strangers
from tagseal.verification.policy import Exact, Named
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.loopback.actions import Run
    from tagseal.records import Identity

DIGEST = hashlib.sha256(b"wheel").hexdigest()
ARC = "1.3.6.1.4.1.57264.1"
FORK = replace(RUN, repository="evil/widget")


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture(scope="module")
def bundle(played: Instance) -> bytes:
    return played.sign({"widget": DIGEST})["widget"]


def judged(played: Instance, bundle: bytes, digest: str = DIGEST) -> Outcome:
    return verify_digest(
        "widget", digest, bundle, Exact(IDENTITY, COMMIT), VerifierWithRoot(played.sigstore.trusted_root)
    )


def certificate(played: Instance, run: Run = RUN) -> x509.Certificate:
    return played.fulcio.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), run)[0]


def altered(
    cert: x509.Certificate, changes: dict[str, bytes | None], names: list[x509.GeneralName] | None = None
) -> x509.Certificate:
    """Return the certificate with other extensions, signed by nobody in particular: a policy does not look at that."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .subject_name(cert.subject)
        .issuer_name(cert.issuer)
        .public_key(key.public_key())
        .not_valid_before(cert.not_valid_before_utc)
        .not_valid_after(cert.not_valid_after_utc)
    )
    for extension in cert.extensions:
        value = extension.value
        if extension.oid.dotted_string in changes:
            change = changes[extension.oid.dotted_string]
            if change is None:
                continue
            value = x509.UnrecognizedExtension(extension.oid, change)
        if names is not None and isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName(names)
        builder = builder.add_extension(value, critical=extension.critical)
    return builder.sign(key, hashes.SHA256())


def test_the_genuine_certificate_is_accepted(played: Instance) -> None:
    """What Fulcio gives a job of the planned workflow passes the policy."""
    Exact(IDENTITY, COMMIT).verify(certificate(played))


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(RUN, ref="refs/tags/v1.2.4"), id="another tag"),
        pytest.param(replace(RUN, ref="refs/heads/main"), id="a branch"),
        pytest.param(FORK, id="a fork"),
        pytest.param(replace(RUN, repository="octo/Widget"), id="another case"),
        pytest.param(replace(RUN, workflow=".github/workflows/ci.yml"), id="another workflow"),
        pytest.param(replace(RUN, sha="e" * 40), id="another commit"),
        pytest.param(replace(FORK, job_workflow=RUN.workflow_ref), id="a foreign caller of our workflow"),
        pytest.param(
            replace(RUN, ref="refs/heads/main", job_workflow=RUN.workflow_ref), id="our branch, our tag's file"
        ),
    ],
)
def test_any_other_run_is_refused(played: Instance, run: Run) -> None:
    """A certificate of another repository, ref, workflow file or commit does not pass."""
    with pytest.raises(VerificationError):
        Exact(IDENTITY, COMMIT).verify(certificate(played, run))


@pytest.mark.parametrize("number", [1, 8, 9, 12, 13, 14])
def test_an_absent_extension_is_refused(played: Instance, number: int) -> None:
    """Each extension that is compared must be there."""
    with pytest.raises(VerificationError, match="does not contain"):
        Exact(IDENTITY, COMMIT).verify(altered(certificate(played), {f"{ARC}.{number}": None}))


@pytest.mark.parametrize(
    ("number", "value"), [(1, b"https://evil.example"), (8, asn1.encode_der("https://evil.example"))]
)
def test_issuers_that_disagree_are_refused(played: Instance, number: int, value: bytes) -> None:
    """The issuer stands in two extensions, and both must be equal."""
    with pytest.raises(VerificationError, match="OIDCIssuer"):
        Exact(IDENTITY, COMMIT).verify(altered(certificate(played), {f"{ARC}.{number}": value}))


@pytest.mark.parametrize(
    "names",
    [
        [x509.UniformResourceIdentifier(IDENTITY.uri), x509.UniformResourceIdentifier("https://evil.example")],
        [x509.UniformResourceIdentifier(IDENTITY.uri), x509.UniformResourceIdentifier(IDENTITY.uri)],
        [x509.RFC822Name("octo@example.com")],
        [x509.DNSName(IDENTITY.uri)],
        [x509.UniformResourceIdentifier(f"{IDENTITY.uri}\n")],
        [x509.UniformResourceIdentifier(f"{IDENTITY.uri}.1")],
    ],
)
def test_only_one_name_of_the_right_type_is_accepted(played: Instance, names: list[x509.GeneralName]) -> None:
    """The certificate has exactly one subject alternative name, a URI, equal byte for byte."""
    with pytest.raises(VerificationError, match="expected only"):
        Exact(IDENTITY, COMMIT).verify(altered(certificate(played), {}, names))


@pytest.mark.parametrize(
    ("expected", "name", "passes"),
    [
        ("octo@example.com", x509.RFC822Name("octo@example.com"), True),
        ("octo@example.com", x509.UniformResourceIdentifier("octo@example.com"), False),
        ("octo@example.com", x509.RFC822Name("Octo@example.com"), False),
        ("https://x.example/a", x509.UniformResourceIdentifier("https://x.example/a"), True),
        ("https://x.example/a", x509.UniformResourceIdentifier("https://x.example/a/"), False),
        ("https://x.example/a", x509.DNSName("https://x.example/a"), False),
    ],
)
def test_another_signer_is_named_by_type_and_text(
    played: Instance, expected: str, name: x509.GeneralName, *, passes: bool
) -> None:
    """An address is an address, and a URI is a URI."""
    found = altered(certificate(played), {}, [name])
    if passes:
        Named(expected, IDENTITY.issuer, COMMIT).verify(found)
    else:
        with pytest.raises(VerificationError, match="expected only"):
            Named(expected, IDENTITY.issuer, COMMIT).verify(found)


@pytest.mark.parametrize("number", [1, 8, 13])
def test_another_signers_extensions_are_compared_as_well(played: Instance, number: int) -> None:
    """Issuer in both places, and the commit where one is known."""
    Named(IDENTITY.uri, IDENTITY.issuer, COMMIT).verify(certificate(played))
    with pytest.raises(VerificationError, match="does not contain"):
        Named(IDENTITY.uri, IDENTITY.issuer, COMMIT).verify(altered(certificate(played), {f"{ARC}.{number}": None}))


@pytest.mark.parametrize(
    ("identity", "commit"),
    [(replace(IDENTITY, issuer=""), COMMIT), (replace(IDENTITY, ref=""), COMMIT), (IDENTITY, "")],
)
def test_an_empty_part_makes_no_policy(identity: Identity, commit: str) -> None:
    """A policy that would compare with nothing cannot be made."""
    with pytest.raises(UsageError, match="empty part"):
        Exact(identity, commit)


def test_a_caller_without_a_commit_compares_the_rest(played: Instance) -> None:
    """None as the commit is said on purpose; everything else still counts."""
    Exact(IDENTITY, None).verify(certificate(played, replace(RUN, sha="e" * 40)))


def test_a_genuine_file_is_ok_with_facts(played: Instance, bundle: bytes, tmp_path: Path) -> None:
    """The verdict names the signer, and the facts come from the bundle."""
    file = tmp_path / "widget.whl"
    file.write_bytes(b"wheel")
    outcome = verify(file, bundle, Exact(IDENTITY, COMMIT), VerifierWithRoot(played.sigstore.trusted_root))
    assert outcome.verdict.ok
    assert outcome.verdict.name == "widget.whl"
    assert outcome.facts is not None
    entry = json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]
    assert outcome.facts.log_index == int(entry["logIndex"])
    assert outcome.facts.integrated_time == int(entry["integratedTime"])
    assert outcome.facts.subjects == (IDENTITY.uri,)


def test_other_bytes_are_refused(played: Instance, bundle: bytes) -> None:
    """A bundle is good for one digest."""
    outcome = judged(played, bundle, hashlib.sha256(b"wheeL").hexdigest())
    assert not outcome.verdict.ok
    assert "mismatch" in outcome.verdict.detail


def test_a_foreign_caller_of_our_workflow_is_refused(played: Instance) -> None:
    """The printed commands would accept this signature; this verification does not."""
    run = replace(FORK, job_workflow=RUN.workflow_ref)
    outcome = judged(played, played.sign({"widget": DIGEST}, run)["widget"])
    assert not outcome.verdict.ok
    assert "OIDCSourceRepositoryURI" in outcome.verdict.detail
    assert outcome.facts is not None
    assert outcome.facts.subjects == (IDENTITY.uri,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: b"{" + text[1:].replace(b'"mediaType"', b'"mediaType":"x","mediaType"', 1), "duplicate key"),
        (lambda text: text.replace(b'"messageSignature"', b'"dsseEnvelope"'), "expected a message signature"),
        (lambda text: text.replace(b'"messageSignature"', b'"message_signature"'), "expected a message signature"),
        (lambda text: b'{"dsseEnvelope":null,' + text[1:], "expected a message signature"),
        (lambda _: b"<!DOCTYPE html>", "Expecting value"),
        (lambda _: b"\xff\xfe", ""),
        (lambda _: b"[]", "got a bundle that is a list"),
        (lambda _: b"[" * 100_000, ""),
        (lambda _: b" " * (LARGEST_BUNDLE + 1), "expected at most 1048576"),
        (lambda text: text[: len(text) // 2], ""),
        (lambda _: b"", "Expecting value"),
    ],
)
def test_a_malformed_bundle_is_a_verdict(played: Instance, bundle: bytes, change: object, words: str) -> None:
    """Whatever the bytes are, the answer is a verdict with its reason, on one line."""
    assert callable(change)
    outcome = judged(played, change(bundle))
    assert not outcome.verdict.ok
    assert words in outcome.verdict.detail
    assert outcome.verdict.detail.isprintable()


@settings(max_examples=150)
@given(data=st.data())
def test_a_changed_bundle_gives_a_verdict(played: Instance, bundle: bytes, data: st.DataObject) -> None:
    """Bytes changed at random never raise, and are ok only with the genuine certificate and signature."""
    at = data.draw(st.integers(0, len(bundle) - 1))
    changed = bundle[:at] + data.draw(st.binary(max_size=4)) + bundle[at + data.draw(st.integers(0, 4)) :]
    outcome = judged(played, changed)
    if outcome.verdict.ok:  # white space, for one, says nothing
        expected, actual = Bundle.from_json(bundle), Bundle.from_json(changed)
        assert expected.signing_certificate == actual.signing_certificate
        assert expected.signature == actual.signature


def test_one_certificate_signs_everything(played: Instance) -> None:
    """However many artifacts: one certificate, and one log entry each."""
    names = {f"widget-{number}": hashlib.sha256(bytes([number])).hexdigest() for number in range(24)}
    bundles = played.sign(names)
    certificates = {json.loads(text)["verificationMaterial"]["certificate"]["rawBytes"] for text in bundles.values()}
    entries = {judged(played, bundles[name], digest).facts for name, digest in names.items()}
    assert bundles.keys() == names.keys()
    assert len(certificates) == 1
    assert len(entries) == 24


def test_a_service_that_refuses_is_one_of_our_errors(played: Instance) -> None:
    """A token that Fulcio does not take gives a ServiceError with Fulcio's own words."""
    with pytest.raises(ServiceError) as caught, instance() as other:
        played.sigstore.sign({"widget": DIGEST}, lambda: other.issuer.mint(RUN, "sigstore"), lambda *_: None)
    assert caught.value.slug == "sigstore-failed"
    assert any("There was an error processing the identity token" in line for line in caught.value.context)


def test_what_is_no_token_is_one_of_our_errors(played: Instance) -> None:
    """Errors of the token's parser do not escape either."""
    with pytest.raises(Refused, match="no JSON web token"):
        played.sigstore.sign({"widget": DIGEST}, lambda: "no token", lambda *_: None)


def test_an_error_of_the_receiver_is_not_sigstores(played: Instance) -> None:
    """A full disk while a bundle is stored stays what it is."""

    def full(_name: str, _bundle: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        played.sigstore.sign({"widget": DIGEST}, lambda: played.issuer.mint(RUN, "sigstore"), full)


def kinds(tool: str) -> list[str]:
    target = AttackedCommand(tool=tool, text=f"{tool} {IDENTITY.uri}", files=("a.whl", "b.tar.gz"))
    return [attack.name.split(" ")[0] for attack in attacks(target, IDENTITY, ("a.whl", "b.tar.gz", "SHA256SUMS"))]


@pytest.mark.parametrize("tool", ["sigstore", "cosign"])
def test_a_verifying_command_meets_five_attacks(tool: str) -> None:
    """Changed bytes, another file's bundle, and three identities that did not sign."""
    assert kinds(tool) == ["flipped", "bundle", "another", "another", "a"]


def test_a_hashing_command_meets_changed_bytes_only() -> None:
    """A hash says nothing about who signed."""
    assert kinds("sha256sum") == ["flipped"]


def test_a_single_artifact_meets_the_bundle_of_the_checksums() -> None:
    """There is always another signed file."""
    target = AttackedCommand(tool="sigstore", text="", files=("a.whl",))
    assert ("a.whl" + BUNDLE, "SHA256SUMS" + BUNDLE) in {
        attack.swap for attack in attacks(target, IDENTITY, ("a.whl", "SHA256SUMS"))
    }


def test_no_stranger_is_the_signer() -> None:
    """Each of the other identities differs from the genuine one and from each other."""
    assert len({IDENTITY.uri} | {one.uri for _, one in strangers(IDENTITY)}) == 4


def test_a_hard_link_survives_the_attack(tmp_path: Path) -> None:
    """Attack folders share the genuine bytes; an attack changes its own name only."""
    genuine, folder = tmp_path / "genuine", tmp_path / "attack"
    target = AttackedCommand(tool="sigstore", text="", files=("a.whl",))
    for folder_ in (genuine, folder):
        folder_.mkdir()
    for name in ("a.whl", "a.whl" + BUNDLE, "b.whl" + BUNDLE):
        (genuine / name).write_text(f"bytes of {name}")
        (folder / name).hardlink_to(genuine / name)
    for attack in attacks(target, IDENTITY, ("a.whl", "b.whl")):
        attack.prepare(folder)
    assert (genuine / "a.whl").read_text() == "bytes of a.whl"
    assert (genuine / ("a.whl" + BUNDLE)).read_text() == f"bytes of a.whl{BUNDLE}"
    assert (folder / "a.whl").read_text() != "bytes of a.whl"
    assert (folder / ("a.whl" + BUNDLE)).read_text() == f"bytes of b.whl{BUNDLE}"


@pytest.mark.system
@pytest.mark.parametrize(
    ("code", "words", "refused"),
    [
        (1, "FAIL: b.whl\n ERROR  Bundle message\n digest mismatch", True),
        (0, "FAIL: b.whl Bundle message digest mismatch", False),
        (2, "sigstore: error: unrecognized arguments: --certificate", False),
        (1, "FAIL: b.whl Certificate's SANs do not match", False),
        (127, "bash: line 1: sigstroe: command not found", False),
    ],
)
def test_only_the_expected_reason_is_a_refusal(code: int, words: str, *, refused: bool) -> None:
    """A command that fails because of a typing mistake, or for another reason, has refused nothing."""
    attack = next(attacks(AttackedCommand(tool="sigstore", text="", files=("b.whl",)), IDENTITY, ("a.whl", "b.whl")))
    assert bool(attack.refusal(code, words)) is refused
