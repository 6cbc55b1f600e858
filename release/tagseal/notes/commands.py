"""The commands of the notes: found by their fences, and understood word by word.

``prove`` executes the ``draft`` commands while the release is still a draft; a ``public`` one cannot run before it
is too late. Which of them a command is follows from its form: the page itself says nothing of phases, so no text on it
can claim one. Every command has one of few forms, and every word in it must be the planned one. What this module does
not understand, it refuses: a shell has too many ways to look harmless.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.names import number_of, show
from tagseal.notes.forms import RESOLVED, ExpectedRelease, Use, hold_no_python, read
from tagseal.notes.known import FORMS
from tagseal.notes.page import fences
from tagseal.records import BUNDLE, Artifact, Command, Kind, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tagseal.notes.forms import Form

__all__ = [
    "ExpectedRelease",
    "Purpose",
    "Use",
    "classify",
    "commands",
    "require_purposes",
    "shown_packages",
    "split",
    "too_early",
    "words",
]

MANY = 6
"""Wheels whose provenance the notes verify one by one; ``witness`` verifies them all."""
_COMMAND = "bash"
_LISTED = frozenset({Kind.wheel, Kind.sdist, Kind.asset})
"""What the list of hashes lists: who has verified the list, and holds a file against it, has verified the file."""
_OUTPUT = frozenset({"text", "json", "yaml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What one command does, in one word each."""

    kind: Use
    tool: str
    files: tuple[str, ...]
    """Assets that it downloads or verifies, or the image as it is named there; empty for an installation."""
    phase: Phase
    helper: str = ""
    """The tool that says which digest a tag points at, where the command begins with that question."""
    names_commit: bool = False
    """Whether it compares the source repository and the commit too, and so refuses a signer's name that was lent."""

    @property
    def of_image(self) -> bool:
        """Whether it speaks of the image, which lies in a registry and not in the reader's folder."""
        return any("/" in name for name in self.files)


def commands(markdown: str, forms: Sequence[Form] = FORMS) -> tuple[Command, ...]:
    """Return the commands of a verify section, in order, each with the phase that its form has.

    Raises:
        VerificationFailed: A code block is neither ``bash`` nor output; a command has none of these forms; or a line
            tells the reader to run what was not verified.
    """
    hold_no_python(markdown)
    blocks = fences(markdown)
    for info, content in blocks:
        if info != _COMMAND and info not in _OUTPUT:
            raise VerificationFailed(
                f"got a code block marked {show(info)} in the verify section, expected bash for commands, or text, "
                "json, yaml for what is not run",
                context=(show(content.partition("\n")[0]),),
                hint="Mark the block `bash` in the template: a command that nobody runs may be wrong for years.",
                slug="notes-unknown-fence",
            )
    return tuple(
        Command(phase=_phase(content, forms), text=content.removesuffix("\n"))
        for info, content in blocks
        if info == _COMMAND
    )


def _phase(text: str, forms: Sequence[Form]) -> Phase:
    """Return when a block can run: as its first command does, and :func:`classify` holds that the others do as well."""
    return next((form.phase_of(call) for form, call in (read(line, forms) for line in split(text))), Phase.shown)


def split(text: str) -> list[str]:
    """Return the simple commands of a block, each in one line."""
    return [line for line in text.replace("\\\n", "").split("\n") if line.strip()]


