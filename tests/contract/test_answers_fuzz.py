"""Whatever a service answers, random, large or nested: what asked it gets a value, or raises an error of ours.

A hundred questions here; as many as are wanted with ``nox -s fuzz``, which sets ``TAGSEAL_FUZZ``. The played services
give good answers as well, so that questions that need several get to the later ones.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug import Request, Response

from instance import COMMIT, RUN, Front, instance
from patience import patience
from tagseal.errors import TagsealError
from tagseal.loopback import Loopback
from tagseal.records import Index
from tagseal.services import oidc, reachable
from tagseal.services.github import GitHub, marker
from tagseal.services.github.published import download, find_published
from tagseal.services.images.registry import Registry
from tagseal.services.index.client import IndexClient, ListedFile
from tagseal.services.retry import Retry
from tagseal.services.sigstore import Sigstore
from tagseal.verification.verify import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.sigstore.trust import Log
    from tagseal.records import Asset
    from tagseal.services.github import Release

EXAMPLES = int(os.environ.get("TAGSEAL_FUZZ", "100"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
LEFT = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Of thousands of answers a few leave a connection of a library's own to the garbage collector, which closes it."""
NAME, TAG = "octo/widget", "v1.2.3"
API, UPLOADS, PLAIN = "api.github.com", "uploads.github.com", "github.com"
OBJECTS, SERVICE = "release-assets.githubusercontent.com", "service.example"
SHA = "a" * 64

STATUSES = (200, 200, 200, 201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503)
HEADERS = {
    "Content-Type": ("application/json", "application/octet-stream", "text/html; charset=utf-7", "x", ""),
    "Location": (f"https://{API}/x", f"https://{SERVICE}/x", "http://x.example/", "https://[x", "/again", "\xff", ""),
    "Link": (f'<https://{API}/x?page=2>; rel="next"', "rel=", "<"),
    "Retry-After": ("1", "-1", "9" * 400, "soon"),
    "WWW-Authenticate": (f'Bearer realm="https://{SERVICE}/t"', 'Bearer realm="http://x/"', "Basic", ","),
    "Docker-Content-Digest": (f"sha256:{SHA}", "sha256:", "x"),
    "X-RateLimit-Reset": ("9" * 400, "x"),
    "X-RateLimit-Remaining": ("0",),
    "Content-Encoding": ("gzip", "identity", "br", "x"),
}
DIGESTS = {"sha256": SHA}
FILE = {"filename": "widget-1.2.3.tar.gz", "digests": DIGESTS, "hashes": DIGESTS, "size": 3, "url": "/x"}
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{SHA}", "size": 7}
GENUINE: tuple[Any, ...] = (
    {"urls": [FILE]},
    {"files": [FILE], "meta": {"api-version": "1.1"}},
    {"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub"}, "attestations": []}]},
    {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [DESCRIPTOR]},
    {"schemaVersion": 2, "mediaType": DESCRIPTOR["mediaType"], "config": DESCRIPTOR, "layers": [DESCRIPTOR]},
    {"name": NAME, "tags": ["v1", "v2"]},
    {"errors": [{"code": "DENIED", "message": "no", "detail": None}], "message": "no"},
    {"token": "t", "access_token": "t", "expires_in": 300, "value": "t"},
)
PARTS = ("/json", "/simple/", "/provenance", "/referrers/", "/manifests/", "/tags/", "/errors", "/blobs/")
PLACES = dict(zip(PARTS, GENUINE, strict=True))
"""Parts of paths, and what is there."""
ODD = (b"", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5_000, b'"\\ud800"', b"\xff\xfe", b"<html>", b"NaN")
NUMBERS = (0, -1, 1, 2**63, 10**400, 0.5, float("inf"))
WORDS = ("", "x", SHA, f"sha256:{SHA}", TAG, COMMIT, "../x", "\x1b[2J", "\ud800", "1" * 5_000, "https://x/")
KEYS = ("id", "name", "object", "assets", "digest", "x")


def value(random: Random, levels: int = 3) -> Any:  # noqa: ANN401 - JSON
    """Return a random value of JSON."""
    kind = random.randrange(8 if levels else 6)
    if kind == 7:
        return {random.choice(KEYS): value(random, levels - 1) for _ in range(3)}
    if kind == 6:
        return [value(random, levels - 1) for _ in range(random.randrange(4))]
    return random.choice((NUMBERS, WORDS, WORDS, (None, True, False), ([],), ({},))[kind])


