"""Many files, each with its bundle: verified side by side, and then as what they are together.

1. Each file: it is there, its bundle is there, and the one verifies by the other.
2. Their names: ``SHA256SUMS`` binds them, once it has verified itself.
3. Their commit: files of one release were signed at one commit, whatever their names say.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine.files import measure, open_file
from tagseal.machine.threads import side_by_side
from tagseal.verification import checksums, policy, reading
from tagseal.verification.found import FileToVerify, find_files, is_bundle
from tagseal.verification.result import Cause, Check, Expected, Result, Subject
from tagseal.verification.verify import LARGEST_BUNDLE, Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from pathlib import Path

    from sigstore.verify.policy import VerificationPolicy

    from tagseal.verification.trust import Trust

MOST_NEARBY, LARGEST_NEARBY = 100, 1 << 28
"""Files beside one that failed, and bytes of each, that are looked at to tell whose bundle it has."""
_OF_THE_SIGNER = {Check.time, Check.certificate, Check.identity, Check.log}
"""What is checked of the signer and the instance, and of no file's bytes."""
THREADS = 4
"""Hashing and the arithmetic of signatures run side by side; the rest does not."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """What the threads share."""

    policy: VerificationPolicy
    trust: Trust
    whole: bool
    """Whether the files are a release."""
    results: dict[Path, Result] = field(default_factory=dict)
    lists: dict[Path, checksums.Sums] = field(default_factory=dict)
    """Verified ones, by their path."""
    refused: dict[Path, bytes] = field(default_factory=dict)
    """Bundles that did not verify, by their file."""


def verify_files(
    paths: str | Path | Iterable[str | Path], expected: Expected, trust: Trust, *, whole: bool = False
) -> tuple[Result, ...]:
    """Verify files, folders, and patterns that no shell has expanded; nothing of them is left out.

    Nothing else is read than these, their bundles and ``SHA256SUMS`` beside them: no configuration, no environment.

    >>> from tagseal.verification import Trust, publisher, verify_files
    >>> def check(folder):
    ...     expected = publisher("octo/widget", "v1.2.3")
    ...     results = verify_files(folder, expected, Trust.public())
    ...     assert results and all(result.ok for result in results)

    Args:
        paths: What to verify, one or several. A bundle among them is paired with its file.
        expected: Who should have signed.
        trust: What to trust; loading it is the caller's, once for many calls.
        whole: Whether they are a release: then a verified ``SHA256SUMS`` must be among them, and every file that it
            lists. Whoever can edit a release can delete the list, and then exchange names or leave a file out.

    Returns:
        What came of each, in the order of ``paths``, folders sorted, each file once. A file that is not there, or has
        no bundle, has failed.

    Raises:
        UsageError: ``expected`` is empty, or there are too many files.
    """
    work = _Work(policy=policy.of(expected), trust=trust, whole=whole)
    wanted = find_files([paths] if isinstance(paths, str | os.PathLike) else paths, whole=whole)

    def one(each: FileToVerify) -> None:
        work.results[each.path] = _verify(each, work)

    side_by_side(one, wanted, THREADS)
    if whole:
        absent = _absent(wanted, work)
        side_by_side(one, absent, THREADS)
        wanted = (*wanted, *absent)
    results = _together([_compare_name(work.results[each.path], each, work) for each in wanted])
    if all(result.ok for result in results):
        return tuple(results)
    nearby, alike = tuple(_nearby(results)), _alike(results)
    causes: dict[tuple[str, ...], Cause] = {}

    def explained(result: Result, each: FileToVerify) -> Result:
        """Say why it failed, and what to do next; of several that failed alike once."""
        together = alike.get(each.path, ())
        if together and together in causes:
            return replace(result, cause=causes[together])
        found = _cause(result, each, expected, nearby, work, together)
        causes[together] = found
        return replace(result, cause=found)

    return tuple(result if result.ok else explained(result, each) for result, each in zip(results, wanted, strict=True))


def _alike(results: Iterable[Result]) -> dict[Path, tuple[str, ...]]:
    """Return the paths of all files that failed alike, by each of them: one wrong option fails them all.

    The same check failed with the same words, and the certificates say the same, but for when they were made.
    """
    groups: defaultdict[tuple[object, ...], list[Path]] = defaultdict(list)
    for result in results:
        if result.check in _OF_THE_SIGNER and result.facts and result.subject:
            said = replace(result.facts.signer, not_before=0, not_after=0)
            groups[result.check, result.detail, said].append(result.subject.path)
    return {path: tuple(map(str, paths)) for paths in groups.values() if len(paths) > 1 for path in paths}


def _absent(wanted: Sequence[FileToVerify], work: _Work) -> tuple[FileToVerify, ...]:
    """Return what a release lacks: its list, or what a verified list names."""
    there = {one.path for one in wanted}
    if wanted and checksums.NAME not in {path.name for path in there}:
        why = f"got a release without {checksums.NAME}, expected one that is signed"
        return (FileToVerify(path=wanted[0].path.with_name(checksums.NAME), problem=(Check.file, why)),)
    why = f"got nothing of that name, expected a file: {checksums.NAME} lists it"
    listed = [path.with_name(name) for path, found in work.lists.items() for name in found.digests]
    return tuple(FileToVerify(path=path, problem=(Check.file, why)) for path in listed if path not in there)


def _verify(wanted: FileToVerify, work: _Work) -> Result:
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
            subject = _describe(path)
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
    result = _tell(result, outcome)
    if not result.ok:
        work.refused[path] = bundle
    return _read_list(result, path, content, work) if result.ok and path.name == checksums.NAME else result


def _tell(result: Result, outcome: Outcome) -> Result:
    verdict = outcome.verdict
    return replace(result, ok=verdict.ok, check=outcome.check, detail=verdict.detail, facts=outcome.facts)


def _read_list(result: Result, path: Path, content: bytes, work: _Work) -> Result:
    """Keep what a verified list says; one that cannot be read for certain has failed."""
    try:
        work.lists[path] = checksums.sums(content)
    except ValueError as error:
        return replace(result, ok=False, check=Check.name, detail=_words(error))
    return result


def _compare_name(result: Result, wanted: FileToVerify, work: _Work) -> Result:
    """Compare a file's name with the list that was verified."""
    listed = work.lists.get(wanted.sums) if wanted.sums else None
    if not result.ok or listed is None or result.subject is None or result.name == checksums.NAME:
        return result
    if problem := listed.problem(result.name, result.subject.sha256):
        return replace(result, ok=False, check=Check.name, detail=problem)
    return replace(result, sums=wanted.sums) if result.name in listed.digests else result


