"""The played registry keeps to OCI distribution 1.1, and answers as GHCR does where that is stricter."""

from __future__ import annotations

import hashlib
import json
import resource
from typing import TYPE_CHECKING

import pytest
import requests

import oci
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.loopback.registry import PlayedRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "octo/widget"
HOST = "registry.example.com"
ABSENT = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with Loopback(folder=tmp_path_factory.mktemp("loopback"), registries=[HOST]) as running:
        yield running


@pytest.fixture
def name(loopback: Loopback, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a repository's name that no other test uses."""
    loopback.registry.rules.fresh_private = loopback.registry.rules.immutable = False
    yield f"octo/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
    loopback.faults.set([])


@pytest.fixture
def client(loopback: Loopback, name: str) -> oci.Client:
    token = loopback.github.token(scopes={"packages": "write"}, repository="octo/widget")
    return oci.Client(loopback, token, name=name).login()


@pytest.fixture
def stranger(loopback: Loopback, name: str) -> oci.Client:
    return oci.Client(loopback, None, name=name)


def code(answer: requests.Response) -> tuple[int, str]:
    """Return status and code; every refusal is in the specification's form."""
    (error,) = answer.json()["errors"]
    assert set(error) <= {"code", "message", "detail"}
    return answer.status_code, error["code"]


# Blobs


def test_a_blob_comes_in_one_request(client: oci.Client, stranger: oci.Client) -> None:
    """POST with a digest makes a blob, whose whole address is told; it is read whole, in ranges, and by HEAD."""
    made = client.blob(b"0123456789")
    where = f"https://ghcr.io/v2/{client.name}/blobs/{oci.sha256(b'0123456789')}"
    reader = stranger.login(f"repository:{client.name}:pull")

    assert (made.status_code, made.headers["Location"]) == (201, where)
    assert made.headers["Docker-Content-Digest"] == oci.sha256(b"0123456789")
    assert reader.ask("GET", where).content == b"0123456789"
    part = reader.ask("GET", where, headers={"Range": "bytes=3-5"})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"345", "bytes 3-5/10")
    assert reader.ask("GET", where, headers={"Range": "bytes=99-"}).status_code == 416
    head = reader.ask("HEAD", where)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "10", b"")


def test_ghcrs_blobs_come_from_another_host(client: oci.Client, loopback: Loopback) -> None:
    """GHCR redirects a GET to a signed address, where a token is refused; HEAD it answers itself. Others do not."""
    where = client.blob(b"0123456789").headers["Location"]
    redirect = client.ask("GET", where, allow_redirects=False)
    there = redirect.headers["Location"]
    forged = client.session.get(there.replace("sig=", "sig=0"))
    other = oci.Client(loopback, client.github, NAME, host=HOST).login()

    assert (redirect.status_code, there.partition("?")[0]) == (
        307,
        f"https://pkg-containers.githubusercontent.com/ghcr1/blobs/{oci.sha256(b'0123456789')}",
    )
    assert client.session.get(there).content == b"0123456789"
    assert (client.ask("GET", there).status_code, forged.status_code) == (400, 403)
    assert client.ask("HEAD", where, allow_redirects=False).status_code == 200
    made = other.blob(b"0123456789").headers["Location"]
    assert other.ask("GET", made, allow_redirects=False).status_code == 200