def changed(random: Random, document: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with a few parts of it replaced, or left out."""
    if random.random() < 0.02:
        return value(random)
    if isinstance(document, dict):
        kept = {key: changed(random, below) for key, below in document.items() if random.random() > 0.01}
        return kept | ({random.choice(list(kept)): value(random)} if kept and random.random() < 0.1 else {})
    return [changed(random, below) for below in document] if isinstance(document, list) else document


class Odd:
    """An answer that fits no question, or another one; nothing in it is put right on its way."""

    def __init__(self, random: Random) -> None:
        fitting = json.dumps(changed(random, random.choice(GENUINE))).encode()
        self.body = random.choice(ODD) if random.random() < 0.3 else fitting
        self.status = random.choice(STATUSES)
        headers = {name: random.choice(values) for name, values in HEADERS.items() if random.random() < 0.1}
        self.headers = {"Content-Type": "application/json", **headers, "Content-Length": str(len(self.body))}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        Request(environ).get_data()
        empty = self.status in {204, 304}
        headers = [(name, text) for name, text in self.headers.items() if not (empty and name == "Content-Length")]
        start_response(f"{self.status} Said", headers)
        return [b"" if empty or environ["REQUEST_METHOD"] == "HEAD" else self.body]


def genuine(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Play an index and a registry, as far as they are asked here."""
    path = Request(environ).path
    document = next((document for part, document in PLACES.items() if part in path), None)
    body = json.dumps(document).encode()
    kind = document.get("mediaType", "application/json") if document else "text/plain"
    response = Response(body, 200 if document else 404, mimetype=kind)
    response.headers["Docker-Content-Digest"] = f"sha256:{sha256(body).hexdigest()}"
    return response(environ, start_response)


class Services:
    """Plays every service; what it answers follows from a number."""

    def __init__(self) -> None:
        self.random = Random()  # noqa: S311 - no secret
        self.behind: dict[str, WSGIApplication] = {}
        self.honest = True

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host, kind = Request(environ).host, self.random.random()
        if host in self.behind and (self.honest or kind < 0.5):
            return self.behind[host](environ, start_response)
        if host in self.behind and kind < 0.9:
            response = Response.from_app(self.behind[host], environ)
            self.change(response)
            return response(environ, start_response)
        return Odd(self.random)(environ, start_response)

    def change(self, response: Response) -> None:
        """Change what a played service said."""
        try:
            document = json.loads(response.get_data())
        except ValueError:
            document = value(self.random)
        response.set_data(json.dumps(changed(self.random, document)))


class Known:
    """What the questions are about."""

    release: Release
    asset: Asset


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Let one application play every host, and give it a release to tell of."""
    found, folder = Services(), tmp_path_factory.mktemp("loopback")
    hosts: dict[str, WSGIApplication] = dict.fromkeys((API, UPLOADS, PLAIN, OBJECTS, SERVICE), found)
    with Loopback(folder=folder, hosts=hosts) as loopback, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETRC", os.devnull)
        for name, content in loopback.environment().items():
            patch.setenv(name, content)
        loopback.github.add_repository(NAME).add_tag(TAG, COMMIT, annotated=True)
        found.behind = {host: loopback.github.hosts[host] for host in (API, UPLOADS, PLAIN, OBJECTS)}
        found.behind[SERVICE] = genuine
        github = GitHub(loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME))
        draft = github.create_draft(NAME, TAG, body=f"Notes.\n\n{marker(TAG)}\n", prerelease=False)
        path = folder / "widget.whl"
        path.write_bytes(b"0123456789")
        Known.asset = github.upload(NAME, draft, path, sha256=digest(path))
        Known.release = github.publish(NAME, draft, latest=True)
        found.honest = False
        yield found


ONCE = Retry(patience=0)
SIMPLE = Index(name="company", simple=f"https://{SERVICE}/simple/", upload="", site="")
SITE = Index(name="company", simple=f"https://{SERVICE}/simple/", upload="", site=f"https://{SERVICE}/")
LISTED = ListedFile(name="widget.whl", sha256=SHA, size=3, url=f"https://{SERVICE}/x", yanked=False)


def client(index: Index) -> IndexClient:
    return IndexClient(index=index, project="Widget", version="1.2.3")


def registry() -> Registry:
    return Registry(SERVICE, NAME)


def fetch(folder: Path) -> object:
    return download(NAME, find_published(NAME, TAG, {}, ONCE).release, folder / "release", {}, ONCE)


ASKED: dict[str, Callable[[Path], object]] = {
    "private": lambda _: GitHub("").private(NAME),
    "tag": lambda _: GitHub("").tag_commit(NAME, TAG),
    "actor": lambda _: GitHub("").actor(),
    "releases": lambda _: GitHub("").releases(NAME),
    "of tag": lambda _: GitHub("").of_tag(NAME, TAG),
    "published": lambda _: GitHub("").published_release(NAME, TAG),
    "release": lambda _: GitHub("").release(NAME, Known.release.id),
    "asset": lambda folder: GitHub("").download(NAME, Known.asset, folder / "asset"),
    "whole release": fetch,
    "simple": lambda _: client(SIMPLE).files(),
    "version": lambda _: client(SITE).files(),
    "provenance": lambda _: client(SITE).provenance("widget-1.2.3.tar.gz"),
    "package": lambda folder: client(SIMPLE).fetch(LISTED, folder / "package"),
    "readable": lambda _: registry().readable("v1"),
    "denied": lambda _: registry().is_denied("v1"),
    "has blob": lambda _: registry().has_blob(SHA),
    "blob": lambda _: registry().blob(SHA, 1_000),
    "fetch blob": lambda _: registry().fetch_blob(SHA, BytesIO()),
    "manifest": lambda _: registry().manifest("v1"),
    "resolve": lambda _: registry().resolve("v1"),
    "tags": lambda _: registry().tags(),
    "referrers": lambda _: registry().referrers(SHA),
    "reachable": lambda _: reachable.ask_time(f"https://{SERVICE}/", 60),
}


def ask(question: Callable[[], object]) -> str:
    """Ask; return the error's name, which is one of ours and has words, or nothing for a value."""
    with patience():
        try:
            question()
        except TagsealError as error:
            caught = error
        else:
            return ""
    assert caught.what
    assert caught.hint
    assert caught.exit_code in {1, 2, 3, 4}
    return caught.slug


@LEFT
@FUZZ
@given(what=st.sampled_from(sorted(ASKED)), number=st.integers(0, 2**32))
@example(what="whole release", number=1_335_999_765)  # an asset whose name no file system takes
def test_any_answer_is_a_value_or_an_error(
    what: str, number: int, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """GitHub, an index and a registry may say anything."""
    services.random = Random(number)  # noqa: S311 - no secret
    ask(lambda: ASKED[what](tmp_path_factory.mktemp("asked")))


@pytest.mark.parametrize("what", sorted(ASKED))
def test_each_question_is_answered(what: str, services: Services, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of forty questions of each kind one at least gets a value, and one an error: what is asked is reached."""
    outcomes = set()
    for number in range(40):
        services.random = Random(number)  # noqa: S311 - no secret
        outcomes.add(ask(lambda: ASKED[what](tmp_path_factory.mktemp("asked"))))
    assert "" in outcomes or what in {"asset", "blob", "fetch blob", "package", "whole release"}
    assert len(outcomes) > 1 or what == "reachable"


@LEFT
@pytest.mark.parametrize("service", ["fulcio", "rekor", "tiles", "timestamps", "tokens"])
@settings(FUZZ, max_examples=max(EXAMPLES // 10, 10))
@given(number=st.integers(0, 2**32))
def test_any_answer_ends_signing(service: str, number: int) -> None:
    """Fulcio, a log, a timestamp authority and the runner may say anything: no bundle comes of it, but an error."""
    front = Front(then=Odd(Random(number)))  # noqa: S311 - no secret
    bundles: dict[str, bytes] = {}
    log: Log = "v2" if service == "tiles" else "v1"
    with instance({service: front}, log=log) as played, pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "http_proxy"):  # which the tests above have set
            patch.delenv(name, raising=False)
        job = {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": played.oidc_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": played.tokens.grant(RUN),
        }
        signing = Sigstore(origin="a test", document=played.trust_config)
        found = ask(
            lambda: signing.sign({"it": SHA}, lambda: oidc.identity_token(job, "sigstore") or "", bundles.__setitem__)
        )
    assert (bool(found), bundles) == (True, {})
    assert front.asked > 0
