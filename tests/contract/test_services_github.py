"""Our adapter against the played GitHub: whatever it answers, errors of ours; the token stays where it belongs."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Request, Response

from plans import PLAN
from tagseal.errors import Refused, ServiceError, TagsealError, UsageError, VerificationFailed
from tagseal.loopback import Loopback
from tagseal.services.github import BOT, GitHub, Release, marker
from tagseal.verification.verify import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.records import Asset

NAME, TAG, COMMIT = PLAN.identity.repository, PLAN.tag, PLAN.commit
API, UPLOADS, OBJECTS = "api.github.com", "uploads.github.com", "release-assets.githubusercontent.com"
EVIL = "evil.example"
BODY = f"Notes.\n\n{marker(TAG)}\n"


@dataclass
class Front:
    """Stands before what plays a host: records who asks, and answers in its place when it is told to."""

    behind: WSGIApplication | None = None
    answer: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] | None = None
    spared: int = 0
    """Requests that still reach what plays the host."""
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Host, path and Authorization header of each request."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.seen.append((environ["HTTP_HOST"], environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION", "")))
        if self.answer is None or self.spared > 0:
            self.spared -= 1
            assert self.behind is not None
            return self.behind(environ, start_response)
        Request(environ).get_data()
        return self.answer(environ, start_response)


@dataclass(kw_only=True)
class Forge:
    """A repository with a draft of ours that holds one file, and the fronts of its hosts."""

    repository: PlayedRepository
    fronts: dict[str, Front]
    token: str
    draft: Release
    asset: Asset

    @property
    def github(self) -> GitHub:
        """A new client, which knows nothing yet."""
        return GitHub(self.token)

    def answering(self, answer: object, *, spared: int = 0, hosts: tuple[str, ...] = (API, UPLOADS, OBJECTS)) -> None:
        for host in hosts:
            self.fronts[host].answer = answer  # type: ignore[assignment]
            self.fronts[host].spared = spared


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    fronts = {host: Front() for host in (API, UPLOADS, OBJECTS, EVIL)}
    with Loopback(folder=tmp_path / "loopback", hosts=dict(fronts)) as loopback:
        for host, front in fronts.items():
            front.behind = loopback.github.hosts.get(host)
        monkeypatch.setenv("NETRC", str(tmp_path / "none"))
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        repository = loopback.github.add_repository(NAME)
        repository.add_tag(TAG, COMMIT, annotated=True)
        token = loopback.github.token(scopes={"contents": "write", "metadata": "read"}, repository=NAME)
        github = GitHub(token)
        draft = github.create_draft(NAME, TAG, body=BODY, prerelease=False)
        path = tmp_path / "widget.bin"
        path.write_bytes(b"0123456789")
        asset = github.upload(NAME, draft, path, sha256=digest(path))
        for front in fronts.values():
            front.seen.clear()
        yield Forge(repository=repository, fronts=fronts, token=token, draft=draft, asset=asset)


CALLS: dict[str, Callable[[GitHub, Forge, Path], object]] = {
    "private": lambda github, _forge, _path: github.private(NAME),
    "tag_commit": lambda github, _forge, _path: github.tag_commit(NAME, TAG),
    "actor": lambda github, _forge, _path: github.actor(),
    "releases": lambda github, _forge, _path: list(github.releases(NAME)),
    "of_tag": lambda github, _forge, _path: github.of_tag(NAME, TAG),
    "published_release": lambda github, _forge, _path: github.published_release(NAME, TAG),
    "release": lambda github, forge, _path: github.release(NAME, forge.draft.id),
    "create_draft": lambda github, _forge, _path: github.create_draft(NAME, TAG, body="", prerelease=False),
    "edit": lambda github, forge, _path: github.edit(NAME, forge.draft, body=BODY, prerelease=False),
    "publish": lambda github, forge, _path: github.publish(NAME, forge.draft, latest=True),
    "upload": lambda github, forge, path: github.upload(NAME, forge.draft, path, sha256=digest(path)),
    "download": lambda github, forge, path: github.download(NAME, forge.asset, path.with_name("got.bin")),
    "delete_asset": lambda github, forge, _path: github.delete_asset(NAME, forge.asset),
    "delete_draft": lambda github, forge, _path: github.delete_draft(NAME, forge.draft),
}


def said(status: int, text: str | bytes, mimetype: str = "application/json") -> Response:
    return Response(text, status, mimetype=mimetype)


def cut(environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
    environ["tagseal.cut"]()
    return ()


def redirect(location: str) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Answer with this very Location, whatever it is."""

    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("302 Found", [("Location", location), ("Content-Length", "0")])
        return ()

    return answer