def _together(results: Sequence[Result]) -> list[Result]:
    """Let none be good where the certificates name several commits: nobody can tell which belong together."""
    commits = tuple(dict.fromkeys(result.facts.signer.commit for result in results if result.ok and result.facts))
    if len(commits) < 2:  # noqa: PLR2004 - one, or none
        return list(results)
    why = (
        f"got files signed at {len(commits)} commits, {', '.join(commit or 'none' for commit in commits)}, expected one"
    )
    return [replace(result, ok=False, check=Check.identity, detail=why) if result.ok else result for result in results]


def _cause(  # noqa: PLR0913, PLR0917 - what a diagnosis may know
    result: Result,
    wanted: FileToVerify,
    expected: Expected,
    nearby: Sequence[Subject],
    work: _Work,
    alike: tuple[str, ...],
) -> Cause:
    from tagseal.verification.diagnosis import cause  # noqa: PLC0415 - nobody waits for it where all is well

    listed = work.lists.get(wanted.sums) if wanted.sums else None
    return cause(
        result.check or Check.file,
        result.detail,
        result.facts,
        result.subject or Subject(path=wanted.path),
        expected,
        now=time.time(),
        trust=work.trust.name,
        bundle=work.refused.get(wanted.path),
        nearby=nearby,
        listed=listed.digests if listed else {},
        whole=work.whole,
        alike=alike,
    )


def _nearby(results: Iterable[Result]) -> Iterator[Subject]:
    """Yield the files that a bundle may belong to which does not fit its own: those asked for, then what lies there."""
    subjects = {result.subject.path: result.subject for result in results if result.subject}
    yield from (subject for subject in subjects.values() if subject.sha256)
    folders = {
        result.subject.path.parent: None for result in results if result.check is Check.signature and result.subject
    }
    there = (path for folder in folders for path in _others(folder, subjects))
    for path in islice(there, MOST_NEARBY):  # of all folders: a stranger made them, and their number
        with suppress(OSError, Refused):
            if path.lstat().st_size <= LARGEST_NEARBY:
                yield _describe(path)


def _others(folder: Path, known: Container[Path]) -> list[Path]:
    """Return the first of what else lies in a folder, bundles left out; nothing of one that cannot be read."""
    with suppress(OSError):
        names = (path for path in sorted(folder.iterdir()) if path not in known and not is_bundle(path))
        return list(islice(names, MOST_NEARBY))
    return []


def _describe(path: Path) -> Subject:
    size, sha256 = measure(path)
    return Subject(path=path, size=size, sha256=sha256)


def _read(path: Path, most: int, what: str) -> bytes:
    with open_file(path) as file:
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
