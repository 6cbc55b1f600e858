"""The identity before anything is signed: do the committed pages name what the certificate will carry?

A page that names a workflow file that is not there tells strangers to demand an identity that nobody can have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.names import shown
from tagseal.records import WORKFLOWS
from tagseal.services import workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.records import Identity
    from tagseal.services.git import Git

_PAGES = (".md", ".rst", ".txt", ".yml", ".yaml")
"""Documentation, and admission policies."""
_PAGE = 1024 * 1024
"""Bytes of a page that are read."""
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Misnamed:
    """A place in a committed page that names a workflow file which does not exist."""

    path: str
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    file: str
    """What it names."""

    @property
    def place(self) -> str:
        """File, line and column, as editors read them."""
        return f"{self.path}:{self.line}:{self.column}"


def misnamed(git: Git, repository: str) -> Iterator[Misnamed]:
    """Yield the identities of this repository, on committed pages, whose workflow file is not there."""
    there = {path.name for path in workflows.files(git.root)}
    identity = re.compile(
        rf"github\.com/{re.escape(repository)}/{re.escape(WORKFLOWS)}/([\w.-]+\.ya?ml)@", re.ASCII | re.IGNORECASE
    )
    for path in git.tracked_files():
        file = git.root / path
        if path.endswith(_PAGES) and file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                text = opened.read(_PAGE).decode("utf-8", "replace")
            for number, line in enumerate(text.splitlines(), 1):
                for found in identity.finditer(line):
                    if found[1] not in there:
                        yield Misnamed(path=path, line=number, column=found.start() + 1, file=found[1])


def agrees(git: Git, identity: Identity) -> None:
    """Hold that no committed page names another identity of this repository.

    Raises:
        Refused: One does: strangers who follow it would refuse what is about to be signed.
    """
    wrong = tuple(misnamed(git, identity.repository))
    if wrong:
        file = identity.workflow.rpartition("/")[2]
        raise Refused(
            f"got {shown(wrong[0].file)} as the signing workflow in {wrong[0].place}, expected {shown(file)}, whose "
            "name the certificate will carry",
            context=tuple(f"{one.place}: {shown(one.file)}" for one in wrong[1:_SHOWN]),
            hint="Give the workflow its old name back, or correct the page at the tag: `tagseal guide` renders it. "
            "Nothing was signed.",
            slug="pages-name-another-identity",
        )
