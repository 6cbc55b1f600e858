"""A job on a real checkout of ``octo/widget``, in this process: its environment, its services, and the forge."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import widget
from tagseal.config import Settings
from tagseal.loopback import actions as runner
from tagseal.loopback.actions import Run
from tagseal.machine import actions
from tagseal.steps import Services
from tagseal.steps.guard import guard
from tagseal.verification.verify import digest
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from tagseal.loopback import Loopback
    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.machine.git import Git
    from tagseal.records import Tag

NAME, TAG = "octo/widget", "v1.2.3"
WORKFLOW = ".github/workflows/release.yml"
WORKFLOW_TEXT = """
on: { push: { tags: ["v*"] } }
permissions: {}
jobs:
  seal:
    permissions: { contents: write, id-token: write }
    steps: [run: python -P -m tagseal run guard sign upload prove]
"""
CHANGELOG = "# Changelog\n\n## 1.2.3\n\n- A widget that turns.\n\n## 1.2.2\n\n- A widget.\n"


@dataclass(kw_only=True)
class Job:
    """One job: the checkout that it stands on, and what its runner says."""

    loopback: Loopback
    repository: PlayedRepository
    git: Git
    temp: Path
    patch: pytest.MonkeyPatch
    run: Run
    token: str = dataclasses.field(default="", repr=False)

    @property
    def work(self) -> Workspace:
        """The tag's work folder."""
        return Workspace.of(self.git.root, self.run.ref_name)

    def environ(
        self, run: Run | None = None, *, granted: Run | None = None, contents: str = "read", **variables: str
    ) -> dict[str, str]:
        """Enter the job: ``granted`` is the run that its identity tokens speak of; None for a job without any."""
        scopes = {"contents": contents, "metadata": "read"}
        self.token = self.loopback.github.token(scopes=scopes, repository=self.repository.full_name)
        found = runner.environment(
            run or self.run,
            token=self.token,
            oidc_url=self.loopback.oidc_url if granted else None,
            oidc_token=self.loopback.tokens.grant(granted) if granted else None,
            workspace=self.git.root,
            temp=self.temp,
        )
        for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
            self.patch.delenv(name, raising=False)
        environ = {**self.loopback.environment(), **found, **variables}
        for name, value in environ.items():
            self.patch.setenv(name, value)
        return {**os.environ, **environ}

    def services(self, environ: Mapping[str, str] | None = None, **settings: object) -> Services:
        """Return the services of this job, with these settings."""
        return Services(
            root=self.git.root,
            settings=Settings(**settings),  # type: ignore[arg-type]
            work=self.work,
            environ=self.environ() if environ is None else environ,
            loopback=True,
            say=lambda _: None,
        )

    def guard(self, environ: Mapping[str, str] | None = None, **settings: object) -> Tag:
        """Run the guard in this environment, with these settings."""
        services = self.services(environ, **settings)
        return guard(actions.event(services.environ), services=services)

    def push(self, content: Mapping[str, str], tag: str = TAG) -> None:
        """Commit these files, and let the run be on this tag of that commit, here and at the remote."""
        widget.commit(self.git.root, content)
        self.git.command("tag", "--force", tag)
        self.run = dataclasses.replace(self.run, sha=self.git.head(), ref=f"refs/tags/{tag}")
        self.repository.add_tag(tag, self.run.sha)

    def release(self, tag: str, *assets: Path, draft: bool = False) -> None:
        """Let an earlier release exist."""
        github = self.services(self.environ(contents="write")).github
        made = github.create_draft(NAME, tag, body="", prerelease=False)
        for asset in assets:
            github.upload(NAME, made, asset, sha256=digest(asset))
        if not draft:
            self.repository.add_tag(tag, self.run.sha)
            github.publish(NAME, github.release(NAME, made.id), latest=True)


def job(root: Path, loopback: Loopback, patch: pytest.MonkeyPatch) -> Job:
    """Make the checkout below ``root``, and push its tag."""
    files = {"CHANGELOG.md": CHANGELOG, ".gitignore": "dist/\n", WORKFLOW: WORKFLOW_TEXT}
    git = widget.commit(root / "checkout", {**widget.files(), **files}, TAG)
    (root / "temp").mkdir()
    repository = loopback.github.add_repository(NAME)
    repository.add_tag(TAG, git.head(), annotated=True)
    run = Run(repository=NAME, repository_id=1, owner_id=2, workflow=WORKFLOW, ref=f"refs/tags/{TAG}", sha=git.head())
    return Job(loopback=loopback, repository=repository, git=git, temp=root / "temp", patch=patch, run=run)
