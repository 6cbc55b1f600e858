"""Work on text from outside that no bound of ours ends, in a child that time and memory end.

docutils expands substitutions without a bound, and a template may loop: either can hold a process, and take all of its
memory. The child gets what it works on, and nothing of the environment.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from tagseal.errors import ServiceError
from tagseal.machine import process

SECONDS = 120.0
"""What a child may take: 4 MiB of reStructuredText take half a minute."""
_MEMORY = 2 * 1024**3
"""Bytes of a child's address space."""
_LONGEST = 8 * 1024 * 1024
"""Characters of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAnswer:
    """What came of the work."""

    text: str = ""
    problem: str = ""
    """Why there is no text; empty where there is one."""
    place: str = ""
    """``file:line`` of what was wrong; empty where nobody knows."""


def ask(module: str, request: object) -> ChildAnswer:
    """Let ``work(request)`` of a module of ours run in a child.

    Args:
        module: Its full name.
        request: What can be pickled; the child trusts it, its answer is only text.
    """
    environ = {name: value for name in ("PATH", "LD_LIBRARY_PATH") if (value := os.environ.get(name))}
    argv = [sys.executable, "-P", "-m", __name__, module]
    try:
        finished = process.run(
            argv, cwd=Path(__file__).parent, environ=environ, stdin=pickle.dumps(request), timeout=SECONDS
        )
    except ServiceError:
        return ChildAnswer(problem=f"it took more than {SECONDS:g} seconds")
    if finished.code or finished.cut:
        return ChildAnswer(
            problem=f"it took more than {_MEMORY // 1024**3} GiB of memory, or broke off: {finished.code}"
        )
    return ChildAnswer(**json.loads(finished.output))


def attempt(module: str, request: object) -> ChildAnswer:
    """Do the work in this process; what it raises is a problem."""
    try:
        answer: ChildAnswer = import_module(module).work(request)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises for what it cannot read
        return ChildAnswer(problem=f"{type(error).__name__}: {error}"[:300])
    if len(answer.text) > _LONGEST:
        return ChildAnswer(problem=f"it became longer than {_LONGEST:,} characters")
    return answer


def _main(module: str) -> None:
    with suppress(ValueError, OSError):  # a lower bound is set already
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    answer = attempt(module, pickle.load(sys.stdin.buffer))  # noqa: S301 - from our parent
    json.dump(asdict(answer), sys.stdout)


if __name__ == "__main__":
    _main(sys.argv[1])
