"""The offline kit: one more artifact, which follows from the bundles of all others, and is signed after them."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from importlib.resources import files as resources
from typing import TYPE_CHECKING

import pytest

import images
from instance import RUN
from refusals import refused
from stage import KIT, NAMES, SDIST, WHEEL, proof_of
from tagseal.errors import Busy, VerificationFailed
from tagseal.loopback.faults import Fault
from tagseal.machine.files import artifact
from tagseal.machine.packed import pack, unpack
from tagseal.notes.clients import PLANNED_BUNDLE
from tagseal.records import Bundle, Kind
from tagseal.steps.prove import prove
from tagseal.steps.publish import publish
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.steps.shell import offline
from tagseal.steps.shell.instructions import Shell
from tagseal.steps.witness import witness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from stage import Stage
    from tagseal.loopback.github.state import PlayedAsset, PlayedRelease
    from tagseal.records import Draft, Seal
    from tagseal.steps import Services

FOLDER = KIT.removesuffix(".zip")
BUNDLE = ".sigstore.json"
SUMS = NAMES[0]
OTHERS = (WHEEL, SDIST, SUMS)
MEMBERS = {*(f"{name}{BUNDLE}" for name in OTHERS), SUMS, "VERIFY.md", "trusted_root.json", "trust_config.json"}
PAIR = {KIT, f"{KIT}{BUNDLE}"}
NO_NAMESPACE = "this machine lets nobody make a network namespace"


@pytest.fixture
def kitted(released: Stage) -> Stage:
    """Give a release that is to have a kit."""
    released.settings = dataclasses.replace(released.settings, kit=True)
    return released


@pytest.fixture
def unasked(kitted: Stage) -> Stage:
    """Give the same, with tools that nobody asks here."""
    kitted.accept_everything()
    return kitted


def members(stage: Stage) -> dict[str, bytes]:
    return unpack(stage.work.assets / KIT, FOLDER)


def sent(stage: Stage) -> set[str]:
    """Return the names of what was sent to GitHub so far."""
    posts = [entry for entry in stage.loopback.transcript.entries if entry.host == "uploads.github.com"]
    return {post.path.partition("name=")[2].partition("&")[0] for post in posts if post.method == "POST"}


def draft_of(stage: Stage) -> PlayedRelease:
    (found,) = stage.repository.releases
    return found


def asset(stage: Stage, name: str) -> PlayedAsset:
    return next(one for one in draft_of(stage).assets if one.name == name)


def digests(seal: Seal) -> dict[str, str]:
    return {one.name: one.sha256 for one in seal.artifacts} | {bundle.name: bundle.sha256 for bundle in seal.bundles}


def resealed(stage: Stage, seal: Seal, content: Mapping[str, bytes]) -> Seal:
    """Sign another kit in the kit's place, as one who holds this very identity can."""
    services = stage.services()
    path, bundle = stage.work.assets / KIT, stage.work.bundles / f"{KIT}{BUNDLE}"
    path.write_bytes(pack(FOLDER, content))
    made = artifact(path, Kind.kit)
    token = stage.loopback.issuer.mint(RUN, "sigstore")

    def kept(_name: str, text: bytes) -> None:
        bundle.write_bytes(text)

    services.sigstore.sign({KIT: made.sha256}, lambda: token, kept)
    signed = artifact(bundle, Kind.asset)
    described = Bundle(
        artifact=KIT,
        name=bundle.name,
        size=signed.size,
        sha256=signed.sha256,
        contents=PLANNED_BUNDLE,
        log_index=0,
        integrated_time=0,
    )
    return dataclasses.replace(seal, artifacts=(*seal.artifacts[:-1], made), bundles=(*seal.bundles[:-1], described))


