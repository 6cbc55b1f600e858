"""The loopback's Sigstore, judged by sigstore-python: it signs against it, and verifies what comes out."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from id import detect_credential
from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, InvalidBundle
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from instance import IDENTITY, instance
from played import RUN
from tagseal.loopback.actions import Issuer, Run, TokenEndpoint, environment
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore import PlayedSigstore as Played
from tagseal.loopback.sigstore import trust
from tagseal.loopback.sigstore.trust import LOGS, Log, Signing
from tagseal.records import ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUBJECT = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1"
GENUINE = policy.Identity(identity=SUBJECT, issuer=ISSUER)
ARTIFACT = b"a wheel"


@dataclass(frozen=True, kw_only=True)
class Sigstore:
    """A played Sigstore behind plain http, and what its clients are told."""

    issuer: Issuer
    played: Played
    log: Log
    tokens: TokenEndpoint
    tokens_url: str
    trust_config: str

    @property
    def config(self) -> ClientTrustConfig:
        return ClientTrustConfig.from_json(self.trust_config)

    @property
    def verifier(self) -> Verifier:
        return Verifier(trusted_root=self.config.trusted_root)

    def sign(self, artifact: bytes = ARTIFACT, run: Run = RUN) -> Bundle:
        token = IdentityToken(self.issuer.mint(run, "sigstore"))
        with SigningContext.from_trust_config(self.config).signer(token) as signer:
            return signer.sign_artifact(artifact)

    def job(self, temp: Path) -> dict[str, str]:
        """What a job with ``id-token: write`` finds, and nothing of the person's."""
        found = {"HOME": str(temp), "PATH": os.environ["PATH"]}
        request_token = self.tokens.grant(RUN)
        return found | environment(
            RUN, token="", oidc_url=self.tokens_url, oidc_token=request_token, workspace=temp, temp=temp
        )


@pytest.fixture(scope="module", params=LOGS)
def sigstore(request: pytest.FixtureRequest) -> Iterator[Sigstore]:
    log: Log = request.param
    issuer = Issuer()
    played, tokens = Played(issuer), TokenEndpoint(issuer)
    servers = [Server(one) for one in (played.fulcio, played.rekor, played.tiles, played.timestamps, tokens)]
    fulcio, rekor, tiles, timestamps, tokens_url = ("http://{}:{}".format(*server.address) for server in servers)
    signing = Signing(log=log, fulcio_url=fulcio, rekor_url=rekor, tiles_url=tiles, timestamps_url=timestamps)
    yield Sigstore(
        issuer=issuer,
        played=played,
        log=log,
        tokens=tokens,
        tokens_url=tokens_url + TokenEndpoint.path,
        trust_config=json.dumps(trust.client_trust_config(played, signing)),
    )
    for server in servers:
        server.close()


def test_what_sigstore_signs_here_it_verifies_here(sigstore: Sigstore) -> None:
    """A bundle signed against the loopback passes sigstore's whole verification with its exact identity."""
    sigstore.verifier.verify_artifact(ARTIFACT, sigstore.sign(), GENUINE)


def test_a_bundle_survives_its_json(sigstore: Sigstore) -> None:
    """What is verified later is the file, so the bundle's JSON says all that the object did."""
    bundle = Bundle.from_json(sigstore.sign().to_json())
    sigstore.verifier.verify_artifact(ARTIFACT, bundle, GENUINE)


def test_statements_are_signed_and_verified_too(sigstore: Sigstore) -> None:
    """A DSSE envelope, which images need, goes into the log and verifies."""
    subject = Subject(name="image", digest=DigestSet({"sha256": sha256(ARTIFACT).hexdigest()}))
    statement = StatementBuilder([subject], "https://example.com/predicate", {}).build()
    token = IdentityToken(sigstore.issuer.mint(RUN, "sigstore"))
    with SigningContext.from_trust_config(sigstore.config).signer(token) as signer:
        bundle = signer.sign_dsse(statement)
    kind, payload = sigstore.verifier.verify_dsse(bundle, GENUINE)
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["predicateType"] == "https://example.com/predicate"


