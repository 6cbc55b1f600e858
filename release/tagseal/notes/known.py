"""The forms that a command of the notes may have.

Options of a tool that make it check less (patterns, offline modes, other roots) are in no form of the notes'. The
offline kit's page, which must name the root that lies beside it, has forms of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from tagseal.notes.forms import CONFIG, RESOLVED, ROOT, ExpectedRelease, Form, ShellCall, Use, assets, same, some, wrong
from tagseal.notes.index import INDEX_FORMS
from tagseal.records import BUNDLE, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence


_REPOSITORY, _COMMIT = _WORKFLOW = ("--certificate-github-workflow-repository", "--certificate-github-workflow-sha")
"""The options of cosign's stricter form."""


def _gh(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "tag", call.operands, expected.tag)
    same(call, "--repo", call.values("--repo"), expected.repository)
    names = [*call.values("--pattern"), *call.values("-p")]
    if not names:
        raise wrong(call, "--pattern", "none", "the name of each file: a release may have files that nobody planned")
    return assets(call, names, expected)


def _curl(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    for flag in ("--fail", "--location", "--remote-name-all"):
        if flag not in call.flags:
            raise wrong(call, "flags", " ".join(call.flags), flag)
    names = [url.rpartition("/")[2] for url in call.operands]
    for url, name in zip(call.operands, names, strict=True):
        if url != expected.url(name):
            raise wrong(call, "URL", url, expected.url(name))
    return some(call, assets(call, names, expected))


def _sigstore(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "--cert-identity", call.values("--cert-identity"), expected.identity.uri)
    same(call, "--cert-oidc-issuer", call.values("--cert-oidc-issuer"), expected.identity.issuer)
    files = some(call, assets(call, call.operands, expected))
    if bundle := call.values("--bundle"):
        same(call, "--bundle", bundle, files[0] + BUNDLE)
        same(call, "file beside --bundle", files, files[0])
    return files


def _sigstore_github(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    """The issuer is no word of it: the subcommand accepts GitHub's alone."""
    same(call, "--cert-identity", call.values("--cert-identity"), expected.identity.uri)
    same(call, "--repository", call.values("--repository"), expected.repository)
    same(call, "--ref", call.values("--ref"), expected.identity.ref)
    _commit(call, "--sha", expected)
    return some(call, assets(call, call.operands, expected))


def _commit(call: ShellCall, option: str, expected: ExpectedRelease) -> None:
    if not expected.commit:
        raise wrong(call, option, " ".join(call.values(option)), "none: no commit is known here")
    same(call, option, call.values(option), expected.commit)


def _signer(call: ShellCall, expected: ExpectedRelease) -> None:
    """The stricter form names repository and commit, both of them."""
    same(call, "--certificate-identity", call.values("--certificate-identity"), expected.identity.uri)
    issuer = call.values("--certificate-oidc-issuer")
    same(call, "--certificate-oidc-issuer", issuer, expected.identity.issuer)
    if any(call.values(option) for option in _WORKFLOW):
        same(call, _REPOSITORY, call.values(_REPOSITORY), expected.repository)
        _commit(call, _COMMIT, expected)


def _cosign_image(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    _signer(call, expected)
    return _image(call, call.operands, expected, digests=(expected.digest, RESOLVED))


def _crane(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    return _image(call, call.operands, expected, digests=())


def _image(
    call: ShellCall, names: Sequence[str], expected: ExpectedRelease, *, digests: Sequence[str]
) -> Sequence[str]:
    """Accept the one image of the release, by its tag or by one of these digests."""
    known = [f"{expected.image}:{expected.image_tag}", *(f"{expected.image}@{digest}" for digest in digests)]
    if not expected.image or len(names) != 1 or names[0] not in known:
        raise wrong(call, "image", " ".join(names), " or ".join(known) if expected.image else "no image")
    return names


def _mutable(call: ShellCall) -> bool:
    return "@sha256:" not in "".join(call.operands)


def _cosign_kit(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "--trusted-root", call.values("--trusted-root"), ROOT)
    return _cosign(call, expected)


def _sigstore_kit(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "flags", call.flags, "--offline")
    return _sigstore(call, expected)


def _tagseal_kit(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "flags", call.flags, "--offline")
    same(call, "--trust-config", call.values("--trust-config"), CONFIG)
    same(call, "--repo", call.values("--repo"), expected.repository)
    same(call, "--tag", call.values("--tag"), expected.tag)
    same(call, "--workflow", call.values("--workflow"), expected.identity.workflow.rpartition("/")[2])
    same(call, "--commit", call.values("--commit"), expected.commit)
    return some(call, assets(call, call.operands, expected))


def _sha256sum_kit(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    same(call, "flags", [flag for flag in call.flags if flag != "--ignore-missing"], "-c")
    return some(call, assets(call, call.operands, expected))


def _cosign(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    _signer(call, expected)
    files = some(call, assets(call, call.operands, expected))
    same(call, "file", files, files[0])
    same(call, "--bundle", call.values("--bundle"), files[0] + BUNDLE)
    return files


def _sha256sum(call: ShellCall, expected: ExpectedRelease) -> Sequence[str]:
    if len(call.flags) != 1:
        raise wrong(call, "flags", " ".join(call.flags), "-c, once")
    return some(call, assets(call, call.operands, expected))


def _install(call: ShellCall, expected: ExpectedRelease, *, known: frozenset[str]) -> Sequence[str]:
    """Nobody runs an installation here, so a name one letter off would be found by its author's victims only.

    A path without a version would be built from what lies in the reader's folder.
    """
    own = {expected.requirement, "--index-url", expected.index.simple} if expected.index else frozenset[str]()
    for word in [one for one in some(call, call.operands) if one not in own]:
        name = word if word in known else _requirement(word)
        if name not in known or ("/" in name) != ("@" in word):
            raise wrong(call, "to install", word, f"one of {', '.join(sorted(known))}")
    return ()


def _requirement(word: str) -> str:
    """Return the name in a requirement without a URL (PEP 508), or the path in ``PATH@VERSION``; else nothing."""
    try:
        requirement = Requirement(word)
    except InvalidRequirement:
        return word.partition("@")[0]
    return "" if requirement.url else requirement.name


_COSIGN = "github.com/sigstore/cosign/{}/cmd/cosign"
_CRANE = "github.com/google/go-containerregistry/cmd/crane"
_INSTALLED = {
    ("pip", "install"): {"sigstore", "pypi-attestations", "--upgrade", "-U"},
    ("pipx", "install"): {"sigstore"},
    ("uv", "tool", "install"): {"sigstore"},
    ("brew", "install"): {"cosign", "crane", "gh", "sigstore"},
    ("go", "install"): {_COSIGN.format("v2"), _COSIGN.format("v3"), _CRANE},
}
"""What an installation may name, and its flags. Python is no way to start one: see ``hold_no_python``."""

FORMS = (
    Form(
        program=("gh", "release", "download"),
        use=Use.download,
        phase=Phase.draft,
        files=_gh,
        flags=frozenset({"--skip-existing", "--clobber"}),
        options=frozenset({"--repo", "--pattern", "-p"}),
    ),
    *INDEX_FORMS,
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
        program=("sigstore", "verify", "github"),
        use=Use.verify,
        phase=Phase.draft,
        files=_sigstore_github,
        options=frozenset({"--cert-identity", "--repository", "--ref", "--sha"}),
        commit="--sha",
    ),
    Form(
        program=("cosign", "verify-blob"),
        use=Use.verify,
        phase=Phase.draft,
        files=_cosign,
        options=frozenset({"--certificate-identity", "--certificate-oidc-issuer", "--bundle", *_WORKFLOW}),
        commit=_COMMIT,
    ),
    Form(
        program=("cosign", "verify"),
        use=Use.verify,
        phase=Phase.draft,
        files=_cosign_image,
        options=frozenset({"--certificate-identity", "--certificate-oidc-issuer", *_WORKFLOW}),
        public=_mutable,
        commit=_COMMIT,
    ),
    Form(program=("crane", "digest"), use=Use.resolve, phase=Phase.public, files=_crane),
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

"""Of the notes."""

KIT_FORMS = (
    Form(
        program=("sigstore", "--trust-config", CONFIG, "verify", "identity"),
        use=Use.verify,
        phase=Phase.draft,
        files=_sigstore_kit,
        flags=frozenset({"--offline"}),
        options=frozenset({"--cert-identity", "--cert-oidc-issuer"}),
    ),
    Form(
        program=("cosign", "verify-blob"),
        use=Use.verify,
        phase=Phase.draft,
        files=_cosign_kit,
        options=frozenset({"--certificate-identity", "--certificate-oidc-issuer", "--bundle", "--trusted-root"}),
    ),
    Form(
        program=("tagseal", "verify"),
        use=Use.verify,
        phase=Phase.shown,
        files=_tagseal_kit,
        flags=frozenset({"--offline"}),
        options=frozenset({"--trust-config", "--repo", "--tag", "--workflow", "--commit"}),
    ),
    Form(
        program=("sha256sum",),
        use=Use.hash,
        phase=Phase.draft,
        files=_sha256sum_kit,
        flags=frozenset({"-c", "--ignore-missing"}),
    ),
)
"""Of the offline kit's page."""
