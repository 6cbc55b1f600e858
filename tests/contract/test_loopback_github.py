"""The played GitHub holds with the real clients: PyGithub, requests, and gh where it is installed."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from github import Auth, Github, GithubException

from tagseal.loopback import Loopback
from tagseal.loopback.github import PlayedGitHub
from tagseal.loopback.github.state import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from github.Repository import Repository as Remote

    from tagseal.loopback.github.state import PlayedRepository

NAME = "octo/widget"
COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
WRITE = {"contents": "write", "metadata": "read"}
READ = {"contents": "read", "metadata": "read"}
OCTETS = {"Accept": "application/octet-stream"}


@pytest.fixture
def loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path / "loopback") as running:
        monkeypatch.setenv("NETRC", str(tmp_path / "none"))
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def widget(loopback: Loopback) -> PlayedRepository:
    repository = loopback.github.add_repository(NAME)
    repository.add_tag("v1.2.3", COMMIT)
    return repository


@pytest.fixture
def token(loopback: Loopback, widget: PlayedRepository) -> str:
    return loopback.github.token(scopes=WRITE, repository=widget.full_name)


@pytest.fixture
def clients() -> Iterator[Callable[[str], Github]]:
    """Return a function that logs in with a token; every client is closed in the end."""
    made: list[Github] = []

    def client(token: str) -> Github:
        made.append(
            Github(auth=Auth.Token(token), retry=None, seconds_between_requests=0, seconds_between_writes=0, timeout=10)
        )
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def remote(clients: Callable[[str], Github], token: str) -> Remote:
    return clients(token).get_repo(NAME)


@pytest.fixture
def session(token: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        yield session


def draft(remote: Remote, tag: str = "v1.2.3") -> Any:  # noqa: ANN401 - PyGithub's own, by its own hints
    return remote.create_git_release(tag, f"Widget {tag}", "The *notes*.", draft=True)


def url(release: int | str, rest: str = "", host: str = "api") -> str:
    return f"https://{host}.github.com/repos/{NAME}/releases/{release}{rest}"


def test_a_release_goes_from_draft_to_deleted_with_pygithub(
    remote: Remote, widget: PlayedRepository, tmp_path: Path
) -> None:
    """PyGithub creates a draft, fills it, lists it, publishes it and deletes it."""
    file = tmp_path / "widget-1.2.3.tar.gz"
    file.write_bytes(b"sdist")

    release = draft(remote)
    asset = release.upload_asset(str(file))
    listed = [(release.id, release.draft) for release in remote.get_releases()]
    names = [asset.name for asset in release.get_assets()]
    published = release.update_release(release.name, release.body, draft=False)

    assert listed == [(release.id, True)]
    assert names == [asset.name] == [file.name]
    assert asset.digest == "sha256:" + hashlib.sha256(b"sdist").hexdigest()
    assert (published.draft, published.tag_name, widget.releases[0].draft) == (False, "v1.2.3", False)
    assert remote.get_release("v1.2.3").id == remote.get_latest_release().id == release.id
    release.delete_release()
    assert widget.releases == ()


def test_an_asset_is_downloaded_from_another_host(remote: Remote, session: requests.Session, tmp_path: Path) -> None:
    """The API redirects to another host, where a token is refused and none is needed."""
    file = tmp_path / "widget.bin"
    file.write_bytes(b"0123456789")
    asset = draft(remote).upload_asset(str(file))

    redirect = session.get(asset.url, headers=OCTETS, allow_redirects=False)
    there = redirect.headers["Location"]

    assert redirect.status_code == 302
    assert there.startswith("https://release-assets.githubusercontent.com/")
    assert session.get(asset.url, headers=OCTETS).content == b"0123456789"
    assert requests.get(there, timeout=10).content == b"0123456789"
    assert requests.get(there, headers={"Range": "bytes=3-5"}, timeout=10).content == b"345"
    assert session.get(there).status_code == 400
    assert requests.get(there.replace("sig=", "sig=0"), timeout=10).status_code == 403


def test_a_draft_hides_its_tag(remote: Remote, widget: PlayedRepository, tmp_path: Path) -> None:
    """A draft's addresses say ``untagged-…`` and lead nowhere; once published they carry the tag and work."""
    file = tmp_path / "widget.bin"
    file.write_bytes(b"x")
    release = draft(remote)
    asset = release.upload_asset(str(file))

    assert "/releases/tag/untagged-" in release.html_url
    assert "/releases/download/untagged-" in asset.browser_download_url
    assert requests.get(asset.browser_download_url, timeout=10).status_code == 404
    assert requests.get(f"https://github.com/{NAME}/releases/download/v1.2.3/widget.bin", timeout=10).status_code == 404

    release.update_release(release.name, release.body, draft=False)

    download = f"https://github.com/{NAME}/releases/download/v1.2.3/widget.bin"
    assert requests.get(download, timeout=10).content == b"x"
    page = requests.get(f"https://github.com/{NAME}/releases/tag/v1.2.3", timeout=10)
    assert "<pre>The *notes*.</pre>" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert widget.latest is not None


