"""What another tool's message means: recognised in whatever was pasted, and said in words for a person.

1. The text is bounded, and cleaned of colours and of the margins that sigstore-python's log lines have.
2. White space is taken out of it, for messages are wrapped at the terminal's width, even within a name.
3. Every known message is looked for; one that is printed twice is told once, and several are told in their order.
4. Where a message holds identities, they are taken apart, and what differs decides what is said.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import FILE, printable
from tagseal.records import ISSUER
from tagseal.verification.diagnosis import certificates, identities
from tagseal.verification.diagnosis.evidence import Evidence, Signed
from tagseal.verification.diagnosis.troubles import INSTALL, TROUBLES
from tagseal.verification.diagnosis.wording import capital, cut
from tagseal.verification.facts import Facts, Signer
from tagseal.verification.result import Check, Expected, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.verification.diagnosis.troubles import Message, Trouble
    from tagseal.verification.result import Cause

LARGEST = 1 << 20
"""Characters; a longer text is cut there."""
MOST = 20
"""Explanations that are given of one text."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)")
_MARGIN = re.compile(r"(?<![ \t])[ \t]+\w{1,40}\.py:\d{1,6}[ \t]*$", re.MULTILINE)
"""Where sigstore-python's lines end: the source line that wrote them. White space is entered at its beginning only."""
_FAIL = re.compile(r"\bFAIL:\s+(\S{1,300})")
_FAILED = re.compile(r"^(.{1,300}): FAILED(?: open or read)?[ \t]*$", re.MULTILINE)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_IMAGES = ("no matching signatures", "no matching attestations")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One message, and what it means."""

    slug: str
    """The trouble's."""
    cause: str = ""
    """What the identities in the message tell besides: the slug of a cause, such as ``fork``."""
    tool: str
    """By which tool such a message is printed."""
    said: str
    """The part by which it was recognised, as the tool prints it."""
    title: str
    """Without a full stop."""
    meaning: tuple[str, ...]
    """Sentences, the dangerous reading first."""
    next: str
    """What to do; commands in backticks."""


def explain(text: str) -> tuple[Explanation, ...]:
    """Explain every known message in a text, in its order; nothing for a text that holds none."""
    clean = _MARGIN.sub("", _COLOURS.sub("", text[:LARGEST]))
    squeezed = _SPACE.sub("", clean)
    found = sorted(_find(squeezed), key=lambda one: one[0])
    fails = _fails(clean)
    told: dict[tuple[str, ...], Explanation] = {}
    for _, trouble, said, match in found:
        one = _explain(trouble, said, match, _near(fails, match.start()))
        told.setdefault((one.slug, *one.meaning), one)
    present = {one.slug for one in told.values()}
    hidden = {trouble.slug for trouble in TROUBLES if present.intersection(trouble.unless)}
    kept = [one for one in told.values() if one.slug not in hidden]
    return tuple(_with_names(one, clean) for one in kept[:MOST])


def lines(explanation: Explanation) -> Iterator[str]:
    """Yield an explanation as lines for a terminal."""
    yield f"{explanation.tool} says: {explanation.said}"
    yield f"  {explanation.title}."
    yield from (f"  {printable(sentence)}" for sentence in explanation.meaning)
    yield f"  Next: {printable(explanation.next)}"


def _find(squeezed: str) -> Iterator[tuple[int, Trouble, Message, re.Match[str]]]:
    for trouble, said, form in _forms():
        yield from ((match.start(), trouble, said, match) for match in form.finditer(squeezed))


@cache
def _forms() -> Sequence[tuple[Trouble, Message, re.Pattern[str]]]:
    """Compile each message: what follows its fixed part is taken where it is as expected."""
    return tuple(
        (
            trouble,
            said,
            re.compile(said.before + re.escape(_SPACE.sub("", said.text)) + (f"(?:{said.rest})?" if said.rest else "")),
        )
        for trouble in TROUBLES
        for said in trouble.said
    )


