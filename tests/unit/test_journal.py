"""Records on disk are claims: checked for form, for tag and commit, and for the digest that a job told."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tagseal import records
from tagseal.errors import Refused, UsageError
from tagseal.journal import Journal, digest
from tagseal.notes.clients import PLANNED_BUNDLE
from tagseal.records import (
    RECORDS,
    Artifact,
    Asset,
    Build,
    Bundle,
    Checks,
    Draft,
    Identity,
    Index,
    Kind,
    Manifest,
    Plan,
    Proof,
    Publication,
    Record,
    Seal,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INDEX = Index(name="own", simple="https://a.example/", upload="https://a.example/up", site="")
COMMIT = "a" * 40
ARTIFACT = Artifact(kind=Kind.wheel, name="widget-1.0-py3-none-any.whl", size=3, sha256="0" * 64)
IMAGE = Artifact(
    kind=Kind.image,
    name="ghcr.io/octo/widget",
    size=3,
    sha256="3" * 64,
    manifests=(Manifest(platform="linux/amd64", size=2, sha256="4" * 64),),
)
BUILD = Build(commit=COMMIT, artifacts=(ARTIFACT,), collected=False)
CHECKS = Checks(artifacts=(ARTIFACT,), verdicts=(Verdict(name="metadata", ok=True),))


def kept(path: Path) -> Path:
    """Write a journal with two records."""
    journal = Journal.open(path, "v1.0", COMMIT)
    journal.keep(BUILD)
    journal.keep(CHECKS)
    return path


def test_records_come_back_equal(tmp_path: Path) -> None:
    """What is kept is read back, equal."""
    journal = Journal.open(kept(tmp_path / "release.json"), "v1.0", COMMIT)
    assert journal.get(Build, "sign") == BUILD
    assert journal.get(Checks, "sign") == CHECKS


def test_a_record_drops_those_of_later_verbs(tmp_path: Path) -> None:
    """A new build leaves no checks of the old one behind."""
    path = kept(tmp_path / "release.json")
    Journal.open(path, "v1.0", COMMIT).keep(BUILD)
    with pytest.raises(UsageError) as caught:
        Journal.open(path, "v1.0", COMMIT).get(Checks, "sign")
    assert caught.value.slug == "record-missing"


@pytest.mark.parametrize(("tag", "commit"), [("v2.0", COMMIT), ("v1.0", "b" * 40)])
def test_records_of_another_tag_or_commit_are_ignored(tmp_path: Path, tag: str, commit: str) -> None:
    """They are left out, and the reason is told."""
    journal = Journal.open(kept(tmp_path / "release.json"), tag, commit)
    assert journal.records == {}
    assert journal.ignored == "records of v1.0 at aaaaaaaaaaaa lie here, and are not used"


def whole(plan: Plan) -> tuple[Record, ...]:
    """Return a record of each verb, every list with something in it."""
    identity = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/v1.0")
    name = f"{ARTIFACT.name}.sigstore.json"
    bundle = Bundle(
        artifact=ARTIFACT.name,
        name=name,
        size=1,
        sha256="1" * 64,
        log_index=1,
        integrated_time=1,
        contents=PLANNED_BUNDLE,
    )
    asset = Asset(id=1, name=ARTIFACT.name, size=3, sha256="0" * 64)
    ok = Verdict(name="gh release download", ok=True, detail="said nothing", by="gh 2.23")
    lists = dict.fromkeys(("assets", "tools", "published", "irreversible", "remarks", "image_tags"), ("one",))
    return (
        replace(plan, **lists),  # type: ignore[arg-type]
        replace(BUILD, dropped=("old.whl",), image=IMAGE),
        replace(CHECKS, image=IMAGE),
        Seal(
            tag="v1.0",
            commit=COMMIT,
            identity=identity,
            artifacts=(ARTIFACT,),
            bundles=(bundle,),
            kept=0,
            image=IMAGE,
            signatures=(bundle,),
        ),
        Draft(id=1, url="https://github.com", tag="v1.0", assets=(asset,), body_sha256="2" * 64, sent=1),
        Proof(draft=1, assets=(asset,), body_sha256="2" * 64, commands=(ok,), attacks=(ok,), later=1, shown=1),
        Publication(id=1, url="https://github.com", published_at="2026-01-01T00:00:00Z", acts=("published",)),
        records.Testimony(commands=(ok,), public=True, remarks=("one",)),
    )


@pytest.fixture
def written(tmp_path: Path, plan: Callable[..., Plan]) -> Path:
    """Write a journal with a record of each verb."""
    path = tmp_path / "release.json"
    journal = Journal.open(path, "v1.0", COMMIT)
    for record in whole(plan(tag="v1.0", commit=COMMIT, index=INDEX)):
        journal.keep(record)
    return path


def edits(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Yield the value with one change: each leaf another, each key or entry dropped, a key or an entry added."""
    if isinstance(value, dict):
        yield f"{where} + key", {**value, "extra": 1}
        for key, inner in value.items():
            yield f"{where}.{key} dropped", {name: one for name, one in value.items() if name != key}
            yield from ((text, {**value, key: one}) for text, one in edits(inner, f"{where}.{key}"))
    elif isinstance(value, list):
        yield f"{where} + entry", [*value, *value] or ["x"]
        for number, inner in enumerate(value):
            yield f"{where}[{number}] dropped", value[:number] + value[number + 1 :]
            for text, one in edits(inner, f"{where}[{number}]"):
                yield text, [*value[:number], one, *value[number + 1 :]]
    else:
        yield where, not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
        if value is not None:
            yield f"{where} null", None
        yield f"{where} of another type", [value]


