"""Uploads, as twine sends them: a form with the metadata, the file, and its attestations.

Source: "Upload API" in the index's own documentation, and what its server answers: the words stand in the status
line. In order: the token; the form and its metadata; the project; the file's name, size and digests; whether the name
was ever used; the attestations.
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from packaging.metadata import Metadata
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from tagseal.loopback.index.attested import NotAttestedError
from tagseal.loopback.index.state import ANY, MEBIBYTE, File

if TYPE_CHECKING:
    from werkzeug import Request
    from werkzeug.datastructures import MultiDict

    from tagseal.loopback.index.attested import Attested
    from tagseal.loopback.index.state import State, Token

_FIELDS = 32 * MEBIBYTE
"""Bytes of the form beside the file."""
_SEE = "See the index's help for more information."
_KINDS = {"sdist": ".tar.gz", "bdist_wheel": ".whl"}
_TEXTS = {
    "name": "name",
    "version": "version",
    "metadata_version": "metadata_version",
    "summary": "summary",
    "requires_python": "requires_python",
    "license_expression": "license_expression",
}


class Legacy:
    """Takes uploads."""

    def __init__(self, state: State, attested: Attested) -> None:
        """Prepare."""
        self._state, self._attested = state, attested

    def upload(self, request: Request) -> Response:
        """Take one file."""
        request.max_form_memory_size = _FIELDS
        with closing(request), self._state.lock:
            token = self._token(request)
            form = request.form
            if form.get(":action") != "file_upload" or form.get("protocol_version") != "1":
                refuse("Unknown protocol version.")
            project, version = _described(form)
            if not token.projects & {project, ANY}:
                refuse(
                    f"Invalid API Token: OIDC scoped token is not valid for project '{project}'"
                    if token.publisher
                    else f"The user 'octocat' isn't allowed to upload to project '{project}'. {_SEE}",
                    403,
                )
            return self._file(request, token, project, version)

    def _token(self, request: Request) -> Token:
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            refuse("Invalid or non-existent authentication information.", 403)
        user, _, secret = base64.b64decode(coded).decode("utf-8", "replace").partition(":")
        found = self._state.token(secret) if user == "__token__" else None
        if found is None:
            refuse(f"Invalid or non-existent authentication information. {_SEE}", 403)
        return found

    def _file(self, request: Request, token: Token, project: str, version: str) -> Response:
        sent = request.files.get("content")
        if sent is None or not sent.filename:
            refuse("Upload payload does not have a file.")
        name, content, form = sent.filename, sent.stream.read(), request.form
        kind = form.get("filetype", "")
        _named(name, kind, project, version)
        if len(content) > self._state.rules.largest:
            limit = self._state.rules.largest // MEBIBYTE
            refuse(f"File too large. Limit for project '{project}' is {limit} MB. {_SEE}")
        sha256, blake2 = (
            one.hexdigest() for one in (hashlib.sha256(content), hashlib.blake2b(content, digest_size=32))
        )
        told = {"sha256_digest": sha256, "blake2_256_digest": blake2}
        if any(form.get(key, digest).lower() != digest for key, digest in told.items()):
            refuse("The digest supplied does not match a digest calculated from the uploaded file.")
        if (before := self._state.used.get(name)) is not None:
            return self._again(project, name, blake2, before)
        file = File(
            name=name,
            project=project,
            version=version,
            kind=kind,
            size=len(content),
            sha256=sha256,
            blake2_256=blake2,
            uploaded=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            requires_python=form.get("requires_python", ""),
            attestations=self._attestations(form, token, name, sha256),
            publisher=token.publisher,
        )
        self._state.add(file, content)
        return Response("", 200)

    def _again(self, project: str, name: str, blake2: str, before: str) -> Response:
        """Answer to a name that was used before: the same bytes are no mistake, as long as they are there."""
        if name not in self._state.projects.get(project, {}):
            refuse(f"This filename has already been used, use a different version. {_SEE}")
        if before != blake2:
            refuse(f"File already exists ('{name}', with blake2_256 hash '{before}'). {_SEE}")
        return Response("", 200)

    def _attestations(self, form: MultiDict[str, str], token: Token, name: str, sha256: str) -> tuple[bytes, ...]:
        text = form.get("attestations")
        if text is None:
            return ()
        if token.publisher is None:
            refuse("Attestations are only supported when using Trusted Publishing")
        try:
            listed = json.loads(text)
            return tuple(self._attested.verified(json.dumps(one), name, sha256, token.publisher) for one in listed)
        except NotAttestedError as error:
            refuse(f"Could not verify the uploaded artifact using the included attestation: {error}")
        except (ValueError, TypeError) as error:
            refuse(f"Malformed attestations: an attestation is missing or malformed: {type(error).__name__}")


def refuse(words: str, status: int = 400) -> NoReturn:
    """Refuse with these words, in the status line and in the body.

    Raises:
        HTTPException: Always.
    """
    plain = "".join(c for c in words if c.isprintable()).encode("latin-1", "ignore").decode("latin-1")
    body = f"{status} {plain}\n\nThe server could not comply with the request.\n\n{plain}\n"
    raise HTTPException(response=Response(body, f"{status} {plain}", content_type="text/plain"))


def _described(form: MultiDict[str, str]) -> tuple[str, str]:
    """Return project and version of a form whose metadata is valid, normalised."""
    fields: dict[str, object] = {key: form[name] for key, name in _TEXTS.items() if form.get(name)}
    for classifier in form.getlist("classifiers"):
        if classifier.startswith("Private ::"):
            refuse(f"Invalid value for classifiers. Error: Classifier '{classifier}' is not a valid classifier.")
    try:
        Metadata.from_raw(fields, validate=True)  # type: ignore[arg-type]
        return canonicalize_name(form["name"]), str(Version(form["version"]))
    except ExceptionGroup as error:
        wrong = error.exceptions[0]
        refuse(f"Invalid value for {getattr(wrong, 'field', 'metadata')}. Error: {wrong}")
    except (KeyError, InvalidVersion) as error:
        refuse(f"Invalid value for version. Error: {error}")


def _named(name: str, kind: str, project: str, version: str) -> None:
    """Hold a file's name against its kind and its metadata."""
    if kind not in _KINDS:
        refuse(f"Invalid value for filetype. Error: Use a known file type, not {kind}.")
    if not name.endswith(_KINDS[kind]):
        refuse(f"Invalid file extension: Use {_KINDS[kind]} for {kind}.")
    try:
        tags = parse_wheel_filename(name) if kind == "bdist_wheel" else (*parse_sdist_filename(name), (), frozenset())
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        refuse(f"Invalid filename: {error}")
    begin = project.replace("-", "_")
    if tags[0] != project or not name.lower().startswith(f"{begin}-"):
        refuse(f"Start filename for '{project}' with '{begin}'.")
    if str(tags[1]) != version:
        refuse(f"Version in filename should be '{version}' not '{tags[1]}'.")
    for platform in sorted(one.platform for one in tags[3]):
        if platform.startswith("linux_"):
            refuse(f"Binary wheel '{name}' has an unsupported platform tag '{platform}'.")
