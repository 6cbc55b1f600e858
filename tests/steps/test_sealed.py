"""A seal read from disk is a claim: it must be of this run, whole in itself, and true of every byte on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from instance import COMMIT, IDENTITY, RUN, TAG
from plans import PLAN
from stage import SDIST, WHEEL
from tagseal.config import Settings
from tagseal.errors import Refused, TagsealError, VerificationFailed
from tagseal.loopback.sigstore import trust
from tagseal.machine.actions import TRUST_CONFIG
from tagseal.notes import clients
from tagseal.notes.clients import PLANNED_BUNDLE
from tagseal.records import Artifact, Bundle, Kind, Seal, Tag
from tagseal.steps.seal import checksums
from tagseal.steps.seal.reverify import fitting, verify_sealed
from tagseal.steps.sign import sign
from tagseal.verification.facts import facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from stage import Stage
    from tagseal.records import Plan

HERE = Tag(name=TAG, commit=COMMIT, identity=IDENTITY, private=False)
PACKAGES = tuple(
    Artifact(kind=kind, name=name, size=1, sha256="a" * 64) for kind, name in ((Kind.sdist, SDIST), (Kind.wheel, WHEEL))
)
SUMS = checksums.listing(PACKAGES)[0]
KIT = Artifact(kind=Kind.kit, name="k.zip", size=1, sha256="f" * 64)
EXTRA = Artifact(kind=Kind.asset, name="extra.bin", size=1, sha256="e" * 64)


def bundles(*artifacts: Artifact, **facts: object) -> tuple[Bundle, ...]:
    """Return a bundle for each artifact; keywords change the first."""
    made = [
        Bundle(
            artifact=artifact.name,
            name=f"{artifact.name}.sigstore.json",
            size=1,
            sha256="",
            log_index=1,
            integrated_time=1,
            contents=PLANNED_BUNDLE,
        )
        for artifact in artifacts
    ]
    return (replace(made[0], **facts), *made[1:]) if facts else tuple(made)  # type: ignore[arg-type]


def listed(*artifacts: Artifact) -> Seal:
    return replace(SEAL, artifacts=artifacts, bundles=bundles(*artifacts))


SEAL = Seal(
    tag=TAG,
    commit=COMMIT,
    identity=IDENTITY,
    artifacts=(*PACKAGES, SUMS),
    bundles=bundles(*PACKAGES, SUMS),
    kept=0,
)


def fit(seal: Seal, plan: Plan | None = None) -> Seal:
    """Return a seal that fits a plan; where none is named, one with the seal's own assets and kit."""
    names = {kind: tuple(artifact.name for artifact in seal.artifacts if artifact.kind is kind) for kind in Kind}
    own = replace(PLAN, assets=names[Kind.asset], kit=(*names[Kind.kit], "")[0])
    fitting(HERE, plan or own, seal, Settings(assets=("*",)))
    return seal


def test_a_whole_seal_of_this_run_fits() -> None:
    """One bundle an artifact, and checksums of exactly the others; an offline kit is behind the list."""
    assert fit(SEAL) == SEAL
    assert fit(listed(*PACKAGES, SUMS, KIT)).artifacts[-1] == KIT


@pytest.mark.parametrize(
    "seal",
    [
        replace(SEAL, tag="v1.2.4"),
        replace(SEAL, commit="e" * 40),
        replace(SEAL, identity=replace(IDENTITY, repository="evil/widget")),
        replace(SEAL, identity=replace(IDENTITY, workflow=".github/workflows/other.yml")),
        replace(SEAL, identity=replace(IDENTITY, ref="refs/heads/main")),
        replace(SEAL, identity=replace(IDENTITY, issuer="https://issuer.example")),
    ],
    ids=["tag", "commit", "repository", "workflow", "ref", "issuer"],
)
def test_a_seal_of_another_run_is_refused(seal: Seal) -> None:
    """Tag, commit and identity are this job's own, never the record's; both sides are named."""
    with pytest.raises(Refused) as caught:
        fit(seal)
    assert caught.value.slug == "seal-of-another-tag"
    assert caught.value.what == (
        f"got a seal of {seal.tag} at {seal.commit} by {seal.identity.uri}, "
        f"expected {TAG} at {COMMIT} by {IDENTITY.uri}"
    )


