"""A reader who does what the page says, from top to bottom and in one folder, runs nothing that was not verified."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from dataclasses import replace
from typing import TYPE_CHECKING

from instance import RUN
from stage import NAMES, Stage, proof_of, stage
from tagseal.config import IndexSettings, Settings
from tagseal.loopback.index import RegisteredPublisher
from tagseal.records import BUNDLE, Phase
from tagseal.steps.publish import publish
from tagseal.steps.shell.instructions import Shell, instructions

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tagseal.records import Seal

MODULES = ("pip", "typing", "enum", "re", "contextlib", "sigstore", "pypi_attestations", "sitecustomize")
"""What Python looks for, in the folder first, as soon as it is told to run a module."""


def attacked(released: Stage) -> Seal:
    """Publish, and add what whoever may edit a public release can: modules that leave a trace where they are run."""
    seal = released.sign()
    draft = released.upload(seal)
    services = released.services(run=replace(RUN, environment="release"))
    publication = publish(released.tag, released.plan, seal, draft, proof_of(draft), services=services)
    repository = released.tag.identity.repository
    release = services.github.release(repository, publication.id)
    for name in MODULES:
        module = released.folder / f"{name}.py"
        module.write_text(f"open({str(released.folder / 'trace')!r}, 'a').write('{name} ')\n")
        digest = hashlib.sha256(module.read_bytes()).hexdigest()
        services.github.upload(repository, release, module, sha256=digest)
    return seal


def environment(folder: Path) -> Path:
    """Make a virtual environment that has what is installed here, with ``pip`` in it; return its programs' folder."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f"#!{folder}/bin/python\nfrom pip._internal.cli.main import main\nraise SystemExit(main())\n")
    pip.chmod(0o755)
    return folder / "bin"


def test_nothing_of_the_release_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in one folder, for whoever keeps it until the next release; every command passes, what is shown as well.

    But for the seed page's download: the second time the GitHub CLI says that the files are there, and keeps them.
    """
    with stage(tmp_path, monkeypatch) as released:
        released.settings = Settings(index=IndexSettings(name="pypi"), wait=0)
        released.loopback.index.register(
            RegisteredPublisher(project="widget", owner="octo", repository="widget", workflow="release.yml")
        )
        seal = attacked(released)
        services = released.services(contents="read", run=None)
        programs = environment(tmp_path / "environment")
        home, folder = tmp_path / "home", tmp_path / "downloads"
        home.mkdir()
        folder.mkdir()
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        shell = Shell(home=home, environ={**services.environ, "PATH": path}, token=services.environ["GITHUB_TOKEN"])
        page = instructions(released.tag, released.plan, seal, services)
        failed = [
            (step.command.text, finished.output + finished.errors)
            for step in (*page, *page)
            if (finished := shell.run(step.command.text, folder, secrets=shell.secrets(step.purpose))).code
        ]
    assert {step.command.phase for step in page} == set(Phase)
    assert not (tmp_path / "trace").exists()
    downloads = next(step.command.text for step in page if step.purpose.tool == "gh")
    assert [(text, "already exists" in said) for text, said in failed] == [(downloads, True)]
    files = {name + suffix for name in NAMES for suffix in ("", BUNDLE)}
    assert {path.name for path in folder.iterdir()} == {*files, "from-pypi"}
