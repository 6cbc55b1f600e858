"""Our adapter for registries: nothing is believed, nothing is sent twice, and the token goes to its host alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from werkzeug import Request, Response

from tagseal.errors import Busy, Refused, ServiceError, TagsealError, UsageError, VerificationFailed
from tagseal.loopback import Loopback
from tagseal.loopback.faults import Fault
from tagseal.loopback.server import Server
from tagseal.services.images.registry import Credentials, Registry
from tagseal.services.images.registry.referrers import INDEX
from tagseal.services.images.registry.uploads import CHUNK, SMALL_CHUNK
from tagseal.services.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.transcript import Exchange

GHCR, OTHER, ODD, STORAGE = "ghcr.io", "registry.example.org", "odd.example.org", "storage.example.org"
NAME = "octo/widget"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONTENT = b"the layer's bytes"
LOST = ("drop-before", "drop-after", "body-cut", "server-error", "bad-gateway")
LARGE = CHUNK + SMALL_CHUNK // 2


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Odd:
    """Stands before a registry, and lets a test say what goes another way."""

    def __init__(self) -> None:
        self.registry: WSGIApplication | None = None
        self.seen: list[Request] = []
        self.answer: Callable[[Request], Response | None] = lambda _request: None
        self.after: Callable[[Request], object] = lambda _request: None
        self.changed: Callable[[Request, Response], object] = lambda _request, _response: None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        self.seen.append(request)
        if (odd := self.answer(request)) is not None:
            return odd(environ, start_response)
        assert self.registry
        response = Response.from_app(self.registry, environ)
        self.after(request)
        self.changed(request, response)
        return response(environ, start_response)


@pytest.fixture(scope="module")
def before() -> Odd:
    return Odd()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, before: Odd) -> Iterator[Loopback]:
    hosts = {ODD: before, STORAGE: before}
    with Loopback(folder=tmp_path_factory.mktemp("loopback"), registries=(OTHER,), hosts=hosts) as one:
        before.registry = one.registries[OTHER]
        yield one


@pytest.fixture
def odd(before: Odd) -> Odd:
    """Give it as it was."""
    vars(before).update(vars(Odd()) | {"registry": before.registry})
    return before


@pytest.fixture
def loopback(everything: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """Give it without faults, and with the rules of the beginning."""
    everything.faults.set([])
    for host, registry in everything.registries.items():
        rules = registry.rules
        rules.referrers, rules.immutable, rules.token_lifetime = host != GHCR, False, 300
    for name, value in everything.environment().items():
        monkeypatch.setenv(name, value)
    return everything


@pytest.fixture
def account(loopback: Loopback) -> Credentials:
    return Credentials(user="octo", secret=loopback.github.token(scopes={"packages": "write"}, repository=NAME))


@dataclass(frozen=True, slots=True)
class Play:
    loopback: Loopback
    odd: Odd
    account: Credentials
    name: str
    """A repository of this test alone."""
    first: int
    """How many requests there were before."""

    def at(self, host: str = GHCR, name: str = "") -> Registry:
        return Registry(host, name or self.name, self.account, retry=Retry(patience=600), timeout=10)

    def requests(self) -> Sequence[Exchange]:
        return self.loopback.transcript.entries[self.first :]

    def sent(self, method: str, part: str = "") -> list[int]:
        """Return the sizes of the requests so far."""
        return [
            request.request_bytes for request in self.requests() if request.method == method and part in request.path
        ]


@pytest.fixture
def play(loopback: Loopback, odd: Odd, account: Credentials) -> Play:
    first = len(loopback.transcript.entries)
    return Play(loopback, odd, account, f"{NAME}-{first}", first)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


def push(registry: Registry, path: Path, **options: str) -> bool:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return registry.push_blob(path, sha256=digest, size=path.stat().st_size, mount_from=options.get("mount_from"))


def image(registry: Registry, file: Path, **more: object) -> bytes:
    """Push a blob, and return a manifest that has it as config and layer."""
    push(registry, file)
    part = {"mediaType": "application/vnd.example", "size": len(CONTENT), "digest": f"sha256:{sha256(CONTENT)}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": part, "layers": [part], **more}).encode()


@pytest.mark.parametrize("host", [GHCR, OTHER])
def test_what_is_pushed_by_digest_is_pulled_by_digest(play: Play, file: Path, host: str) -> None:
    """Bytes, media type and digests come back as they went; what was there is not sent again."""
    registry = play.at(host)
    content = image(registry, file)
    assert not push(registry, file)
    registry.push_manifest(content, MANIFEST)
    found = registry.manifest(f"sha256:{sha256(content)}")
    assert found
    assert (found.content, found.media_type, found.sha256) == (content, MANIFEST, sha256(content))
    assert registry.tags() == ()
    assert registry.resolve("1.0") is None
    registry.push_manifest(content, MANIFEST, "1.0")
    assert registry.resolve("1.0") == sha256(content)
    assert registry.tags() == ("1.0",)
    assert registry.blob(sha256(CONTENT), len(CONTENT)) == CONTENT
    assert (registry.has_blob(sha256(CONTENT)), registry.has_blob("0" * 64)) == (True, False)
    assert registry.manifest(f"sha256:{'0' * 64}") is None
    assert len([one for one in play.sent("PUT", "/blobs/") if one]) == 1


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_one_blob_arrives(play: Play, file: Path, fault: str, method: str) -> None:
    """Whatever an upload met, the blob is there; one that had arrived is not sent again."""
    play.loopback.faults.set([Fault(name=fault, host=r"ghcr\.io", method=method, path=".*/blobs/.*")])
    assert push(play.at(), file)
    assert play.loopback.faults.hits
    assert play.at().blob(sha256(CONTENT), 100) == CONTENT
    arrived = method != "PUT" or fault in {"drop-after", "body-cut", "bad-gateway"}
    assert len(play.sent("PUT", "/blobs/")) == (1 if arrived else 2)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("reference", [None, "1.0"])
def test_one_manifest_arrives(play: Play, file: Path, fault: str, reference: str | None) -> None:
    """After a lost answer the manifest is looked for; it is sent again only where it is not there."""
    registry = play.at()
    content = image(registry, file)
    play.loopback.faults.set([Fault(name=fault, host=r"ghcr\.io", method="PUT")])
    registry.push_manifest(content, MANIFEST, reference)
    assert play.loopback.faults.hits
    assert registry.manifest(reference or f"sha256:{sha256(content)}")
    arrived = fault in {"drop-after", "body-cut", "bad-gateway"}
    assert len(play.sent("PUT", "/manifests/")) == (1 if arrived else 2)


def test_reads_are_repeated(play: Play, file: Path) -> None:
    """A read that came to nothing is asked again, whatever it was."""
    registry = play.at()
    content = image(registry, file)
    registry.push_manifest(content, MANIFEST, "1.0")
    faults = [
        Fault(name=one, host=r"ghcr\.io", method="GET|HEAD", path="/v2/.*") for one in ("drop-before", "body-cut")
    ]
    for ask in (
        lambda: registry.manifest("1.0"),
        lambda: registry.resolve("1.0"),
        registry.tags,
        lambda: registry.blob(sha256(CONTENT), 100),
        lambda: registry.has_blob(sha256(CONTENT)),
        lambda: registry.referrers(sha256(content)) == (),
    ):
        play.loopback.faults.set(faults)
        assert ask()
        assert play.loopback.faults.hits


@pytest.mark.parametrize("fault", ["drop-after", "bad-gateway"])
def test_a_large_blob_goes_on_where_the_registry_stands(play: Play, large: Path, fault: str) -> None:
    """After a lost answer the registry is asked how far it has come, and no finished byte is sent again."""
    play.loopback.faults.set([Fault(name=fault, host=r"ghcr\.io", method="PATCH", skip=2, count=2)])
    assert push(play.at(), large)
    assert len(play.loopback.faults.hits) == 2
    assert sum(play.sent("PATCH")) == LARGE
    assert max(play.sent("PATCH")) == SMALL_CHUNK
    assert not push(play.at(), large)


def test_half_a_chunk_is_not_sent_again(play: Play, odd: Odd, large: Path) -> None:
    """A chunk whose second half was lost is ended, not repeated."""
    cut: list[int] = []

    def answer(request: Request) -> Response | None:
        if request.method == "PATCH" and not cut:
            half = int(request.headers["Content-Length"]) // 2
            cut.append(half)
            body = request.stream.read(half)
            request.environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(half)}
            request.environ["HTTP_CONTENT_RANGE"] = f"0-{half - 1}"
            assert odd.registry
            Response.from_app(odd.registry, request.environ)
            return Response(status=502)
        return None

    odd.answer = answer
    assert push(play.at(ODD), large)
    assert cut == [CHUNK // 2]
    begun = [int(one.headers["Content-Range"].partition("-")[0]) for one in odd.seen if one.method == "PATCH"]
    assert begun == [0, CHUNK // 2, CHUNK]


def test_a_push_that_was_killed_sends_no_finished_blob_again(play: Play, file: Path, large: Path) -> None:
    """A run that begins anew asks first, and sends what is not there."""
    assert push(play.at(), file)
    play.loopback.faults.set([Fault(name="drop-before", host=r"ghcr\.io", method="PATCH", skip=3, count=100)])
    with pytest.raises(Busy):
        push(play.at(), large)
    play.loopback.faults.set([])
    before = len(play.sent("PUT", "/blobs/"))
    again = play.at()
    assert (push(again, file), push(again, large)) == (False, True)
    assert play.sent("PUT", "/blobs/")[before:] == [0]


PUSH = """
import os, sys
from pathlib import Path
from tagseal.services.images.registry import Registry, credentials
registry = Registry("ghcr.io", sys.argv.pop(), credentials(os.environ, "ghcr.io"))
for path, sha256 in zip(sys.argv[1::2], sys.argv[2::2]):
    registry.push_blob(Path(path), sha256=sha256, size=Path(path).stat().st_size)
