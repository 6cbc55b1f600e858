"""Our adapter when an answer is lost or late: look, then decide; nothing is made twice, nothing waits for ever."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from github import Github
from github.GitReleaseAsset import GitReleaseAsset

from plans import PLAN
from tagseal.errors import Busy, UsageError, VerificationFailed
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.services.github import GitHub, Release, marker
from tagseal.services.github.releases import of_asset
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.github.state import PlayedRepository

NAME, TAG, COMMIT = PLAN.identity.repository, PLAN.tag, PLAN.commit
BODY = f"Notes.\n\n{marker(TAG)}\n"
CONTENT = b"the file's bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LOST = ("drop-before", "drop-after", "body-cut", "server-error", "bad-gateway")
LIMITED = ("limit-403", "limit-403-after", "limit-429", "limit-429-after")


@pytest.fixture
def loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path / "loopback") as one:
        for name, value in one.environment().items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def repository(loopback: Loopback) -> PlayedRepository:
    repository = loopback.github.add_repository(NAME)
    repository.add_tag(TAG, COMMIT)
    return repository


@pytest.fixture
def github(loopback: Loopback, repository: PlayedRepository) -> GitHub:
    token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=repository.full_name)
    return GitHub(token, retry=Retry(patience=600))


@pytest.fixture
def draft(github: GitHub) -> Release:
    return github.create_draft(NAME, TAG, body=BODY, prerelease=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "widget.bin"
    path.write_bytes(CONTENT)
    return path


def writes(loopback: Loopback, method: str) -> int:
    return sum(entry.method == method and not entry.note for entry in loopback.transcript.entries)


@pytest.mark.parametrize("fault", [*LOST, *LIMITED])
def test_one_draft_is_created(loopback: Loopback, repository: PlayedRepository, github: GitHub, fault: str) -> None:
    """Whether the request or its answer was lost, one draft exists in the end, and is the one returned."""
    loopback.faults.set([Fault(name=fault, method="POST", path=".*/releases")])
    made = github.create_draft(NAME, TAG, body=BODY, prerelease=False)
    assert loopback.faults.hits
    assert [release.id for release in repository.releases] == [made.id]


@pytest.mark.parametrize("fault", [*LOST, *LIMITED, "starter"])
def test_one_file_arrives(loopback: Loopback, github: GitHub, draft: Release, file: Path, fault: str) -> None:
    """Whatever an upload met, the file is there once, whole; a file that had arrived is not sent again."""
    loopback.faults.set([Fault(name=fault, host="uploads.github.com")])
    made = github.upload(NAME, draft, file, sha256=SHA256)
    assert loopback.faults.hits
    assert github.release(NAME, draft.id).assets == (made,)
    assert (made.state, made.sha256, made.name) == ("uploaded", SHA256, file.name)
    arrived = fault in {"drop-after", "body-cut", "bad-gateway"}
    sent = sum(entry.host == "uploads.github.com" for entry in loopback.transcript.entries)
    assert sent == (1 if arrived else 2)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(
    "write",
    [
        lambda github, draft: github.edit(NAME, draft, body=f"Better.\n\n{marker(TAG)}", prerelease=True),
        lambda github, draft: github.publish(NAME, draft, latest=True),
    ],
    ids=["edit", "publish"],
)
def test_a_change_is_made_once(
    loopback: Loopback, github: GitHub, draft: Release, fault: str, write: Callable[[GitHub, Release], Release]
) -> None:
    """A change that was made is seen, and not sent again; the release is what was asked for."""
    loopback.faults.set([Fault(name=fault, method="PATCH")])
    made = write(github, draft)
    assert loopback.faults.hits
    assert github.release(NAME, draft.id) == made
    effect = fault not in {"drop-before", "server-error"}
    assert sum(entry.method == "PATCH" for entry in loopback.transcript.entries) == (1 if effect else 2)


@pytest.mark.parametrize("fault", LOST)
def test_what_is_deleted_is_gone(loopback: Loopback, github: GitHub, draft: Release, file: Path, fault: str) -> None:
    """A second DELETE that finds nothing is success."""
    asset = github.upload(NAME, draft, file, sha256=SHA256)
    loopback.faults.set([Fault(name=fault, method="DELETE")])
    github.delete_asset(NAME, asset)
    assert github.release(NAME, draft.id).assets == ()
    loopback.faults.set([Fault(name=fault, method="DELETE")])
    github.delete_draft(NAME, draft)
    assert github.releases(NAME) == ()


@pytest.mark.parametrize("fault", [*LOST, *LIMITED, "asset-as-json", "download-truncated"])
def test_a_download_is_asked_for_again(
    loopback: Loopback, github: GitHub, draft: Release, file: Path, fault: str
) -> None:
    """What came short is not what was asked for."""
    asset = github.upload(NAME, draft, file, sha256=SHA256)
    loopback.faults.set([Fault(name=fault, method="GET")])
    assert github.download(NAME, asset, file.with_name("got.bin")) == SHA256
    assert loopback.faults.hits
    assert file.with_name("got.bin").read_bytes() == CONTENT


def test_a_name_that_is_taken_is_looked_at(
    loopback: Loopback, repository: PlayedRepository, github: GitHub, draft: Release, file: Path
) -> None:
    """A finished file is what the name has, with the wanted bytes or with others: those may be somebody else's."""
    first = github.upload(NAME, draft, file, sha256=SHA256)
    assert github.upload(NAME, draft, file, sha256=SHA256) == first
    file.write_bytes(b"other bytes")
    assert github.upload(NAME, draft, file, sha256=hashlib.sha256(b"other bytes").hexdigest()) == first
    assert [(asset.id, asset.sha256) for asset in repository.by_id[draft.id].assets] == [(first.id, SHA256)]
    assert writes(loopback, "DELETE") == 0


