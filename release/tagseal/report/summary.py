"""The summary of a step on the run's page: Markdown that a runner shows, one part a verb.

Each verb may be a process of its own, so that each appends. Whatever comes from outside is escaped or fenced. Source:
"Workflow commands for GitHub Actions", "Adding a job summary": a summary of more than 1 MiB is not shown at all.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import singledispatchmethod
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from rich.filesize import decimal

from tagseal.errors import TagsealError
from tagseal.machine import files
from tagseal.names import JOINING, printable
from tagseal.notes.templates import fill
from tagseal.records import Checks, Draft, Plan, Publication, Seal, Tag
from tagseal.report.plain import DOCUMENTATION
from tagseal.report.sentences import sentence
from tagseal.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagseal.records import Artifact, Record

TEMPLATE = "summary.md.j2"
_LARGEST = 512 * 1024
"""Bytes of the file, at which nothing more is written: half of what GitHub shows."""
_KEPT = 64 * 1024
"""Bytes of it that are kept for an error."""
_NOTES = 64 * 1024
"""Characters of the notes that are shown."""
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_FENCE = re.compile(r"`{3,}")
_ROW = "| "


class Summary:
    """The file of one step, appended to; what cannot be written is left out, for no release fails by it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Write to ``GITHUB_STEP_SUMMARY``, if the runner names it."""
        self._path = Path(environ.get("GITHUB_STEP_SUMMARY") or os.devnull)
        self._root = Path(environ.get("GITHUB_WORKSPACE") or ".")

    def finish(self, verb: str, record: Record, seconds: float) -> None:
        """Add the step's row, and what else a person looks for after it."""
        before = self._read()
        if verb == Tag.verb and f"{_ROW}{verb} " in before:
            return  # every verb begins with the guard: once is enough
        self._add("row", verb=verb, seconds=seconds, text=escape(sentence(record)), begins=self._begins(before))
        self._more(record)

    def fail(self, error: TagsealError) -> None:
        """Add the error, and what to do."""
        self._add(
            "error",
            what=escape(error.what),
            context=[escape(line) for one in error.context for line in one.splitlines()],
            hint=escape(error.hint),
            more=f"{DOCUMENTATION}#{error.slug}",
            code=error.exit_code,
        )

    @singledispatchmethod
    def _more(self, record: Record) -> None:
        """Say nothing more of most steps."""

    @_more.register
    def _(self, record: Plan) -> None:
        self._add(
            "plan",
            project=escape(record.project),
            version=escape(record.version),
            tag=escape(record.tag),
            commit=record.commit,
            identity=escape(record.identity.uri),
            irreversible=[escape(one) for one in record.irreversible],
        )

    @_more.register
    def _(self, record: Checks) -> None:
        self._assets(record.artifacts)

    @_more.register
    def _(self, record: Seal) -> None:
        self._assets(record.subjects)

    @_more.register
    def _(self, record: Draft) -> None:
        notes = ""
        with suppress(OSError, TagsealError):
            notes = files.read(Workspace.of(self._root, record.tag).notes).decode("utf-8", "replace")
        fence = "`" * max((len(run) + 1 for run in _FENCE.findall(notes)), default=3)
        cut, shown = len(notes) > _NOTES, printable(notes[:_NOTES], keep=f"\n{JOINING}")
        self._add("draft", url=link(record.url), notes=shown, fence=fence, cut=cut)

    @_more.register
    def _(self, record: Publication) -> None:
        self._add("publication", url=link(record.url))

    def _assets(self, artifacts: Sequence[Artifact]) -> None:
        rows = [
            (escape(artifact.name), str(artifact.kind), decimal(artifact.size), artifact.sha256)
            for artifact in artifacts
        ]
        self._add("assets", rows=rows)

    def _begins(self, before: str) -> bool:
        """Tell whether the next row begins a table: behind anything but another row."""
        last = before.rstrip("\n").rpartition("\n")[2]
        return not (last.startswith(_ROW) and before.endswith("|\n"))

    def _read(self) -> str:
        with suppress(OSError):
            return self._path.read_text(encoding="utf-8", errors="replace")
        return ""

    def _add(self, part: str, **values: object) -> None:
        text = fill(TEMPLATE, {"part": part, **values}, own=None)
        with suppress(OSError):
            room = _LARGEST - (0 if part == "error" else _KEPT)
            if self._path.stat().st_size + len(text.encode()) <= room:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(text)


def link(url: str) -> str:
    """Return an address that cannot leave its link, whatever a service says."""
    return quote(url, safe=":/?#@!$&'*+,;=%~")


def escape(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line: every mark of punctuation is escaped."""
    return _PUNCTUATION.sub(r"\\\1", printable(" ".join(text.split())))
