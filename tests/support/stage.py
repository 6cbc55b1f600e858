"""One release on the loopback, played in this process: the records before ``sign``, and the services of a job."""

from __future__ import annotations

import dataclasses
import functools
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packaging.version import Version

import packages
from instance import COMMIT, IDENTITY, RUN, TAG
from plans import PLAN
from tagseal.config import ImageSettings, Settings
from tagseal.loopback import Loopback, actions
from tagseal.loopback.actions import Issuer
from tagseal.machine.files import artifact
from tagseal.machine.git import Git
from tagseal.records import Build, Checks, Draft, Kind, Proof, Seal, Tag, Verdict
from tagseal.rehearsal import environment
from tagseal.rehearsal.tools import toolset
from tagseal.services.images import layout
from tagseal.services.index import sites
from tagseal.steps import Services
from tagseal.steps.sign import sign
from tagseal.steps.upload import upload
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from wsgiref.types import WSGIApplication

    import pytest

    from tagseal.loopback.actions import Run
    from tagseal.loopback.faults import Fault
    from tagseal.loopback.github.state import PlayedRepository
    from tagseal.records import Artifact, Plan

WHEEL, SDIST = "widget-1.2.3-py3-none-any.whl", "widget-1.2.3.tar.gz"
NAMES = ("SHA256SUMS", SDIST, WHEEL)
KIT = "widget-1.2.3-verify.zip"
IMAGE = "ghcr.io/octo/widget"
ISSUER = Issuer()
"""Of every stage: each has its own certificates, logs and repositories, and only making this key takes long."""


@dataclass(kw_only=True)
class Stage:
    """A tag of ``octo/widget``, built and checked."""

    folder: Path
    loopback: Loopback
    repository: PlayedRepository
    shims: Path
    patch: pytest.MonkeyPatch
    before: int
    """Entries that the log begins with."""
    said: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    version: str = "1.2.3"
    """Of the packages."""
    assets: tuple[str, ...] = ()
    """What ``with_assets`` planned."""
    image: Artifact | None = None
    """What ``with_image`` made."""

    @property
    def work(self) -> Workspace:
        return Workspace.of(self.folder / "checkout", TAG)

    @property
    def tag(self) -> Tag:
        return Tag(name=TAG, commit=COMMIT, identity=IDENTITY, private=self.repository.private)

    @property
    def plan(self) -> Plan:
        return dataclasses.replace(
            PLAN,
            version=self.version,
            prerelease=Version(self.version).is_prerelease,
            sdist=f"widget-{self.version}.tar.gz",
            wheel=f"widget-{self.version}-",
            assets=self.assets,
            image=self.image.name if self.image else "",
            image_tags=(TAG,) if self.image else (),
            kit=KIT if self.settings.kit else "",
            index=sites.of(self.settings.index),
            image_forms=self.settings.image.signatures if self.settings.image else (),
        )

    def with_image(self, source: Path, **settings: object) -> Artifact:
        """Let this release have the image of a layout, and take it into the work folder."""
        configured = ImageSettings(name=IMAGE, archive="image", **settings)  # type: ignore[arg-type]
        self.settings = dataclasses.replace(self.settings, image=configured)
        self.work.path.mkdir(parents=True, exist_ok=True)
        self.image = layout.take(source, self.work.image).artifact(IMAGE)
        return self.image

    def with_assets(self, number: int) -> None:
        """Let this release have so many further files."""
        self.assets = tuple(f"{count}.txt" for count in range(number))
        self.settings = dataclasses.replace(self.settings, assets=("out/*.txt",))

    def services(
        self,
        *,
        contents: str = "write",
        packages: str = "write",
        run: Run | None = RUN,
        say: Callable[[str], None] | None = None,
    ) -> Services:
        """Enter a job of this run, and return its services; None for a job without ``id-token``."""
        scopes = {"contents": contents, "packages": packages, "metadata": "read"}
        token = self.loopback.github.token(scopes=scopes, repository=self.repository.full_name)
        temp = self.folder / f"temp-{len(list(self.folder.iterdir()))}"
        temp.mkdir()
        job = actions.environment(
            run or RUN,
            token=token,
            oidc_url=self.loopback.oidc_url if run else None,
            oidc_token=self.loopback.tokens.grant(run) if run else None,
            workspace=self.folder / "checkout",
            temp=temp,
        )
        for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
            self.patch.delenv(name, raising=False)
        for name, value in ({**self.loopback.environment(), **job}).items():
            self.patch.setenv(name, value)
        self.patch.setenv("PATH", environment.path(self.shims, os.environ))
        return Services(
            root=self.folder / "checkout",
            settings=self.settings,
            work=self.work,
            environ=dict(os.environ),
            loopback=True,
            say=say or self.said.append,
            remark=self.remarks.append,
        )

    def build(self, *, further: int = 0, **content: str) -> tuple[Build, Checks]:
        """Write a wheel and an sdist, and so many further files; keywords are those of ``packages.write``."""
        made = packages.write(self.work.packages, version=self.version, **content)
        artifacts = tuple(artifact(path, kind) for path, kind in zip(made, (Kind.wheel, Kind.sdist), strict=True))
        self.work.assets.mkdir(exist_ok=True)
        for number in range(further):
            path = self.work.assets / f"{number}.txt"
            path.write_text(f"{number}\n")
            artifacts = (*artifacts, artifact(path, Kind.asset))
        checks = Checks(artifacts=artifacts, verdicts=(Verdict(name="file set", ok=True),), image=self.image)
        return Build(commit=COMMIT, artifacts=artifacts, collected=False, image=self.image), checks

    def sign(
        self, services: Services | None = None, plan: Plan | None = None, *, further: int = 0, **content: str
    ) -> Seal:
        if further:
            self.with_assets(further)
        built = self.build(further=further, **content)
        return sign(self.tag, plan or self.plan, *built, services=services or self.services())

    def upload(self, seal: Seal, services: Services | None = None) -> Draft:
        return upload(self.tag, self.plan, seal, services=services or self.services())

    def shim(self, name: str, text: str) -> None:
        """Put another program in a tool's place."""
        (self.shims / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.shims / name).chmod(0o755)

    def accept_everything(self) -> None:
        """Let the verifying tools accept everything, at once."""
        for tool in ("sigstore", "cosign"):
            self.shim(tool, "exit 0")

    def entries(self) -> int:
        """Return how many entries the log got."""
        return len(self.loopback.rekor.log) - self.before


