"""Each fault of the loopback, seen by a real client: what it hears, what the service remembers, and that it is over."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

import oci
import packages
from played import RUN
from tagseal.loopback import Loopback
from tagseal.loopback.faults import FAULTS, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.loopback.github.state import PlayedRepository

TAG = "v1.2.3"
COMMIT = "4f2c1e9a0b3d5c7e9f1a2b4c6d8e0f1a3b5c7d9e"
OCTETS = {"Accept": "application/octet-stream"}
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """One loopback for all of them: faults are set anew while it runs."""
    with Loopback(folder=tmp_path_factory.mktemp("loopback")) as running:
        yield running


class Client:
    """requests, in a job that may write to a repository of its own."""

    def __init__(self, loopback: Loopback, name: str) -> None:
        self.loopback = loopback
        self.name = name
        self.repository: PlayedRepository = loopback.github.add_repository(name)
        self.repository.add_tag(TAG, COMMIT)
        self.releases = f"https://api.github.com/repos/{name}/releases"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": loopback.door.url}
        self.session.verify = str(loopback.folder / "ca.pem")
        self.token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=name)
        self.session.headers["Authorization"] = f"Bearer {self.token}"

    def fault(self, name: str, **where: object) -> None:
        self.loopback.faults.set([Fault(name=name, **where)])  # type: ignore[arg-type]

    def draft(self) -> requests.Response:
        return self.session.post(self.releases, json={"tag_name": TAG, "draft": True, "body": "notes"})

    def upload(self, release: int, name: str = "a.bin", data: bytes = b"0123456789") -> requests.Response:
        url = f"https://uploads.github.com/repos/{self.name}/releases/{release}/assets"
        return self.session.post(url, params={"name": name}, data=data)

    def listed(self) -> list[int]:
        return [one["id"] for one in self.session.get(self.releases).json()]

    @property
    def hits(self) -> list[str]:
        return [fault.name for fault in self.loopback.faults.hits]


@pytest.fixture
def client(loopback: Loopback, request: pytest.FixtureRequest) -> Iterator[Client]:
    made = Client(loopback, f"octo/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}")
    yield made
    loopback.faults.set([])
    made.session.close()


# The connection and the server


@pytest.mark.parametrize(
    ("name", "status", "there"),
    [
        ("drop-before", None, 0),
        ("drop-after", None, 1),
        ("body-cut", None, 1),
        ("server-error", 503, 0),
        ("bad-gateway", 502, 1),
        ("slow", 201, 1),
        ("draft-twice", 201, 2),
    ],
)
def test_a_release_is_created_and_something_goes_wrong(
    client: Client, name: str, status: int | None, there: int
) -> None:
    """What the client hears and what GitHub did are two things; the next request is played as always."""
    client.fault(name, method="POST")
    if status is None:
        with pytest.raises(BROKEN):
            client.draft()
    else:
        assert client.draft().status_code == status

    assert len(client.listed()) == there
    assert client.hits == [name]
    assert client.draft().status_code == 201


def test_a_body_that_is_cut_has_begun(client: Client) -> None:
    """Status, headers and the first half arrive; a client that looks at nothing else takes them for the answer."""
    client.draft()
    client.fault("body-cut")
    with client.session.get(client.releases, stream=True) as answer:
        arrived = answer.raw.read(int(answer.headers["Content-Length"]) // 2)
        with pytest.raises(BROKEN):
            answer.content  # noqa: B018 - reads the rest

    assert answer.status_code == 200
    assert arrived.startswith(b'[{"url"')


def test_an_upload_that_breaks_at_the_server_leaves_a_starter(client: Client) -> None:
    """502, and an asset without a digest that holds its name until it is deleted."""
    release = client.draft().json()["id"]
    client.fault("starter")
    broken = client.upload(release)
    again = client.upload(release)
    [asset] = client.session.get(f"{client.releases}/{release}/assets").json()

    assert (broken.status_code, again.status_code) == (502, 422)
    assert again.json()["errors"][0]["code"] == "already_exists"
    assert (asset["state"], asset["digest"]) == ("starter", None)
    assert client.session.delete(asset["url"]).status_code == 204
    assert client.upload(release).status_code == 201


@pytest.mark.parametrize(
    ("name", "status", "after"),
    [
        ("limit-403", 403, None),
        ("limit-403-after", 403, "1"),
        ("limit-429", 429, None),
        ("limit-429-after", 429, "1"),
    ],
)
def test_a_limit_does_nothing_and_may_say_for_how_long(
    client: Client, name: str, status: int, after: str | None
) -> None:
    """A secondary limit is a 403 or a 429 in GitHub's words, with and without Retry-After, as often as it is asked."""
    client.fault(name, count=2)
    refused = [client.draft(), client.draft()]

    assert [answer.status_code for answer in refused] == [status, status]
    assert {answer.headers.get("Retry-After") for answer in refused} == {after}
    assert "secondary rate limit" in refused[0].json()["message"]
    assert client.draft().status_code == 201
    assert len(client.listed()) == 1


