"""A repository whose settings, hooks and attributes are all traps: nothing that looks at it runs one."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

import trapped
import widget
from job import CHANGELOG, TAG
from tagseal.cli import main
from tagseal.machine.git import Git
from tagseal.rehearsal.project.clone import make
from trapped import Traps

if TYPE_CHECKING:
    from pathlib import Path

    from job import Job

FILES = {
    **widget.files(),
    ".gitattributes": trapped.ATTRIBUTES,
    ".gitignore": "dist/\n",
    "CHANGELOG.md": CHANGELOG,
    "tagseal.toml": '[image]\nname = "ghcr.io/octo/widget"\n',
}
VERBS = {
    ("doctor", "--offline"): 2,  # its workflow leaves verbs out, as told before and after
    ("guard",): 0,
    ("guide",): 0,
    ("init", "--diff"): 2,
    ("notes",): 0,
    ("policy", "kyverno"): 0,
    ("status", TAG): 0,
}
"""Each with its exit code: of a project without a workflow, and of a version of this tool that is not released."""


@pytest.fixture
def traps(tmp_path: Path) -> Traps:
    (tmp_path / "traps").mkdir()
    return Traps(folder=tmp_path / "traps")


@pytest.fixture
def trapped_job(job: Job, traps: Traps, tmp_path: Path) -> Job:
    """Give a job on a checkout full of traps, with a submodule that is as well."""
    root = job.git.root
    widget.commit(root, FILES)
    inner = widget.commit(tmp_path / "inner", {"inner.py": "", ".gitattributes": trapped.ATTRIBUTES})
    add = [
        trapped.GIT,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(inner.root),
        "vendor/inner",
    ]
    subprocess.run(add, cwd=root, check=True)
    trapped.sign(root)
    job.git.command("tag", "--force", TAG)
    job.run = dataclasses.replace(job.run, sha=job.git.head())
    job.repository.add_tag(TAG, job.run.sha)
    trapped.lay(root, traps)
    widget.write(root / ".git/modules/vendor/inner", {"config": (root / ".git/config").read_text()})
    os.utime(root / "vendor/inner/inner.py", (1, 1))
    assert traps.sprung == []
    return job


@pytest.mark.parametrize(
    ("command", "name"), [("log", "gpg.program"), ("status", "filter.trap.clean"), ("status", "core.fsmonitor")]
)
def test_git_itself_runs_them(trapped_job: Job, traps: Traps, command: str, name: str) -> None:
    """Whoever just asks git springs the traps, and those of a submodule as well: they are live."""
    root = trapped_job.git.root
    trapped.bare(root, "status")
    assert "filter.trap.process" in traps.sprung
    traps.reset()
    trapped.bare(root / "vendor/inner", "status")
    assert "filter.trap.process" in traps.sprung
    traps.reset()
    trapped.configure(root, traps, (name,))
    trapped.bare(root, command)
    assert traps.sprung == [name]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_that_only_looks_runs_one(
    trapped_job: Job, traps: Traps, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that a repository's configuration names, in whatever scope, stays a word."""
    trapped_job.environ()
    monkeypatch.chdir(trapped_job.git.root)
    assert (main(list(verb)), traps.sprung) == (VERBS[verb], [])


def test_a_missing_object_is_asked_of_nobody(trapped_job: Job, traps: Traps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git would fetch it, by a program that the configuration names; here it is missing."""
    root = trapped_job.git.root
    tree = Git.at(root, os.environ).command("rev-parse", "HEAD^{tree}").strip()
    (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    trapped.configure(root, traps, ("core.gitProxy", "core.sshCommand", "remote.origin.uploadpack"))
    trapped.bare(root, "ls-tree", "HEAD")
    assert traps.sprung == ["core.sshCommand"]
    traps.reset()
    trapped_job.environ()
    monkeypatch.chdir(root)
    assert [main(["doctor", "--offline"]), main(["guard"]), traps.sprung] == [2, 2, []]


def test_a_rehearsal_takes_the_files_and_leaves_the_traps(trapped_job: Job, traps: Traps, tmp_path: Path) -> None:
    """Commit, submodule and changes come along into the clone and a job's checkout, and no setting does."""
    source = Git.at(trapped_job.git.root, os.environ)
    widget.write(source.root, {"widget.py": "changed"})
    clone = make(source, tmp_path / "clone", project=None, tag=None, packages=None)
    checkout = clone.checkout_to(tmp_path / "job")
    assert (checkout.root / "widget.py").read_text() == "changed"
    assert (checkout.root / "vendor" / "inner" / "inner.py").is_file()
    assert (checkout.status(), checkout.tags()) == (((), ()), ("v1.2.3",))
    assert "trap" not in (checkout.root / ".git" / "config").read_text()
    assert traps.sprung == []
