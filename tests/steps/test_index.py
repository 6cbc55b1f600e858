"""The package index in the steps: exactly one file of each name, never another content, whatever a run lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twine import repository, utils

import packages
import widget
from instance import COMMIT, RUN
from stage import SDIST, WHEEL, Stage, proof_of, stage
from tagseal import config
from tagseal.config import IndexSettings, Settings
from tagseal.errors import Busy, Refused, ServiceError, TagsealError, VerificationFailed
from tagseal.loopback.faults import Fault
from tagseal.loopback.index import PlayedIndex as Played
from tagseal.loopback.index import RegisteredPublisher
from tagseal.machine import wheels
from tagseal.machine.files import artifact
from tagseal.project.index import rows
from tagseal.records import ATTESTATION, Build, Kind
from tagseal.services.index import sites
from tagseal.services.index.uploads import upload
from tagseal.steps.check import check
from tagseal.steps.index import client, irreversible
from tagseal.steps.index import sentences as present
from tagseal.steps.index.adopt import adopt
from tagseal.steps.index.publish import send
from tagseal.steps.publish import publish
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.steps.sign import sign
from tagseal.steps.witness import witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tagseal.records import Checks, Draft, Publication, Seal, Testimony

PUBLISHER = RegisteredPublisher(project="widget", owner="octo", repository="widget", workflow="release.yml")
PUBLISHING = replace(RUN, environment="release")
UPLOAD, SITE = (one.split("/")[2].replace(".", r"\.") for one in (utils.DEFAULT_REPOSITORY, repository.WAREHOUSE_WEB))
COMPANY = ("https://packages.example/simple/", "https://packages.example/upload/")


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give a tag of a project that goes to the index, where its workflow is trusted."""
    with indexed(tmp_path, monkeypatch) as one:
        yield one


@contextmanager
def indexed(
    folder: Path, patch: pytest.MonkeyPatch, faults: Sequence[Fault] = (), publisher: RegisteredPublisher = PUBLISHER
) -> Iterator[Stage]:
    """Give a stage whose packages go to the index."""
    with stage(folder, patch, faults=faults) as released:
        released.settings = Settings(index=IndexSettings(name="pypi"), wait=0)
        released.loopback.index.register(publisher)
        released.accept_everything()
        yield released


def index(released: Stage) -> Played:
    return released.loopback.index


def names(released: Stage) -> list[str]:
    return [file.name for file in index(released).files("widget", "1.2.3")]


def built(released: Stage, code: str = "") -> tuple[Build, Checks]:
    """Build, and let what the index has take the place of what was built, as ``build`` does."""
    build, checks = released.build(code=code)
    paths = [released.work.packages / one.name for one in build.artifacts]
    folder = Path(tempfile.mkdtemp(dir=released.loopback.folder)) / "index"
    found, taken = adopt(released.plan, paths, folder, released.services(run=None))
    for one, path in zip(paths, found, strict=True):
        if path != one:
            shutil.copyfile(path, one)
    kinds = {WHEEL: Kind.wheel, SDIST: Kind.sdist}
    artifacts = tuple(artifact(path, kinds[path.name]) for path in paths)
    return replace(build, artifacts=artifacts, adopted=taken), replace(checks, artifacts=artifacts)


def sealed(released: Stage, code: str = "") -> tuple[Seal, Draft]:
    """Play the first two jobs."""
    seal = sign(released.tag, released.plan, *built(released, code), services=released.services())
    return seal, released.upload(seal)


def published(released: Stage, seal: Seal, draft: Draft) -> Publication:
    """Play the third job."""
    services = released.services(run=PUBLISHING)
    return publish(released.tag, released.plan, seal, draft, proof_of(draft), services=services)


def seen(released: Stage, seal: Seal, publication: Publication) -> Testimony:
    """Play the fourth."""
    return witness(released.tag, released.plan, seal, publication, services=released.services(run=None))


def whole(released: Stage, seal: Seal) -> None:
    """Hold that there is exactly one release, and that the index has its packages and nothing else."""
    files = index(released).files("widget")
    assert {file.name: file.sha256 for file in files} == {package.name: package.sha256 for package in seal.packages}
    assert [len(file.attestations) for file in files] == [1, 1]
    release = [release for release in released.repository.releases if not release.draft]
    assert len(released.repository.releases) == len(release) == 1
    assert {asset.name: asset.sha256 for asset in release[0].assets if asset.name in names(released)} == {
        file.name: file.sha256 for file in files
    }


