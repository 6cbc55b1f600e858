"""``tagseal verify --release`` against the played GitHub: what a stranger downloads, and what stops it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from instance import COMMIT, IDENTITY, RUN, TAG
from tagseal.cli import main
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.services.github import GitHub
from tagseal.services.sigstore import Sigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.services.github import Release

NAME = IDENTITY.repository
WHEEL, SDIST, SUMS, BUNDLE = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz", "SHA256SUMS", ".sigstore.json"
OK = [f"OK: {SUMS}", f"OK: {WHEEL}", f"OK: {SDIST}"]
PAGE = f"release: https://github.com/{NAME}/releases/tag/{TAG}"


@dataclass(kw_only=True)
class Forge:
    """A repository with a release of two files, and the command on a stranger's machine."""

    loopback: Loopback
    repository: PlayedRepository
    github: GitHub
    draft: Release
    capsys: pytest.CaptureFixture[str]

    def publish(self) -> None:
        self.github.publish(NAME, self.draft, latest=True)

    def add(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.github.upload(NAME, self.draft, path, sha256=sha256(path))

    def verify(self, *arguments: str, tag: str = TAG, name: str = NAME) -> tuple[int, list[str], str]:
        """Return exit code, lines, and the slug of the error."""
        code = main(["verify", "--release", name, tag, *arguments])
        captured = self.capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.rpartition("ERRORS.md#")[2].partition(" ")[0]

    def asked(self) -> set[str]:
        """Return the paths of the hosts' downloads that were asked for."""
        lines = (self.loopback.folder / "transcript.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        paths = {f"{one['host']}{one['path']}" for one in found if one.get("method") == "GET"}
        return {path for path in paths if "/releases/download/" in path or "/releases/assets/" in path}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(params=[False], ids=["public"])
def forge(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Forge]:
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    with Loopback(folder=tmp_path / "loopback") as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        repository = loopback.github.add_repository(NAME, private=request.param)
        repository.add_tag(TAG, COMMIT, annotated=True)
        github = GitHub(loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME))
        draft = github.create_draft(NAME, TAG, body="", prerelease=False)
        made = Forge(loopback=loopback, repository=repository, github=github, draft=draft, capsys=capsys)
        folder = tmp_path / "made"
        folder.mkdir()
        for name in (WHEEL, SDIST):
            made.add(folder / name, name.encode())
        made.add(folder / SUMS, "".join(f"{sha256(folder / one)}  {one}\n" for one in (WHEEL, SDIST)).encode())
        bundles: dict[str, bytes] = {}
        Sigstore.from_environ(os.environ, loopback=True).sign(
            {one: sha256(folder / one) for one in (WHEEL, SDIST, SUMS)},
            lambda: loopback.issuer.mint(RUN, "sigstore"),
            bundles.__setitem__,
        )
        for name, bundle in bundles.items():
            made.add(folder / f"{name}{BUNDLE}", bundle)
        yield made


def test_a_public_release_is_verified_without_a_token(forge: Forge, tmp_path: Path) -> None:
    """By plain addresses, at the commit that the tag names; nothing is left behind."""
    forge.publish()
    before = sorted(tmp_path.iterdir())
    code, lines, _ = forge.verify()
    assert (code, lines) == (
        0,
        [
            PAGE,
            "trust:   the loopback, where anybody signs as anybody",
            f"signer:  {IDENTITY.uri}",
            f"commit:  {COMMIT}",
            "note:    release.yml is the default; --workflow FILE names another",
            *OK,
            f"VERIFIED 3 files, names bound by SHA256SUMS, trigger push, commit {COMMIT}, signed by {IDENTITY.uri}",
        ],
    )
    names = (WHEEL, SDIST, SUMS, *(f"{one}{BUNDLE}" for one in (WHEEL, SDIST, SUMS)))
    assert forge.asked() == {f"github.com/{NAME}/releases/download/{TAG}/{name}" for name in names}
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("forge", [True], ids=["private"], indirect=True)
def test_a_private_release_is_verified_with_a_token(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the API; without a token, or with one for another repository, it is not found."""
    forge.publish()
    assert forge.verify()[::2] == (2, "github-not-found")
    token = forge.loopback.github.token(scopes={"contents": "read", "metadata": "read"}, repository=NAME)
    monkeypatch.setenv("GH_TOKEN", token)
    code, lines, _ = forge.verify()
    assert (code, lines[5:8]) == (0, OK)
    assert {one.partition("/")[0] for one in forge.asked()} == {"api.github.com"}


def test_another_servers_token_stays_at_home(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a job of GitHub Enterprise Server, github.com is asked as anybody asks it."""
    forge.publish()
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_canary")
    assert forge.verify()[::2] == (2, "github-permission")
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.com/api/v3")
    assert forge.verify()[0] == 0


def test_files_are_kept_where_they_are_wanted(forge: Forge, tmp_path: Path) -> None:
    """Once downloaded they are held against the digests, and not fetched again; nothing is written over."""
    forge.publish()
    assert forge.verify("--out", "kept")[0] == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    assert sorted(kept) == sorted([WHEEL, SDIST, SUMS, *(f"{one}{BUNDLE}" for one in (WHEEL, SDIST, SUMS))])
    forge.loopback.faults.set([Fault(name="server-error", host="github.com")])
    code, lines, _ = forge.verify("--out", "kept")
    assert (code, lines[5]) == (0, f"OK: kept/{SUMS}")
    (tmp_path / "kept" / WHEEL).write_bytes(b"mine")
    assert forge.verify("--out", "kept")[::2] == (3, "download-over-other-file")
    assert (tmp_path / "kept" / WHEEL).read_bytes() == b"mine"


def test_without_digests_the_bytes_that_are_kept_are_compared(forge: Forge, tmp_path: Path) -> None:
    """As of releases from before GitHub kept digests."""
    forge.publish()
    forge.loopback.faults.set([Fault(name="digest-null", count=100)])
    assert forge.verify("--out", "kept")[0] == 0
    assert forge.verify("--out", "kept")[0] == 0
    (tmp_path / "kept" / WHEEL).write_bytes(b"mine")
    assert forge.verify("--out", "kept")[::2] == (3, "download-over-other-file")


def test_an_asset_that_nobody_signed_is_not_verified(forge: Forge, tmp_path: Path) -> None:
    """One more file in a release, and it is said; exit 1."""
    forge.add(tmp_path / "evil.whl", b"evil")
    forge.publish()
    code, lines, _ = forge.verify()
    assert (code, lines[6]) == (1, "FAIL: evil.whl")
    assert lines[7].startswith(f"  | got no bundle for 'evil.whl', expected 'evil.whl{BUNDLE}' beside it: ")
    assert lines[-1] == "FAILED   1 of 4 files did not verify"


def test_a_file_that_was_taken_away_is_missed(forge: Forge) -> None:
    """What the verified list names must be there: whoever can delete assets could hide a file so."""
    forge.publish()
    release = forge.repository.releases[0]
    release.assets = [asset for asset in release.assets if not asset.name.startswith(SDIST)]
    code, lines, _ = forge.verify()
    why = f"  | file: got nothing of that name, expected a file: {SUMS} lists it"
    at = lines.index(f"FAIL: {SDIST}")
    assert why in lines[at:]
    assert (code, lines[-1]) == (1, "FAILED   1 of 3 files did not verify")


def without(forge: Forge, *beginnings: str) -> None:
    """Delete assets of the public release, as whoever may edit it can."""
    release = forge.repository.releases[0]
    release.assets = [asset for asset in release.assets if not asset.name.startswith(beginnings)]


def test_a_release_without_its_list_is_not_verified(forge: Forge, tmp_path: Path) -> None:
    """Whoever can exchange names and drop a file can delete the list as well: good signatures alone are not enough."""
    forge.publish()
    without(forge, SUMS, SDIST)
    for asset in forge.repository.releases[0].assets:
        asset.name = asset.name.replace("1.2.3", "9.9.9")
    code, lines, _ = forge.verify("--out", "kept")
    renamed = WHEEL.replace("1.2.3", "9.9.9")
    assert (code, lines[5:7]) == (1, [f"OK: kept/{renamed}", f"FAIL: kept/{SUMS}"])
    assert lines[7].startswith(f"  | got a release without {SUMS}, expected the signed list that says which file")
    assert f"tagseal verify FILE --repo {NAME} --tag {TAG}" in lines[-2]
    assert lines[-1] == "FAILED   1 of 2 files did not verify"
    assert main(["verify", str(tmp_path / "kept" / renamed), "--repo", NAME, "--tag", TAG]) == 0
    assert f"VERIFIED 1 file, names not bound (no signed {SUMS})" in forge.capsys.readouterr().out


@pytest.mark.parametrize("left", ["", BUNDLE], ids=["the list", "its bundle"])
def test_half_of_a_list_is_none(forge: Forge, left: str) -> None:
    """Neither a list that nobody signed nor a signature without its list binds a name."""
    forge.publish()
    release = forge.repository.releases[0]
    gone = SUMS if left else f"{SUMS}{BUNDLE}"
    release.assets = [asset for asset in release.assets if asset.name != gone]
    code, lines, _ = forge.verify()
    assert (code, f"FAIL: {SUMS}" in lines, lines[-1]) == (1, True, "FAILED   1 of 3 files did not verify")


def test_an_upload_that_was_never_finished_is_not_verified(forge: Forge) -> None:
    """It has a name and no bytes."""
    forge.publish()
    forge.repository.releases[0].assets[0].state = "starter"
    code, lines, _ = forge.verify()
    assert (code, f"FAIL: {WHEEL}" in lines, lines[-1][:6]) == (1, True, "FAILED")


def test_a_tag_that_moved_is_told(forge: Forge) -> None:
    """The files were signed at a commit that the tag does not name any more; the old one may be named."""
    forge.publish()
    forge.repository.add_tag(TAG, "e" * 40)
    code, lines, _ = forge.verify()
    assert (code, lines[3]) == (1, f"commit:  {'e' * 40}")
    assert forge.verify("--commit", COMMIT)[0] == 0


def test_a_tag_without_its_v_is_guessed(forge: Forge) -> None:
    """Who leaves the `v` away, or writes one too many, is told the tag that there is."""
    forge.publish()
    assert main(["verify", "--release", NAME, TAG.removeprefix("v")]) == 2
    assert (
        f"got no tag {TAG.removeprefix('v')} in {NAME}, expected one; there is {TAG}" in forge.capsys.readouterr().err
    )


def test_another_workflow_may_be_named(forge: Forge) -> None:
    """The repository and the tag stay those of the release."""
    forge.publish()
    assert forge.verify("--workflow", "release.yml")[0] == 0
    assert forge.verify("--workflow", "ci.yml")[0] == 1
    assert forge.verify("--identity", IDENTITY.uri, "--issuer", IDENTITY.issuer)[0] == 0


def test_what_is_not_released_is_told(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, no tag, no release, a draft only, no files: each by its name."""
    assert forge.verify(name="octo/other")[::2] == (2, "github-not-found")
    for tag in ("v9", TAG):
        assert forge.verify(tag=tag)[::2] == (2, "nothing-released")
    token = forge.loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME)
    monkeypatch.setenv("GH_TOKEN", token)
    assert main(["verify", "--release", NAME, TAG]) == 2
    assert f"got a draft only for {TAG} in {NAME}, expected a published release" in forge.capsys.readouterr().err
    forge.publish()
    forge.repository.releases[0].assets.clear()
    assert main(["verify", "--release", NAME, TAG]) == 2
    assert "got a release of v1.2.3 without a file" in forge.capsys.readouterr().err


def test_the_limit_without_a_token_is_told(forge: Forge) -> None:
    """60 requests an hour and address: a token has a limit of its own."""
    forge.publish()
    forge.loopback.faults.set([Fault(name="limit-403", host=r"api\.github\.com", count=100)])
    assert forge.verify()[::2] == (4, "github-anonymous-limit")


def test_other_bytes_than_the_api_tells_are_refused(forge: Forge) -> None:
    """A digest that is not that of what arrived, or a file that ends early."""
    forge.publish()
    forge.loopback.faults.set([Fault(name="digest-wrong", count=100)])
    assert forge.verify()[::2] == (1, "download-differs")
    forge.loopback.faults.set([Fault(name="download-truncated", count=100)])
    assert forge.verify()[0] == 4


def test_json_speaks_of_names_alone(forge: Forge) -> None:
    """Where the files were for a moment helps nobody."""
    forge.publish()
    assert main(["verify", "--release", NAME, TAG, "--json"]) == 0
    found = json.loads(forge.capsys.readouterr().out)
    assert [(one["path"], one["bundle"]) for one in found["files"]] == [
        (name, f"{name}{BUNDLE}") for name in (SUMS, WHEEL, SDIST)
    ]


def test_no_variable_says_who_github_is(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of another server's runner has one: the certificates are about github.com, and so is the token."""
    forge.publish()
    token = forge.loopback.github.token(scopes={"contents": "read", "metadata": "read"}, repository=NAME)
    monkeypatch.setenv("GITHUB_API_URL", "https://evil.example/api/v3")
    assert forge.verify()[0] == 0
    monkeypatch.setenv("GH_TOKEN", token)
    assert forge.verify()[0] == 0


@pytest.mark.parametrize("token", ["ghs_secret\n", " ghs_secret", "ghs secret", "gh\N{EN DASH}secret"])
def test_a_token_that_is_none_is_not_shown(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    """Most of them are good tokens with a line end, and a library's complaint would hold all of it."""
    monkeypatch.setenv("GH_TOKEN", token)
    assert main(["verify", "--release", NAME, TAG]) == 2
    captured = capsys.readouterr()
    assert "odd-token" in captured.err
    assert "secret" not in captured.out + captured.err
    assert forge.asked() == set()


@pytest.mark.parametrize("commit", ["", "\x1b]0;evil\x07", "v1.2.3", "4F2C1E9" + "0" * 33])
def test_a_commit_that_is_none_is_not_believed(forge: Forge, commit: str) -> None:
    """Whatever answers for GitHub: it is neither compared with nor printed."""
    forge.publish()
    forge.repository.add_tag(TAG, commit)
    assert forge.verify() == (4, [], "github-garbled")


def test_a_tag_of_itself_is_no_tag(forge: Forge) -> None:
    """Tag objects are followed to a commit, and not for ever."""
    forge.publish()
    target = forge.repository.refs[f"refs/tags/{TAG}"]
    forge.repository.tag_objects[target.sha] = (TAG, target)
    assert forge.verify()[::2] == (4, "github-garbled")


@pytest.mark.parametrize("same", ["id", "name"])
def test_two_files_are_two(forge: Forge, same: str) -> None:
    """Of two files with one number, or one name, one would take the other's place, and never be verified."""
    forge.publish()
    first, second, *_ = forge.repository.releases[0].assets
    setattr(second, same, getattr(first, same))
    assert forge.verify()[::2] == (3, "download-twice")