def test_names_are_rewritten_and_never_used_twice(session: requests.Session, remote: Remote) -> None:
    """The server spells names its own way, and refuses the second file of one spelling."""
    release = draft(remote)
    spelt = {
        name: session.post(url(release.id, "/assets", "uploads"), params={"name": name}, data=b"x").json().get("name")
        for name in ("a b~c.txt", ".hidden.", "w+1.whl", "日本.zip", "é(1).txt")
    }
    again = session.post(url(release.id, "/assets", "uploads"), params={"name": "w+1.whl"}, data=b"y")

    assert spelt == {
        "a b~c.txt": "a.b.c.txt",
        ".hidden.": "hidden",
        "w+1.whl": "w+1.whl",
        "日本.zip": "default.zip",
        "é(1).txt": "e.1.txt",
    }
    assert again.status_code == 422
    assert again.json()["errors"] == [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]


def test_what_cannot_be_an_asset_is_refused(
    session: requests.Session, remote: Remote, widget: PlayedRepository
) -> None:
    """Nothing, bytes of unknown number, and a file above the limit leave no asset behind."""
    to = url(draft(remote).id, "/assets", "uploads")
    empty = session.post(to, params={"name": "a"}, data=b"")
    chunked = session.post(to, params={"name": "a"}, data=iter([b"x"]))
    nameless = session.post(to, data=b"x")

    assert [one.status_code for one in (empty, chunked, nameless)] == [400, 400, 422]
    assert widget.releases[0].assets == []


def wait(happened: Callable[[], object]) -> None:
    """Return once it has happened."""
    deadline = time.monotonic() + 5
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.01)


class Half:
    """A file that breaks in the middle, once its first bytes have arrived."""

    def __init__(self, arrived: Callable[[], object]) -> None:
        self._blocks = [b"x" * 1000]
        self._arrived = arrived

    def __len__(self) -> int:
        return 2000

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._blocks)

    def read(self, _: int = -1) -> bytes:
        if self._blocks:
            return self._blocks.pop()
        wait(self._arrived)
        raise EOFError


def test_an_upload_that_breaks_leaves_a_starter(
    loopback: Loopback, widget: PlayedRepository, remote: Remote, session: requests.Session
) -> None:
    """Half a file is an asset in the state ``starter`` without a digest; it holds the name until it is deleted."""
    release = draft(remote)
    to = url(release.id, "/assets", "uploads")
    with pytest.raises(EOFError):
        session.post(to, params={"name": "a"}, data=Half(lambda: widget.releases[0].assets))
    session.close()
    wait(lambda: loopback.transcript.entries[-1].host == "uploads.github.com")

    [asset] = release.get_assets()
    again = session.post(to, params={"name": "a"}, data=b"xx")

    assert (asset.state, asset.digest, again.status_code) == ("starter", None, 422)
    assert asset.delete_asset() is True
    assert session.post(to, params={"name": "a"}, data=b"xx").status_code == 201


def test_large_files_pass_in_constant_memory(session: requests.Session, remote: Remote, tmp_path: Path) -> None:
    """A file of 256 MiB goes up and comes down without being held."""
    size = 256 << 20
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(size)
    release = draft(remote)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with file.open("rb") as body:
        sent = session.post(url(release.id, "/assets", "uploads"), params={"name": "large"}, data=body)
    received = 0
    with session.get(sent.json()["url"], headers=OCTETS, stream=True) as answer:
        for block in answer.iter_content(1 << 20):
            received += len(block)

    assert (sent.json()["size"], received) == (size, size)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_listings_have_pages(remote: Remote, session: requests.Session) -> None:
    """Thirty to a page, a hundred at most; the links lead through all of them."""
    for number in range(31):
        draft(remote, f"v{number}")

    first = session.get(f"https://api.github.com/repos/{NAME}/releases")
    second = session.get(first.links["next"]["url"])

    assert len(list(remote.get_releases())) == 31
    assert [one["tag_name"] for one in first.json()][:2] == ["v30", "v29"]
    assert len(first.json()) == 30
    assert [one["tag_name"] for one in second.json()] == ["v0"]
    assert len(session.get(f"https://api.github.com/repos/{NAME}/releases?per_page=1000").json()) == 31


