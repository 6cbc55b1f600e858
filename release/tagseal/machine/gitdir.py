"""The git directory that git is shown in place of a stranger's.

A repository's configuration names programs, to filter, to sign, to fetch, to page, and each version of git knows more
of them. So git never runs with a configuration that this tool did not write. For each command it gets a directory of
ours, for as long as the command runs:

1. ``config`` has the settings of ``_KEPT``, where the repository has one of the values listed there, and nothing else.
2. ``HEAD`` is a copy; objects, references, the index and ``info/`` lead to the repository's own: they are data.
3. There are no hooks, no remotes, no replace objects, and no grafts.

Source: gitrepository-layout(5).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.machine import files, process
from tagseal.names import quote_word, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOOLEAN = frozenset({"true", "false"})
_KEPT = {
    "core.autocrlf": {*_BOOLEAN, "input"},
    "core.eol": {"lf", "crlf", "native"},
    "core.filemode": _BOOLEAN,
    "core.ignorecase": _BOOLEAN,
    "core.precomposeunicode": _BOOLEAN,
    "core.symlinks": _BOOLEAN,
    "extensions.objectformat": {"sha1", "sha256"},
    "extensions.refstorage": {"files", "reftable"},
}
"""What a working tree is compared by, and how a repository keeps its objects and references; each with its values."""
_SHARED = ("objects", "refs", "packed-refs", "shallow", "reftable", "info/attributes", "info/exclude")
"""What all working trees of a repository have in common."""
_OBJECTS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}(?:[0-9a-f]{24})?|pack/pack-[0-9a-f]+\.(?:pack|idx)", re.ASCII)
_SETTINGS = {
    "advice.detachedHead": "false",
    "core.commitGraph": "false",  # it tells trees of commits, and nothing holds that it tells the right ones
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
}
_OF_THE_PERSON = ("HOME", "XDG_CONFIG_HOME", "SUDO_UID")
"""Where git finds what the person calls safe."""
_PATIENCE = 600.0
"""Seconds that a command may take: a pipe in the place of a file would hold git until someone writes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gitdir:
    """Where a repository keeps what git is shown."""

    root: Path
    """The working tree's top folder, without links in its path."""
    own: Path
    """What this working tree has alone: ``HEAD`` and the index."""
    common: Path
    """What all working trees of the repository share."""
    config: str
    """The configuration that git gets."""

    @classmethod
    def of(cls, folder: Path, environ: Mapping[str, str]) -> Gitdir:
        """Find the repository of the working tree that the folder is in.

        Git is asked where it lies, which starts no program, and refuses what belongs to another user, unless the
        person calls it safe. In Actions the checkout is that: a container job gets it from another user.

        Raises:
            UsageError: There is none; it belongs to another user; or its working tree is elsewhere.
        """
        folder = folder.resolve()
        root = next((place for place in (folder, *folder.parents) if os.path.lexists(place / ".git")), folder)
        settings = {"safe.directory": str(root)} if environ.get("GITHUB_ACTIONS") == "true" else {}
        ours = environment(environ, settings)
        del ours["GIT_CONFIG_GLOBAL"], ours["GIT_CONFIG_NOSYSTEM"]
        persons = {name: environ[name] for name in _OF_THE_PERSON if name in environ}
        asked = [
            start("rev-parse", "--path-format=absolute", what, cwd=folder, environ=ours | persons)
            for what in ("--show-toplevel", "--git-dir", "--git-common-dir")  # one a call: a path can have line ends
        ]
        top, own, common = (Path(one.output.removesuffix("\n")) for one in asked)
        if any(one.code for one in asked) or not top.is_dir() or not root.samefile(top):
            raise _refusal(folder, root, asked[0].errors)
        return cls(root=root, own=own, common=common, config=_config(common / "config", environ))

    @contextmanager
    def make_view(self) -> Iterator[dict[str, str]]:
        """Make the directory that git is shown while the block runs; give the variables that lead git there."""
        with tempfile.TemporaryDirectory(prefix="tagseal-git-") as folder:
            place = common = Path(folder)
            if self.own != self.common:
                common = place / "common"
                common.mkdir()
                (place / "commondir").write_text("common\n", encoding="ascii")
                (place / "reftable").symlink_to(self.own / "reftable")  # it has this working tree's HEAD
            (place / "HEAD").write_bytes(self._head())
            (common / "config").write_text(self.config, encoding="ascii")
            (common / "info").mkdir()
            for name in _SHARED:
                (common / name).symlink_to(self.common / name)
            for index in (self.own / "index", *self.own.glob("sharedindex.*")):
                (place / index.name).symlink_to(index)
            yield {"GIT_DIR": folder, "GIT_WORK_TREE": str(self.root)}

    def copy_objects(self, target: Path) -> None:
        """Copy all objects, and the list of commits whose parents are absent, into the git directory ``target``.

        Where the repository borrows objects from others, the copy borrows them too.

        Raises:
            Refused: What should be a file of objects is something else.
        """
        source = self.common / "objects"
        names = [path.relative_to(source).as_posix() for path in source.glob("*/*")]
        for name in filter(_OBJECTS.fullmatch, names):
            copy = target / "objects" / name
            copy.parent.mkdir(exist_ok=True)
            with files.open_file(source / name) as content, copy.open("xb") as file:
                shutil.copyfileobj(content, file, files.BLOCK)
        if lenders := _lines(source / "info" / "alternates"):
            places = [os.path.realpath(source / line) for line in lenders if not line.startswith("#")]
            listed = "".join(f"{json.dumps(place, ensure_ascii=False)}\n" for place in places)  # quoted as in C
            (target / "objects" / "info" / "alternates").write_text(listed, encoding="utf-8")
        if absent := _lines(self.common / "shallow"):
            (target / "shallow").write_text("".join(f"{line}\n" for line in absent), encoding="utf-8")

    def _head(self) -> bytes:
        head = self.own / "HEAD"
        if head.is_symlink():  # as git made it once
            return b"ref: " + os.fsencode(head.readlink()) + b"\n"
        with files.open_file(head) as file:
            return file.read(files.BLOCK)