"""


@pytest.mark.parametrize("fault", ["kill-before", "kill-after"])
def test_a_process_that_was_killed_leaves_nothing_to_send_twice(
    play: Play, file: Path, large: Path, fault: str
) -> None:
    """After SIGKILL in the middle of a large blob the small one is not sent again, and nothing is half there."""
    digests = (sha256(CONTENT), hashlib.sha256(bytes(LARGE)).hexdigest())
    argv = [sys.executable, "-P", "-c", PUSH, str(file), digests[0], str(large), digests[1], play.name]
    play.loopback.faults.set([Fault(name=fault, host=r"ghcr\.io", method="PATCH", skip=3)])
    with subprocess.Popen(argv, env={**os.environ, "GITHUB_TOKEN": play.account.secret}) as child:
        play.loopback.faults.kill = child.kill
        assert child.wait(60) == -signal.SIGKILL
    assert play.loopback.faults.hits
    assert [play.at().has_blob(digest) for digest in digests] == [True, False]
    assert (push(play.at(), file), push(play.at(), large)) == (False, True)
    assert play.sent("PUT", "/blobs/") == [len(CONTENT), 0]


@pytest.mark.parametrize(
    ("refused", "chunks"),
    [
        (lambda size: Response(status=413) if size > SMALL_CHUNK else None, [SMALL_CHUNK] * 8 + [SMALL_CHUNK // 2]),
        (lambda size: Response(status=416) if size > SMALL_CHUNK else None, [SMALL_CHUNK] * 8 + [SMALL_CHUNK // 2]),
        (lambda _size: Response(status=405), []),
    ],
    ids=["limited", "as-ghcr", "none"],
)
def test_a_registry_gets_chunks_as_it_takes_them(
    play: Play, odd: Odd, large: Path, refused: Callable[[int], Response | None], chunks: list[int]
) -> None:
    """Smaller ones where they were too large, and the blob at once where it takes none at all."""

    def answer(request: Request) -> Response | None:
        if request.method == "PATCH" and (said := refused(int(request.headers["Content-Length"]))):
            request.get_data(cache=False)
            return said
        return None

    odd.answer = answer
    assert push(play.at(ODD), large)
    found = [one for one in play.requests() if one.host == ODD]
    assert [one.request_bytes for one in found if one.method == "PATCH" and one.status == 202] == chunks
    assert [one.request_bytes for one in found if one.method == "PUT"] == ([0] if chunks else [LARGE])


def test_an_upload_that_the_registry_forgot_is_begun_anew(play: Play, odd: Odd, file: Path, large: Path) -> None:
    """The blob arrives all the same, in one piece."""
    forgotten: list[str] = []

    def answer(request: Request) -> Response | None:
        upload = request.path.rpartition("/")[2]
        if request.method in {"PATCH", "PUT"} and "/uploads/" in request.path and len(forgotten) < 2:
            request.get_data(cache=False)
            forgotten.append(upload)
        if upload in forgotten:
            said = {"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "blob upload unknown to registry"}]}
            return Response(json.dumps(said), 404)
        return None

    odd.answer = answer
    assert push(play.at(ODD), file)
    del forgotten[:]
    assert push(play.at(ODD), large)
    assert play.at(OTHER).has_blob(hashlib.sha256(bytes(LARGE)).hexdigest())


@pytest.mark.parametrize("host", [GHCR, OTHER])
@pytest.mark.parametrize("content", [b"other bytes!!!!!!", b"short"], ids=["other", "short"])
def test_a_blob_that_is_not_the_built_one_never_arrives_whole(
    play: Play, file: Path, large: Path, host: str, content: bytes
) -> None:
    """It is hashed while it is sent, and its last block leaves only if the bytes are those of the digest."""
    file.write_bytes(content)
    with pytest.raises(VerificationFailed) as caught:
        play.at(host).push_blob(file, sha256=sha256(CONTENT), size=len(CONTENT))
    assert caught.value.slug == "blob-changed"
    with pytest.raises(VerificationFailed):
        play.at(host).push_blob(large, sha256="0" * 64, size=LARGE)
    assert not play.sent("PUT", "/blobs/") or max(play.sent("PUT", "/blobs/")) < len(CONTENT)
    with pytest.raises(UsageError) as absent:
        play.at(host).push_blob(file.with_name("absent"), sha256="0" * 64, size=1)
    assert absent.value.slug == "blob-unreadable"


def test_a_neighbours_blob_is_mounted(play: Play, file: Path) -> None:
    """Nothing is sent where another repository of the registry has it, and everything where none has."""
    assert push(play.at(), file, mount_from="octo/absent")
    assert play.sent("PUT", "/blobs/") == [len(CONTENT)]
    assert push(play.at(name=f"{play.name}/gadget"), file, mount_from=play.name)
    assert play.sent("PUT", "/blobs/") == [len(CONTENT)]
    assert play.at(name=f"{play.name}/gadget").blob(sha256(CONTENT), 100) == CONTENT


def test_the_missing_permission_is_named(play: Play, file: Path) -> None:
    """At GitHub it has a name; elsewhere one logs in."""
    token = play.loopback.github.token(scopes={"packages": "read"}, repository=NAME)
    reader = Credentials(user="octo", secret=token)
    with pytest.raises(UsageError) as caught:
        push(Registry(GHCR, play.name, reader), file)
    assert "`packages: write`" in caught.value.hint
    assert "DENIED installation not allowed to Create organization package" in caught.value.context[0]
    with pytest.raises(UsageError) as elsewhere:
        push(Registry(OTHER, play.name), file)
    assert "docker login registry.example.org" in elsewhere.value.hint
    wrong = Credentials(user="octo", secret="wrong")
    with pytest.raises(UsageError) as unknown:
        push(Registry(GHCR, play.name, wrong), file)
    assert unknown.value.slug == "registry-packages-permission"
    assert "wrong" not in str(vars(unknown.value)) + repr(wrong)


def test_a_stranger_is_asked_for(play: Play, file: Path) -> None:
    """A private package is not readable without credentials, and that is no error."""
    registry = play.at()
    registry.push_manifest(image(registry, file), MANIFEST, "1.0")
    assert registry.anonymous().readable("1.0")
    play.loopback.registry.add_repository(f"{play.name}/secret", private=True)
    assert not play.at(name=f"{play.name}/secret").anonymous().readable("1.0")
    assert not registry.anonymous().readable("2.0")


def test_a_token_is_asked_for_once_a_scope(play: Play, file: Path) -> None:
    """Reads share one, writes another; one that is over is replaced once."""
    registry = play.at()
    content = image(registry, file)
    for number in range(3):
        registry.push_manifest(content, MANIFEST, f"1.{number}")
        registry.manifest(f"1.{number}")
    assert len(play.sent("GET", "/token")) == 2
    play.loopback.registry.rules.token_lifetime = 0
    fresh = play.at()
    with pytest.raises(UsageError) as caught:
        fresh.manifest("1.0")
    assert caught.value.slug == "registry-packages-permission"
    assert len(play.sent("GET", "/token")) == 3
    play.loopback.registry.rules.token_lifetime = 300
    assert fresh.manifest("1.0")


def test_a_token_that_ends_during_an_upload_is_renewed(play: Play, odd: Odd, large: Path) -> None:
    """The chunk that met 401 is sent again with the new one, and the bytes are still the right ones."""
    ended: list[int] = []

    def answer(request: Request) -> Response | None:
        if request.method == "PATCH" and not ended:
            ended.append(len(request.get_data(cache=False)))
            realm = f'Bearer realm="https://{ODD}/token",service="{ODD}"'
            return Response(status=401, headers={"WWW-Authenticate": realm})
        return None

    odd.answer = answer
    assert push(play.at(ODD), large)
    assert ended


def test_an_identity_token_gets_a_token(play: Play, file: Path) -> None:
    """What some helpers keep in the place of a password goes to the token service, and to it alone."""
    identity = Credentials(user="<token>", secret=play.account.secret, identity=True)
    assert push(Registry(GHCR, play.name, identity), file)
    assert len(play.sent("POST", "/token")) == 1


def test_a_registry_may_want_the_password_itself(play: Play, odd: Odd) -> None:
    """Basic is answered where the registry asks for it, and by nobody without an account."""
    expected = "Basic " + b64encode(f"octo:{play.account.secret}".encode()).decode()

    def answer(request: Request) -> Response:
        if request.headers.get("Authorization") == expected:
            return Response('{"tags": ["1.0"]}')
        return Response(status=401, headers={"WWW-Authenticate": 'Basic realm="here"'})

    odd.answer = answer
    assert play.at(ODD).tags() == ("1.0",)
    with pytest.raises(UsageError) as caught:
        play.at(ODD).anonymous().tags()
    assert caught.value.slug == "registry-permission"


def test_pages_are_followed_and_counted(play: Play, odd: Odd) -> None:
    """A listing goes on where Link says, and one without an end is refused rather than cut."""
    pages = 3

    def answer(request: Request) -> Response:
        number = int(request.args.get("last", "0"))
        link = f'</v2/{play.name}/tags/list?n=1000&last={number + 1}>; rel="next"'
        return Response(json.dumps({"tags": [f"t{number}"]}), headers={"Link": link} if number + 1 < pages else {})

    odd.answer = answer
    assert play.at(ODD).tags() == ("t0", "t1", "t2")
    pages = 1000
    with pytest.raises(Refused) as caught:
        play.at(ODD).tags()
    assert caught.value.slug == "registry-answer-too-large"


def test_no_request_waits_for_ever(play: Play, file: Path) -> None:
    """A registry that says nothing is one that failed."""
    registry = Registry(GHCR, play.name, play.account, timeout=0.3)
    for call in (lambda: registry.manifest("1.0"), lambda: push(registry, file)):
        play.loopback.faults.set([Fault(name="slow", host=r"ghcr\.io", count=10)])
        with pytest.raises(Busy) as caught:
            call()
        assert caught.value.slug == "registry-unreachable"


def test_the_token_stays_with_its_host(
    play: Play, odd: Odd, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blobs lie with a storage service, which sees neither the token nor what ~/.netrc has."""
    (tmp_path / "netrc").write_text(f"machine {STORAGE} login me password canary\ndefault login me password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    push(play.at(ODD), file)

    def answer(request: Request) -> Response | None:
        if request.host == STORAGE:
            return Response(CONTENT)
        if request.method == "GET" and "/blobs/" in request.path:
            return Response(status=307, headers={"Location": f"https://{STORAGE}/a?signature=s"})
        return None

    odd.answer = answer
    assert play.at(ODD).blob(sha256(CONTENT), 100) == CONTENT
    kinds = {(one.host, one.headers.get("Authorization", "").partition(" ")[0]) for one in odd.seen[-4:]}
    assert (STORAGE, "") in kinds
    assert (STORAGE, "Bearer") not in kinds
    assert all("canary" not in one.headers.get("Authorization", "") for one in odd.seen)


def test_an_upload_may_go_to_another_host_without_the_token(play: Play, odd: Odd, file: Path) -> None:
    """Location may name any host with https, and only the registry's sees the token."""

    def changed(request: Request, response: Response) -> None:
        if request.method == "POST" and "/uploads/" in request.path:
            response.headers["Location"] = f"https://{STORAGE}/v2/{play.name}/put"

    def answer(request: Request) -> Response | None:
        return Response(status=201) if request.host == STORAGE else None

    odd.changed, odd.answer = changed, answer
    assert push(play.at(ODD), file)
    assert [one.headers.get("Authorization") for one in odd.seen if one.host == STORAGE] == [None]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_redirected_write_has_written_nothing(play: Play, odd: Odd, file: Path, large: Path, method: str) -> None:
    """Whoever answers in the registry's place has not taken the bytes."""

    def answer(request: Request) -> Response | None:
        away = Response(status=307, headers={"Location": f"https://{STORAGE}/"})
        return away if request.method == method and "/uploads/" in request.path else None

    odd.answer = answer
    path = file if method == "PUT" else large
    if method == "PUT":
        with pytest.raises(TagsealError):
            push(play.at(ODD), path)
        assert not play.at(OTHER).has_blob(sha256(CONTENT))
    else:
        assert push(play.at(ODD), path)  # at once, where it takes no chunks
        assert play.at(OTHER).has_blob(hashlib.sha256(large.read_bytes()).hexdigest())


def test_a_blob_is_fetched_into_a_file(play: Play, odd: Odd, file: Path) -> None:
    """Anew where an answer was cut; where the storage's own signature has expired, that is no matter of permission."""
    registry = play.at()
    push(registry, file)
    play.loopback.faults.set([Fault(name="download-truncated", host=".*", method="GET", path=".*sha256.*")])
    into = BytesIO(b"what was there before, and is longer than the blob")
    assert registry.fetch_blob(sha256(CONTENT), into) == len(CONTENT)
    assert into.getvalue() == CONTENT
    push(play.at(OTHER), file)

    def answer(request: Request) -> Response | None:
        if request.host == STORAGE:
            return Response("expired", 403)
        leads = request.method == "GET" and "/blobs/" in request.path
        return Response(status=307, headers={"Location": f"https://{STORAGE}/blob"}) if leads else None

    odd.answer = answer
    with pytest.raises(Busy):
        play.at(ODD).fetch_blob(sha256(CONTENT), BytesIO())


def test_who_may_push_is_told_before_anything_is_pushed(play: Play) -> None:
    """An upload is begun and given up; nothing is there afterwards."""
    play.at().begin()
    assert [request.method for request in play.requests() if "/uploads/" in request.path][-2:] == ["POST", "DELETE"]
    reader = Credentials(
        user="octo", secret=play.loopback.github.token(scopes={"packages": "read"}, repository=play.name)
    )
    with pytest.raises(UsageError) as caught:
        Registry(GHCR, play.name, reader).begin()
    assert "packages: write" in " ".join((caught.value.what, *caught.value.context, caught.value.hint))


def test_location_may_be_relative(play: Play, odd: Odd, file: Path) -> None:
    """It is then one of the registry's."""

    def changed(_request: Request, response: Response) -> None:
        if location := response.headers.get("Location"):
            response.headers["Location"] = location.partition(".org")[2]
            response.autocorrect_location_header = False

    odd.changed = changed
    assert push(play.at(ODD), file)


def unsafe(header: str, value: str, status: int) -> Callable[[Request], Response | None]:
    def answer(request: Request) -> Response | None:
        return None if request.path == "/token" else Response(status=status, headers={header: value})

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        unsafe("WWW-Authenticate", f'Bearer realm="http://{ODD}/token",service="x"', 401),
        unsafe("WWW-Authenticate", f'Bearer realm="https://me@{ODD}/token"', 401),
        unsafe("Location", f"http://{ODD}/elsewhere", 307),
        unsafe("Location", f"https://{ODD}\\@{STORAGE}/", 307),
        unsafe("WWW-Authenticate", 'Bearer realm="https://["', 401),
        unsafe("Location", "file:///etc/passwd", 307),
    ],
)
def test_nothing_is_sent_without_tls(play: Play, odd: Odd, answer: Callable[[Request], Response | None]) -> None:
    """Wherever the registry leads, it is https, or refused; nothing with credentials has gone there."""
    odd.answer = answer
    with pytest.raises(Refused) as caught:
        play.at(ODD).blob("0" * 64, 100)
    assert caught.value.slug == "registry-leads-elsewhere"
    assert [one.path for one in odd.seen if one.headers.get("Authorization")] == []


