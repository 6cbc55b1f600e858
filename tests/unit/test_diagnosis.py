"""From verdicts that really failed to their causes."""

from __future__ import annotations

import ast
import hashlib
import json
import socket
import ssl
import threading
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from sigstore.models import ClientTrustConfig

import widget
from corpus import CASES as CORPUS
from corpus import EXPECTED, Case, trust
from diagnosing import SDIST, WHEEL, Bench, changed, expected, sdist, wheel
from instance import COMMIT, IDENTITY, RUN, Instance, instance
from source import SOURCE
from tagseal.errors import TagsealError
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore.tuf import Tuf
from tagseal.services.sigstore import Sigstore
from tagseal.verification.diagnosis import TROUBLES, cause
from tagseal.verification.diagnosis.trusts import PRODUCTION, STAGING
from tagseal.verification.files import verify_files
from tagseal.verification.images.attached import statement
from tagseal.verification.result import Check, Subject
from tagseal.verification.timestamps import VerifierWithRoot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.loopback.actions import Run
    from tagseal.loopback.sigstore.trust import Log
    from tagseal.verification.result import Cause

DIAGNOSIS = SOURCE / "tagseal" / "verification" / "diagnosis"
SLUGS = {
    "another-case": "other-case",
    "another-commit": "moved-tag",
    "another-tag": "other-tag",
    "another-workflow": "other-workflow",
    "answer-instead-of-bundle": "bundle-saved-page",
    "branch": "manual-run",
    "duplicate-signature": "bundle-ambiguous",
    "emptied-file": "file-empty",
    "entry-about-another-file": "entry-of-another",
    "flipped-byte-in-certificate": "unknown-authority",
    "flipped-byte-in-file": "file-changed",
    "flipped-byte-in-proof": "entry-unproven",
    "flipped-byte-in-signature": "bad-signature",
    "for-another-purpose": "bad-certificate",
    "foreign-caller-of-our-workflow": "foreign-caller",
    "foreign-certificate-timestamp": "certificate-not-logged",
    "fork": "fork",
    "issuer-of-another": "other-issuer",
    "issuer-only-in-old-place": "other-identity",
    "issuers-disagree-new-place": "issuers-disagree",
    "issuers-disagree-old-place": "issuers-disagree",
    "key-instead-of-certificate": "signed-by-key",
    "list-with-name-twice": "bad-checksums",
    "mail-address": "no-workflow",
    "media-type-newer": "bundle-newer",
    "missing-bundle": "no-bundle",
    "name-in-upper-case": "lookalike-name",
    "name-percent-encoded": "lookalike-name",
    "name-with-cyrillic-letter": "lookalike-name",
    "name-with-dots": "lookalike-name",
    "name-with-newline": "lookalike-name",
    "name-with-port": "lookalike-name",
    "name-with-user": "lookalike-name",
    "no-entry": "entry-missing",
    "our-branch-calls-the-tags-workflow": "called-from-another-ref",
    "page-instead-of-bundle": "bundle-saved-page",
    "page-instead-of-file": "saved-page",
    "renamed-file": "renamed-file",
    "signed-after-certificate": "certificate-over",
    "statement-for-a-package": "attestation",
    "timestamp-by-unknown-authority": "no-trusted-time",
    "two-names": "several-names",
    "two-names-the-stranger-first": "several-names",
    "unknown-authority": "unknown-authority",
}
"""Of cases in the corpus: the cause."""
ATTACKS = [case for case in CORPUS if not case.genuine and not case.truncated]
SHARED = {
    "bundle-newer",
    "certificate-over",
    "file-absent",
    "no-bundle",
    "no-network",
    "no-trusted-time",
    "other-repository",
    "two-bundles",
    "unknown-authority",
}
FORK = replace(RUN, repository="evil/widget")
HTML = b"<!DOCTYPE html>\n<html><title>Sign in to GitHub</title></html>\n"
ASSET = json.dumps({"url": "https://api.github.com/x", "content_type": "application/zip", "browser_download_url": "x"})
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture
def bench(played: Instance, tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path, instance=played)


