"""What a form of a command is, and how a line is read by one: each word of it is known.

A form names its program, its phase, the options that it may have, and a function that holds its words against what
was planned. The forms themselves are in ``tagseal.notes.known``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import canonicalize_name

from tagseal.errors import VerificationFailed
from tagseal.names import show
from tagseal.records import BUNDLE, GITHUB, Artifact, Identity, Index, Kind, Phase, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT, CONFIG = "trusted_root.json", "trust_config.json"
"""The root of trust in the offline kit: by itself, and in one document with the signing configuration."""

# A word is plain, or stands whole in single quotes: nothing that a shell expands, splits or runs. The one exception is
# the digest that the line above asked for.
_WORD = re.compile(
    r"""[A-Za-z0-9@%+=:,./_-]+(?= |$)|'[^'"$\n\\]*'(?= |$)|"[a-z0-9.:/_-]+@\$\{DIGEST\}"(?= |$)""", re.ASCII
)
_RESOLVED = re.compile(
    r"""DIGEST="\$\((?P<command>crane digest (?:[A-Za-z0-9.:/_-]+|'[A-Za-z0-9.:/_<>-]+'))\)\"""", re.ASCII
)
_PYTHON = re.compile(r"(?:python|pypy|py)[0-9.]*", re.ASCII)
_BY_PYTHON = re.compile(rf"(?<![\w./-]){_PYTHON.pattern}[ \t]+(?!-[IP])(?=-|[^\s`]+\.py\b)", re.ASCII)
_WHY_NOT_PYTHON = (
    "it looks for modules in this folder first, so it may run what was only downloaded; write `pip install`"
)
RESOLVED = "${DIGEST}"
"""What stands for the digest that a tag points at, below the line that asks for it."""


def from_index(index: Index) -> str:
    """Return the folder that the commands download into from an index."""
    return f"from-{index.name}"


def index_options(index: Index) -> tuple[str, ...]:
    """Return the address that pip has to be given for this index; none for the one that it asks by itself."""
    return () if index.name == "pypi" else (index.simple,)


class Use(StrEnum):
    """What a command is for."""

    download = "download"
    verify = "verify"
    hash = "hash"
    resolve = "resolve"
    install = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRelease:
    """What the commands of one release may speak of."""

    identity: Identity
    tag: str
    repository: str
    assets: frozenset[str]
    """Names of all assets, bundles included."""
    commit: str = ""
    """The commit that the certificates name; empty where no command may name one."""
    image: str = ""
    """Registry and repository of the image; empty for none."""
    digest: str = ""
    """``sha256:`` and the image's digest."""
    image_tag: str = ""
    """The tag by which strangers pull the image."""
    index: Index | None = None
    """Where the packages are besides; None for nowhere."""
    project: str = ""
    """Normalised, as the index's addresses spell it; empty without an index."""
    version: str = ""
    """As above."""

    @classmethod
    def of_plan(cls, plan: Plan, tag: str, artifacts: Sequence[Artifact]) -> ExpectedRelease:
        """Return what the release of a plan expects, its image and its index included."""
        found = replace(cls.of(plan.identity, tag, artifacts, next(iter(plan.image_tags), "")), commit=plan.commit)
        project = canonicalize_name(plan.project)
        return replace(found, index=plan.index, project=project, version=plan.version) if plan.index else found

    @classmethod
    def of(cls, identity: Identity, tag: str, artifacts: Sequence[Artifact], image_tag: str = "") -> ExpectedRelease:
        """Return what a release of these artifacts expects: each file is attached with its bundle."""
        names = [artifact.name for artifact in artifacts if artifact.kind is not Kind.image]
        image = next((artifact for artifact in artifacts if artifact.kind is Kind.image), None)
        return cls(
            identity=identity,
            tag=tag,
            repository=identity.repository,
            assets=frozenset(names) | {name + BUNDLE for name in names},
            image=image.name if image else "",
            digest=f"sha256:{image.sha256}" if image else "",
            image_tag=image_tag,
        )

    @property
    def requirement(self) -> str:
        """What pip is asked for: exactly this version."""
        return f"{self.project}=={self.version}"

    def url(self, name: str) -> str:
        """Return the asset's plain URL, which works without a token once the release is public."""
        return f"{GITHUB}/{self.repository}/releases/download/{quote(self.tag, safe='+')}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCall:
    """One simple command, taken apart."""

    line: str
    flags: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)

    def values(self, option: str) -> list[str]:
        """Return every value that the option was given."""
        return [value for name, value in self.options if name == option]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form that a command may have; every other flag or option is not understood."""

    program: tuple[str, ...]
    use: Use
    phase: Phase
    """Of most calls; see :meth:`phase_of`."""
    files: Callable[[ShellCall, ExpectedRelease], Sequence[str]]
    """Returns the assets that the call speaks of, having checked its words."""
    flags: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    public: Callable[[ShellCall], bool] = lambda _: False
    """Tells of a call whether it speaks of what is there only once the release is public."""
    commit: str = ""
    """The option that names the commit: a call that has it compares more than the signer's name."""

    def phase_of(self, call: ShellCall) -> Phase:
        """Return the phase that a call belongs to."""
        return Phase.public if self.public(call) else self.phase


