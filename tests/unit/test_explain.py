"""What is made of pasted text, and what the command prints; real tools' messages are in the contract tests."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diagnosing import expected
from instance import IDENTITY
from tagseal.cli import main
from tagseal.names import printable
from tagseal.verification.diagnosis import TROUBLES, Explanation, cause, explain, lines
from tagseal.verification.diagnosis.explain import LARGEST, MOST
from tagseal.verification.diagnosis.troubles import INSTALL
from tagseal.verification.diagnosis.trusts import PRODUCTION, STAGING
from tagseal.verification.facts import Facts, Signer
from tagseal.verification.result import Check, Expected, Subject

SANS = "Certificate's SANs do not match {}; actual SANs: {{'{}'}}"
OURS = IDENTITY.uri
CHANGES = {
    "fork": ("octo/widget", "evil/widget"),
    "other-repository": ("octo/widget", "evil/gadget"),
    "other-case": ("octo/widget", "Octo/Widget"),
    "other-workflow": ("release.yml", "ci.yml"),
    "branch": ("refs/tags/v1.2.3", "refs/heads/main"),
    "other-tag": ("refs/tags/v1.2.3", "refs/tags/v1.2.2"),
    "lookalike-name": ("octo/widget", "octo/w%69dget"),
}
TEXTS = [said.text for trouble in TROUBLES for said in trouble.said]
names = st.text(max_size=40) | st.sampled_from(
    [
        OURS,
        "$(rm -rf /)",
        "`id`",
        "a b;c",
        "*.py",
        "\u202e",
        "https://github.com/a/b/.github/workflows/x.yml@refs/tags/`id`",
    ]
)


@pytest.mark.parametrize(("slug", "change"), CHANGES.items(), ids=CHANGES)
def test_identities_are_taken_apart(slug: str, change: tuple[str, str]) -> None:
    """What differs between the two names in a message decides what is said."""
    (one,) = explain(SANS.format(OURS, OURS.replace(*change)))
    assert (one.slug, one.cause) == ("identity-mismatch", slug)
    assert one.meaning[-2:] == (f"Expected '{OURS}'.", f"Got '{OURS.replace(*change)}'.")


@pytest.mark.parametrize(
    ("repository", "alike"), [("octo/widgets", True), ("0cto/widget", True), ("evil/gadget", False)]
)
def test_names_that_are_nearly_alike_are_pointed_at(repository: str, *, alike: bool) -> None:
    """One letter more or less is easily overlooked, and may have been chosen for that."""
    (one,) = explain(SANS.format(OURS, OURS.replace("octo/widget", repository)))
    assert any("nearly alike" in sentence for sentence in one.meaning) is alike


def test_a_branch_is_told_where_only_the_signer_is_known() -> None:
    """Cosign's older words do not say who was expected; a branch is no release whoever it was."""
    signer = OURS.replace("refs/tags/v1.2.3", "refs/heads/main")
    words = "none of the expected identities matched what was in the certificate, got subjects"
    (one,) = explain(f"{words} [{signer}] with issuer https://x")
    assert one.meaning[0] == (
        "The signer is 'octo/widget', its workflow '.github/workflows/release.yml', for 'main', which is no tag: "
        "no release signs there."
    )


def test_nothing_is_said_of_what_is_unknown() -> None:
    """An unknown message has no explanation."""
    assert explain("Segmentation fault (core dumped)") == ()


def test_the_text_is_bounded() -> None:
    """What comes after the first million characters is not read, and no more is told than a person reads."""
    assert explain(" " * LARGEST + "no signatures found") == ()
    many = "\n".join(SANS.format(OURS, OURS.replace("v1.2.3", f"v{number}")) for number in range(MOST + 5))
    assert len(explain(many)) == MOST


def test_a_long_text_takes_no_long_time() -> None:
    """A text made to slow the search down does not: each message is looked for once through."""
    begun = time.process_time()
    explain((SANS.format("a" * 90, "b" * 90)[:-2] * 6000)[:LARGEST])
    assert time.process_time() - begun < 30


@settings(max_examples=60)
@given(
    st.lists(
        st.text(max_size=50) | st.sampled_from([said.text for trouble in TROUBLES for said in trouble.said]), max_size=9
    )
)
@example(["Certificate's SANs do not match x; actual SANs: {'\x1b]0;x\x07'}"])
def test_any_text_is_explained_in_printable_lines(parts: list[str]) -> None:
    """Whatever was pasted, nothing of it reaches a terminal but what can be printed."""
    found = explain("".join(parts))
    assert all(isinstance(one, Explanation) for one in found)
    assert [line for one in found for line in lines(one) if printable(line) != line] == []


SAID = sorted(path for path in (Path(__file__).parents[1] / "assets" / "explain").iterdir() if path.suffix == ".txt")


@pytest.mark.parametrize("path", SAID, ids=lambda path: path.stem)
def test_what_strangers_meet_first_is_explained(path: Path) -> None:
    """What the real program said is taken for the trouble that the file is named after, and for no other."""
    found = explain(path.read_text(encoding="utf-8"))
    assert {one.slug for one in found} == {path.stem.partition("_")[0]}


