"""Git, asked without the person's configuration, and with nothing of the repository's executed.

A checkout that was found is a stranger's: git is shown its data and none of its settings (``tagseal.machine.gitdir``).
One that this tool made has a configuration that this tool wrote.
"""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tagseal.errors import Refused, UsageError
from tagseal.machine import files, gitdir, process
from tagseal.machine.gitdir import Gitdir
from tagseal.names import REPOSITORY, show

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

_HOSTS = {"github.com", "www.github.com", "ssh.github.com"}
_ALIAS = re.compile(r"github\.com-[\w-]+", re.ASCII)
"""How a person's ssh calls it who has several accounts there: no name on the network has only such a part."""
SUBMODULE = "160000"
"""The mode of a submodule's entry in a tree, and in the index."""


class WorkingTree(NamedTuple):
    """How the working tree differs from HEAD. Paths are relative to the root, with ``/``."""

    changed: tuple[str, ...]
    """Tracked files with changes."""
    untracked: tuple[str, ...]
    """Files that git does not know and is not told to ignore."""


@dataclass(frozen=True, slots=True)
class Git:
    """One checkout."""

    root: Path
    """Its top folder."""
    environ: Mapping[str, str] = field(repr=False)
    gitdir: Gitdir | None
    """What git is shown of a stranger's; None for one that this tool made."""

    @classmethod
    def at(cls, folder: Path, environ: Mapping[str, str]) -> Git:
        """Find the checkout that the folder is in.

        Raises:
            UsageError: It is in none, or in another user's, or git is not installed.
        """
        if not folder.is_dir():
            raise UsageError(
                f"got {folder}, which is no folder, expected the project's checkout",
                hint="Correct the path.",
                slug="no-such-folder",
            )
        found = Gitdir.of(folder, environ)
        return cls(found.root, environ, found)

    @classmethod
    def own(cls, root: Path, environ: Mapping[str, str]) -> Git:
        """Return a checkout that this tool makes, or made, in this folder: only there may git write."""
        return cls(root, environ, None)

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a git command here and return its output.

        Raises:
            UsageError: It failed, or git is not installed.
        """
        finished = self._ask(*arguments, stdin=stdin)
        if finished.code != 0 or finished.cut:  # of a cut answer the beginning is missing: it answers nothing
            got = "too long an answer" if finished.cut else f"exit code {finished.code}"
            raise UsageError(
                f"got {got} from `git {arguments[0]}`, expected an answer",
                context=process.tail(finished.errors, 5),
                # Not "run git there": in a stranger's checkout its configuration names programs.
                hint=f"Read what git says above. If the repository in {self.root} is damaged, clone it again.",
                slug="git-failed",
            )
        return finished.output

    def head(self) -> str:
        """Return the commit that is checked out, 40 hexadecimal digits.

        Raises:
            UsageError: There is no commit yet.
        """
        if commit := self.commit_of("HEAD"):
            return commit
        raise UsageError(
            "got a repository without a commit, expected at least one",
            hint="git add --all && git commit -m 'First commit'",
            slug="no-commits",
        )

    def commit_of(self, ref: str) -> str | None:
        """Return the commit that a ref or an object peels to, or None where there is no such thing here."""
        found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return found.output.strip() or None

    def status(self) -> WorkingTree:
        """Compare the working tree with HEAD; submodules with other contents count as changed."""
        # Git would look into a submodule by another git, which reads the configuration there.
        listing = self.command(
            *("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
        )
        entries = [(entry[:2], entry[3:]) for entry in listing.split("\0") if entry]
        changed = {path: None for state, path in entries if state != "??"}
        staged = [entry.split("\t", 1) for entry in self.command("ls-files", "--stage", "-z").split("\0") if entry]
        for facts, path in staged:
            if facts.split()[0] == SUBMODULE and (module := self.module(path)) and any(module.status()):
                changed[path] = None
        return WorkingTree(
            changed=tuple(changed),
            untracked=tuple(path for state, path in entries if state == "??"),
        )

    def tags(self, merged: str | None = None) -> tuple[str, ...]:
        """Return all tags, or those that a commit has among its ancestors."""
        limit = () if merged is None else (f"--merged={merged}",)
        return tuple(self.command("tag", "--list", *limit).splitlines())

    def origin(self) -> str | None:
        """Return the URL of the remote ``origin`` as it is configured, without any credentials."""
        config = (self.gitdir.common if self.gitdir else self.root / ".git") / "config"
        url = self._ask("config", "--file", str(config), "--no-includes", "--get", "remote.origin.url").output.strip()
        scheme, separator, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else url or None

    def commit_time(self, commit: str) -> int:
        """Return the committer's time, in seconds since the epoch."""
        return int(self.command("show", "--no-patch", "--format=%ct", "--end-of-options", commit))

    def subjects(self, since: str | None, until: str, limit: int = 200) -> tuple[str, ...]:
        """Return the subjects of the commits after ``since`` up to ``until``, newest first, merges left out."""
        span = until if since is None else f"{since}..{until}"
        listing = self.command(
            "log", "-z", "--no-merges", "--format=%s", f"--max-count={limit}", "--end-of-options", span, "--"
        )
        return tuple(subject for subject in listing.split("\0") if subject)

    def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        """Return what a commit holds: path to mode and object id, in hexadecimal digits."""
        lines = self.command("ls-tree", "-rz", "--full-tree", "--end-of-options", commit).split("\0")
        entries = (line.split("\t", 1) for line in lines if line)
        return {path: (facts.split()[0], facts.split()[2]) for facts, path in entries}

    def text(self, commit: str, path: str) -> str:
        """Return what a file says at a commit or a tag; nothing where there is none."""
        found = self._ask("cat-file", "blob", f"{commit}:{path}")
        return found.output if found.code == 0 else ""

    def untracked_files(self) -> tuple[str, ...]:
        """Return the files that git does not know and is not told to ignore, relative to the root."""
        listing = self.command("ls-files", "-z", "--others", "--exclude-standard")
        return tuple(path for path in listing.split("\0") if path)

    def is_tracked(self, path: Path) -> bool:
        """Tell whether git tracks this file, or a file below this folder."""
        return bool(self.command("ls-files", "-z", "--", f":(literal){path}"))

    def ignores(self, path: str) -> bool:
        """Tell whether the project's own files let git ignore this path."""
        return self._ask("check-ignore", "--quiet", "--", path).code == 0

    def tracked_files(self) -> tuple[str, ...]:
        """Return the paths of all tracked files, relative to the root."""
        return tuple(path for path in self.command("ls-files", "-z").split("\0") if path)

    def large_files(self) -> tuple[str, ...]:
        """Return the tracked files that Git LFS keeps elsewhere: a clone of ours has pointers in their place."""
        return tuple(path for path in self.command("ls-files", "-z", "--", ":(attr:filter=lfs)").split("\0") if path)

    def clone_to(self, folder: Path, commit: str) -> Git:
        """Make a checkout of this commit, with all tags and submodules, and without a remote.

        Nothing is fetched: a submodule comes from where it lies in this checkout.

        Raises:
            Refused: A submodule is missing here, or lacks the commit.
        """
        clone = self.copy_to(folder, commit)
        for path, pinned in clone.submodules():
            if files.link_below(folder, folder / path):  # a tree that no git makes can have both at one path
                raise files.leads_away(path)
            self._submodule(path, pinned).clone_to(folder / path, pinned)
        clone.command("config", "submodule.active", ".")
        return clone

    def copy_to(self, folder: Path, commit: str) -> Git:
        """Make a checkout of this commit as git writes it out by the commit's own attributes, without submodules."""
        source = self.gitdir or Gitdir.of(self.root, self.environ)
        folder.mkdir(parents=True, exist_ok=True)
        clone = Git.own(folder, self.environ)
        form = self.command("rev-parse", "--show-object-format").strip()
        clone.command("init", "--quiet", "--template=", f"--object-format={form}")
        source.copy_objects(folder / ".git")
        tags = self.command("for-each-ref", "--format=create %(refname) %(objectname)", "refs/tags")
        clone.command("update-ref", "--stdin", stdin=tags)
        clone.command("checkout", "--quiet", "--detach", commit)
        return clone

    def submodules(self) -> list[tuple[str, str]]:
        """Return path and commit of each submodule of HEAD."""
        return [(path, commit) for path, (mode, commit) in self.tree("HEAD").items() if mode == SUBMODULE]

    def _submodule(self, path: str, commit: str) -> Git:
        module = self.module(path)
        if module and module.commit_of(commit):
            return module
        raise Refused(
            f"got no submodule {show(path)} at {commit[:7]}, expected it in the checkout",
            hint="git submodule update --init --recursive    (in Actions: `submodules: recursive` at checkout)",
            slug="submodule-missing",
        )

    def module(self, path: str) -> Git | None:
        """Return the checkout of a submodule; None where there is none, or a link leads away."""
        place = self.root / path
        if not os.path.lexists(place / ".git"):
            return None
        found = Git.at(place, self.environ)
        return found if found.root == place else None

    def _ask(self, *arguments: str, stdin: str = "") -> process.Finished:
        none: AbstractContextManager[dict[str, str]] = nullcontext({})
        with self.gitdir.make_view() if self.gitdir else none as variables:
            environ = gitdir.environment(self.environ) | variables
            return gitdir.start(*arguments, cwd=self.root, environ=environ, stdin=stdin.encode())


def signing_key(environ: Mapping[str, str]) -> str:
    """Return the key that this person's own git signs tags with; nothing where none is configured."""
    argv = ("git", "config", "--global", "--get", "user.signingkey")
    return process.run(argv, cwd=Path.home(), environ=environ).output.strip()


def repository_of(url: str) -> str | None:
    """Return OWNER/REPO of a remote at GitHub, in its https, ssh or scp-like form; None elsewhere."""
    if "://" not in url:
        url = "ssh://" + url.replace(":", "/", 1)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    name = parts.path.strip("/").removesuffix(".git")
    host = parts.hostname or ""
    ours = host in _HOSTS or (parts.scheme == "ssh" and _ALIAS.fullmatch(host))
    return name if ours and REPOSITORY.fullmatch(name) else None


def repository(setting: str | None, environ: Mapping[str, str], origin: str | None) -> str | None:
    """Return OWNER/REPO: as configured, as the run says, or as the origin remote says."""
    return setting or environ.get("GITHUB_REPOSITORY") or (repository_of(origin) if origin else None)