def test_the_kit_is_made_of_the_other_bundles_and_signed_after_them(kitted: Stage) -> None:
    """It is the last artifact, has every other bundle and the list in it, and the list does not have it."""
    seal = kitted.sign()
    verify_sealed(kitted.tag, kitted.plan, seal, kitted.services())
    assert [(one.name, one.kind) for one in seal.artifacts[-2:]] == [(SUMS, Kind.checksums), (KIT, Kind.kit)]
    assert (len(seal.bundles), seal.kept, kitted.entries()) == (4, 0, 4)
    found = members(kitted)
    assert found.keys() == MEMBERS
    for name in OTHERS:
        assert found[f"{name}{BUNDLE}"] == (kitted.work.bundles / f"{name}{BUNDLE}").read_bytes()
    assert found[SUMS] == (kitted.work.assets / SUMS).read_bytes()
    assert KIT not in found[SUMS].decode()
    config = json.loads(found["trust_config.json"])
    assert config["trustedRoot"] == json.loads(found["trusted_root.json"])
    assert config == json.loads((kitted.loopback.folder / "trust.json").read_text())


def test_the_same_bundles_make_the_same_kit(kitted: Stage) -> None:
    """Whenever and wherever it is made: the bytes follow from its members."""
    seal = kitted.sign()
    for path in (kitted.work.assets / KIT, kitted.work.bundles / f"{KIT}{BUNDLE}"):
        path.unlink()
    again = kitted.sign()
    assert again.artifacts == seal.artifacts
    assert (again.kept, kitted.entries()) == (3, 5)


def test_a_kit_that_was_lost_is_made_again_for_its_bundle(kitted: Stage) -> None:
    """A build took it away, or somebody: the same bytes come back, and nothing is signed."""
    seal = kitted.sign()
    (kitted.work.assets / KIT).unlink()
    assert kitted.sign() == dataclasses.replace(seal, kept=4)
    assert kitted.entries() == 4


def test_a_second_run_signs_nothing(kitted: Stage) -> None:
    """A kit that fits and whose bundle verifies is kept."""
    first = kitted.sign()
    assert kitted.sign() == dataclasses.replace(first, kept=4)
    assert kitted.entries() == 4


def test_a_run_that_ends_between_the_passes_is_resumed(kitted: Stage) -> None:
    """The log is down for the second pass only: the next run keeps the first one's bundles, and signs the kit."""
    kitted.loopback.faults.set([Fault(name="server-error", host="rekor.sigstore.dev", skip=3, count=1000)])
    with pytest.raises(Busy):
        kitted.sign()
    kitted.loopback.faults.set([])
    assert {one.name for one in kitted.work.bundles.iterdir()} == {f"{name}{BUNDLE}" for name in OTHERS}
    seal = kitted.sign()
    verify_sealed(kitted.tag, kitted.plan, seal, kitted.services())
    assert (seal.kept, kitted.entries()) == (3, 4)


def test_another_bundle_makes_another_kit_which_takes_the_old_ones_place(unasked: Stage) -> None:
    """A bundle was lost here and in the draft: what is uploaded then is whole, and the kit has the new bundle."""
    first = unasked.sign()
    draft = unasked.upload(first)
    draft_of(unasked).assets = [one for one in draft_of(unasked).assets if one.name != f"{WHEEL}{BUNDLE}"]
    (unasked.work.bundles / f"{WHEEL}{BUNDLE}").unlink()
    second = unasked.sign()
    changed = {name for name, digest in digests(second).items() if digests(first)[name] != digest}
    assert changed == {f"{WHEEL}{BUNDLE}", *PAIR}
    assert (second.kept, unasked.entries()) == (2, 6)
    again = unasked.upload(second)
    assert (again.id, again.sent) == (draft.id, 3)
    assert {one.name: one.sha256 for one in again.assets} == digests(second)


def test_the_kit_of_the_release_wins(unasked: Stage) -> None:
    """A whole draft exists and nothing is here: its kit is taken with its bundle, and nothing is signed or sent."""
    first = unasked.sign()
    draft = unasked.upload(first)
    shutil.rmtree(unasked.work.path)
    second = unasked.sign(code="# built again\n", only=".whl")
    assert second == dataclasses.replace(first, kept=4)
    verify_sealed(unasked.tag, unasked.plan, second, unasked.services())
    again = unasked.upload(second)
    assert (again.id, again.sent, unasked.entries()) == (draft.id, 0, 4)


