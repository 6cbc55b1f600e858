"""The loopback's Sigstore behind the door: real tools sign and verify there under production names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from played import RUN
from tagseal.loopback.actions import Issuer, TokenEndpoint, environment
from tagseal.loopback.door import Door, Hosts
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore import PlayedSigstore, trust
from tagseal.loopback.sigstore.trust import LOGS, Log, Signing
from tagseal.loopback.transcript import Recorder, Transcript
from tagseal.records import BUNDLE, ISSUER
from tagseal.verification.files import verify_files
from tagseal.verification.publishers import publisher
from tagseal.verification.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUBJECT = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1"
ARTIFACT = b"a wheel"
ENTRIES: dict[Log, tuple[str, str, str, int]] = {
    "v1": ("POST", "rekor.sigstore.dev", "/api/v1/log/entries", 201),
    "v2": ("POST", "log2025-1.rekor.sigstore.dev", "/api/v2/log/entries", 201),
}
SIGSTORE = (sys.executable, "-m", "sigstore", "--trust-config", "trust.json")
COSIGN = shutil.which("cosign") or "cosign"
NEEDS_COSIGN = pytest.mark.skipif(
    shutil.which("cosign") is None, reason="cosign is not installed: go install …/cosign/v3/cmd/cosign@v3.1.3"
)


class Job:
    """A folder with one artifact and the trust files, and the environment of a job inside the loopback."""

    def __init__(self, folder: Path, environ: dict[str, str], transcript: Transcript, log: Log) -> None:
        self.folder = folder
        self.log = log
        self.environ = environ
        self.transcript = transcript

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False, timeout=60
        )

    def passes(self, *command: str) -> str:
        """Run a command that must pass, and return what it said."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def requests(self) -> list[tuple[str, str, str, int]]:
        return [(entry.method, entry.host, entry.path, entry.status) for entry in self.transcript.entries]


@pytest.fixture(params=LOGS)
def job(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Job]:
    log: Log = request.param
    issuer = Issuer()
    played, tokens = PlayedSigstore(issuer), TokenEndpoint(issuer)
    transcript = Transcript()
    hosts = Hosts(
        {
            "fulcio.sigstore.dev": played.fulcio,
            "rekor.sigstore.dev": played.rekor,
            "log2025-1.rekor.sigstore.dev": played.tiles,
            "timestamp.sigstore.dev": played.timestamps,
        }
    )
    server, plain = Server(Recorder(hosts, transcript)), Server(tokens)
    door = Door(hosts, server.address, transcript)
    (tmp_path / "authority.pem").write_bytes(door.authority)
    (tmp_path / "trust.json").write_text(json.dumps(trust.client_trust_config(played, Signing(log=log))))
    (tmp_path / "root.json").write_text(json.dumps(trust.trusted_root(played)))
    (tmp_path / "signing.json").write_text(json.dumps(trust.signing_config(played, Signing(log=log))))
    (tmp_path / "widget.whl").write_bytes(ARTIFACT)
    url = "http://{}:{}".format(*plain.address) + TokenEndpoint.path
    runner = environment(RUN, token="", oidc_url=url, oidc_token=tokens.grant(RUN), workspace=tmp_path, temp=tmp_path)
    authority = str(tmp_path / "authority.pem")
    network = {"HTTPS_PROXY": door.url, "SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority, "NO_PROXY": ""}
    # sigstore's messages are wrapped at the terminal's width.
    person = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "COLUMNS": "400"}
    yield Job(tmp_path, {**person, **runner, **network}, transcript, log)
    door.close()
    server.close()
    plain.close()


def verifier(job: Job) -> Verifier:
    return Verifier(trusted_root=TrustedRoot.from_file(str(job.folder / "root.json")))


