"""The records so far, in ``release.json``: the hand-over between jobs, and the journal of a resumed run.

What is read back is a claim. That it is whole, and as it was written, is checked here, by a digest that the file
carries; whoever edits a file can make that anew, so a job tells the digest of the whole file to the next one; and
what a step can derive itself it derives again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar, cast

from tagseal.errors import Refused, UsageError
from tagseal.machine.files import open_file, write_atomically
from tagseal.records import RECORDS, Record, from_json, to_object

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 3
"""1 had no digest of its own."""

_VERBS = [kind.verb for kind in RECORDS]

R = TypeVar("R")


@dataclass(slots=True)
class Journal:
    """The records of one tag and commit, kept on disk as they come.

    What is left out, because it belongs to another commit, to another format, or to a run that was ended before it
    could tell its digest, has its reason in ``ignored``; the verbs before run again.
    """

    path: Path
    tag: str
    commit: str
    records: dict[str, Record] = field(default_factory=dict)
    ignored: str = ""

    @classmethod
    def open(cls, path: Path, tag: str, commit: str, *, told: str = "") -> Journal:
        """Read what is there.

        1. The file is, byte for byte, what this tool writes for the records in it: cut or edited, it is not.
        2. It is of this tag and commit, or it is left out.
        3. Where a digest was told, the records are those that had it; later ones are left out.

        Args:
            path: The file; there may be none.
            tag: The tag of this run.
            commit: The tag's commit.
            told: The file's sha256 as the verb or the job before told it; empty where none did.

        Raises:
            Refused: The file is not what this tool writes, or not what was told.
        """
        journal = cls(path, tag, commit)
        if not path.exists():
            if told:
                raise _missing_records(path)
            return journal
        if not told or digest(path) == told:
            journal._read()
            return journal
        with suppress(Refused):  # whatever is wrong with it, it is not what was told
            journal._read()
        journal._go_back(told)
        return journal

    def keep(self, record: Record) -> None:
        """Add a record, and write all of them: whole or not at all.

        Later verbs' records are dropped: they spoke of what was replaced.
        """
        known = _VERBS[: _VERBS.index(record.verb)]
        self.records = {verb: one for verb, one in self.records.items() if verb in known}
        self.records[record.verb] = record
        write_atomically(self.path, self._text())

    def get(self, kind: type[R], wanted_by: str) -> R:
        """Return the record of this kind.

        Raises:
            UsageError: The verb that makes it has not run for this tag and commit.
        """
        verb = cast("type[Record]", kind).verb
        if verb not in self.records:
            again = takewhile(lambda one: one != wanted_by, _VERBS[_VERBS.index(verb) :])
            raise UsageError(
                f"`{wanted_by}` needs the record of `{verb}`, and {self.path.parent.name}/{self.path.name} has none",
                context=(self.ignored,) if self.ignored else (),
                hint=f"Run `tagseal run guard {' '.join(again)} {wanted_by}`, each verb in its job; in Actions: re-run "
                "all jobs, and let each hand dist/ over whole. What is signed and sent already is kept.",
                slug="record-missing",
            )
        return cast("R", self.records[verb])

    def _read(self) -> None:
        raw, document = _document(self.path)
        if (found := document.get("format")) != FORMAT:
            self.ignored = f"records of format {found} lie here, this version writes {FORMAT}: they are not used"
            return
        claimed = Journal(self.path, str(document.get("tag")), str(document.get("commit")))
        claimed.records = _records(self.path, document.get("records"))
        if claimed._text() != raw:
            raise _edited_records(self.path, ("its sha256 is not that of its records",))
        if (claimed.tag, claimed.commit) != (self.tag, self.commit):
            self.ignored = f"records of {claimed.tag} at {claimed.commit[:12]} lie here, and are not used"
            return
        self.records = claimed.records

    def _go_back(self, told: str) -> None:
        """Leave out the last records until the rest has the digest that was told.

        A run that was killed had kept a record, and not yet told its digest. What nobody told may be anybody's.
        """
        whole, later = digest(self.path), list[str]()
        while self.records:
            if hashlib.sha256(self._text()).hexdigest() == told:
                self.ignored = f"the records of {', '.join(reversed(later))} were not handed on: made again"
                return
            later.append(self.records.popitem()[0])
        raise Refused(
            f"got records with sha256 {whole}, expected {told} from the job before",
            hint="The hand-over was changed or is of another run. Re-run all jobs of this workflow run.",
            slug="records-differ",
        )

    def _text(self) -> bytes:
        document: dict[str, object] = {
            "format": FORMAT,
            "tag": self.tag,
            "commit": self.commit,
            "records": {verb: to_object(record) for verb, record in self.records.items()},
        }
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        document["sha256"] = hashlib.sha256(canonical).hexdigest()
        return json.dumps(document, indent=2).encode() + b"\n"


def digest(path: Path) -> str:
    """Return the sha256 of the file's bytes, hexadecimal."""
    return hashlib.sha256(_bytes(path)).hexdigest()


def _bytes(path: Path) -> bytes:
    with open_file(path) as file:
        return file.read()


def _document(path: Path) -> tuple[bytes, dict[str, object]]:
    raw = _bytes(path)
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _edited_records(path, (f"not JSON: {error}",)) from error
    if not isinstance(document, dict) or type(document.get("format")) is not int:
        raise _edited_records(path, ("expected the keys format, tag, commit, records, sha256",))
    return raw, document


def _records(path: Path, claimed: object) -> dict[str, Record]:
    from pydantic import ValidationError  # noqa: PLC0415 - 0.1 s

    kinds = {kind.verb: kind for kind in RECORDS}
    if not isinstance(claimed, dict) or not set(claimed) <= set(kinds):
        raise _edited_records(path, (f"expected records of {', '.join(kinds)}",))
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
        raise _edited_records(path, tuple(problems))
    return records


def _missing_records(path: Path) -> Refused:
    return Refused(
        f"got no {path.parent.name}/{path.name}, expected the records of the job before",
        hint="Let this job download that job's artifact, made of dist/, to dist/ at the top of the checkout. If the "
        "artifact is gone, re-run all jobs.",
        slug="records-not-handed-over",
    )


def _edited_records(path: Path, problems: tuple[str, ...]) -> Refused:
    return Refused(
        f"got a {path.name} that this tool did not write",
        context=problems,
        hint=f"Remove the folder {path.parent.name}/ below dist/, then begin with `tagseal run guard plan build check` "
        "again (in Actions: re-run all jobs). What is signed and sent already is kept.",
        slug="records-damaged",
    )