@pytest.mark.parametrize("lost", [{KIT}, {f"{KIT}{BUNDLE}"}, PAIR])
def test_a_draft_without_its_kit_gets_it(unasked: Stage, lost: set[str]) -> None:
    """What else is there stays as it is: a run was ended while it sent the kit."""
    seal = unasked.sign()
    draft = unasked.upload(seal)
    draft_of(unasked).assets = [one for one in draft_of(unasked).assets if one.name not in lost]
    again = unasked.sign()
    assert again == dataclasses.replace(seal, kept=4)
    assert unasked.upload(again).sent == len(lost)
    assert sorted(one.name for one in draft_of(unasked).assets) == sorted(one.name for one in draft.assets)


def test_a_kit_of_other_bytes_is_replaced(unasked: Stage) -> None:
    """Its bundle does not verify: it is none of ours, though the rest of the draft is whole."""
    draft = unasked.upload(unasked.sign())
    there = asset(unasked, KIT)
    there.path.write_bytes(b"evil")
    there.size, there.sha256 = 4, artifact(there.path, Kind.kit).sha256
    shutil.rmtree(unasked.work.path)
    seal = unasked.sign()
    assert (seal.kept, unasked.entries()) == (3, 5)
    again = unasked.upload(seal)
    assert again.id == draft.id
    assert {one.name: one.sha256 for one in again.assets} == digests(seal)


def test_a_kit_that_is_listed_late_is_spared(unasked: Stage) -> None:
    """As a whole set is: `sign` takes it next time, for somebody may have it already."""
    seal = unasked.sign()
    unasked.upload(seal)
    before = [(one.id, one.sha256) for one in draft_of(unasked).assets]
    other = resealed(unasked, seal, {**members(unasked)})  # another bundle of the same kit
    error = refused(lambda: unasked.upload(other))
    assert (error.slug, error.exit_code) == ("earlier-set-listed-late", 4)
    assert unasked.upload(unasked.sign()).sent == 0
    assert [(one.id, one.sha256) for one in draft_of(unasked).assets] == before


def test_a_set_without_its_kit_that_is_listed_late_is_spared(unasked: Stage) -> None:
    """The packages count, of which somebody may have one; a kit follows from them at any time."""
    unasked.upload(unasked.sign())
    draft_of(unasked).assets = [one for one in draft_of(unasked).assets if one.name not in PAIR]
    shutil.rmtree(unasked.work.path)
    unasked.repository.stale = [()]
    error = refused(lambda: unasked.upload(unasked.sign()))
    assert error.slug == "earlier-set-listed-late"
    assert unasked.upload(unasked.sign()).sent == 2


