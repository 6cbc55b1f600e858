"""Rules about a file that is not there, or is none: nothing was compared."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import quoted
from tagseal.verification.checksums import NAME
from tagseal.verification.diagnosis import contents
from tagseal.verification.diagnosis.wording import again, capital, cut, download, shell, workflow_option
from tagseal.verification.result import Cause, Check, Subject

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
        next=f"See what it is: {shell(f'ls -l {quoted(case.name)}', 'list the folder')}."
        if there
        else f"{capital(download(case))}.",
        context=(*([case.detail] if case.detail else []), *([] if there else [either])),
    )


def unlisted(case: Evidence) -> Cause | None:
    """A release without its list: nothing binds names, and nothing tells whether all files are there."""
    if case.check is not Check.file or not case.whole or case.name != NAME or case.subject.sha256:
        return None
    single = replace(case, subject=Subject(path=Path("FILE")))
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
    where = quoted(case.name or ".")
    command = f"tagseal verify --release {quoted(wanted.repository)} {quoted(wanted.tag)} --out {where}"
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


RULES = (
    # No file was named.
    empty_folder,
    # Nobody named it, and a release needs it.
    unlisted,
    # One was, and it is not there.
    absent,
)