IDENTITIES: dict[str, tuple[str, Run]] = {
    "another tag": ("other-tag", replace(RUN, ref="refs/tags/v1.2.2")),
    "a tag without its v": ("other-tag", replace(RUN, ref="refs/tags/1.2.3")),
    "a branch": ("branch", replace(RUN, ref="refs/heads/main")),
    "a pull request": ("branch", replace(RUN, ref="refs/pull/7/merge", event="pull_request")),
    "a run by hand": ("manual-run", replace(RUN, ref="refs/heads/main", event="workflow_dispatch")),
    "a fork": ("fork", FORK),
    "a fork's branch": ("fork", replace(FORK, ref="refs/heads/main")),
    "another repository": ("other-repository", replace(RUN, repository="evil/gadget")),
    "capitals": ("other-case", replace(RUN, repository="Octo/Widget")),
    "another workflow": ("other-workflow", replace(RUN, workflow=".github/workflows/ci.yml")),
    "a foreign caller": ("foreign-caller", replace(FORK, job_workflow=RUN.workflow_ref)),
    "a caller of ours": (
        "called-from-another-ref",
        replace(RUN, ref="refs/heads/main", job_workflow=RUN.workflow_ref),
    ),
    "a shared workflow": (
        "shared-workflow",
        replace(RUN, job_workflow="acme/flows/.github/workflows/release.yml@refs/tags/v9"),
    ),
    "look-alike letters": ("lookalike-name", replace(RUN, repository="%D0%BEcto/widget")),
}


@pytest.mark.parametrize(("slug", "run"), IDENTITIES.values(), ids=IDENTITIES)
def test_a_stranger_is_named(bench: Bench, slug: str, run: Run) -> None:
    """Whoever else signed: the cause says how they differ."""
    assert bench.ran(run).slug == slug


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"ref": "refs/tags/v1.2.2"}, "octo/widget --tag v1.2.2 --workflow publish.yml`"),
        ({"repository": "octo/gadget"}, "octo/gadget --tag v1.2.3 --workflow publish.yml`"),
        ({"workflow": ".github/workflows/ci.yml"}, "octo/widget --tag v1.2.3 --workflow ci.yml`"),
        ({"workflow": ".github/workflows/release.yml"}, "octo/widget --tag v1.2.3`"),
        ({"repository": "octo/gadget", "workflow": ".github/workflows/ci.yml"}, "--tag v1.2.3 --workflow ci.yml`"),
    ],
)
def test_the_next_command_names_the_workflow(bench: Bench, change: dict[str, Any], end: str) -> None:
    """Where it is not the usual one: without it the command would fail in its turn."""
    publish = ".github/workflows/publish.yml"
    run = replace(RUN, **{"workflow": publish, **change})
    found = bench.ran(run, wants=expected(replace(IDENTITY, workflow=publish)))
    assert f"{end}." in found.next


def other_issuer(bench: Bench) -> Cause:
    wants = expected(replace(IDENTITY, issuer="https://token.actions.example.com"))
    return bench.ran(RUN, wants=wants)


def moved_tag(bench: Bench) -> Cause:
    return bench.ran(replace(RUN, sha="e" * 40), wants=expected(commit=COMMIT))


def file_of_the_kit(bench: Bench) -> Cause:
    return bench.told(bench.put("VERIFY.md", b"# Verify"), None, Check.bundle)


def no_bundle(bench: Bench) -> Cause:
    return bench.told(bench.put(WHEEL, wheel()), None, Check.bundle)


def second_download(bench: Bench) -> Cause:
    return bench.told(bench.put("widget-1.2.3-py3-none-any (1).whl", wheel()), None, Check.bundle)


def second_of_two(bench: Bench) -> Cause:
    bench.put(SDIST, sdist())
    return bench.told(bench.put("widget-1.2.3(12).tar.gz", sdist()), None, Check.bundle)


