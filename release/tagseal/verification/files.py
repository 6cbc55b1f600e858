"""Many files, each with its bundle: verified side by side, and then as what they are together.

1. Each file: it is there, its bundle is there, and the one verifies by the other.
2. Their names: ``SHA256SUMS`` binds them, once it has verified itself.
3. Their commit: files of one release were signed at one commit, whatever their names say.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.services.files import opened
from tagseal.services.threads import side_by_side
from tagseal.verification import checksums, policy, reading
from tagseal.verification.found import found
from tagseal.verification.result import Check, Expected, Result, Subject
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.found import Wanted
    from tagseal.verification.result import Cause
    from tagseal.verification.trust import Trust

THREADS = 4
"""Hashing and the arithmetic of signatures run side by side; the rest does not."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """What the threads share."""

    policy: VerificationPolicy
    trust: Trust
    results: dict[Path, Result] = field(default_factory=dict)
    lists: dict[Path, checksums.Sums] = field(default_factory=dict)
    """Verified ones, by their path."""


def verify_files(paths: Iterable[str | Path], expected: Expected, trust: Trust) -> tuple[Result, ...]:
    """Verify files, folders, and patterns that no shell has expanded; nothing of them is left out.

    Nothing else is read than these, their bundles and ``SHA256SUMS`` beside them: no configuration, no environment.

    >>> from tagseal.verification import Trust, publisher, verify_files
    >>> def check(folder):
    ...     expected = publisher("octo/widget", "v1.2.3")
    ...     results = verify_files([folder], expected, Trust.public())
    ...     assert results and all(result.ok for result in results)

    Args:
        paths: What to verify. A bundle among them is paired with its file.
        expected: Who should have signed.
        trust: What to trust; loading it is the caller's, once for many calls.

    Returns:
        What came of each, in the order of ``paths``, folders sorted, each file once. A file that is not there, or has
        no bundle, has failed.

    Raises:
        UsageError: ``expected`` is empty, or there are too many files.
    """
    work = _Work(policy=policy.of(expected), trust=trust)
    wanted = found(paths)

    def one(each: Wanted) -> None:
        work.results[each.path] = _verified(each, work)

    side_by_side(one, wanted, THREADS)
    results = [_named(work.results[each.path], each, work) for each in wanted]
    results = _together(results)
    subjects = tuple(one.subject for one in results if one.subject and one.subject.sha256)
    now = time.time()
    return tuple(
        one if one.ok else replace(one, cause=_cause(one, expected, subjects, now, trust.origin)) for one in results
    )


def _verified(wanted: Wanted, work: _Work) -> Result:
    """Verify one file: the steps of a stranger, the first failure decides."""
    path, content = wanted.path, b""
    subject = Subject(path=path)
    result = Result(name=path.name, ok=False, subject=subject, bundle=wanted.bundle, notes=wanted.notes)
    if wanted.problem and wanted.problem[0] is Check.file:
        return replace(result, check=Check.file, detail=wanted.problem[1])
    try:
        if path.name == checksums.NAME:
            content = _read(path, checksums.LARGEST, "a list of checksums")
            subject = Subject(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        else:
            subject = _described(path)
    except (OSError, Refused, ValueError) as error:
        return replace(result, check=Check.file, detail=_words(error))
    result = replace(result, subject=subject)
    if wanted.problem or wanted.bundle is None:
        check, why = wanted.problem or (Check.bundle, "got no bundle, expected one")
        return replace(result, check=check, detail=why)
    try:
        bundle = _read(wanted.bundle, LARGEST_BUNDLE, "a bundle")
    except (OSError, Refused, ValueError) as error:
        return replace(result, check=Check.bundle, detail=_words(error))
    outcome = verify_digest(path.name, subject.sha256, bundle, work.policy, work.trust.verifier)
    result = _told(result, outcome)
    return _listed(result, path, content, work) if result.ok and path.name == checksums.NAME else result


def _told(result: Result, outcome: Outcome) -> Result:
    verdict = outcome.verdict
    return replace(result, ok=verdict.ok, check=outcome.check, detail=verdict.detail, facts=outcome.facts)


def _listed(result: Result, path: Path, content: bytes, work: _Work) -> Result:
    """Keep what a verified list says; one that cannot be read for certain has failed."""
    try:
        work.lists[path] = checksums.sums(content)
    except ValueError as error:
        return replace(result, ok=False, check=Check.name, detail=_words(error))
    return result


def _named(result: Result, wanted: Wanted, work: _Work) -> Result:
    """Compare a file's name with the list that was verified."""
    listed = work.lists.get(wanted.sums) if wanted.sums else None
    if not result.ok or listed is None or result.subject is None or result.name == checksums.NAME:
        return result
    if problem := listed.problem(result.name, result.subject.sha256):
        return replace(result, ok=False, check=Check.name, detail=problem)
    return replace(result, sums=wanted.sums) if result.name in listed.digests else result


def _together(results: Sequence[Result]) -> list[Result]:
    """Let none be good where the certificates name several commits: nobody can tell which belong together."""
    commits = commits_of(results)
    if len(commits) < 2:  # noqa: PLR2004 - one, or none
        return list(results)
    why = f"got files signed at {len(commits)} commits, {', '.join(one or 'none' for one in commits)}, expected one"
    return [replace(one, ok=False, check=Check.identity, detail=why) if one.ok else one for one in results]


def commits_of(results: Iterable[Result]) -> tuple[str, ...]:
    """Return the commits that the certificates of verified files name, each once; empty for a certificate of none."""
    return tuple(dict.fromkeys(one.facts.signer.commit for one in results if one.ok and one.facts))


def _cause(_result: Result, _expected: Expected, _nearby: Sequence[Subject], _now: float, _trust: str) -> Cause | None:
    """Return why it failed. The one place where ``tagseal.verification.diagnosis`` is asked."""
    return None


def _described(path: Path) -> Subject:
    with opened(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Subject(path=path, size=file.tell(), sha256=sha256)


def _read(path: Path, most: int, what: str) -> bytes:
    with opened(path) as file:
        content = file.read(most + 1)
        if len(content) > most:
            raise ValueError(f"got {what} of {file.seek(0, 2)} bytes, expected at most {most}")
        return content


def _words(error: Exception) -> str:
    if isinstance(error, Refused):
        return error.what
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return reading.words(error)