# What GitHub tells


@pytest.mark.parametrize(("name", "digest"), [("digest-null", None), ("digest-wrong", "sha256:" + "0" * 64)])
def test_a_digest_is_told_otherwise(client: Client, name: str, digest: str | None) -> None:
    """One answer tells another digest, wherever it tells one; the next tells the truth."""
    release = client.draft().json()["id"]
    client.upload(release)
    client.fault(name)
    told = client.session.get(client.releases).json()[0]["assets"][0]["digest"]
    truth = client.session.get(client.releases).json()[0]["assets"][0]["digest"]

    assert told == digest
    assert truth == "sha256:" + hashlib.sha256(b"0123456789").hexdigest()


def test_a_name_is_rewritten_for_good(client: Client) -> None:
    """The upload ends well, under another name."""
    release = client.draft().json()["id"]
    client.fault("name-rewritten")
    answer = client.upload(release, "widget-1.2.3.tar.gz")

    assert (answer.status_code, answer.json()["name"]) == (201, "default.gz")
    assert [asset.name for asset in client.repository.releases[0].assets] == ["default.gz"]


def test_a_listing_lags_after_creating_and_after_deleting(client: Client) -> None:
    """Three listings show what was before; asked by its number the release is what it is."""
    client.fault("listing-lags", count=2)
    release = client.draft().json()["id"]
    created = [client.listed() for _ in range(4)]
    seen = client.session.get(f"{client.releases}/{release}").status_code
    client.session.delete(f"{client.releases}/{release}")
    deleted = [client.listed() for _ in range(4)]

    assert created == [[], [], [], [release]]
    assert seen == 200
    assert deleted == [[release], [release], [release], []]


def test_an_asset_is_described_instead_of_sent(client: Client) -> None:
    """Asked for the bytes, GitHub answers 200 and JSON; a request for the description is not hit."""
    asset = client.upload(client.draft().json()["id"]).json()
    client.fault("asset-as-json")
    described = client.session.get(asset["url"])
    assert client.hits == []
    got = client.session.get(asset["url"], headers=OCTETS)

    assert described.json()["name"] == "a.bin"
    assert (got.status_code, got.json()["name"]) == (200, "a.bin")
    assert client.session.get(asset["url"], headers=OCTETS).content == b"0123456789"


def test_a_truncated_download_looks_whole(client: Client) -> None:
    """Half of the bytes, and a Content-Length that agrees: nothing but the size or the digest tells."""
    asset = client.upload(client.draft().json()["id"]).json()
    client.fault("download-truncated")
    got = client.session.get(asset["url"], headers=OCTETS)

    assert (got.status_code, got.content, got.headers["Content-Length"]) == (200, b"01234", "5")


# Other people


def test_a_repository_turns_immutable(client: Client) -> None:
    """What was a draft then is locked when it is published."""
    release = client.draft().json()["id"]
    client.fault("immutable")
    published = client.session.patch(f"{client.releases}/{release}", json={"draft": False})

    assert published.json()["immutable"] is True
    assert client.upload(release).json()["message"] == "Cannot upload assets to an immutable release."


