"""Records whose digests somebody made anew are caught by the verb that takes them, in whatever decides anything.

The job before tells a digest, and an edit after it is refused (`tests/unit/test_journal.py`). Where nobody told one,
or the job before itself was the liar, this is what is left. The fields that are let through are listed, each with the
reason why it decides nothing.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import ValidationError

import images
import packages
from stage import WHEEL, proof_of
from tagseal.config import IndexSettings, Settings
from tagseal.errors import Refused, UsageError, VerificationFailed
from tagseal.machine.files import artifact
from tagseal.pipeline import STEPS
from tagseal.records import BUNDLE, Kind, Manifest, Proof, Verdict, from_json, to_object
from tagseal.steps.plan import confirm
from tagseal.steps.plan import plan as planned
from tagseal.steps.publish import publish
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.steps.sign import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from job import Job
    from stage import Stage
    from tagseal.records import Build, Checks, Record
    from tagseal.workspace import Workspace

TOLD = "for a person to read"


def edits(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Yield the value with one leaf another; of a list the first entry stands for all."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ((path, {**value, key: one}) for path, one in edits(inner, f"{where}.{key}".lstrip(".")))
    elif isinstance(value, list):
        yield f"{where}[]", [*value[1:]] if value else ["forged"]
        for path, one in edits(value[0], where) if value else ():
            yield path, [one, *value[1:]]
    elif value is None:
        yield where, "forged"
    else:
        yield where, not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else _other(value)


def _other(text: str) -> str:
    """Return another text of the same form, so that it is not caught for its form alone."""
    if text in set(Kind):
        # What is no file has no line in the list of checksums.
        return Kind.asset if text == Kind.image else Kind.image
    return text[:-1] + ("a" if text[-1:] != "a" else "b")


def let_through(record: Record, use: Callable[[Any], object]) -> set[str]:
    """Return the fields that a verb takes as they are, whatever they say."""
    found = set()
    for where, edited in edits(to_object(record)):
        try:
            forged = from_json(type(record), json.dumps(edited))
        except ValidationError:
            continue  # another kind, or an entry of another form: no such record is read
        with suppress(Refused, VerificationFailed, UsageError):
            use(forged)
            found.add(where)
    return found


def test_a_plan_is_derived_again(job: Job) -> None:
    """What the tag, the configuration and the changelog say counts; the rest is derived where it is used."""
    services = job.services()
    tag = job.guard()
    settled = planned(tag, services=services)
    harmless = {
        "latest": "publish asks GitHub again",
        "assets[]": "files of the build job: the seal lists what is released",
        "tools": "sign looks for them; prove fails without one",
        "tools[]": "as above",
        "published[]": TOLD,
        "irreversible": TOLD,
        "irreversible[]": TOLD,
        "remarks[]": TOLD,
    }
    assert let_through(settled, lambda forged: confirm(tag, forged, services=services)) == set(harmless)


def test_what_was_built_and_checked_is_held_against_the_files(released: Stage, tmp_path: Path) -> None:
    """Each is compared with the other, and with the bytes that are here."""
    released.with_image(images.layout(tmp_path / "layout"))
    released.accept_everything()
    services = released.services()
    build, checks = released.build()
    sign(released.tag, released.plan, build, checks, services=services)
    from_build = let_through(build, lambda one: sign(released.tag, released.plan, one, checks, services=services))
    # Told; an index that attests is asked what it has, and of another the build job's word is all that there is.
    assert from_build == {"collected", "dropped[]", "adopted[]"}
    from_checks = let_through(checks, lambda one: sign(released.tag, released.plan, build, one, services=services))
    verdicts = {"verdicts[]", "verdicts.name", "verdicts.ok", "verdicts.detail", "verdicts.by"}
    assert from_checks == verdicts  # a failed check raises and leaves no record: they are told


OTHER = "widget-99.0.0-py3-none-any.whl"
LIES: dict[str, tuple[Callable[[Workspace], Path], Kind]] = {
    "a wheel of a future version": (lambda work: wheel(work, OTHER, version="99.0.0"), Kind.wheel),
    "a wheel of another project": (lambda work: wheel(work, "widget_core-1.2.3-py3-none-any.whl"), Kind.wheel),
    "a wheel whose name does not parse": (lambda work: wheel(work, "widget-1.2.3-.whl"), Kind.wheel),
    "another version in a planned name": (lambda work: wheel(work, WHEEL, version="99.0.0"), Kind.wheel),
    "another project in a planned name": (lambda work: wheel(work, WHEEL, project="widget-core"), Kind.wheel),
    "a planned name that holds no package": (lambda work: written(work.packages / WHEEL, b"bytes"), Kind.wheel),
    "a second sdist": (lambda work: written(work.packages / "widget-1.2.4.tar.gz", b"sdist"), Kind.sdist),
    "an asset": (lambda work: written(work.assets / "install.sh", b"id\n"), Kind.asset),
    "an asset that is a wheel": (lambda work: written(work.assets / OTHER, b"wheel"), Kind.asset),
    "an asset that takes a bundle's place": (lambda work: written(work.assets / f"{WHEEL}{BUNDLE}", b"{}"), Kind.asset),
    "a kit": (lambda work: written(work.assets / "widget-1.2.3-verify.zip", b"kit"), Kind.kit),
    "a list": (lambda work: written(work.assets / "MORESUMS", b"list"), Kind.checksums),
    "an image among the files": (lambda work: written(work.assets / "image", b"image"), Kind.image),
}
"""What a build job can add to, or put in the place of, what it was asked for: written file, and what it is called."""


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def wheel(work: Workspace, name: str, *, project: str = "widget", version: str = "1.2.3") -> Path:
    return written(work.packages / name, packages.wheel(packages.metadata(project, version)))


def told(records: tuple[Build, Checks], **lies: object) -> tuple[Build, Checks]:
    """Return both records with the same lie."""
    build, checks = records
    return dataclasses.replace(build, **lies), dataclasses.replace(checks, **lies)  # type: ignore[arg-type]


@pytest.mark.parametrize("lie", LIES)
def test_a_build_job_that_lies_consistently_gets_nothing_signed(released: Stage, lie: str) -> None:
    """Files, both records and the plan's own list say the same, and nobody planned it: the log gets no entry."""
    make, kind = LIES[lie]
    build, checks = released.build()
    path = make(released.work)
    forged = (*(one for one in build.artifacts if one.name != path.name), artifact(path, kind))
    build, checks = told((build, checks), artifacts=forged)
    assets = tuple(one.name for one in forged if one.kind is Kind.asset)
    plan = dataclasses.replace(released.plan, assets=assets)
    with pytest.raises(VerificationFailed) as caught:
        sign(released.tag, plan, build, checks, services=released.services())
    assert caught.value.slug in {"files-not-planned", "damaged-package"}
    assert path.name in f"{caught.value.what} {caught.value.context}"
    assert released.entries() == 0


