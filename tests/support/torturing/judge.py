"""What must hold once a sequence is over, told from the forge's own state and files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from sigstore.models import TrustedRoot

from tagseal.journal import Journal
from tagseal.loopback.github.state import Actor, PlayedAsset, PlayedRelease, utc_now
from tagseal.loopback.sigstore.log import EARLIER
from tagseal.notes import clients
from tagseal.notes.render import render
from tagseal.records import Plan, Seal
from tagseal.verification.policy import Exact
from tagseal.verification.timestamps import VerifierWithRoot
from tagseal.verification.verify import verify_digest
from torturing.world import TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback import Loopback
    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.loopback.index import PlayedIndex
    from torturing.world import HandOver

FILES = 6
"""Wheel, sdist and the list of checksums, each with its bundle."""
WRITTEN = "A person wrote the first part."
_CHECKSUMS = "SHA256SUMS"
_BOT = Actor(id=41898282, login="github-actions[bot]")
_PERSON = Actor(id=9, login="octocat")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass
class Certificates:
    """Stands before the played Fulcio, and keeps every certificate that it issues."""

    fulcio: WSGIApplication | None = None
    issued: list[x509.Certificate] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert self.fulcio is not None
        body = b"".join(self.fulcio(environ, start_response))
        if found := _PEM.search(body.replace(rb"\n", b"\n")):
            self.issued.append(x509.load_pem_x509_certificate(found[0]))
        return [body]


def found(repository: PlayedRepository, *, draft: bool) -> None:
    """Let a person have made a release for our tag, without files, for us to fill."""
    repository.by_id[50] = PlayedRelease(
        id=50,
        author=_PERSON,
        created_at=utc_now(),
        tag_name=TAG,
        target="main",
        body=WRITTEN,
        draft=draft,
        published_at=None if draft else utc_now(),
    )


def strangers(repository: PlayedRepository, folder: Path) -> None:
    """Put releases there that are none of ours: a person's draft, our own half draft of another tag, an old release."""
    folder.mkdir()
    for number, (tag, author, draft, body) in enumerate(
        (
            ("v1.2.1", _PERSON, False, "The first."),
            ("v1.2.2", _BOT, True, "Half a release.\n\n<!-- tagseal: v1.2.2 -->"),
            ("v1.2.4", _PERSON, True, "Written by hand."),
        ),
        start=1,
    ):
        content = f"the bytes of {tag}".encode()
        path = folder / f"{tag}.bin"
        path.write_bytes(content)
        asset = PlayedAsset(
            id=100 + number,
            name=f"widget-{tag}.bin",
            label="",
            content_type="application/octet-stream",
            path=path,
            uploader=author,
            created_at=utc_now(),
            state="uploaded",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        repository.by_id[number] = PlayedRelease(
            id=number,
            author=author,
            created_at=utc_now(),
            tag_name=tag,
            target="main",
            body=body,
            draft=draft,
            published_at=None if draft else utc_now(),
            assets=[asset],
        )


def seen(release: PlayedRelease) -> dict[str, Any]:
    """Return everything about a release that somebody could have changed, the bytes of its files included."""
    assets = [
        (
            asset.id,
            asset.name,
            asset.state,
            asset.size,
            asset.sha256,
            hashlib.sha256(asset.path.read_bytes()).hexdigest(),
        )
        for asset in release.assets
    ]
    names = ("id", "tag_name", "name", "body", "draft", "prerelease", "target", "published_at")
    return {name: getattr(release, name) for name in names} | {"author": release.author.login, "assets": assets}


def others(repository: PlayedRepository) -> dict[int, dict[str, Any]]:
    """Return what is not ours to touch, by id."""
    return {release.id: seen(release) for release in repository.releases if release.tag_name != TAG}


def release_problems(
    repository: PlayedRepository, handed: HandOver, commit: str, trusted: Path, *, adopted: bool = False
) -> Iterator[str]:
    """Yield what is wrong with the release of this tag, held against the records that the last job handed over."""
    journal = Journal.open(handed.folder / "release.json", TAG, commit)
    plan, seal = journal.get(Plan, "torture"), journal.get(Seal, "torture")
    ours = [release for release in repository.releases if release.tag_name == TAG]
    if [our.draft for our in ours] != [False]:
        yield f"got {len(ours)} releases of {TAG}, drafts: {[our.draft for our in ours]}; expected one, published"
        return
    (release,) = ours
    want = {artifact.name: artifact.sha256 for artifact in seal.artifacts} | {
        bundle.name: bundle.sha256 for bundle in seal.bundles
    }
    got = {asset.name: hashlib.sha256(asset.path.read_bytes()).hexdigest() for asset in release.assets}
    if got != want or len(release.assets) != len(want):
        yield f"got other files than the sealed ones: {sorted({*got.items()} ^ {*want.items()})}"
        return
    if wrong := [
        asset.name for asset in release.assets if (asset.state, asset.sha256) != ("uploaded", got[asset.name])
    ]:
        yield f"got assets that are not whole: {wrong}"
    if not re.fullmatch(_body(plan, seal, adopted=adopted), release.body.rstrip()):
        yield f"got other notes than the rendered ones, and the marker:\n{release.body}"
    trust = VerifierWithRoot(TrustedRoot.from_file(str(trusted / "trusted_root.json")))
    paths = {asset.name: asset.path for asset in release.assets}
    for one in seal.artifacts:
        bundle = paths[f"{one.name}.sigstore.json"].read_bytes()
        verdict = verify_digest(one.name, one.sha256, bundle, Exact(plan.identity, commit), trust).verdict
        if not verdict.ok:
            yield f"got {one.name}, which does not verify: {verdict.detail}"


def _body(plan: Plan, seal: Seal, *, adopted: bool) -> str:
    """Return what the notes must match: our page, our comments, the marker; above it what a person wrote, if anyone."""
    plan = dataclasses.replace(plan, section="") if adopted else plan
    text = render(tag=TAG, plan=plan, artifacts=seal.artifacts, override=None, minimum=clients.of(seal)).text
    page = re.escape(text.strip())
    comment = "<!-- [^\n]* -->"
    above = f"(A person wrote this\\.\n\n)*{re.escape(WRITTEN)}\n\n{comment}\n\n" if adopted else ""
    return f"{above}{page}\n\n({comment}\n)*<!-- tagseal: {re.escape(TAG)} -->"


def whole(repository: PlayedRepository) -> dict[str, str]:
    """Return the digests of a release of this tag that has every file, and a list of checksums of just these files."""
    for release in repository.releases:
        got = {asset.name: asset.sha256 for asset in release.assets if asset.state == "uploaded"}
        signed = {name for name in got if f"{name}.sigstore.json" in got}
        if release.tag_name == TAG and len(got) == FILES and len(signed) == FILES // 2 and _CHECKSUMS in signed:
            listing = next(asset for asset in release.assets if asset.name == _CHECKSUMS).path.read_text(
                encoding="utf-8"
            )
            if all(f"{got[name]}  {name}\n" in listing for name in signed - {_CHECKSUMS}):
                return got
    return {}


def index_problems(index: PlayedIndex, handed: HandOver, commit: str) -> Iterator[str]:
    """Yield what is wrong at the index: exactly the sealed packages are there, each once, attested."""
    seal = Journal.open(handed.folder / "release.json", TAG, commit).get(Seal, "torture")
    want = {package.name: package.sha256 for package in seal.packages}
    files = index.files("widget")
    if (got := {file.name: file.sha256 for file in files}) != want:
        yield f"got other files at the index than the sealed ones: {sorted({*got.items()} ^ {*want.items()})}"
    if bare := [file.name for file in files if len(file.attestations) != 1]:
        yield f"got files at the index without an attestation: {bare}"
    if wrong := [file.name for file in files if hashlib.sha256(index.content(file.name)).hexdigest() != file.sha256]:
        yield f"got other bytes at the index than it lists: {wrong}"


def signature_problems(loopback: Loopback, certificates: Certificates, identity: str) -> Iterator[str]:
    """Yield every certificate that names another workflow or ref, whether it was only issued or used as well."""
    log = loopback.rekor.log
    logged = [_logged(log.by_index(EARLIER + index) or {}) for index in range(1, len(log))]
    for where, found in (("issued", certificates.issued), ("in the log", logged)):
        if not found:
            yield f"got no certificate {where}, expected some"
        for certificate in found:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            if (got := names.get_values_for_type(x509.UniformResourceIdentifier)) != [identity]:
                yield f"got a certificate {where} that names {got}, expected {identity}"


def _logged(told: dict[str, Any]) -> x509.Certificate:
    ((_, entry),) = told.items()
    spec = json.loads(b64decode(entry["body"]))["spec"]
    # An attestation's entry is of an envelope, which has a list of signatures (Rekor, dsse 0.0.1).
    pem = spec["signatures"][0]["verifier"] if "signatures" in spec else spec["signature"]["publicKey"]["content"]
    return x509.load_pem_x509_certificate(b64decode(pem))