def test_several_drafts_may_carry_one_tag(remote: Remote, widget: PlayedRepository) -> None:
    """Of two drafts of one tag both exist; only one of them can be published."""
    one, other = draft(remote), draft(remote)
    one.update_release("one", "", draft=False)

    with pytest.raises(GithubException) as refusal:
        other.update_release("other", "", draft=False)

    assert refusal.value.status == 422
    assert refusal.value.data["errors"][0]["code"] == "already_exists"
    assert {(release.draft, release.name) for release in widget.releases} == {(False, "one"), (True, "Widget v1.2.3")}


def test_only_writers_see_drafts(
    loopback: Loopback, remote: Remote, clients: Callable[[str], Github], session: requests.Session
) -> None:
    """A token that may only read sees no draft, by listing or by number, and creates none."""
    release = draft(remote)
    reader = clients(loopback.github.token(scopes=READ, repository=NAME)).get_repo(NAME)

    assert list(reader.get_releases()) == []
    with pytest.raises(GithubException) as hidden:
        reader.get_release(release.id)
    with pytest.raises(GithubException) as forbidden:
        draft(reader)
    assert (hidden.value.status, forbidden.value.status) == (404, 403)
    assert forbidden.value.data["message"] == "Resource not accessible by integration"
    assert session.get(url("tags/v1.2.3")).status_code == 404


def test_a_private_repository_does_not_exist_for_strangers(
    loopback: Loopback, session: requests.Session, clients: Callable[[str], Github]
) -> None:
    """Without access it is 404, never 403, by API and by page; with access it says that it is private."""
    loopback.github.add_repository("octo/secret", private=True)
    mine = loopback.github.token(scopes=READ, repository="octo/secret")

    assert session.get("https://api.github.com/repos/octo/secret").status_code == 404
    assert requests.get("https://api.github.com/repos/octo/secret", timeout=10).status_code == 404
    assert requests.get("https://github.com/octo/secret/releases/tag/v1", timeout=10).status_code == 404
    assert clients(mine).get_repo("octo/secret").private is True


