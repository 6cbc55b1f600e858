"""One sentence for each record: what the step did, in numbers that a person wants."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from typing import TYPE_CHECKING

from rich.filesize import decimal

from tagseal.names import number_of, printable
from tagseal.records import Build, Checks, Draft, Kind, Plan, Proof, Publication, Seal, Tag, Testimony

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tagseal.records import Artifact, Record

_NAMED = 5
"""Untracked files that are named; a forgotten environment has thousands."""


@singledispatch
def sentence(record: object) -> str:
    """Return what a step did."""
    raise TypeError(type(record).__name__)


@sentence.register
def _(record: Tag) -> str:
    agreed = "tag, remote and checkout" if record.unchecked else "tag, token, remote and checkout"
    return f"{agreed} agree on {record.commit[:7]}"


@sentence.register
def _(record: Plan) -> str:
    kind = "pre-release" if record.prerelease else "latest" if record.latest else "not the latest"
    return f"{record.project} {record.version}, {kind}, notes from {record.changelog}"


@sentence.register
def _(record: Build) -> str:
    files = f"{'collected ' if record.collected else ''}{_files(record.artifacts)}"
    return files + (f", image for {_count(record.image.manifests or (1,), 'platform')}" if record.image else "")


@sentence.register
def _(record: Checks) -> str:
    last = record.verdicts[-1] if record.verdicts else None
    rest = f"; {last.name}: {printable(last.detail)}" if last and last.detail else ""
    return f"{_count(record.artifacts, 'file')} as planned, {_count(record.verdicts, 'check')}{rest}"


@sentence.register
def _(record: Seal) -> str:
    kept = f", {record.kept} of them kept" if record.kept else ""
    more = {"signature": record.signatures, "attestation": record.attestations}
    of = {"signature": " of the image", "attestation": " for the index"}
    parts = [f"{_count(found, name)}{of[name]}" for name, found in more.items() if found]
    signed = ", ".join([_count(record.bundles, "bundle"), *parts])
    return f"{signed}{kept}, as {record.identity.workflow}@{record.identity.ref}"


@sentence.register
def _(record: Draft) -> str:
    pushed = f"; {record.pushed} parts of the image pushed" if record.pushed else ""
    return f"draft with {_count(record.assets, 'asset')}, {record.sent} sent{pushed}"


@sentence.register
def _(record: Proof) -> str:
    ran = f"{_count(record.commands, 'command')} from the notes ran, {_count(record.attacks, 'attack')} refused"
    later = f"; {record.later} more for witness" if record.later else ""
    return ran + later + (f", {record.shown} only shown" if record.shown else "") + _kit(record)


@sentence.register
def _(record: Publication) -> str:
    return "; ".join(record.acts)


@sentence.register
def _(record: Testimony) -> str:
    seen = "as a stranger sees them" if record.public else "published, not publicly verifiable"
    return f"{_count(record.commands, 'command')} from the notes ran, {seen}{_kit(record)}"


class About(StrEnum):
    """What a line besides a step's sentence is about."""

    unseen = "unseen"
    """What a guard could not check, or the build will not see."""
    irreversible = "irreversible"
    other = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a person should know besides: one line, with the word that marks it."""

    about: About
    text: str


def asides(record: Record) -> Iterator[Aside]:
    """Yield what a person should know besides."""
    if isinstance(record, Tag):
        yield from (_note(f"not checked: {text}", About.unseen) for text in record.unchecked)
        named = record.untracked[:_NAMED]
        yield from (_note(f"left out, for git does not track it: {name}", About.unseen) for name in named)
        if more := len(record.untracked) - len(named):
            yield _note(f"left out, for git does not track them: {more} more files", About.unseen)
    if isinstance(record, Plan):
        yield from (_note(f"exists already: {text}") for text in record.published)
        yield from (_note(f"for ever: {text}", About.irreversible) for text in record.irreversible)
    if isinstance(record, Plan | Testimony):
        yield from map(_note, record.remarks)


def _note(text: str, about: About = About.other) -> Aside:
    return Aside(about=about, text=f"note:    {printable(text)}")


def _files(artifacts: Iterable[Artifact]) -> str:
    order = list(Kind)
    found = sorted(artifacts, key=lambda one: (order.index(one.kind), one.name))
    if len(found) > 4:  # noqa: PLR2004 - one line has no room for more
        kinds = Counter(one.kind for one in found)
        return ", ".join(number_of(number, kind) for kind, number in kinds.items())
    return ", ".join(f"{one.kind} {decimal(one.size)}" for one in found)


def _kit(record: Proof | Testimony) -> str:
    return f"; {_count(record.kit, 'command')} of the offline kit ran {record.offline}" if record.kit else ""


def _count(things: tuple[object, ...], word: str) -> str:
    return number_of(len(things), word)
