"""github.com as a stranger sees it: release pages and download addresses, for what is published and public."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from werkzeug import Response
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect

from tagseal.loopback.github import shapes
from tagseal.loopback.github.downloads import sign_address
from tagseal.loopback.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug import Request
    from werkzeug.exceptions import HTTPException

    from tagseal.loopback.github.state import GitHubState, PlayedRelease, PlayedRepository

_BASE = "/<owner>/<repo>/releases"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title} · {repository}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ background: #f6f8fa; overflow: auto; padding: 1rem; white-space: pre-wrap }}
table {{ border-collapse: collapse; width: 100% }} td {{ border-top: 1px solid #d1d9e0; padding: .4rem }}
</style>
<p>{repository} · release{kind}</p>
<h1>{title}</h1>
{notes}
<h2>Assets</h2>
<table>{assets}</table>
</html>
"""


def plain(notes: str) -> str:
    """Show notes as they are written."""
    return f"<pre>{escape(notes)}</pre>"


def release_page(repository: PlayedRepository, release: PlayedRelease, render: Callable[[str], str] = plain) -> str:
    """Return a release as a page; ``render`` makes safe HTML of the notes."""
    rows = [shapes.asset(repository, release, asset) for asset in release.assets]
    cells = (
        f'<tr><td><a href="{escape(row["browser_download_url"])}">{escape(row["name"])}</a>'
        f"<td>{escape(row['digest'] or '')}<td>{row['size']} bytes</tr>"
        for row in rows
    )
    return _PAGE.format(
        title=escape(release.name or release.tag_name),
        repository=escape(repository.full_name),
        kind=" · draft" * release.draft + " · pre-release" * release.prerelease,
        notes=render(release.body),
        assets="".join(cells),
    )


class Pages(Service):
    """What needs no token."""

    routes = Map(
        [
            Rule(f"{_BASE}/latest", methods=["GET"], endpoint="_latest"),
            Rule(f"{_BASE}/latest/download/<name>", methods=["GET"], endpoint="_latest_download"),
            Rule(f"{_BASE}/tag/<path:tag>", methods=["GET"], endpoint="_page"),
            Rule(f"{_BASE}/download/<path:tag>/<name>", methods=["GET"], endpoint="_download"),
        ],
        merge_slashes=False,
    )

    def __init__(self, state: GitHubState, render: Callable[[str], str] = plain) -> None:
        """Serve what the state holds."""
        self._state = state
        self._render = render

    def refusal(self, error: HTTPException) -> Response:
        """Return a page that says so."""
        return Response(
            f"<!doctype html><title>{error.name}</title><h1>{error.code}</h1>", error.code, mimetype="text/html"
        )

    def _repository(self, owner: str, repo: str) -> PlayedRepository:
        found = self._state.find(f"{owner}/{repo}") or self._state.moved_repository(f"{owner}/{repo}")
        if found is None or found.private:
            raise NotFound
        return found

    def _find_published(self, owner: str, repo: str, tag: str) -> tuple[PlayedRepository, PlayedRelease]:
        found = self._repository(owner, repo)
        release = found.published_release(tag)
        if release is None:
            raise NotFound
        return found, release

    def _page(self, request: Request, owner: str, repo: str, tag: str) -> Response:  # noqa: ARG002 - a route's form
        found, release = self._find_published(owner, repo, tag)
        html = release_page(found, release, self._render)
        headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(html, headers=headers, mimetype="text/html")

    def _download(self, request: Request, owner: str, repo: str, tag: str, name: str) -> Response:  # noqa: ARG002
        found, release = self._find_published(owner, repo, tag)
        for asset in release.assets:
            if asset.name == name and asset.state == "uploaded":
                return redirect(sign_address(self._state, found, asset), 302)
        raise NotFound

    def _latest(self, request: Request, owner: str, repo: str) -> Response:  # noqa: ARG002 - a route's form
        found = self._repository(owner, repo)
        if found.latest is None:
            raise NotFound
        return redirect(shapes.release(found, found.latest)["html_url"], 302)

    def _latest_download(self, request: Request, owner: str, repo: str, name: str) -> Response:
        found = self._repository(owner, repo)
        if found.latest is None:
            raise NotFound
        return self._download(request, owner, repo, found.latest.tag_name, name)
