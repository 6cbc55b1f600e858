"""What lies beside the file: another bundle of it, or the file that its bundle is for."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from tagseal.errors import TagsealError
from tagseal.names import quoted
from tagseal.services.files import opened
from tagseal.verification.attacks import BUNDLE
from tagseal.verification.diagnosis.evidence import LEGACY, Evidence
from tagseal.verification.diagnosis.wording import bundle_name, capital, cut, download
from tagseal.verification.facts import Facts, facts_of
from tagseal.verification.result import Cause, Check, Subject
from tagseal.verification.verify import LARGEST_BUNDLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_FILES = 200
MOST_BYTES = 512 << 20
"""Of all files that are hashed to find the one that a bundle is for."""

_SEVERAL = re.compile(r"got \d+ bundles for it|Conflicting inputs")


def siblings(path: Path, sha256: str) -> tuple[Subject, ...]:
    """Return the file beside this one that has the digest, hexadecimal; nothing where some effort finds none."""
    left = MOST_BYTES
    for other in _files(path.parent):
        if other.name == path.name or other.name.endswith((BUNDLE, LEGACY)):
            continue
        with suppress(OSError, TagsealError), opened(other) as file:
            size = os.fstat(file.fileno()).st_size
            if size > left:
                continue
            left -= size
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                return (Subject(path=other, size=size, sha256=sha256),)
    return ()


def facts_in(content: bytes) -> Facts:
    """Read what a bundle says, whatever form it has; nothing for what is none."""
    with suppress(ValueError, RecursionError):
        document = json.loads(content) if len(content) <= LARGEST_BUNDLE else None
        if isinstance(document, dict):
            return facts_of(document)
    return Facts()


def several(case: Evidence) -> Cause | None:
    """Two bundles for one file: which of them counts must not be left to chance."""
    older = _older(case)
    both = case.bundle is not None and older.exists()
    if case.check is not Check.bundle or not (both or _SEVERAL.match(case.detail)):
        return None
    what = f"got both {cut(bundle_name(case))} and {cut(older.name)}" if older.exists() else "got several bundles"
    return Cause(
        slug="two-bundles",
        what=f"{what}, expected one bundle beside {cut(case.name)}",
        next=f"{capital(download(case))}; then move the other one away.",
        context=(f"{LEGACY} is how bundles were named before; `sigstore verify` refuses to choose as well.",),
    )


def legacy_name(case: Evidence) -> Cause | None:
    """The older name alone."""
    older = _older(case)
    if case.check is not Check.bundle or case.bundle is not None or not older.exists():
        return None
    return Cause(
        slug="legacy-name",
        what=f"got {cut(older.name)}, expected the bundle to be named {cut(bundle_name(case))}",
        next=f"Rename it and verify again: `mv {quoted(older.name)} {quoted(bundle_name(case))}`.",
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
    return case.subject.path.with_name(case.name + LEGACY)


def _read(path: Path) -> bytes:
    with suppress(OSError, TagsealError), opened(path) as file:
        return file.read(LARGEST_BUNDLE + 1)
    return b""


def _files(folder: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        names = sorted(entry.name for entry, _ in zip(entries, range(10 * MOST_FILES), strict=False))
        yield from (folder / name for name in names[:MOST_FILES])
