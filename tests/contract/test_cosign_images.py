"""Real cosign, of both versions, judges what we sign in each form: by digest, from a registry behind the door."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from instance import COMMIT, IDENTITY, RUN
from tagseal.loopback.sigstore import trust
from tagseal.services.sigstore import Sigstore
from tagseal.verification.attacks import SOURCE
from tagseal.verification.diagnosis import explain
from tagseal.verification.images import attached, promise, simplesigning
from tagseal.verification.images.simplesigning import CERTIFICATE, PROMISE, SIGNATURE
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sigstore.dsse import Statement

    from tagseal.loopback import Loopback
    from tagseal.loopback.actions import Run
    from tagseal.verification.images.simplesigning import Layer

pytestmark = pytest.mark.interop

TOOLS = {
    name: pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not on PATH"))
    for name in ("cosign", "cosign2")
}
"""Version 3, and version 2 under a name of its own: go install …/cosign/v2/cmd/cosign@v2.6.5, renamed."""
FORMS = ("simplesigning", "attached")
INDEX = "application/vnd.oci.image.index.v1+json"
REPOSITORIES = [
    f"{kind}-{form}"
    for kind in ("genuine", "moved", "called", "committed", "plain", "beside", "both")
    for form in FORMS
]
REPOSITORIES += ["named"]
_OLD = "none of the expected identities matched what was in the certificate, got subjects [{right}]"
_NEW = 'no matching CertificateIdentity found, last error: expected SAN value "{wrong}", got "{right}"'
UNKNOWN = {
    ("cosign", "simplesigning"): _OLD,
    ("cosign", "attached"): _NEW,
    ("cosign2", "simplesigning"): _OLD,
    ("cosign2", "attached"): _NEW,
}
MOVED = {
    "simplesigning": "no matching signatures: invalid or missing digest in claim: sha256:{other}",
    "attached": "provided artifact digest does not match any digest in statement",
}
CALLED = replace(RUN, repository="evil/widget", job_workflow=RUN.workflow_ref)


@dataclass(frozen=True, kw_only=True)
class Image:
    """What was pushed to a repository of its own."""

    name: str
    manifest: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.manifest).hexdigest()

    @property
    def reference(self) -> str:
        return f"{self.name}@sha256:{self.sha256}"

    @property
    def subject(self) -> dict[str, Any]:
        return described(simplesigning.MANIFEST, self.manifest)


@dataclass(frozen=True, kw_only=True)
class World:
    """A registry that takes pushes, a Sigstore that signs, and cosign's environment."""

    loopback: Loopback
    home: Path
    session: requests.Session
    sigstore: Sigstore
    github: str
    """The token that pushes."""

    def image(self, repository: str, label: str = "") -> Image:
        """Push an image of one platform."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"label": label}}}).encode()
        listed = {"config": described(simplesigning.CONFIG, config), "layers": []}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": simplesigning.MANIFEST, **listed}).encode()
        image = Image(name=f"ghcr.io/{repository}", manifest=manifest)
        self.push(image.name, f"sha256:{image.sha256}", manifest, config)
        return image

    def push(
        self, name: str, reference: str, manifest: bytes, *blobs: bytes, kind: str = simplesigning.MANIFEST
    ) -> None:
        """Push blobs, then the manifest that lists them."""
        base = f"https://ghcr.io/v2/{name.partition('/')[2]}"
        for blob in blobs:
            place = self.session.post(f"{base}/blobs/uploads/").headers["Location"]
            where = {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}"}
            self.session.put(requests.compat.urljoin(base, place), params=where, data=blob).raise_for_status()
        put = self.session.put(f"{base}/manifests/{reference}", data=manifest, headers={"Content-Type": kind})
        put.raise_for_status()

    def signed(self, wanted: str | Statement, run: Run = RUN) -> bytes:
        """Return the bundle of a digest or statement."""
        bundles: dict[str, bytes] = {}
        token = lambda: self.loopback.issuer.mint(run, "sigstore")  # noqa: E731
        self.sigstore.sign({"image": wanted}, token, bundles.__setitem__, promised=True)
        return bundles["image"]

    def layer(self, payload: bytes, run: Run = RUN) -> Layer:
        """Return the layer of a payload."""
        return simplesigning.layer(self.signed(hashlib.sha256(payload).hexdigest(), run), payload)

    def put_layers(self, image: Image, *layers: Layer) -> None:
        """Push layers to the tag of the image's signatures."""
        manifest, config = simplesigning.signature_manifest(layers)
        tag = simplesigning.signature_tag(image.sha256)
        self.push(image.name, tag, manifest, config, *(layer.payload for layer in layers))

    def attach(self, image: Image, bundle: bytes) -> None:
        """Push a bundle that refers to the image, and the index of such, as a registry without referrers needs it."""
        manifest = attached.referrer_manifest(bundle, image.subject)
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.push(image.name, digest, manifest, attached.EMPTY_CONFIG, bundle)
        document = json.loads(manifest)
        one = described(simplesigning.MANIFEST, manifest) | {
            key: document[key] for key in ("artifactType", "annotations")
        }
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]}).encode()
        self.push(image.name, f"sha256-{image.sha256}", index, kind=INDEX)

    def sign(self, form: str, image: Image, run: Run = RUN) -> None:
        """Sign an image in this form."""
        if form == "simplesigning":
            self.put_layers(image, self.layer(simplesigning.payload(image.name, image.sha256), run))
        else:
            self.attach(image, self.signed(attached.statement(image.name, image.sha256), run))

    def verify(
        self, tool: str, form: str, image: Image, *options: str, uri: str = IDENTITY.uri
    ) -> subprocess.CompletedProcess[str]:
        """Let cosign verify an image by its digest, with these further options."""
        identity = ("--certificate-identity", uri, "--certificate-oidc-issuer", IDENTITY.issuer)
        root = ("--trusted-root", str(self.loopback.folder / "trusted_root.json"))
        flags = {"cosign": root, "cosign2": ("--new-bundle-format", *root) if form == "attached" else ()}[tool]
        return self.run(tool, "verify", *flags, *identity, *options, image.reference)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run cosign inside the loopback; version 2 finds its keys by the environment."""
        keys = {variable: str(self.loopback.folder / name) for variable, name in trust.KEYS.items()}
        return subprocess.run(
            command,
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                **self.loopback.environment(),
                **keys,
                **variables,
            },
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


@pytest.fixture(scope="module")
def world(internet: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    github = internet.github.token(scopes={"packages": "write"}, repository="octo/widget")
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": internet.door.url}
    session.verify = str(internet.folder / "ca.pem")
    scope = [f"repository:octo/{name}:pull,push" for name in REPOSITORIES]
    answer = session.get("https://ghcr.io/token", params={"scope": scope}, auth=("octo", github))
    session.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    sigstore = Sigstore(origin="the loopback", document=(internet.folder / "trust.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in internet.environment().items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("home")
        yield World(loopback=internet, home=home, session=session, sigstore=sigstore, github=github)
    session.close()


def words(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize("form", FORMS)
def test_cosign_accepts_the_identity_and_no_other(world: World, form: str, tool: str) -> None:
    """The image's digest verifies for its identity, in each form, and for another tag's it does not."""
    image = world.image(f"octo/genuine-{form}")
    world.sign(form, image)
    passed = world.verify(tool, form, image)
    assert passed.returncode == 0, words(passed)
    (said,) = json.loads(passed.stdout)
    assert said["critical"]["image"] == {"docker-manifest-digest": f"sha256:{image.sha256}"}
    wrong = f"{IDENTITY.uri}.1"
    refused = world.verify(tool, form, image, uri=wrong)
    assert refused.returncode != 0
    assert UNKNOWN[tool, form].format(wrong=wrong, right=IDENTITY.uri) in words(refused)
    assert [one.slug for one in explain(words(refused))] == ["identity-mismatch"]


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize("form", FORMS)
def test_cosign_refuses_a_signature_that_was_moved(world: World, form: str, tool: str) -> None:
    """The signature of one image at the place of another's is refused."""
    image, other = (world.image(f"octo/moved-{form}", label) for label in ("one", "other"))
    if form == "simplesigning":
        world.put_layers(other, world.layer(simplesigning.payload(image.name, image.sha256)))
    else:
        world.attach(other, world.signed(attached.statement(image.name, image.sha256)))
    refused = world.verify(tool, form, other)
    assert refused.returncode != 0
    assert MOVED[form].format(other=image.sha256) in words(refused)
    assert [one.slug for one in explain(words(refused))] == ["moved-signature"]


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize("form", FORMS)
def test_cosign_refuses_an_image_without_signature(world: World, form: str, tool: str) -> None:
    """An image that nobody signed is refused as such."""
    refused = world.verify(tool, form, world.image(f"octo/plain-{form}"))
    assert refused.returncode != 0
    absent = "no valid bundles exist in registry" if (tool, form) == ("cosign2", "attached") else "no signatures found"
    assert absent in words(refused)
    assert [one.slug for one in explain(words(refused))] == ["no-signatures"]


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize(
    ("reference", "absent"),
    [
        ("octo/plain-attached:v9", ("image tag not found", "MANIFEST_UNKNOWN")),
        ("octo/nothing:v9", ("UNAUTHORIZED: authentication required",)),
    ],
)
def test_cosign_finds_no_image(world: World, tool: str, reference: str, absent: tuple[str, ...]) -> None:
    """An image that is not there, and one that may not be seen, are told apart from unsigned ones."""
    world.image("octo/plain-attached")
    identity = ("--certificate-identity", IDENTITY.uri, "--certificate-oidc-issuer", IDENTITY.issuer)
    refused = world.run(tool, "verify", *identity, f"ghcr.io/{reference}")
    assert refused.returncode != 0
    assert [one for one in absent if one not in words(refused)] == []
    assert [one.slug for one in explain(words(refused))] == ["image-absent"]


