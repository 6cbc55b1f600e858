"""``tagseal verify`` in a terminal, a pipe and a program: what it prints, and how it exits."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import zipfile
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from instance import COMMIT, IDENTITY, RUN, TAG, Instance, instance
from tagseal.cli import main
from tagseal.report import verified
from tagseal.report.plain import Plain
from tagseal.report.terminal import Terminal
from tagseal.verification import Cause, Trust, publisher, verify_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHEEL, SDIST, SUMS, BUNDLE = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz", "SHA256SUMS", ".sigstore.json"
REPO = ("--repo", "octo/widget", "--tag", TAG)
SIGNER = f"signer:  {IDENTITY.uri}"
DEFAULT = "note:    release.yml is the default; --workflow FILE names another"


@pytest.fixture(scope="module")
def played() -> Iterator[Instance]:
    with instance() as one:
        yield one


@pytest.fixture
def root(played: Instance, tmp_path: Path) -> Path:
    """Give the root of trust, as a file, named in a folder of its own."""
    path = tmp_path / "trust" / "trusted_root.json"
    path.parent.mkdir()
    path.write_text(played.trusted_root)
    return path


@pytest.fixture(autouse=True)
def dist(played: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with two files, their list, all bundles, and a project's configuration that is broken."""
    folder = tmp_path / "dist"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "TAGSEAL_TRUST_CONFIG", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    (folder / WHEEL).write_bytes(b"a wheel")
    (folder / SDIST).write_bytes(b"an sdist")
    (folder / SUMS).write_text("".join(f"{sha256(folder / name)}  {name}\n" for name in (WHEEL, SDIST)))
    for name, bundle in played.sign({name: sha256(folder / name) for name in (WHEEL, SDIST, SUMS)}).items():
        (folder / f"{name}{BUNDLE}").write_bytes(bundle)
    (folder / "pyproject.toml").write_text("[tool.tagseal\nbroken")
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ran(capsys: pytest.CaptureFixture[str], root: Path | None, *arguments: str) -> tuple[int, list[str], str]:
    """Run the command without a network; return its exit code, its lines, and the slug of its error."""
    offline = ("--offline", "--trust-config", str(root)) if root else ()
    code = main(["verify", *arguments, *offline])
    captured = capsys.readouterr()
    slug = captured.err.rpartition("ERRORS.md#")[2].partition(" ")[0]
    return code, captured.out.splitlines(), slug