def uploads(released: Stage) -> int:
    entries = released.loopback.transcript.entries
    return sum(f"https://{entry.host}{entry.path}" == utils.DEFAULT_REPOSITORY for entry in entries)


def test_a_release_ends_at_the_index_attested(released: Stage) -> None:
    """Both files, with the sealed bytes; a stranger's commands verify them there."""
    seal, draft = sealed(released)
    publication = published(released, seal, draft)
    assert publication.acts == ("2 packages sent to pypi", "release v1.2.3 published")
    whole(released, seal)
    found = seen(released, seal, publication)
    assert found.public
    assert {command.by.split()[0] for command in found.commands if command.name.startswith(("pip", "pypi"))} == {
        "pip",
        "pypi-attestations",
    }


def test_the_plan_says_which_names_are_used_up(released: Stage) -> None:
    """Before anything is built, and what is there already."""
    assert [*irreversible(released.plan)] == [f"pypi never takes another file named {SDIST} or widget-1.2.3-*.whl"]
    published(released, *sealed(released))
    assert present(released.plan, released.services(run=None)) == (f"pypi: {WHEEL}", f"pypi: {SDIST}")


def test_nothing_is_sent_before_the_draft_is_proven(released: Stage) -> None:
    """The index is the first of the irreversible acts, and no earlier one."""
    sealed(released)
    assert names(released) == []
    assert present(released.plan, released.services(run=None)) == ()


def test_attestations_lie_apart_from_the_bundles(released: Stage) -> None:
    """An index refuses bundles, and twine takes every file it is given; the release has none of the attestations."""
    seal, draft = sealed(released)
    attested = {package.name + ATTESTATION for package in seal.packages}
    assert {path.name for path in released.work.attestations.iterdir()} == attested
    assert not attested & {asset.name for asset in draft.assets}
    assert {path.name for path in released.work.packages.iterdir()} == {WHEEL, SDIST}


def test_the_sdist_goes_last(released: Stage) -> None:
    """Nobody builds from source what is about to have a wheel."""
    published(released, *sealed(released))
    order = sorted(index(released).files("widget"), key=lambda one: one.uploaded)
    assert [one.name for one in order] == [WHEEL, SDIST]


# Half releases, each healed by a plain re-run.


def test_the_index_has_it_and_the_release_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flip failed; the job runs again, and sends nothing twice."""
    broken = Fault(name="server-error", host=r"api\.github\.com", method="PATCH", count=9)
    with indexed(tmp_path, monkeypatch, [broken]) as released:
        seal, draft = sealed(released)
        with pytest.raises(Busy):
            published(released, seal, draft)
        assert names(released) == [WHEEL, SDIST]
        released.loopback.faults.set(())
        sent = uploads(released)
        publication = published(released, seal, draft)
        assert publication.acts == ("pypi had all 2 packages already", "release v1.2.3 published")
        assert uploads(released) == sent
        whole(released, seal)
        released.shim("pypi-attestations", "exit 0")
        seen(released, seal, publication)


def test_the_release_is_public_and_the_index_has_nothing(released: Stage) -> None:
    """Somebody flipped it by hand: the packages follow."""
    seal, draft = sealed(released)
    github = released.services().github
    github.publish("octo/widget", github.release("octo/widget", draft.id), latest=True)
    assert published(released, seal, draft).acts == ("2 packages sent to pypi", "release v1.2.3 was public already")
    whole(released, seal)


def test_one_of_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second upload never arrived: the same job sends what is missing."""
    broken = Fault(name="drop-before", host=UPLOAD, method="POST", path="/legacy/", skip=1, count=1)
    with indexed(tmp_path, monkeypatch, [broken]) as released:
        seal, draft = sealed(released)
        with pytest.raises(Busy) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "index-upload-unanswered"
        assert names(released) == [WHEEL]
        assert published(released, seal, draft).acts[0] == "1 package sent to pypi"
        whole(released, seal)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("left", [(WHEEL, SDIST), (WHEEL,), (SDIST,)], ids=["both", "wheel", "sdist"])
