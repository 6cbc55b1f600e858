"""``--serve``: the rehearsed release page in a browser, its notes rendered as GitHub would."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from cheroot.wsgi import Server
from rich.filesize import decimal
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from tagseal.notes import page as notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

_STYLE = """
:root { color-scheme: light dark; --soft: color-mix(in srgb, currentColor 7%, transparent);
  --line: color-mix(in srgb, currentColor 18%, transparent);
  --quiet: color-mix(in srgb, currentColor 65%, transparent); }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
a { color: light-dark(#0b57d0, #8ab4f8); text-underline-offset: .15em; }
header { border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; }
h1 { margin: 0 0 .25rem; } h2 { margin-top: 2rem; }
header p { color: var(--quiet); margin: 0 0 1rem; }
header b { font: 600 .75rem/1.6 system-ui, sans-serif; padding: 0 .6em; border: 1px solid; border-radius: 1em;
  vertical-align: .35em; margin-left: .6em; color: light-dark(#8a4b00, #f0b45b); }
code { font: .86em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: 4px; padding: .15em .3em; }
pre { padding: .8rem 1rem; overflow-x: auto; background: var(--soft); border-radius: 6px; }
pre code { background: none; padding: 0; overflow-wrap: normal; }
table { border-collapse: collapse; display: block; overflow-x: auto; overflow-wrap: normal; }
td, th { border: 1px solid var(--line); padding: .3rem .6rem; }
th:not([align]), td:not([align]) { text-align: left; }
blockquote { margin: 1rem 0; padding: 0 1rem; border-left: 4px solid var(--line); color: var(--quiet); }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem; margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; } img { max-width: 100%; }
ul.assets { padding: 0; list-style: none; border: 1px solid var(--line); border-radius: 6px; }
ul.assets li { display: flex; justify-content: space-between; gap: 1rem; padding: .4rem 1rem; }
ul.assets li + li { border-top: 1px solid var(--line); }
ul.assets span { color: var(--quiet); white-space: nowrap; font-variant-numeric: tabular-nums; }
"""


class Site:
    """A WSGI application with one page, and the assets behind it."""

    def __init__(self, out: Path, repository: str, tag: str) -> None:
        """Show what a rehearsal left in ``out``."""
        self._out, self._repository, self._tag = out, repository, tag
        self._routes = Map([Rule("/", endpoint=self._page), Rule("/assets/<name>", endpoint=self._asset)])
        self.host = ""
        """``127.0.0.1:PORT``; any other Host is refused, for a web page elsewhere must not read this one."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if request.host != self.host:
            return Response("unknown host\n", status=421)(environ, start_response)
        try:
            endpoint, values = self._routes.bind_to_environ(environ).match()
            response = endpoint(**values)
        except HTTPException as error:
            response = error.get_response(environ)
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _page(self) -> Response:
        release = json.loads((self._out / "release.json").read_text(encoding="utf-8"))
        rows = "".join(
            f'<li><a href="/assets/{escape(one["name"])}" download>{escape(one["name"])}</a>'
            f"<span>{decimal(one['size'])}</span></li>"
            for one in release["assets"]
        )
        marks = f"<b>Rehearsal</b>{'<b>Pre-release</b>' if release['prerelease'] else ''}"
        return Response(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>{escape(self._tag)} · {escape(self._repository)}</title><style>{_STYLE}</style>"
            f"<header><h1>{escape(self._tag)}{marks}</h1>"
            f"<p>{escape(self._repository)} · played on this machine, published nowhere</p></header>"
            f"<main>{notes.html(release['body'])}</main><h2>Assets</h2><ul class=assets>{rows}</ul>",
            content_type="text/html; charset=utf-8",
        )

    def _asset(self, name: str) -> Response:
        file = self._out / "assets" / name
        if file.parent != self._out / "assets" or not file.is_file():
            raise NotFound
        return Response(
            file.read_bytes(),
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def serve(out: Path, repository: str, tag: str, tell: Callable[[str], None]) -> None:
    """Serve the page on a free port of 127.0.0.1 until Ctrl-C."""
    site = Site(out, repository, tag)
    server = Server(("127.0.0.1", 0), site, numthreads=4)
    server.prepare()
    site.host = f"127.0.0.1:{server.bind_addr[1]}"
    tell(f"The release page: http://{site.host}/    Ctrl-C ends it")
    try:
        server.serve()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