def _explain(trouble: Trouble, said: Message, match: re.Match[str], file: str) -> Explanation:
    values = {name: value for name, value in match.groupdict().items() if value}
    before = match.string[max(0, match.start() - 200) : match.start()]
    image = any(_SPACE.sub("", words) in before for words in _IMAGES)
    plain = Explanation(
        slug=trouble.slug,
        tool=said.tool,
        said=said.text.strip(": "),
        title=trouble.title,
        meaning=trouble.meaning,
        next=trouble.next,
    )
    if (program := values.get("program", "")) in INSTALL:
        first = f"The shell finds no program that is called {cut(program)}, so nothing was verified."
        return replace(plain, meaning=(first, *trouble.meaning[1:]), next=INSTALL[program])
    if not (got := _names(values.get("got", ""))):
        return replace(plain, meaning=(*_differing(values), *trouble.meaning))
    if "wanted" not in values:
        return replace(plain, meaning=(*_take_apart(got, values.get("issuer", "")), *trouble.meaning))
    cause = _cause(got, values["wanted"], file, image=image)
    if cause is None:
        return plain
    both = (f"Expected {cut(values['wanted'])}.", f"Got {', '.join(cut(name) for name in got)}.")
    meaning = (f"{capital(cause.what)}.", *cause.context, *both)
    return replace(plain, cause=cause.slug, meaning=meaning, next=cause.next)


def _cause(got: tuple[str, ...], wanted: str, file: str, *, image: bool) -> Cause | None:
    """Let the rules about identities say what differs; the message tells nothing else about the certificate."""
    case = Evidence(
        check=Check.identity,
        detail="",
        facts=Facts(subjects=got, signer=Signer(subjects=got, issuer=ISSUER)),
        subject=Subject(path=Path(file)),
        expected=Expected(uri=wanted, issuer=ISSUER),
        listed={},
        now=0,
        trust="the tool's root of trust",
        image=image,
    )
    rules = (*certificates.RULES, *identities.RULES)
    return next((found for rule in rules if (found := rule(case)) is not None), None)


def _names(text: str) -> tuple[str, ...]:
    """Return the names in a list as Python or Go print it."""
    quoted = tuple(one or other for one, other in _QUOTED.findall(text))
    return quoted or ((text,) if text else ())


def _take_apart(got: tuple[str, ...], issuer: str) -> Iterator[str]:
    """Say who signed, where the message does not tell who should have."""
    for name in got:
        one = Signed.parse(name)
        if not one.repository:
            yield f"The signer is {cut(name)}."
            continue
        ref = f"the tag {cut(one.tag)}" if one.tag else f"{cut(one.branch)}, which is no tag: no release signs there"
        yield f"The signer is {cut(one.repository)}, its workflow {cut(one.workflow)}, for {ref}."
    if issuer:
        yield f"{cut(issuer)} vouches for it; this message also comes where only that differs."


def _differing(values: dict[str, str]) -> Iterator[str]:
    """Say what was got and expected, where the message tells."""
    for part in ("issuer", "repository"):
        if f"got_{part}" in values:
            yield f"Got {cut(values[f'got_{part}'])}, expected {cut(values[f'wanted_{part}'])}."


def _fails(clean: str) -> Sequence[tuple[int, str]]:
    """Return what sigstore-python says FAIL of, by its place in the text without white space."""
    places = [(len(_SPACE.sub("", clean[: one.start()])), one[1].rpartition("/")[2]) for one in _few(_FAIL, clean)]
    return [(at, name) for at, name in places if FILE.fullmatch(name)]


def _few(form: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(form.finditer(text)):
        if count == MOST:
            return
        yield match


def _near(fails: Sequence[tuple[int, str]], at: int) -> str:
    """Return the name in the last FAIL before this place; FILE where there is none."""
    before = bisect_right([place for place, _ in fails], at)
    return fails[before - 1][1] if before else "FILE"


def _with_names(one: Explanation, clean: str) -> Explanation:
    """Name the files that sha256sum complains of."""
    if one.tool != "sha256sum" or not (names := [cut(match[1].strip()) for match in _few(_FAILED, clean)]):
        return one
    return replace(one, meaning=(f"It complains of {', '.join(names)}.", *one.meaning))
