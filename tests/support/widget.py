"""A small real project under git, with a build back end of its own: it builds in a second and needs no index."""

from __future__ import annotations

import dataclasses
import os
from textwrap import dedent
from typing import TYPE_CHECKING

from plans import PLAN
from tagseal.config import Settings
from tagseal.machine.git import Git
from tagseal.records import Tag
from tagseal.steps import Services
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagseal.records import Plan

SDIST, WHEEL = "widget-1.2.3.tar.gz", "widget-1.2.3-py3-none-any.whl"

BACKEND = dedent("""
    import io, os, pathlib, tarfile, time, tomllib, zipfile

    PROJECT = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    STEM = f"{PROJECT['name']}-{PROJECT['version']}"
    EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
    METADATA = (
        f"Metadata-Version: 2.1\\nName: {PROJECT['name']}\\nVersion: {PROJECT['version']}\\n"
        "Description-Content-Type: text/markdown\\n\\nA widget.\\n"
    )

    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        info = pathlib.Path(folder, f"{STEM}.dist-info")
        info.mkdir()
        info.joinpath("METADATA").write_text(METADATA)
        return info.name

    def build_wheel(folder, config_settings=None, metadata_directory=None):
        name = f"{STEM}-py3-none-any.whl"
        files = {
            "widget.py": pathlib.Path("widget.py").read_text(),
            f"{STEM}.dist-info/METADATA": METADATA,
            f"{STEM}.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            f"{STEM}.dist-info/RECORD": "",
        }
        with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path, time.gmtime(EPOCH)[:6]), text)
        return name

    def build_sdist(folder, config_settings=None):
        name = f"{STEM}.tar.gz"
        with tarfile.open(os.path.join(folder, name), "w:gz") as archive:
            for path in sorted(pathlib.Path(".").glob("*")):
                if path.is_file():
                    archive.add(path, f"{STEM}/{path}")
            info = tarfile.TarInfo(f"{STEM}/PKG-INFO")
            info.size = len(METADATA.encode())
            archive.addfile(info, io.BytesIO(METADATA.encode()))
        return name
""")


def files(version: str = "1.2.3") -> dict[str, str]:
    """Return the project's files, by path."""
    pyproject = f"""
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]

        [project]
        name = "widget"
        version = "{version}"
    """
    return {"pyproject.toml": dedent(pyproject), "backend.py": BACKEND, "widget.py": "TURNS = True\n"}


def write(root: Path, content: Mapping[str, str]) -> None:
    """Write files, with their folders."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def commit(root: Path, content: Mapping[str, str], *tags: str) -> Git:
    """Write files, commit everything, and tag it."""
    write(root, content)
    git = Git.own(root, os.environ)
    if not (root / ".git").exists():
        git.command("init", "--quiet", "--initial-branch=main")
    git.command("add", "--all")
    who = ("-c", "user.name=Widget", "-c", "user.email=widget@example.invalid")
    git.command(*who, "commit", "--quiet", "--allow-empty", "--message=Turn")
    for tag in tags:
        git.command("tag", tag)
    return git


def project(root: Path, *tags: str, **content: str) -> Git:
    """Make the project below ``root``, under git, tagged; keywords add or replace top-level Python files."""
    return commit(root, {**files(), **{f"{name}.py": text for name, text in content.items()}}, *tags)


def release(
    git: Git, *, environ: Mapping[str, str] | None = None, loopback: bool = False, **settings: object
) -> tuple[Tag, Plan, Services]:
    """Return what the steps of this project's release 1.2.3 take, with these settings."""
    head = git.head()
    plan = dataclasses.replace(
        PLAN, commit=head, epoch=git.commit_time(head), tools=(), changelog="commits", section=""
    )
    services = Services(
        root=git.root,
        settings=Settings(**settings),  # type: ignore[arg-type]
        work=Workspace.of(git.root, plan.tag),
        environ={**os.environ, **(environ or {})},
        loopback=loopback,
        say=lambda _: None,
    )
    return Tag(name=plan.tag, commit=head, identity=plan.identity, private=False), plan, services