def source_archive(name: str, *, signed: bool) -> Callable[[Bench], Cause]:
    """Let git pack, as GitHub does."""

    def case(bench: Bench) -> Cause:
        git = widget.commit(bench.folder / "source", {"a.py": "a\n"})
        git.command("archive", "--prefix=widget-1.2.3/", f"--output={bench.folder / name}", "HEAD")
        subject = bench.put(name, (bench.folder / name).read_bytes())
        if signed:
            return bench.told(subject, bench.signed(sdist()), Check.signature)
        return bench.told(subject, None, Check.bundle)

    return case


def legacy_name(bench: Bench) -> Cause:
    bench.put(f"{WHEEL}.sigstore", bench.signed(wheel()))
    return no_bundle(bench)


def two_bundles(bench: Bench) -> Cause:
    bench.put(f"{WHEEL}.sigstore", bench.signed(wheel()))
    return cut_bundle(bench)


def older_fits(bench: Bench) -> Cause:
    bench.put(f"{WHEEL}.sigstore", bench.signed(wheel()))
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(b"other"), Check.signature)


def several_elsewhere(bench: Bench) -> Cause:
    return bench.told(bench.put(WHEEL, wheel()), None, Check.bundle, detail="got 2 bundles for it, expected one")


def linked_bundle(bench: Bench) -> Cause:
    (bench.folder / f"{WHEEL}.sigstore.json").symlink_to("elsewhere")
    return bench.told(bench.put(WHEEL, wheel()), None, Check.bundle, detail="got a link, expected a regular file")


def twice(bench: Bench) -> Cause:
    return of_bundle(bench.signed(wheel()).replace(b"{", b'{"mediaType":"",', 1))(bench)


def of_bundle(content: bytes) -> Callable[[Bench], Cause]:
    return lambda bench: bench.told(bench.put(WHEEL, wheel()), content, Check.bundle)


def altered(check: Check = Check.bundle, /, **parts: object) -> Callable[[Bench], Cause]:
    return lambda bench: bench.told(bench.put(WHEEL, wheel()), changed(bench.signed(wheel()), **parts), check)


def cut_bundle(bench: Bench) -> Cause:
    return of_bundle(bench.signed(wheel())[:2000])(bench)


def newer_entry(bench: Bench) -> Cause:
    return altered(verificationMaterial__tlogEntries__0__kindVersion__version="0.0.9")(bench)


def attestation(bench: Bench) -> Cause:
    bundles: dict[str, bytes] = {}
    named = statement("ghcr.io/octo/widget", hashlib.sha256(wheel()).hexdigest())
    token = lambda: bench.instance.issuer.mint(RUN, "sigstore")  # noqa: E731
    bench.instance.sigstore.sign({"one": named}, token, bundles.__setitem__)
    return of_bundle(bundles["one"])(bench)


def of_file(content: bytes, name: str = WHEEL, genuine: bytes | None = None) -> Callable[[Bench], Cause]:
    signed = wheel() if genuine is None else genuine
    return lambda bench: bench.told(bench.put(name, content), bench.signed(signed), Check.signature)


def published(bench: Bench) -> Cause:
    whole = Subject(path=Path("notes.txt"), size=5)
    return bench.told(bench.put("notes.txt", b"note"), bench.signed(b"notes"), Check.signature, published=whole)


def sdists_bundle(bench: Bench) -> Cause:
    nearby = [bench.put(SDIST, sdist())]
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(sdist()), Check.signature, nearby=nearby)


def others_bundle(bench: Bench) -> Cause:
    nearby = [bench.put("notes.txt", b"notes")]
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(b"notes"), Check.signature, nearby=nearby)


def listed_owner(bench: Bench) -> Cause:
    listed = {"notes.txt": hashlib.sha256(b"notes").hexdigest()}
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(b"notes"), Check.signature, listed=listed)