def test_a_burnt_tag_is_refused_when_a_draft_is_created(client: Client) -> None:
    """A tag that an immutable release has used takes not even a draft."""
    client.fault("tag-burnt")
    answer = client.draft()

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "tag_name was used by an immutable release"


def test_a_tag_moves(client: Client) -> None:
    """The request that is hit sees the tag at another commit already."""
    client.fault("tag-moved")
    moved = client.session.get(f"https://api.github.com/repos/{client.name}/git/ref/tags/{TAG}").json()

    assert moved["object"]["sha"] != COMMIT
    assert moved["object"]["type"] == "commit"


def test_a_person_changes_the_draft(client: Client) -> None:
    """Notes, a new file and a missing one; where there is nothing to change, nothing is hit, and no newer draft is."""
    faults = [Fault(name=name) for name in ("asset-deleted", "draft-edited", "asset-added")]
    client.loopback.faults.set(faults)
    release = client.draft().json()["id"]
    other = client.draft().json()
    client.session.get(f"{client.releases}/{release}")
    edited = client.session.get(f"{client.releases}/{release}").json()
    deleted = client.session.get(f"{client.releases}/{release}").json()

    assert client.hits == ["draft-edited", "asset-added", "asset-deleted"]
    assert edited["body"] == "A person wrote this.\n\nnotes"
    assert [asset["name"] for asset in edited["assets"]] == ["by-hand.txt"]
    assert deleted["assets"] == []
    assert client.session.get(other["url"]).json() == other


# The end of the client


@pytest.mark.parametrize(
    ("name", "state"), [("kill-before", []), ("kill-within", ["starter"]), ("kill-after", ["uploaded"])]
)
def test_the_client_is_killed_around_an_upload(client: Client, tmp_path: Path, name: str, state: list[str]) -> None:
    """The client ends by SIGKILL, before, within or after the effect of its request."""
    release = client.draft().json()["id"]
    client.fault(name, host="uploads.github.com")
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    with subprocess.Popen(
        [
            *("curl", "--silent", "--proxy", client.loopback.door.url, "--cacert", client.loopback.folder / "ca.pem"),
            *("-H", f"Authorization: Bearer {client.token}", "--data-binary", f"@{tmp_path / 'a.bin'}"),
            f"https://uploads.github.com/repos/{client.name}/releases/{release}/assets?name=a.bin",
        ]
    ) as curl:
        client.loopback.faults.kill = curl.kill
        code = curl.wait(10)
    client.loopback.faults.kill = bool

    assert code == -9
    assert client.hits == [name]
    assert [asset.state for asset in client.repository.releases[0].assets] == state


# Sigstore


def test_a_registry_loses_an_upload_and_tags_move(client: Client) -> None:
    """A session is unknown with all that had come; a tag leads to another digest. Signatures stay where they are."""
    token = client.loopback.github.token(scopes={"packages": "write"})
    pusher = oci.Client(client.loopback, token, client.name).login()
    pushed = oci.image(b"layer")
    for tag in ("v1", f"{pushed.digest.replace(':', '-')}.sig"):
        pusher.push(pushed, tag)
    where = pusher.ask("POST", "blobs/uploads/").headers["Location"]
    client.loopback.faults.set([Fault(name="blob-upload-lost"), Fault(name="image-tag-moved", path=".*/v1")])
    lost = [pusher.ask("PATCH", where, data=b"0").json()["errors"][0]["code"] for _ in range(2)]
    moved = pusher.ask("HEAD", "manifests/v1").headers["Docker-Content-Digest"]

    assert lost == ["BLOB_UPLOAD_UNKNOWN"] * 2
    assert moved not in {pushed.digest, None}
    assert list(client.loopback.registry.tags(client.name).values()) == [moved, pushed.digest]
    assert client.hits == ["blob-upload-lost", "image-tag-moved"]