@pytest.mark.parametrize(
    "content", [b"other bytes!!!!!", b"short", CONTENT * (1 << 18)], ids=["other", "short", "long"]
)
def test_a_file_that_is_not_the_sealed_one_never_arrives_whole(
    repository: PlayedRepository, github: GitHub, draft: Release, file: Path, content: bytes
) -> None:
    """It is hashed while it is sent, and its last block leaves only if the bytes are those of the digest."""
    file.write_bytes(content)
    with pytest.raises(VerificationFailed) as caught:
        github.upload(NAME, draft, file, sha256=SHA256)
    assert caught.value.slug == "changed-while-sent"
    assert [asset for asset in repository.by_id[draft.id].assets if asset.state == "uploaded"] == []


def test_a_renamed_repository_is_not_written_to(
    loopback: Loopback, repository: PlayedRepository, github: GitHub
) -> None:
    """GitHub leads reads and writes on to the new name; whoever signs for the old one has to know."""
    loopback.github.rename(repository, "octo/gadget")
    with pytest.raises(UsageError) as caught:
        github.create_draft(NAME, TAG, body=BODY, prerelease=False)
    assert caught.value.slug == "github-renamed"
    assert repository.releases == ()


def test_a_limit_that_outlasts_the_patience_names_the_pause(loopback: Loopback, repository: PlayedRepository) -> None:
    """Exit 4 at once, instead of a wait that would not suffice."""
    token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=repository.full_name)
    loopback.faults.set([Fault(name="limit-403", method="POST")])
    with pytest.raises(Busy) as caught:
        GitHub(token, retry=Retry(patience=59)).create_draft(NAME, TAG, body=BODY, prerelease=False)
    assert (caught.value.after, caught.value.exit_code) == (60.0, 4)


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead every name to a proxy that takes connections and never says a word."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while not stop.is_set():
                taken.append(server.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        yield
        stop.set()
        socket.create_connection(server.getsockname()).close()
        thread.join()
        for one in taken:
            one.close()


@pytest.mark.usefixtures("mute")
@pytest.mark.parametrize(
    "call",
    [
        lambda github, _draft, _file: github.private(NAME),
        lambda github, draft, file: github.upload(NAME, draft, file, sha256=SHA256),
        lambda github, draft, file: github.download(NAME, draft.assets[0], file),
    ],
    ids=["read", "upload", "download"],
)
def test_no_request_waits_for_ever(file: Path, call: Callable[[GitHub, Release, Path], object]) -> None:
    """A service that says nothing is a service that failed."""
    from tagseal.records import Asset  # noqa: PLC0415

    assert os.environ["HTTPS_PROXY"].startswith("http://127.0.0.1")
    asset = Asset(id=1, name="x", size=1, sha256="")
    draft = Release(
        id=1, tag=TAG, url="", draft=True, prerelease=False, body="", author="", assets=(asset,), published_at=""
    )
    with pytest.raises(Busy) as caught:
        call(GitHub("token", timeout=1), draft, file)
    assert caught.value.slug == "github-unreachable"


class Behind:
    """Stands before a host, and does not know of any release by number for so many requests."""

    def __init__(self) -> None:
        self.host: WSGIApplication | None = None
        self.unknown = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.unknown and re.search(r"/releases/\d+", environ["PATH_INFO"]):
            self.unknown -= 1
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [b'{"message": "Not Found", "status": "404"}']
        assert self.host
        return self.host(environ, start_response)


@pytest.mark.parametrize("host", ["api.github.com", "uploads.github.com"])
def test_a_draft_that_was_just_created_is_found_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path, host: str
) -> None:
    """Not every machine of GitHub's knows of it at once: "not found" is "not yet", of what was made here only."""
    behind = Behind()
    with Loopback(folder=tmp_path / "loopback", hosts={host: behind}) as loopback:
        behind.host = loopback.github.hosts[host]
        loopback.github.add_repository(NAME).add_tag(TAG, COMMIT)
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME)
        github = GitHub(token, retry=Retry(patience=600))
        draft = github.create_draft(NAME, TAG, body=BODY, prerelease=False)
        behind.unknown = 1
        asset = github.upload(NAME, draft, file, sha256=SHA256)
        behind.unknown = 1 if host == "api.github.com" else 0
        assert github.release(NAME, draft.id).assets == (asset,)
        behind.unknown, other = 1, GitHub(token)
        ask = partial(other.release, NAME, draft.id)
        send = partial(other.upload, NAME, draft, file, sha256=SHA256)
        with pytest.raises(UsageError) as caught:
            (ask if host == "api.github.com" else send)()
        assert caught.value.slug == "github-not-found"