def test_a_registry_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told from one that is down, and there is no switch."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = Server(Response("plain"))
    try:
        with pytest.raises(UsageError) as caught:
            Registry(f"127.0.0.1:{server.address[1]}", NAME).manifest("1.0")
    finally:
        server.close()
    assert caught.value.slug == "registry-without-tls"


def test_a_certificate_that_nobody_vouches_for_is_refused(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not a failure to wait for."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name)
    with pytest.raises(UsageError) as caught:
        play.at().manifest("1.0")
    assert caught.value.slug == "registry-certificate"


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"Docker-Content-Digest": f"sha256:{'0' * 64}"}, "registry-digest-differs"),
        ({"content": "{}"}, "registry-digest-differs"),
        ({"content": " " * ((4 << 20) + 1)}, "registry-answer-too-large"),
    ],
    ids=["header", "bytes", "size"],
)
def test_a_manifest_is_what_was_asked_for(
    play: Play, odd: Odd, file: Path, change: Mapping[str, str], slug: str
) -> None:
    """Other bytes, another digest in the header, or too many bytes: not this manifest."""
    registry = play.at(ODD)
    content = image(registry, file)
    registry.push_manifest(content, MANIFEST, "1.0")

    def changed(request: Request, response: Response) -> None:
        if request.method == "GET" and "/manifests/" in request.path:
            if "content" in change:
                response.set_data(change["content"])
            else:
                response.headers.update(change)

    odd.changed = changed
    with pytest.raises(TagsealError) as caught:
        registry.manifest(f"sha256:{sha256(content)}")
    assert caught.value.slug == slug


