"""The checkout of a job is the commit's, byte for byte, whatever git has been told about it."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

import widget
from job import CHANGELOG
from tagseal.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from job import Job

EVIL = CHANGELOG.replace("turns", "evil!")
"""As long as what it takes the place of."""
FILE = "CHANGELOG.md"


def skip_worktree(job: Job) -> None:
    job.git.command("update-index", "--skip-worktree", FILE)
    (job.git.root / FILE).write_text(EVIL)


def assume_unchanged(job: Job) -> None:
    job.git.command("update-index", "--assume-unchanged", FILE)
    (job.git.root / FILE).write_text(EVIL)


def sparse(job: Job) -> None:
    job.git.command("sparse-checkout", "set", "--no-cone", "/*", f"!/{FILE}")
    (job.git.root / FILE).write_text(EVIL)


def sparse_and_absent(job: Job) -> None:
    job.git.command("sparse-checkout", "set", "--no-cone", "/*", f"!/{FILE}")
    (job.git.root / FILE).unlink(missing_ok=True)


def replaced_file(job: Job) -> None:
    other = job.git.root.parent / "evil.md"
    other.write_text(EVIL)
    evil = job.git.command("hash-object", "-w", "--", str(other)).strip()
    own = job.git.command("rev-parse", f"HEAD:{FILE}").strip()
    job.git.command("replace", own, evil)
    (job.git.root / FILE).write_text(EVIL)


def replaced_commit(job: Job) -> None:
    head = job.git.head()
    widget.commit(job.git.root, {FILE: EVIL})
    job.git.command("replace", head, job.git.head())
    job.git.command("update-ref", "--no-deref", "HEAD", head)


def same_size_and_time(job: Job) -> None:
    path = job.git.root / FILE
    job.git.command("config", "core.checkStat", "minimal")
    job.git.command("config", "core.trustctime", "false")
    job.git.command("status")
    times = path.stat()
    path.write_text(EVIL)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def attributes_beside_git(job: Job) -> None:
    encoded_in_utf_16(job, ".git/info/attributes")


def attributes_that_git_ignores(job: Job) -> None:
    encoded_in_utf_16(job, "docs/.gitattributes")
    widget.write(job.git.root, {".git/info/exclude": "docs/.gitattributes\n"})


def encoded_in_utf_16(job: Job, where: str) -> None:
    """Let git take other bytes for the same text."""
    widget.write(job.git.root, {where: "*.md text working-tree-encoding=UTF-16LE\n"})
    file = job.git.root / ("docs/notes.md" if where.startswith("docs") else FILE)
    file.write_bytes(file.read_text().encode("utf-16-le"))


def identified(job: Job) -> None:
    (job.git.root / "docs" / "id.txt").write_text("$Id: whatever an earlier step likes $\n")


def ends_of_lines(job: Job) -> None:
    job.git.command("config", "core.autocrlf", "input")
    path = job.git.root / FILE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def executable(job: Job) -> None:
    job.git.command("config", "core.fileMode", "false")
    (job.git.root / FILE).chmod(0o755)


def a_link_to_the_same_bytes(job: Job) -> None:
    path = job.git.root / FILE
    shutil.move(path, job.git.root.parent / "elsewhere.md")
    path.symlink_to(job.git.root.parent / "elsewhere.md")


def a_link_to_the_same_folder(job: Job) -> None:
    shutil.move(job.git.root / "docs", job.git.root.parent / "docs")
    (job.git.root / "docs").symlink_to(job.git.root.parent / "docs")


def settings_that_git_ignores(job: Job) -> None:
    widget.write(job.git.root, {".git/info/exclude": "tagseal.toml\n", "tagseal.toml": "public-log = true\n"})


def a_changelog_that_comes_first(job: Job) -> None:
    job.git.command("mv", FILE, "HISTORY.md")
    job.push({".git/info/exclude": f"{FILE}\n"})
    (job.git.root / FILE).write_text(EVIL)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (skip_worktree, FILE),
        (assume_unchanged, FILE),
        (sparse, FILE),
        (sparse_and_absent, FILE),
        (replaced_file, FILE),
        (replaced_commit, FILE),
        (same_size_and_time, FILE),
        (attributes_beside_git, FILE),
        (attributes_that_git_ignores, "docs/notes.md"),
        (identified, "docs/id.txt"),
        (ends_of_lines, FILE),
        (executable, FILE),
        (a_link_to_the_same_bytes, FILE),
        (a_link_to_the_same_folder, "docs/notes.md"),
        (settings_that_git_ignores, "tagseal.toml"),
        (a_changelog_that_comes_first, FILE),
    ],
)
def test_no_setting_of_git_hides_a_changed_file(job: Job, change: Callable[[Job], None], path: str) -> None:
    """Settings, templates and the changelog are read from these files in the jobs that sign."""
    job.push({"docs/notes.md": "Notes.\n", "docs/id.txt": "$Id$\n", ".gitattributes": "id.txt ident\n"})
    (job.git.root / "docs" / "id.txt").unlink()
    job.git.command("checkout", "--", "docs/id.txt")  # as a checkout writes it: with the file's id
    assert job.guard().untracked == ()
    change(job)
    with pytest.raises(Refused) as caught:
        job.guard()
    assert caught.value.slug == "checkout-changed"
    assert f"'{path}'" in caught.value.context


def test_what_git_writes_out_by_the_commits_own_attributes_is_the_commits(job: Job) -> None:
    """Ends of lines that the commit asks for, and a large file's pointer or what it names, are no changes."""
    content = b"a large file"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(content).hexdigest()}\nsize 12\n"
    job.push({".gitattributes": "*.bat eol=crlf\n*.bin filter=lfs -text\n", "a.bat": "echo\n", "a.bin": pointer})
    (job.git.root / "a.bat").unlink()
    job.git.command("checkout", "--", "a.bat")
    assert (job.git.root / "a.bat").read_bytes() == b"echo\r\n"
    job.guard()
    (job.git.root / "a.bin").write_bytes(content)
    job.guard()
    (job.git.root / "a.bin").write_bytes(b"another file")
    with pytest.raises(Refused) as caught:
        job.guard()
    assert caught.value.context == ("'a.bin'",)


def test_a_submodule_is_compared_like_the_rest(job: Job, tmp_path: Path) -> None:
    """On another commit, or with another file, it is changed; one that is not checked out is not."""
    module = widget.commit(tmp_path / "module", {"part.py": "PART = 1\n"})
    allow = ("-c", "protocol.file.allow=always")
    job.git.command(*allow, "submodule", "--quiet", "add", str(module.root), "part")
    job.push({})
    job.guard()
    (job.git.root / "part" / "part.py").write_text("PART = 2\n")
    job.git.command("-C", "part", "update-index", "--assume-unchanged", "part.py")
    with pytest.raises(Refused) as caught:
        job.guard()
    assert caught.value.context == ("'part'",)
    shutil.rmtree(job.git.root / "part")
    (job.git.root / "part").mkdir()
    job.guard()
