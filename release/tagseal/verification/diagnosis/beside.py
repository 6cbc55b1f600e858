"""Rules about what lies beside the file, and about a file that is not there, or is none: nothing was compared."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.machine.files import open_file
from tagseal.names import quote_word
from tagseal.verification.checksums import NAME
from tagseal.verification.diagnosis import contents
from tagseal.verification.diagnosis.wording import again, bundle_name, capital, cut, download, shell, workflow_option
from tagseal.verification.facts import Facts, facts_of
from tagseal.verification.found import LEGACY
from tagseal.verification.result import Cause, Check, Subject
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence

_COPY = re.compile(r"(?P<stem>.+?) ?\(\d{1,3}\)(?P<rest>(?:\.\w{1,10})*)", re.ASCII)
_SEVERAL = re.compile(r"got \d+ bundles for it|Conflicting inputs")


def facts_in(content: bytes) -> Facts:
    """Read what a bundle says, whatever form it has; nothing for what is none."""
    with suppress(ValueError, RecursionError):
        document = json.loads(content) if len(content) <= LARGEST_BUNDLE else None
        if isinstance(document, dict):
            return facts_of(document)
    return Facts()


def several(case: Evidence) -> Cause | None:
    """None was read, for nobody said which."""
    if case.check is not Check.bundle or not _SEVERAL.match(case.detail):
        return None
    return _two(case, "got several bundles")


def both(case: Evidence) -> Cause | None:
    """Two lie there, and the one that counts cannot be read."""
    older = _older(case)
    if case.check is not Check.bundle or case.bundle is None or not os.path.lexists(older):
        return None
    return _two(case, f"got {cut(bundle_name(case))}, which cannot be read, and {cut(older.name)}")


def _two(case: Evidence, what: str) -> Cause:
    return Cause(
        slug="two-bundles",
        what=f"{what}, expected one bundle beside {cut(case.name)}",
        next=f"{capital(download(case))}; then move the other one away.",
        context=(f"{LEGACY} is how bundles were named before; `sigstore verify` refuses to choose as well.",),
    )


def second_download(case: Evidence) -> Cause | None:
    """A browser numbers what it saves beside a file of the same name; no release has the number in a name."""
    copy = _COPY.fullmatch(case.name)
    if case.check is not Check.bundle or case.bundle is not None or copy is None:
        return None
    own = copy["stem"] + copy["rest"]
    there = os.path.lexists(case.subject.path.parent / own)
    rename = shell(f"mv {quote_word(case.name)} {quote_word(own)}", "rename it")
    return Cause(
        slug="second-download",
        what=f"got {cut(case.name)}, numbered by a browser, expected it to be named {cut(own)}: {case.danger} until it "
        "is verified",
        next=f"{cut(own)} lies there as well: move one of the two to another folder, with a bundle."
        if there
        else f"Give it its own name back, and verify again: {rename}.",
        context=("A browser adds a number when a file of that name was there before, perhaps of another release.",),
    )


def legacy_name(case: Evidence) -> Cause | None:
    """The older name alone."""
    older = _older(case)
    if case.check is not Check.bundle or case.bundle is not None or not os.path.lexists(older):
        return None
    command = f"mv {quote_word(older.name)} {quote_word(bundle_name(case))}"
    return Cause(
        slug="legacy-name",
        what=f"got {cut(older.name)}, expected the bundle to be named {cut(bundle_name(case))}",
        next=f"Rename it and verify again: {shell(command, 'add .json to its name')}.",
        context=(f"{LEGACY} is how bundles were named before. What is in it is still to be verified.",),
    )


def legacy_fits(case: Evidence) -> Cause | None:
    """The bundle that was read is for other bytes, and an older one claims to be for these."""
    older = _older(case)
    if case.check is not Check.signature or facts_in(_read(older)).sha256 != case.subject.sha256:
        return None
    return Cause(
        slug="two-bundles",
        what=f"got {cut(bundle_name(case))} for other bytes, beside {cut(older.name)}, which claims to be for these, "
        "expected one bundle",
        next=f"{capital(download(case))}; then move {cut(older.name)} away. Until it verifies, {case.danger}.",
        context=("Either the file was exchanged for one that the older bundle fits, or one of the bundles is old.",),
    )


def _older(case: Evidence) -> Path:
    return case.subject.path.parent / (case.name + LEGACY)  # a folder such as `.` has no name


def _read(path: Path) -> bytes:
    with suppress(OSError, TagsealError), open_file(path) as file:
        return file.read(LARGEST_BUNDLE + 1)
    return b""


if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence


_NO_FILES = "got a folder without a file"


def absent(case: Evidence) -> Cause | None:
    """A name that leads nowhere; an unreadable file has its own words."""
    if case.check is not Check.file or case.subject.sha256:
        return None
    there = os.path.lexists(case.subject.path)
    either = "Either it was not downloaded, or it lies in another folder, or under another name."
    return Cause(
        slug="file-unreadable" if there else "file-absent",
        what=f"got {cut(case.name)}, which cannot be read, expected a regular file"
        if there
        else f"got no file {cut(case.name)} in {cut(str(case.subject.path.parent))}, expected it there",
        next=f"See what it is: {shell(f'ls -l {quote_word(case.name)}', 'list the folder')}."
        if there
        else f"{capital(download(case))}.",
        context=(*([case.detail] if case.detail else []), *([] if there else [either])),
    )


def unlisted(case: Evidence) -> Cause | None:
    """A release without its list: nothing binds names, and nothing tells whether all files are there."""
    if case.check is not Check.file or not case.whole or case.name != NAME or case.subject.sha256:
        return None
    single = replace(case, subject=Subject(path=Path("FILE")), whole=False)
    return Cause(
        slug="release-without-list",
        what=f"got a release without {NAME}, expected the signed list that says which file has which name",
        next="Verify the files that you need one by one, and look yourself whether each is what its name says: "
        f"{download(single)}, then {again(single)}",
        context=(
            "OK above means that this signer signed those bytes, under some name, among some files.",
            f"Whoever can edit a release can delete {NAME}, and then exchange names or leave a file out.",
            f"If other releases of this project have a {NAME}, tell the maintainers.",
        ),
    )


def empty_folder(case: Evidence) -> Cause | None:
    """A folder that was named, and has nothing in it."""
    if case.check is not Check.file or not case.detail.startswith(_NO_FILES):
        return None
    folder, wanted = str(case.subject.path), case.wanted
    where = quote_word(case.name or ".")
    command = f"tagseal verify --release {quote_word(wanted.repository)} {quote_word(wanted.tag)} --out {where}"
    command += workflow_option(wanted.workflow)
    plain = "download the files and their bundles, all from the page of the same release"
    return Cause(
        slug="folder-empty",
        what=f"got the folder {cut(folder)} without a file, expected the files of a release in it",
        next=f"{capital(shell(command, plain) if wanted.safe and wanted.tag else plain)}.",
        context=("Either they were not downloaded, or they lie in another folder.",),
    )


def source_archive(case: Evidence) -> Cause | None:
    """What GitHub packs for every release often has the name of the sdist, or stands above it on the page."""
    lonely = case.check is Check.bundle and case.bundle is None
    if not (lonely or case.check is Check.signature) or not contents.of_source(case.subject.path, case.head):
        return None
    return Cause(
        slug="source-archive",
        what=f"got {cut(case.name)}, which looks like GitHub's own archive of the source, expected a file that the "
        f"release signs: {case.danger}",
        next=f"Download what the maintainers uploaded: {download(case)}. If it is not there, take another file.",
        context=('GitHub adds "Source code" (zip and tar.gz) to each release by itself, and nobody signs it.',),
    )


ABSENT = (
    # No file was named.
    empty_folder,
    # Nobody named it, and a release needs it.
    unlisted,
    # One was, and it is not there.
    absent,
)
