from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import widget
from instance import COMMIT, IDENTITY, RUN
from stage import NAMES, SDIST, WHEEL
from tagseal.errors import Busy, Refused, UsageError, VerificationFailed
from tagseal.loopback.faults import Fault
from tagseal.machine.files import artifact
from tagseal.steps.seal.reverify import verify_sealed
from tagseal.steps.sign import sign

if TYPE_CHECKING:
    from stage import Stage
    from tagseal.loopback.actions import Run


def test_every_artifact_and_the_checksums_are_signed(released: Stage) -> None:
    """The seal lists packages and SHA256SUMS, each with a bundle that verifies."""
    services = released.services()
    seal = released.sign(services)
    verify_sealed(released.tag, released.plan, seal, services)
    assert sorted(one.name for one in seal.artifacts) == sorted(NAMES)
    assert [bundle.name for bundle in seal.bundles] == [f"{one.name}.sigstore.json" for one in seal.artifacts]
    assert (seal.commit, seal.identity, seal.kept) == (COMMIT, IDENTITY, 0)
    assert released.entries() == 3


def test_the_checksums_list_the_packages(released: Stage) -> None:
    """``SHA256SUMS`` has one line for each package, sorted by name, as ``sha256sum -c`` reads it."""
    seal = released.sign()
    digests = {one.name: one.sha256 for one in seal.artifacts}
    text = (released.work.assets / "SHA256SUMS").read_text()
    assert text == f"{digests[WHEEL]}  {WHEEL}\n{digests[SDIST]}  {SDIST}\n"


def test_a_second_run_signs_nothing(released: Stage) -> None:
    """Bundles that verify are kept: no new log entry."""
    first = released.sign()
    second = released.sign()
    assert second == replace(first, kept=3)
    assert released.entries() == 3


def test_a_bundle_that_does_not_fit_is_replaced(released: Stage) -> None:
    """A bundle of other bytes is not kept; the others are."""
    seal = released.sign()
    bundle, other = (released.work.bundles / bundle.name for bundle in seal.bundles[:2])
    bundle.write_bytes(other.read_bytes())
    again = released.sign()
    assert again.kept == 2
    assert released.entries() == 4


def test_a_bundle_that_does_not_verify_is_found_and_made_again(released: Stage) -> None:
    """Cut, foreign, empty or huge: whatever lies in a bundle's place, that artifact is signed again, and no other."""
    seal = released.sign()
    services = released.services()
    bundle, other = (released.work.bundles / bundle.name for bundle in seal.bundles[:2])
    whole, signed = bundle.read_bytes(), {seal.artifacts[0].name: seal.artifacts[0].sha256}

    def by(run: Run) -> bytes:
        """Return a bundle for the same bytes, which Sigstore really made for another run."""
        made: list[bytes] = []
        services.sigstore.sign(
            signed, lambda: released.loopback.issuer.mint(run, "sigstore"), lambda *one: made.append(one[1])
        )
        return made[0]

    lies = {
        **{f"cut at {quarter}/4": whole[: len(whole) * quarter // 4] for quarter in range(1, 4)},
        "cut by one byte": whole[:-1],
        "empty": b"",
        "no JSON": b"\xff\x00",
        "a list": b"[]",
        "nested too deeply": b"[" * 100_000,
        "another artifact's": other.read_bytes(),
        "another tag's": by(replace(RUN, ref="refs/tags/v1.2.4")),
        "another commit's": by(replace(RUN, sha="e" * 40)),
        "another repository's": by(replace(RUN, repository="evil/widget")),
    }
    kept = {}
    for lie, content in lies.items():
        bundle.write_bytes(content)
        kept[lie] = released.sign(services).kept
    assert kept == dict.fromkeys(lies, 2)


def test_a_huge_bundle_is_not_read_whole(released: Stage) -> None:
    """A file of 100 MiB in a bundle's place is read up to what a bundle may have, and replaced."""
    seal = released.sign()
    bundle = released.work.bundles / seal.bundles[0].name
    with bundle.open("wb") as file:
        file.truncate(100 << 20)
    tracemalloc.start()
    try:
        assert released.sign().kept == 2
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert bundle.stat().st_size < 100_000


@pytest.mark.parametrize("kind", ["a link", "a folder"])
def test_what_is_no_file_is_refused(released: Stage, kind: str) -> None:
    """A link or a folder in a bundle's place is nobody's accident: it is neither followed nor replaced."""
    seal = released.sign()
    bundle = released.work.bundles / seal.bundles[0].name
    aside = bundle.rename(released.folder / "aside")
    if kind == "a link":
        bundle.symlink_to(aside)
    else:
        bundle.mkdir()
    with pytest.raises(Refused, match="expected a regular file"):
        released.sign()
    assert released.entries() == 3


def test_what_is_signed_is_told_as_it_happens(released: Stage) -> None:
    """Each line counts what has a bundle, the kept ones among them, up to all."""
    seal = released.sign()
    counts = [line.partition(":")[0] for line in released.said if line.startswith("signed ")]
    assert counts == ["signed 1 of 3", "signed 2 of 3", "signed 3 of 3"]
    released.said.clear()
    (released.work.bundles / seal.bundles[1].name).unlink()
    released.sign()
    assert released.said == [f"signed 3 of 3: {seal.artifacts[1].name}"]


def test_a_log_that_is_down_ends_with_what_is_finished_on_disk(released: Stage) -> None:
    """Exit code 4; the next run keeps each bundle that was finished, and signs the rest only."""
    released.loopback.faults.set([Fault(name="server-error", host="rekor.sigstore.dev", skip=1, count=1000)])
    with pytest.raises(Busy) as caught:
        released.sign()
    assert caught.value.exit_code == 4
    assert len(list(released.work.bundles.iterdir())) == 1
    released.loopback.faults.set([])
    assert released.sign().kept == 1
    assert released.entries() == 3


@pytest.mark.parametrize("name", ["rekor-conflict", "token-expired", "server-error", "drop-before", "body-cut"])
def test_a_passing_fault_of_sigstore_costs_no_run(released: Stage, name: str) -> None:
    """Whatever passes, each artifact ends with a bundle that verifies."""
    host = r"(fulcio|rekor)\.sigstore\.dev|127\.0\.0\.1.*"
    released.loopback.faults.set([Fault(name=name, host=host)])
    seal = released.sign()
    verify_sealed(released.tag, released.plan, seal, released.services())
    assert released.loopback.faults.hits


def test_a_moved_tag_keeps_no_bundle(released: Stage) -> None:
    """A tag on another commit has the same identity; its bundles name the old commit."""
    released.sign()
    build, checks = released.build()
    moved = "e" * 40
    services = released.services(run=replace(RUN, sha=moved))
    tag, plan = replace(released.tag, commit=moved), replace(released.plan, commit=moved)
    seal = sign(tag, plan, replace(build, commit=moved), checks, services=services)
    assert seal.kept == 0
    assert released.entries() == 6


def test_an_interrupt_loses_no_finished_bundle(released: Stage) -> None:
    """What was signed before Ctrl-C is kept by the next run."""

    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        released.sign(released.services(say=interrupt))
    entries = released.entries()
    seal = released.sign()
    assert seal.kept == entries
    assert released.entries() == 3


def test_a_missing_tool_stops_before_the_log(released: Stage) -> None:
    """Tools that ``prove`` needs are asked for before anything is signed, all by name."""
    plan = replace(released.plan, tools=("sigstore", "no-such-tool", "nor-this"))
    with pytest.raises(UsageError, match="got no no-such-tool, nor-this") as caught:
        released.sign(plan=plan)
    assert caught.value.slug == "missing-proof-tools"
    assert released.entries() == 0


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(RUN, ref="refs/heads/main"), id="a branch"),
        pytest.param(replace(RUN, repository="evil/widget"), id="a fork"),
        pytest.param(replace(RUN, job_workflow="octo/shared/.github/workflows/sign.yml@v1"), id="a reusable workflow"),
    ],
)
def test_another_identity_signs_nothing(released: Stage, run: Run) -> None:
    """A token of another identity than the planned one stops before the log."""
    with pytest.raises(Refused):
        released.sign(released.services(run=run))
    assert released.entries() == 0


