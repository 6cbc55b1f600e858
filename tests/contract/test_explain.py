"""Every known message comes from the real tool, and is explained as what has really happened."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from diagnosing import changed
from instance import IDENTITY, RUN, Instance, instance
from tagseal.loopback.sigstore.trust import KEYS
from tagseal.verification.diagnosis import TROUBLES, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.loopback import Loopback
    from tagseal.loopback.actions import Run
    from tagseal.loopback.sigstore.trust import Log

FILE, BUNDLE = "a.whl", "a.whl.sigstore.json"
HERE = ("--cert-identity", IDENTITY.uri, "--cert-oidc-issuer", IDENTITY.issuer)
THERE = ("--certificate-identity", IDENTITY.uri, "--certificate-oidc-issuer", IDENTITY.issuer)
SIGSTORE = (sys.executable, "-m", "sigstore", "--trust-config", "trust.json", "verify")
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder with a genuine file, its bundle, and what is to be trusted."""

    folder: Path
    played: Instance

    def signed(self, run: Run = RUN, content: bytes = b"a") -> bytes:
        return self.played.sign({"one": hashlib.sha256(content).hexdigest()}, run, timestamped=False)["one"]

    def put(self, name: str, content: bytes | str) -> None:
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def trust(self, **parts: str) -> None:
        """Trust the instance, with some parts of another's trusted root."""
        config = json.loads(self.played.trust_config)
        for part, other in parts.items():
            config["trustedRoot"][part] = json.loads(other)[part]
        self.put("trust.json", json.dumps(config))
        self.put("root.json", json.dumps(config["trustedRoot"]))

    def log_at(self, url: str) -> None:
        """Let the first log be asked at this address: a signature without a bundle is looked for there."""
        config = json.loads((self.folder / "trust.json").read_bytes())
        config["trustedRoot"]["tlogs"][0]["baseUrl"] = url
        self.put("trust.json", json.dumps(config))

    def says(self, *command: str, **variables: str) -> str:
        """Run a command that must fail, and return what it says; there is no network but loopback."""
        person = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "COLUMNS": "600"}
        network = {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**person, **network, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode != 0, done.stdout + done.stderr
        # Go's protobuf puts one or the other space into its messages, by the build, so that nobody relies on them.
        return (done.stdout + done.stderr).replace("\N{NO-BREAK SPACE}", " ")

    def sigstore(self, *options: str, **variables: str) -> str:
        return self.says(*SIGSTORE, "identity", *(options or (*HERE, FILE)), **variables)

    def cosign(self, tool: str, *options: str) -> str:
        """Let cosign verify the file, by the trusted root."""
        root = ("--trusted-root", "root.json")
        return self.says(tool, "verify-blob", *root, *(options or THERE), "--bundle", BUNDLE, FILE)


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture
def desk(played: Instance, tmp_path: Path) -> Desk:
    found = Desk(folder=tmp_path, played=played)
    found.put(FILE, b"a")
    found.trust()
    return found


def bundled(make: Callable[[Desk], bytes]) -> Callable[[Desk], None]:
    return lambda desk: desk.put(BUNDLE, make(desk))


def untrusted(part: str) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        with instance() as other:
            desk.trust(**{part: other.trusted_root})
        time.sleep(1)  # those keys must have been valid when it was signed, or that would be what fails
        desk.put(BUNDLE, desk.signed())

    return prepare


def entry(**parts: object) -> Callable[[Desk], None]:
    named = {f"verificationMaterial__tlogEntries__0__{name}": value for name, value in parts.items()}
    return bundled(lambda desk: changed(desk.signed(), **named))


def late(desk: Desk) -> bytes:
    bundle = desk.signed()
    entered = int(json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]["integratedTime"])
    return changed(bundle, verificationMaterial__tlogEntries__0__integratedTime=str(entered + 3600))


def elsewhere(log: Log) -> Callable[[Desk], None]:
    """Sign at an instance that is not trusted: what staging is to the public root of trust."""

    def make(_: Desk) -> bytes:
        with instance() as other:
            digest = hashlib.sha256(b"a").hexdigest()
            return other.sign({"one": digest}, log=log, timestamped=log == "v2")["one"]

    return bundled(make)


def unstamped(desk: Desk) -> None:
    """Trust no timestamp authority, and meet a timestamp."""
    elsewhere("v2")(desk)
    config = json.loads(desk.played.trust_config)
    del config["trustedRoot"]["timestampAuthorities"]
    desk.put("trust.json", json.dumps(config))


