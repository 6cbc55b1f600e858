"""The verbs' sessions in a project's noxfile: lines at its end, for nothing that is there may change."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.project.init.look import Found

FILE = "noxfile.py"
LINES = """\
# The verbs of a release, where Tagseal is installed; a session of this file with one of their names stays.
try:
    import tagseal.sessions
except ImportError:
    pass
else:
    tagseal.sessions.register()
"""
_NEW = '''\
# /// script
# dependencies = ["nox"]
# ///
"""What is done to this project, each by one name: `nox -l` lists them."""

'''
_CALL = "tagseal.sessions.register"


def merged(found: Found) -> str | None:
    """Return the noxfile with the sessions in it; None where it cannot be read as Python."""
    before = found.text(FILE)
    if not before:
        return _NEW + LINES
    tree = _parsed(before)
    if tree is None:
        return None
    called = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    if _CALL in called:
        return before
    return f"{before.rstrip()}\n\n\n{LINES}"


def advice(found: Found) -> Iterator[str]:
    """Name what the noxfile imports: in the release's jobs there is nothing but Nox and this tool."""
    tree = _parsed(found.text(FILE))
    known = {*sys.stdlib_module_names, "nox", "tagseal"}
    for node in tree.body if tree else ():
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in sorted({name.partition(".")[0] for name in names} - known):
            if not (found.root / f"{name}.py").exists() and not (found.root / name).is_dir():
                yield f"{FILE}:{node.lineno} imports {name}, which the release's jobs lack: import it in a session"


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None
