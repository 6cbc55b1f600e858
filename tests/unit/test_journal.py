"""Records on disk are claims: checked for form, for tag and commit, and for the digest that a job told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tagseal.errors import Refused, UsageError
from tagseal.journal import Journal, digest, handed_over
from tagseal.records import Artifact, Build, Checks, Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMIT = "a" * 40
ARTIFACT = Artifact(kind=Kind.wheel, name="widget-1.0-py3-none-any.whl", size=3, sha256="0" * 64)
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


def cut(text: str) -> str:
    return text[: len(text) // 2]


def unknown_key(text: str) -> str:
    return text.replace('"collected": false', '"collected": false, "extra": 1')


def missing_key(text: str) -> str:
    document: dict[str, Any] = json.loads(text)
    del document["records"]["build"]["commit"]
    return json.dumps(document)


def another_type(text: str) -> str:
    return text.replace('"size": 3', '"size": "3"')


def unknown_verb(text: str) -> str:
    return text.replace('"check": {', '"cheque": {')


def no_object(_: str) -> str:
    return "[]"


@pytest.mark.parametrize("edit", [cut, unknown_key, missing_key, another_type, unknown_verb, no_object])
def test_an_edited_file_is_refused(tmp_path: Path, edit: Callable[[str], str]) -> None:
    """A file that this tool did not write so is refused, not repaired."""
    path = kept(tmp_path / "release.json")
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(Refused) as caught:
        Journal.open(path, "v1.0", COMMIT)
    assert caught.value.slug == "records-damaged"


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
    handed_over(path, told)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused) as caught:
        handed_over(path, told)
    assert caught.value.slug == "records-differ"


def test_records_that_did_not_arrive_are_called_missing(tmp_path: Path) -> None:
    """A download to another folder is not taken for a change: the error names the file and what brings it."""
    with pytest.raises(Refused, match=r"got no .*release\.json") as caught:
        handed_over(tmp_path / "v1" / "release.json", "0" * 64)
    assert "dist/" in caught.value.hint


def test_no_partial_file_is_left(tmp_path: Path) -> None:
    """A journal is replaced whole: the folder holds that one file."""
    kept(tmp_path / "release.json")
    assert [path.name for path in tmp_path.iterdir()] == ["release.json"]