@pytest.mark.parametrize("name", ["build/install.sh", "build/*.sh", "build/**", "**/*"])
def test_an_asset_that_a_pattern_matches_is_planned(released: Stage, name: str) -> None:
    """Folders are the build job's own; the last part of a pattern says which names may be attached."""
    released.settings = dataclasses.replace(released.settings, assets=(name,))
    build, checks = released.build()
    added = (*build.artifacts, artifact(written(released.work.assets / "install.sh", b"id\n"), Kind.asset))
    plan = dataclasses.replace(released.plan, assets=("install.sh",))
    build, checks = told((build, checks), artifacts=added)
    seal = sign(released.tag, plan, build, checks, services=released.services())
    assert "install.sh" in [one.name for one in seal.artifacts]


@pytest.mark.parametrize("configured", [False, True])
def test_an_image_that_nobody_planned_is_not_signed(released: Stage, tmp_path: Path, *, configured: bool) -> None:
    """The configuration names the image; a build job that has another name, or none to make, gets no signature."""
    made = released.with_image(images.layout(tmp_path / "layout"))
    if configured:
        lie = dataclasses.replace(made, name="ghcr.io/octo/gadget")
    else:
        released.settings, released.image, lie = Settings(), None, made
    build, checks = told(released.build(), image=lie)
    with pytest.raises(VerificationFailed) as caught:
        sign(released.tag, released.plan, build, checks, services=released.services())
    assert caught.value.slug == "image-not-planned"
    assert released.entries() == 0


