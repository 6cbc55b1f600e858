"""The four jobs: what each may do, and how one is played.

A job is a child in a folder, a HOME and an environment of its own. Nothing but ``dist/<tag>/`` and the job's
outputs passes from one to the next.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tagseal.loopback import actions
from tagseal.pipeline import BY_JOB
from tagseal.rehearsal import environment
from tagseal.services import process
from tagseal.services.actions import RECORDS
from tagseal.services.backend import BUILD_NETWORK, network_settings
from tagseal.services.registry.credentials import GHCR, PASSWORD, USER
from tagseal.steps import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tagseal.loopback import Loopback
    from tagseal.loopback.faults import Faults
    from tagseal.loopback.github.state import Repository
    from tagseal.rehearsal.clone import Clone

_ANNOTATION = re.compile(r"^::error title=tagseal (?P<slug>[a-z-]+)::(?P<message>.*)$", re.MULTILINE)
"""See ``tagseal.report.actions``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of the table in the design: its verbs and its permissions."""

    name: str
    verbs: tuple[str, ...]
    contents: str
    """``read`` or ``write``."""
    identity: bool = False
    """``id-token: write``."""
    packages: bool = False
    """``packages: write``, where there is an image."""
    builds: bool = False
    """Whether the project's own code runs here."""
    environment: str = ""


JOBS = (
    # Runs the project's code, so it may do nothing but read.
    Job(name="build", verbs=BY_JOB["build"], contents="read", builds=True),
    # Holds the identity and the draft; runs no line of the project.
    Job(name="seal", verbs=BY_JOB["seal"], contents="write", identity=True, packages=True),
    # One approval, then the irreversible act.
    Job(name="publish", verbs=BY_JOB["publish"], contents="write", packages=True, environment="release"),
    # Sees what strangers see.
    Job(name="witness", verbs=BY_JOB["witness"], contents="read"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all jobs of one rehearsal share."""

    loopback: Loopback
    repository: Repository
    clone: Clone
    run: actions.Run
    shims: Path
    folder: Path
    """Temporary; each job gets a folder in it."""
    environ: Mapping[str, str]
    """The rehearsal's own, cleaned."""

    def bystander(self, name: str) -> dict[str, str]:
        """Return the environment of somebody who is in no job: the machine, a home, and the way to the door."""
        return {
            **environment.machine(self.environ),
            **environment.private_home(self.folder / name),
            **self.loopback.environment(),
            "PATH": environment.path(self.shims, self.environ),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A job that has ended."""

    job: Job
    code: int
    log: str
    checkout: Path
    records: str
    """Digest of the hand-over, from the job's outputs."""


def play(job: Job, stage: Stage, before: Played | None, tell: Callable[[str], None]) -> Played:
    """Run one job to its end; its lines are told as they come."""
    folder = stage.folder / job.name
    temp = folder / "temp"
    temp.mkdir(parents=True)
    checkout = folder / "checkout"
    stage.clone.checkout_to(checkout)
    if before is not None:
        _hand_over(stage, before, checkout)
    if job.builds:
        stage.clone.bring(checkout)
    environ = job_environ(job, stage, checkout, temp) | ({RECORDS: before.records} if before else {})
    log = folder / "log.txt"
    argv = [sys.executable, "-P", "-m", "tagseal", "run", "guard", *job.verbs]
    with _followed(log, tell), _killable(stage.loopback.faults) as started:
        finished = process.run(argv, cwd=checkout, environ=environ, log=log, started=started)
    code = finished.code if finished.code >= 0 else 128 - finished.code  # as a shell tells of a signal
    return Played(job=job, code=code, log=finished.output, checkout=checkout, records=_output(temp, "records"))


@contextmanager
def _killable(faults: Faults) -> Iterator[Callable[[int], None]]:
    """Give what is to be told of a job's process, for the faults that kill it with all that it started."""

    def started(group: int) -> None:
        faults.kill = partial(os.killpg, group, signal.SIGKILL)

    try:
        yield started
    finally:
        faults.kill = bool


def error_of(log: str, code: int) -> dict[str, object] | None:
    """Return the error that a job annotated its run with, read from its log as the runner does; None for none."""
    found = _ANNOTATION.search(log)
    if found is None:
        return None
    what, *context, hint = unquote(found["message"]).split("\n")
    return {"slug": found["slug"], "what": what, "context": context, "hint": hint, "exit": code}


def job_environ(job: Job, stage: Stage, checkout: Path, temp: Path) -> dict[str, str]:
    """Return the job's whole environment: the machine's, the runner's, the loopback's; nothing of the person's."""
    run = replace(stage.run, environment=job.environment)
    oidc = stage.loopback.tokens.grant(run) if job.identity else None
    packages = {"packages": "write"} if job.packages and stage.clone.image else {}
    token = stage.loopback.github.token(
        actor="github-actions[bot]",
        scopes={"contents": job.contents, "metadata": "read", **packages},
        repository=run.repository,
    )
    runner = actions.environment(
        run,
        token=token,
        oidc_url=stage.loopback.oidc_url if job.identity else None,
        oidc_token=oidc,
        workspace=checkout,
        temp=temp,
    )
    return {
        **environment.machine(stage.environ),
        **environment.private_home(temp),
        **stage.loopback.environment(),
        **runner,
        "PATH": environment.path(stage.shims, stage.environ),
        "TMPDIR": str(temp),
        **(_login(run.actor, token) if packages and not stage.clone.image.startswith(f"{GHCR}/") else {}),
        **({BUILD_NETWORK: json.dumps(network_settings(stage.environ))} if job.builds else {}),
    }


def _login(actor: str, token: str) -> dict[str, str]:
    """Return what a step that logs in at a registry leaves; GHCR takes the job's own token without it."""
    return {USER: actor, PASSWORD: token}


def _hand_over(stage: Stage, before: Played, checkout: Path) -> None:
    source = Workspace.of(before.checkout, stage.clone.tag).path
    if source.is_dir():
        shutil.copytree(source, Workspace.of(checkout, stage.clone.tag).path, symlinks=True)


def _output(temp: Path, name: str) -> str:
    lines = (temp / "github_output").read_text(encoding="utf-8").splitlines()
    found = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
    return found[-1] if found else ""


class _followed:  # noqa: N801 - reads as a verb in `with`
    """Tell the lines of a growing file until the block ends."""

    def __init__(self, log: Path, tell: Callable[[str], None]) -> None:
        self._log, self._tell = log, tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        self._log.touch()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        with self._log.open(encoding="utf-8", errors="replace") as file:
            rest = ""
            while True:
                over = self._over.wait(0.05)
                *lines, rest = (rest + file.read()).split("\n")
                for line in lines:
                    self._tell(line)
                if over:
                    if rest:
                        self._tell(rest)
                    return