@pytest.mark.parametrize("tool", TOOLS.values())
def test_cosign_asks_the_log_where_no_promise_is(world: World, tool: str) -> None:
    """A signature that comes without the log's promise is looked for in the log; one that is not there is refused."""
    image = world.image("octo/plain-simplesigning", f"asked by {tool}")
    payload = simplesigning.payload(image.name, image.sha256)
    layer = world.layer(payload)
    bare = {name: value for name, value in layer.annotations.items() if name != PROMISE}
    world.put_layers(image, replace(layer, annotations=bare))
    assert world.verify(tool, "simplesigning", image).returncode == 0
    elsewhere = world.image("octo/plain-simplesigning", f"unlogged for {tool}")
    payload = simplesigning.payload(elsewhere.name, elsewhere.sha256)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = world.loopback.fulcio.issue(key.public_key(), RUN)[0].public_bytes(Encoding.PEM).decode()
    signature = b64encode(key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()
    world.put_layers(
        elsewhere, replace(layer, payload=payload, annotations={SIGNATURE: signature, CERTIFICATE: certificate})
    )
    refused = world.verify(tool, "simplesigning", elsewhere)
    assert refused.returncode != 0
    assert "signature not found in transparency log" in words(refused)
    assert [one.slug for one in explain(words(refused))] == ["log-entry-missing"]


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize("form", FORMS)
def test_cosign_accepts_a_foreign_caller_and_we_do_not(world: World, form: str, tool: str) -> None:
    """Whoever calls our workflow gets its name into the certificate: cosign is content until it is told the source."""
    image = world.image(f"octo/called-{form}")
    world.sign(form, image, CALLED)
    assert world.verify(tool, form, image).returncode == 0
    source = ("--certificate-github-workflow-repository", IDENTITY.repository)
    refused = world.verify(tool, form, image, *source, "--certificate-github-workflow-sha", COMMIT)
    assert refused.returncode != 0
    assert re.search(SOURCE["repository"], words(refused))
    exact = Exact(IDENTITY, COMMIT)
    if form == "simplesigning":
        layer = world.layer(simplesigning.payload(image.name, image.sha256), CALLED)
        root = world.sigstore.trusted_root
        ours = promise.verify_layer(layer.payload, layer.annotations, image.name, image.sha256, exact, root)
    else:
        bundle = world.signed(attached.statement(image.name, image.sha256), CALLED)
        ours = attached.verify_attached(
            bundle, image.name, image.sha256, exact, VerifierWithRoot(world.sigstore.trusted_root)
        )
    assert "https://github.com/evil/widget" in ours.verdict.detail


@pytest.mark.parametrize("tool", TOOLS.values())
@pytest.mark.parametrize("form", FORMS)
def test_cosign_compares_the_commit_that_it_is_told(world: World, form: str, tool: str) -> None:
    """The stricter form of the notes passes for the release's own commit, and for no other."""
    image = world.image(f"octo/committed-{form}")
    world.sign(form, image)
    source = ("--certificate-github-workflow-repository", IDENTITY.repository, "--certificate-github-workflow-sha")
    assert world.verify(tool, form, image, *source, COMMIT).returncode == 0
    refused = world.verify(tool, form, image, *source, "0" * 40)
    assert refused.returncode != 0
    assert re.search(SOURCE["commit"], words(refused))


@pytest.mark.parametrize("tool", TOOLS.values())
def test_cosign_does_not_compare_the_repository(world: World, tool: str) -> None:
    """A payload that names another repository passes in cosign; for that, we look."""
    image = world.image("octo/named")
    layer = world.layer(simplesigning.payload("ghcr.io/octo/gadget", image.sha256))
    world.put_layers(image, layer)
    assert world.verify(tool, "simplesigning", image).returncode == 0
    exact, root = Exact(IDENTITY, COMMIT), world.sigstore.trusted_root
    ours = promise.verify_layer(layer.payload, layer.annotations, image.name, image.sha256, exact, root)
    assert "ghcr.io/octo/gadget" in ours.verdict.detail


@pytest.mark.parametrize("tool", TOOLS.values())
def test_cosign_finds_ours_beside_others(world: World, tool: str) -> None:
    """A signature of somebody else at the same tag neither hides ours nor passes for it."""
    image = world.image("octo/beside-simplesigning", tool)
    payload = simplesigning.payload(image.name, image.sha256)
    theirs, ours = world.layer(payload, replace(RUN, ref="refs/heads/main")), world.layer(payload)
    manifest, config = simplesigning.signature_manifest([theirs])
    tag = simplesigning.signature_tag(image.sha256)
    world.push(image.name, tag, manifest, config, payload)
    refused = world.verify(tool, "simplesigning", image)
    assert refused.returncode != 0
    world.push(image.name, tag, simplesigning.append(manifest, [ours]))
    assert world.verify(tool, "simplesigning", image).returncode == 0


@pytest.mark.parametrize("tool", [TOOLS["cosign"]])
def test_what_cosign_signs_stands_beside_ours(world: World, tool: str) -> None:
    """A signature that cosign itself adds stands beside ours in the manifest; we accept both, and so does cosign.

    Version 2 signs through Fulcio's first API, which is not played.
    """
    image = world.image("octo/both-simplesigning", tool)
    world.sign("simplesigning", image)
    form = ("--new-bundle-format=false", "--use-signing-config=false")
    login = world.home / "docker" / "config.json"
    login.parent.mkdir(exist_ok=True)
    login.write_text(json.dumps({"auths": {"ghcr.io": {"auth": b64encode(f"octo:{world.github}".encode()).decode()}}}))
    secrets = {
        "SIGSTORE_ID_TOKEN": world.loopback.issuer.mint(RUN, "sigstore"),
        "DOCKER_CONFIG": str(login.parent),
    }
    done = world.run(tool, "sign", "--yes", *form, image.reference, **secrets)
    assert done.returncode == 0, words(done)
    base = f"https://ghcr.io/v2/{image.name.partition('/')[2]}"
    manifest = world.session.get(f"{base}/manifests/{simplesigning.signature_tag(image.sha256)}").content
    found = simplesigning.list_signatures(manifest)
    assert len(found) == 2
    exact, root = Exact(IDENTITY, COMMIT), world.sigstore.trusted_root
    for one in found:
        payload = world.session.get(f"{base}/blobs/{one.digest}").content
        outcome = promise.verify_layer(payload, one.annotations, image.name, image.sha256, exact, root)
        assert outcome.verdict.ok, outcome.verdict.detail
    assert len(json.loads(world.verify(tool, "simplesigning", image).stdout)) == 2