def words(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of each simple command of a block: neither its lines nor its quotes tell two apart."""
    return tuple(tuple(shlex.split(line)) for line in split(text))


def classify(command: Command, *, expected: ExpectedRelease, forms: Sequence[Form] = FORMS) -> Purpose:
    """Return what the command is for, having held every word of it against what was planned, by one of these forms.

    Raises:
        VerificationFailed: A word is not understood, or not the planned one.
    """
    lines = split(command.text)
    purposes = [_classify(line, command.phase, expected, forms) for line in lines]
    asked = next((purpose for purpose in purposes[:1] if purpose.kind is Use.resolve), None)
    purposes = purposes[1:] if asked else purposes
    if (asked is not None) != any(name.endswith(RESOLVED) for purpose in purposes for name in purpose.files):
        raise VerificationFailed(
            f"got a question for a digest, or {RESOLVED}, without the other in one block, expected both",
            context=tuple(show(line) for line in lines),
            hint=f'Write DIGEST="$(crane digest IMAGE:TAG)" in the line above the command with {RESOLVED}.',
            slug="command-digest-unasked",
        )
    if len({(purpose.kind, purpose.tool, purpose.names_commit) for purpose in purposes}) != 1:
        raise VerificationFailed(
            f"got {len(purposes)} kinds of command in one block, expected one",
            context=tuple(show(line) for line in lines),
            hint="Give each tool a code block of its own in the template.",
            slug="command-mixed",
        )
    files = tuple(name for purpose in purposes for name in purpose.files)
    helper = asked.tool if asked else ""
    return replace(purposes[0], files=files, helper=helper)


def require_purposes(
    commands: Sequence[Command], expected: ExpectedRelease, artifacts: Sequence[Artifact]
) -> tuple[Purpose, ...]:
    """Return each command's purpose, having held that together they cover every artifact.

    Raises:
        VerificationFailed: A command is wrong, or an artifact is not downloaded, hashed or verified, in this order.
    """
    purposes = tuple(classify(command, expected=expected) for command in commands)
    missing = [line for artifact in artifacts for line in _find_uncovered(artifact, purposes, artifacts, expected)]
    missing += _from_index(purposes, artifacts, expected)
    if missing := [*missing, *too_early(purposes, artifacts)]:
        raise VerificationFailed(
            f"got instructions that leave out {number_of(len(missing), 'thing')}, expected every file to be covered",
            context=tuple(missing),
            hint="Add the commands to the template that overrides verify/, or remove the override.",
            slug="instructions-incomplete",
        )
    return purposes


def _find_uncovered(
    artifact: Artifact, purposes: Sequence[Purpose], all_of_them: Sequence[Artifact], expected: ExpectedRelease
) -> Iterator[str]:
    verifies = [purpose for purpose in purposes if purpose.kind is Use.verify]
    cosign = [purpose for purpose in verifies if purpose.tool == "cosign"]
    if artifact.kind is Kind.image:
        by_digest = f"{expected.image}@{expected.digest}"
        ways = (by_digest, f"{expected.image}:{expected.image_tag}", f"{expected.image}@{RESOLVED}")
        yield from (f"{way}: no cosign command" for way in ways if way not in _files(verifies))
        if by_digest not in _files(cosign, names_commit=True):
            yield f"{by_digest}: no cosign command that names the commit"
        return
    both = {artifact.name, artifact.name + BUNDLE}
    downloads = [purpose for purpose in purposes if purpose.kind is Use.download]
    for what, phase in (("download before it is public", Phase.draft), ("download by plain URL", Phase.public)):
        covered = _files(purpose for purpose in downloads if purpose.phase is phase)
        yield from (f"{name}: no {what}" for name in sorted(both - covered))
    lists = {other.name for other in all_of_them if other.kind is Kind.checksums}
    hashed = _files(purpose for purpose in purposes if purpose.kind is Use.hash)
    by_list = {artifact.name, *(lists & hashed if artifact.kind in _LISTED else ())}
    sigstore = [purpose for purpose in verifies if purpose.tool == "sigstore"]
    for tool, of_tool, names in (("sigstore", sigstore, {artifact.name}), ("cosign", cosign, by_list)):
        if not _files(of_tool) & names:
            yield f"{artifact.name}: no {tool} command"
        elif not _files(of_tool, names_commit=True) & names:
            yield f"{artifact.name}: no {tool} command that names the commit"
    if artifact.kind is not Kind.checksums and not hashed & lists:
        yield f"{artifact.name}: no check of its hash"


def _files(purposes: Iterable[Purpose], *, names_commit: bool = False) -> set[str]:
    return {name for purpose in purposes if purpose.names_commit or not names_commit for name in purpose.files}


def _from_index(purposes: Sequence[Purpose], artifacts: Sequence[Artifact], expected: ExpectedRelease) -> Iterator[str]:
    """Yield what the commands leave out of an index: the download, and a package's provenance; of many, of two."""
    if expected.index is None:
        return
    if ("pip", Use.download) not in [(purpose.tool, purpose.kind) for purpose in purposes]:
        yield f"{expected.requirement}: no download from {expected.index.name}"
    if not expected.index.site:
        return
    attested = {name for purpose in purposes if purpose.tool == "pypi-attestations" for name in purpose.files}
    yield from (
        f"{package.name}: no command for its provenance"
        for package in shown_packages(artifacts)
        if package.name not in attested
    )


def shown_packages(artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    """Return the packages whose provenance the notes verify: all of few, else the first wheel and the sdist."""
    wheels = [artifact for artifact in artifacts if artifact.kind is Kind.wheel]
    others = [artifact for artifact in artifacts if artifact.kind is Kind.sdist]
    return (*(wheels if len(wheels) <= MANY else wheels[:1]), *others)


def too_early(purposes: Sequence[Purpose], artifacts: Sequence[Artifact]) -> Iterator[str]:
    """Yield what a command reads above its download: a reader goes from top to bottom."""
    there: set[str] = set()
    everything = {artifact.name for artifact in artifacts if artifact.kind is not Kind.image}
    for purpose in purposes:
        if purpose.kind is Use.download and purpose.phase is Phase.draft:
            there |= set(purpose.files)
        if purpose.of_image:
            continue
        needed = set(purpose.files) | {name + BUNDLE for name in purpose.files if purpose.kind is Use.verify}
        needed |= everything if purpose.kind is Use.hash else set()
        if purpose.kind in {Use.verify, Use.hash}:
            yield from (f"{name}: {purpose.tool} reads it above its download" for name in sorted(needed - there))


def _classify(line: str, phase: Phase, expected: ExpectedRelease, forms: Sequence[Form]) -> Purpose:
    form, call = read(line, forms)
    tool = form.program[0]
    expected_phase = form.phase_of(call)
    if phase is not expected_phase:
        raise VerificationFailed(
            f"got {tool} in a block of the phase {phase}, expected {expected_phase}",
            context=(show(line),),
            hint="Give each command a code block of its own in the template.",
            slug="command-wrong-phase",
        )
    return Purpose(
        kind=form.use,
        tool=tool,
        files=tuple(form.files(call, expected)),
        phase=phase,
        names_commit=bool(form.commit and call.values(form.commit)),
    )