@pytest.mark.parametrize("draft", ["kept", "deleted"])
def test_all_jobs_run_again_with_a_wheel_that_differs(released: Stage, left: tuple[str, ...], draft: str) -> None:
    """What the index has wins: its bytes are released, its attestations kept, and the rest is sent."""
    seal, first = sealed(released)
    published(released, seal, first)
    release = released.repository.by_id[first.id]
    release.draft = True
    for name in {WHEEL, SDIST} - {*left}:  # it never arrived: the name is free
        file = index(released).state.projects["widget"].pop(name)
        index(released).state.used.remove(file.name)
    if draft == "deleted":
        del released.repository.by_id[release.id]
    shutil.rmtree(released.work.path)
    before = {file.name: file.sha256 for file in index(released).files("widget")}
    again, second = sealed(released, code="# built again\n")
    publication = published(released, again, second)
    whole(released, again)
    assert {file.name: file.sha256 for file in index(released).files("widget")}.items() >= before.items()
    seen(released, again, publication)


def test_attestations_of_the_index_are_kept(released: Stage) -> None:
    """The log needs no second entry for a file that is published."""
    seal, draft = sealed(released)
    published(released, seal, draft)
    shutil.rmtree(released.work.path)
    entries = released.entries()
    again, _ = sealed(released)
    assert again.attestations == seal.attestations
    assert released.entries() == entries