def two(desk: Desk) -> None:
    desk.put(BUNDLE, desk.signed())
    desk.put("a.whl.sigstore", desk.signed())


FORK = replace(RUN, repository="evil/widget")
PREPARED: dict[str, Callable[[Desk], None]] = {
    "fork": bundled(lambda desk: desk.signed(FORK)),
    "other": bundled(lambda desk: desk.signed(content=b"b")),
    "undocumented": bundled(lambda desk: changed(desk.signed(content=b"b"), messageSignature__messageDigest=None)),
    "none": lambda _: None,
    "no file": lambda desk: (desk.folder / FILE).unlink(),
    "two": two,
    "page": bundled(lambda _: b"<!DOCTYPE html><html>"),
    "cut": bundled(lambda desk: desk.signed()[:2000]),
    "newer": bundled(lambda desk: desk.signed().replace(b"v0.3", b"v0.9")),
    "no entry": bundled(lambda desk: changed(desk.signed(), verificationMaterial__tlogEntries=[])),
    "no checkpoint": entry(inclusionProof__checkpoint=None),
    "bad proof": entry(inclusionProof__hashes__0="A" * 43 + "="),
    "no promise": entry(inclusionPromise=None),
    "late": bundled(late),
    "staging": elsewhere("v1"),
    "staging, log version 2": elsewhere("v2"),
    "no timestamp authority": unstamped,
    "authority": untrusted("certificateAuthorities"),
    "certificate log": untrusted("ctlogs"),
    "log": untrusted("tlogs"),
}
"""What is wrong, by a name: and how it is made."""

Case = tuple[str, str, str, str]
"""What is wrong, the trouble, the cause that the identities tell, and the tool's words."""


def wrong(case: Case) -> str:
    return case[0]


