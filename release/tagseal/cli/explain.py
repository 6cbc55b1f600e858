"""``tagseal verify --explain [FILE]``: what another tool's message means."""

from __future__ import annotations

import codecs
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError
from tagseal.names import show

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report

UNKNOWN = (
    "This message is not known here, so nothing can be said about it.",
    "Until the check passes, do not use what was checked.",
    "Next: `tagseal verify FILE --repo OWNER/REPO --tag TAG` checks a file again, and says why it fails.",
)
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))
"""What PowerShell writes when a message is sent to a file."""
_BYTES = 4
"""A character has so many at most."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--explain",
        nargs="?",
        const="-",
        metavar="FILE",
        help="explain a message of sigstore, cosign, sha256sum, gh, pip or the shell: a file that holds it, or "
        "standard input",
    )


def read(where: str) -> str:
    """Return the text of a file, or of standard input for ``-``; no more than can be explained.

    Raises:
        UsageError: The file cannot be read.
    """
    from tagseal.machine.files import open_file  # noqa: PLC0415 - for this command only
    from tagseal.verification.diagnosis.explain import LARGEST  # noqa: PLC0415 - parsers of certificates

    most = LARGEST * _BYTES
    if where == "-":
        if sys.stdin.isatty():
            sys.stderr.write("tagseal: paste the message, then end it with Ctrl-D\n")
        content = sys.stdin.buffer.read(most)
    else:
        try:
            with open_file(Path(where), follow=True) as file:
                content = file.read(most)
        except (OSError, Refused) as error:
            raise _unread(where, error) from error
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    return content.decode(encoding, "replace")


def _unread(where: str, error: OSError | Refused) -> UsageError:
    return UsageError(
        f"got {show(where)}, which cannot be read, expected a file that holds the message",
        context=(error.what if isinstance(error, Refused) else str(error.strerror),),
        hint="Leave the name out and paste the message: tagseal verify --explain, then Ctrl-D; or let a command write "
        "there: COMMAND 2>&1 | tagseal verify --explain.",
        slug="nothing-to-explain",
    )


def run(text: str, report: Report) -> tuple[int, object]:
    """Explain, and return the exit code: 0 where something was recognised, 1 where nothing was."""
    from tagseal.verification.diagnosis.explain import explain, lines  # noqa: PLC0415 - parsers of certificates

    found = explain(text)
    for number, one in enumerate(found):
        if number:
            report.line("")
        for line in lines(one):
            report.line(line)
    if not found:
        for line in UNKNOWN:
            report.line(line)
    return (0 if found else 1), {"ok": bool(found), "explanations": [dataclasses.asdict(one) for one in found]}
