"""What was set up once: the next job that asks for exactly the same gets a copy, at the same path.

What was there before counts by its bytes: where a shell step has changed the interpreter, nothing that another job kept
fits, and nothing that this one keeps fits another.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tagseal.machine.files import measure
from tagseal.workflow.play.action import StepFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tagseal.workflow.play.action import Host


@contextmanager
def keep(host: Host, facts: Sequence[str]) -> Iterator[bool]:
    """Tell whether the interpreter's folder is as these facts say already; if not, keep what the block makes of it.

    Args:
        host: What stands behind the job.
        facts: All that decides what is made.

    Raises:
        StepFailedError: What was kept is not what was set up.
    """
    key = hashlib.sha256(json.dumps([str(host.python), _digest(host.python), *facts]).encode()).hexdigest()
    tree, digest = host.snapshots / key / "tree", host.snapshots / key / "digest"
    if there := digest.is_file():
        shutil.rmtree(host.python, ignore_errors=True)
        shutil.copytree(tree, host.python, symlinks=True)
        if _digest(host.python) != digest.read_text(encoding="utf-8"):
            raise StepFailedError("what was set up for the job before was changed since: this job gets none of it")
    yield there
    if not there:
        shutil.rmtree(tree.parent, ignore_errors=True)
        shutil.copytree(host.python, tree, symlinks=True)
        digest.write_text(_digest(tree), encoding="utf-8")


def _digest(folder: Path) -> str:
    """Return what lies below a folder, in 64 hexadecimal digits: names, kinds, modes, bytes, where links lead."""
    facts = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            what = f"link {path.readlink()}"
        elif path.is_file():
            what = measure(path)[1]
        else:
            what = "folder"
        facts.append([path.relative_to(folder).as_posix(), path.lstat().st_mode, what])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