def test_a_push_under_another_digest_is_noticed(play: Play, odd: Odd, file: Path) -> None:
    """The registry says what it keeps, and that is compared."""
    content = image(play.at(ODD), file)

    def changed(_request: Request, response: Response) -> None:
        response.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"

    odd.changed = changed
    with pytest.raises(VerificationFailed) as caught:
        play.at(ODD).push_manifest(content, MANIFEST, "1.0")
    assert caught.value.slug == "registry-digest-differs"


def signature(registry: Registry, file: Path, kind: str = "application/vnd.example.signature") -> tuple[str, bytes]:
    """Push an image, and return its digest and a manifest that refers to it."""
    content = image(registry, file)
    registry.push_manifest(content, MANIFEST)
    subject = {"mediaType": MANIFEST, "digest": f"sha256:{sha256(content)}", "size": len(content)}
    return sha256(content), image(registry, file, subject=subject, artifactType=kind, annotations={"a": "b"})


@pytest.mark.parametrize("host", [GHCR, OTHER])
def test_what_refers_to_an_image_is_found(play: Play, file: Path, host: str) -> None:
    """By the API where there is one; else in the index at the fallback tag, which is written then only."""
    registry = play.at(host)
    subject, content = signature(registry, file)
    assert registry.referrers(subject) == ()
    assert registry.refer(content, MANIFEST, subject) == sha256(content)
    assert registry.refer(content, MANIFEST, subject) == sha256(content)
    (found,) = registry.referrers(subject, "application/vnd.example.signature")
    assert (found.sha256, found.size, found.media_type) == (sha256(content), len(content), MANIFEST)
    assert dict(found.annotations) == {"a": "b"}
    assert registry.referrers(subject, "application/vnd.example.other") == ()
    assert registry.tags() == ((f"sha256-{subject}",) if host == GHCR else ())


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("host", [GHCR, OTHER])
def test_a_lost_answer_lists_nothing_twice(play: Play, file: Path, host: str, fault: str) -> None:
    """Whether the registry lists it is asked where it could not say so."""
    registry = play.at(host)
    subject, content = signature(registry, file)
    play.loopback.faults.set([Fault(name=fault, method="PUT", path=".*/manifests/.*")])
    registry.refer(content, MANIFEST, subject)
    assert play.loopback.faults.hits
    assert [referrer.sha256 for referrer in registry.referrers(subject)] == [sha256(content)]
    assert registry.tags() == ((f"sha256-{subject}",) if host == GHCR else ())