def refusal(status: int, message: str = "No.", **more: object) -> Response:
    return said(status, json.dumps({"message": message, **more}))


REFUSALS = {
    "401": (refusal(401, "Bad credentials"), "github-permission"),
    "403": (refusal(403, "Resource not accessible by integration"), "github-permission"),
    "404": (refusal(404, "Not Found"), "github-not-found"),
    "409": (refusal(409), "github-refused"),
    "422": (refusal(422, errors=[{"resource": "Release", "field": "tag_name", "code": "custom"}]), "github-refused"),
    "422 of words": (refusal(422, errors=["words"]), "github-refused"),
    "429": (refusal(429), "github-failed"),
    "a secondary limit": (refusal(403, "You have exceeded a secondary rate limit."), "github-failed"),
    "500": (refusal(500), "github-failed"),
    "502 of a page": (said(502, "<html>Unicorn!</html>", "text/html"), "github-failed"),
    "503 of nothing": (said(503, ""), "github-failed"),
    "a cut connection": (cut, "github-unreachable"),
}
GARBAGE = {
    "no JSON": said(200, "not JSON"),
    "no UTF-8": said(200, b"\xff\xfe"),
    "nothing": said(200, ""),
    "null": said(200, "null"),
    "a list": said(200, "[1]"),
    "an object": said(200, "{}"),
    "a text": said(200, '"text"'),
    "other types": said(200, json.dumps({"id": "x", "private": "x", "object": 1, "login": 1, "assets": "x"})),
    "half a release": said(200, json.dumps({"id": 1, "url": f"https://{API}/x", "full_name": NAME, "private": None})),
    "a page": said(200, "<html>Log in to this network</html>", "text/html"),
    "a redirect elsewhere": redirect(f"https://{EVIL}/x"),
    "a redirect to http": redirect(f"http://{API}/x"),
    "a redirect to no URL": redirect("https://[x"),
    "a redirect to itself": redirect(f"https://{API}/repos/{NAME}"),
    "a redirect to nowhere": said(302, ""),
}
MAY_SAY_NO = {("delete_asset", "404"): None, ("delete_draft", "404"): True, ("actor", "403"): BOT}


def outcome(forge: Forge, call: str, path: Path) -> object:
    """Return what a call gave, or the error of ours; anything else that is raised fails the test."""
    path.write_bytes(b"bytes")
    try:
        return CALLS[call](forge.github, forge, path)
    except TagsealError as error:
        return error


def test_every_method_is_driven() -> None:
    """A new method of the adapter has to be put on the list."""
    public = {name for name, _ in inspect.getmembers(GitHub, inspect.isfunction) if not name.startswith("_")}
    assert public == CALLS.keys()


def test_without_a_fault_every_method_works(forge: Forge, tmp_path: Path) -> None:
    """So that what follows fails for the fault's sake."""
    for call in CALLS:
        assert not isinstance(outcome(forge, call, tmp_path / f"{call}.bin"), TagsealError), call


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_becomes_an_error_of_ours(forge: Forge, tmp_path: Path, fault: str) -> None:
    """Each method, each status: the class says who must act, and GitHub's own words stand in the context."""
    answer, slug = REFUSALS[fault]
    forge.answering(answer)
    for call in CALLS:
        found = outcome(forge, call, tmp_path / f"{call}.bin")
        if (call, fault) in MAY_SAY_NO:
            assert found == MAY_SAY_NO[call, fault]
            continue
        assert isinstance(found, TagsealError), (call, found)
        assert found.slug == slug, call
        assert isinstance(found, UsageError if slug in {"github-permission", "github-not-found"} else ServiceError)
        assert found.context


