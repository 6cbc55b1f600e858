"""What `tagseal policy` prints, judged by the evaluators that clusters run, on images in the played registry.

policy-controller's `cmd/tester` and Kyverno's CLI learn the loopback's keys from its TUF repository, by the fields that
a private instance uses; every other word of a policy is as it was printed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import oci
import widget
from instance import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.sigstore import trust
from tagseal.loopback.sigstore.tuf import TUF
from tagseal.project.policy import Evaluator, pods, policies
from tagseal.services.sigstore import Sigstore
from tagseal.verification.images import attached, simplesigning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sigstore.dsse import Statement

    from tagseal.loopback.actions import Run

pytestmark = pytest.mark.interop

IMAGE = "ghcr.io/octo/widget"
RIGHT = RUN.ref.removeprefix("refs/tags/")
REQUIRED = os.environ.get("TAGSEAL_ADMISSION") == "required"
NEEDS_TESTER, NEEDS_KYVERNO = (
    pytest.mark.skipif(
        shutil.which(name) is None and not REQUIRED, reason=f"{name} is not on PATH: nox -s admission builds it"
    )
    for name in ("policy-tester", "kyverno")
)
NEWER = replace(RUN, ref="refs/tags/v1.2.4")
BRANCH = replace(RUN, ref="refs/heads/main")
CALLED = replace(RUN, repository="evil/widget", job_workflow=RUN.workflow_ref)
"""A run of another repository, which calls our workflow: the certificate's subject is ours."""
SIGNERS = {"signed": RUN, "both": RUN, "newer": NEWER, "branch": BRANCH, "called": CALLED}
"""By the image's name; they sign in the form of cosign 2."""
BUNDLERS = {"bundled": RUN, "bundled-newer": NEWER, "bundled-branch": BRANCH, "bundled-called": CALLED}
"""The same, in the form of cosign 3."""
KINDS = {"ClusterPolicy": 2, "ImageValidatingPolicy": 1}
"""Kyverno's, and how many rules it counts in each: a ClusterPolicy's digests are a rule of their own."""
ADMITTED = [("signed", RIGHT), ("signed", None), ("newer", None), ("both", RIGHT)]
DENIED = [
    ("newer", RIGHT),
    *((image, tag) for image in ("branch", "called", "unsigned", "absent") for tag in (RIGHT, None)),
]
BUNDLED = [("bundled-newer", RIGHT), ("bundled-branch", RIGHT), ("bundled-branch", None)]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A project with an image, a registry that has it, and the evaluators' environment."""

    loopback: Loopback
    projects: dict[str, Path]
    """By the form that its images are signed in."""
    environ: dict[str, str]
    digests: dict[str, str]
    """By the image's name."""

    def project(self, image: str) -> Path:
        """Return the project whose releases are signed as this image is."""
        return self.projects["bundle" if image in BUNDLERS else "simplesigning"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run an evaluator; a pipe's two ends in one text."""
        return subprocess.run(
            command,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=180,
        )

    def write(self, name: str, *documents: Any) -> str:  # noqa: ANN401 - YAML
        """Write YAML, and return its path."""
        path = Path(self.environ["HOME"]) / name
        path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        return str(path)

    def printed(self, evaluator: Evaluator, image: str, *, tag: str | None, enforce: bool) -> dict[str, Any]:
        """Return the printed policies, by kind."""
        text = policies(self.project(image), evaluator, tag=tag, enforce=enforce)
        return {document["kind"]: document for document in yaml.safe_load_all(text)}

    @property
    def root(self) -> str:
        """TUF's first root, in Base64."""
        return base64.b64encode(self.loopback.tuf.root).decode()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    projects = {form: project(tmp_path_factory.mktemp(form), form) for form in ("simplesigning", "bundle")}
    with Loopback(folder=tmp_path_factory.mktemp("loopback")) as loopback, pytest.MonkeyPatch.context() as patch:
        for name, value in loopback.environment().items():
            patch.setenv(name, value)
        token = loopback.github.token(scopes={"packages": "write"}, repository="octo/widget")
        client = oci.Client(loopback, token, name="octo/widget").login()
        images = {name: oci.image(name.encode()) for name in (*SIGNERS, *BUNDLERS, "unsigned")}
        for image in images.values():
            client.push(image)
        for name, run in SIGNERS.items():
            sign(loopback, client, images[name], run)
        for name, run in {**BUNDLERS, "both": RUN}.items():
            attach(loopback, client, images[name], run)
        environ = {
            "HOME": str(tmp_path_factory.mktemp("home")),
            "PATH": os.environ["PATH"],
            **loopback.environment(),
        }
        digests = {name: image.digest for name, image in images.items()} | {"absent": f"sha256:{'0' * 64}"}
        yield Cluster(loopback=loopback, projects=projects, environ=environ, digests=digests)


def project(root: Path, form: str) -> Path:
    """Make a project whose images are signed in this form."""
    git = widget.commit(
        root, widget.files() | {"tagseal.toml": f'[image]\nname = "{IMAGE}"\nsignatures = ["{form}"]\n'}
    )
    git.command("remote", "add", "origin", "git@github.com:octo/widget.git")
    return root


def bundle(loopback: Loopback, wanted: str | Statement, run: Run) -> bytes:
    """Return the bundle of a digest or statement, as a job of this run signs it."""
    config = trust.client_trust_config(loopback.sigstore)
    bundles: dict[str, bytes] = {}
    sigstore = Sigstore(origin="a test", document=json.dumps(config))
    sigstore.sign({"it": wanted}, lambda: loopback.issuer.mint(run, "sigstore"), bundles.__setitem__, promised=True)
    return bundles["it"]


def sign(loopback: Loopback, client: oci.Client, image: oci.Image, run: Run) -> None:
    """Sign an image in the form of cosign 2."""
    hexadecimal = image.digest.removeprefix("sha256:")
    payload = simplesigning.payload(IMAGE, hexadecimal)
    layer = simplesigning.layer(bundle(loopback, hashlib.sha256(payload).hexdigest(), run), payload)
    manifest, config = simplesigning.signature_manifest([layer])
    put(client, manifest, payload, config, reference=simplesigning.signature_tag(hexadecimal))


def attach(loopback: Loopback, client: oci.Client, image: oci.Image, run: Run) -> None:
    """Sign an image in the form of cosign 3; GHCR has no referrers, so there is an index of them at a tag."""
    statement = attached.statement(IMAGE, image.digest.removeprefix("sha256:"))
    made = bundle(loopback, statement, run)
    manifest = attached.referrer_manifest(made, oci.described(image.manifest, oci.MANIFEST))
    put(client, manifest, made, attached.EMPTY_CONFIG)
    told = {name: json.loads(manifest)[name] for name in ("artifactType", "annotations")}
    listed = [oci.described(manifest, oci.MANIFEST, **told)]
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": listed}).encode()
    assert client.manifest(index, image.digest.replace(":", "-"), oci.INDEX).status_code == 201


def put(client: oci.Client, manifest: bytes, *blobs: bytes, reference: str | None = None) -> None:
    """Push blobs, then the manifest that lists them."""
    assert [client.blob(blob).status_code for blob in blobs] == [201] * len(blobs)
    assert client.manifest(manifest, reference).status_code == 201


def controlled(cluster: Cluster, image: str, *, tag: str | None, enforce: bool) -> subprocess.CompletedProcess[str]:
    """Let the policy-controller judge one image."""
    policy = cluster.printed("policy-controller", image, tag=tag, enforce=enforce)["ClusterImagePolicy"]
    (authority,) = policy["spec"]["authorities"]
    authority["keyless"]["trustRootRef"] = authority["ctlog"]["trustRootRef"] = "loopback"
    remote = {"mirror": TUF, "root": cluster.root, "targets": "targets"}
    trusted = {
        "apiVersion": "policy.sigstore.dev/v1alpha1",
        "kind": "TrustRoot",
        "metadata": {"name": "loopback"},
        "spec": {"remote": remote},
    }
    files = cluster.write("policy.yaml", policy), cluster.write("trust-root.yaml", trusted)
    command = (
        "policy-tester",
        "-policy",
        files[0],
        "-trustroot",
        files[1],
        "-image",
        f"{IMAGE}@{cluster.digests[image]}",
    )
    return cluster.run(*command)


def applied(
    cluster: Cluster, kind: str, image: str, *options: str, tag: str | None, enforce: bool
) -> subprocess.CompletedProcess[str]:
    """Let Kyverno judge the printed pod with this image."""
    policy = cluster.printed("kyverno", image, tag=tag, enforce=enforce)[kind]
    if kind == "ImageValidatingPolicy":
        (attestor,) = policy["spec"]["attestors"]
        attestor["cosign"]["tuf"] = {"mirror": TUF, "root": {"data": cluster.root}}
    else:
        ((verified,),) = (rule["verifyImages"] for rule in policy["spec"]["rules"])
        ((keyless,),) = ([entry["keyless"] for entry in one["entries"]] for one in verified["attestors"])
        fulcio, rekor, certificate_log = trust.keys(cluster.loopback.sigstore).values()
        keyless["roots"], keyless["ctlog"] = fulcio.decode(), {"pubkey": certificate_log.decode()}
        keyless["rekor"]["pubkey"] = rekor.decode()
    passes, _ = yaml.safe_load_all(pods(cluster.project(image), digest=cluster.digests[image]))
    files = cluster.write("policy.yaml", policy), cluster.write("pod.yaml", passes)
    return cluster.run("kyverno", "apply", files[0], "--resource", files[1], "--registry", *options)


@NEEDS_TESTER
@pytest.mark.parametrize(("image", "tag"), ADMITTED)
def test_policy_controller_admits(cluster: Cluster, image: str, tag: str | None) -> None:
    """What the release signed is admitted, by the policy for its tag and by the one for every tag."""
    done = controlled(cluster, image, tag=tag, enforce=True)
    assert (done.returncode, "Verification was successful!" in done.stdout) == (0, True), done.stdout


@NEEDS_TESTER
@pytest.mark.parametrize(("image", "tag"), DENIED)
def test_policy_controller_denies(cluster: Cluster, image: str, tag: str | None) -> None:
    """What anybody else signed, or nobody, is denied, each for its own reason."""
    done = controlled(cluster, image, tag=tag, enforce=True)
    reason = {
        "unsigned": "no signatures found",
        "absent": "no signatures found",
        "called": r"conflicting values \"octo/widget\" and \"evil/widget\"",
    }.get(image, "none of the expected identities matched what was in the certificate, got subjects [")
    assert (done.returncode, reason in done.stdout) == (1, True), done.stdout


@NEEDS_TESTER
def test_policy_controller_reports_first(cluster: Cluster) -> None:
    """In the default mode the same finding is told, and the pod is admitted."""
    done = controlled(cluster, "newer", tag=RIGHT, enforce=False)
    assert (done.returncode, "no matching signatures" in done.stdout) == (0, True), done.stdout


@NEEDS_KYVERNO
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("image", "tag"), [*ADMITTED, ("bundled", RIGHT), ("bundled", None), ("bundled-newer", None)])
def test_kyverno_admits(cluster: Cluster, kind: str, image: str, tag: str | None) -> None:
    """What the release signed is admitted, by the policy for its tag and by the one for every tag, in either form."""
    done = applied(cluster, kind, image, tag=tag, enforce=True)
    passed = f"pass: {KINDS[kind]}, fail: 0, warn: 0, error: 0, skip: 0"
    assert (done.returncode, passed in done.stdout) == (0, True), done.stdout