def proof_of(draft: Draft) -> Proof:
    """Return the proof of a draft whose commands need not run here."""
    return Proof(
        draft=draft.id, assets=draft.assets, body_sha256=draft.body_sha256, commands=(), attacks=(), later=0, shown=0
    )


@functools.cache
def programs(path: str) -> Mapping[str, toolset.Program]:
    """Find the verifying tools on this PATH, once a process, in a loopback where nothing goes wrong."""
    environ = {**os.environ, "PATH": path}
    with TemporaryDirectory() as folder, Loopback(folder=Path(folder)) as loopback:
        repository = loopback.github.add_repository(IDENTITY.repository)
        probe = {
            **environment.machine(environ),
            **environment.private_home(Path(folder)),
            **loopback.environment(),
            "GH_TOKEN": loopback.github.token(scopes={"metadata": "read"}, repository=repository.full_name),
            "GH_REPO": repository.full_name,
        }
        return toolset.find(environ, probe, image=True)


@contextmanager
def stage(  # noqa: PLR0913 - options, by keyword
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    private: bool = False,
    faults: Sequence[Fault] = (),
    hosts: Mapping[str, WSGIApplication] | None = None,
    forms: Sequence[str] = ("simplesigning",),
    index: tuple[str, str] | None = None,
) -> Iterator[Stage]:
    """Start the loopback, with the tag pushed; tools that are missing here are stand-ins."""
    with Loopback(folder=folder / "loopback", faults=faults, hosts=hosts, index=index, issuer=ISSUER) as loopback:
        repository = loopback.github.add_repository(IDENTITY.repository, private=private)
        repository.add_tag(TAG, COMMIT, annotated=True)
        toolset.install(folder / "shims", programs(os.environ["PATH"]), loopback=loopback.folder, forms=forms)
        (folder / "checkout").mkdir()
        Git.own(folder / "checkout", os.environ).command("init", "--quiet")
        yield Stage(
            folder=folder,
            loopback=loopback,
            repository=repository,
            shims=folder / "shims",
            patch=patch,
            before=len(loopback.rekor.log),
        )
