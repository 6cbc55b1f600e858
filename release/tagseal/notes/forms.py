"""The forms that a command of the notes may have: each word of each is known.

A form names its program, its phase, the options that it may have, and a function that holds its words against what
was planned. Options of a tool that make it check less (patterns, offline modes, other roots) are in no form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.requirements import InvalidRequirement, Requirement

from tagseal.errors import VerificationFailed
from tagseal.names import shown
from tagseal.records import GITHUB, Artifact, Identity, Kind, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUNDLE = ".sigstore.json"

# A word is plain, or stands whole in single quotes: nothing that a shell expands, splits or runs.
_WORD = re.compile(r"[A-Za-z0-9@%+=:,./_-]+(?= |$)|'[^'\n\\]*'(?= |$)", re.ASCII)


class Use(StrEnum):
    """What a command is for."""

    download = "download"
    verify = "verify"
    hash = "hash"
    install = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the commands of one release may speak of."""

    identity: Identity
    tag: str
    repository: str
    assets: frozenset[str]
    """Names of all assets, bundles included."""

    @classmethod
    def of(cls, identity: Identity, tag: str, artifacts: Sequence[Artifact]) -> Expected:
        """Return what a release of these artifacts expects: each is attached with its bundle."""
        names = [artifact.name for artifact in artifacts if artifact.kind is not Kind.image]
        assets = frozenset(names) | {name + BUNDLE for name in names}
        return cls(identity=identity, tag=tag, repository=identity.repository, assets=assets)

    def url(self, name: str) -> str:
        """Return the asset's plain URL, which works without a token once the release is public."""
        return f"{GITHUB}/{self.repository}/releases/download/{quote(self.tag, safe='+')}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
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
    files: Callable[[Call, Expected], Sequence[str]]
    """Returns the assets that the call speaks of, having checked its words."""
    flags: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()


def read(line: str) -> tuple[Form, Call]:
    """Return the form of one simple command, and the command taken apart.

    Raises:
        VerificationFailed: It has no known form, or a word that its form does not know.
    """
    words = _words(line)
    form = next((form for form in _FORMS if tuple(words[: len(form.program)]) == form.program), None)
    if form is None:
        raise _not_understood(line, words[0], "no such program, or not this way of calling it")
    call = Call(line=line)
    rest = iter(words[len(form.program) :])
    for word in rest:
        if form.use is Use.install or not word.startswith("-"):
            call.operands.append(word)
        elif word in form.flags:
            call.flags.append(word)
        elif word in form.options:
            call.options.append((word, next(rest, "")))
        else:
            raise _not_understood(line, word, f"not an option that {words[0]} has here")
    return form, call


def _words(line: str) -> list[str]:
    words, at = [], 0
    while at < len(line):
        if line[at] == " ":
            at += 1
        elif match := _WORD.match(line, at):
            words.append(match[0].strip("'"))
            at = match.end()
        else:
            raise _not_understood(line, line[at:].split(" ", 1)[0], "not a plain or single-quoted word")
    return words


def _gh(call: Call, expected: Expected) -> Sequence[str]:
    _same(call, "tag", call.operands, expected.tag)
    _same(call, "--repo", call.values("--repo"), expected.repository)
    return _assets(call, call.values("--pattern"), expected) or sorted(expected.assets)


def _curl(call: Call, expected: Expected) -> Sequence[str]:
    for flag in ("--fail", "--location", "--remote-name-all"):
        if flag not in call.flags:
            raise _wrong(call, "flags", " ".join(call.flags), flag)
    names = [url.rpartition("/")[2] for url in call.operands]
    for url, name in zip(call.operands, names, strict=True):
        if url != expected.url(name):
            raise _wrong(call, "URL", url, expected.url(name))
    return _some(call, _assets(call, names, expected))


def _sigstore(call: Call, expected: Expected) -> Sequence[str]:
    _same(call, "--cert-identity", call.values("--cert-identity"), expected.identity.uri)
    _same(call, "--cert-oidc-issuer", call.values("--cert-oidc-issuer"), expected.identity.issuer)
    files = _some(call, _assets(call, call.operands, expected))
    if bundle := call.values("--bundle"):
        _same(call, "--bundle", bundle, files[0] + BUNDLE)
        _same(call, "file beside --bundle", files, files[0])
    return files


