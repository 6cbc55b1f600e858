"""The identity before anything is signed: do the committed pages, and the index's publisher, name what will sign?

A page that names a workflow file that is not there tells strangers to demand an identity that nobody can have; and an
index that trusts another workflow refuses what is signed already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagseal.errors import Refused
from tagseal.machine.files import open_file
from tagseal.names import show
from tagseal.records import WORKFLOWS
from tagseal.workflow import signing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tagseal.config import IndexSettings
    from tagseal.machine.git import Git
    from tagseal.records import Identity

_PAGES = (".md", ".rst", ".txt", ".yml", ".yaml")
"""Documentation, and admission policies."""
_PAGE = 1024 * 1024
"""Bytes of a page that are read."""
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MisnamedIdentity:
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


def find_misnamed(git: Git, repository: str) -> Iterator[MisnamedIdentity]:
    """Yield the identities of this repository, on committed pages, whose workflow file is not there."""
    there = {path.name for path in signing.files(git.root)}
    identity = re.compile(
        rf"github\.com/{re.escape(repository)}/{re.escape(WORKFLOWS)}/([\w.-]+\.ya?ml)@", re.ASCII | re.IGNORECASE
    )
    for path in git.tracked_files():
        file = git.root / path
        if path.endswith(_PAGES) and file.is_file() and not file.is_symlink():
            with open_file(file) as page:
                text = page.read(_PAGE).decode("utf-8", "replace")
            for number, line in enumerate(text.splitlines(), 1):
                for found in identity.finditer(line):
                    if found[1] not in there:
                        yield MisnamedIdentity(path=path, line=number, column=found.start() + 1, file=found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherMismatch:
    """A field of the trusted publisher, as it is registered by the configuration, that the workflow has otherwise."""

    field: str
    got: str
    """What the run has."""
    expected: str
    """What the configuration says is registered."""

    @property
    def text(self) -> str:
        """Both sides."""
        return f"{self.field}: got {show(self.got)}, expected {show(self.expected)}, as registered at the index"


def unlike(index: IndexSettings | None, workflow: str, environment: str | None) -> Iterator[PublisherMismatch]:
    """Yield the fields of the index's publisher that a run of this workflow (path in the repository) would not have.

    Owner and repository are the identity's own; what is registered cannot be asked, so the configuration says it. An
    environment of None is not known, and not compared.
    """
    publisher = index.publisher if index else None
    if publisher is None:
        return
    file, registered = workflow.rpartition("/")[2], publisher.environment or ""
    if file != publisher.workflow:
        yield PublisherMismatch(field="workflow", got=file, expected=publisher.workflow)
    if environment is not None and registered and environment.lower() != registered.lower():
        yield PublisherMismatch(field="environment", got=environment or "none", expected=registered)


def publisher_fields(repository: str, workflow: str, environment: str | None) -> str:
    """Return the four fields that an index asks for, in words; no environment is a field left empty.

    Args:
        repository: OWNER/REPO.
        workflow: Its path in the repository.
        environment: Of the job that publishes; None where no job of the workflow does.
    """
    owner, _, name = repository.partition("/")
    place = "unknown, because no job of it publishes there" if environment is None else environment or "none"
    return f"owner {owner}, repository {name}, workflow {workflow.rpartition('/')[2]}, environment {place}"


def hold_publisher(root: Path, index: IndexSettings | None, identity: Identity) -> None:
    """Hold that the index's publisher, by the configuration, is the workflow that signs and publishes.

    Raises:
        Refused: A field differs: the index would refuse what was signed for it.
    """
    if index is None or index.publisher is None:
        return
    from tagseal.workflow.release_map import survey  # noqa: PLC0415 - for a project with a registered publisher only

    environment = survey(root).environment(identity.workflow, index.name)
    if found := tuple(unlike(index, identity.workflow, environment)):
        raise _disagrees(index, found, "Nothing was signed.")


def publishing(index: IndexSettings | None, claims: Mapping[str, str]) -> None:
    """Hold that the job with these claims is the index's publisher, by the configuration.

    Raises:
        Refused: A field differs: the index would refuse this job.
    """
    workflow = claims.get("job_workflow_ref", "").partition("@")[0]
    if found := tuple(unlike(index, workflow, claims.get("environment", ""))):
        raise _disagrees(index, found, "Nothing was published, and the draft is left as it is.")


def _disagrees(index: IndexSettings | None, found: Sequence[PublisherMismatch], left: str) -> Refused:
    return Refused(
        f"got a run that is not the trusted publisher of {index.name if index else ''}: the "
        f"{' and the '.join(one.field for one in found)} would differ",
        context=tuple(one.text for one in found),
        hint=f"Correct the publisher at the index and `publisher` in [tool.tagseal.index], or the workflow. {left}",
        slug="publisher-disagrees",
    )


def agrees(git: Git, identity: Identity) -> None:
    """Hold that no committed page names another identity of this repository.

    Raises:
        Refused: One does: strangers who follow it would refuse what is about to be signed.
    """
    wrong = tuple(find_misnamed(git, identity.repository))
    if wrong:
        file = identity.workflow.rpartition("/")[2]
        raise Refused(
            f"got {show(wrong[0].file)} as the signing workflow in {wrong[0].place}, expected {show(file)}, whose "
            "name the certificate will carry",
            context=tuple(f"{one.place}: {show(one.file)}" for one in wrong[1:_SHOWN]),
            hint="Give the workflow its old name back, or correct the page at the tag: `tagseal guide` renders it. "
            "Nothing was signed.",
            slug="pages-name-another-identity",
        )