def test_entries_of_others_are_kept(play: Play, file: Path) -> None:
    """What lists an image at the fallback tag is appended to, and unknown words in it stay."""
    registry = play.at()
    subject, content = signature(registry, file)
    _, other = signature(registry, file, "application/vnd.example.other")
    registry.push_manifest(other, MANIFEST)
    entry = {"mediaType": MANIFEST, "digest": f"sha256:{sha256(other)}", "size": len(other), "strange": [1]}
    theirs = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "annotations": {"whose": "theirs"}}
    registry.push_manifest(json.dumps(theirs).encode(), INDEX, f"sha256-{subject}")
    registry.refer(content, MANIFEST, subject)
    found = registry.manifest(f"sha256-{subject}")
    assert found
    index = json.loads(found.content)
    assert index["manifests"][0] == entry
    assert [one["digest"] for one in index["manifests"][1:]] == [f"sha256:{sha256(content)}"]
    assert index["annotations"] == {"whose": "theirs"}


@pytest.mark.parametrize("times", [2, 100])
def test_an_index_that_others_overwrite_is_written_again(play: Play, odd: Odd, file: Path, times: int) -> None:
    """Ours is in the end, or it is said that it is not."""
    play.loopback.registries[OTHER].rules.referrers = False
    registry, other = play.at(ODD), play.at(OTHER)
    subject, content = signature(registry, file)
    theirs = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    left = [None] * times

    def after(request: Request) -> None:
        if request.method == "PUT" and "/manifests/sha256-" in request.path and left:
            left.pop()
            other.push_manifest(theirs, INDEX, f"sha256-{subject}")

    odd.after = after
    if times == 2:
        registry.refer(content, MANIFEST, subject)
        assert [referrer.sha256 for referrer in registry.referrers(subject)] == [sha256(content)]
    else:
        with pytest.raises(ServiceError) as caught:
            registry.refer(content, MANIFEST, subject)
        assert caught.value.slug == "registry-referrers-contended"


