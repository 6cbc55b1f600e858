"""Our verification, run on the corpus: see ``tests/assets/verify/README.md``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from corpus import CASES, CORPUS, EXPECTED, ROOT, Case, trust
from instance import COMMIT, IDENTITY
from tagseal.verification.files import verify_files
from tagseal.verification.policy import Exact
from tagseal.verification.result import Check
from tagseal.verification.trust import Trust
from tagseal.verification.verify import verify_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tagseal.verification.result import Result

WHOLE = [case for case in CASES if not case.truncated]
GENUINE = [case for case in WHOLE if case.genuine]
ATTACKS = [case for case in WHOLE if not case.genuine]
FEWEST = 60


def judged(case: Case, folder: Path, trusted: Trust | None = None) -> tuple[Result, ...]:
    case.write(folder)
    return verify_files([folder], EXPECTED, trusted or trust())


@pytest.mark.parametrize("case", GENUINE, ids=lambda case: case.name)
def test_what_is_genuine_verifies(case: Case, tmp_path: Path) -> None:
    """Every file of a case without ``_fail`` is ok."""
    results = judged(case, tmp_path)
    assert [(result.name, result.ok, result.check) for result in results] == [
        (name, True, None) for name in case.files()
    ]


@pytest.mark.parametrize("case", ATTACKS, ids=lambda case: case.name)
def test_an_attack_fails_at_its_check(case: Case, tmp_path: Path) -> None:
    """A case with ``_fail`` does not verify, at its check and with its words: never for another reason."""
    failed = [one for one in judged(case, tmp_path) if not one.ok]
    assert [one.check for one in failed[:1]] == [Check(case.data["check"])]
    assert re.search(case.data.get("words", ""), failed[0].detail), failed[0].detail
    assert all(one.cause and one.cause.what and one.cause.next for one in failed)


@pytest.mark.parametrize("case", [case for case in CASES if case.truncated], ids=lambda case: case.name)
def test_no_beginning_of_a_bundle_verifies(case: Case) -> None:
    """Wherever a bundle is cut off, what is left does not verify."""
    ((_, content),) = case.files().items()
    digest, policy = hashlib.sha256(content).hexdigest(), Exact(IDENTITY, COMMIT)
    outcomes = (verify_digest("", digest, bundle, policy, trust().verifier) for bundle in case.lengths())
    assert {outcome.check for outcome in outcomes} == {Check.bundle}


def test_both_files_of_trust_mean_the_same(tmp_path: Path) -> None:
    """A bare trusted root and the client trust configuration around it verify the same."""
    case = next(case for case in GENUINE if case.name == "genuine-today")
    assert [one.ok for one in judged(case, tmp_path, Trust.of_file(ROOT))] == [True]


def test_every_case_says_why() -> None:
    """A case has a sentence, and an attack the check that must fail."""
    assert [case.name for case in CASES if not case.data.get("why", "").endswith(".")] == []
    assert [case.name for case in CASES if case.genuine is ("check" in case.data)] == []


def test_the_corpus_is_small_and_broad() -> None:
    """At least sixty cases, of every check, in less than two mebibytes."""
    assert len(CASES) >= FEWEST
    assert {case.data.get("check") for case in CASES} >= set(Check) - {Check.file}
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 2 << 20