LOST = {
    "the answer": Fault(name="drop-after", host=UPLOAD, method="POST", path="/legacy/"),
    "half the answer": Fault(name="body-cut", host=SITE, method="GET", path="/pypi/.*"),
    "half the upload's": Fault(name="body-cut", host=UPLOAD, method="POST", path="/legacy/"),
    "a gateway's": Fault(name="bad-gateway", host=UPLOAD, method="POST", path="/legacy/"),
    "a busy server": Fault(name="server-error", host=UPLOAD, method="POST", path="/legacy/"),
    "the request": Fault(name="drop-before", host=UPLOAD, method="POST", path="/legacy/"),
    "the token's": Fault(name="drop-after", host=UPLOAD, method="POST", path="/_/oidc/mint-token"),
    "a token's request": Fault(name="drop-before", host=UPLOAD, method="POST", path="/_/oidc/mint-token"),
    "a token's server": Fault(name="server-error", host=UPLOAD, method="POST", path="/_/oidc/mint-token"),
    "the audience's": Fault(name="server-error", host=UPLOAD, method="GET", path="/_/oidc/audience"),
    "a listing": Fault(name="server-error", host=SITE, method="GET", path="/pypi/.*", count=2),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("what", LOST)
def test_an_answer_that_is_lost_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Each file is there once, however the first request for it ended."""
    with indexed(tmp_path, monkeypatch) as released:
        released.settings = replace(released.settings, wait=30)
        seal, draft = sealed(released)
        released.loopback.faults.set([LOST[what]])
        published(released, seal, draft)
        assert released.loopback.faults.hits
        whole(released, seal)


def test_a_listing_that_lags_is_waited_for(released: Stage) -> None:
    """What was sent is not sent again because it is not listed yet."""
    released.settings = replace(released.settings, wait=30)
    seal, draft = sealed(released)
    index(released).rules.lag, index(released).rules.simple_lag = 1, 2
    publication = published(released, seal, draft)
    assert uploads(released) == 2
    whole(released, seal)
    released.shim("pypi-attestations", "exit 0")
    seen(released, seal, publication)


@pytest.mark.parametrize("field", ["workflow", "environment"])
def test_a_publisher_that_is_registered_otherwise_stops_before_the_log(released: Stage, field: str) -> None:
    """By the configuration, for the index cannot be asked; the field that differs is named."""
    registered = {"workflow": "release.yml", "environment": "release", field: "other.yml"}
    workflow = "on: push\njobs: {a: {environment: {name: release}, steps: [{run: nox -s guard publish}]}}\n"
    widget.commit(released.folder / "checkout", {RUN.workflow: workflow})
    publisher = config.PublisherSettings(**registered)
    released.settings = replace(released.settings, index=IndexSettings(name="pypi", publisher=publisher))
    error = refused(released, lambda: sealed(released))
    assert error.slug == "publisher-disagrees"
    assert [line.partition(":")[0] for line in error.context] == [field]


def test_a_classifier_that_keeps_a_project_private_is_found_by_check(tmp_path: Path) -> None:
    """Before anything is signed; without an index it is nobody's business."""
    git = widget.project(tmp_path, "v1.2.3")
    for index, slug in ((IndexSettings(name="pypi"), "check-failed"), (None, "")):
        _, plan, services = widget.release(git, packages=("wheelhouse/*",), index=index)
        plan = replace(plan, index=sites.of(index))
        text = packages.metadata("widget", "1.2.3", "Classifier: Private :: Do Not Upload")
        services.work.assets.mkdir(parents=True, exist_ok=True)
        paths = packages.write(services.work.packages, text=text)
        artifacts = tuple(artifact(path, kind) for path, kind in zip(paths, (Kind.wheel, Kind.sdist), strict=True))
        build = Build(commit=plan.commit, artifacts=artifacts, collected=True)
        if not slug:
            assert check(plan, build, services=services).artifacts == artifacts
            continue
        with pytest.raises(VerificationFailed) as caught:
            check(plan, build, services=services)
        assert caught.value.slug == slug
        assert "Private :: Do Not Upload" in caught.value.context[0]


# What stops a run, before anything is signed where that can be known.


def refused(released: Stage, act: Callable[[], object], kind: type[TagsealError] = Refused) -> TagsealError:
    """Return the error, having seen that the log got no entry and the index no file."""
    before = released.entries(), names(released), uploads(released)
    with pytest.raises(kind) as caught:
        act()
    assert (released.entries(), names(released), uploads(released)) == before
    return caught.value


@pytest.mark.parametrize("planned", [{"version": "1.2.4"}, {"project": "gadget"}])
def test_the_index_gets_nothing_of_another_project_or_version(released: Stage, planned: dict[str, str]) -> None:
    """By name and by metadata, whatever was signed: a name there is used up permanently."""
    seal, _ = sealed(released)
    plan, services = replace(released.plan, **planned), released.services(run=PUBLISHING)  # type: ignore[arg-type]
    error = refused(released, lambda: list(send(plan, seal, services)), VerificationFailed)
    assert error.slug == "index-package-not-planned"
    assert len(error.context) == 4


def by_hand(released: Stage, code: str = "") -> None:
    """Let a person send both packages, without attestations."""
    environ = {**os.environ, "TWINE_USERNAME": "__token__", "TWINE_PASSWORD": index(released).token("widget")}
    files = map(str, packages.write(released.folder / "by-hand", code=code))
    argv = [sys.executable, "-P", "-m", "twine", "upload", "--non-interactive", *files]
    subprocess.run(argv, env=environ, check=True, capture_output=True, timeout=60)


def test_a_file_that_somebody_else_sent_stops_the_run(released: Stage) -> None:
    """Neither other bytes nor the very same ones are ours without an attestation: strangers could not verify them."""
    released.services(run=None)
    by_hand(released)
    assert refused(released, lambda: sealed(released)).slug == "index-file-not-ours"
    assert refused(released, lambda: sealed(released, code="# other\n")).slug == "index-file-not-ours"


def test_a_name_that_somebody_takes_meanwhile_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last look, and before the upload: their file is told apart from an upload whose answer was lost."""
    with indexed(tmp_path, monkeypatch) as released:
        released.settings = replace(released.settings, wait=30)
        seal, draft = sealed(released)
        released.loopback.faults.set([Fault(name="index-name-taken")])
        with pytest.raises(Refused) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "index-file-not-ours"
        assert released.loopback.faults.hits
        assert len(index(released).files("widget")) == 1


def test_a_file_of_another_commit_stops_the_run(released: Stage) -> None:
    """The tag moved after it was published: the name is used up."""
    published(released, *sealed(released))
    released.repository.by_id.clear()
    shutil.rmtree(released.work.path)
    moved = replace(released.tag, commit="e" * 40)
    build, checks = built(released)
    planned = replace(released.plan, commit=moved.commit)
    run = replace(RUN, sha=moved.commit)

    def act() -> None:
        sign(moved, planned, replace(build, commit=moved.commit), checks, services=released.services(run=run))

    error = refused(released, act)
    assert error.slug == "index-file-not-ours"
    assert COMMIT[:7] not in error.what


def test_a_file_too_many_stops_the_run(released: Stage) -> None:
    """A wheel that this build has not, of this very version."""
    published(released, *sealed(released))
    released.repository.by_id.clear()
    state = index(released).state
    other = replace(state.projects["widget"][WHEEL], name="widget-1.2.3-cp311-cp311-win_amd64.whl")
    state.projects["widget"][other.name] = other
    error = refused(released, lambda: sealed(released))
    assert error.slug == "index-has-more"
    assert other.name in error.what


def test_a_yanked_version_stops_the_run(released: Stage) -> None:
    """Somebody withdrew it; a re-run says so instead of publishing the rest."""
    seal, draft = sealed(released)
    published(released, seal, draft)
    index(released).yank("widget", "1.2.3", "it squeaks")
    assert refused(released, lambda: published(released, seal, draft)).slug == "index-version-yanked"
    assert refused(released, lambda: sealed(released)).slug == "index-version-yanked"


PUBLISHERS = {
    "another workflow": replace(PUBLISHER, workflow="publish.yml"),
    "another environment": replace(PUBLISHER, environment="production"),
    "another repository": replace(PUBLISHER, repository="gadget"),
}


@pytest.mark.parametrize("what", PUBLISHERS)
def test_a_publisher_whom_the_index_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """The index's own words are shown; nothing is published, and the draft stays."""
    with indexed(tmp_path, monkeypatch, publisher=PUBLISHERS[what]) as released:
        seal, draft = sealed(released)
        with pytest.raises(Refused) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "publisher-unknown"
        assert any("invalid-publisher" in line for line in caught.value.context)
        assert released.repository.by_id[draft.id].draft
        index(released).register(PUBLISHER)
        published(released, seal, draft)
        whole(released, seal)


@pytest.mark.parametrize("field", ["workflow", "environment"])
def test_a_job_that_is_not_the_publisher_sends_nothing(released: Stage, field: str) -> None:
    """By the claims of its own token, where the workflow's text did not tell."""
    seal, draft = sealed(released)
    registered = {"workflow": "release.yml", "environment": "release", field: "other.yml"}
    released.settings = replace(
        released.settings, index=IndexSettings(name="pypi", publisher=config.PublisherSettings(**registered))
    )
    error = refused(released, lambda: published(released, seal, draft))
    assert error.slug == "publisher-disagrees"
    assert [line.partition(":")[0] for line in error.context] == [field]


def test_a_project_that_is_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow is trusted for another project."""
    with indexed(tmp_path, monkeypatch, publisher=replace(PUBLISHER, project="gadget")) as released:
        index(released).add_project("widget")
        seal, draft = sealed(released)
        with pytest.raises(Refused) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "index-refused-file"
        assert "not valid for project 'widget'" in caught.value.context[0]


def test_a_name_that_was_used_before(released: Stage) -> None:
    """Also of a file that was deleted: nothing brings it back."""
    seal, draft = sealed(released)
    published(released, seal, draft)
    index(released).delete("widget", SDIST)
    with pytest.raises(Refused) as caught:
        published(released, seal, draft)
    assert caught.value.slug == "index-name-used"
    assert "This filename was previously used" in caught.value.context[0]


def test_a_file_that_the_index_refuses(released: Stage) -> None:
    """Its words say why."""
    index(released).rules.largest = 10
    seal, draft = sealed(released)
    with pytest.raises(Refused) as caught:
        published(released, seal, draft)
    assert caught.value.slug == "index-refused-file"
    assert "File too large. Limit for project 'widget'" in caught.value.context[0]


def test_a_job_without_an_identity_publishes_nothing(released: Stage) -> None:
    """It is told before the index is asked for anything."""
    seal, draft = sealed(released)

    def act() -> None:
        services = released.services(run=None)
        publish(released.tag, released.plan, seal, draft, proof_of(draft), services=services)

    assert refused(released, act).slug == "publisher-without-identity"


def test_an_attestation_of_another_file_never_leaves(released: Stage) -> None:
    """Every step after ``sign`` verifies them all again."""
    seal, _ = sealed(released)
    folder = released.work.attestations
    shutil.copyfile(folder / (WHEEL + ATTESTATION), folder / (SDIST + ATTESTATION))
    with pytest.raises(VerificationFailed) as caught:
        verify_sealed(released.tag, released.plan, seal, released.services())
    assert caught.value.slug == "sealed-files-changed"
    assert any(SDIST in line for line in caught.value.context)
    swapped = replace(seal.attestations[0], artifact=SDIST, name=SDIST + ATTESTATION)
    with pytest.raises(VerificationFailed) as again:
        verify_sealed(
            released.tag,
            released.plan,
            replace(seal, attestations=(seal.attestations[0], swapped)),
            released.services(),
        )
    assert any("subject" in line for line in again.value.context)


@pytest.mark.parametrize("attestations", [0, 1])
def test_a_seal_without_its_attestations_is_refused(released: Stage, attestations: int) -> None:
    """A record from disk is a claim: what the configuration asks for is there, or nothing is published."""
    seal, _ = sealed(released)
    with pytest.raises(VerificationFailed):
        verify_sealed(
            released.tag,
            released.plan,
            replace(seal, attestations=seal.attestations[:attestations]),
            released.services(),
        )


def test_a_package_that_changes_on_its_way_is_not_sent(released: Stage) -> None:
    """What twine reads are the sealed bytes, or nothing is sent: an index without attestations would take it."""
    seal, _ = sealed(released)
    path = released.work.packages / WHEEL
    path.write_bytes(path.read_bytes() + b"x")
    asking = client(released.plan, released.services(run=PUBLISHING))
    assert asking is not None
    with pytest.raises(VerificationFailed) as caught:
        upload(asking.index, path, seal.packages[0].sha256, None, released.services().environ)
    assert caught.value.slug == "changed-before-sent"
    assert names(released) == []


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64"])
def test_a_wheel_for_one_distribution_is_refused_where_it_was_built(platform: str) -> None:
    """Whether earlier jobs built it or this one: the index refuses it when everything else is done."""
    with pytest.raises(Refused) as caught:
        wheels.portable([f"widget-1.2.3-cp311-cp311-{platform}.whl"])
    assert caught.value.slug == "wheel-not-portable"


# What is told of it.


def told(released: Stage, seal: Seal | None = None) -> dict[str, tuple[str, bool | None]]:
    """Return the rows of ``status``, by file."""
    digests = {one.name: one.sha256 for one in seal.artifacts} if seal else {}
    found = rows("v1.2.3", released.plan, digests, replace(released.services(run=None), writes=False))
    return {one.name: (one.state, one.good) for one in found}


def test_status_tells_of_each_package(released: Stage) -> None:
    """There or not, the release's bytes or others, and whether it is yanked; an index that is silent is no error."""
    widget.commit(released.folder / "checkout", {"x": ""}, "v1.2.3")
    assert told(released) == {"": ("none", None)}
    seal, draft = sealed(released)
    assert told(released, seal) == {f"pypi {name}": ("none", None) for name in (WHEEL, SDIST)}
    published(released, seal, draft)
    assert told(released, seal) == {f"pypi {name}": ("equal", True) for name in (WHEEL, SDIST)}
    assert told(released) == {f"pypi {name}": ("alone", None) for name in (WHEEL, SDIST)}
    other = replace(seal, artifacts=tuple(replace(one, sha256="e" * 64) for one in seal.artifacts))
    assert told(released, other) == {f"pypi {name}": ("differs", False) for name in (WHEEL, SDIST)}
    index(released).yank("widget", "1.2.3")
    assert told(released, seal) == {f"pypi {name}": ("yanked", False) for name in (WHEEL, SDIST)}
    released.loopback.faults.set([Fault(name="server-error", host=SITE)])
    assert told(released, seal) == {"": ("index-busy", None)}


# Another index.


def test_another_index_gets_the_packages_without_attestations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token that its users know; what is there is asked from the simple API."""
    with stage(tmp_path, monkeypatch, index=COMPANY) as released:
        released.settings = Settings(
            index=IndexSettings(name="company", url=COMPANY[0], publish_url=COMPANY[1]), wait=0
        )
        released.accept_everything()
        other = released.loopback.indexes["other"]
        monkeypatch.setenv("TWINE_USERNAME", "__token__")
        monkeypatch.setenv("TWINE_PASSWORD", "pypi-wrong")
        seal, draft = sealed(released)
        assert seal.attestations == ()
        with pytest.raises(Refused) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "index-refused-file"
        monkeypatch.setenv("TWINE_PASSWORD", other.token("widget"))
        publication = published(released, seal, draft)
        assert publication.acts[0] == "2 packages sent to company"
        assert {file.name: file.sha256 for file in other.files("widget")} == {
            package.name: package.sha256 for package in seal.packages
        }
        assert seen(released, seal, publication).public
        again = published(released, seal, draft)
        assert again.acts[0] == "company had all 2 packages already"


def test_another_index_without_a_login_says_what_twine_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No prompt, no hang: twine's words, and what to set."""
    with stage(tmp_path, monkeypatch, index=COMPANY) as released:
        released.settings = Settings(
            index=IndexSettings(name="company", url=COMPANY[0], publish_url=COMPANY[1]), wait=0
        )
        seal, draft = sealed(released)
        for name in ("TWINE_USERNAME", "TWINE_PASSWORD"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ServiceError) as caught:
            published(released, seal, draft)
        assert caught.value.slug == "twine-failed"
        assert "TWINE_USERNAME" in caught.value.hint