def document(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> dict[str, Any]:
    code, lines, _ = ran(capsys, root, *arguments, "--json")
    found: dict[str, Any] = json.loads("\n".join(lines))
    assert found["ok"] == (code == 0)
    return found


def test_everything_verified(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """Whom is trusted, who should have signed, a line a file, and a summary with the commit; exit 0."""
    code, lines, _ = ran(capsys, root, WHEEL, SDIST, *REPO)
    assert lines == [
        f"trust:   {root}, sha256 {sha256(root)}",
        SIGNER,
        DEFAULT,
        f"OK: {WHEEL}",
        f"OK: {SDIST}",
        f"OK: {SUMS}",
        f"VERIFIED 3 files, names bound by SHA256SUMS, trigger push, commit {COMMIT}, signed by {IDENTITY.uri}",
    ]
    assert code == 0


def test_a_failure_is_told_beside_what_is_ok(capsys: pytest.CaptureFixture[str], root: Path, dist: Path) -> None:
    """Each file has its verdict and the check that decided it; nothing is called verified; exit 1."""
    (dist / SDIST).write_bytes(b"another")
    code, lines, _ = ran(capsys, root, WHEEL, SDIST, "absent.whl", *REPO)
    assert [line for line in lines[3:] if not line.startswith("  |")] == [
        f"OK: {WHEEL}",
        f"FAIL: {SDIST}",
        "FAIL: absent.whl",
        f"OK: {SUMS}",
        "FAILED   2 of 4 files did not verify",
    ]
    changed, absent = lines.index(f"FAIL: {SDIST}"), lines.index("FAIL: absent.whl")
    assert lines[changed + 1].startswith(f"  | got '{SDIST}', 7 bytes that were not signed, expected SHA-256 ")
    assert "  | signature: Bundle message digest mismatch" in lines[changed:absent]
    assert lines[absent + 1] == "  | got no file 'absent.whl' in '.', expected it there"
    assert "  | file: got nothing of that name, expected a file" in lines[absent:]
    assert sum(line.startswith("  | next: ") for line in lines) == 2
    assert code == 1


def test_names_that_nothing_binds_are_told(capsys: pytest.CaptureFixture[str], root: Path, dist: Path) -> None:
    """Without a signed list a file is whole and genuine, under whatever name."""
    (dist / SUMS).unlink()
    code, lines, _ = ran(capsys, root, WHEEL, *REPO, "--workflow", "release.yml", "--commit", COMMIT)
    assert (code, lines[1:3]) == (0, [SIGNER, f"commit:  {COMMIT}"])
    assert lines[-1].startswith("VERIFIED 1 file, names not bound (no signed SHA256SUMS), trigger push, ")


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ((WHEEL,), "signer-not-named"),
        ((WHEEL, "--repo", "octo/widget"), "signer-not-named"),
        ((WHEEL, "--tag", TAG), "signer-not-named"),
        (("absent",), "nothing-to-verify"),
        (REPO, "nothing-to-verify"),
        ((WHEEL, *REPO, "--identity", IDENTITY.uri, "--issuer", IDENTITY.issuer), "nothing-to-verify"),
        ((WHEEL, "--identity", IDENTITY.uri, "--issuer", IDENTITY.issuer, "--workflow", "x.yml"), "nothing-to-verify"),
        ((WHEEL, "--identity", IDENTITY.uri), "unknown-signer"),
        ((WHEEL, "--issuer", IDENTITY.issuer), "unknown-signer"),
        ((WHEEL, "--identity", "", "--issuer", IDENTITY.issuer), "unknown-signer"),
        ((WHEEL, *REPO, "--commit", "main"), "unknown-signer"),
        ((WHEEL, "--repo", "https://github.com/octo/widget", "--tag", TAG), "unknown-signer"),
        ((WHEEL, *REPO, "--offline"), "offline-without-root"),
        (("--release", "octo/widget", TAG, "--offline"), "offline-without-root"),
        (("--release", "octo/widget", TAG, WHEEL), "nothing-to-verify"),
        (("--release", "octo/widget", TAG, *REPO), "nothing-to-verify"),
        ((WHEEL, *REPO, "--out", "x"), "nothing-to-verify"),
        ((WHEEL, *REPO, "--trust-config", WHEEL), "bad-root-of-trust"),
        ((WHEEL, *REPO, "--trust-config", "absent"), "bad-root-of-trust"),
        ((WHEEL, *REPO, "--trust-config", "."), "bad-root-of-trust"),
    ],
)
def test_what_cannot_be_meant_exits_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], slug: str
) -> None:
    """Before anything is verified, with what to say instead."""
    assert ran(capsys, None, *arguments) == (2, [], slug)


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (
            ("--repo", "https://github.com/octo/widget/releases/tag/v1.2.3", "--tag", TAG),
            "got the repository 'https:",
            "Say --repo octo/widget. ",
        ),
        (
            ("--repo", "github.com/octo/widget.git", "--tag", TAG),
            "got the repository 'github",
            "Say --repo octo/widget. ",
        ),
        (
            ("--repo", "https://gitlab.example/octo/widget", "--tag", TAG),
            "got the repository 'https:",
            "Name who should",
        ),
        (("--repo", "octo/widget"), "got --repo without --tag, expected --repo and --tag, or", "Say what, and who"),
        (("--tag", TAG), "got --tag without --repo, expected --repo and --tag, or", "Say what, and who"),
        ((), "got nobody who should have signed, expected --repo and --tag, or", "Say what, and who"),
        (
            (*REPO, "--commit", "HEAD"),
            "got the commit 'HEAD', expected 40 hexadecimal digits",
            "Give the commit itself",
        ),
    ],
)
def test_what_is_half_said_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], what: str, hint: str
) -> None:
    """An address that was pasted, and the one of two options that is missing, are told, with what to write."""
    assert main(["verify", "absent", *arguments]) == 2
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert (first.removeprefix("error: ").startswith(what), second.removeprefix("hint:  ").startswith(hint)) == (
        True,
        True,
    )


def test_help_ends_with_commands_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody who reads ``--help`` sees three whole commands, which parse."""
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    lines = [line.strip() for line in capsys.readouterr().out.partition("examples:")[2].splitlines()]
    assert [line for line in lines if line.startswith("tagseal")] == [
        "tagseal verify . --repo octo/widget --tag v1.2.3",
        "tagseal verify --release octo/widget v1.2.3",
        "tagseal verify --explain",
    ]


def test_an_empty_folder_is_told_to_be_one(
    capsys: pytest.CaptureFixture[str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that one stands in has no name, and is no bug."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    code, lines, _ = ran(capsys, root, ".", *REPO)
    assert (code, lines[3], lines[-2]) == (
        1,
        "FAIL: .",
        "  | next: `tagseal verify --release octo/widget v1.2.3 --out .`.",
    )


def test_a_message_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """No file of that name is no trouble of this machine's disk."""
    assert ran(capsys, None, "--explain", "absent.txt") == (2, [], "nothing-to-explain")