def test_an_edit_takes_nothing_back(repository: PlayedRepository, github: GitHub, draft: Release) -> None:
    """What a person published, or gave a title, since it was read, stays public and keeps it."""
    there = repository.by_id[draft.id]
    github.publish(NAME, draft, latest=True)
    there.name = "Widget, at last"
    edited = github.edit(NAME, draft, body=f"Better.\n\n{marker(TAG)}", prerelease=True)
    assert (edited.draft, edited.name, edited.prerelease) == (False, "Widget, at last", True)
    assert (there.draft, there.body) == (False, f"Better.\n\n{marker(TAG)}")


@pytest.mark.parametrize("now", ["filled", "published"])
def test_what_a_listing_still_calls_an_empty_draft_is_not_deleted(
    repository: PlayedRepository, github: GitHub, draft: Release, file: Path, now: str
) -> None:
    """It is read again before: what was filled or published since stays."""
    if now == "filled":
        github.upload(NAME, draft, file, sha256=SHA256)
    else:
        github.publish(NAME, draft, latest=True)
    assert not github.delete_draft(NAME, draft)
    assert [release.id for release in repository.releases] == [draft.id]
    assert github.delete_draft(NAME, github.create_draft(NAME, TAG, body=BODY, prerelease=False))


def test_a_digest_of_another_kind_is_none() -> None:
    """What GitHub may hash with one day says nothing about these bytes: they are looked into."""
    raw = {"id": 1, "name": "x", "size": 1, "state": "uploaded", "digest": f"sha512:{'0' * 128}"}
    assert of_asset(Github().create_from_raw_data(GitReleaseAsset, raw)).sha256 == ""