@NEEDS_KYVERNO
@pytest.mark.parametrize(("image", "tag"), [*DENIED, *BUNDLED])
def test_kyverno_denies(cluster: Cluster, image: str, tag: str | None) -> None:
    """What anybody else signed, or nobody, is denied by a ClusterPolicy, each for its own reason."""
    done = applied(cluster, "ClusterPolicy", image, tag=tag, enforce=True)
    reason = {
        "unsigned": "no signatures found",
        "absent": "no signatures found",
        "called": "extension mismatch: expected octo/widget for key githubWorkflowRepository, received evil/widget",
    }.get(image, "no matching signatures found" if image in BUNDLERS else "subject mismatch: expected ")
    assert (done.returncode, "pass: 0, fail: 2" in done.stdout, reason in done.stdout) == (1, True, True), done.stdout


@NEEDS_KYVERNO
@pytest.mark.parametrize(("image", "tag"), [*(one for one in DENIED if one[0] != "called"), *BUNDLED])
def test_kyvernos_successor_denies(cluster: Cluster, image: str, tag: str | None) -> None:
    """An ImageValidatingPolicy denies the same, but for what a foreign repository signed through our workflow."""
    done = applied(cluster, "ImageValidatingPolicy", image, "--v", "6", tag=tag, enforce=True)
    reason = {"unsigned": "no signatures found", "absent": "error: 1"}.get(
        image,
        "no matching CertificateIdentity found"
        if image in BUNDLERS
        else "none of the expected identities matched what was in the certificate, got subjects [",
    )
    assert (done.returncode, "pass: 0" in done.stdout, reason in done.stdout) == (1, True, True), done.stdout


@NEEDS_KYVERNO
@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("ImageValidatingPolicy", "called"),
        ("ImageValidatingPolicy", "bundled-called"),
        ("ClusterPolicy", "bundled-called"),
    ],
)
def test_where_kyverno_does_not_look_at_the_repository(cluster: Cluster, kind: str, image: str) -> None:
    """What the printed comment admits: there, a foreign repository that may call our workflow passes."""
    done = applied(cluster, kind, image, tag=RIGHT, enforce=True)
    assert (done.returncode, f"pass: {KINDS[kind]}" in done.stdout) == (0, True), done.stdout


@NEEDS_KYVERNO
@pytest.mark.parametrize("kind", KINDS)
def test_kyverno_reports_first(cluster: Cluster, kind: str) -> None:
    """In the default mode the same finding is a warning."""
    done = applied(cluster, kind, "newer", "--audit-warn", tag=RIGHT, enforce=False)
    assert "default/Pod/tagseal-passes failed as audit warning:" in done.stdout