def test_sigstore_signs_and_verifies_under_production_names(job: Job) -> None:
    """``sigstore sign``, ``verify identity`` and ``verify github`` pass; the door saw each service once."""
    identity = ("--cert-identity", SUBJECT)
    job.passes(*SIGSTORE, "sign", "widget.whl")
    job.passes(*SIGSTORE, "verify", "identity", *identity, "--cert-oidc-issuer", ISSUER, "widget.whl")
    job.passes(*SIGSTORE, "verify", "github", *identity, "--repository", "octo/widget", "--sha", RUN.sha, "widget.whl")
    assert job.requests() == [
        ("POST", "fulcio.sigstore.dev", "/api/v2/signingCert", 200),
        ("POST", "timestamp.sigstore.dev", "/api/v1/timestamp", 201),
        ENTRIES[job.log],
    ]


def test_sigstore_refuses_another_identity_in_its_own_words(job: Job) -> None:
    """The refusal of a wrong tag is sigstore's, so what ``prove`` expects of an attack is what really comes."""
    job.passes(*SIGSTORE, "sign", "widget.whl")
    wrong = ("--cert-identity", SUBJECT.replace("v1", "v2"), "--cert-oidc-issuer", ISSUER)
    refused = job.run(*SIGSTORE, "verify", "identity", *wrong, "widget.whl")
    assert refused.returncode == 1
    assert "Certificate's SANs do not match" in refused.stderr


def test_without_the_permission_nothing_is_signed(job: Job) -> None:
    """A job without ``id-token: write`` gets sigstore's error, and neither service hears of it."""
    job.environ = {name: value for name, value in job.environ.items() if not name.startswith("ACTIONS_ID_TOKEN")}
    refused = job.run(*SIGSTORE, "sign", "widget.whl")
    assert refused.returncode != 0
    assert "Insufficient permissions for GitHub Actions workflow" in refused.stderr
    assert job.requests() == []


@pytest.mark.interop
@NEEDS_COSIGN
def test_cosign_verifies_what_sigstore_signed(job: Job) -> None:
    """``cosign verify-blob`` accepts the bundle for its identity, and for no other."""
    job.passes(*SIGSTORE, "sign", "widget.whl")
    verify = (COSIGN, "verify-blob", "--trusted-root", "root.json", "--bundle", "widget.whl.sigstore.json")
    issuer = ("--certificate-oidc-issuer", ISSUER, "--certificate-identity")
    assert "Verified OK" in job.passes(*verify, *issuer, SUBJECT, "widget.whl")
    wrong = SUBJECT.replace("v1", "v2")
    refused = job.run(*verify, *issuer, wrong, "widget.whl")
    assert refused.returncode != 0
    assert f'expected SAN value "{wrong}", got "{SUBJECT}"' in refused.stderr


@pytest.mark.interop
@NEEDS_COSIGN
def test_sigstore_verifies_what_cosign_signed(job: Job) -> None:
    """``cosign sign-blob`` proves its key by a signature over the token's subject; its bundle verifies in sigstore."""
    files = ("--signing-config", "signing.json", "--trusted-root", "root.json", "--bundle", "bundle.json")
    job.passes(COSIGN, "sign-blob", "--yes", *files, "widget.whl")
    bundle = Bundle.from_json((job.folder / "bundle.json").read_bytes())
    verifier(job).verify_artifact(ARTIFACT, bundle, policy.Identity(identity=SUBJECT, issuer=ISSUER))
    assert job.requests() == [
        ("POST", "fulcio.sigstore.dev", "/api/v2/signingCert", 200),
        ("POST", "timestamp.sigstore.dev", "/api/v1/timestamp", 201),
        ENTRIES[job.log],
    ]


@pytest.mark.interop
@NEEDS_COSIGN
def test_we_verify_what_cosign_signed(job: Job) -> None:
    """Our verification asks for one spelling of everything; cosign's bundles have it, in either version of the log."""
    bundle = f"widget.whl{BUNDLE}"
    files = ("--signing-config", "signing.json", "--trusted-root", "root.json", "--bundle", bundle)
    job.passes(COSIGN, "sign-blob", "--yes", *files, "widget.whl")
    expected = publisher(RUN.repository, RUN.ref_name, commit=RUN.sha)
    results = verify_files([job.folder / "widget.whl"], expected, Trust.of_file(job.folder / "root.json"))
    assert [(result.ok, result.detail) for result in results] == [(True, f"signed by {SUBJECT}")]