def test_something_else_at_the_fallback_tag_is_not_overwritten(play: Play, file: Path) -> None:
    """An image that somebody put there stays one."""
    registry = play.at()
    subject, content = signature(registry, file)
    registry.push_manifest(content, MANIFEST, f"sha256-{subject}")
    with pytest.raises(UsageError) as caught:
        registry.refer(content, MANIFEST, subject)
    assert caught.value.slug == "registry-referrers-index"
    assert registry.resolve(f"sha256-{subject}") == sha256(content)


def test_a_tag_that_nobody_may_move_is_refused(play: Play, file: Path) -> None:
    """The maintainer acts, not the clock."""
    play.loopback.registry.rules.immutable = True
    registry = play.at()
    registry.push_manifest(image(registry, file), MANIFEST, "1.0")
    with pytest.raises(Refused) as caught:
        registry.push_manifest(image(registry, file, annotations={"a": "b"}), MANIFEST, "1.0")
    assert caught.value.slug == "registry-tag-immutable"
    with pytest.raises(Refused) as name:
        registry.push_manifest(b"{}", MANIFEST, "../1.0")
    assert name.value.slug == "unsafe-image-tag"


BODIES = (b"", b"null", b"[]", b"{", b'{"tags": 5}', b'{"tags": [1]}', b'{"manifests": [1]}', b"<html>", b"[" * 100_000)