SECRET = "octo/secret"
REFUSED: dict[str, tuple[dict[str, str], str, Callable[[Remote], object]]] = {
    "list": ({"metadata": "read"}, "read", lambda of: list(of.get_releases())),
    "ref": ({"packages": "write"}, "read", lambda of: of.get_git_ref("tags/v1")),
    "create": (READ, "write", draft),
}
ALLOWED: dict[str, tuple[str, Callable[[Remote], object]]] = {
    "list": ("read", lambda of: list(of.get_releases())),
    "create": ("write", draft),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_token_lacked_is_known(loopback: Loopback, clients: Callable[[str], Github], case: str) -> None:
    """The refusal names what would have done, as GitHub's does."""
    scopes, level, asks = REFUSED[case]
    loopback.github.add_repository(SECRET, private=True)
    token = loopback.github.token(scopes=scopes, repository=SECRET)
    remote = clients(token).get_repo(SECRET)
    assert loopback.github.permissions_asked(token) == {}, "every token may look at its own repository"
    with pytest.raises(GithubException) as refused:
        asks(remote)
    headers = {name.lower(): value for name, value in (refused.value.headers or {}).items()}
    assert (refused.value.status, refused.value.message) == (403, "Resource not accessible by integration")
    assert refused.value.data["documentation_url"].startswith("https://docs.github.com/rest")
    assert headers["x-accepted-github-permissions"] == f"contents={level}"
    assert loopback.github.permissions_asked(token) == {("contents", level): False}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_a_token_used_is_known(loopback: Loopback, clients: Callable[[str], Github], case: str) -> None:
    """Reading with a permission to write is reading."""
    level, asks = ALLOWED[case]
    loopback.github.add_repository(SECRET, private=True)
    token = loopback.github.token(scopes=WRITE, repository=SECRET)
    asks(clients(token).get_repo(SECRET))
    assert loopback.github.permissions_asked(token) == {("contents", level): True}


def test_what_is_public_is_read_without_a_scope(
    loopback: Loopback, widget: PlayedRepository, clients: Callable[[str], Github]
) -> None:
    """It counts as asked where the token has the scope, and never as refused."""
    found = {}
    for name, scopes in {"none": {}, "read": READ}.items():
        token = loopback.github.token(scopes=scopes, repository=widget.full_name)
        assert list(clients(token).get_repo(NAME).get_releases()) == []
        found[name] = loopback.github.permissions_asked(token)
    assert found == {"none": {}, "read": {("contents", "read"): True}}


@pytest.mark.parametrize("by", ["number", "asset", "graphql"])
def test_a_draft_that_a_reader_asks_for_takes_writing(
    loopback: Loopback, remote: Remote, tmp_path: Path, by: str
) -> None:
    """It is as if it were not there; a listing that leaves it out refuses nothing."""
    file = tmp_path / "widget.bin"
    file.write_bytes(b"bytes")
    release = draft(remote)
    asset = release.upload_asset(str(file))
    token = loopback.github.token(scopes=READ, repository=NAME)
    query = 'query { repository(owner: "octo", name: "widget") { release(tagName: "v1.2.3") { databaseId } } }'
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        assert session.get(url("").rstrip("/")).json() == []
        assert loopback.github.permissions_asked(token) == {("contents", "read"): True}
        if by == "graphql":
            answer = session.post("https://api.github.com/graphql", json={"query": query})
            assert answer.json()["data"] == {"repository": {"release": None}}
        else:
            there = {"number": url(release.id), "asset": url(f"assets/{asset.id}")}[by]
            assert session.get(there).status_code == 404
    assert loopback.github.permissions_asked(token) == {("contents", "read"): True, ("contents", "write"): False}


@pytest.mark.parametrize("field", ['release(tagName: "v1") { name }', "releases(first: 1) { totalCount }"])
def test_graphql_refuses_one_field(loopback: Loopback, field: str) -> None:
    """The rest of the answer is there, and the error says where it is not."""
    loopback.github.add_repository("octo/secret", private=True)
    token = loopback.github.token(scopes={"metadata": "read"}, repository="octo/secret")
    query = f'query {{ repository(owner: "octo", name: "secret") {{ isPrivate {field} }} }}'
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post("https://api.github.com/graphql", json={"query": query}, headers=headers, timeout=10).json()
    name = field.partition("(")[0]
    (error,) = answer["errors"]
    assert answer["data"] == {"repository": {"isPrivate": True, name: None}}
    assert (error["type"], error["path"]) == ("FORBIDDEN", ["repository", name])
    assert error["message"] == "Resource not accessible by integration"
    assert loopback.github.permissions_asked(token) == {("contents", "read"): False}


def test_tokens_are_who_they_are(loopback: Loopback, remote: Remote, clients: Callable[[str], Github]) -> None:
    """A job's token is nobody and writes as the Actions bot; a person's is a person; a made-up one is refused."""
    person = loopback.github.token(actor="octocat", scopes=READ)

    assert draft(remote).author.login == "github-actions[bot]"
    assert clients(person).get_user().login == "octocat"
    with pytest.raises(GithubException) as nobody:
        clients(loopback.github.token(scopes=WRITE, repository=NAME)).get_user().login  # noqa: B018 - asks
    with pytest.raises(GithubException) as unknown:
        clients("ghs_madeup").get_repo(NAME)
    assert (nobody.value.status, unknown.value.status) == (403, 401)


def test_tags_are_peeled_step_by_step(remote: Remote, widget: PlayedRepository) -> None:
    """A lightweight tag names a commit, an annotated one a tag object, a nested one two of them."""
    widget.add_tag("v2", COMMIT, annotated=True)
    widget.add_tag("release/v3", COMMIT, nested=True)

    light = remote.get_git_ref("tags/v1.2.3").object
    annotated = remote.get_git_ref("tags/v2").object
    outer = remote.get_git_ref("tags/release/v3").object
    inner = remote.get_git_tag(outer.sha).object

    assert (light.type, light.sha) == ("commit", COMMIT)
    assert (annotated.type, remote.get_git_tag(annotated.sha).object.sha) == ("tag", COMMIT)
    assert (outer.type, inner.type, remote.get_git_tag(inner.sha).object.sha) == ("tag", "tag", COMMIT)
    assert [ref.ref for ref in remote.get_git_matching_refs("tags/v")] == ["refs/tags/v1.2.3", "refs/tags/v2"]
    with pytest.raises(GithubException):
        remote.get_git_ref("tags/v1")


def test_publishing_makes_a_missing_tag(remote: Remote, widget: PlayedRepository) -> None:
    """A draft burns no tag; publishing makes it at the target; an unknown target changes nothing."""
    release = draft(remote, "v9")
    assert "refs/tags/v9" not in widget.refs

    with pytest.raises(GithubException) as refusal:
        release.update_release("", "", draft=False, target_commitish="nowhere")
    assert (refusal.value.status, widget.releases[0].target) == (422, "main")

    release.update_release("", "", draft=False)
    assert widget.refs["refs/tags/v9"] == widget.refs["refs/heads/main"]


def test_an_immutable_release_is_locked(loopback: Loopback, session: requests.Session) -> None:
    """Once published nothing is added, changed or deleted but title and notes, and the tag is used up for ever."""
    loopback.github.add_repository("octo/locked", immutable=True)
    session.headers["Authorization"] = "Bearer " + loopback.github.token(scopes=WRITE, repository="octo/locked")
    base = "https://api.github.com/repos/octo/locked/releases"
    release = session.post(base, json={"tag_name": "v1", "draft": True}).json()
    to = release["upload_url"].partition("{")[0]
    asset = session.post(to, params={"name": "a"}, data=b"x").json()
    locked = session.patch(release["url"], json={"draft": False}).json()

    added = session.post(to, params={"name": "b"}, data=b"x")
    deleted = session.delete(asset["url"])
    renamed = session.patch(asset["url"], json={"name": "b"})
    moved = session.patch(release["url"], json={"tag_name": "v2"})
    noted = session.patch(release["url"], json={"body": "better"})
    session.delete(release["url"])
    again = session.post(base, json={"tag_name": "v1"})

    assert locked["immutable"] is True
    assert [one.status_code for one in (added, deleted, renamed, moved)] == [422] * 4
    assert added.json()["message"] == "Cannot upload assets to an immutable release."
    assert noted.json()["body"] == "better"
    assert again.json()["errors"][0]["message"] == "tag_name was used by an immutable release"


def test_a_renamed_repository_is_found_under_its_number(
    loopback: Loopback, widget: PlayedRepository, session: requests.Session
) -> None:
    """A former name answers 301, and 307 to a write, which leads to the number; GraphQL follows by itself."""
    loopback.github.rename(widget, "octo/gadget")
    base = f"https://api.github.com/repos/{NAME}"
    number = f"https://api.github.com/repositories/{widget.id}"
    read = session.get(f"{base}/releases?per_page=5", allow_redirects=False)
    written = session.post(f"{base}/releases", json={"tag_name": "v1.2.3"}, allow_redirects=False)
    sent = session.post(url(1, "/assets?name=a", "uploads"), data=b"x", allow_redirects=False)
    followed = session.get(base).json()
    queried = session.post(
        "https://api.github.com/graphql",
        json={"query": '{repository(owner:"octo",name:"widget"){nameWithOwner}}'},
    ).json()

    assert (read.status_code, read.headers["Location"]) == (301, f"{number}/releases?per_page=5")
    assert (written.status_code, written.headers["Location"]) == (307, f"{number}/releases")
    assert (sent.status_code, widget.releases) == (307, ())
    assert read.json()["message"] == written.json()["message"] == "Moved Permanently"
    assert followed["full_name"] == queried["data"]["repository"]["nameWithOwner"] == "octo/gadget"
    assert session.post(f"{base}/releases", json={"tag_name": "v1.2.3"}).status_code == 201


def test_signed_addresses_expire(tmp_path: Path) -> None:
    """The address that a download is redirected to is good for five minutes only."""
    now = [utc_now()]
    github = PlayedGitHub(tmp_path, now=lambda: now[0])
    github.add_repository(NAME)
    with Loopback(folder=tmp_path / "loopback", hosts=github.hosts) as running, requests.Session() as session:
        session.proxies, session.verify = {"https": running.door.url}, str(tmp_path / "loopback" / "ca.pem")
        session.trust_env = False
        session.headers["Authorization"] = "token " + github.token(scopes=WRITE)
        release = session.post(f"https://api.github.com/repos/{NAME}/releases", json={"tag_name": "v1"}).json()
        asset = session.post(release["upload_url"].partition("{")[0], params={"name": "a"}, data=b"x").json()
        del session.headers["Authorization"]
        there = session.get(asset["browser_download_url"], allow_redirects=False).headers["Location"]

        assert session.get(there).content == b"x"
        now[0] += timedelta(minutes=6)
        assert session.get(there).status_code == 403


def test_a_dump_is_the_release_as_it_is(loopback: Loopback, remote: Remote, tmp_path: Path) -> None:
    """``dump`` writes what the API shows, and the bytes."""
    file = tmp_path / "widget.bin"
    file.write_bytes(b"bytes")
    release = draft(remote)
    release.upload_asset(str(file))
    release.update_release("t", "b", draft=False)

    loopback.github.dump(tmp_path / "dump")

    folder = tmp_path / "dump" / NAME / "v1.2.3"
    assert json.loads((folder / "release.json").read_text())["tag_name"] == "v1.2.3"
    assert (folder / "assets" / "widget.bin").read_bytes() == b"bytes"


# gh


@pytest.fixture
def gh(loopback: Loopback, token: str, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the real gh in the loopback and gives what it printed."""
    if shutil.which("gh") is None:
        pytest.skip("gh is not installed")
    environment = {
        **loopback.environment(),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(tmp_path / "gh"),
        "GH_TOKEN": token,
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
    }

    def run(*arguments: str, token: str = token, status: int = 0) -> str:
        command = ["gh", *arguments, "-R", NAME]
        done = subprocess.run(
            command, env={**environment, "GH_TOKEN": token}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr * bool(status)

    return run


@pytest.mark.interop
def test_gh_takes_a_release_from_draft_to_deleted(
    gh: Callable[..., str], widget: PlayedRepository, tmp_path: Path, loopback: Loopback
) -> None:
    """Real gh creates a draft with a file, replaces it, views, downloads, publishes, lists and deletes."""
    file = tmp_path / "widget.bin"
    file.write_bytes(b"first")
    assert "untagged-" in gh("release", "create", "v1.2.3", "-d", "-t", "Widget", "-n", "notes", str(file))
    file.write_bytes(b"second")
    gh("release", "upload", "v1.2.3", "--clobber", str(file))
    shown = json.loads(gh("release", "view", "v1.2.3", "--json", "isDraft,body,assets"))
    gh("release", "download", "v1.2.3", "-p", "*.bin", "-D", str(tmp_path / "from-draft"))
    listed_draft = gh("release", "list")
    gh("release", "edit", "v1.2.3", "--draft=false")
    listed = gh("release", "list")
    reader = loopback.github.token(scopes=READ, repository=NAME)
    gh("release", "download", "v1.2.3", "-p", "*.bin", "-D", str(tmp_path / "published"), token=reader)

    assert (shown["isDraft"], shown["body"], [one["size"] for one in shown["assets"]]) == (True, "notes", [6])
    assert [(tmp_path / name / "widget.bin").read_bytes() for name in ("from-draft", "published")] == [b"second"] * 2
    assert "Draft" in listed_draft
    assert "Latest" in listed
    assert widget.releases[0].draft is False
    gh("release", "delete", "v1.2.3", "--yes")
    assert widget.releases == ()


@pytest.mark.interop
def test_gh_finds_no_release_where_there_is_none(gh: Callable[..., str], loopback: Loopback) -> None:
    """For a tag without a release, and for a draft with a token that may only read, gh says "not found"."""
    gh("release", "create", "v1.2.3", "-d", "-n", "notes")
    reader = loopback.github.token(scopes=READ, repository=NAME)

    assert "release not found" in gh("release", "view", "v9", status=1)
    assert "release not found" in gh("release", "view", "v1.2.3", token=reader, status=1)
    assert "Resource not accessible" in gh("release", "create", "v1.2.3", "-n", "", token=reader, status=1)
    assert loopback.github.permissions_asked(reader) == {("contents", "read"): True, ("contents", "write"): False}


@pytest.mark.interop
def test_gh_reads_no_private_release_without_the_permission(
    gh: Callable[..., str], widget: PlayedRepository, loopback: Loopback
) -> None:
    """It says so in GitHub's words, and the refusal is accounted for."""
    gh("release", "create", "v1.2.3", "-n", "notes")
    widget.private = True
    metadata = loopback.github.token(scopes={"metadata": "read"}, repository=NAME)

    for verb in ("view", "download"):
        said = gh("release", verb, "v1.2.3", token=metadata, status=1)
        assert "Resource not accessible by integration" in said
    assert loopback.github.permissions_asked(metadata) == {("contents", "read"): False}
