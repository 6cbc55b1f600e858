"""A stranger's shell: executes the commands of the notes as they are printed, in a fixed environment.

No profile, no configuration of the person's, a home that is empty at first; a token for a download by ``gh`` only.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.machine import process
from tagseal.machine.threads import Errand
from tagseal.names import printable
from tagseal.notes import clients
from tagseal.notes.commands import ExpectedRelease, Use, require_purposes
from tagseal.notes.render import render
from tagseal.records import Verdict
from tagseal.services.images.registry.credentials import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.machine.process import Finished
    from tagseal.notes.commands import Purpose
    from tagseal.records import Command, Plan, Seal, Tag
    from tagseal.steps import Services

TIMEOUT = 600.0
"""Seconds that a command may take."""

_NOWHERE = "http://127.0.0.1:9"
"""Where nobody listens: the port of the discard service."""
_PASSED = (*process.WAY_OUT, "TMPDIR", "LD_LIBRARY_PATH")  # the last as for a build (machine/backend.py)
_FIXED = {
    "LC_ALL": "C.UTF-8",
    "COLUMNS": "10000",  # sigstore breaks its messages at the terminal's width
    "NO_COLOR": "1",
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_CACHE_DIR": "1",  # an old listing would be read again
    "PIP_NO_INPUT": "1",
}
_BASH = ("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c")
_WORDS = 400


def path(environ: Mapping[str, str]) -> str:
    """Return PATH, and behind it the folder of the programs that were installed with this tool."""
    return os.pathsep.join([environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """A command of the notes, understood."""

    command: Command
    purpose: Purpose


def instructions(tag: Tag, plan: Plan, seal: Seal, services: Services) -> tuple[Instruction, ...]:
    """Render the page again, and return its commands; they cover every artifact.

    Raises:
        TagsealError: The page cannot be rendered, or has a command that is not understood.
    """
    page = render(
        tag=tag.name,
        plan=plan,
        artifacts=seal.subjects,
        override=services.templates,
        minimum=clients.of(seal),
    )
    expected = ExpectedRelease.of_plan(plan, tag.name, seal.subjects)
    purposes = require_purposes(page.commands, expected, seal.subjects)
    return tuple(
        Instruction(command=command, purpose=purpose) for command, purpose in zip(page.commands, purposes, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs commands of the notes, one after the other in one home, and so with one copy of the roots of trust."""

    home: Path
    """An empty folder, for the tools' own files."""
    environ: Mapping[str, str] = field(repr=False)
    """The process's environment: PATH, proxy and certificates are taken from it."""
    token: str = field(repr=False)
    """What ``gh`` downloads with; empty for none."""
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What lets the image's commands into its registry (``tagseal.steps.shell.login``); empty for a stranger."""
    prefix: tuple[str, ...] = ()
    """What each command is started by, to keep it off the network; empty for nothing."""
    offline: bool = False
    """Whether the proxies lead nowhere."""
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    """Whose turn it is to be asked for its version: tools share the home."""
    _asked: dict[str, Errand[str]] = field(default_factory=dict, init=False, repr=False)

    def run(
        self, text: str, folder: Path, *, secrets: Mapping[str, str] | None = None, home: Path | None = None
    ) -> Finished:
        """Execute a text in the folder; with these secrets in its environment, in another home if one is given.

        Raises:
            UsageError: There is no bash.
            ServiceError: It does not end.
        """
        environ = {**self._environment(home or self.home), **(secrets or {})}
        return process.run([*self.prefix, *_BASH, text], cwd=folder, environ=environ, timeout=TIMEOUT)

    def secrets(self, purpose: Purpose) -> Mapping[str, str]:
        """Return what a command may know: ``gh`` the token that it downloads with, the image's the registry's login."""
        if purpose.of_image:
            return self.login
        download = purpose.kind is Use.download and purpose.tool == "gh"
        return {"GH_TOKEN": self.token} if download and self.token else {}

    def follow(self, step: Instruction, folder: Path) -> Verdict:
        """Execute a command as a reader would, and tell what came of it."""
        finished = self.run(step.command.text, folder, secrets=self.secrets(step.purpose))
        return Verdict(
            name=step.command.text.partition("\n")[0].removesuffix("\\").rstrip(),
            ok=finished.code == 0,
            detail=self.words(finished),
            by=self.version(step.purpose.tool),
        )

    def words(self, finished: Finished) -> str:
        """Return what a tool said, on one line and without a secret: its last words, if it said much."""
        text = f"{finished.output}\n{finished.errors}"
        for secret in filter(None, (self.token, self.login.get(PASSWORD))):
            text = text.replace(secret, "***")
        line = printable(" ".join(text.split()))
        return line if len(line) <= _WORDS else f"…{line[-_WORDS:]}"

    def version(self, tool: str) -> str:
        """Return the tool's name and version; ``stand-in`` where a rehearsal plays it."""
        self.ask(tool)
        return self._asked[tool].result()

    def ask(self, tool: str) -> None:
        """Begin to ask a tool for its version, which takes some of them most of a second."""
        if tool not in self._asked:
            self._asked[tool] = Errand(partial(self._version, tool))

    def _version(self, tool: str) -> str:
        with self._turn:
            said = self.run(f"{tool} {'version' if tool == 'cosign' else '--version'}", self.home).output
        number = re.search(r"[0-9]+\.[0-9]+(\.[0-9]+)?", said)
        return "stand-in" if "stand-in" in said else f"{tool} {number[0] if number else ''}".rstrip()

    def _environment(self, home: Path) -> dict[str, str]:
        """Return a fresh environment: what reaches the network as it does here, and nothing else of the person's."""
        places = {"HOME": str(home), "GH_CONFIG_DIR": f"{home}/gh", "TUF_ROOT": f"{home}/.sigstore/root"}
        passed = {name: self.environ[name] for name in _PASSED if name in self.environ}
        if self.offline:
            passed |= dict.fromkeys(process.PROXIES, _NOWHERE) | {"NO_PROXY": "", "no_proxy": ""}
        return {**passed, **_FIXED, **places, "PATH": path(self.environ)}


def follow(steps: Sequence[Instruction], shell: Shell, folder: Path, *, look: str, draft: bool) -> tuple[Verdict, ...]:
    """Execute commands in their order; ``look`` is where a person looks if one fails, at a draft or what is public.

    Raises:
        VerificationFailed: One failed; those behind it did not run.
    """
    for step in steps:
        shell.ask(step.purpose.tool)
    return tuple(judge_passed(step, shell.follow(step, folder), look=look, draft=draft) for step in steps)


def judge_passed(step: Instruction, verdict: Verdict, *, look: str, draft: bool) -> Verdict:
    """Return what came of a command that passed; ``look`` is where a person looks if it did not.

    Raises:
        VerificationFailed: It failed.
    """
    if verdict.ok:
        return verdict
    raise VerificationFailed(
        f"got a failure from a command of the notes, expected it to pass: {verdict.name}",
        context=(f"{verdict.by} said: {verdict.detail or 'nothing'}", *step.command.text.splitlines()),
        hint=(
            f"Look at the draft, {look}, which is left as it is. Did the network fail? Run this job again. "
            "Else correct the command in the template, and let the tag name that commit."
            if draft
            else f"{look} is public. Did the network fail? Run this job again. "
            "Else tell its users, correct the command in the template, and release a new version."
        ),
        slug="notes-command-failed",
    )