def test_a_blob_comes_in_chunks_and_is_resumed(client: oci.Client) -> None:
    """A chunk out of order gets 416 and what is there; a session tells how far it is, and takes a last chunk by PUT."""
    where = client.upload()
    first = client.chunk(where, b"01234", 0)
    again = client.chunk(where, b"01234", 0)
    ahead = client.chunk(where, b"89", 8)
    there = client.ask("GET", where)
    last = {"Content-Range": "5-9"}
    done = client.ask("PUT", f"{where}&digest={oci.sha256(b'0123456789')}", data=b"56789", headers=last)

    assert where.startswith(f"https://ghcr.io/v2/{client.name}/blobs/uploads/")
    assert (first.status_code, first.headers["Range"], first.headers["Location"]) == (202, "0-4", where)
    assert [code(again), code(ahead)] == [(416, "BLOB_UPLOAD_INVALID")] * 2
    assert (ahead.headers["Range"], ahead.headers["Location"]) == ("0-4", where)
    assert (there.status_code, there.headers["Range"]) == (204, "0-4")
    assert done.status_code == 201
    assert client.ask("GET", done.headers["Location"]).content == b"0123456789"
    assert code(client.ask("GET", where)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_stream_has_no_length(client: oci.Client) -> None:
    """PATCH takes a body whose end nobody knows, and PUT without one ends the session."""
    where = client.upload()
    streamed = client.ask("PATCH", where, data=iter([b"01234", b"56789"]))
    done = client.ask("PUT", f"{streamed.headers['Location']}&digest={oci.sha256(b'0123456789')}")

    assert (streamed.status_code, streamed.headers["Range"], done.status_code) == (202, "0-9", 201)


def test_another_digest_is_refused(client: oci.Client) -> None:
    """Bytes of another digest make no blob and end the session; what is no digest is refused before they come."""
    posted = client.ask("POST", "blobs/uploads/", params={"digest": ABSENT}, data=b"x")
    where = client.upload()
    put = client.ask("PUT", f"{where}&digest={ABSENT}", data=b"x")

    assert [code(posted), code(put)] == [(400, "DIGEST_INVALID")] * 2
    assert code(client.ask("GET", where)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert code(client.ask("GET", f"blobs/{ABSENT}")) == (404, "BLOB_UNKNOWN")
    assert code(client.ask("POST", "blobs/uploads/", params={"digest": "sha256:../x"})) == (400, "DIGEST_INVALID")
    assert code(client.ask("GET", "blobs/sha256:0")) == (400, "DIGEST_INVALID")


def test_an_upload_can_be_cancelled(client: oci.Client) -> None:
    """After DELETE the session is unknown; so is one whose address the client made up, or took from elsewhere."""
    where = client.upload()
    bare, _, _ = where.partition("?")

    assert code(client.ask("GET", bare)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert code(client.ask("GET", where.replace(client.name, f"{client.name}x"))) == (401, "UNAUTHORIZED")
    assert client.ask("DELETE", where).status_code == 204
    assert code(client.chunk(where, b"0", 0)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_where_it_may_be_pulled(loopback: Loopback, client: oci.Client, name: str) -> None:
    """A mount needs the other repository to be public or to be in the token; else it becomes an upload."""
    source = f"{name}-source"
    other = oci.Client(loopback, client.github, name=source).login()
    other.blob(b"shared")
    mount = {"mount": oci.sha256(b"shared"), "from": source}
    loopback.registry.add_repository(source, private=True)
    hidden = client.ask("POST", "blobs/uploads/", params=mount)
    both = client.login(f"repository:{name}:pull,push", f"repository:{source}:pull")
    mounted = both.ask("POST", "blobs/uploads/", params=mount)

    assert hidden.status_code == 202
    assert (mounted.status_code, mounted.headers["Docker-Content-Digest"]) == (201, mount["mount"])
    assert other.ask("DELETE", f"blobs/{mount['mount']}").status_code == 202
    assert other.ask("HEAD", f"blobs/{mount['mount']}").status_code == 404
    assert client.ask("GET", mounted.headers["Location"]).content == b"shared"


def test_a_large_blob_costs_no_memory(client: oci.Client, loopback: Loopback) -> None:
    """96 MiB go in and out, and less than 32 MiB of memory more are used for it."""
    block = bytes(1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    where = client.upload()
    sent = client.ask("PATCH", where, data=(block for _ in range(96)))
    upload = loopback.registry.state.uploads[where.partition("?")[0].rpartition("/")[2]]
    done = client.ask("PUT", f"{where}&digest={upload.digest('sha256')}")
    with client.ask("GET", done.headers["Location"], stream=True) as answer:
        received = sum(map(len, answer.iter_content(1 << 20)))

    assert (sent.headers["Range"], done.status_code, received) == (f"0-{(96 << 20) - 1}", 201, 96 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10


# Manifests


def test_a_manifest_has_a_digest_and_may_have_a_tag(client: oci.Client) -> None:
    """What was pushed by digest has no tag; by tag and by digest the same bytes and media type come back."""
    one = oci.image(b"layer")
    untagged = client.push(one)
    tags = client.ask("GET", "tags/list").json()
    tagged = client.manifest(one.manifest, "v1")
    answers = [client.ask("GET", f"manifests/{reference}") for reference in ("v1", one.digest)]
    head = client.ask("HEAD", "manifests/v1")

    assert tags == {"name": client.name, "tags": []}
    assert untagged.headers["Location"] == f"https://ghcr.io/v2/{client.name}/manifests/{one.digest}"
    assert tagged.headers["Docker-Content-Digest"] == one.digest
    assert {(answer.content, answer.headers["Content-Type"]) for answer in answers} == {(one.manifest, oci.MANIFEST)}
    assert (head.headers["Docker-Content-Digest"], head.headers["Content-Length"]) == (
        one.digest,
        str(len(one.manifest)),
    )


def test_a_manifest_is_refused_for_a_reason(client: oci.Client) -> None:
    """Another digest, missing parts, a foreign media type, no manifest at all, a tag that is none, and 4 MiB."""
    one = oci.image(b"layer")
    missing = client.manifest(one.manifest, "v1")
    client.push(one)

    assert code(missing) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert missing.json()["errors"][0]["detail"] == {"digest": oci.sha256(one.config)}
    lost = oci.image(b"layer", architecture="arm64")
    assert code(client.manifest(oci.index(one, lost), "v1", oci.INDEX)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert code(client.manifest(one.manifest, ABSENT)) == (400, "DIGEST_INVALID")
    assert code(client.manifest(one.manifest, "v1", oci.INDEX)) == (400, "MANIFEST_INVALID")
    assert code(client.manifest(b'{"schemaVersion": 1}', "v1")) == (400, "MANIFEST_INVALID")
    assert code(client.manifest(b"[" * 9999, "v1")) == (400, "MANIFEST_INVALID")
    assert code(client.manifest(one.manifest, "-v1")) == (400, "TAG_INVALID")
    assert code(client.manifest(bytes((4 << 20) + 1), "v1")) == (413, "SIZE_INVALID")
    assert code(client.ask("GET", "manifests/v1")) == (404, "MANIFEST_UNKNOWN")
    assert code(client.ask("GET", f"manifests/{ABSENT}")) == (404, "MANIFEST_UNKNOWN")


def test_deleting_a_tag_leaves_the_manifest(client: oci.Client) -> None:
    """DELETE by tag takes the tag; by digest the manifest, and every tag that points to it."""
    one = oci.image(b"layer")
    for tag in ("v1", "v2", "v3"):
        client.push(one, tag)

    assert client.ask("DELETE", "manifests/v1").status_code == 202
    assert client.ask("GET", "tags/list").json()["tags"] == ["v2", "v3"]
    assert client.ask("DELETE", f"manifests/{one.digest}").status_code == 202
    assert client.ask("GET", "tags/list").json()["tags"] == []
    assert code(client.ask("DELETE", "manifests/v2")) == (404, "MANIFEST_UNKNOWN")


def test_tags_come_in_pages(client: oci.Client) -> None:
    """In ASCII order, ``n`` at a time, each page with a link to the next, the last without."""
    for tag in ("b", "a", "C", "d"):
        client.push(oci.image(b"layer"), tag)
    first = client.ask("GET", "tags/list", params={"n": 2})
    second = client.ask("GET", f"https://ghcr.io{first.links['next']['url']}")

    assert (first.json()["tags"], second.json()["tags"], second.links) == (["C", "a"], ["b", "d"], {})
    assert client.ask("GET", "tags/list", params={"last": "b"}).json()["tags"] == ["d"]
    assert client.ask("GET", "tags/list", params={"n": 0}).json()["tags"] == []


def test_an_immutable_tag_stays(client: oci.Client, loopback: Loopback) -> None:
    """Where tags are immutable the same digest is taken again, and another one is refused."""
    loopback.registry.add_repository(client.name, immutable=True)
    one, other = oci.image(b"layer"), oci.image(b"other")
    client.push(one, "v1")
    client.push(one, "v1")
    client.push(other)

    assert code(client.manifest(other.manifest, "v1")) == (400, "TAG_INVALID")
    assert loopback.registry.tags(client.name) == {"v1": one.digest}


# Referrers


def test_referrers_are_listed_by_their_subject(loopback: Loopback) -> None:
    """What is about a digest is listed, also by type; the answer to a push says that it will be."""
    token = loopback.github.token(scopes={"packages": "write"}, repository=NAME)
    client = oci.Client(loopback, token, NAME, host=HOST).login()
    subject = oci.image(b"subject")
    about = oci.described(subject.manifest, oci.MANIFEST)
    notes = {"a": "b"}
    plain = client.push(oci.image(b"1", subject=about))
    typed = oci.image(b"2", subject=about, artifactType="application/vnd.example", annotations=notes)
    client.push(typed)
    every = client.ask("GET", f"referrers/{subject.digest}")
    some = client.ask("GET", f"referrers/{subject.digest}", params={"artifactType": "application/vnd.example"})

    assert plain.headers["OCI-Subject"] == subject.digest
    assert every.headers["Content-Type"] == oci.INDEX
    assert [one.get("artifactType") for one in every.json()["manifests"]] == [oci.CONFIG, "application/vnd.example"]
    expected = oci.described(typed.manifest, oci.MANIFEST, artifactType="application/vnd.example", annotations=notes)
    assert (some.json()["manifests"], some.headers["OCI-Filters-Applied"]) == ([expected], "artifactType")
    assert client.ask("GET", f"referrers/{ABSENT}").json()["manifests"] == []


def test_ghcr_has_no_referrers(client: oci.Client) -> None:
    """Without that API its address is unknown, and the answer to a push does not speak of a subject."""
    about = oci.described(b"subject", oci.MANIFEST)
    pushed = client.push(oci.image(b"layer", subject=about))

    assert "OCI-Subject" not in pushed.headers
    assert client.ask("GET", f"referrers/{about['digest']}").status_code == 404


# Who may


def test_the_challenge_says_where_a_token_is_had(stranger: oci.Client, client: oci.Client) -> None:
    """Without a token every request gets 401, also for what is public, and the scope that it takes."""
    client.push(oci.image(b"layer"), "v1")
    bare = stranger.session.get("https://ghcr.io/v2/")
    pull = stranger.ask("GET", "manifests/v1")
    push = stranger.ask("POST", "blobs/uploads/")
    challenge = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:{}:{}"'

    assert [code(bare), code(pull), code(push)] == [(401, "UNAUTHORIZED")] * 3
    assert bare.headers["WWW-Authenticate"] == challenge.format("user/image", "pull")
    assert pull.headers["WWW-Authenticate"] == challenge.format(client.name, "pull")
    assert push.headers["WWW-Authenticate"] == challenge.format(client.name, "pull,push")
    reader = stranger.login(f"repository:{client.name}:pull,push")
    assert reader.ask("GET", "https://ghcr.io/v2/").json() == {}
    assert reader.ask("GET", "manifests/v1").status_code == 200
    refused = reader.ask("POST", "blobs/uploads/")
    assert refused.headers["WWW-Authenticate"].endswith(',error="insufficient_scope"')


def test_a_password_is_a_github_token(client: oci.Client) -> None:
    """Any user's password may be a GitHub token, in a query or a form; one that nobody knows is denied."""
    scope = f"repository:{client.name}:pull,push"
    form = {"grant_type": "password", "username": "x", "password": client.github, "scope": scope}
    posted = client.session.post("https://ghcr.io/token", data=form)
    unknown = client.session.get("https://ghcr.io/token", auth=("x", "ghs_unknown"))

    assert client.token(scope, user="whoever").status_code == 200
    assert posted.json().keys() == {"token", "access_token", "expires_in", "issued_at"}
    client.headers = {"Authorization": f"Bearer {posted.json()['access_token']}"}
    assert client.upload()
    assert (code(unknown), unknown.json()["errors"][0]["message"]) == ((403, "DENIED"), "denied")
    assert code(client.session.post("https://ghcr.io/token", data={"grant_type": "x"})) == (400, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("scopes", "actor", "words"),
    [
        ({"packages": "read"}, "github-actions[bot]", "installation not allowed to Create organization package"),
        ({"contents": "write"}, "github-actions[bot]", "installation not allowed to Create organization package"),
        ({"packages": "read"}, "person", "permission_denied: write_package"),
    ],
)
def test_pushing_needs_packages_write(
    loopback: Loopback, name: str, scopes: dict[str, str], actor: str, words: str
) -> None:
    """Without the permission a token is issued all the same, and the first request of a push is denied."""
    token = loopback.github.token(scopes=scopes, repository="octo/widget", actor=actor)
    denied = oci.Client(loopback, token, name=name).login().ask("POST", "blobs/uploads/")

    assert code(denied) == (403, "DENIED")
    assert denied.json()["errors"][0]["message"] == words
    assert name not in loopback.registry.state.repositories
    assert loopback.github.permissions_asked(token) == {("packages", "write"): False}


def test_a_job_reaches_its_owners_packages_only(loopback: Loopback) -> None:
    """A job's token of one owner does not push another's packages; nor does a token that was revoked since."""
    token = loopback.github.token(scopes={"packages": "write"}, repository="octo/widget")
    foreign = oci.Client(loopback, token, name="other/widget").login()
    own = oci.Client(loopback, token, NAME).login()

    assert code(foreign.ask("POST", "blobs/uploads/")) == (403, "DENIED")
    assert own.ask("POST", "blobs/uploads/").status_code == 202
    loopback.github.revoke(token)
    assert code(own.ask("POST", "blobs/uploads/")) == (403, "DENIED")


def test_a_token_is_for_what_it_was_asked_for(client: oci.Client, loopback: Loopback, name: str) -> None:
    """A token for one repository, or for pulling, is none for another, or for pushing."""
    other = oci.Client(loopback, client.github, name=f"{name}-other")
    other.headers = client.headers
    client.login(f"repository:{name}:pull")

    assert code(other.ask("POST", "blobs/uploads/")) == (401, "UNAUTHORIZED")
    assert code(client.ask("POST", "blobs/uploads/")) == (401, "UNAUTHORIZED")


def test_a_fresh_package_is_private(client: oci.Client, stranger: oci.Client, loopback: Loopback) -> None:
    """After a first push to GHCR a stranger gets no token; once somebody makes it public, they pull."""
    loopback.registry.rules.fresh_private = True
    client.push(oci.image(b"layer"), "v1")
    scope = f"repository:{client.name}:pull"
    hidden = stranger.token(scope)
    loopback.registry.add_repository(client.name, private=False)

    assert code(hidden) == (401, "UNAUTHORIZED")
    assert client.ask("GET", "manifests/v1").status_code == 200
    assert stranger.login(scope).ask("GET", "manifests/v1").status_code == 200


def test_a_private_package_is_pulled_by_its_owner(client: oci.Client, loopback: Loopback, name: str) -> None:
    """packages: read of the owner's repository is enough to pull it, whatever is asked for; another's is not."""
    client.push(oci.image(b"layer"), "v1")
    loopback.registry.add_repository(name, private=True)
    scope = f"repository:{name}:*"
    read = {"packages": "read"}
    token = loopback.github.token(scopes=read, repository="octo/other")
    own = oci.Client(loopback, token, name).login(scope)
    foreign = oci.Client(loopback, loopback.github.token(scopes=read, repository="else/widget"), name).login(scope)

    assert own.ask("GET", "manifests/v1").status_code == 200
    assert code(own.ask("DELETE", "manifests/v1")) == (403, "DENIED")
    assert loopback.github.permissions_asked(token) == {("packages", "read"): True, ("packages", "write"): False}
    assert code(foreign.ask("GET", "manifests/v1")) == (403, "DENIED")


def test_a_token_ends(tmp_path: Path) -> None:
    """After its lifetime a token is worth nothing, and the challenge says so."""
    now = [0.0]
    registry = PlayedRegistry(tmp_path, lambda *_: {"packages": "write"}, token_lifetime=60, clock=lambda: now[0])
    # Werkzeug's client asks the application itself: nothing but the clock is between.
    from werkzeug.test import Client as Direct  # noqa: PLC0415

    direct = Direct(registry)
    issued = direct.get("/token?scope=repository:a/b:pull", auth=("x", "y")).json
    headers = {"Authorization": f"Bearer {issued['token']}"}  # type: ignore[index]
    during = direct.get("/v2/", headers=headers)
    now[0] = 60.0
    after = direct.get("/v2/a/b/tags/list", headers=headers)

    assert (issued or {})["expires_in"] == 60
    assert (during.status_code, after.status_code) == (200, 401)
    assert after.headers["WWW-Authenticate"].endswith('scope="repository:a/b:pull",error="invalid_token"')


@pytest.mark.parametrize("bad", ["Octo/widget", "octo//widget", "octo/widget_", f"octo/{'a' * 300}"])
def test_a_name_is_in_small_letters(client: oci.Client, bad: str) -> None:
    """What is no repository's name is refused in those words."""
    assert code(client.ask("GET", f"https://ghcr.io/v2/{bad}/tags/list")) == (400, "NAME_INVALID")


# The world


def test_a_tag_can_be_moved_and_a_dump_is_a_layout(client: oci.Client, loopback: Loopback, tmp_path: Path) -> None:
    """Somebody's hand moves a tag; a dump holds every blob and manifest, and the tags in its index."""
    one, other = oci.image(b"layer"), oci.image(b"other")
    client.push(one, "v1")
    client.push(other)
    loopback.registry.move_tag(client.name, "v1", other.digest)
    loopback.registry.dump(tmp_path)
    folder = tmp_path / client.name.replace("/", "%2F")
    entries = json.loads((folder / "index.json").read_text())["manifests"]

    assert client.ask("HEAD", "manifests/v1").headers["Docker-Content-Digest"] == other.digest
    assert [(entry["digest"], entry.get("annotations")) for entry in entries] == [
        (other.digest, {"org.opencontainers.image.ref.name": "v1"}),
        (one.digest, None),
    ]
    for content in (*one.blobs, *other.blobs, one.manifest, other.manifest):
        assert (folder / "blobs" / oci.sha256(content).replace(":", "/")).read_bytes() == content
    assert loopback.registry.delete(client.name, "v1")
    assert loopback.registry.tags(client.name) == {}


def test_what_breaks_off_can_be_resumed(client: oci.Client, loopback: Loopback) -> None:
    """Of a chunk that was cut half way the session keeps what came, and says how far it is."""
    killed: list[bool] = []
    loopback.faults.kill = lambda: killed.append(True)
    loopback.faults.set([Fault(name="kill-within", host="ghcr.io")])
    where = client.upload()
    with pytest.raises(requests.ConnectionError):
        client.chunk(where, b"0123456789", 0)
    there = client.ask("GET", where)
    done = client.ask("PUT", f"{where}&digest={oci.sha256(b'0123456789')}", data=b"56789")

    assert killed == [True]
    assert (there.headers["Range"], done.status_code) == ("0-4", 201)