def test_other_publishers_are_named_by_their_certificate(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """Name and issuer, both told and both compared."""
    who = ("--identity", IDENTITY.uri, "--issuer", IDENTITY.issuer)
    code, lines, _ = ran(capsys, root, WHEEL, *who)
    assert (code, lines[1:3]) == (0, [SIGNER, f"issuer:  {IDENTITY.issuer}"])
    code, lines, _ = ran(capsys, root, WHEEL, who[0], who[1], who[2], "https://gitlab.example")
    assert (code, lines[3]) == (1, f"FAIL: {WHEEL}")
    words = f"(got '{IDENTITY.issuer}', expected 'https://gitlab.example')"
    assert f"  | identity: Certificate's OIDCIssuer does not match {words}" in lines


def test_json_holds_everything(capsys: pytest.CaptureFixture[str], root: Path, dist: Path) -> None:
    """One document: each file with its certificate, its place in the log, its time twice, and its digest."""
    found = document(capsys, root, WHEEL, *REPO, "--commit", COMMIT)
    file = found["files"][0]
    entry = json.loads((dist / f"{WHEEL}{BUNDLE}").read_bytes())["verificationMaterial"]["tlogEntries"][0]
    assert found["trust"] == {"origin": f"{root}, sha256 {sha256(root)}", "sha256": sha256(root)}
    assert found["expected"] == {"identity": IDENTITY.uri, "issuer": IDENTITY.issuer, "commit": COMMIT}
    assert {name: file[name] for name in ("name", "path", "ok", "check", "cause", "size", "sha256", "bundle")} == {
        "name": WHEEL,
        "path": WHEEL,
        "ok": True,
        "check": None,
        "cause": None,
        "size": 7,
        "sha256": sha256(dist / WHEEL),
        "bundle": f"{WHEEL}{BUNDLE}",
    }
    assert (str(file["log_index"]), str(file["integrated_time"])) == (entry["logIndex"], entry["integratedTime"])
    assert file["integrated_at"].endswith("Z")
    assert file["named_by"] == SUMS
    assert (file["certificate"]["commit"], file["certificate"]["trigger"]) == (COMMIT, "push")
    assert file["certificate"]["subjects"] == [IDENTITY.uri]


def test_json_names_the_check_that_failed(capsys: pytest.CaptureFixture[str], root: Path, dist: Path) -> None:
    """A file that failed is in the document as well, with what is known of it."""
    (dist / f"{WHEEL}{BUNDLE}").write_text("<!DOCTYPE html>")
    file = document(capsys, root, WHEEL, *REPO)["files"][0]
    assert (file["ok"], file["check"], file["certificate"], file["log_index"]) == (False, "bundle", None, None)
    assert file["detail"].startswith("Expecting value")
    (dist / f"{WHEEL}{BUNDLE}").write_text("{}")
    parts = "mediaType, messageSignature, verificationMaterial"
    detail = document(capsys, root, WHEEL, *REPO)["files"][0]["detail"]
    assert detail == f"got a bundle of no part at all, expected a message signature: {parts}"


@pytest.mark.parametrize("form", ["root", "configuration", "folder", "zip"])
def test_a_root_of_trust_has_four_forms(
    capsys: pytest.CaptureFixture[str], played: Instance, root: Path, tmp_path: Path, form: str
) -> None:
    """A trusted root, a client trust configuration, and a kit that holds one, as folder or archive."""
    path = where = root
    if form == "configuration":
        path = where = tmp_path / "client.json"
        path.write_text(played.trust_config)
    if form == "folder":
        path = root.parent
    if form == "zip":
        path = tmp_path / "kit.zip"
        with zipfile.ZipFile(path, "w") as kit:
            kit.write(root, "widget-1.2.3-verify/trusted_root.json")
        where = path / "widget-1.2.3-verify/trusted_root.json"
    code, lines, _ = ran(capsys, path, WHEEL, *REPO)
    content = path if form == "configuration" else root
    assert (code, lines[0]) == (0, f"trust:   {where}, sha256 {sha256(content)}")


def test_a_kit_with_two_roots_has_none(capsys: pytest.CaptureFixture[str], root: Path, tmp_path: Path) -> None:
    """Which of them would be trusted is nobody's guess."""
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as kit:
        kit.write(root, "a/trusted_root.json")
        kit.write(root, "b/trusted_root.json")
    assert ran(capsys, tmp_path / "kit.zip", WHEEL, *REPO)[::2] == (2, "bad-root-of-trust")


def test_another_root_of_trust_trusts_nothing_here(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """The first check is the time, and whoever told it is another instance's."""
    with instance() as other:
        root.write_text(other.trusted_root)
    code, lines, _ = ran(capsys, root, WHEEL, *REPO)
    assert (code, [line for line in lines if line.startswith("  | time: ")] != []) == (1, True)
    assert lines[3:5] == [f"FAIL: {WHEEL}", f"FAIL: {SUMS}"]
    assert f"your root of trust ({root}) vouches for" in lines[5]


def test_a_root_of_trust_that_is_younger_than_the_signature_is_no_late_signature(
    played: Instance, root: Path, dist: Path
) -> None:
    """Its authorities were not valid yet when the file was signed; the signer's certificate was."""
    document = json.loads(played.trusted_root)
    chain = [{"rawBytes": b64encode(younger(one)).decode()} for one in played.fulcio.chain]
    document["certificateAuthorities"][0]["certChain"]["certificates"] = chain
    root.write_text(json.dumps(document))
    result = verify_files(dist / WHEEL, publisher("octo/widget", TAG), Trust.of_file(root))[0]
    assert result.cause is not None
    assert "not valid at validation time" in result.detail
    assert (result.check, result.cause.slug) == ("certificate", "unknown-authority")


def younger(certificate: x509.Certificate) -> bytes:
    """Return an authority of the same name, with another key, that begins tomorrow."""
    key, began = ec.generate_private_key(ec.SECP384R1()), certificate.not_valid_before_utc + timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .serial_number(1)
        .subject_name(certificate.subject)
        .issuer_name(certificate.subject)
        .public_key(key.public_key())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=1))
    )
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(key, hashes.SHA384()).public_bytes(Encoding.DER)


