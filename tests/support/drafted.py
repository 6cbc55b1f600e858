"""A tag of ``octo/widget`` whose draft is whole: made once, copied for each test."""

from __future__ import annotations

import copy
import os
import shutil
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

import job as jobs
from tagseal.journal import digest
from tagseal.machine import actions
from tagseal.machine.git import Git
from tagseal.pipeline import run

if TYPE_CHECKING:
    from pathlib import Path

    from job import Job
    from tagseal.loopback import Loopback


class Quiet:
    """Watches, and says nothing."""

    def begin(self, verb: str) -> None: ...
    def finish(self, verb: str, record: object, seconds: float) -> None: ...
    def remark(self, text: str) -> None: ...


def play(job: Job, *verbs: str, granted: bool = False, kit: bool = False) -> None:
    """Run these verbs in a job of their own; one with an identity is handed the records of the job before."""
    told = digest(job.work.records) if granted else ""
    (job.temp / "github_output").unlink(missing_ok=True)
    environ = job.environ(granted=job.run if granted else None, contents="write", TAGSEAL_RECORDS=told)
    run(verbs, actions.event(environ), services=job.services(environ, kit=kit), watcher=Quiet())


def tools(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the tools be there that `sign` looks for; nothing runs them."""
    folder.mkdir()
    for tool in ("gh", "cosign", "sigstore", "sha256sum"):
        (folder / tool).write_text("#!/bin/sh\nexit 1\n")
        (folder / tool).chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def make(root: Path, internet: Loopback, *, kit: bool = False) -> Job:
    """Build, check, sign and upload, with an offline kit if asked."""
    with pytest.MonkeyPatch.context() as patch:
        tools(root / "tools", patch)
        job = jobs.job(root, internet, patch)
        play(job, "plan", "build", "check", kit=kit)
        play(job, "sign", "upload", granted=True, kit=kit)
    return job


def copied(made: Job, folder: Path, patch: pytest.MonkeyPatch) -> Job:
    """Copy the checkout, and what the forge has, in the place of another test's."""
    repository = made.loopback.github.add_repository(made.repository.full_name)
    for field in fields(repository):
        if field.name != "id":
            setattr(repository, field.name, copy.deepcopy(getattr(made.repository, field.name)))
    shutil.copytree(made.git.root, folder / "checkout", symlinks=True)
    (folder / "temp").mkdir()
    git = Git.own(folder / "checkout", os.environ)
    return replace(made, repository=repository, git=git, temp=folder / "temp", patch=patch)
