"""Files on their way to an index: twine's work, in a child of its own for each, with nothing else beside it.

Where the index trusts publishers, twine exchanges the job's identity token for one of the index's that is good for
minutes: no other secret is in the child's environment. Any other index gets what twine's users know: ``.pypirc``, and
``TWINE_USERNAME`` with ``TWINE_PASSWORD``. twine sends a file again after a status of 5xx only, and an index takes the
same bytes twice; whatever else happened is looked up before anything is sent again (``services.retry``).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Busy, Refused, ServiceError
from tagseal.names import printable
from tagseal.records import ATTESTATION
from tagseal.services import actions, process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.records import Index

TIMEOUT = 900.0
"""Seconds for one file: twine itself would wait for ever."""

_PASSED = (
    *("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
_IDENTITY = ("GITHUB_ACTIONS", actions.OIDC_URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_LOGIN = ("HOME", "TWINE_USERNAME", "TWINE_PASSWORD", "TWINE_CERT", "NETRC")
_FIXED = {"COLUMNS": "500", "NO_COLOR": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
_STATUS = re.compile(r"HTTPError: (?P<status>\d{3}) (?P<reason>[^\n]*?)(?: for url: \S+|\n|$)")
_ANSWER = re.compile(r"^\s*(?:INFO\s+)?Response from \S+:\s*$", re.MULTILINE)
_PASSING = re.compile(r"5\d\d|408|429")
_PRESENT = re.compile(r"already exist", re.IGNORECASE)
_USED = re.compile(r"already been used", re.IGNORECASE)


def sent(index: Index, path: Path, attestation: Path | None, environ: Mapping[str, str]) -> None:
    """Send one package, with its attestation where there is one; that it ended well is all that is known then.

    Raises:
        Refused: The index says that it will not take this file, or not from this publisher.
        Busy: Nobody knows whether it has arrived.
        ServiceError: twine failed in another way.
    """
    with tempfile.TemporaryDirectory(prefix="tagseal-upload-") as temporary:
        folder = Path(temporary)
        names = [shutil.copyfile(path, folder / path.name).name]
        if attestation is not None:
            names.append(shutil.copyfile(attestation, folder / (path.name + ATTESTATION)).name)
        trusting = bool(index.site)
        place = ["--repository-url", index.upload] if index.upload and not trusting else ["--repository", index.name]
        argv = [
            *(sys.executable, "-P", "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar"),
            *("--verbose", *place, *(("--attestations",) if attestation is not None else ()), *names),
        ]
        try:
            finished = process.run(argv, cwd=folder, environ=_environ(environ, folder, trusting), timeout=TIMEOUT)
        except ServiceError as error:
            raise _unknown(index, path.name, (error.what,)) from error
    if finished.code != 0:
        raise _failed(index, path.name, f"{finished.output}\n{finished.errors}")


def _environ(environ: Mapping[str, str], home: Path, trusting: bool) -> dict[str, str]:  # noqa: FBT001 - of the index
    """Return what the child may see; an index that trusts publishers is shown no login that lies about."""
    passed = {name: environ[name] for name in (*_PASSED, *(_IDENTITY if trusting else _LOGIN)) if environ.get(name)}
    return {**_FIXED, **({"HOME": str(home), "NETRC": os.devnull} if trusting else {}), **passed}


def _failed(index: Index, name: str, text: str) -> TagsealError:
    """Return the error for what twine said."""
    context = process.tail(text, 12)
    if "TrustedPublishingFailure" in text:
        return _untrusted(index, name, text)
    found = _STATUS.search(text)
    if found is None:
        if any(word in text for word in ("ConnectionError", "Timeout", "ProtocolError", "RemoteDisconnected")):
            return _unknown(index, name, context[-3:])
        return ServiceError(
            f"got a failure from twine for {name}, expected it to be sent to {index.name}",
            context=context,
            hint="The words above are twine's. Where it wants a login: TWINE_USERNAME and TWINE_PASSWORD, or the "
            f"section {index.name} of ~/.pypirc. Then run this job again.",
            slug="twine-failed",
        )
    if _PASSING.fullmatch(found["status"]) or _PRESENT.search(text):
        return _unknown(index, name, (f"{found['status']} {printable(found['reason'])}",))
    words = _words(found["reason"], text)
    return _used(index, name, words) if _USED.search(text) else _refused(index, name, found["status"], words)


def _words(reason: str, text: str) -> str:
    """Return why: what stands in the status line, or in the body where servers put it."""
    said = printable(reason.strip())
    if len(said) > len("Unauthorized"):
        return said
    bodies = [part.strip() for part in _ANSWER.split(text)[1:]]
    return printable(" ".join([said, *(" ".join(one.split())[:500] for one in bodies[-1:])]))


def _untrusted(index: Index, name: str, text: str) -> TagsealError:
    """Return the error for a publisher whom the index does not know; it names what it was shown."""
    if "Unable to retrieve an OIDC token" in text:
        return _unknown(index, name, process.tail(text, 3))
    return Refused(
        f"got no token from {index.name} for this workflow, expected it to be a trusted publisher",
        context=tuple(
            line for line in process.tail(text, 40) if line.lstrip().startswith(("*", "`")) or "claim" in line
        )
        or process.tail(text, 5),
        hint="In the project's settings at the index, under Publishing, compare owner, repository, workflow file and "
        "environment: `tagseal doctor` prints this project's four. Then run this job again: nothing was published, and "
        "the draft is left as it is.",
        slug="publisher-unknown",
    )


def _refused(index: Index, name: str, status: str, words: str) -> Refused:
    return Refused(
        f"got {status} from {index.name} for {name}, expected it to be taken",
        context=(words,),
        hint="The words are the index's own. Correct what they name; where the file itself is wrong, release a new "
        "version. Where not, run this job again: it goes on.",
        slug="index-refused-file",
    )


def _used(index: Index, name: str, words: str) -> Refused:
    return Refused(
        f"got {name} refused by {index.name}, expected a name that was never used there",
        context=(words,),
        hint="A name is used up for ever, also of a file that was deleted. Release a new version.",
        slug="index-name-used",
    )


def _unknown(index: Index, name: str, context: tuple[str, ...]) -> Busy:
    return Busy(
        f"got no answer from {index.name} that says whether {name} has arrived, expected one",
        context=context,
        hint="Run the same command again; it looks before it sends.",
        slug="index-upload-unanswered",
    )
