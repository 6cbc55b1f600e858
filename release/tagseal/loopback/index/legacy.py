"""Uploads, as twine sends them: a form with the metadata, the file, and its attestations.

Source: "Upload API" in the index's own documentation, and what its server answers: the words stand in the status
line. In order:

1. the token;
2. the form, and its metadata;
3. the project, and whether the token is for it;
4. the file's kind, size and digests;
5. whether its name was ever used, or its bytes have another one: the very same file is no mistake;
6. whether the version still takes files;
7. what the file is, and that its name says so;
8. the attestations.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug import Response

from tagseal.loopback.index.attested import NotAttestedError
from tagseal.loopback.index.forms import SEE, fits, of_kind, project_and_version, refuse
from tagseal.loopback.index.state import ANY, DAY, MEBIBYTE, IndexFile

if TYPE_CHECKING:
    from werkzeug import Request
    from werkzeug.datastructures import MultiDict

    from tagseal.loopback.index.attested import AttestationVerifier
    from tagseal.loopback.index.state import IndexState, Token

_FIELDS = 32 * MEBIBYTE
"""Bytes of the form beside the file."""
_LOGIN = f"Invalid or non-existent authentication information. {SEE}"
_NOT_ATTESTED = "Invalid attestations supplied during upload: "
_RIVAL = b"\n# somebody else was here first\n"


class UploadApi:
    """Takes uploads."""

    def __init__(self, state: IndexState, attested: AttestationVerifier) -> None:
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
            project, version = project_and_version(form)
            sent = request.files.get("content")
            if sent is None or not sent.filename:
                refuse("Upload payload does not have a file.")
            self._hold_allowed(token, project)
            self._keep_file(form, token, _file(form, project, version, sent.filename), sent.stream.read())
            return Response("", 200)

    def _token(self, request: Request) -> Token:
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except ValueError:
            user = secret = ""
        found = self._state.token(secret) if (kind.lower(), user) == ("basic", "__token__") else None
        if found is None:
            refuse(_LOGIN, 403)
        return found

    def _hold_allowed(self, token: Token, project: str) -> None:
        """Hold that a token is for this project; only a person's, or a pending publisher, makes a new one."""
        if token.projects & {project, ANY}:
            return
        if token.publisher is None:
            refuse(f"The user 'octocat' isn't allowed to upload to project '{project}'. {SEE}", 403)
        if project in self._state.projects:
            refuse(f"Invalid API Token: OIDC scoped token is not valid for project '{project}'", 403)
        refuse(
            "Non-user identities cannot create new projects. This was probably caused by successfully using a pending "
            "publisher but specifying the project name incorrectly (either in the publisher or in your project's "
            "metadata). Please ensure that both match."
        )

    def _keep_file(self, form: MultiDict[str, str], token: Token, bare: IndexFile, content: bytes) -> None:
        """Keep a file, unless something is wrong with it, or it is there already."""
        of_kind(bare.name, bare.kind)
        if len(content) > self._state.rules.largest:
            limit = self._state.rules.largest // MEBIBYTE
            refuse(f"File too large. Limit for project '{bare.project}' is {limit} MB. {SEE}")
        file = _with_digests(bare, content)
        told = {"sha256_digest": file.sha256, "blake2_256_digest": file.blake2_256}
        if any(form.get(key, digest).lower() != digest for key, digest in told.items()):
            refuse("The digest supplied does not match a digest calculated from the uploaded file.")
        if self._state.rival and file.name not in self._state.used:
            self._state.rival = False
            self._state.add(_with_digests(file, content + _RIVAL), content + _RIVAL)
        if self._there(file):
            return
        if self._state.is_closed(file.project, file.version):
            days = self._state.rules.open // DAY
            refuse(f"Uploading new files to releases older than {days} days is not allowed.")
        fits(file.name, file.kind, content, file.project, file.version)
        attestations = self._attestations(form, token, file)
        self._state.add(replace(file, publisher=token.publisher, attestations=attestations), content)

    def _there(self, file: IndexFile) -> bool:
        """Tell whether this very file is there; its name with other bytes, or its bytes with another name, is wrong."""
        found = self._state.like(file)
        if found is None and file.name in self._state.used:
            refuse(
                "This filename was previously used by a file that has since been deleted. Use a different version. "
                f"{SEE}"
            )
        if found is not None and (found.name, found.sha256) != (file.name, file.sha256):
            refuse(f"File already exists ('{file.name}', with blake2_256 hash '{file.blake2_256}'). {SEE}")
        return found is not None

    def _attestations(self, form: MultiDict[str, str], token: Token, file: IndexFile) -> tuple[bytes, ...]:
        text = form.get("attestations")
        if text is None or not self._state.rules.attestations:
            return ()
        if token.publisher is None:
            refuse(f"{_NOT_ATTESTED}Attestations are only supported when using Trusted Publishing")
        try:
            return self._attested.verify_attestations(text, file.name, file.sha256, token.publisher)
        except NotAttestedError as error:
            refuse(f"{_NOT_ATTESTED}{error}")


def _file(form: MultiDict[str, str], project: str, version: str, name: str) -> IndexFile:
    """Return what the form says of a file."""
    return IndexFile(
        name=name,
        project=project,
        version=version,
        kind=form.get("filetype", ""),
        uploaded=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        requires_python=form.get("requires_python", ""),
        size=0,
        sha256="",
        blake2_256="",
    )


def _with_digests(file: IndexFile, content: bytes) -> IndexFile:
    """Return the file with what its bytes say."""
    sha256, blake2 = hashlib.sha256(content), hashlib.blake2b(content, digest_size=32)
    return replace(file, size=len(content), sha256=sha256.hexdigest(), blake2_256=blake2.hexdigest())
