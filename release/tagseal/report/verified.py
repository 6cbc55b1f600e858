"""What came of a verification, for a person and for a program: nothing is called verified that was not."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import number_of, printable, show
from tagseal.verification.checksums import NAME
from tagseal.verification.found import KIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagseal.verification.result import Expected, Result
    from tagseal.verification.trust import Trust


def head(expected: Expected, trust: Trust, *, default: str = "") -> Iterator[str]:
    """Yield what the verdicts rest upon: whom is trusted, and who should have signed.

    Args:
        expected: Who.
        trust: Whom.
        default: The workflow file, where nobody named one.
    """
    yield f"trust:   {printable(trust.origin)}"
    yield f"signer:  {printable(expected.uri)}"
    if expected.identity is None:
        yield f"issuer:  {printable(expected.issuer)}"
    if expected.commit:
        yield f"commit:  {printable(expected.commit)}"
    if default:
        yield f"note:    {default} is the default; --workflow FILE names another"


def lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield the verdict on each file, and why it failed; those that failed alike stand together, with one reason."""
    groups: dict[object, list[Result]] = {}
    for number, result in enumerate(results):
        cause = None if result.ok else result.cause
        groups.setdefault((result.detail, cause.what, cause.next) if cause else number, []).append(result)
    for group in groups.values():
        for result in group:
            yield f"{'OK' if result.ok else 'FAIL'}: {_name(result)}"
            yield from (f"  | note: {printable(note)}" for note in result.notes if len(group) > 1)
        if not group[0].ok:
            yield from _reason(group[0], alone=len(group) == 1)
        yield from (f"  | note: {printable(note)}" for note in group[0].notes if len(group) == 1)


def _name(result: Result) -> str:
    return printable(str(result.subject.path) if result.subject else result.name)


def _reason(result: Result, *, alone: bool) -> Iterator[str]:
    """Yield what is the matter, before the verifier's own words: somebody in a hurry reads the first line."""
    cause, said = result.cause, f"  | {result.check}: {printable(result.detail)}"
    if cause is None:
        yield said
        return
    yield f"  | {printable(cause.what)}"
    yield from (f"  | {printable(one)}" for one in cause.context if one != result.detail)
    if result.detail.partition(",")[0] not in cause.what:
        yield said
    yield f"  | next{_where(result) if alone else ''}: {printable(cause.next)}"


def _where(result: Result) -> str:
    """Say in which folder a command is meant: it names files by their base names."""
    folder = str(result.subject.path.parent) if result.subject else "."
    return "" if folder == "." else f", in {printable(folder)}"


def without_paths(result: Result) -> Result:
    """Return a result whose files are gone: they had names, and nobody can look where they were."""
    subject, bundle, sums = result.subject, result.bundle, result.sums
    return replace(
        result,
        subject=replace(subject, path=Path(subject.path.name)) if subject else None,
        bundle=Path(bundle.name) if bundle else None,
        sums=Path(sums.name) if sums else None,
    )


def kits(folders: Iterable[Path]) -> Iterator[str]:
    """Yield what is left out of an unpacked offline kit, and why."""
    for folder in folders:
        where = "this folder" if folder == Path() else show(str(folder))
        yield (
            f"note:    {where} has an unpacked offline kit. Its {', '.join(sorted(KIT)[:-1])} and {max(KIT)} were not "
            "verified: they are signed together, as the kit's zip archive"
        )


def summary(results: Sequence[Result], expected: Expected) -> str:
    """Return the last line: how many, by whom, at which commit, and whether their names are bound."""
    good = [result for result in results if result.ok]
    if len(good) < len(results) or not good:
        return f"FAILED   {len(results) - len(good)} of {number_of(len(results), 'file')} did not verify"
    signers = [one.facts.signer for one in good if one.facts]
    commits = dict.fromkeys(signer.commit for signer in signers if signer.commit)
    triggers = dict.fromkeys(signer.trigger for signer in signers if signer.trigger)
    by = f", trigger {printable(', '.join(triggers))}" if triggers else ""
    at = f", commit {printable(', '.join(commits))}" if commits else ""
    return f"VERIFIED {number_of(len(good), 'file')}, {_names(good)}{by}{at}, signed by {printable(expected.uri)}"


def document(results: Sequence[Result], expected: Expected, trust: Trust) -> dict[str, object]:
    """Return all of it for ``--json``."""
    return {
        "ok": bool(results) and all(result.ok for result in results),
        "trust": {"origin": trust.origin, "sha256": trust.sha256},
        "expected": {"identity": expected.uri, "issuer": expected.issuer, "commit": expected.commit},
        "files": [_file(result) for result in results],
    }


def _file(result: Result) -> dict[str, object]:
    facts, subject = result.facts, result.subject
    return {
        "name": result.name,
        "path": str(subject.path) if subject else "",
        "ok": result.ok,
        "check": result.check,
        "detail": result.detail,
        "cause": asdict(result.cause) if result.cause else None,
        "size": subject.size if subject else 0,
        "sha256": subject.sha256 if subject else "",
        "bundle": str(result.bundle) if result.bundle else "",
        "named_by": str(result.sums) if result.sums else "",
        "notes": list(result.notes),
        "log_index": facts.log_index if facts else None,
        "integrated_time": facts.integrated_time if facts else None,
        "integrated_at": _rfc3339(facts.integrated_time) if facts else "",
        "certificate": asdict(facts.signer) if facts else None,
    }


def _rfc3339(seconds: int) -> str:
    """Return a time as RFC 3339 writes it, UTC; empty where there is none, or none that a calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def _names(results: Sequence[Result]) -> str:
    files = [result for result in results if result.name != NAME]
    if not files:
        return f"the list of names alone ({NAME})"
    free = [file.name for file in files if file.sums is None]
    if len(free) == len(files):
        return f"names not bound (no signed {NAME})"
    return f"names bound by {NAME}" + (f" (but not {printable(', '.join(free))})" if free else "")
