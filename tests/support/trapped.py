"""A repository that brings a trap wherever git could run a program: what runs is written down."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import widget
from tagseal.machine.git import Git

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GIT = shutil.which("git") or "git"
FILLED = {
    "<driver>": ("trap",),
    "<cmd>": ("config", "log", "ls-files", "ls-tree", "rev-parse", "show", "status", "tag"),
    "<format>": ("openpgp", "ssh", "x509"),
    "<condition>": ("gitdir:/**",),
    "<url>": ("https://github.com", "ssh://git@github.com"),
    "*": ("log", "rev-parse", "show", "status", "helper", "proxy"),
}
"""What takes the place of a placeholder in ``git help -c``."""
ARMED = {
    "core.fsmonitorHookVersion": "2",
    "core.repositoryFormatVersion": "1",
    "extensions.partialClone": "origin",
    "extensions.worktreeConfig": "true",
    "filter.trap.required": "true",
    "log.showSignature": "true",
    "protocol.allow": "always",
    "remote.origin.promisor": "true",
    "remote.origin.url": "ssh://git@github.com/octo/widget.git",
}
"""What leads git to a trap, and is none itself."""
UNLISTED = (
    *("core.fsmonitor", "filter.trap.process", "remote.origin.receivepack", "remote.origin.uploadpack"),
    *("trailer.trap.cmd", "uploadpack.packObjectsHook"),
)
HOOKS = (
    *("applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit"),
    *("post-index-change", "post-merge", "post-receive", "post-rewrite", "post-update", "pre-applypatch"),
    *("pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg"),
    *("proc-receive", "push-to-checkout", "reference-transaction", "sendemail-validate", "update"),
)
"""githooks(5)."""
ATTRIBUTES = "* filter=trap diff=trap merge=trap\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traps:
    """The traps of one test."""

    folder: Path

    @property
    def sprung(self) -> list[str]:
        """The names of those that ran."""
        said = self.folder / "sprung"
        return sorted(set(said.read_text().splitlines())) if said.exists() else []

    def reset(self) -> None:
        """Forget what ran."""
        (self.folder / "sprung").unlink(missing_ok=True)

    def one(self, name: str) -> Path:
        """Return a program that writes this name down."""
        program = self.folder / re.sub(r"\W", "-", name)
        program.write_text(f"#!/bin/sh\necho '{name}' >> '{self.folder / 'sprung'}'\nexit 1\n")
        program.chmod(0o755)
        return program


@cache
def settings() -> tuple[str, ...]:
    """Return every setting that this version of git lists, placeholders filled."""
    listed = subprocess.run([GIT, "help", "-c"], capture_output=True, text=True, check=True).stdout.split()
    names = [name for name in listed if re.fullmatch(r"[a-zA-Z]+\..+", name)]
    return tuple(sorted({filled for name in names for filled in _filled(name)} | set(UNLISTED)))


def _filled(name: str) -> Sequence[str]:
    place = re.search(r"<[\w-]+>|\*", name)
    words = FILLED.get(place[0], ("trap",)) if place else ()
    return [one for word in words for one in _filled(name.replace(place[0], word, 1))] if place else [name]


def config(values: Mapping[str, object]) -> str:
    """Write a configuration."""
    lines = []
    for key, value in values.items():
        section, _, rest = key.partition(".")
        within, _, name = rest.rpartition(".")
        lines.append(f'[{section} "{within}"]\n' if within else f"[{section}]\n")
        lines.append(f"{name} = {value}\n")
    return "".join(lines)


@cache
def starting() -> tuple[str, ...]:
    """Return the settings with which git still starts when they name a program: a number, say, cannot."""
    with tempfile.TemporaryDirectory() as folder:
        Git.own(Path(folder), os.environ).command("init", "--quiet")
        widget.commit(Path(folder), {"file": ""})
        return _starting(Path(folder), [name for name in settings() if name not in ARMED])


def _starting(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    values = dict.fromkeys(names, "/bin/false")
    (root / ".git" / "config").write_text(config({**values, **ARMED}))
    if all(bare(root, *command) == 0 for command in (("log", "-1"), ("status",), ("tag",))):
        return tuple(names)
    half = len(names) // 2
    return (*_starting(root, names[:half]), *_starting(root, names[half:])) if half else ()


def bare(root: Path, *arguments: str) -> int:
    """Run git as anyone would; return its exit code."""
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run([GIT, *arguments], cwd=root, env=environ, capture_output=True, check=False).returncode


def lay(root: Path, traps: Traps) -> None:
    """Lay a trap in every such setting, in hooks and in attributes."""
    inside = root / ".git"
    inside.joinpath("hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        inside.joinpath("hooks", hook).symlink_to(traps.one(f"hook {hook}"))
    widget.write(inside, {"info/attributes": ATTRIBUTES})
    configure(root, traps, starting())
    for path in root.iterdir():
        if path.is_file():
            os.utime(path, (1, 1))  # git has to look at its content


def configure(root: Path, traps: Traps, names: Sequence[str]) -> None:
    """Lay a trap in each of these settings, in every scope that a repository has."""
    laid = {name: traps.one(name) for name in names}
    widget.write(traps.folder, {"included": config(laid)})
    text = config({**laid, **ARMED, "include.path": traps.folder / "included"})
    widget.write(root / ".git", {"config": text, "config.worktree": config(laid)})


def sign(root: Path) -> None:
    """Give the last commit a signature, which is none."""
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n"
    git = widget.commit(root, {})
    text = git.command("cat-file", "commit", "HEAD").replace("\n\n", f"\n{signature}\n", 1)
    commit = git.command("hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip()
    git.command("update-ref", "HEAD", commit)