@pytest.mark.parametrize(
    "status", [200, 201, 202, 204, 301, 400, 401, 403, 404, 405, 409, 413, 416, 418, 429, 500, 503]
)
def test_nothing_foreign_escapes(play: Play, odd: Odd, file: Path, status: int) -> None:
    """Whatever is answered, each method returns or raises an error of ours."""
    registry = Registry(ODD, play.name, play.account, timeout=10)
    calls: tuple[Callable[[], object], ...] = (
        lambda: registry.manifest("1.0"),
        lambda: registry.resolve("1.0"),
        lambda: registry.blob(sha256(CONTENT), 100),
        lambda: registry.has_blob(sha256(CONTENT)),
        registry.tags,
        lambda: registry.referrers("0" * 64),
        lambda: registry.push_manifest(b"{}", MANIFEST),
        lambda: push(registry, file),
        lambda: registry.anonymous().readable("1.0"),
    )
    for body in BODIES:
        headers = {"Content-Type": INDEX, "WWW-Authenticate": "Bearer realm=", "Link": "<;,", "Retry-After": "soon"}
        odd.answer = lambda request, body=body, headers=headers: (  # type: ignore[misc]
            request.get_data(cache=False),
            Response(body, status, headers),
        )[1]
        for call in calls:
            try:
                call()
            except TagsealError as error:
                assert error.hint  # noqa: PT017 - that it is one of ours is the rule


def test_threads_share_a_registry(play: Play, tmp_path: Path) -> None:
    """Sixteen blobs at once, one token."""
    registry, failures = play.at(), list[BaseException]()

    def run(number: int) -> None:
        path = tmp_path / f"blob-{number}"
        path.write_bytes(b"%d" % number)
        try:
            assert push(registry, path)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    assert len(play.sent("GET", "/token")) <= 1
