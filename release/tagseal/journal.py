"""The records so far, in ``release.json``: the hand-over between jobs, and the journal of a resumed run.

What is read back is a claim. The file's form is checked here; its digest by the guard of the next job; what a
step can derive itself it derives again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from tagseal.errors import Refused, UsageError
from tagseal.records import RECORDS, Record, from_json, to_object
from tagseal.services.files import replaced

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1

R = TypeVar("R")


@dataclass(slots=True)
class Journal:
    """The records of one tag and commit, kept on disk as they come.

    A file that belongs to another commit, or to another format, is left out with a reason in ``ignored``.
    """

    path: Path
    tag: str
    commit: str
    records: dict[str, Record] = field(default_factory=dict)
    ignored: str = ""

    @classmethod
    def open(cls, path: Path, tag: str, commit: str) -> Journal:
        """Read what is there.

        Raises:
            Refused: The file is not what this tool writes: cut, edited, or made by hand.
        """
        journal = cls(path, tag, commit)
        if not path.exists():
            return journal
        document = _document(path)
        claimed = (document.get("format"), document.get("tag"), document.get("commit"))
        if claimed != (FORMAT, tag, commit):
            journal.ignored = f"records of {claimed[1]} at {str(claimed[2])[:12]} lie here, and are not used"
            return journal
        journal.records = _records(path, document.get("records"))
        return journal

    def keep(self, record: Record) -> None:
        """Add a record, and write all of them: whole or not at all.

        Later verbs' records are dropped: they spoke of what was replaced.
        """
        order = [kind.verb for kind in RECORDS]
        known = order[: order.index(record.verb)]
        self.records = {verb: one for verb, one in self.records.items() if verb in known}
        self.records[record.verb] = record
        replaced(self.path, self._text())

    def get(self, kind: type[R], wanted_by: str) -> R:
        """Return the record of this kind.

        Raises:
            UsageError: The verb that makes it has not run for this tag and commit.
        """
        verb = cast("type[Record]", kind).verb
        if verb not in self.records:
            raise UsageError(
                f"`{wanted_by}` needs the record of `{verb}`, and {self.path.name} has none",
                context=(self.ignored,) if self.ignored else (),
                hint=f"Run `tagseal run guard {verb} {wanted_by}`, or let the job that runs `{verb}` hand over "
                f"{self.path.parent.name}/ whole.",
                slug="record-missing",
            )
        return cast("R", self.records[verb])

    def _text(self) -> bytes:
        document = {
            "format": FORMAT,
            "tag": self.tag,
            "commit": self.commit,
            "records": {verb: to_object(record) for verb, record in self.records.items()},
        }
        return json.dumps(document, indent=2).encode() + b"\n"


def digest(path: Path) -> str:
    """Return the sha256 of the file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def handed_over(path: Path, expected: str) -> None:
    """Compare the file with the digest that the job before told, before anything of it is used.

    Raises:
        Refused: They differ, or there is no file.
    """
    if not path.exists():
        raise Refused(
            f"got no {path.parent.name}/{path.name}, expected the records of the job before",
            hint="Let this job download that job's artifact, made of dist/, to dist/ at the top of the checkout.",
            slug="records-not-handed-over",
        )
    got = digest(path)
    if got != expected:
        raise Refused(
            f"got records with sha256 {got}, expected {expected} from the job before",
            hint="The hand-over was changed or is of another run. Re-run all jobs of this workflow run.",
            slug="records-differ",
        )


def _document(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _edited(path, (f"not JSON: {error}",)) from error
    if not isinstance(document, dict) or set(document) != {"format", "tag", "commit", "records"}:
        raise _edited(path, ("expected the keys format, tag, commit, records",))
    return document


def _records(path: Path, claimed: object) -> dict[str, Record]:
    from pydantic import ValidationError  # noqa: PLC0415 - 0.1 s

    kinds = {kind.verb: kind for kind in RECORDS}
    if not isinstance(claimed, dict) or not set(claimed) <= set(kinds):
        raise _edited(path, (f"expected records of {', '.join(kinds)}",))
    records: dict[str, Record] = {}
    problems: list[str] = []
    for verb, value in claimed.items():
        try:
            records[verb] = from_json(kinds[verb], json.dumps(value))
        except ValidationError as error:
            problems += [
                f"records.{verb}.{'.'.join(map(str, one['loc']))}: {one['msg']}"
                for one in error.errors(include_url=False, include_input=False)
            ]
    if problems:
        raise _edited(path, tuple(problems))
    return records


def _edited(path: Path, problems: tuple[str, ...]) -> Refused:
    return Refused(
        f"got a {path.name} that this tool did not write",
        context=problems,
        hint=f"Remove the folder {path.parent.name}/ below dist/ and run the same command again; it starts over.",
        slug="records-damaged",
    )