def renamed_file(bench: Bench) -> Cause:
    old = hashlib.sha256(b"old wheel").hexdigest()
    listed = {"widget-1.2.2-py3-none-any.whl": old}
    return bench.told(bench.put(WHEEL, b"old wheel"), bench.signed(b"old wheel"), Check.name, listed=listed)


def checksum(bench: Bench) -> Cause:
    listed = {WHEEL: hashlib.sha256(wheel()).hexdigest()}
    return bench.told(bench.put(WHEEL, b"other"), bench.signed(b"other"), Check.name, listed=listed)


def bad_list(bench: Bench) -> Cause:
    return bench.told(bench.put("SHA256SUMS", b"x"), bench.signed(b"x"), Check.name, detail="got 'x' in line 1")


def several_commits(bench: Bench) -> Cause:
    why = "got files signed at 2 commits, a, b, expected one"
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(wheel()), Check.identity, detail=why)


def absent(bench: Bench) -> Cause:
    return bench.told(Subject(path=bench.folder / WHEEL), None, Check.file)


def empty_folder(bench: Bench) -> Cause:
    """The verifier's own words."""
    (result,) = verify_files([bench.folder], EXPECTED, trust())
    return bench.told(Subject(path=bench.folder), None, Check.file, detail=result.detail)


def unlisted(bench: Bench) -> Cause:
    """Whatever was asked for, a release has a list."""
    (bench.folder / WHEEL).write_bytes(b"x")
    result = verify_files([bench.folder / WHEEL], EXPECTED, trust(), whole=True)[-1]
    assert result.cause is not None
    return result.cause


def unreadable(bench: Bench) -> Cause:
    (bench.folder / WHEEL).mkdir()
    return bench.told(Subject(path=bench.folder / WHEEL), None, Check.file, detail="got a folder, expected a file")


def other_signature(bench: Bench) -> Cause:
    signature = json.loads(bench.signed(b"other"))["messageSignature"]["signature"]
    return altered(Check.signature, messageSignature__signature=signature)(bench)


def other_entry(bench: Bench) -> Cause:
    """Put the second signature of the same bytes, by the same certificate, beside the entry of the first."""
    digest = hashlib.sha256(wheel()).hexdigest()
    both = bench.instance.sign({"first": digest, "second": digest}, timestamped=False)
    entries = json.loads(both["first"])["verificationMaterial"]["tlogEntries"]
    bundle = changed(both["second"], verificationMaterial__tlogEntries=entries)
    return bench.told(bench.put(WHEEL, wheel()), bundle, Check.signature)


def claiming(host: str, check: Check, *, log: Log = "v1") -> Callable[[Bench], Cause]:
    """An instance that nobody knows signs, and the bundle claims that the log is this one: its entry is not proven."""
    ids = {name: number for number, name in (STAGING | PRODUCTION).items()}

    def case(bench: Bench) -> Cause:
        with instance() as other:
            signed = other.sign({"one": hashlib.sha256(wheel()).hexdigest()}, log=log, timestamped=log == "v2")["one"]
        claimed = b64encode(bytes.fromhex(ids[host])).decode()
        bundle = changed(signed, verificationMaterial__tlogEntries__0__logId__keyId=claimed)
        return bench.told(bench.put(WHEEL, wheel()), bundle, check)

    return case


def private(check: Check, *, timestamped: bool) -> Callable[[Bench], Cause]:
    def case(bench: Bench) -> Cause:
        with instance() as other:
            bundle = other.sign({"one": hashlib.sha256(wheel()).hexdigest()}, timestamped=timestamped)["one"]
        return bench.told(bench.put(WHEEL, wheel()), bundle, check)

    return case


def other_log(bench: Bench) -> Cause:
    """The loopback's authority, and a log that the root of trust does not name."""
    with instance() as other:
        config = json.loads(bench.instance.trust_config)
        config["trustedRoot"]["tlogs"] = json.loads(other.trusted_root)["tlogs"]
    trust = VerifierWithRoot(Sigstore(origin="", document=json.dumps(config)).trusted_root)
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(wheel()), Check.log, verifier=trust)