def test_inside_the_loopback_its_root_is_trusted(
    capsys: pytest.CaptureFixture[str], played: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the rule of all commands: both halves, or exit 3."""
    (tmp_path / "trust.json").write_text(played.trust_config)
    monkeypatch.setenv("TAGSEAL_TRUST_CONFIG", str(tmp_path / "trust.json"))
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    assert ran(capsys, None, WHEEL, *REPO) == (3, [], "trust-outside-loopback")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    code, lines, _ = ran(capsys, None, WHEEL, *REPO)
    assert (code, lines[0]) == (0, "trust:   the loopback, where anybody signs as anybody")


def test_without_a_network_nothing_is_trusted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public root comes by TUF: what an earlier run left in the cache, unproven or expired, is not taken."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"http://127.0.0.1:{server.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, gone)
    for _ in range(2):
        code, lines, slug = ran(capsys, None, WHEEL, *REPO)
        assert (code, slug) == (4, "no-root-of-trust")
        assert all(line.startswith("waiting ") for line in lines)
    assert list((tmp_path / "home").rglob("trusted_root.json")) != []


def test_what_comes_from_outside_is_printed_without_control_characters(
    capsys: pytest.CaptureFixture[str], root: Path, dist: Path
) -> None:
    """A name that would rewrite the terminal, or reorder its line, is shown as what it is."""
    name = "evil\x1b[2K\rOK: all\u202e.whl"
    (dist / name).write_bytes(b"")
    _, lines, _ = ran(capsys, root, ".", *REPO)
    assert r"FAIL: evil\u001b[2K\u000dOK: all\u202e.whl" in lines


def test_a_workflows_log_takes_nothing_for_a_command(
    capsys: pytest.CaptureFixture[str], root: Path, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Actions the runner reads no commands in what comes from outside, and reads them again afterwards."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (dist / "##[add-path]evil").write_bytes(b"")
    code, lines, _ = ran(capsys, root, ".", *REPO)
    assert code == 1
    word = lines[0].removeprefix("::stop-commands::")
    assert (lines[0], lines[-1]) == (f"::stop-commands::{word}", f"::{word}::")
    assert "FAIL: ##[add-path]evil" in lines


def test_a_cause_is_told_with_what_to_do(root: Path, dist: Path) -> None:
    """Below the check: what is the matter, the facts that say so, and the next command."""
    (dist / SDIST).write_bytes(b"another")
    (result,) = verify_files([SDIST], publisher("octo/widget", TAG), Trust.of_file(root))[:1]
    cause = Cause(slug="file-changed", what="the file was changed", next="Download it again.", context=("8 bytes",))
    assert list(verified.lines([replace(result, cause=cause, notes=("a note",))])) == [
        f"FAIL: {SDIST}",
        "  | the file was changed",
        "  | 8 bytes",
        "  | signature: Bundle message digest mismatch",
        "  | next: Download it again.",
        "  | note: a note",
    ]


def test_a_command_is_told_with_its_folder(
    capsys: pytest.CaptureFixture[str], root: Path, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names files by their base names, so that it works where they lie; and no reason is told twice."""
    (dist / f"{WHEEL}{BUNDLE}").unlink()
    (dist / SUMS).unlink()
    monkeypatch.chdir(dist.parent)
    code, lines, _ = ran(capsys, root, f"{dist.name}/{WHEEL}", *REPO)
    assert (code, [line.split()[1:5] for line in lines[4:-1]]) == (
        1,
        [
            ["got", "no", "bundle", "for"],
            ["Either", "the", "bundle", "was"],
            ["next,", "in", f"{dist.name}:", "`gh"],
        ],
    )


ALL = f"{WHEEL} {SDIST} {SUMS}"
OTHER_COMMIT = "9" * 40
MISTAKES = {
    "tag": (
        ("--repo", "octo/widget", "--tag", "v9"),
        "got 3 files that were signed for the tag 'v1.2.3', expected 'v9': do not use these files as 'v9'",
        (
            f"If you meant 'v1.2.3': `tagseal verify {ALL} --repo octo/widget --tag v1.2.3`. Else `tagseal verify "
            "--release octo/widget v9` downloads that release, and verifies all of it."
        ),
    ),
    "repository": (
        ("--repo", "octo/gadget", "--tag", TAG),
        (
            "got 3 files that were signed by a workflow of 'octo/widget', expected one of 'octo/gadget': do not use "
            "these files unless their pages name that workflow"
        ),
        (
            "For the original: `tagseal verify --release octo/gadget v1.2.3` downloads that release, and verifies "
            f"all of it. Only if you meant theirs: `tagseal verify {ALL} --repo octo/widget --tag v1.2.3`."
        ),
    ),
    "workflow": (
        (*REPO, "--workflow", "publish.yml"),
        (
            "got 3 files that the workflow '.github/workflows/release.yml' signed, expected "
            "'.github/workflows/publish.yml': do not use these files unless the maintainers' pages name that workflow"
        ),
        (
            f"If they do: `tagseal verify {ALL} --repo octo/widget --tag v1.2.3`. Else `tagseal verify --release "
            "octo/widget v1.2.3 --workflow publish.yml` downloads that release, and verifies all of it."
        ),
    ),
    "commit": (
        (*REPO, "--commit", OTHER_COMMIT),
        (
            f"got 3 files that were signed for 'v1.2.3' at commit '{COMMIT}', expected commit '{OTHER_COMMIT}': do "
            "not use these files before you know why"
        ),
        (
            "See where the tag points now: `git ls-remote https://github.com/octo/widget refs/tags/v1.2.3 "
            "'refs/tags/v1.2.3^{}'`; then ask the maintainers."
        ),
    ),
}


@pytest.mark.parametrize("option", MISTAKES)
def test_one_wrong_option_is_told_once(capsys: pytest.CaptureFixture[str], root: Path, option: str) -> None:
    """It fails every file alike: they stand together, with one reason, and one next step for all of them."""
    words, what, following = MISTAKES[option]
    code, lines, _ = ran(capsys, root, WHEEL, SDIST, *words)
    start = lines.index(f"FAIL: {WHEEL}")
    assert lines[start : start + 4] == [f"FAIL: {WHEEL}", f"FAIL: {SDIST}", f"FAIL: {SUMS}", f"  | {what}"]
    assert [line for line in lines if line.startswith("  | next")] == [f"  | next: {following}"]
    assert (code, lines[-1]) == (1, "FAILED   3 of 3 files did not verify")


def test_one_wrong_option_for_many_files_names_their_folder(
    capsys: pytest.CaptureFixture[str], played: Instance, root: Path, dist: Path
) -> None:
    """A command with more than five names is one that nobody reads."""
    digests = {f"{number}.whl": hashlib.sha256(b"%d" % number).hexdigest() for number in range(4)}
    for name, bundle in played.sign(digests).items():
        (dist / name).write_bytes(name.partition(".")[0].encode())
        (dist / f"{name}{BUNDLE}").write_bytes(bundle)
    (dist / "pyproject.toml").unlink()
    _, lines, _ = ran(capsys, root, ".", "--repo", "octo/widget", "--tag", "v9")
    (following,) = [line for line in lines if line.startswith("  | next")]
    assert "`tagseal verify . --repo octo/widget --tag v1.2.3`" in following


def test_names_with_and_without_a_root_are_told_by_their_folder(
    capsys: pytest.CaptureFixture[str], played: Instance, root: Path, dist: Path
) -> None:
    """Whatever is mixed on a command line, a command is proposed, and never one for the whole disk."""
    digests = {f"{number}.whl": hashlib.sha256(b"%d" % number).hexdigest() for number in range(6)}
    for name, bundle in played.sign(digests).items():
        (dist / name).write_bytes(name.partition(".")[0].encode())
        (dist / f"{name}{BUNDLE}").write_bytes(bundle)
    (dist / SUMS).unlink()
    names = [str(dist / name) if number % 2 else name for number, name in enumerate(digests)]
    _, lines, _ = ran(capsys, root, *names, "--repo", "octo/widget", "--tag", "v9")
    (following,) = [line for line in lines if line.startswith("  | next")]
    assert f"`tagseal verify {dist} --repo octo/widget --tag v1.2.3`" in following


def test_a_release_under_a_wrong_name_is_asked_for_by_the_right_one(root: Path, dist: Path) -> None:
    """Its files are gone when a person reads it, so the command downloads them again."""
    (dist / "pyproject.toml").unlink()
    expected = publisher("octo/widget", "v9")
    causes = {one.cause.next for one in verify_files(dist, expected, Trust.of_file(root), whole=True) if one.cause}
    assert causes == {
        (
            "If you meant 'v1.2.3': `tagseal verify --release octo/widget v1.2.3`. Else `tagseal verify --release "
            "octo/widget v9` downloads that release, and verifies all of it."
        )
    }


def test_a_file_that_failed_for_a_reason_of_its_own_is_told_by_itself(
    capsys: pytest.CaptureFixture[str], root: Path, dist: Path
) -> None:
    """A wrong tag hides no damaged bundle."""
    (dist / f"{SDIST}{BUNDLE}").write_text("<!DOCTYPE html>")
    _, lines, _ = ran(capsys, root, WHEEL, SDIST, "--repo", "octo/widget", "--tag", "v9")
    verdicts = [line for line in lines if line.startswith(("FAIL:", "  | got"))]
    assert [line.partition(", ")[0] for line in verdicts] == [
        f"FAIL: {WHEEL}",
        f"FAIL: {SUMS}",
        "  | got 2 files that were signed for the tag 'v1.2.3'",
        f"FAIL: {SDIST}",
        f"  | got an HTML page under the name '{SDIST}{BUNDLE}'",
    ]


@pytest.fixture
def kit(played: Instance, dist: Path) -> Path:
    """Give an unpacked offline kit below the files, as ``unzip`` leaves it."""
    (dist / "pyproject.toml").unlink()
    folder = dist / "widget-1.2.3-verify"
    folder.mkdir()
    for name in (f"{WHEEL}{BUNDLE}", f"{SDIST}{BUNDLE}", SUMS, f"{SUMS}{BUNDLE}"):
        (folder / name).write_bytes((dist / name).read_bytes())
    (folder / "VERIFY.md").write_text("# Verify\n")
    (folder / "trust_config.json").write_text(played.trust_config)
    (folder / "trusted_root.json").write_text(played.trusted_root)
    return folder


def unpacked(where: str) -> str:
    return (
        f"note:    {where} has an unpacked offline kit. Its VERIFY.md, trust_config.json and trusted_root.json were "
        "not verified: they are signed together, as the kit's zip archive"
    )


def test_an_unpacked_kit_beside_the_files_is_recognised(
    capsys: pytest.CaptureFixture[str], root: Path, kit: Path
) -> None:
    """What only a kit has is no file of the release: it is told, and fails nothing."""
    code, lines, _ = ran(capsys, root, ".", *REPO)
    assert (code, lines[3:-1]) == (
        0,
        [f"OK: {SUMS}", f"OK: {WHEEL}", f"OK: {SDIST}", f"OK: {kit.name}/{SUMS}", unpacked(f"'{kit.name}'")],
    )
    assert document(capsys, root, ".", *REPO)["kits"] == [kit.name]


@pytest.mark.parametrize("each", [False, True])
def test_files_are_put_into_the_kits_folder(
    capsys: pytest.CaptureFixture[str], root: Path, kit: Path, monkeypatch: pytest.MonkeyPatch, *, each: bool
) -> None:
    """As its page says: a file that was not downloaded is not asked for; nor is it where a shell wrote each name."""
    (kit / WHEEL).write_bytes((kit.parent / WHEEL).read_bytes())
    monkeypatch.chdir(kit)
    names = sorted(path.name for path in kit.iterdir()) if each else ["."]
    code, lines, _ = ran(capsys, root, *names, *REPO)
    assert (code, lines[3:-1]) == (0, [f"OK: {SUMS}", f"OK: {WHEEL}", unpacked("this folder")])


def test_a_kit_of_another_file_is_no_excuse(capsys: pytest.CaptureFixture[str], root: Path, kit: Path) -> None:
    """Whatever else lies in the kit's folder was asked for."""
    (kit / "evil.whl").write_bytes(b"evil")
    code, lines, _ = ran(capsys, root, ".", *REPO)
    assert (code, f"FAIL: {kit.name}/evil.whl" in lines) == (1, True)


@pytest.mark.parametrize("what", ["one missing", "a bundle of its own", "a link"])
def test_what_is_no_kit_is_asked_for(capsys: pytest.CaptureFixture[str], root: Path, kit: Path, what: str) -> None:
    """All three, regular files that nothing signs: else each is a file like any other."""
    if what == "one missing":
        (kit / "trust_config.json").unlink()
    if what == "a bundle of its own":
        (kit / f"VERIFY.md{BUNDLE}").write_bytes((kit / f"{SUMS}{BUNDLE}").read_bytes())
    if what == "a link":
        (kit / "trusted_root.json").unlink()
        (kit / "trusted_root.json").symlink_to(root)
    code, lines, _ = ran(capsys, root, ".", *REPO)
    assert (code, f"FAIL: {kit.name}/VERIFY.md" in lines) == (1, True)
    assert unpacked(f"'{kit.name}'") not in lines


def test_a_release_has_no_unpacked_kit(root: Path, kit: Path) -> None:
    """An asset of that name was signed by nobody, and whoever can edit a release could have added it."""
    for name in (WHEEL, SDIST):
        (kit / name).write_bytes((kit.parent / name).read_bytes())
    results = verify_files(kit, publisher("octo/widget", TAG), Trust.of_file(root), whole=True)
    assert [result.name for result in results if not result.ok] == [
        "VERIFY.md",
        "trust_config.json",
        "trusted_root.json",
    ]


def test_a_kits_file_that_is_named_is_never_a_download(
    capsys: pytest.CaptureFixture[str], root: Path, kit: Path
) -> None:
    """No release has it as an asset of its own."""
    code, lines, _ = ran(capsys, root, str(kit / "VERIFY.md"), *REPO)
    assert (code, [line for line in lines if "next" in line]) == (
        1,
        [
            (
                f"  | next, in {kit}: Verify the kit's archive, which is called NAME-VERSION-verify.zip, then unpack "
                "it again."
            )
        ],
    )


def proposed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """Run the command without a signer; return its code, what the bundles claim, and the hint."""
    code = main(["verify", *arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    claims = [line.removeprefix("  | ") for line in lines if line.startswith("  | ")]
    return code, claims, next(line.removeprefix("hint:  ") for line in lines if line.startswith("hint:"))


WARNING = [
    "A claim is no proof. Anyone can sign files under a repository of their own, and nothing has been verified yet.",
    (
        "You must know the name from elsewhere, such as the project's own pages: not from the place that these files "
        "came from."
    ),
]


def test_without_a_signer_the_command_is_proposed(capsys: pytest.CaptureFixture[str], root: Path, dist: Path) -> None:
    """What the bundles claim is read, called a claim, and put into the whole command; nothing is verified; exit 2."""
    offline = ("--offline", "--trust-config", str(root))
    code, claims, hint = proposed(capsys, ".", *offline)
    assert (code, claims) == (
        2,
        [
            (
                "3 bundles here claim to be signed by the workflow '.github/workflows/release.yml' of 'octo/widget', "
                "for the tag 'v1.2.3'."
            ),
            *WARNING,
        ],
    )
    command = hint.partition("`")[2].partition("`")[0]
    assert hint == f"Only if octo/widget and v1.2.3 are what you expect: `{command}`."
    (dist / "pyproject.toml").unlink()
    assert main(command.split()[1:]) == 0


@pytest.mark.parametrize(
    ("half", "fits"),
    [
        (("--repo", "octo/widget"), True),
        (("--tag", TAG), True),
        (("--repo", "octo/gadget"), False),
        (("--tag", "v9"), False),
    ],
)
def test_a_half_that_was_named_is_held_against_the_claim(
    capsys: pytest.CaptureFixture[str], half: tuple[str, ...], *, fits: bool
) -> None:
    """A name that the person knows is never replaced by what a bundle says."""
    code, claims, hint = proposed(capsys, WHEEL, *half)
    assert (code, claims[1:]) == (2, WARNING)
    command = f"`tagseal verify {WHEEL} --repo octo/widget --tag v1.2.3`"
    general = "Name who should have signed: --repo OWNER/REPO --tag TAG, or --identity URI --issuer URL."
    assert hint == (f"Only if octo/widget and v1.2.3 are what you expect: {command}." if fits else general)


def test_several_claims_are_told_and_none_is_proposed(
    capsys: pytest.CaptureFixture[str], played: Instance, dist: Path
) -> None:
    """Which of them is right is what only the person knows."""
    fork = replace(RUN, repository="evil/widget")
    (dist / f"{SDIST}{BUNDLE}").write_bytes(played.sign({"one": sha256(dist / SDIST)}, fork)["one"])
    code, claims, hint = proposed(capsys, WHEEL, SDIST, SUMS)
    workflow = "the workflow '.github/workflows/release.yml' of"
    assert (code, claims) == (
        2,
        [
            f"2 bundles here claim to be signed by {workflow} 'octo/widget', for the tag 'v1.2.3'.",
            f"1 bundle here claims to be signed by {workflow} 'evil/widget', for the tag 'v1.2.3'.",
            *WARNING,
        ],
    )
    assert hint == "Name who should have signed: --repo OWNER/REPO --tag TAG, or --identity URI --issuer URL."


def test_a_claim_for_a_branch_is_called_no_release(
    capsys: pytest.CaptureFixture[str], played: Instance, dist: Path
) -> None:
    """Such a signer can be named by its certificate alone."""
    branch = replace(RUN, ref="refs/heads/main")
    (dist / f"{WHEEL}{BUNDLE}").write_bytes(played.sign({"one": sha256(dist / WHEEL)}, branch)["one"])
    (dist / f"{SUMS}{BUNDLE}").unlink()
    _, claims, hint = proposed(capsys, WHEEL)
    assert claims[0].endswith("of 'octo/widget', for 'main', which is no tag and so no release.")
    identity = IDENTITY.uri.replace("refs/tags/v1.2.3", "refs/heads/main")
    command = f"tagseal verify {WHEEL} --identity {identity} --issuer {IDENTITY.issuer}"
    assert hint == f"Only if this signer is who you expect: `{command}`."


def test_a_claim_is_never_a_command_of_a_strangers_making(
    capsys: pytest.CaptureFixture[str], played: Instance, dist: Path
) -> None:
    """A name that a shell would read otherwise is shown in quotes, and stands in no command unquoted."""
    evil = replace(RUN, ref="refs/tags/v1;id")
    (dist / f"{WHEEL}{BUNDLE}").write_bytes(played.sign({"one": sha256(dist / WHEEL)}, evil)["one"])
    (dist / f"{SUMS}{BUNDLE}").unlink()
    _, claims, hint = proposed(capsys, WHEEL)
    assert "for the tag 'v1;id'" in claims[0]
    uri = IDENTITY.uri.replace("v1.2.3", "v1;id")
    command = f"tagseal verify {WHEEL} --identity '{uri}' --issuer {IDENTITY.issuer}"
    assert hint == f"Only if this signer is who you expect: `{command}`."


def test_bundles_that_claim_nothing_propose_nothing(capsys: pytest.CaptureFixture[str], dist: Path) -> None:
    """What cannot be read is no claim, however it is broken."""
    for name, content in ((WHEEL, b"\xff"), (SDIST, b"[" * 100_000), (SUMS, b"{}")):
        (dist / f"{name}{BUNDLE}").write_bytes(content)
    assert ran(capsys, None, ".") == (2, [], "nothing-to-verify")


def test_a_message_is_explained_alone(capsys: pytest.CaptureFixture[str], dist: Path) -> None:
    """``--explain`` verifies nothing, and what verifies explains by itself."""
    message = dist / "message.txt"
    message.write_text("Certificate's SANs do not match https://a.example; actual SANs: {'https://b.example'}\n")
    code, lines, _ = ran(capsys, None, "--explain", str(message))
    assert (code, lines[0]) == (0, "sigstore says: Certificate's SANs do not match")
    assert ran(capsys, None, WHEEL, *REPO, "--explain", str(message)) == (2, [], "nothing-to-verify")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal_unless_it_is_to_be_copied(
    root: Path, dist: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words wrap below their beginning; names, addresses and digests stay whole."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    (dist / SDIST).write_bytes(b"another")
    expected, trust = publisher("octo/widget", TAG), Trust.of_file(root)
    stream, plain = io.StringIO(), io.StringIO()
    results = verify_files(["."], expected, trust)
    for report in (Terminal(stream), Plain(plain)):
        for line in (
            *verified.head(expected, trust, default="release.yml"),
            *verified.lines(results),
            verified.summary(results, expected),
        ):
            report.line(line)
    words = stream.getvalue().split()
    assert words == plain.getvalue().split()
    copied = [*words, *re.findall("`[^`]+`", plain.getvalue())]
    longest = max(columns, *(len(one) + 13 for one in copied))
    assert max(map(len, stream.getvalue().splitlines())) <= longest
