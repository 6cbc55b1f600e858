"""What an index tells anybody: the simple API, the JSON API, provenance, and the files themselves.

Sources: PEP 503 (HTML), PEP 691 (JSON), PEP 592 (yanked), PEP 700 (sizes, versions), PEP 740 (provenance); the JSON
and integrity APIs in the index's own documentation.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version
from pypi_attestations import Attestation, AttestationBundle, GitHubPublisher, Provenance
from werkzeug import Response
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.utils import redirect

from tagseal.loopback.service import answer

if TYPE_CHECKING:
    from werkzeug import Request
    from werkzeug.wrappers import Response as Answer

    from tagseal.loopback.index.state import IndexFile, IndexState

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
_META = {"api-version": "1.3"}


class ListingApi:
    """Answers whoever asks what there is."""

    def __init__(self, state: IndexState, simple: str, site: str) -> None:
        """Answer for the simple API at this root, and the other APIs at ``site``, if there are any."""
        self._state = state
        self._simple = simple
        self._site = site
        self._files = "/".join(simple.split("/")[:3])
        """Scheme and host of every file's address."""

    def project(self, request: Request, name: str) -> Answer:
        """List a project's files: the simple API."""
        if name != canonicalize_name(name):
            return redirect(f"{self._simple}{canonicalize_name(name)}/", 301)
        files = self._list_files(name, simple=True)
        best = request.accept_mimetypes.best_match(["text/html", SIMPLE_HTML, SIMPLE_JSON], "text/html")
        if best == SIMPLE_JSON:
            versions = sorted({file.version for file in files}, key=Version)
            shapes = [self._simple_shape(file) for file in files]
            content = {"meta": _META, "name": name, "versions": versions, "files": shapes}
            return Response(json.dumps(content), content_type=SIMPLE_JSON)
        return Response(self._page(name, files), content_type=best)

    def of_project(self, request: Request, name: str) -> Answer:
        """Tell of a project's latest version: the JSON API."""
        files = self._list_files(canonicalize_name(name))
        latest = max(files, key=_standing, default=None)
        if latest is None:
            raise NotFound
        return self.of_version(request, name, latest.version)

    def of_version(self, _request: Request, name: str, version: str) -> Answer:
        """Tell of one version: the JSON API."""
        if name != canonicalize_name(name):
            return redirect(f"{self._site}pypi/{canonicalize_name(name)}/{version}/json", 301)
        files = [file for file in self._list_files(name) if file.version == version]
        if not files:
            raise NotFound
        yanked = [file.yanked for file in files if file.yanked is not None]
        about = {"name": name, "version": version, "yanked": len(yanked) == len(files)}
        about["yanked_reason"] = yanked[0] if yanked else None
        return answer({"info": about, "last_serial": 1, "urls": [self._shape(file) for file in files]})

    def provenance(self, _request: Request, name: str, version: str, filename: str) -> Answer:
        """Tell who attested a file: the integrity API."""
        if not self._state.rules.attestations:
            raise Forbidden("Attestations temporarily disabled")
        with self._state.lock:
            file = self._state.projects.get(canonicalize_name(name), {}).get(filename)
        if file is None or file.version != version or file.publisher is None or not file.attestations:
            raise NotFound(f"No provenance available for {filename}")
        publisher = GitHubPublisher(
            repository=f"{file.publisher.owner}/{file.publisher.repository}",
            workflow=file.publisher.workflow,
            environment=file.publisher.environment or None,
        )
        found = [Attestation.model_validate_json(attestation) for attestation in file.attestations]
        bundle = AttestationBundle(publisher=publisher, attestations=found)
        text = Provenance(attestation_bundles=[bundle]).model_dump_json()
        return Response(text, content_type="application/vnd.pypi.integrity.v1+json")

    def content(self, _request: Request, sha256: str, filename: str) -> Answer:
        """Give a file's bytes."""
        with self._state.lock:
            there = {(file.sha256, file.name) for files in self._state.projects.values() for file in files.values()}
        if (sha256, filename) not in there:
            raise NotFound
        return Response(self._state.path(sha256).read_bytes(), content_type="application/octet-stream")

    def url(self, file: IndexFile) -> str:
        """Return where a file is."""
        return f"{self._files}/packages/{file.sha256}/{file.name}"

    def _list_files(self, name: str, *, simple: bool = False) -> list[IndexFile]:
        with self._state.lock:
            files = self._state.list_files(name, simple=simple)
        if files is None:
            raise NotFound
        return sorted(files, key=lambda one: one.name)

    def _provenance(self, file: IndexFile) -> str | None:
        if not file.attestations or not self._state.rules.attestations:
            return None
        return f"{self._site}integrity/{file.project}/{file.version}/{file.name}/provenance"

    def _shape(self, file: IndexFile) -> dict[str, object]:
        return {
            "filename": file.name,
            "digests": {"sha256": file.sha256, "blake2b_256": file.blake2_256},
            "packagetype": file.kind,
            "requires_python": file.requires_python or None,
            "size": file.size,
            "upload_time_iso_8601": file.uploaded,
            "url": self.url(file),
            "yanked": file.yanked is not None,
            "yanked_reason": file.yanked,
        }

    def _simple_shape(self, file: IndexFile) -> dict[str, object]:
        shape: dict[str, object] = {
            "filename": file.name,
            "hashes": {"sha256": file.sha256},
            "provenance": self._provenance(file),
            "size": file.size,
            "upload-time": file.uploaded,
            "url": self.url(file),
            "yanked": False if file.yanked is None else file.yanked or True,
        }
        return shape | ({"requires-python": file.requires_python} if file.requires_python else {})

    def _page(self, name: str, files: list[IndexFile]) -> str:
        links = "".join(f"    <a {self._attributes(file)}>{escape(file.name)}</a><br/>\n" for file in files)
        return (
            '<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" content="1.3">\n'
            f"    <title>Links for {escape(name)}</title>\n  </head>\n  <body>\n    <h1>Links for {escape(name)}</h1>\n"
            f"{links}  </body>\n</html>\n"
        )

    def _attributes(self, file: IndexFile) -> str:
        found = {
            "href": f"{self.url(file)}#sha256={file.sha256}",
            "data-requires-python": file.requires_python or None,
            "data-provenance": self._provenance(file),
            "data-yanked": file.yanked,
        }
        return " ".join(f'{key}="{escape(value)}"' for key, value in found.items() if value is not None)


def _standing(file: IndexFile) -> tuple[bool, bool, Version]:
    """Return what the latest version has most of: it is not yanked, and no pre-release, if any such is there."""
    version = Version(file.version)
    return file.yanked is None, not version.is_prerelease, version
