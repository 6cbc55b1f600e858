"""What happens to a request that a fault hits; :mod:`tagseal.loopback.faults.table` says which fault does what."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from werkzeug import Request, Response
from werkzeug.wsgi import LimitedStream

from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tagseal.loopback.github.accidents import Accidents
    from tagseal.loopback.index.accidents import IndexAccidents
    from tagseal.loopback.registry.accidents import ImageAccidents

    Act = Callable[["FaultedRequest"], Iterable[bytes] | None]
    """Gives the answer; None where this cannot happen to this request, which then has not been hit."""

SLOW = 2.0
"""Seconds that ``slow`` adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultedRequest:
    """A request that a fault hits, and what the fault may use."""

    environ: WSGIEnvironment
    start_response: StartResponse
    application: WSGIApplication
    """Plays the hosts."""
    forge: Accidents
    """What can happen to GitHub's state."""
    images: ImageAccidents
    """What can happen to the registries'."""
    indexes: IndexAccidents
    """What can happen to the package indexes'."""
    wait: Callable[[float], object]
    """Wait for so many seconds, or until the loopback closes."""
    kill: Callable[[], object]
    """End the client."""

    @property
    def host(self) -> str:
        """The name that was asked."""
        return str(self.environ.get("HTTP_HOST", "")).removesuffix(":443")

    def change(self, **environ: object) -> FaultedRequest:
        """Return this request with other values in its environment; ``__`` stands for a period in a key."""
        return replace(self, environ=self.environ | {key.replace("__", "."): value for key, value in environ.items()})

    def pass_on(self) -> Iterable[bytes]:
        """Play the request."""
        return self.application(self.environ, self.start_response)

    def play(self) -> Response:
        """Play the request, and return the answer, its body not yet read."""
        return Response.from_app(self.application, self.environ)

    def unheard(self) -> None:
        """Play the request to the end of an answer that nobody gets."""
        with closing(self.play()) as response:
            for _ in response.response:
                pass

    def cut(self) -> Iterable[bytes]:
        """Cut the connection."""
        self.environ["tagseal.cut"]()
        return ()


# The connection


def late(hit: FaultedRequest) -> Iterable[bytes]:
    """Play the request after a while."""
    hit.wait(SLOW)
    return hit.pass_on()


def cut_before(hit: FaultedRequest) -> Iterable[bytes]:
    """Do nothing, and answer nothing."""
    return hit.cut()


def cut_after(hit: FaultedRequest) -> Iterable[bytes]:
    """Do everything, and answer nothing."""
    hit.unheard()
    return hit.cut()


def cut_within(hit: FaultedRequest) -> Iterable[bytes]:
    """Answer with half of a body, and cut the connection."""
    response = hit.play()
    hit.start_response(response.status, response.headers.to_wsgi_list())
    return _half_then_cut(response, hit)


def _half_then_cut(response: Response, hit: FaultedRequest) -> Iterator[bytes]:
    yield from _first(response, (response.content_length or 0) // 2)
    yield b""  # Each block leaves when the next is asked for: without this one the cut would come before the half.
    hit.cut()


def shorten(hit: FaultedRequest) -> Iterable[bytes]:
    """Answer with half of a body as if it were the whole."""
    response = hit.play()
    half = response.content_length = (response.content_length or 0) // 2
    hit.start_response(response.status, response.headers.to_wsgi_list())
    return _first(response, half)


def _first(response: Response, size: int) -> Iterator[bytes]:
    with closing(response):
        for block in response.iter_encoded():
            yield block[:size]
            size -= len(block)
            if size <= 0:
                return


# The answer


def answer_instead(status: int, content: object, headers: Mapping[str, str] | None = None) -> Act:
    """Do nothing, and answer with this."""

    def act(hit: FaultedRequest) -> Iterable[bytes]:
        return answer(content, status, headers)(hit.environ, hit.start_response)

    return act


def do_and_answer(status: int, content: object) -> Act:
    """Do everything, and answer with this."""

    def act(hit: FaultedRequest) -> Iterable[bytes]:
        hit.unheard()
        return answer(content, status)(hit.environ, hit.start_response)

    return act


def digests(value: str | None) -> Act:
    """Answer with another digest in the place of each."""

    def other(shape: dict[str, object]) -> dict[str, object]:
        return shape | {"digest": value} if shape.get("digest") else shape

    def act(hit: FaultedRequest) -> Iterable[bytes]:
        response = hit.play()
        if response.is_json:
            response.set_data(json.dumps(json.loads(response.get_data(), object_hook=other)))
        return response(hit.environ, hit.start_response)

    return act


def as_json(hit: FaultedRequest) -> Iterable[bytes] | None:
    """Describe the file that the request wants the bytes of."""
    if hit.environ.get("HTTP_ACCEPT") != "application/octet-stream":
        return None
    return hit.change(HTTP_ACCEPT="application/json").pass_on()


# The request


def twice(hit: FaultedRequest) -> Iterable[bytes]:
    """Play the request twice, and answer for the second time."""
    body = Request(hit.environ).get_data(cache=False)
    hit.change(wsgi__input=BytesIO(body)).unheard()
    return hit.change(wsgi__input=BytesIO(body)).pass_on()


def send_half(hit: FaultedRequest) -> Iterable[bytes]:
    """Play the request as if its body had ended half way."""
    half = int(hit.environ.get("CONTENT_LENGTH") or 0) // 2
    body = LimitedStream(hit.environ["wsgi.input"], half)
    return hit.change(wsgi__input=body, wsgi__input_terminated=True).pass_on()


def rename_asset(hit: FaultedRequest) -> Iterable[bytes]:
    """Let the server call the file what it calls one whose name it cannot spell."""
    query = dict(parse_qsl(hit.environ["QUERY_STRING"]))
    query["name"] = f"default{PurePosixPath(query.get('name', '')).suffix}"
    return hit.change(QUERY_STRING=urlencode(query)).pass_on()


# The world


def accident(happens: Callable[[Accidents, str], bool]) -> Act:
    """Let something happen to the forge, then play the request."""

    def act(hit: FaultedRequest) -> Iterable[bytes] | None:
        return hit.pass_on() if happens(hit.forge, hit.environ["PATH_INFO"]) else None

    return act


def image_accident(happens: Callable[[ImageAccidents, str, str], bool]) -> Act:
    """Let something happen to a registry, then play the request."""
    return lambda hit: hit.pass_on() if happens(hit.images, hit.host, hit.environ["PATH_INFO"]) else None


def index_accident(happens: Callable[[IndexAccidents, str], bool]) -> Act:
    """Let something happen to a package index, then play the request."""
    return lambda hit: hit.pass_on() if happens(hit.indexes, hit.host) else None


def kill_before(hit: FaultedRequest) -> Iterable[bytes]:
    """End the client, and do nothing."""
    hit.kill()
    return hit.cut()


def kill_within(hit: FaultedRequest) -> Iterable[bytes]:
    """End the client while it sends."""
    for _ in send_half(replace(hit, start_response=_ignore)):
        pass
    hit.kill()
    return hit.cut()


def kill_after(hit: FaultedRequest) -> Iterable[bytes]:
    """Do everything, and end the client before it hears of it."""
    hit.unheard()
    hit.kill()
    return hit.cut()


def _ignore(*_: object) -> Callable[[bytes], object]:
    return len