@pytest.mark.parametrize("name", ["../SHA256SUMS", "a b", "-rf", "a\nb", "$(id)", ""])
@pytest.mark.parametrize("where", ["artifacts", "bundles"])
def test_an_unsafe_name_in_a_seal_is_refused(where: str, name: str) -> None:
    """A name from disk becomes a path and an argument: it is safe or refused."""
    first, *rest = getattr(SEAL, where)
    with pytest.raises(Refused) as caught:
        fit(replace(SEAL, **{where: (replace(first, name=name), *rest)}))  # type: ignore[arg-type]
    assert caught.value.slug == "unsafe-file-name"


@pytest.mark.parametrize(
    ("seal", "problem"),
    [
        (replace(SEAL, bundles=()), "got the bundles (none), expected"),
        (replace(SEAL, bundles=SEAL.bundles[1:]), "got the bundles"),
        (replace(SEAL, bundles=(*SEAL.bundles, SEAL.bundles[0])), "got the bundles"),
        (replace(SEAL, bundles=SEAL.bundles[::-1]), "got the bundles"),
        (replace(SEAL, bundles=bundles(*SEAL.artifacts, name="other.sigstore.json")), "got the bundles"),
        (replace(SEAL, bundles=bundles(*SEAL.artifacts, artifact=WHEEL)), "got the bundles"),
        (listed(*PACKAGES), "SHA256SUMS: got another list"),
        (listed(EXTRA, *PACKAGES, SUMS), "SHA256SUMS: got another list"),
        (listed(replace(PACKAGES[0], sha256="e" * 64), PACKAGES[1], SUMS), "SHA256SUMS: got another list"),
        (listed(*PACKAGES, replace(SUMS, size=1)), "SHA256SUMS: got another list"),
        (listed(*PACKAGES, replace(SUMS, kind=Kind.asset, name="sums")), "SHA256SUMS: got another list"),
        (listed(*PACKAGES, SUMS, SUMS), "an artifact is listed twice"),
        (listed(KIT, *PACKAGES, SUMS), "got k.zip, expected at most one offline kit"),
        (listed(*PACKAGES, SUMS, KIT, replace(KIT, size=2)), "an artifact is listed twice"),
        (listed(*PACKAGES, checksums.listing((*PACKAGES, replace(KIT, kind=Kind.asset)))[0], KIT), "SHA256SUMS: got"),
    ],
)
def test_a_seal_with_gaps_is_refused(seal: Seal, problem: str) -> None:
    """An artifact without its own bundle, or outside of the checksums, is no sealed artifact."""
    with pytest.raises(VerificationFailed) as caught:
        fit(seal)
    assert caught.value.slug == "seal-not-whole"
    assert caught.value.context[0].startswith(problem)


@pytest.mark.parametrize(
    ("artifacts", "problems"),
    [
        ((PACKAGES[0],), ["got no wheel, expected widget-1.2.3-*.whl"]),
        ((PACKAGES[1],), [f"got the sdist (none), expected {SDIST}"]),
        ((*PACKAGES, EXTRA), ["got the asset extra.bin, expected none"]),
        ((*PACKAGES, KIT), ["got the offline kit k.zip, expected none"]),
        (
            (*PACKAGES, replace(PACKAGES[1], name="widget-99.0.0-py3-none-any.whl")),
            ["got the wheel widget-99.0.0-py3-none-any.whl, expected widget-1.2.3-*.whl"],
        ),
        ((*PACKAGES, replace(PACKAGES[0], name="more", kind=Kind.image)), ["got more as image, expected wheels"]),
    ],
)
def test_a_seal_of_other_files_than_the_planned_ones_is_refused(
    artifacts: tuple[Artifact, ...], problems: list[str]
) -> None:
    """Whoever may sign signs no more than what was planned; names are held in each job, before a file is read."""
    *files, sums = *(artifact for artifact in artifacts if artifact is not KIT), checksums.listing(artifacts)[0]
    kits = (artifact for artifact in artifacts if artifact is KIT)
    with pytest.raises(VerificationFailed) as caught:
        fit(listed(*files, sums, *kits), PLAN)
    assert caught.value.slug == "seal-not-planned"
    assert [got[: len(said)] for got, said in zip(caught.value.context, problems, strict=True)] == problems


