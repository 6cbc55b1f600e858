"""Files on their way to an index: twine's work, in a child of its own for each, with nothing else beside it.

Where the index trusts publishers, twine exchanges the job's identity token for one of the index's that is good for
minutes: no other secret is in the child's environment. Any other index gets what twine's users know: ``.pypirc``, and
``TWINE_USERNAME`` with ``TWINE_PASSWORD``. twine sends a file again after a status of 5xx only, and an index takes the
same bytes twice; whatever else happened is looked up before anything is sent again (``services.retry``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Busy, Refused, ServiceError, VerificationFailed
from tagseal.machine import actions, process
from tagseal.machine.files import measure
from tagseal.names import printable
from tagseal.records import ATTESTATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.errors import TagsealError
    from tagseal.machine.process import Finished
    from tagseal.records import Index

TIMEOUT = 900.0
"""Seconds for one file, a large one on a slow line."""

_TWINE = (sys.executable, "-P", "-m", "tagseal.services.index.sender")
_PASSED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL", *process.WAY_OUT)
_IDENTITY = ("GITHUB_ACTIONS", actions.OIDC_URL, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_LOGIN = ("HOME", "TWINE_USERNAME", "TWINE_PASSWORD", "TWINE_CERT", "NETRC")
_FIXED = {"COLUMNS": "500", "NO_COLOR": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
_PASSING = re.compile(r"5\d\d|408|429")
_ONCE = ("invalid-reuse-token", "invalid JSON")
"""In twine's words about an exchange of the identity token that lost its answer: the next token is new."""
_PRESENT = re.compile(r"already exist", re.IGNORECASE)
_SHORT, _LONG = len("Internal Server Error"), 500
"""Characters of a status line's own words, and of what is shown."""
_USED = re.compile(r"already been used|previously used", re.IGNORECASE)
"""In the words of indexes about a name whose file was deleted; the larger ones changed theirs in 2025."""


def upload(index: Index, path: Path, sha256: str, attestation: Path | None, environ: Mapping[str, str]) -> None:
    """Send one package of this digest, with its attestation, if any; that it ended well is all that is known then.

    Raises:
        VerificationFailed: The package has other bytes.
        Refused: The index says that it will not take this file, or not from this publisher.
        Busy: Nobody knows whether it has arrived.
        ServiceError: twine failed in another way.
    """
    with tempfile.TemporaryDirectory(prefix="tagseal-upload-") as temporary:
        folder = Path(temporary)
        names = [shutil.copyfile(path, folder / path.name).name]
        if measure(folder / path.name)[1] != sha256:  # these very bytes are what twine reads
            raise _changed_file(path.name, sha256)
        if attestation is not None:
            names.append(shutil.copyfile(attestation, folder / (path.name + ATTESTATION)).name)
        trusting = bool(index.site)
        place = ["--repository-url", index.upload] if index.upload and not trusting else ["--repository", index.name]
        more = [*place, *(["--attestations"] if attestation is not None else [])]
        argv = [*_TWINE, "--non-interactive", "--disable-progress-bar", *more, *names]
        try:
            finished = process.run(argv, cwd=folder, environ=_environ(environ, folder, trusting), timeout=TIMEOUT)
        except ServiceError as error:
            raise _unknown(index, path.name, error.what) from error
    if finished.code != 0:
        raise _failure(index, path.name, finished)


def _changed_file(name: str, sha256: str) -> VerificationFailed:
    return VerificationFailed(
        f"got other bytes in {name} than the sealed ones right before it was to be sent, expected sha256 {sha256}",
        hint="Something writes to the work folder. Find out what; then run the job that signs again.",
        slug="changed-before-sent",
    )


def _environ(environ: Mapping[str, str], home: Path, trusting: bool) -> dict[str, str]:  # noqa: FBT001 - of the index
    """Return what the child may see; an index that trusts publishers is shown no login that lies about."""
    passed = {name: environ[name] for name in (*_PASSED, *(_IDENTITY if trusting else _LOGIN)) if environ.get(name)}
    return {**_FIXED, **({"HOME": str(home), "NETRC": os.devnull} if trusting else {}), **passed}


def _failure(index: Index, name: str, finished: Finished) -> TagsealError:
    """Return the error for what came of a file."""
    try:
        ended = json.loads(finished.output)
    except ValueError:
        ended = {"failed": " ".join(process.tail(finished.errors, 5))}
    if "status" in ended:
        status, words = str(ended["status"]), _words(ended["reason"], ended["body"])
        if _PASSING.fullmatch(status) or _PRESENT.search(words):
            return _unknown(index, name, f"{status} {words}")
        return _used_name(index, name, words) if _USED.search(words) else _refusal(index, name, status, words)
    if "unanswered" in ended:
        return _unknown(index, name, ended["unanswered"])
    if "untrusted" in ended:
        words = ended["untrusted"]
        return (
            _unknown(index, name, words) if any(one in words for one in _ONCE) else _untrusted_publisher(index, words)
        )
    return _unsent(index, name, finished)


def _words(reason: str, body: str) -> str:
    """Return why: what stands in the status line, or in the body where a server puts it there."""
    said = reason.strip() if len(reason) > _SHORT else f"{reason} {' '.join(body.split())}"
    return printable(said[:_LONG])


def _unsent(index: Index, name: str, finished: Finished) -> ServiceError:
    return ServiceError(
        f"got a failure from twine for {name}, expected it to be sent to {index.name}",
        context=process.tail(finished.output + finished.errors, 12),
        hint="The words above are twine's. Where it wants a login: TWINE_USERNAME and TWINE_PASSWORD, or the section "
        f"{index.name} of ~/.pypirc. Then {{rerun}}.",
        slug="twine-failed",
    )


def _untrusted_publisher(index: Index, words: str) -> Refused:
    """Return the error for a publisher whom the index does not know."""
    return Refused(
        f"got no token from {index.name} for this workflow, expected it to be a trusted publisher",
        context=process.tail(words, 40),
        hint="In the project's settings at the index, under Publishing, compare owner, repository, workflow file and "
        "environment: `tagseal doctor` prints this project's four. Then run this job again: nothing was published, and "
        "the draft is left as it is.",
        slug="publisher-unknown",
    )


def _refusal(index: Index, name: str, status: str, words: str) -> Refused:
    return Refused(
        f"got {status} from {index.name} for {name}, expected it to be taken",
        context=(words,),
        hint="The words are the index's own. Correct what they name; where the file itself is wrong, release a new "
        "version. Where not, run this job again: it goes on.",
        slug="index-refused-file",
    )


def _used_name(index: Index, name: str, words: str) -> Refused:
    return Refused(
        f"got {name} refused by {index.name}, expected a name that was never used there",
        context=(words,),
        hint="A name is used up for ever, also of a file that was deleted. Release a new version.",
        slug="index-name-used",
    )


def _unknown(index: Index, name: str, words: str) -> Busy:
    return Busy(
        f"got no answer from {index.name} that says whether {name} has arrived, expected one",
        context=(printable(words[:_LONG]),),
        hint="{Rerun}; it looks before it sends.",
        slug="index-upload-unanswered",
    )