@pytest.mark.parametrize("sha256", ["f" * 64, None])
def test_an_image_with_further_manifests_is_not_signed(released: Stage, tmp_path: Path, sha256: str | None) -> None:
    """What is signed of an image is what the layout here holds, whatever the records list."""
    made = released.with_image(images.layout(tmp_path / "layout"))
    further = Manifest(platform="linux/s390x", size=1, sha256="f" * 64)
    lie = dataclasses.replace(made, manifests=(*made.manifests, further), sha256=sha256 or made.sha256)
    build, checks = told(released.build(), image=lie)
    with pytest.raises(Refused) as caught:
        sign(released.tag, released.plan, build, checks, services=released.services())
    assert caught.value.slug == "another-image"
    assert released.entries() == 0


@pytest.mark.parametrize("verb", ["upload", "prove", "publish", "witness"])
def test_what_was_signed_and_not_planned_goes_no_further(released: Stage, verb: str) -> None:
    """A seal with a file too many stops each later verb, though its bundle is genuine: an older tool signed it."""
    released.accept_everything()
    released.with_assets(1)
    seal = released.sign(further=1)
    draft = released.upload(seal)
    services = released.services(run=None)
    proof = proof_of(draft)
    publication = publish(released.tag, released.plan, seal, draft, proof, services=services)
    released.assets = ()
    services = dataclasses.replace(services, settings=Settings())
    records = {"upload": (), "prove": (draft,), "publish": (draft, proof), "witness": (publication,)}[verb]
    step = cast("Callable[..., object]", next(step for step in STEPS if step.verb == verb).function)
    with pytest.raises(VerificationFailed) as caught:
        step(released.tag, released.plan, seal, *records, services=services)
    assert caught.value.slug == "seal-not-planned"
    assert caught.value.context[0] == "got the asset 0.txt, expected none"


def test_a_seal_is_verified_again(released: Stage, tmp_path: Path) -> None:
    """Names, bytes, bundles, the kit, the image and identity; what the log says is in the bundle."""
    released.with_image(images.layout(tmp_path / "layout"))
    released.settings = dataclasses.replace(released.settings, kit=True)
    seal = released.sign()
    services = released.services(run=None)
    harmless = {
        "bundles.log_index": "the bundle says it, and is verified",
        "bundles.integrated_time": "as above",
        "signatures.log_index": "as above",
        "signatures.integrated_time": "as above",
        "kept": TOLD,
    }
    assert let_through(seal, lambda forged: verify_sealed(released.tag, released.plan, forged, services)) == set(
        harmless
    )


def test_attestations_are_verified_again(released: Stage) -> None:
    """Names, bytes, and whom they are by; the index is the plan's, which is derived again."""
    released.settings = dataclasses.replace(released.settings, index=IndexSettings(name="pypi"))
    seal = released.sign()
    services = released.services(run=None)
    through = let_through(seal, lambda forged: verify_sealed(released.tag, released.plan, forged, services))
    assert {one for one in through if one.startswith("attestations")} == {
        "attestations.log_index",  # the attestation says it, and is verified
        "attestations.integrated_time",
    }


def test_a_draft_and_a_proof_are_held_against_the_release(released: Stage) -> None:
    """What is published is what was proven, as GitHub has it now; that it was proven, the digest alone says."""
    released.accept_everything()
    seal = released.sign()
    draft = released.upload(seal)
    ran = (Verdict(name="sigstore verify", ok=True, detail="OK", by="sigstore 4.5.1"),)
    proof = Proof(
        draft=draft.id,
        assets=draft.assets,
        body_sha256=draft.body_sha256,
        commands=ran,
        attacks=ran,
        later=1,
        shown=1,
        kit=ran,
        offline="in a network namespace",
    )
    services = released.services(run=None)

    def use(one: Any, other: Any) -> object:  # noqa: ANN401 - a draft and a proof
        return publish(released.tag, released.plan, seal, one, other, services=services)

    # Only its id is used: what it says of the release, the proof says as well, and GitHub.
    assert let_through(draft, lambda forged: use(forged, proof)) == {
        *("url", "tag", "sent", "pushed", "body_sha256", "assets[]"),
        *(f"assets.{part}" for part in ("id", "name", "size", "sha256", "state")),
    }
    verdicts = {
        f"{kind}{part}" for kind in ("commands", "attacks", "kit") for part in ("[]", ".name", ".ok", ".detail", ".by")
    }
    assert let_through(proof, lambda forged: use(draft, forged)) == verdicts | {"later", "shown", "offline"}