def test_a_seal_with_an_image_that_was_not_planned_is_refused() -> None:
    """No image belongs to a release whose configuration has none."""
    image = Artifact(kind=Kind.image, name="ghcr.io/octo/widget", size=1, sha256="a" * 64)
    with pytest.raises(VerificationFailed) as caught:
        fit(replace(SEAL, image=image), PLAN)
    assert caught.value.context == ("got the image 'ghcr.io/octo/widget', expected none",)


def failure(released: Stage, seal: Seal) -> TagsealError:
    with pytest.raises(TagsealError) as caught:
        verify_sealed(released.tag, released.plan, seal, released.services())
    return caught.value


def test_every_byte_on_disk_is_compared(released: Stage) -> None:
    """A file or a bundle that is changed or gone is named, all of them at once; a link is refused."""
    released.accept_everything()
    seal = released.sign()
    verify_sealed(released.tag, released.plan, seal, released.services())
    wheel, sums = released.work.packages / WHEEL, released.work.assets / "SHA256SUMS"
    bundle = released.work.bundles / f"{SDIST}.sigstore.json"
    kept = {path: path.read_bytes() for path in (wheel, sums, bundle)}
    wheel.write_bytes(b"other bytes")
    sums.unlink()
    bundle.write_bytes(kept[bundle] + b"\n")
    error = failure(released, seal)
    assert (error.slug, error.exit_code) == ("sealed-files-changed", 1)
    assert [line.partition(":")[0] for line in error.context] == [WHEEL, bundle.name, "SHA256SUMS"]
    for path, content in kept.items():
        path.write_bytes(content)
    verify_sealed(released.tag, released.plan, seal, released.services())
    bundle.unlink()
    assert failure(released, seal).context == (f"{bundle.name}: no such file",)
    bundle.symlink_to(path_beside(bundle, kept[bundle]))
    assert failure(released, seal).slug == "irregular-file"


def test_a_record_of_other_contents_is_refused(released: Stage) -> None:
    """The notes name clients by what the bundles are made of: a record cannot say it otherwise than they do."""
    released.accept_everything()
    seal = released.sign()
    facts = [facts_of(json.loads((released.work.bundles / bundle.name).read_bytes())) for bundle in seal.bundles]
    assert [bundle.contents for bundle in seal.bundles] == [fact.contents for fact in facts]
    first, *others = seal.bundles
    other = replace(first.contents, entry="hashedrekord 0.0.2")
    error = failure(released, replace(seal, bundles=(replace(first, contents=other), *others)))
    assert error.slug == "sealed-files-changed"
    assert [line.partition(": got a record of")[0] for line in error.context] == [first.name]


def test_a_set_that_is_kept_in_part_needs_the_clients_of_all_its_bundles(released: Stage) -> None:
    """What an earlier run signed in one version of the log, and this one in another, is one set with one minimum."""
    released.accept_everything()
    released.sign()
    (released.work.bundles / f"{SDIST}.sigstore.json").unlink()
    services = released.services()
    second = trust.client_trust_config(released.loopback.sigstore, trust.Signing(log="v2"))
    document = released.folder / "second.json"
    document.write_text(json.dumps(second))
    seal = released.sign(replace(services, environ={**services.environ, TRUST_CONFIG: str(document)}))
    verify_sealed(released.tag, released.plan, seal, released.services())
    entries = {bundle.artifact: bundle.contents.entry.rpartition(" ")[2] for bundle in seal.bundles}
    assert (seal.kept, entries) == (2, {SDIST: "0.0.2", WHEEL: "0.0.1", "SHA256SUMS": "0.0.1"})
    assert clients.of(seal).sigstore == "4.0.0"


def path_beside(path: Path, content: bytes) -> Path:
    other = path.with_name("beside")
    other.write_bytes(content)
    return other


def test_a_bundle_of_another_commit_does_not_verify(released: Stage) -> None:
    """A moved tag keeps its identity, so the commit is compared in the certificate, not in the record."""
    released.accept_everything()
    moved = "e" * 40
    services = released.services(run=replace(RUN, sha=moved))
    build, checks = released.build()
    there = replace(released.tag, commit=moved)
    plan = replace(released.plan, commit=moved)
    seal = sign(there, plan, replace(build, commit=moved), checks, services=services)
    verify_sealed(there, plan, seal, services)
    error = failure(released, replace(seal, commit=COMMIT))
    assert error.slug == "sealed-files-changed"
    assert len(error.context) == 3