def outcome(path: Path) -> str:
    """Return the slug of the refusal, or why the records are not used; an empty string if they are used."""
    try:
        return Journal.open(path, "v1.0", COMMIT).ignored
    except Refused as error:
        return error.slug


def test_no_edit_of_any_field_is_used(written: Path) -> None:
    """Each leaf changed, each key dropped, a key added: refused, or left out with a reason."""
    document = json.loads(written.read_bytes())
    assert len(document["records"]) == len(RECORDS) - 1  # the guard's is never kept
    found = {}
    for where, edited in edits(document):
        written.write_text(json.dumps(edited, indent=2) + "\n", encoding="utf-8")
        found[where] = outcome(written)
    assert len(found) > 400
    left_out = "records of format 4 lie here, this version writes 3: they are not used"
    assert {where: one for where, one in found.items() if one != "records-damaged"} == {".format": left_out}


def test_another_spelling_of_the_same_is_no_journal(written: Path) -> None:
    """Readers may differ over repeated keys, spaces or escapes; what this tool writes has one spelling."""
    text = written.read_text(encoding="utf-8")
    for other in (
        text + " ",
        text.replace('"size": 3', '"size": 3.0'),
        text.replace('"kept": 0', '"kept": 1, "kept": 0'),
    ):
        assert other != text
        written.write_text(other, encoding="utf-8")
        assert outcome(written) == "records-damaged"


def test_a_journal_that_is_cut_is_refused(written: Path) -> None:
    """Wherever it is cut, and if it is empty."""
    raw = written.read_bytes()
    for end in (0, 1, *range(10, len(raw), 97), len(raw) - 2, len(raw) - 1):
        written.write_bytes(raw[:end])
        assert outcome(written) == "records-damaged", end


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b"{}", b'{"format": true}', b"\xff", b"[" * 100_000])
def test_what_is_no_journal_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Whatever else lies there in its place."""
    (tmp_path / "release.json").write_bytes(raw)
    assert outcome(tmp_path / "release.json") == "records-damaged"


def test_a_pipe_in_its_place_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Reading it would wait for a writer for ever."""
    os.mkfifo(tmp_path / "release.json")
    assert outcome(tmp_path / "release.json") == "irregular-file"


def test_records_of_an_older_format_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    """The first format had no digest; the verbs run again."""
    path = tmp_path / "release.json"
    path.write_text(json.dumps({"format": 1, "tag": "v1.0", "commit": COMMIT, "records": {}}), encoding="utf-8")
    assert outcome(path) == "records of format 1 lie here, this version writes 3: they are not used"


def sealed(path: Path, old: str, new: str) -> None:
    """Edit the file as somebody who makes its own digest anew."""
    document = json.loads(path.read_text(encoding="utf-8").replace(old, new))
    del document["sha256"]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    document["sha256"] = hashlib.sha256(canonical).hexdigest()
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def test_an_edit_with_a_digest_made_anew_is_not_what_was_told(written: Path) -> None:
    """The inner digest shows accidents; the one that the job before told shows an attacker's edits."""
    told = digest(written)
    sealed(written, '"sent": 1', '"sent": 2')
    assert Journal.open(written, "v1.0", COMMIT).get(Draft, "prove").sent == 2
    with pytest.raises(Refused) as caught:
        Journal.open(written, "v1.0", COMMIT, told=told)
    assert caught.value.slug == "records-differ"


def test_records_that_were_kept_and_never_told_are_made_again(written: Path) -> None:
    """A run that is killed between the two leaves one more record than was told; nothing is stuck, none is trusted."""
    journal = Journal.open(written, "v1.0", COMMIT)
    told = [record for verb, record in journal.records.items() if verb in {"plan", "build", "check"}]
    shorter = Journal.open(written.with_name("shorter.json"), "v1.0", COMMIT)
    for record in told:
        shorter.keep(record)
    found = Journal.open(written, "v1.0", COMMIT, told=digest(shorter.path))
    assert list(found.records) == ["plan", "build", "check"]
    assert found.ignored == "the records of sign, upload, prove, publish, witness were not handed on: made again"


def test_every_problem_is_named_with_its_path(tmp_path: Path) -> None:
    """Two wrong fields are two lines of context."""
    path = kept(tmp_path / "release.json")
    text = path.read_text(encoding="utf-8").replace('"size": 3', '"size": "3"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        Journal.open(path, "v1.0", COMMIT)
    assert caught.value.context == (
        "records.build.artifacts.0.size: Input should be a valid integer",
        "records.check.artifacts.0.size: Input should be a valid integer",
    )


def test_the_digest_of_the_job_before_must_fit(tmp_path: Path) -> None:
    """Any changed byte is refused before the file is used."""
    path = kept(tmp_path / "release.json")
    told = digest(path)
    assert Journal.open(path, "v1.0", COMMIT, told=told).get(Build, "sign") == BUILD
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused) as caught:
        Journal.open(path, "v1.0", COMMIT, told=told)
    assert caught.value.slug == "records-differ"


def test_records_that_did_not_arrive_are_called_missing(tmp_path: Path) -> None:
    """A download to another folder is not taken for a change: the error names the file and what brings it."""
    with pytest.raises(Refused, match=r"got no .*release\.json") as caught:
        Journal.open(tmp_path / "v1" / "release.json", "v1", COMMIT, told="0" * 64)
    assert "dist/" in caught.value.hint


def test_no_partial_file_is_left(tmp_path: Path) -> None:
    """A journal is replaced whole: the folder holds that one file."""
    kept(tmp_path / "release.json")
    assert [path.name for path in tmp_path.iterdir()] == ["release.json"]