def test_a_flipped_byte_is_refused(sigstore: Sigstore) -> None:
    """The signature covers the artifact."""
    with pytest.raises(VerificationError):
        sigstore.verifier.verify_artifact(ARTIFACT + b"\0", sigstore.sign(), GENUINE)


@pytest.mark.parametrize(
    "attacker",
    [
        pytest.param(replace(RUN, ref="refs/tags/v2"), id="another tag"),
        pytest.param(replace(RUN, ref="refs/heads/main"), id="a branch"),
        pytest.param(replace(RUN, repository="mallory/widget"), id="another repository"),
        pytest.param(replace(RUN, workflow=".github/workflows/ci.yml"), id="another workflow"),
    ],
)
def test_another_identity_is_refused_for_being_another(sigstore: Sigstore, attacker: Run) -> None:
    """A certificate that Fulcio really issued to somebody else is refused, and for its subject alone."""
    bundle = sigstore.sign(run=attacker)
    with pytest.raises(VerificationError, match="Certificate's SANs do not match"):
        sigstore.verifier.verify_artifact(ARTIFACT, bundle, GENUINE)
    sigstore.verifier.verify_artifact(
        ARTIFACT, bundle, policy.Identity(identity=f"https://github.com/{attacker.workflow_ref}", issuer=ISSUER)
    )


def test_another_loopback_is_not_trusted(sigstore: Sigstore) -> None:
    """Keys are fresh in each instance: what one signs, another's trust does not accept."""
    other = trust.client_trust_config(Played(Issuer()))
    stranger = Verifier(trusted_root=ClientTrustConfig.from_json(json.dumps(other)).trusted_root)
    with pytest.raises(VerificationError):
        stranger.verify_artifact(ARTIFACT, sigstore.sign(), GENUINE)


def test_the_certificate_says_what_the_token_said(sigstore: Sigstore) -> None:
    """Every GitHub extension that sigstore has a policy for carries its claim."""
    source, run = "https://github.com/octo/widget", "https://github.com/octo/widget/actions/runs/1/attempts/1"
    sigstore.verifier.verify_artifact(
        ARTIFACT,
        sigstore.sign(),
        policy.AllOf(
            [
                policy.OIDCIssuer(ISSUER),
                policy.GitHubWorkflowTrigger("push"),
                policy.GitHubWorkflowSHA(RUN.sha),
                policy.GitHubWorkflowName(RUN.workflow),
                policy.GitHubWorkflowRepository("octo/widget"),
                policy.GitHubWorkflowRef("refs/tags/v1"),
                policy.OIDCIssuerV2(ISSUER),
                policy.OIDCBuildSignerURI(SUBJECT),
                policy.OIDCBuildSignerDigest(RUN.sha),
                policy.OIDCRunnerEnvironment("github-hosted"),
                policy.OIDCSourceRepositoryURI(source),
                policy.OIDCSourceRepositoryDigest(RUN.sha),
                policy.OIDCSourceRepositoryRef("refs/tags/v1"),
                policy.OIDCSourceRepositoryIdentifier("74"),
                policy.OIDCSourceRepositoryOwnerURI("https://github.com/octo"),
                policy.OIDCSourceRepositoryOwnerIdentifier("65"),
                policy.OIDCBuildConfigURI(SUBJECT),
                policy.OIDCBuildConfigDigest(RUN.sha),
                policy.OIDCBuildTrigger("push"),
                policy.OIDCRunInvocationURI(run),
                policy.OIDCSourceRepositoryVisibility("public"),
            ]
        ),
    )


def test_a_caller_of_our_workflow_gets_our_subject(sigstore: Sigstore) -> None:
    """A foreign repository that calls our workflow passes the identity check; only the source repository tells."""
    caller = replace(RUN, repository="mallory/copy", job_workflow=RUN.workflow_ref)
    bundle = sigstore.sign(run=caller)
    sigstore.verifier.verify_artifact(ARTIFACT, bundle, GENUINE)
    with pytest.raises(VerificationError, match="OIDCSourceRepositoryURI does not match"):
        sigstore.verifier.verify_artifact(
            ARTIFACT, bundle, policy.OIDCSourceRepositoryURI("https://github.com/octo/widget")
        )


