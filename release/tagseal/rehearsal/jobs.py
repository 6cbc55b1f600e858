"""The four jobs: what each may do, and how one is played.

A job is a child in a folder, a HOME and an environment of its own. Nothing but ``dist/<tag>/`` and the job's
outputs passes from one to the next.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from tagseal.loopback import actions
from tagseal.machine.actions import RECORDS, read_command_file
from tagseal.machine.backend import BUILD_NETWORK, network_settings
from tagseal.pipeline import BY_JOB, permissions
from tagseal.rehearsal import child, environment
from tagseal.rehearsal.index import login
from tagseal.services.images.registry.credentials import GHCR, PASSWORD, USER
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tagseal.loopback import Loopback
    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.rehearsal.project.clone import Clone
    from tagseal.report.events import Failure, ReportEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseJob:
    """One job of the table in the design: its verbs and its permissions."""

    name: str
    permissions: Mapping[str, str]
    """Scope to ``read`` or ``write``, as a workflow spells them."""
    verbs: tuple[str, ...] = ()
    """Empty where a workflow's steps run them."""
    builds: bool = False
    """Whether the project's own code may run here."""
    environment: str = ""

    @property
    def identity(self) -> bool:
        """Whether the job can ask who it is."""
        return self.permissions.get("id-token") == "write"


def usual(*, image: bool, index: bool) -> tuple[ReleaseJob, ...]:
    """Return the table's jobs; without an image none writes packages, without an index none publishes as somebody."""
    return tuple(
        ReleaseJob(
            name=name,
            verbs=verbs,
            permissions=permissions(name, image=image, index=index),
            builds=name == "build",
            environment="release" if name == "publish" else "",
        )
        for name, verbs in BY_JOB.items()
    )


JOBS = usual(image=True, index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all jobs of one rehearsal share."""

    loopback: Loopback
    repository: PlayedRepository
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
class PlayedJob:
    """A job that has ended."""

    job: ReleaseJob
    code: int
    checkout: Path
    failure: Failure | None = None
    """What it ended with, if a command of ours told."""
    records: str = ""
    """Digest of the hand-over, from the job's outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTokens:
    """What a job can show: the token of its permissions, and that it may ask for an identity."""

    token: str
    request: str | None
    """What the identity endpoint wants to see; None without ``id-token: write``."""

    @classmethod
    def of(cls, job: ReleaseJob, stage: Stage) -> Self:
        """Grant what the job's permissions say, and nothing more."""
        run = replace(stage.run, environment=job.environment)
        token = stage.loopback.github.token(
            actor="github-actions[bot]",
            scopes={"metadata": "read", **job.permissions},
            repository=run.repository,
        )
        return cls(token=token, request=stage.loopback.tokens.grant(run) if job.identity else None)


def play(job: ReleaseJob, stage: Stage, before: PlayedJob | None, tell: Callable[[ReportEvent], None]) -> PlayedJob:
    """Run one job to its end; what happens in it is told as it comes."""
    folder = stage.folder / job.name
    temp = folder / "temp"
    temp.mkdir(parents=True)
    checkout = folder / "checkout"
    stage.clone.checkout_to(checkout)
    if before is not None:
        _hand_over(stage, before, checkout)
    if job.builds:
        stage.clone.bring(checkout)
    environ = job_environ(job, stage, JobTokens.of(job, stage), checkout, temp)
    argv = [sys.executable, "-P", "-m", "tagseal", "run", "guard", *job.verbs]
    ended = child.run(
        argv,
        cwd=checkout,
        environ=environ | ({RECORDS: before.records} if before else {}),
        log=folder / "log.txt",
        faults=stage.loopback.faults,
        tell=tell,
    )
    if ended.code != 0 and not ended.events:  # it failed before it could speak
        ended.show_output(tell)
    failure = ended.failures[0] if ended.failures else None
    return PlayedJob(job=job, code=ended.code, checkout=checkout, failure=failure, records=_output(temp, "records"))


def job_environ(job: ReleaseJob, stage: Stage, powers: JobTokens, checkout: Path, temp: Path) -> dict[str, str]:
    """Return the job's whole environment: the machine's, the runner's, the loopback's; nothing of the person's."""
    runner = actions.environment(
        replace(stage.run, environment=job.environment, job=job.name),
        token=powers.token,
        oidc_url=stage.loopback.oidc_url if job.identity else None,
        oidc_token=powers.request,
        workspace=checkout,
        temp=temp,
    )
    image = stage.clone.image
    logs_in = image and not image.startswith(f"{GHCR}/") and "packages" in job.permissions
    return {
        **environment.machine(stage.environ),
        **environment.private_home(temp),
        **stage.loopback.environment(),
        **runner,
        "PATH": environment.path(stage.shims, stage.environ),
        "TMPDIR": str(temp),
        # What a step that logs in at a registry leaves; GHCR takes the job's own token without it.
        **({USER: stage.run.actor, PASSWORD: powers.token} if logs_in else {}),
        **(login(stage.clone, stage.loopback, temp) if job.environment else {}),
        **({BUILD_NETWORK: json.dumps(network_settings(stage.environ))} if job.builds else {}),
    }


def _hand_over(stage: Stage, before: PlayedJob, checkout: Path) -> None:
    source = Workspace.of(before.checkout, stage.clone.tag).path
    if source.is_dir():
        shutil.copytree(source, Workspace.of(checkout, stage.clone.tag).path, symlinks=True)


def _output(temp: Path, name: str) -> str:
    return read_command_file((temp / "github_output").read_text(encoding="utf-8")).get(name, "")
