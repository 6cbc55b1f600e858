"""What an index tells is data from outside: every answer that is none becomes an error of ours, or nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from twine import repository
from werkzeug import Response

from tagseal.errors import Busy, ServiceError, TagsealError, VerificationFailed
from tagseal.loopback import Loopback
from tagseal.loopback.server import Server
from tagseal.machine.indexes import known_indexes
from tagseal.records import Index
from tagseal.services.index.client import IndexClient, ListedFile
from tagseal.services.index.uploads import _environ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.system

SITE = urlsplit(repository.WAREHOUSE_WEB).hostname or ""
SHA = "a" * 64
FILE = {"filename": "widget-1.2.3.tar.gz", "digests": {"sha256": SHA}, "size": 3, "url": "/packages/x", "yanked": False}
SIMPLE = {**{key: FILE[key] for key in ("filename", "size", "url", "yanked")}, "hashes": {"sha256": SHA}}
COMPANY = Index(name="company", simple=f"https://{SITE}/simple/", upload="", site="")


class Front:
    """Gives one answer to whatever is asked."""

    def __init__(self) -> None:
        self.answer = Response("{}", 200)
        self.asked: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(environ["PATH_INFO"])
        return self.answer(environ, start_response)


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Let one application answer for the index."""
    found = Front()
    monkeypatch.setenv("NETRC", os.devnull)
    with Loopback(folder=tmp_path / "loopback", hosts={SITE: found}) as loopback:
        for name, value in loopback.environment().items():
            monkeypatch.setenv(name, value)
        yield found


def client(index: Index | None = None) -> IndexClient:
    return IndexClient(index=index or known_indexes()["pypi"], project="Widget", version="1.2.3")