def other_certificate_log(bench: Bench) -> Cause:
    with instance() as other:
        config = json.loads(bench.instance.trust_config)
        config["trustedRoot"]["ctlogs"] = json.loads(other.trusted_root)["ctlogs"]
    trust = VerifierWithRoot(Sigstore(origin="", document=json.dumps(config)).trusted_root)
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(wheel()), Check.certificate, verifier=trust)


def future_keys(bench: Bench, earlier: float = 86_400) -> Cause:
    """Keys that come into use later: what a machine sees whose clock is behind."""
    config = json.loads(bench.instance.trust_config)
    for log in config["trustedRoot"]["ctlogs"]:
        log["publicKey"]["validFor"]["start"] = "2200-01-01T00:00:00Z"
    trust = VerifierWithRoot(Sigstore(origin="", document=json.dumps(config)).trusted_root)
    subject, now = bench.put(WHEEL, wheel()), time.time() - earlier
    return bench.told(subject, bench.signed(wheel()), Check.certificate, verifier=trust, now=now)


def over(bench: Bench) -> Cause:
    with instance(certificate_lifetime=600) as one:
        bundle = json.loads(Bench(folder=bench.folder, instance=one).signed(wheel()))
        entry = bundle["verificationMaterial"]["tlogEntries"][0]
        entry["integratedTime"] = str(int(entry["integratedTime"]) + 3600)
        subject, trust = bench.put(WHEEL, wheel()), VerifierWithRoot(one.sigstore.trusted_root)
        return bench.told(subject, json.dumps(bundle).encode(), Check.certificate, verifier=trust)


def unproven(bench: Bench) -> Cause:
    bundle = json.loads(bench.signed(wheel()))
    proof = bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["hashes"][0] = "A" * 43 + "="
    return bench.told(bench.put(WHEEL, wheel()), json.dumps(bundle).encode(), Check.log)


