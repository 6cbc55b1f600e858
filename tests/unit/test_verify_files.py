"""Many files at once: which are asked for, whose bundle is whose, and what they are together."""

from __future__ import annotations

import doctest
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from instance import COMMIT, IDENTITY, RUN, TAG, Instance, instance
from tagseal import verification
from tagseal.errors import UsageError
from tagseal.verification import Check, Result, Trust, files, found, named, publisher, verify_files
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.loopback.actions import Run

WHEEL, SDIST, SUMS = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz", "SHA256SUMS"
BUNDLE = ".sigstore.json"


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture(scope="module")
def trust(played: Instance, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    path = tmp_path_factory.mktemp("trust") / "trusted_root.json"
    path.write_text(played.trusted_root)
    return Trust.of_file(path)


@pytest.fixture
def dist(played: Instance, tmp_path: Path) -> Path:
    """Give a folder with two files, their list, and the bundles of all three."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in (WHEEL, SDIST):
        (folder / name).write_bytes(name.encode())
    listed(folder, WHEEL, SDIST)
    sign(played, folder, WHEEL, SDIST, SUMS)
    return folder


def listed(folder: Path, *names: str) -> None:
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines))


def sign(played: Instance, folder: Path, *names: str, run: Run = RUN) -> None:
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    for name, bundle in played.sign(digests, run).items():
        (folder / f"{name}{BUNDLE}").write_bytes(bundle)


def verified(trust: Trust, *paths: str | Path, commit: str | None = None) -> tuple[Result, ...]:
    return verify_files(paths, publisher("octo/widget", TAG, commit=commit), trust)


def told(results: tuple[Result, ...]) -> dict[str, Check | None]:
    """Return the check that failed, by name; None for a file that is ok."""
    assert all((result.check is None) == result.ok for result in results)
    return {result.name: result.check for result in results}


def only(results: tuple[Result, ...]) -> Result:
    (result,) = results
    return result


def test_a_folder_is_verified_whole(trust: Trust, dist: Path) -> None:
    """Every file in it, by name; bundles are no files of their own; the facts are of each."""
    results = verified(trust, dist, commit=COMMIT)
    assert list(told(results).items()) == [(SUMS, None), (WHEEL, None), (SDIST, None)]
    wheel = results[1]
    assert wheel.subject is not None
    assert (wheel.subject.size, wheel.subject.sha256) == (len(WHEEL), hashlib.sha256(WHEEL.encode()).hexdigest())
    assert (wheel.bundle, wheel.sums) == (dist / f"{WHEEL}{BUNDLE}", dist / SUMS)
    assert wheel.facts is not None
    assert (wheel.facts.signer.commit, wheel.facts.signer.trigger) == (COMMIT, "push")
    assert wheel.detail == f"signed by {IDENTITY.uri}"


def test_the_order_is_that_of_the_arguments_and_each_file_comes_once(
    trust: Trust, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file by two names, a pattern that no shell expanded, a folder that has both: once, where it came first."""
    monkeypatch.chdir(dist)
    results = verified(trust, SDIST, "*.whl", dist / SDIST, dist, f"../dist/{WHEEL}")
    assert list(told(results).items()) == [(SDIST, None), (WHEEL, None), (SUMS, None)]


def test_a_name_that_looks_like_a_pattern_is_a_file_first(trust: Trust, dist: Path) -> None:
    """What is there by that very name is what is meant."""
    (dist / WHEEL).rename(dist / "wid[g]et")
    (dist / f"{WHEEL}{BUNDLE}").rename(dist / f"wid[g]et{BUNDLE}")
    (dist / SUMS).unlink()
    assert told(verified(trust, dist / "wid[g]et")) == {"wid[g]et": None}
    assert told(verify_files(str(dist / "wid[g]et"), publisher("octo/widget", TAG), trust)) == {"wid[g]et": None}


def test_a_folder_below_is_not_passed_over(trust: Trust, dist: Path) -> None:
    """Whatever lies below a folder was asked for, hidden files as well."""
    (dist / ".hidden").mkdir()
    (dist / ".hidden" / "evil.whl").write_bytes(b"evil")
    assert told(verified(trust, dist))["evil.whl"] is Check.bundle


@pytest.mark.parametrize("name", ["absent.whl", "*.deb", "dist", "x" * 300, "with\0null"])
def test_what_is_not_there_has_failed(trust: Trust, tmp_path: Path, name: str) -> None:
    """A file, a pattern without a match, a folder without a file, a name that cannot be: nothing was verified."""
    (tmp_path / "dist").mkdir()
    result = only(verified(trust, tmp_path / name))
    assert (result.ok, result.check) == (False, Check.file)


def test_no_arguments_no_results(trust: Trust) -> None:
    """Nothing was asked for."""
    assert verified(trust) == ()


def test_links_and_devices_are_refused(trust: Trust, dist: Path, tmp_path: Path) -> None:
    """Neither a link to a file, nor one to a folder, nor a pipe, nor a device is a file that can be verified."""
    (dist / "link.whl").symlink_to(dist / WHEEL)
    (dist / f"link.whl{BUNDLE}").write_bytes((dist / f"{WHEEL}{BUNDLE}").read_bytes())
    (dist / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(dist / "pipe")
    results = verified(trust, dist, "/dev/null")
    assert told(results) == {
        SUMS: None,
        WHEEL: None,
        SDIST: None,
        "link.whl": Check.file,
        "elsewhere": Check.file,
        "pipe": Check.file,
        "null": Check.file,
    }
    assert {result.detail for result in results if not result.ok} == {
        "got 'link.whl', which is a link, expected a regular file",
        "got 'elsewhere', which is a link, expected a regular file",
        "got 'pipe', which is no regular file, expected a regular file",
        "got 'null', which is no regular file, expected a regular file",
    }


@pytest.mark.parametrize("kind", ["link", "folder", "huge", "empty", "absent"])
def test_a_bundle_that_is_none_is_the_check_that_failed(trust: Trust, dist: Path, tmp_path: Path, kind: str) -> None:
    """Its bundle is a regular file with a size that a bundle can have."""
    bundle = dist / f"{WHEEL}{BUNDLE}"
    moved = bundle.rename(tmp_path / "moved")
    if kind == "link":
        bundle.symlink_to(moved)
    if kind == "folder":
        bundle.mkdir()
    if kind == "huge":
        with bundle.open("wb") as file:
            file.truncate(1 << 30)
    if kind == "empty":
        bundle.touch()
    result = only(verified(trust, dist / WHEEL)[:1])
    assert (result.ok, result.check) == (False, Check.bundle)
    if kind == "huge":
        assert result.detail == f"got a bundle of {1 << 30} bytes, expected at most {LARGEST_BUNDLE}"


def test_a_bundle_is_paired_with_its_file(trust: Trust, dist: Path) -> None:
    """Named with its file or alone, it is no file of its own; and its file was asked for."""
    (dist / SUMS).unlink()
    bundle = dist / f"{WHEEL}{BUNDLE}"
    assert told(verified(trust, bundle)) == {WHEEL: None}
    assert told(verified(trust, dist / WHEEL, bundle)) == {WHEEL: None}
    (dist / WHEEL).unlink()
    assert told(verified(trust, bundle)) == {WHEEL: Check.file}


def test_a_bundle_elsewhere_is_taken_where_it_is_named(trust: Trust, dist: Path, tmp_path: Path) -> None:
    """As of a kit: bundles in one folder, files in another. Two for one file are one too many."""
    (dist / SUMS).unlink()
    for name in ("kit", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{WHEEL}{BUNDLE}").write_bytes((dist / f"{WHEEL}{BUNDLE}").read_bytes())
    (dist / f"{WHEEL}{BUNDLE}").unlink()
    result = only(verified(trust, dist / WHEEL, tmp_path / "kit"))
    assert (result.ok, result.bundle) == (True, tmp_path / "kit" / f"{WHEEL}{BUNDLE}")
    assert told(verified(trust, dist / WHEEL, tmp_path / "kit", tmp_path / "other")) == {WHEEL: Check.bundle}


def test_an_older_bundle_name_is_told(trust: Trust, dist: Path) -> None:
    """``NAME.sigstore`` is taken where it is alone, and is not looked at beside ``NAME.sigstore.json``."""
    (dist / SUMS).unlink()
    legacy = dist / f"{WHEEL}.sigstore"
    legacy.write_text("nonsense")
    result = only(verified(trust, dist / WHEEL))
    assert (result.ok, result.notes) == (True, (f"'{legacy.name}' lies there as well, and was not looked at",))
    (dist / f"{WHEEL}{BUNDLE}").rename(legacy)
    result = only(verified(trust, dist / WHEEL))
    assert (result.ok, result.bundle) == (True, legacy)
    assert result.notes == (f"its bundle has the older name '{legacy.name}', expected '{WHEEL}{BUNDLE}'",)


def test_another_files_bundle_is_refused(trust: Trust, dist: Path) -> None:
    """A bundle is good for the bytes that were signed."""
    (dist / f"{WHEEL}{BUNDLE}").write_bytes((dist / f"{SDIST}{BUNDLE}").read_bytes())
    assert told(verified(trust, dist / WHEEL))[WHEEL] is Check.signature


def test_a_bundle_of_a_file_that_lies_there_is_known(trust: Trust, dist: Path) -> None:
    """Whose bundle it is, is told where that file was not asked for, and where it is known by the list only."""
    (dist / f"{WHEEL}{BUNDLE}").write_bytes((dist / f"{SDIST}{BUNDLE}").read_bytes())
    for _ in range(2):
        cause = verified(trust, dist / WHEEL)[0].cause
        assert cause is not None
        assert cause.slug == "bundle-of-the-sdist"
        (dist / SDIST).unlink(missing_ok=True)


def test_every_failure_has_a_cause_and_no_success_has(trust: Trust, dist: Path) -> None:
    """Nobody is left with a check's name alone."""
    os.mkfifo(dist / "pipe")
    (dist / "evil.whl").write_bytes(b"")
    (dist / "page.whl").write_bytes(b"<!DOCTYPE html>")
    (dist / f"page.whl{BUNDLE}").write_bytes(b"<!DOCTYPE html>")
    (dist / "link").symlink_to("nowhere")
    results = verified(trust, dist, dist / "absent", dist / ("x" * 300))
    assert [result.name for result in results if result.ok] == [SUMS, WHEEL, SDIST]
    assert all((result.cause is None) == result.ok for result in results)


def test_a_renamed_file_is_refused(trust: Trust, dist: Path) -> None:
    """A signature binds no name; the signed list does."""
    for name in (WHEEL, f"{WHEEL}{BUNDLE}"):
        (dist / name).rename(dist / name.replace("1.2.3", "1.2.4"))
    renamed = WHEEL.replace("1.2.3", "1.2.4")
    results = verified(trust, dist)
    assert told(results) == {SUMS: None, renamed: Check.name, SDIST: None}
    assert [result.detail for result in results if not result.ok] == [
        f"got these bytes as '{renamed}', expected them as '{WHEEL}', as SHA256SUMS lists them"
    ]


def test_swapped_files_are_refused(trust: Trust, dist: Path) -> None:
    """Two genuine files with each other's names, and their bundles with them."""
    for end in ("", BUNDLE):
        one, two = dist / f"{WHEEL}{end}", dist / f"{SDIST}{end}"
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
    assert told(verified(trust, dist)) == {SUMS: None, WHEEL: Check.name, SDIST: Check.name}


def test_a_list_beside_the_file_counts_unnamed_if_it_is_signed(trust: Trust, dist: Path) -> None:
    """It is verified and told; without a bundle it binds nothing, and named it has failed."""
    assert told(verified(trust, dist / WHEEL)) == {WHEEL: None, SUMS: None}
    (dist / f"{SUMS}{BUNDLE}").unlink()
    result = only(verified(trust, dist / WHEEL))
    assert (result.ok, result.sums) == (True, None)
    assert told(verified(trust, dist / WHEEL, dist / SUMS)) == {WHEEL: None, SUMS: Check.bundle}


@pytest.mark.parametrize("lines", ["nonsense\n", f"{'a' * 64}  ../evil\n", f"{'a' * 64}  a\n{'b' * 64}  a\n"])
def test_a_signed_list_that_cannot_be_read_has_failed(trust: Trust, played: Instance, dist: Path, lines: str) -> None:
    """Who signed nonsense signed nothing about a name."""
    (dist / SUMS).write_text(lines)
    sign(played, dist, SUMS)
    assert told(verified(trust, dist)) == {SUMS: Check.name, WHEEL: None, SDIST: None}


def test_a_changed_list_binds_nothing(trust: Trust, dist: Path) -> None:
    """Only a list that verified counts."""
    (dist / SUMS).write_text(f"{'a' * 64}  {WHEEL}\n")
    results = verified(trust, dist)
    assert told(results) == {SUMS: Check.signature, WHEEL: None, SDIST: None}
    assert {result.sums for result in results} == {None}


def test_a_file_that_is_not_listed_is_free(trust: Trust, played: Instance, dist: Path) -> None:
    """A kit is signed after the list: it verifies, and its name is not bound."""
    (dist / "kit.zip").write_bytes(b"a kit")
    sign(played, dist, "kit.zip")
    assert {one.name: one.sums for one in verified(trust, dist) if one.ok} == {
        SUMS: None,
        WHEEL: dist / SUMS,
        SDIST: dist / SUMS,
        "kit.zip": None,
    }


def test_files_of_two_commits_are_none(trust: Trust, played: Instance, dist: Path) -> None:
    """A tag that moved keeps its identity: files from before and after it do not belong together."""
    sign(played, dist, SDIST, run=replace(RUN, sha="e" * 40))
    results = verified(trust, dist)
    assert set(told(results).values()) == {Check.identity}
    assert {result.detail for result in results} == {
        f"got files signed at 2 commits, {COMMIT}, {'e' * 40}, expected one"
    }
    assert told(verified(trust, dist, commit=COMMIT)) == {SUMS: None, WHEEL: None, SDIST: Check.identity}


def test_another_signer_is_refused(trust: Trust, dist: Path) -> None:
    """Another tag, repository, workflow or commit is the identity's failure, and so is a name at another issuer."""
    others = [
        publisher("octo/widget", "v1.2.4"),
        publisher("evil/widget", TAG),
        publisher("octo/widget", TAG, workflow="ci.yml"),
        publisher("octo/widget", TAG, commit="e" * 40),
        named(IDENTITY.uri, "https://evil.example"),
        named("octo@example.com", IDENTITY.issuer),
    ]
    for other in others:
        assert set(told(verify_files([dist], other, trust)).values()) == {Check.identity}
    assert set(told(verify_files([dist], named(IDENTITY.uri, IDENTITY.issuer, commit=COMMIT), trust)).values()) == {
        None
    }


@pytest.mark.parametrize(
    ("repository", "tag", "more"),
    [
        ("octo", TAG, {}),
        ("octo/widget", "v1 .2", {}),
        ("octo/widget", "", {}),
        ("octo/widget", TAG, {"workflow": "../release.yml"}),
        ("octo/widget", TAG, {"workflow": ""}),
        ("octo/widget", TAG, {"commit": "4f2c1e9"}),
        ("octo/widget", TAG, {"commit": ""}),
    ],
)
def test_an_unclear_publisher_is_none(repository: str, tag: str, more: dict[str, str]) -> None:
    """Nothing is compared with half a name."""
    with pytest.raises(UsageError) as caught:
        publisher(repository, tag, **more)
    assert caught.value.slug == "unknown-signer"


@pytest.mark.parametrize(("uri", "issuer"), [("", "https://x.example"), ("https://x.example", "")])
def test_an_empty_name_or_issuer_is_none(uri: str, issuer: str) -> None:
    """An empty issuer would switch its check off in other tools."""
    with pytest.raises(UsageError):
        named(uri, issuer)


def test_the_workflow_may_be_named_by_its_path() -> None:
    """As the certificate spells it."""
    assert publisher("octo/widget", TAG, workflow=IDENTITY.workflow).uri == IDENTITY.uri


def test_too_many_files_are_refused(trust: Trust, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is no release's is not read to its end."""
    monkeypatch.setattr(found, "MOST", 4)
    with pytest.raises(UsageError, match="got more than 4 files"):
        verified(trust, dist)


def test_a_bundle_that_says_two_things_is_refused(trust: Trust, played: Instance, dist: Path) -> None:
    """What is told of a file is what was verified: no second certificate, no second spelling of a key."""
    path = dist / f"{WHEEL}{BUNDLE}"
    genuine = json.loads(path.read_bytes())
    foreign = json.loads(played.sign({"x": "0" * 64}, replace(RUN, event="evil"))["x"])["verificationMaterial"]
    two = json.loads(json.dumps(genuine))
    two["verificationMaterial"]["x509CertificateChain"] = {"certificates": [foreign["certificate"]]}
    spelled = json.loads(json.dumps(genuine))
    spelled["verificationMaterial"]["tlogEntries"][0]["log_index"] = "7"
    junk = json.loads(json.dumps(genuine))
    junk["verificationMaterial"]["certificate"]["rawBytes"] += ":"
    for document in (two, spelled, junk):
        path.write_text(json.dumps(document))
        assert only(verified(trust, path)[:1]).check is Check.bundle


def test_names_that_no_locale_has_are_verified_like_others(trust: Trust, played: Instance, tmp_path: Path) -> None:
    """A name is bytes; what is no UTF-8 in it is shown, and does not end the run."""
    name = os.fsdecode(b"\xff\xfe.whl")
    (tmp_path / name).write_bytes(b"bytes")
    sign(played, tmp_path, name)
    (tmp_path / os.fsdecode(b"\xfe.whl")).write_bytes(b"bytes")
    assert told(verified(trust, tmp_path)) == {name: None, os.fsdecode(b"\xfe.whl"): Check.bundle}


def test_a_large_file_needs_no_memory(trust: Trust, played: Instance, tmp_path: Path) -> None:
    """It is hashed as it is read."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 << 20)
    with (tmp_path / "large").open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    (tmp_path / f"large{BUNDLE}").write_bytes(played.sign({"large": sha256})["large"])
    verified(trust, tmp_path)  # what is imported on the way does not count
    tracemalloc.start()
    try:
        result = only(verified(trust, tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (result.ok, peak < 8 << 20) == (True, True)


def test_the_example_runs_and_every_public_name_is_there() -> None:
    """What the documentation shows is what there is."""
    attempted = doctest.testmod(files)
    assert (attempted.failed, attempted.attempted) == (0, 2)
    assert dir(verification) == sorted(verification.__all__)
    assert all(getattr(verification, name) for name in verification.__all__)
    with pytest.raises(AttributeError):
        _ = verification.nothing


def test_the_library_needs_nothing_of_a_project(dist: Path, played: Instance, tmp_path: Path) -> None:
    """No environment, no home, no configuration, no network: a broken pyproject.toml changes nothing."""
    (dist / "pyproject.toml").write_text("[tool.tagseal\nbroken")
    root = tmp_path / "trusted_root.json"
    root.write_text(played.trusted_root)
    code = f"""
import socket, sys
def refuse(*_): raise AssertionError("network")
socket.socket.connect = refuse
from pathlib import Path
from tagseal.verification import Trust, publisher, verify_files
results = verify_files([{WHEEL!r}], publisher("octo/widget", {TAG!r}), Trust.of_file(Path({str(root)!r})))
assert [one.ok for one in results] == [True, True], results
assert not {{"github", "tagseal.config"}} & set(sys.modules), sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=dist, env={}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