def test_a_program_that_is_missing_is_told_by_its_name() -> None:
    """Each with the command that installs it, or what to write in its place; an unknown one is not made up."""
    said = [f"bash: line 1: {name}: command not found\n" for name in ("sigstore", "sha256sum", "frob")]
    found = [(one.meaning[0], one.next) for one in explain("".join(said))]
    assert found == [
        ("The shell finds no program that is called 'sigstore', so nothing was verified.", INSTALL["sigstore"]),
        ("The shell finds no program that is called 'sha256sum', so nothing was verified.", INSTALL["sha256sum"]),
        (
            "The shell finds no program of that name, so nothing was verified.",
            "Install it as its own pages say, or activate the environment that it is in. Then run the command again.",
        ),
    ]


@pytest.mark.parametrize("program", INSTALL)
def test_each_shell_says_it_in_its_own_words(program: str) -> None:
    """A name is taken whole, however another one begins."""
    for text in (
        f"-bash: {program}: command not found",
        f"zsh: command not found: {program}",
        f"sh: 1: {program}: not found",
        f"'{program}' is not recognized as an internal or external command,",
    ):
        (one,) = explain(text)
        assert (one.slug, one.next) == ("command-absent", INSTALL[program])


def test_what_a_server_does_not_find_is_no_missing_program() -> None:
    """`not found` is said of everything; only behind the name of a program that is known here is it the shell's."""
    assert explain("fatal: repository 'https://github.com/octo/widget/' not found\nerror: tag: not found") == ()


def commands(text: str) -> list[str]:
    """Return what is in backticks: the commands that a person may copy."""
    return re.findall(r"`([^`]+)`", text)


@st.composite
def claims(draw: st.DrawFn) -> Facts:
    """Draw what somebody could write into a certificate and a bundle."""
    subjects = tuple(draw(st.lists(names, max_size=3)))
    signer = Signer(
        subjects=subjects,
        issuer=draw(names),
        issuer_v1=draw(names),
        repository=draw(names),
        commit=draw(names),
        ref=draw(names),
        trigger=draw(names),
        run="https://github.com/" + draw(names),
    )
    log = draw(st.sampled_from(["", "00", *PRODUCTION, *STAGING]))
    return Facts(subjects=subjects, signer=signer, log_id=log, media_type=draw(names), entry=draw(names))


@settings(max_examples=60)
@given(
    check=st.sampled_from(Check),
    detail=names,
    facts=claims(),
    name=names.filter(lambda name: name.strip("./") and "/" not in name and "\0" not in name and len(name) < 60),
    wants=st.builds(Expected, uri=names, issuer=names) | st.just(expected()),
)
def test_whatever_a_bundle_claims_is_told_safely(
    check: Check, detail: str, facts: Facts, name: str, wants: Expected
) -> None:
    """A cause is always found, can be printed, and its commands are words of a shell and no more."""
    found = cause(check, detail, facts, Subject(path=Path(name)), wants, now=0, trust="x", bundle=b"{}")
    assert [text for text in (found.what, found.next, *found.context) if printable(text) != text] == []
    assert not found.what.endswith(".")
    for command in commands(found.next):
        words = shlex.split(command)
        assert words[0] in {"gh", "tagseal", "git", "mv", "ls", "cosign", "pip", "date", "head"}
        assert not {";", "|", "&", ">"} & set(words)
        assert words[0] != "gh" or not {*"*?["} & {*command}


@pytest.mark.parametrize(
    ("content", "code", "first"),
    [
        (b"no signatures found", 0, "cosign says: no signatures found"),
        ("no signatures found".encode("utf-16"), 0, "cosign says: no signatures found"),
        (b"\xff\xfe\xff", 1, "This message is not known here, so nothing can be said about it."),
        (b"", 1, "This message is not known here, so nothing can be said about it."),
    ],
)
def test_the_command_explains(
    content: bytes, code: int, first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``tagseal verify --explain FILE`` prints what is known, and ends with 1 where nothing is."""
    (tmp_path / "message").write_bytes(content)
    assert main(["verify", "--explain", str(tmp_path / "message")]) == code
    assert capsys.readouterr().out.splitlines()[0] == first


def test_the_command_reads_its_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the message is piped in, and ``--json`` tells the same to a program."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SANS.format(OURS, OURS + "0").encode())))
    assert main(["verify", "--json", "--explain"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["slug"], one["cause"]) for one in document["explanations"]] == [("identity-mismatch", "other-tag")]


def test_the_guides_troubles_are_whole() -> None:
    """Each trouble has sentences, a next step and messages; slugs are told apart, and the common ones come first."""
    assert [trouble.slug for trouble in TROUBLES if not trouble.said or not trouble.next.endswith((".", "`"))] == []
    assert [said for trouble in TROUBLES for said in trouble.meaning if not said.endswith(".")] == []
    assert len({trouble.slug for trouble in TROUBLES}) == len(TROUBLES)
    common = [trouble.common for trouble in TROUBLES]
    assert common == sorted(common, reverse=True)