SIGSTORE_SAYS = [
    ("fork", "identity-mismatch", "fork", "Certificate's SANs do not match"),
    ("other", "bundle-mismatch", "", "Bundle message digest mismatch"),
    ("undocumented", "bundle-mismatch", "", "Signature is invalid for input"),
    ("none", "no-bundle", "", "Missing verification materials for"),
    ("no file", "file-absent", "", "invalid file_or_digest value:"),
    ("two", "two-bundles", "", "Conflicting inputs:"),
    ("page", "bundle-unreadable", "", "The provided bundle is malformed and may have been modified maliciously."),
    ("newer", "bundle-newer", "", "'application/vnd.dev.sigstore.bundle.v0.3+json' [type=literal_error,"),
    ("no entry", "log-entry-missing", "", "expected exactly one log entry in bundle"),
    ("no checkpoint", "log-entry-missing", "", "entry must contain inclusion proof, with checkpoint"),
    ("bad proof", "log-entry-broken", "", "invalid log entry:"),
    ("log", "log-entry-broken", "", "invalid log entry:"),
    ("no promise", "no-trusted-time", "", "bundle must contain an inclusion promise or signed timestamp(s)"),
    ("staging, log version 2", "no-trusted-time", "", "not enough sources of verified time"),
    (
        "no timestamp authority",
        "no-trusted-time",
        "",
        "no Timestamp Authorities have been provided to validate this bundle",
    ),
    ("late", "certificate-over", "", "cert is not valid at validation time"),
    ("staging", "unknown-authority", "", "failed to build timestamp certificate chain"),
    ("authority", "unknown-authority", "", "failed to build timestamp certificate chain"),
    ("certificate log", "unknown-authority", "", "failed to verify SCT on signing certificate"),
]
COSIGN_SAYS = [
    ("no file", "file-absent", "", "error during command execution: open"),
    ("fork", "identity-mismatch", "fork", "no matching CertificateIdentity found, last error: expected SAN value"),
    ("other", "bundle-mismatch", "", "invalid signature when validating ASN.1 encoded signature"),
    ("no entry", "log-entry-missing", "", "not enough verified log entries from transparency log"),
    ("staging", "log-entry-missing", "", "not enough verified log entries from transparency log"),
    ("bad proof", "log-entry-broken", "", "failed to verify log inclusion: calculated root"),
    ("no promise", "no-trusted-time", "", "failed to verify timestamps: threshold not met"),
    ("authority", "unknown-authority", "", "failed to verify leaf certificate"),
    ("certificate log", "unknown-authority", "", "failed to verify signed certificate timestamp"),
]
COSIGN_3_SAYS = [
    ("page", "bundle-unreadable", "", "--trusted-root only supported with --new-bundle-format"),
    ("none", "bundle-unreadable", "", "--trusted-root only supported with --new-bundle-format"),
]
COSIGN_2_SAYS = [
    ("page", "bundle-unreadable", "", "proto: syntax error"),
    ("cut", "bundle-unreadable", "", "proto: unexpected EOF"),
    ("newer", "bundle-newer", "", "unsupported media type: bundle version"),
    ("none", "no-bundle", "", ".sigstore.json: no such file or directory"),
]
OLD_SAYS = [
    ("page", "bundle-unreadable", "", "looking for beginning of value"),
    ("cut", "bundle-unreadable", "", "unexpected end of JSON input"),
    ("newer", "bundle-newer", "", "bundle does not contain cert for verification, please provide public key"),
    ("none", "no-bundle", "", ".sigstore.json: no such file or directory"),
]
"""Without a trusted root cosign asks TUF first, and so reads a bundle that is none as one of its old form."""
TOOLS = {
    name: pytest.param(
        name,
        marks=[pytest.mark.interop, pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not on PATH")],
    )
    for name in ("cosign", "cosign2", "gh")
}
COSIGNS = [TOOLS["cosign"], TOOLS["cosign2"]]


def told(text: str) -> list[tuple[str, str]]:
    return [(one.slug, one.cause) for one in explain(text)]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("case", SIGSTORE_SAYS, ids=wrong)
def test_sigstore_is_explained(desk: Desk, case: Case) -> None:
    """What sigstore-python says holds the words that are known, and they mean what was done."""
    how, slug, cause, words = case
    PREPARED[how](desk)
    said = desk.sigstore()
    assert words in said
    assert told(said) == [(slug, cause)]


@pytest.mark.parametrize("case", COSIGN_SAYS, ids=wrong)
@pytest.mark.parametrize("tool", COSIGNS)
def test_cosign_is_explained(desk: Desk, tool: str, case: Case) -> None:
    """So it is with cosign of both versions, which say the same of a bundle that they can read."""
    how, slug, cause, words = case
    PREPARED[how](desk)
    said = desk.cosign(tool)
    assert words in said
    assert told(said) == [(slug, cause)]


@pytest.mark.parametrize("case", COSIGN_3_SAYS, ids=wrong)
@pytest.mark.parametrize("tool", [TOOLS["cosign"]])
def test_cosign_3_is_explained(desk: Desk, tool: str, case: Case) -> None:
    """Version 3 has words of its own for a bundle that it cannot read."""
    test_cosign_is_explained(desk, tool, case)


@pytest.mark.parametrize("case", COSIGN_2_SAYS, ids=wrong)
@pytest.mark.parametrize("tool", [TOOLS["cosign2"]])
def test_cosign_2_is_explained(desk: Desk, tool: str, case: Case) -> None:
    """And so has version 2, when it is told that a bundle comes."""
    how, slug, cause, words = case
    PREPARED[how](desk)
    said = desk.cosign(tool, "--new-bundle-format", *THERE)
    assert words in said
    assert told(said) == [(slug, cause)]


@pytest.mark.parametrize("case", OLD_SAYS, ids=wrong)
@pytest.mark.parametrize("tool", COSIGNS)
def test_cosign_without_a_root_is_explained(desk: Desk, tool: str, case: Case) -> None:
    """As strangers run it, with keys from elsewhere."""
    how, slug, cause, words = case
    PREPARED[how](desk)
    for name, content in desk.played.keys.items():
        desk.put(name, content)
    said = desk.says(tool, "verify-blob", *THERE, "--bundle", BUNDLE, FILE, **KEYS)
    assert words in said
    assert told(said) == [(slug, cause)]


def test_issuers_are_compared(desk: Desk) -> None:
    """The issuer that was got and the one that was expected are both shown."""
    desk.put(BUNDLE, desk.signed())
    said = desk.sigstore("--cert-identity", IDENTITY.uri, "--cert-oidc-issuer", "https://evil.example", FILE)
    assert "Certificate's OIDCIssuer does not match" in said
    (one,) = explain(said)
    assert one.slug == "issuer-mismatch"
    assert one.meaning[0] == f"Got '{IDENTITY.issuer}', expected 'https://evil.example'."


@pytest.mark.parametrize("tool", COSIGNS)
def test_cosign_issuers_are_compared(desk: Desk, tool: str) -> None:
    """So it is with cosign's words."""
    desk.put(BUNDLE, desk.signed())
    wrong = ("--certificate-identity", IDENTITY.uri, "--certificate-oidc-issuer", "https://evil.example")
    said = desk.cosign(tool, *wrong)
    assert "no matching CertificateIdentity found, last error: expected issuer value" in said
    (one,) = explain(said)
    assert one.slug == "issuer-mismatch"
    assert one.meaning[0] == f"Got '{IDENTITY.issuer}', expected 'https://evil.example'."


def test_a_foreign_repository_is_explained(desk: Desk) -> None:
    """``sigstore verify github`` compares the run's repository, and its words are known."""
    desk.put(BUNDLE, desk.signed())
    said = desk.says(*SIGSTORE, "github", "--repository", "octo/gadget", FILE)
    assert "Certificate's GitHubWorkflowRepository does not match" in said
    (one,) = explain(said)
    assert (one.slug, one.meaning[0]) == ("other-repository", "Got 'octo/widget', expected 'octo/gadget'.")


def detached(desk: Desk, *, signed: bytes) -> str:
    """Let sigstore-python ask the log about a signature without bundle, by a key that the authority certified."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = desk.played.fulcio.issue(key.public_key(), RUN)[0]
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    desk.put("a.crt", certificate.public_bytes(Encoding.PEM))
    desk.put("a.sig", b64encode(signature))
    services = json.loads(desk.played.trust_config)["signingConfig"]["rekorTlogUrls"]
    desk.log_at(next(service["url"] for service in services if service["majorApiVersion"] == 1))
    return desk.sigstore(*HERE, "--certificate", "a.crt", "--signature", "a.sig", FILE)


@pytest.mark.parametrize(
    ("signed", "slug", "words"),
    [
        (b"a", "log-entry-missing", "No matching log entry for"),
        (b"b", "bundle-mismatch", "error processing entry: verifying signature: invalid signature"),
    ],
)
def test_a_signature_without_a_bundle_is_explained(desk: Desk, signed: bytes, slug: str, words: str) -> None:
    """A signature that the log does not hold, and one over other bytes."""
    said = detached(desk, signed=signed)
    assert words in said
    assert told(said) == [(slug, "")]


def test_the_width_of_the_terminal_does_not_count(desk: Desk) -> None:
    """A message that is wrapped within a name, with margins, is read all the same."""
    PREPARED["fork"](desk)
    said = desk.sigstore(COLUMNS="60")
    assert "SANs do not match https" not in said
    (one,) = explain(said)
    assert (one.slug, one.cause) == ("identity-mismatch", "fork")
    assert "--pattern a.whl " in one.next
    assert f"Expected '{IDENTITY.uri}'." in one.meaning


def test_no_network_is_explained(desk: Desk) -> None:
    """Where the root of trust cannot be had, nothing is said about the file."""
    desk.put(BUNDLE, desk.signed())
    said = desk.says(sys.executable, "-m", "sigstore", "verify", "identity", *HERE, FILE)
    assert "Failed to refresh TUF metadata" in said
    assert told(said) == [("no-network", "")]


@pytest.mark.parametrize(
    ("tool", "flags", "words"),
    [
        pytest.param(
            *TOOLS["cosign"].values,
            (),
            "getting trusted root from TUF for new bundle verification",
            marks=TOOLS["cosign"].marks,
        ),
        pytest.param(
            *TOOLS["cosign2"].values,
            ("--new-bundle-format",),
            "Could not fetch trusted_root.json from the TUF repository",
            marks=TOOLS["cosign2"].marks,
        ),
    ],
)
def test_cosigns_no_network_is_explained(desk: Desk, tool: str, flags: tuple[str, ...], words: str) -> None:
    """So it is with cosign."""
    desk.put(BUNDLE, desk.signed())
    said = desk.says(tool, "verify-blob", *flags, *THERE, "--bundle", BUNDLE, FILE)
    assert words in said
    assert told(said) == [("no-network", "")]


def test_a_command_without_a_signer_is_explained(desk: Desk) -> None:
    """Without an identity nothing is verified."""
    said = desk.sigstore(FILE)
    assert "the following arguments are required: --cert-identity" in said
    assert told(said) == [("no-identity", "")]


@pytest.mark.parametrize("tool", COSIGNS)
def test_cosign_without_a_signer_is_explained(desk: Desk, tool: str) -> None:
    """So it is with cosign, which also wants a bundle."""
    desk.put(BUNDLE, desk.signed())
    said = desk.says(tool, "verify-blob", "--bundle", BUNDLE, FILE)
    assert "--certificate-identity or --certificate-identity-regexp is required" in said
    assert told(said) == [("no-identity", "")]
    said = desk.says(tool, "verify-blob", *THERE, FILE)
    assert "provide a key with --key or --sk, a certificate to verify against with" in said
    assert told(said) == [("no-bundle", "")]


@pytest.mark.parametrize(
    ("listed", "slugs", "words"),
    [
        (f"{'0' * 64}  a.whl\n", ["checksum-mismatch"], "computed checksum did NOT match"),
        (f"{'0' * 64}  a.whl\n{'0' * 64}  b\n", ["checksum-mismatch"], "computed checksums did NOT match"),
        (
            f"{hashlib.sha256(b'a').hexdigest()}  a.whl\n{'0' * 64}  c\n",
            ["checksum-file-absent"],
            "listed file could not be read",
        ),
        (f"{'0' * 64}  c\n{'0' * 64}  d\n", ["checksum-file-absent"], "listed files could not be read"),
        ("<!DOCTYPE html>\n", ["checksums-unreadable"], "no properly formatted checksum lines found"),
    ],
)
@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not on PATH")
def test_sha256sum_is_explained(desk: Desk, listed: str, slugs: list[str], words: str) -> None:
    """Files with other bytes, files that are not there, and a list that is none."""
    desk.put("b", b"b")
    desk.put("SHA256SUMS", listed)
    said = desk.says("sha256sum", "--check", "SHA256SUMS", LC_ALL="C")
    assert words in said
    assert [one.slug for one in explain(said)] == slugs


@pytest.mark.parametrize("tool", [TOOLS["gh"]])
def test_gh_is_explained(desk: Desk, tool: str, internet: Loopback) -> None:
    """Without login, without repository, without release, and without such a file."""
    repository = internet.github.add_repository("octo/explained")
    token = internet.github.token(scopes={"contents": "write"}, repository=repository.full_name)
    quiet = {"GH_CONFIG_DIR": str(desk.folder), "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
    variables = {**internet.environment(), **quiet}
    download = (tool, "release", "download", "--repo")
    said = desk.says(*download, "octo/explained", "v9", **variables)
    assert "To get started with GitHub CLI, please run" in said
    assert told(said) == [("gh-login", "")]
    variables["GH_TOKEN"] = token
    absent = {"octo/nothing": "Could not resolve to a Repository with the name", "octo/explained": "release not found"}
    for where, words in absent.items():
        said = desk.says(*download, where, "v9", **variables)
        assert words in said
        assert told(said) == [("gh-absent", "")]
    subprocess.run(
        (tool, "release", "create", "v1", FILE, "--draft", "--notes", "N", "--repo", "octo/explained"),
        cwd=desk.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(desk.folder), **variables},
        check=True,
        capture_output=True,
    )
    said = desk.says(*download, "octo/explained", "v1", "--pattern", "b.whl", **variables)
    assert "no assets match the file pattern" in said
    assert told(said) == [("gh-absent", "")]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_shell_without_the_tool_is_explained(desk: Desk, shell: str) -> None:
    """The first thing that a stranger meets: the command of the page is not there."""
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"this machine has no {shell}")
    said = desk.says(program, "-c", f"sigstore verify identity {FILE}", PATH=str(desk.folder))
    assert told(said) == [("command-absent", "")]
    assert "'sigstore'" in explain(said)[0].meaning[0]


def test_several_messages_are_told_in_their_order(desk: Desk) -> None:
    """A paste of two runs gives two explanations, each once."""
    PREPARED["other"](desk)
    first = desk.sigstore()
    PREPARED["fork"](desk)
    assert told(first + desk.sigstore() + first) == [("bundle-mismatch", ""), ("identity-mismatch", "fork")]


def test_every_message_is_provoked() -> None:
    """No message is known but from a real tool: here, where real cosign judges images, or as it was written down."""
    here = Path(__file__)
    kept = (here.parents[1] / "assets" / "explain").glob("*.txt")
    files = (here, here.parent / "test_cosign_images.py", *kept)
    texts = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [said.text for trouble in TROUBLES for said in trouble.said if said.text not in texts] == []