@pytest.mark.parametrize(
    ("name", "entries", "words"), [("rekor-conflict", 1, "409"), ("token-expired", 0, "FulcioClientError")]
)
def test_sigstore_is_refused(client: Client, tmp_path: Path, name: str, entries: int, words: str) -> None:
    """The real sigstore fails; of a conflict the entry is in the log, of an expired token there is none."""
    before = len(client.loopback.rekor.log)
    client.fault(name)
    done = sigstore(client.loopback, tmp_path)

    assert done.returncode != 0
    assert words in done.stderr
    assert client.hits == [name]
    assert len(client.loopback.rekor.log) - before == entries


def test_the_second_version_of_the_log_conflicts_as_well(tmp_path: Path) -> None:
    """The real sigstore fails there too; the entry is in the log."""
    with Loopback(folder=tmp_path / "loopback", log="v2") as loopback:
        before = len(loopback.sigstore.tiles.log)
        loopback.faults.set([Fault(name="rekor-conflict")])
        done = sigstore(loopback, tmp_path)

    assert done.returncode != 0
    assert "409" in done.stderr
    assert [fault.name for fault in loopback.faults.hits] == ["rekor-conflict"]
    assert len(loopback.sigstore.tiles.log) - before == 1


def test_a_listing_lags_behind_an_upload(tmp_path: Path) -> None:
    """Twine ends well, and pip finds no such version until the third time."""
    with Loopback(folder=tmp_path / "loopback") as loopback:
        loopback.faults.set([Fault(name="index-lags")])
        token = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": loopback.index.token("widget")}
        (wheel, _) = packages.write(tmp_path)
        environ = os.environ | loopback.environment() | token | {"PIP_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}
        environ = {name: text for name, text in environ.items() if not name.startswith("PIP_") or "FILE" in name}
        upload = (sys.executable, "-m", "twine", "upload", "--non-interactive", str(wheel))
        subprocess.run(upload, env=environ, check=True, capture_output=True)
        pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", "got", "widget==1.2.3")
        codes = [
            subprocess.run(pip, cwd=tmp_path, env=environ, check=False, capture_output=True).returncode
            for _ in range(4)
        ]
        assert [fault.name for fault in loopback.faults.hits] == ["index-lags"]

    assert codes == [1, 1, 1, 0]


def test_a_name_is_taken_by_somebody_faster(tmp_path: Path) -> None:
    """Twine hears that it exists; what is there is theirs, and stays."""
    with Loopback(folder=tmp_path / "loopback") as loopback:
        loopback.faults.set([Fault(name="index-name-taken")])
        token = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": loopback.index.token("widget")}
        (wheel, _) = packages.write(tmp_path)
        environ = os.environ | loopback.environment() | token | {"HOME": str(tmp_path), "COLUMNS": "500"}
        upload = (sys.executable, "-m", "twine", "upload", "--non-interactive", str(wheel))
        runs = [subprocess.run(upload, env=environ, check=False, capture_output=True, text=True) for _ in range(2)]
        (file,) = loopback.index.files("widget")
        assert [fault.name for fault in loopback.faults.hits] == ["index-name-taken"]

    assert [done.returncode for done in runs] == [1, 1]
    assert all(f"File already exists ('{wheel.name}'" in done.stdout + done.stderr for done in runs)
    assert file.sha256 != hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert file.attestations == ()


def sigstore(loopback: Loopback, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let the real sigstore sign a file there."""
    (folder / "a.txt").write_text(str(folder))
    token = loopback.issuer.mint(RUN, "sigstore")
    trust = ["--trust-config", str(loopback.folder / "trust.json")]
    return subprocess.run(
        [sys.executable, "-m", "sigstore", *trust, "sign", "--identity-token", token, "a.txt"],
        cwd=folder,
        env=os.environ | loopback.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_fault_is_seen_by_a_client() -> None:
    """A fault that no test of this file names is one that nobody has seen at work."""
    source = Path(__file__).read_text(encoding="utf-8")

    assert [name for name in FAULTS if f'"{name}"' not in source] == []