def read(line: str, forms: Sequence[Form]) -> tuple[Form, ShellCall]:
    """Return which of these forms one simple command has, and the command taken apart.

    Raises:
        VerificationFailed: It has no known form, or a word that its form does not know.
    """
    asks = _RESOLVED.fullmatch(line)
    words = _words(asks["command"] if asks else line)
    form = next((form for form in forms if tuple(words[: len(form.program)]) == form.program), None)
    if form is None and _PYTHON.fullmatch(words[0]):
        raise misunderstanding(line, words[0], _WHY_NOT_PYTHON)
    if form is None:
        raise misunderstanding(line, words[0], "no such program, or not this way of calling it")
    if (form.use is Use.resolve) != (asks is not None):
        raise misunderstanding(line, words[0], 'a digest is asked for by DIGEST="$(crane digest IMAGE:TAG)"')
    call = ShellCall(line=line)
    rest = iter(words[len(form.program) :])
    for word in rest:
        if form.use is Use.install or not word.startswith("-"):
            call.operands.append(word)
        elif word in form.flags:
            call.flags.append(word)
        elif word in form.options:
            call.options.append((word, next(rest, "")))
        else:
            raise misunderstanding(line, word, f"not an option that {words[0]} has here")
    return form, call


def hold_no_python(markdown: str) -> None:
    """Hold that no line of a page, command or not, starts Python so that it looks for modules in the reader's folder.

    Raises:
        VerificationFailed: One does.
    """
    for line in markdown.split("\n"):
        if found := _BY_PYTHON.search(line):
            raise misunderstanding(line.strip(), found[0].strip(), _WHY_NOT_PYTHON)


def _words(line: str) -> list[str]:
    words, at = [], 0
    while at < len(line):
        if line[at] == " ":
            at += 1
        elif match := _WORD.match(line, at):
            words.append(match[0][1:-1] if match[0][0] in "'\"" else match[0])
            at = match.end()
        else:
            raise misunderstanding(line, line[at:].split(" ", 1)[0], "not a plain or single-quoted word")
    return words


def same(call: ShellCall, what: str, got: Sequence[str], expected: str) -> None:
    """Hold that a call gives this value, once.

    Raises:
        VerificationFailed: It gives none, another, or several.
    """
    if list(got) != [expected]:
        raise wrong(call, what, " ".join(got), expected)


def assets(call: ShellCall, names: Sequence[str], expected: ExpectedRelease) -> Sequence[str]:
    """Accept names of the release's assets.

    Raises:
        VerificationFailed: One is none.
    """
    if (strange := next((name for name in names if name not in expected.assets), None)) is not None:
        raise wrong(call, "file", strange, "the name of an asset")
    return names


def some(call: ShellCall, names: Sequence[str]) -> Sequence[str]:
    """Accept one name at least.

    Raises:
        VerificationFailed: There is none.
    """
    if not names:
        raise wrong(call, "files", "none", "at least one")
    return names


def wrong(call: ShellCall, what: str, got: str, expected: str) -> VerificationFailed:
    """Return what to raise for a word that is not the planned one."""
    return VerificationFailed(
        f"{what}: got {show(got)}, expected {show(expected, 500)}",
        context=(f"in the command {show(call.line, 500)}",),
        hint="Correct the command in the template; `tagseal notes`, or `tagseal guide`, shows the page.",
        slug="command-wrong-word",
    )


def misunderstanding(line: str, word: str, why: str) -> VerificationFailed:
    """Return what to raise for a word that no form knows."""
    return VerificationFailed(
        f"the word {show(word)} is not understood: {why}",
        context=(f"in the command {show(line, 500)}",),
        hint="Write one simple command a line, with the options that the packaged template uses.",
        slug="command-not-understood",
    )
