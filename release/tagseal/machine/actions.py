"""GitHub Actions as a job sees it: the environment of the run, and the files that hand outputs on.

Source: "Variables reference" and "Workflow commands" in GitHub's documentation.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tagseal.errors import Refused, UsageError
from tagseal.names import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRUST_CONFIG = "TAGSEAL_TRUST_CONFIG"
RECORDS = "TAGSEAL_RECORDS"
EVENTS = "TAGSEAL_EVENTS"
"""Where a child of a rehearsal tells what happens."""
OIDC_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
SERVER = "https://github.com"
API = "https://api.github.com"

_TOKEN = re.compile("[!-~]+")
_LOOPBACK = re.compile(r"http://(?:[\w-]+:[\w-]+@)?127\.0\.0\.1:[0-9]{1,5}(?:/[\w/?&=.-]*)?", re.ASCII)
"""The one way that the loopback writes its addresses: two parsers could read any other one differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What started this run, as its environment claims. Empty strings where nothing is said."""

    actions: bool
    """Whether this is an Actions run at all."""
    ref: str
    ref_type: str
    sha: str
    repository: str
    workflow_ref: str
    """``OWNER/REPO/.github/workflows/FILE@REF``."""
    name: str
    """``push``, ``workflow_dispatch``, …"""
    server: str
    api: str

    @property
    def workflow(self) -> str:
        """The workflow file's path in its repository, or an empty string."""
        path = self.workflow_ref.partition("@")[0]
        return path.removeprefix(f"{self.repository}/") if self.repository else ""


def event(environ: Mapping[str, str]) -> Event:
    """Read the event from a job's environment."""
    return Event(
        actions=environ.get("GITHUB_ACTIONS") == "true",
        ref=environ.get("GITHUB_REF", ""),
        ref_type=environ.get("GITHUB_REF_TYPE", ""),
        sha=environ.get("GITHUB_SHA", ""),
        repository=environ.get("GITHUB_REPOSITORY", ""),
        workflow_ref=environ.get("GITHUB_WORKFLOW_REF", ""),
        name=environ.get("GITHUB_EVENT_NAME", ""),
        server=environ.get("GITHUB_SERVER_URL", SERVER),
        api=environ.get("GITHUB_API_URL", API),
    )


def api(environ: Mapping[str, str]) -> str:
    """Return the address of GitHub's API in this environment, without a slash at its end."""
    return environ.get("GITHUB_API_URL", API).rstrip("/")


def token(environ: Mapping[str, str]) -> str:
    """Return the job's GitHub token, or an empty string.

    Raises:
        UsageError: It cannot be one: the libraries would print it, whole, with what is wrong with it.
    """
    name, value = next(((name, value) for name in TOKENS if (value := environ.get(name, ""))), ("", ""))
    if value and _TOKEN.fullmatch(value) is None:
        raise UsageError(
            f"got a {name} with white space, a line end or letters of no token, expected one word of ASCII",
            hint=f'Set it once more, without the line end: {name}="$(gh auth token)". Or unset it.',
            slug="odd-token",
        )
    return value


def loopback(environ: Mapping[str, str]) -> bool:
    """Tell whether production names lead to the loopback in this process.

    Both halves must agree: a trust configuration of the loopback's, and an address on loopback behind the
    identity token (in a job without one, behind HTTPS_PROXY). A foreign certificate authority that got a real
    identity token could use it at the public one; and a loopback token would mean nothing there.

    Raises:
        Refused: One half without the other.
    """
    configured = bool(environ.get(TRUST_CONFIG))
    oidc = environ.get(OIDC_URL, "")
    if configured and not _LOOPBACK.fullmatch(oidc or environ.get("HTTPS_PROXY", "")):
        raise Refused(
            f"got {TRUST_CONFIG}, expected it only where tokens come from loopback",
            context=(f"{OIDC_URL if oidc else 'HTTPS_PROXY'} is not http://127.0.0.1:PORT/…",),
            hint=f"Unset {TRUST_CONFIG}. A private Sigstore instance is configured in [tool.tagseal.sigstore].",
            slug="trust-outside-loopback",
        )
    if oidc and not configured and not _elsewhere(oidc):
        raise Refused(
            f"got {OIDC_URL} on loopback or without https, and no {TRUST_CONFIG}, expected both or neither",
            hint="Start this through `tagseal rehearse` or `tagseal loopback -- COMMAND`.",
            slug="loopback-without-trust",
        )
    return configured


def _elsewhere(url: str) -> bool:
    """Tell whether this is an address that production could have: https, and a name that is not this machine's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    name = parts.hostname or ""
    return parts.scheme == "https" and "." in name and name.rpartition(".")[2].isalpha()


def read_command_file(text: str) -> dict[str, str]:
    """Read what a step wrote for the runner: ``NAME=value`` lines and ``NAME<<END … END`` blocks; the last counts.

    Raises:
        ValueError: A line is neither, or a block does not end: the runner fails the step.
    """
    found: dict[str, str] = {}
    lines = (line.removesuffix("\r") for line in text.split("\n"))  # no other sign ends a line for the runner
    for line in lines:
        if not line:
            continue
        plain, block = line.find("="), line.find("<<")
        if plain > 0 and (block < 0 or plain < block):
            found[line[:plain]] = line[plain + 1 :]
        elif block > 0 and plain != 0 and (end := line[block + 2 :]):
            found[line[:block]] = "\n".join(_block(lines, end))
        else:
            raise ValueError(f"got the line {show(line)} in a command file, expected NAME=value or NAME<<END")
    return found


def _block(lines: Iterator[str], end: str) -> Iterator[str]:
    for line in lines:
        if line == end:
            return
        yield line
    raise ValueError(f"got a block in a command file without its end {show(end)}")


def expected_records(environ: Mapping[str, str]) -> str:
    """Return the digest that the records must have: told by the verb before in this step, else by the job before.

    Each verb may be a process of its own; the last ``records`` output of this very step is newer than the digest
    that came from the job before. The runner owns that file, and nothing of the project runs in a job that reads it.
    """
    outputs = Path(environ.get("GITHUB_OUTPUT") or os.devnull)
    with suppress(ValueError, OSError):
        return read_command_file(outputs.read_text(encoding="utf-8")).get("records") or environ.get(RECORDS, "")
    return environ.get(RECORDS, "")


def write_outputs(environ: Mapping[str, str], **outputs: str) -> None:
    """Append outputs of this job to ``GITHUB_OUTPUT``, each between words that no value can have foreseen.

    Does nothing outside Actions.
    """
    if path := environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            for name, value in outputs.items():
                end = secrets.token_hex(16)
                file.write(f"{name.replace('_', '-')}<<{end}\n{value}\n{end}\n")