def test_a_page_that_names_another_workflow_stops_before_the_log(released: Stage) -> None:
    """Strangers who follow it would refuse what was signed; a page of another project's is none of ours."""
    other = "https://github.com/{}/.github/workflows/publish.yml@refs/tags/v1"
    pages = {"docs/verify.md": f"# Verify\n\n{other.format('else/where')}\n{other.format(IDENTITY.repository)}\n"}
    widget.commit(released.folder / "checkout", {**pages, IDENTITY.workflow: "on: push\n"})
    with pytest.raises(Refused, match=r"'publish\.yml' as the signing workflow in docs/verify\.md:4:9") as caught:
        released.sign()
    assert caught.value.slug == "pages-name-another-identity"
    assert released.entries() == 0


def test_a_job_without_a_token_signs_nothing(released: Stage) -> None:
    """Without ``id-token: write`` the hint names the permission."""
    with pytest.raises(Refused, match="without an identity token") as caught:
        released.sign(released.services(run=None))
    assert "id-token: write" in caught.value.hint
    assert released.entries() == 0


def test_a_file_changed_after_check_is_not_signed(released: Stage) -> None:
    """The bytes that were checked are the bytes that are signed."""
    build, checks = released.build()
    (released.work.packages / WHEEL).write_text("other bytes")
    with pytest.raises(VerificationFailed, match="not the checked ones") as caught:
        sign(released.tag, released.plan, build, checks, services=released.services())
    assert caught.value.context == (WHEEL,)
    assert released.entries() == 0


def test_a_whole_draft_wins_over_a_rebuilt_set(released: Stage) -> None:
    """A verified, complete set for this tag and commit takes the place of other bytes; nothing is signed."""
    first = released.sign()
    released.upload(first)
    second = released.sign(code="# built again\n", only=".whl")
    assert second == replace(first, kept=3)
    for one in first.artifacts:
        assert artifact(released.work.file(one), one.kind) == one
    assert released.entries() == 3


def test_an_incomplete_draft_gives_its_bundles_only(released: Stage) -> None:
    """A draft that lacks a file does not win; its bundles that fit the files here are kept."""
    first = released.sign()
    draft = released.upload(first)
    release = released.repository.by_id[draft.id]
    release.assets = [asset for asset in release.assets if asset.name != WHEEL]
    for bundle in released.work.bundles.iterdir():
        bundle.unlink()
    second = released.sign(code="# built again\n", only=".whl")
    assert {one.name: one for one in second.artifacts}[SDIST] in first.artifacts
    assert {one.name: one for one in second.artifacts}[WHEEL] not in first.artifacts
    assert second.kept == 1
    assert released.entries() == 5


def test_a_draft_with_other_bytes_does_not_win(released: Stage) -> None:
    """A draft whose file does not verify is not believed, whatever its listing says."""
    first = released.sign()
    draft = released.upload(first)
    services = released.services()
    wheel = next(asset for asset in released.repository.by_id[draft.id].assets if asset.name == WHEEL)
    wheel.path.write_bytes(b"evil")
    wheel.size, wheel.sha256 = 4, artifact(wheel.path, first.artifacts[0].kind).sha256
    second = released.sign(services)
    assert second == replace(first, kept=3)