def told(front: Front, content: object, status: int = 200, **headers: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    front.answer = Response(text, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_version_is_asked_for_by_its_normalised_name(front: Front) -> None:
    """One request, and what came of it: name, digest, size, and an absolute address."""
    told(front, {"urls": [FILE]})
    url = f"{repository.WAREHOUSE_WEB}packages/x"
    assert client().files() == (ListedFile(name="widget-1.2.3.tar.gz", sha256=SHA, size=3, url=url, yanked=False),)
    assert front.asked == ["/pypi/widget/1.2.3/json"]


@pytest.mark.parametrize("index", [None, COMPANY], ids=["json", "simple"])
def test_an_unknown_version_has_no_files(front: Front, index: Index | None) -> None:
    """Not found is no error: nothing was published yet."""
    told(front, "", 404)
    assert client(index).files() == ()


def test_the_simple_api_tells_of_all_versions_and_one_is_taken(front: Front) -> None:
    """By what the file's name says, however it is spelled; what no index takes any more is passed over."""
    names = ("Widget-1.2.3.tar.gz", "widget-1.2.3-py3-none-any.whl", "widget-1.2.3rc1.tar.gz", "widget-1.2.4.tar.gz")
    odd = ("widget-1.2.3.exe", "widget-1.2.3-py3.egg", "widget_more-1.2.3.tar.gz")
    told(front, {"files": [{**SIMPLE, "filename": name} for name in (*names, *odd)]})
    assert [file.name for file in client(COMPANY).files()] == [*names[:2]]


GARBLED = {
    "no JSON": "<html>",
    "a list": [],
    "no files": {},
    "files that are none": {"urls": 3},
    "a file that is none": {"urls": ["x"]},
    "no name": {"urls": [{key: value for key, value in FILE.items() if key != "filename"}]},
    "a name that leads elsewhere": {"urls": [{**FILE, "filename": "../widget-1.2.3.tar.gz"}]},
    "no digest": {"urls": [{**FILE, "digests": {"md5": "x"}}]},
    "a digest that is none": {"urls": [{**FILE, "digests": {"sha256": "A" * 64}}]},
    "a size that is none": {"urls": [{**FILE, "size": "3"}]},
    "an address without TLS": {"urls": [{**FILE, "url": "http://evil.example/x"}]},
    "a deep one": "[" * 100_000,
}


@pytest.mark.parametrize("what", GARBLED)
def test_an_answer_that_makes_no_sense_is_an_error_of_ours(front: Front, what: str) -> None:
    """With what was asked, never a traceback."""
    told(front, GARBLED[what])
    with pytest.raises(ServiceError) as caught:
        client().files()
    assert caught.value.slug == "index-garbled"
    assert "Widget 1.2.3" in caught.value.what


def test_a_redirect_never_leads_out_of_tls(front: Front, tmp_path: Path) -> None:
    """Neither for what is asked nor for what is downloaded."""
    server = Server(lambda _, start: (start("200 OK", []), [b"{}"])[1])
    host, port = server.address
    try:
        told(front, "", 302, Location=f"http://{host}:{port}/")
        listed = ListedFile(name="w", sha256=SHA, size=3, url=f"https://{SITE}/packages/x", yanked=False)
        for act in (client().files, lambda: client().fetch(listed, tmp_path / "w")):
            with pytest.raises(TagsealError) as caught:
                act()
            assert caught.value.slug in {"index-garbled", "index-unreachable"}
    finally:
        server.close()
    assert list(tmp_path.glob("w*")) == []


def test_an_answer_without_end_is_cut(front: Front) -> None:
    """Nobody's answer fills the memory."""
    front.answer = Response((b" " * (1 << 20) for _ in range(80)), 200)
    with pytest.raises(ServiceError) as caught:
        client().files()
    assert caught.value.slug == "index-garbled"


REFUSALS: dict[int, tuple[type[TagsealError], str]] = {
    401: (ServiceError, "index-wants-login"),
    403: (ServiceError, "index-wants-login"),
    410: (ServiceError, "index-refuses"),
    429: (Busy, "index-busy"),
    500: (Busy, "index-busy"),
    503: (Busy, "index-busy"),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_says_who_can_do_something(front: Front, status: int) -> None:
    """Busy is worth another try; a login is the person's; its words are shown without control characters."""
    told(front, "go \x1b[31maway", status, Retry_After="7")
    with pytest.raises(TagsealError) as caught:
        client().files()
    assert (type(caught.value), caught.value.slug) == REFUSALS[status]
    assert "\x1b" not in "".join(caught.value.context)
    assert getattr(caught.value, "after", None) == (7.0 if isinstance(caught.value, Busy) else None)


def test_a_download_that_is_another_file_leaves_nothing(front: Front, tmp_path: Path) -> None:
    """What the index lists is what is taken, or nothing."""
    told(front, "xyz")
    listed = ListedFile(name="w", sha256=SHA, size=3, url=f"https://{SITE}/packages/x", yanked=False)
    with pytest.raises(VerificationFailed) as caught:
        client().fetch(listed, tmp_path / "w")
    assert caught.value.slug == "index-download-differs"
    assert list(tmp_path.glob("w*")) == []


def test_no_provenance_is_nothing(front: Front) -> None:
    """The caller decides what it means."""
    told(front, "", 404)
    assert client().provenance("widget-1.2.3.tar.gz") is None
    assert front.asked == ["/integrity/widget/1.2.3/widget-1.2.3.tar.gz/provenance"]


SECRETS = {
    "HOME": "/home/somebody",
    "NETRC": "/home/somebody/.netrc",
    "TWINE_USERNAME": "somebody",
    "TWINE_PASSWORD": "long-lived",
    "GITHUB_TOKEN": "ghs_secret",
    "GH_TOKEN": "ghs_secret",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://tokens.example/",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request",
    "GITHUB_ACTIONS": "true",
    "PYTHONPATH": "/somewhere",
    "PATH": "/bin",
}


@pytest.mark.parametrize("trusting", [True, False])
def test_twine_sees_what_it_needs_and_no_other_secret(tmp_path: Path, trusting: bool) -> None:  # noqa: FBT001
    """An index that trusts publishers gets an identity and no password, another one the reverse; none GitHub's."""
    found = _environ(SECRETS, tmp_path, trusting)
    assert ("long-lived" in found.values()) == (not trusting)
    assert ("request" in found.values()) == trusting
    assert found["HOME"] == (str(tmp_path) if trusting else "/home/somebody")
    assert not {"GITHUB_TOKEN", "GH_TOKEN", "PYTHONPATH"} & found.keys()