def test_many_threads_get_an_entry_each(sigstore: Sigstore) -> None:
    """One certificate signs 32 artifacts from 16 threads: every bundle verifies, no two share an index."""
    artifacts = [f"artifact {number}".encode() for number in range(32)]
    token = IdentityToken(sigstore.issuer.mint(RUN, "sigstore"))
    with (
        SigningContext.from_trust_config(sigstore.config).signer(token) as signer,
        ThreadPoolExecutor(16) as threads,
    ):
        bundles = list(threads.map(signer.sign_artifact, artifacts))
    for artifact, bundle in zip(artifacts, bundles, strict=True):
        sigstore.verifier.verify_artifact(artifact, bundle, GENUINE)
    entries = [json.loads(bundle.to_json())["verificationMaterial"]["tlogEntries"][0] for bundle in bundles]
    assert len({entry["logIndex"] for entry in entries}) == len(artifacts)
    # The first version's index counts the trees before this one; the second has none.
    shared = [entry["logIndex"] == entry["inclusionProof"]["logIndex"] for entry in entries]
    assert shared == [sigstore.log == "v2"] * len(artifacts)


def test_a_job_finds_its_token_as_on_a_runner(
    sigstore: Sigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ambient credential client of sigstore and twine gets a token that the issuer vouches for."""
    for name, value in sigstore.job(tmp_path).items():
        monkeypatch.setenv(name, value)
    token = detect_credential("sigstore")
    assert token
    assert sigstore.issuer.verify(token, "sigstore")["job_workflow_ref"] == RUN.workflow_ref


def test_bodies_are_told_as_they_were_sent(sigstore: Sigstore) -> None:
    """The first version's log tells everybody who asks what it told the signer."""
    if sigstore.log == "v2":
        pytest.skip("the second version's log answers no queries: its entries are read in tiles")
    entry = json.loads(sigstore.sign().to_json())["verificationMaterial"]["tlogEntries"][0]
    told = sigstore.played.rekor.log.by_index(int(entry["logIndex"]))
    assert told is not None
    ((_, content),) = told.items()
    assert content == {**content, "body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"])}
    assert b64encode(sigstore.played.rekor.log.key_id).decode() == entry["logId"]["keyId"]


def test_the_second_version_gives_proofs_and_no_times(sigstore: Sigstore) -> None:
    """Only the first version promises and tells the time; a timestamp stands in the bundles of both."""
    material = json.loads(sigstore.sign().to_json())["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    told = {name: bool(entry.get(name)) and entry[name] != "0" for name in ("inclusionPromise", "integratedTime")}
    assert told == dict.fromkeys(told, sigstore.log == "v1")
    assert entry["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.1" if sigstore.log == "v1" else "0.0.2"}
    assert len(material["timestampVerificationData"]["rfc3161Timestamps"]) == 1


def test_without_a_timestamp_the_first_version_tells_the_time() -> None:
    """A promise tells the time as well, so that bundles without a timestamp verify, as old ones are."""
    with instance(timestamped=False) as played:
        bundle = Bundle.from_json(played.sign({"it": sha256(ARTIFACT).hexdigest()})["it"])
        verifier = Verifier(trusted_root=ClientTrustConfig.from_json(played.trust_config).trusted_root)
    verifier.verify_artifact(ARTIFACT, bundle, policy.Identity(identity=IDENTITY.uri, issuer=ISSUER))


def test_without_a_timestamp_the_second_version_is_of_no_use() -> None:
    """Of an entry that nobody tells the time of, sigstore makes no bundle at all."""
    with instance(log="v2", timestamped=False) as played:
        context = SigningContext.from_trust_config(ClientTrustConfig.from_json(played.trust_config))
        token = IdentityToken(played.issuer.mint(RUN, "sigstore"))
        with (
            context.signer(token) as signer,
            pytest.raises(InvalidBundle, match=r"must contain an inclusion promise or signed timestamp\(s\)"),
        ):
            signer.sign_artifact(ARTIFACT)