def test_a_public_release_without_its_kit_stays_as_it_is(unasked: Stage) -> None:
    """A planned file that is missing there is told, as any other: what is published is never changed."""
    seal = unasked.sign()
    draft = unasked.upload(seal)
    publish(unasked.tag, unasked.plan, seal, draft, proof_of(draft), services=unasked.services())
    draft_of(unasked).assets = [one for one in draft_of(unasked).assets if one.name not in PAIR]
    before = sent(unasked)
    error = refused(lambda: unasked.upload(unasked.sign()))
    assert (error.slug, error.exit_code) == ("release-not-whole", 1)
    assert set(error.context[1:]) == {f"{name}: missing" for name in PAIR}
    assert sent(unasked) == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda found: {**found, f"{WHEEL}{BUNDLE}": found[f"{SDIST}{BUNDLE}"]}, f"{WHEEL}{BUNDLE}: not the released"),
        (lambda found: {**found, SUMS: b"nothing\n"}, f"{SUMS}: not the released one"),
        (lambda found: {**found, "more.txt": b"more\n"}, "more.txt: nobody planned it"),
        (lambda found: {name: text for name, text in found.items() if name != "VERIFY.md"}, "VERIFY.md: missing"),
        (lambda found: {**found, "trusted_root.json": b"{}"}, "trusted_root.json and trust_config.json: no root"),
        (lambda found: {**found, "trust_config.json": b"["}, "trusted_root.json and trust_config.json: no root"),
        (lambda found: {**found, **production()}, f"{WHEEL}, by the root of trust in the kit: "),
    ],
    ids=["bundle", "list", "more", "page", "root", "config", "another root"],
)
def test_a_signed_kit_that_does_not_fit_is_refused(
    unasked: Stage, change: Callable[[dict[str, bytes]], dict[str, bytes]], problem: str
) -> None:
    """Its members are the sealed files' own, and its root of trust verifies them; `sign` makes it anew."""
    seal = unasked.sign()
    forged = resealed(unasked, seal, change(members(unasked)))
    error = refused(lambda: verify_sealed(unasked.tag, unasked.plan, forged, unasked.services()))
    assert error.slug == "sealed-files-changed"
    assert error.context[0].startswith(f"{KIT}: {problem}")
    again = unasked.sign()
    assert again.artifacts == seal.artifacts
    verify_sealed(unasked.tag, unasked.plan, again, unasked.services())


def production() -> dict[str, bytes]:
    """Return the public instance's trust, as sigstore-python brings it along."""
    folder = resources("sigstore") / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    root = json.loads((folder / "trusted_root.json").read_bytes())
    config = json.loads((folder / "signing_config.v0.2.json").read_bytes())
    kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    document = {"mediaType": kind, "trustedRoot": root, "signingConfig": config}
    return {"trusted_root.json": json.dumps(root).encode(), "trust_config.json": json.dumps(document).encode()}


def test_a_kit_is_there_exactly_if_it_is_configured(unasked: Stage) -> None:
    """A record cannot add one, nor leave it out."""
    seal = unasked.sign()
    without = dataclasses.replace(seal, artifacts=seal.artifacts[:-1], bundles=seal.bundles[:-1])
    wrong = refused(lambda: verify_sealed(unasked.tag, unasked.plan, without, unasked.services()))
    assert wrong.context == (f"got no offline kit {KIT}, expected one",)
    unasked.settings = dataclasses.replace(unasked.settings, kit=False)
    wrong = refused(lambda: verify_sealed(unasked.tag, unasked.plan, seal, unasked.services()))
    assert wrong.context == (f"got the offline kit {KIT}, expected none",)
    assert refused(lambda: unasked.upload(seal)).slug == "seal-not-planned"


def proven(stage: Stage) -> tuple[Seal, Draft, Services]:
    services = stage.services()
    seal = stage.sign(services)
    return seal, stage.upload(seal, services), services


@pytest.mark.sampled(0)  # half a minute, and a rehearsal with a kit does the same
def test_the_kits_commands_run_where_there_is_no_network(kitted: Stage) -> None:
    """In `prove`, where they are attacked as well, and in `witness`; the record says what kept them off the network."""
    seal, draft, services = proven(kitted)
    proof = prove(kitted.tag, kitted.plan, seal, draft, services=services)
    assert [one.name.split()[0] for one in proof.kit] == ["sigstore", "cosign", "sha256sum"]
    assert all(one.ok and one.by for one in proof.kit)
    offline_attacks = [attack for attack in proof.attacks if attack.name.startswith("offline, ")]
    assert len(offline_attacks) == 5 + 5 + 1
    assert all(attack.ok and attack.detail for attack in proof.attacks)
    published = publish(kitted.tag, kitted.plan, seal, draft, proof, services=services)
    seen = witness(kitted.tag, kitted.plan, seal, published, services=services)
    assert [one.name for one in seen.kit] == [one.name for one in proof.kit]
    assert seen.public
    assert {proof.offline, seen.offline} == {how(kitted)}


def how(stage: Stage) -> str:
    return offline.without_network(stage.services().environ, stage.folder)[1]