@pytest.mark.parametrize("fault", GARBAGE)
def test_an_answer_that_makes_no_sense_is_an_error_of_ours(forge: Forge, tmp_path: Path, fault: str) -> None:
    """Neither a foreign exception nor a made-up value: nothing is believed that is not of its type."""
    forge.answering(GARBAGE[fault])
    for call in CALLS:
        found = outcome(forge, call, tmp_path / f"{call}.bin")
        assert isinstance(found, TagsealError), (call, found)
        assert found.exit_code in {1, 2, 3, 4}, call
    assert forge.fronts[EVIL].seen == []


@pytest.mark.parametrize("fault", [*REFUSALS, *GARBAGE])
def test_no_foreign_exception_escapes_from_a_later_request(forge: Forge, tmp_path: Path, fault: str) -> None:
    """Methods that ask more than once: the first answer is good, the next one is not."""
    for call in CALLS:
        forge.answering(GARBAGE[fault] if fault in GARBAGE else REFUSALS[fault][0], spared=1)
        outcome(forge, call, tmp_path / f"{call}.bin")
    assert forge.fronts[EVIL].seen == []


def test_a_name_that_leads_nowhere_is_an_error_of_ours(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy, no answer: the service is unreachable."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for call in CALLS:
        found = outcome(forge, call, tmp_path / f"{call}.bin")
        assert isinstance(found, ServiceError), call
        assert found.slug == "github-unreachable", call


def test_fields_that_are_refused_are_named(forge: Forge) -> None:
    """GitHub's list of errors is part of its words, without control characters, bounded."""
    hostile = {"resource": "Release", "field": "tag_name\x1b[2J", "code": "custom" * 999}
    forge.answering(refusal(422, "Validation Failed", errors=[hostile]))
    with pytest.raises(ServiceError) as caught:
        forge.github.create_draft(NAME, TAG, body="", prerelease=False)
    assert caught.value.context[0].startswith("GitHub said: 422 Validation Failed; tag_name\\u001b[2J custom")
    assert len(caught.value.context[0]) < 600


def test_no_write_is_sent_twice(forge: Forge, tmp_path: Path) -> None:
    """After a failure the caller looks first: a repeated POST makes a second draft."""
    forge.answering(cut, hosts=(API,), spared=1)
    assert isinstance(outcome(forge, "create_draft", tmp_path / "x"), ServiceError)
    assert sum(path.endswith("/releases") for _, path, _ in forge.fronts[API].seen) == 1


def test_the_token_goes_to_the_api_and_not_along_a_redirect(forge: Forge, tmp_path: Path) -> None:
    """A download is asked for with the token; the host that it leads to gets the signature in the URL only."""
    forge.github.download(NAME, forge.asset, tmp_path / "got.bin")
    assert (tmp_path / "got.bin").read_bytes() == b"0123456789"
    assert [auth for _, _, auth in forge.fronts[API].seen] == [f"Bearer {forge.token}"]
    assert [auth for _, _, auth in forge.fronts[OBJECTS].seen] == [""]


def test_a_redirect_back_to_the_api_has_no_token(forge: Forge, tmp_path: Path) -> None:
    """A token that was left behind does not come back."""
    where = f"https://{API}/elsewhere"
    forge.answering(redirect(where), hosts=(API,))
    with pytest.raises(TagsealError):
        forge.github.download(NAME, forge.asset, tmp_path / "got.bin")
    first, *rest = [auth for _, _, auth in forge.fronts[API].seen]
    assert first
    assert set(rest) == {""}


def test_a_netrc_is_not_read(forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests would put a person's entry in the token's place, and hand one to the host of a redirect."""
    (tmp_path / "netrc").write_text("default login canary password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for call in CALLS:
        outcome(forge, call, tmp_path / f"{call}.bin")
    seen = [auth for front in forge.fronts.values() for _, _, auth in front.seen]
    assert {auth.rpartition(" ")[2] for auth in seen} == {forge.token, ""}
    assert [auth for _, _, auth in forge.fronts[OBJECTS].seen] == [""]


@pytest.mark.parametrize(
    "location",
    [
        f"https://{EVIL}/x",
        f"https://{API}@{EVIL}/x",
        f"https://{API}.{EVIL}/x",
        f"http://{OBJECTS}/x",
        f"https://{OBJECTS}:8443/x",
        f"//{EVIL}/x",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_an_unknown_place_is_refused(forge: Forge, tmp_path: Path, location: str) -> None:
    """Only GitHub's own names over https are followed; nobody else is asked, and nothing is left."""
    forge.answering(redirect(location), hosts=(API,))
    with pytest.raises(Refused) as caught:
        forge.github.download(NAME, forge.asset, tmp_path / "out" / "got.bin")
    assert caught.value.slug == "unknown-download-host"
    assert forge.fronts[EVIL].seen == []


@pytest.mark.parametrize("location", ["https://[x", "https://api.github.com:port/"])
def test_a_redirect_to_no_address_is_an_error_of_ours(forge: Forge, tmp_path: Path, location: str) -> None:
    """A Location that no parser reads leads nowhere."""
    forge.answering(redirect(location), hosts=(API,))
    assert isinstance(outcome(forge, "download", tmp_path / "x"), TagsealError)
    assert len(forge.fronts[API].seen) == 1


def test_a_signature_in_a_url_is_not_printed(forge: Forge, tmp_path: Path) -> None:
    """The address that a download leads to opens the file for whoever has it."""
    forge.answering(cut, hosts=(OBJECTS,))
    with pytest.raises(ServiceError) as caught:
        forge.github.download(NAME, forge.asset, tmp_path / "got.bin")
    assert "github-production-release-asset" in caught.value.context[0]
    assert "sig=" not in caught.value.context[0]


def test_a_relative_redirect_is_followed(forge: Forge, tmp_path: Path) -> None:
    """It stays on the host that sent it (RFC 9110 section 10.2.2)."""
    forge.answering(redirect("/elsewhere"), hosts=(API,))
    with pytest.raises(ServiceError):
        forge.github.download(NAME, forge.asset, tmp_path / "got.bin")
    assert forge.fronts[API].seen[1][:2] == (API, "/elsewhere")


def half(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Promise ten bytes, send five, and cut the connection."""
    start_response("200 OK", [("Content-Length", "10")])
    yield b"01234"
    environ["tagseal.cut"]()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(200, b"0123456789!", "application/octet-stream"), VerificationFailed),
        (said(200, b"x" * (3 << 20), "application/octet-stream"), VerificationFailed),
        (said(200, b"012345678", "application/octet-stream"), ServiceError),
        (said(200, b"", "application/octet-stream"), ServiceError),
        (said(200, b"9876543210", "application/octet-stream"), VerificationFailed),
        (half, ServiceError),
        (said(404, ""), UsageError),
        (said(500, ""), ServiceError),
    ],
    ids=["too long", "far too long", "too short", "empty", "other bytes", "cut", "404", "500"],
)
def test_a_download_is_whole_or_nothing(forge: Forge, tmp_path: Path, answer: object, kind: type[TagsealError]) -> None:
    """Size and digest are those of the listing; otherwise nothing is left, and what was there stays."""
    folder = tmp_path / "out"
    folder.mkdir()
    forge.answering(answer, hosts=(OBJECTS,))
    with pytest.raises(kind):
        forge.github.download(NAME, forge.asset, folder / "got.bin")
    assert list(folder.iterdir()) == []
    (folder / "got.bin").write_bytes(b"before")
    with pytest.raises(kind):
        forge.github.download(NAME, forge.asset, folder / "got.bin")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("got.bin", b"before")]


def test_an_asset_without_a_digest_is_compared_by_size(forge: Forge, tmp_path: Path) -> None:
    """Old assets have none."""
    old = replace(forge.asset, sha256="")
    forge.github.download(NAME, old, tmp_path / "got.bin")
    with pytest.raises(VerificationFailed, match="sha256 unknown"):
        forge.github.download(NAME, replace(old, size=9), tmp_path / "got.bin")


def test_nothing_unsafe_is_uploaded(forge: Forge, tmp_path: Path) -> None:
    """A link is no file of the release."""
    (tmp_path / "link.bin").symlink_to(tmp_path / "widget.bin")
    with pytest.raises(Refused):
        forge.github.upload(NAME, forge.draft, tmp_path / "link.bin", sha256="0" * 64)
    assert forge.fronts[UPLOADS].seen == []