CASES: dict[str, tuple[str, Callable[[Bench], Cause]]] = {
    "another issuer": ("other-issuer", other_issuer),
    "a moved tag": ("moved-tag", moved_tag),
    "no bundle": ("no-bundle", no_bundle),
    "a file of the offline kit": ("kit-file", file_of_the_kit),
    "a second download": ("second-download", second_download),
    "a second download beside the first": ("second-download", second_of_two),
    "the source as a zip": ("source-archive", source_archive("widget-1.2.3.zip", signed=False)),
    "the source in the sdist's place": ("source-archive", source_archive(SDIST, signed=True)),
    "the older name": ("legacy-name", legacy_name),
    "both names": ("two-bundles", two_bundles),
    "a page for a bundle": ("bundle-saved-page", of_bundle(HTML)),
    "an asset for a bundle": ("bundle-saved-page", of_bundle(ASSET.encode())),
    "a pointer for a bundle": ("bundle-saved-page", of_bundle(POINTER)),
    "not found for a bundle": ("bundle-saved-page", of_bundle(b'{"message":"Not Found","status":"404"}')),
    "a PEM": ("not-a-bundle", of_bundle(b"-----BEGIN CERTIFICATE-----\n")),
    "another document": ("not-a-bundle", altered(mediaType="application/vnd.oci.image.index.v1+json")),
    "an old bundle of cosign": ("not-a-bundle", of_bundle(b'{"base64Signature":"MEUC","cert":"LS0t"}')),
    "a huge bundle": ("bundle-too-large", of_bundle(b" " * (1 << 21))),
    "a newer bundle": ("bundle-newer", altered(mediaType="application/vnd.dev.sigstore.bundle.v0.4+json")),
    "a newer entry": ("bundle-newer", newer_entry),
    "an attestation": ("attestation", attestation),
    "a key": (
        "signed-by-key",
        altered(verificationMaterial__certificate=None, verificationMaterial__publicKey={"hint": "x"}),
    ),
    "no entry": ("entry-missing", altered(verificationMaterial__tlogEntries=[])),
    "a cut bundle": ("bundle-damaged", cut_bundle),
    "an empty bundle": ("bundle-damaged", of_bundle(b"")),
    "no file": ("file-absent", absent),
    "an empty folder": ("folder-empty", empty_folder),
    "a release without its list": ("release-without-list", unlisted),
    "a folder": ("file-unreadable", unreadable),
    "a page": ("saved-page", of_file(HTML)),
    "an asset": ("saved-page", of_file(ASSET.encode())),
    "a pointer": ("saved-page", of_file(POINTER)),
    "an empty file": ("file-empty", of_file(b"")),
    "a cut wheel": ("file-truncated", of_file(wheel()[:-40])),
    "a cut sdist": ("file-truncated", of_file(sdist()[:-20], SDIST, sdist())),
    "a cut text": ("file-truncated", published),
    "another wheel": ("file-changed", of_file(wheel() + b"x")),
    "the sdist's bundle": ("bundle-of-the-sdist", sdists_bundle),
    "another's bundle": ("bundle-of-another-file", others_bundle),
    "a listed one's bundle": ("bundle-of-another-file", listed_owner),
    "another that was signed": ("checksum-differs", checksum),
    "a list that is none": ("bad-checksums", bad_list),
    "two commits": ("several-commits", several_commits),
    "the older one fits": ("two-bundles", older_fits),
    "several elsewhere": ("two-bundles", several_elsewhere),
    "a linked bundle": ("bundle-irregular", linked_bundle),
    "a key twice": ("bundle-ambiguous", twice),
    "no proof": (
        "entry-missing",
        altered(verificationMaterial__tlogEntries__0__inclusionProof=None),
    ),
    "no promise": ("no-trusted-time", altered(Check.time, verificationMaterial__tlogEntries__0__inclusionPromise=None)),
    "an older release renamed": ("renamed-file", renamed_file),
    "an unknown certificate log": ("certificate-not-logged", other_certificate_log),
    "another signature": ("bad-signature", other_signature),
    "another's entry": ("entry-of-another", other_entry),
    "staging": ("staging-instance", claiming("rekor.sigstage.dev", Check.certificate)),
    "staging, log version 2": ("staging-instance", claiming("log2025-alpha3.rekor.sigstage.dev", Check.time, log="v2")),
    "the public instance": ("unknown-trust-root", claiming("rekor.sigstore.dev", Check.certificate)),
    "a private instance": ("no-trusted-time", private(Check.time, timestamped=True)),
    "a private instance without timestamps": ("unknown-authority", private(Check.certificate, timestamped=False)),
    "a private log": ("entry-unproven", other_log),
    "keys of tomorrow": ("clock-wrong", future_keys),
    "keys of nobody": ("bad-trust-root", lambda bench: future_keys(bench, earlier=0)),
    "a late entry": ("certificate-over", over),
    "a proof of another": ("entry-unproven", unproven),
}


@pytest.mark.parametrize(("slug", "case"), CASES.values(), ids=CASES)
def test_a_cause_is_found(bench: Bench, slug: str, case: Callable[[Bench], Cause]) -> None:
    """What really failed in this way is explained so."""
    found = case(bench)
    assert found.slug == slug