def test_the_kits_own_root_of_trust_is_what_its_commands_read(kitted: Stage, tmp_path: Path) -> None:
    """With another one in its place each tool refuses the genuine files: nothing else on this machine was asked."""
    seal, draft, services = proven(kitted)
    base = tmp_path / "base"
    shutil.copytree(kitted.work.bundles, base / "assets")
    for one in seal.artifacts:
        shutil.copy(kitted.work.file(one), base / "assets")
    found = offline.follow_kit(kitted.tag, kitted.plan, seal, base, services, look=draft.url, draft=True)
    assert found is not None
    for name, content in production().items():
        (found.folder / name).write_bytes(content)
    ended = {step.purpose.tool: found.shell.run(step.command.text, found.folder).code for step in found.steps}
    assert ended == {"sigstore": 1, "cosign": 1, "sha256sum": 0}


def test_without_a_namespace_the_record_says_so(unasked: Stage) -> None:
    """Where the machine allows none, proxies lead nowhere; that is less, and is called so."""
    unasked.shim("unshare", "echo unshare: Operation not permitted >&2; exit 1")
    seal, draft, services = proven(unasked)
    assert offline.without_network(services.environ, unasked.folder) == ((), offline.PROXIES)
    error = refused(lambda: prove(unasked.tag, unasked.plan, seal, draft, services=services))
    assert error.slug == "attack-not-refused"  # the commands ran, with tools that accept everything


CONNECT = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


def test_a_namespace_has_no_way_out(kitted: Stage, tmp_path: Path) -> None:
    """What listens on this very machine cannot be reached from there, and can without it."""
    services = kitted.services()
    prefix, how = offline.without_network(services.environ, tmp_path)
    if how != offline.NAMESPACE:
        pytest.skip(NO_NAMESPACE)
    port = services.environ["HTTPS_PROXY"].rpartition(":")[2].rstrip("/")
    text = f'{sys.executable} -c "{CONNECT}" {port}'
    inside = Shell(home=tmp_path, environ=services.environ, token="", prefix=prefix, offline=True)
    outside = Shell(home=tmp_path, environ=services.environ, token="", offline=True)
    assert (inside.run(text, tmp_path).code, outside.run(text, tmp_path).code) == (1, 0)


def test_a_downloaded_kit_with_another_page_is_not_followed(unasked: Stage, tmp_path: Path) -> None:
    """Its commands are rendered here; a page that says otherwise is no page of this release."""
    seal, draft, services = proven(unasked)
    base = tmp_path / "base"
    shutil.copytree(unasked.work.bundles, base / "assets")
    shutil.copy(unasked.work.assets / SUMS, base / "assets")
    (base / "assets" / KIT).write_bytes(pack(FOLDER, {**members(unasked), "VERIFY.md": b"```bash\nid\n```\n"}))
    with pytest.raises(VerificationFailed) as caught:
        offline.follow_kit(unasked.tag, unasked.plan, seal, base, services, look=draft.url, draft=True)
    assert caught.value.slug == "kit-misfits"
    assert caught.value.context == (draft.url, "VERIFY.md: not as rendered")


def test_a_kit_covers_no_image(released: Stage, tmp_path: Path) -> None:
    """Its signatures lie in the registry; the page says so, and both are proven side by side."""
    released.with_image(images.layout(tmp_path / "layout"))
    released.settings = dataclasses.replace(released.settings, kit=True)
    released.accept_everything()
    seal, draft, services = proven(released)
    assert members(released).keys() == MEMBERS
    assert "The container image is not covered" in members(released)["VERIFY.md"].decode()
    error = refused(lambda: prove(released.tag, released.plan, seal, draft, services=services))
    assert error.slug == "attack-not-refused"  # the commands of both ran, with tools that accept everything
    attacked = [line for line in error.context if line.startswith("offline, ") or "unsigned manifest" in line]
    assert {line.partition(": ")[0] for line in attacked} == {"offline, sigstore", "offline, cosign", "cosign"}