def _cosign(call: Call, expected: Expected) -> Sequence[str]:
    _same(call, "--certificate-identity", call.values("--certificate-identity"), expected.identity.uri)
    issuer = call.values("--certificate-oidc-issuer")
    _same(call, "--certificate-oidc-issuer", issuer, expected.identity.issuer)
    files = _some(call, _assets(call, call.operands, expected))
    _same(call, "file", files, files[0])
    _same(call, "--bundle", call.values("--bundle"), files[0] + BUNDLE)
    return files


def _sha256sum(call: Call, expected: Expected) -> Sequence[str]:
    if len(call.flags) != 1:
        raise _wrong(call, "flags", " ".join(call.flags), "-c, once")
    return _some(call, _assets(call, call.operands, expected))


def _install(call: Call, expected: Expected, *, known: frozenset[str]) -> Sequence[str]:  # noqa: ARG001 - as the others
    """Nobody runs an installation here, so a name one letter off would be found by its author's victims only."""
    for word in _some(call, call.operands):
        name = word if word in known else _requirement(word)
        if name not in known:
            raise _wrong(call, "to install", word, f"one of {', '.join(sorted(known))}")
    return ()


def _requirement(word: str) -> str:
    """Return the name in a requirement without a URL (PEP 508), or the path in ``PATH@VERSION``; else nothing."""
    try:
        requirement = Requirement(word)
    except InvalidRequirement:
        return word.partition("@")[0]
    return "" if requirement.url else requirement.name


_COSIGN = "github.com/sigstore/cosign/{}/cmd/cosign"
_INSTALLED = {
    ("python", "-m", "pip", "install"): {"sigstore", "--upgrade", "-U"},
    ("python3", "-m", "pip", "install"): {"sigstore", "--upgrade", "-U"},
    ("pip", "install"): {"sigstore", "--upgrade", "-U"},
    ("pipx", "install"): {"sigstore"},
    ("uv", "tool", "install"): {"sigstore"},
    ("brew", "install"): {"cosign", "gh", "sigstore"},
    ("go", "install"): {_COSIGN.format("v2"), _COSIGN.format("v3")},
}
"""What an installation may name, and its flags."""

_FORMS = (
    Form(
        program=("gh", "release", "download"),
        use=Use.download,
        phase=Phase.draft,
        files=_gh,
        flags=frozenset({"--skip-existing", "--clobber"}),
        options=frozenset({"--repo", "--pattern"}),
    ),
    Form(
        program=("curl",),
        use=Use.download,
        phase=Phase.public,
        files=_curl,
        flags=frozenset({"--fail", "--location", "--remote-name-all", "--silent", "--show-error"}),
    ),
    Form(
        program=("sigstore", "verify", "identity"),
        use=Use.verify,
        phase=Phase.draft,
        files=_sigstore,
        options=frozenset({"--cert-identity", "--cert-oidc-issuer", "--bundle"}),
    ),
    Form(
        program=("cosign", "verify-blob"),
        use=Use.verify,
        phase=Phase.draft,
        files=_cosign,
        options=frozenset({"--certificate-identity", "--certificate-oidc-issuer", "--bundle"}),
    ),
    Form(
        program=("sha256sum",),
        use=Use.hash,
        phase=Phase.draft,
        files=_sha256sum,
        flags=frozenset({"-c", "--check"}),
    ),
    *(
        Form(program=program, use=Use.install, phase=Phase.shown, files=partial(_install, known=frozenset(known)))
        for program, known in _INSTALLED.items()
    ),
)


def _assets(call: Call, names: Sequence[str], expected: Expected) -> Sequence[str]:
    if (strange := next((name for name in names if name not in expected.assets), None)) is not None:
        raise _wrong(call, "file", strange, "the name of an asset")
    return names


def _some(call: Call, names: Sequence[str]) -> Sequence[str]:
    if not names:
        raise _wrong(call, "files", "none", "at least one")
    return names


def _same(call: Call, what: str, got: Sequence[str], expected: str) -> None:
    if list(got) != [expected]:
        raise _wrong(call, what, " ".join(got), expected)


def _wrong(call: Call, what: str, got: str, expected: str) -> VerificationFailed:
    return VerificationFailed(
        f"{what}: got {shown(got)}, expected {shown(expected, 500)}",
        context=(f"in the command {shown(call.line, 500)}",),
        hint="Correct the command in the template; `tagseal notes` shows the rendered page.",
        slug="command-wrong-word",
    )


def _not_understood(line: str, word: str, why: str) -> VerificationFailed:
    return VerificationFailed(
        f"the word {shown(word)} is not understood: {why}",
        context=(f"in the command {shown(line, 500)}",),
        hint="Write one simple command a line, with the options that the packaged template uses.",
        slug="command-not-understood",
    )