def start(*arguments: str, cwd: Path, environ: Mapping[str, str], stdin: bytes | None = None) -> process.Finished:
    """Run git to its end, in exactly this environment: nothing else starts it.

    Raises:
        UsageError: It is not installed.
        ServiceError: It did not end.
    """
    return process.run(["git", *arguments], cwd=cwd, environ=environ, stdin=stdin, timeout=_PATIENCE)


def environment(environ: Mapping[str, str], settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that git runs in: no configuration but ours, no prompt, no token, no network."""
    kept = {name: value for name in ("PATH", "TMPDIR", "SYSTEMROOT") if (value := environ.get(name))}
    given = _SETTINGS | dict(settings or {})
    pairs = {
        f"GIT_CONFIG_{part}_{number}": text
        for number, pair in enumerate(given.items())
        for part, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {
        **kept,
        **pairs,
        "GIT_CONFIG_COUNT": str(len(given)),
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _config(file: Path, environ: Mapping[str, str]) -> str:
    """Read a configuration as data, without what it includes, and write what of it is kept."""
    listing = start(
        *("config", "--file", str(file), "--no-includes", "--null", "--list"),
        cwd=file.parent,
        environ=environment(environ) | {"GIT_DIR": os.devnull},
    )
    told = dict(entry.partition("\n")[::2] for entry in listing.output.split("\0"))
    kept = {key: value.lower() for key, value in told.items() if value.lower() in _KEPT.get(key, ())}
    lines = ["[core]\nrepositoryformatversion = 1\nbare = false\n"]
    for key, value in kept.items():
        section, _, name = key.partition(".")
        lines.append(f"[{section}]\n{name} = {value}\n")
    return "".join(lines)


def _lines(file: Path) -> list[str]:
    if not os.path.lexists(file):
        return []
    with files.open_file(file) as content:
        lines = content.read(files.BLOCK).decode("utf-8", "replace").split("\n")
    return [line for line in lines if line and "\0" not in line]


def _refusal(folder: Path, root: Path, errors: str) -> UsageError:
    """Return the error for a folder in which git finds no working tree that is ours to read."""
    words = process.tail(errors, 3)
    found = [place for place in (root, root / ".git") if os.path.lexists(place)]
    if found[1:] and any(place.lstat().st_uid != os.geteuid() for place in found):
        return UsageError(
            f"got a checkout that belongs to another user, expected one of yours: {show(str(root))}",
            context=words,
            hint=f"Git itself would run programs that it names. If you trust whoever owns it: `git config --global "
            f"--add safe.directory {quote_word(str(root))}`; then run the same command again.",
            slug="checkout-of-another-user",
        )
    return UsageError(
        f"got {folder}, which is in no git working tree, expected a checkout of the project",
        context=words,
        hint="Run this in the project's checkout, or `git init && git add --all && git commit` first.",
        slug="not-a-repository",
    )
