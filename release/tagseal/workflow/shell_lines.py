"""The shell lines of a step: those that do something, and those that only print; and how a command begins in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.workflow.document import WorkflowStep

BEGINS = r"(?:^|[;&|(]|\b(?:do|then|exec|sudo|time)\b)[ \t]*(?:\w+=\S+[ \t]+)*"
MODULE = r"\S*python[0-9.]*\s+(?:-[A-Za-z]+\s+)*-[A-Za-z]*m\s+"
"""Python that runs a module; of its options none that takes a word is usual here."""
PYTHON = rf"(?:{MODULE}|pipx\s+run\s+|uvx\s+|uv\s+(?:tool\s+)?run\s+)?"
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1", re.ASCII)
_TELLS = re.compile(r"\s*(?:echo|printf)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellLine:
    """A line of shell, and its number in the file."""

    number: int
    text: str


def commands(step: WorkflowStep) -> str:
    """Return the shell lines that do something: no comments, and nothing that is only told."""
    return "\n".join(line.text for line in command_lines(step))


def command_lines(step: WorkflowStep) -> list[ShellLine]:
    """Return the lines that do something."""
    return [line for line, tells in _lines(step) if not tells]


def printed_lines(step: WorkflowStep) -> list[ShellLine]:
    """Return the lines that are printed or written into a file: notes, say."""
    return [line for line, tells in _lines(step) if tells]


def _lines(step: WorkflowStep) -> Iterator[tuple[ShellLine, bool]]:
    at = step.at.get("run")
    end = ""
    for number, text in at.lines() if at else ():
        if end:
            yield ShellLine(number=number, text=text), text.strip() != end
            end = "" if text.strip() == end else end
        elif not text.lstrip().startswith("#"):
            yield ShellLine(number=number, text=text), _TELLS.match(text) is not None
            end = found[2] if (found := _HEREDOC.search(text)) else ""