def told_of_trust(error: Exception) -> Cause:
    """Return the cause for a root of trust that did not come, by what its loader says."""
    subject, words = Subject(path=Path(WHEEL)), " ".join([str(error), *getattr(error, "context", ())])
    return cause(Check.certificate, words, None, subject, expected(), now=time.time(), trust="TUF")


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.mark.system
def test_no_network_is_told(person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the public root of trust is out of reach, nothing is said against the file."""
    assert person.is_dir()
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(TagsealError) as caught:
        _ = VerifierWithRoot(Sigstore(origin="the public instance", document="").trusted_root)
    found = told_of_trust(caught.value)
    assert found.slug == "no-network"
    assert found.context[0] == "Nothing has been verified: the file may be good or bad."


@pytest.mark.parametrize(
    ("lifetime", "ours", "slug"),
    [(timedelta(days=-1), True, "expired-trust-root"), (timedelta(days=1), False, "bad-trust-root")],
)
def test_a_root_of_trust_that_is_none_is_told(
    person: Path, played: Instance, lifetime: timedelta, slug: str, *, ours: bool
) -> None:
    """Metadata that is over, and metadata that others signed."""
    tuf = Tuf(played.played, lifetime=lifetime)
    (person / "root.json").write_bytes((tuf if ours else Tuf(played.played)).root)
    server = Server(tuf)
    try:
        with pytest.raises(Exception, match="TUF") as caught:
            ClientTrustConfig.from_tuf("http://{}:{}".format(*server.address), bootstrap_root=person / "root.json")
    finally:
        server.close()
    error = caught.value
    assert told_of_trust(Exception(f"{error} {error.__cause__ or error.__context__}")).slug == slug


def test_a_wrong_clock_is_told() -> None:
    """A TLS certificate of tomorrow is what a machine meets whose clock is behind."""
    authority = trustme.CA()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    leaf = authority.issue_cert("127.0.0.1", not_before=tomorrow, not_after=tomorrow + timedelta(days=1))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=refused_by, args=(server, theirs))
    thread.start()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        client.wrap_socket(ours, server_hostname="127.0.0.1")
    ours.close()
    thread.join()
    assert told_of_trust(caught.value).slug == "clock-wrong"


def refused_by(context: ssl.SSLContext, connection: socket.socket) -> None:
    """Serve one handshake, which the client ends."""
    with suppress(OSError), context.wrap_socket(connection, server_side=True):
        pass
    connection.close()


@pytest.mark.system
@pytest.mark.parametrize(
    "case", [case for case in CORPUS if not case.genuine and not case.truncated], ids=lambda case: case.name
)
def test_the_corpus_is_explained(case: Case, tmp_path: Path) -> None:
    """Each attack of the corpus has a cause, and one that warns of the file, or says that nothing was verified."""
    case.write(tmp_path)
    failed = [file for file in verify_files([tmp_path], EXPECTED, trust()) if not file.ok]
    causes = [one.cause for one in failed if one.cause]
    assert [one.slug for one in causes] == [SLUGS.get(case.name.removesuffix("_fail"), one.slug) for one in causes]
    assert len(causes) == len(failed)


def slugs() -> set[str]:
    """Return every slug that a rule can give: they are literals."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in DIAGNOSIS.glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Cause"]
    values = [word.value for call in made for word in call.keywords if word.arg == "slug"]
    return {
        str(node.value)
        for value in values
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_cause_is_produced_for_real() -> None:
    """Each slug that a rule can give has a case above; only the last resort has none, for it stands for the unknown."""
    shown = {slug for slug, _ in (*IDENTITIES.values(), *CASES.values())} | set(SLUGS.values())
    by_trust = {"no-network", "expired-trust-root", "bad-trust-root"}
    assert slugs() - shown - by_trust == {"unexplained"}


def test_no_cause_is_told_twice_in_other_words() -> None:
    """A slug that the guide's troubles have as well means the same there."""
    both = {trouble.slug for trouble in TROUBLES} & slugs()
    assert both == SHARED


@pytest.mark.parametrize(("host", "known"), [("sigstore.dev", PRODUCTION), ("sigstage.dev", STAGING)])
def test_the_known_logs_are_those_of_sigstore(host: str, known: dict[str, str]) -> None:
    """The identifiers are those that the library's own roots of trust have for these addresses."""
    store = resources.files("sigstore._store") / f"https%3A%2F%2Ftuf-repo-cdn.{host}" / "trusted_root.json"
    logs = json.loads(store.read_text(encoding="utf-8"))["tlogs"]
    found = {b64decode(log["logId"]["keyId"]).hex(): log["baseUrl"].removeprefix("https://") for log in logs}
    assert {number: found.get(number) for number in known} == known
