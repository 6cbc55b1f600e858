"""From verdicts that really failed to their causes."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from diagnosing import ASSETS, SDIST, WHEEL, Bench, changed, expected, sdist, wheel
from instance import COMMIT, IDENTITY, RUN, Instance, instance
from tagseal.services.sigstore import Sigstore
from tagseal.verification.result import Check, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagseal.loopback.actions import Run
    from tagseal.verification.result import Cause

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


def other_issuer(bench: Bench) -> Cause:
    wants = expected(replace(IDENTITY, issuer="https://token.actions.example.com"))
    return bench.ran(RUN, wants=wants)


def moved_tag(bench: Bench) -> Cause:
    return bench.ran(replace(RUN, sha="e" * 40), wants=expected(commit=COMMIT))


def no_bundle(bench: Bench) -> Cause:
    return bench.told(bench.put(WHEEL, wheel()), None, Check.bundle)


def legacy_name(bench: Bench) -> Cause:
    bench.put(f"{WHEEL}.sigstore", bench.signed(wheel()))
    return no_bundle(bench)


def two_bundles(bench: Bench) -> Cause:
    bench.put(f"{WHEEL}.sigstore.json", bench.signed(wheel()))
    return legacy_name(bench)


def of_bundle(content: bytes) -> Callable[[Bench], Cause]:
    return lambda bench: bench.told(bench.put(WHEEL, wheel()), content, Check.bundle)


def altered(check: Check = Check.bundle, /, **parts: object) -> Callable[[Bench], Cause]:
    return lambda bench: bench.told(bench.put(WHEEL, wheel()), changed(bench.signed(wheel()), **parts), check)


def cut_bundle(bench: Bench) -> Cause:
    return of_bundle(bench.signed(wheel())[:2000])(bench)


def newer_entry(bench: Bench) -> Cause:
    return altered(verificationMaterial__tlogEntries__0__kindVersion__version="0.0.9")(bench)


def attestation(bench: Bench) -> Cause:
    from tagseal.verification.images.attached import statement  # noqa: PLC0415 - for this case

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
    listed = {"widget-1.2.2-py3-none-any.whl": old, WHEEL: hashlib.sha256(wheel()).hexdigest()}
    return bench.told(bench.put(WHEEL, b"old wheel"), bench.signed(b"old wheel"), Check.name, listed=listed)


def checksum(bench: Bench) -> Cause:
    listed = {WHEEL: hashlib.sha256(wheel()).hexdigest()}
    return bench.told(bench.put(WHEEL, b"other"), bench.signed(b"other"), Check.name, listed=listed)


def unlisted(bench: Bench) -> Cause:
    return bench.told(bench.put(WHEEL, b"x"), bench.signed(b"x"), Check.name, listed={"other.whl": "0" * 64})


def absent(bench: Bench) -> Cause:
    return bench.told(Subject(path=bench.folder / WHEEL), None, Check.file)


def unreadable(bench: Bench) -> Cause:
    (bench.folder / WHEEL).mkdir()
    return bench.told(Subject(path=bench.folder / WHEEL), None, Check.file, detail="got a folder, expected a file")


def other_signature(bench: Bench) -> Cause:
    signature = json.loads(bench.signed(b"other"))["messageSignature"]["signature"]
    return altered(Check.signature, messageSignature__signature=signature)(bench)


def other_entry(bench: Bench) -> Cause:
    """The same bytes signed twice: the second signature beside the first's entry."""
    signature = json.loads(bench.signed(wheel()))["messageSignature"]["signature"]
    one = json.loads(bench.signed(wheel()))
    bundles: dict[str, bytes] = {}
    digest = hashlib.sha256(wheel()).hexdigest()
    bundles = bench.instance.sign({"one": digest, "two": digest})
    one, two = json.loads(bundles["one"]), json.loads(bundles["two"])
    one["messageSignature"] = two["messageSignature"]
    assert signature
    return bench.told(bench.put(WHEEL, wheel()), json.dumps(one).encode(), Check.signature)


def real(name: str, check: Check) -> Callable[[Bench], Cause]:
    content = (ASSETS / f"{name}.sigstore.json").read_bytes()
    return lambda bench: bench.told(bench.put(WHEEL, wheel()), content, check)


def private(bench: Bench) -> Cause:
    with instance() as other:
        return bench.told(
            bench.put(WHEEL, wheel()), Bench(folder=bench.folder, instance=other).signed(wheel()), Check.certificate
        )


def other_log(bench: Bench) -> Cause:
    """The loopback's authority, and a log that the root of trust does not name."""
    with instance() as other:
        config = json.loads(bench.instance.trust_config)
        config["trustedRoot"]["tlogs"] = json.loads(other.trusted_root)["tlogs"]
    trust = Sigstore(origin="", document=json.dumps(config)).verifier
    return bench.told(bench.put(WHEEL, wheel()), bench.signed(wheel()), Check.log, verifier=trust)


def future_keys(bench: Bench) -> Cause:
    """Keys that come into use tomorrow: what a machine sees whose clock is behind."""
    config = json.loads(bench.instance.trust_config)
    for log in config["trustedRoot"]["ctlogs"]:
        log["publicKey"]["validFor"]["start"] = "2200-01-01T00:00:00Z"
    trust = Sigstore(origin="", document=json.dumps(config)).verifier
    subject, yesterday = bench.put(WHEEL, wheel()), time.time() - 86_400
    return bench.told(subject, bench.signed(wheel()), Check.certificate, verifier=trust, now=yesterday)


def over(bench: Bench) -> Cause:
    with instance(certificate_lifetime=600) as one:
        bundle = json.loads(Bench(folder=bench.folder, instance=one).signed(wheel()))
        entry = bundle["verificationMaterial"]["tlogEntries"][0]
        entry["integratedTime"] = str(int(entry["integratedTime"]) + 3600)
        subject, trust = bench.put(WHEEL, wheel()), one.sigstore.verifier
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
    "an older release renamed": ("checksum-differs", checksum),
    "not in the list": ("not-in-the-checksums", unlisted),
    "another signature": ("bad-signature", other_signature),
    "another's entry": ("entry-of-another", other_entry),
    "staging": ("staging-instance", real("staging", Check.certificate)),
    "staging, log version 2": ("staging-instance", real("staging-v2", Check.time)),
    "the public instance": ("unknown-trust-root", real("production", Check.certificate)),
    "a private instance": ("private-instance", private),
    "a private log": ("entry-unproven", other_log),
    "keys of tomorrow": ("clock-wrong", future_keys),
    "a late entry": ("certificate-over", over),
    "a proof of another": ("entry-unproven", unproven),
}


@pytest.mark.parametrize(("slug", "case"), CASES.values(), ids=CASES)
def test_a_cause_is_found(bench: Bench, slug: str, case: Callable[[Bench], Cause]) -> None:
    """What really failed in this way is explained so."""
    found = case(bench)
    assert found.slug == slug
