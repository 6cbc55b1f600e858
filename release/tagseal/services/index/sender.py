"""twine in a process of its own: ``python -P -m tagseal.services.index.sender``, with arguments of ``twine upload``.

Two things differ from twine's own command. A request ends: by itself twine waits without a limit, and after a
connection that broke it sends the headers again with an empty body, for which the index waits just as long (measured,
7.0.0). And how it ended is one line of JSON on standard output, the server's own words in it; what twine prints goes to
standard error. Its exchange of the identity token gets requests of ours as well: this process has no other purpose.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from twine import auth, utils
from twine.commands.upload import upload
from twine.exceptions import TrustedPublishingFailure, TwineException
from twine.settings import Settings

from tagseal.services import oidc, transport
from tagseal.services.transport import Adapter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twine.repository import Repository

TIMEOUT = (10.0, 120.0)
"""Seconds for a connection, and without a byte of the answer: the index reads the whole file before it gives one."""
_WORDS = 2000


class _Ending(Settings):
    """twine's settings, with requests that end."""

    def create_repository(self) -> Repository:
        """Return what sends."""
        repository = super().create_repository()
        Adapter(TIMEOUT).on(repository.session)
        return repository


def take_over() -> None:
    """Let twine exchange the identity token by requests of ours."""
    utils.make_requests_session = partial(transport.session, TIMEOUT)
    auth.detect_credential = partial(oidc.identity_token, os.environ)  # type: ignore[attr-defined]


def main(argv: Sequence[str]) -> int:
    """Send, and say how it ended: the exit code tells whether it ended well."""
    parser = argparse.ArgumentParser(prog="twine upload", allow_abbrev=False)
    _Ending.register_argparse_arguments(parser)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args(argv)
    take_over()
    with redirect_stdout(sys.stderr):
        ended = _send(options)
    sys.stdout.write(json.dumps(ended) + "\n")
    return int(bool(ended))


def _send(options: argparse.Namespace) -> dict[str, Any]:
    """Return how it failed; nothing for a file that was taken."""
    try:
        upload(_Ending.from_argparse(options), options.files)
    except requests.HTTPError as error:
        answer = error.response
        return {"status": answer.status_code, "reason": answer.reason or "", "body": answer.text[:_WORDS]}
    except requests.RequestException as error:
        return {"unanswered": str(error)[:_WORDS]}
    except TrustedPublishingFailure as error:
        return {"untrusted": str(error)[:_WORDS]}
    except TwineException as error:
        return {"failed": f"{type(error).__name__}: {error}"[:_WORDS]}
    except Exception as error:  # noqa: BLE001 - what an answer of another form makes of twine's code
        return {"unanswered": f"{type(error).__name__}: {error}"[:_WORDS]}
    return {}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
