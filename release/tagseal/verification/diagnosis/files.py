"""Rules about the file: other bytes than those that were signed, and why that may be.

A bundle documents the SHA-256 that it is for; whoever can change the bundle can change that, but then no signature
fits. So a digest that differs says which bytes were meant, and nothing about who changed them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.names import quote_word
from tagseal.records import BUNDLE
from tagseal.verification.checksums import NAME
from tagseal.verification.diagnosis import beside, contents
from tagseal.verification.diagnosis.wording import bundle_name, capital, cut, download, shell
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.verification.diagnosis.evidence import Evidence

_BYTES = {Check.file, Check.signature}
_SDIST = re.compile(r".+\.(?:tar\.gz|zip)", re.IGNORECASE)
_INCONSISTENT = "inconsistent with other materials"


def saved_page(case: Evidence) -> Cause | None:
    """A download by a browser, or without a login, saves whatever came."""
    kind = contents.page(case.head)
    if case.check not in _BYTES or not kind:
        return None
    return Cause(
        slug="saved-page",
        what=f"got {kind} under the name {cut(case.name)}, {_size(case)}, expected the file itself",
        next=f"{capital(download(case))}.",
        context=(
            "The download did not give you the file: a login page, an error, or the asset's description was saved.",
            f"It begins: {_beginning(case.head)}",
        ),
    )


def empty(case: Evidence) -> Cause | None:
    """A download that failed at once leaves a file of no bytes."""
    if case.check not in _BYTES or case.subject.size or not case.subject.sha256:
        return None
    return Cause(
        slug="file-empty",
        what=f"got {cut(case.name)} with no bytes in it, expected {_right_file(case)}",
        next=f"{capital(download(case))}.",
    )


def other_files_bundle(case: Evidence) -> Cause | None:
    """The bundle is good for other bytes, and these have a name."""
    owner = _owner(case)
    if case.check is not Check.signature or not owner:
        return None
    sdist = bool(_SDIST.fullmatch(owner)) and case.name.endswith(".whl")
    return Cause(
        slug="bundle-of-the-sdist" if sdist else "bundle-of-another-file",
        what=f"got the bundle of {'the sdist ' if sdist else ''}{cut(owner)} beside {cut(case.name)}, expected the "
        f"bundle of {cut(case.name)}",
        next=f"{capital(download(case))}. Until its own bundle is beside it, {case.danger}.",
        context=(
            f"The bundle is for SHA-256 {case.facts.sha256}, which is {cut(owner)}.",
            f"{cut(case.name)} has SHA-256 {case.subject.sha256}; nothing has been said about who made it.",
        ),
    )


def renamed_file(case: Evidence) -> Cause | None:
    """The bytes are known, under another name."""
    names = [name for name, sha256 in case.listed.items() if sha256 == case.subject.sha256 and name != case.name]
    if case.check not in {Check.signature, Check.name} or not names or case.listed.get(case.name) == names[0]:
        return None
    own = f"mv {quote_word(case.name)} {quote_word(names[0])}"
    if case.check is Check.name:  # what lies there is its bundle
        own += f" && mv {quote_word(bundle_name(case))} {quote_word(names[0] + BUNDLE)}"
    listed = f"{capital(download(case))}. Or give" if case.name in case.listed else "Give"
    return Cause(
        slug="renamed-file",
        what=f"got the bytes of {cut(names[0])} under the name {cut(case.name)}, expected those of {cut(case.name)}: "
        f"{case.danger} under this name",
        next=f"{listed} the file its own name back, and verify again: {shell(own, 'rename it')}.",
        context=(
            "Either somebody put one file of the release in the place of another, or it was renamed on the way.",
            f"SHA256SUMS lists SHA-256 {case.subject.sha256} as {cut(names[0])}.",
        ),
    )


def checksum_differs(case: Evidence) -> Cause | None:
    """A signature binds no name; the signed list of checksums does."""
    wanted = case.listed.get(case.name, "")
    if case.check is not Check.name or not wanted:
        return None
    return Cause(
        slug="checksum-differs",
        what=f"got {cut(case.name)} with SHA-256 {case.subject.sha256}, expected {wanted} as SHA256SUMS says: "
        f"{case.danger}",
        next=f"{capital(download(case))}; and SHA256SUMS with its bundle from the same release.",
        context=(
            (
                "Either the file was exchanged for another that the same release process signed, or SHA256SUMS is of "
                "another release."
            ),
            *_both(case),
        ),
    )


def bad_list(case: Evidence) -> Cause | None:
    """A list that two readers read differently binds nothing, whoever signed it."""
    if case.check is not Check.name or case.name != NAME:
        return None
    return Cause(
        slug="bad-checksums",
        what=f"got {cut(case.name)}, signed, with a line that not every reader takes alike, expected a digest and a "
        f"plain name in each: {case.danger}",
        next=f"{capital(download(case))}. If it fails again, tell the maintainers.",
        context=(
            "Whoever signed it wrote a name twice, a path, or a line of another form; tools differ in what they do.",
        ),
    )


def truncated(case: Evidence) -> Cause | None:
    """A download that broke off leaves the beginning of the file."""
    size = case.published.size if case.published else 0
    whole = contents.looks_whole(case.subject.path, case.head)
    if case.check not in _BYTES or not (case.subject.size < size or whole is False):
        return None
    return Cause(
        slug="file-truncated",
        what=f"got {cut(case.name)} that breaks off after {case.subject.size} bytes, expected {_right_file(case)}: "
        f"{case.danger}",
        next=f"{capital(download(case))}.",
        context=(
            *(["The archive's end is missing."] if whole is False else []),
            *_both(case),
            "A broken download is the usual reason; the bytes that are there may have been changed all the same.",
        ),
    )


def changed(case: Evidence) -> Cause | None:
    """Whole, and other bytes."""
    if case.check is not Check.signature or case.facts.sha256 == case.subject.sha256:
        return None
    return Cause(
        slug="file-changed",
        what=f"got {cut(case.name)}, {_size(case)} that were not signed, expected {_right_file(case)}: {case.danger}",
        next=f"{capital(download(case))}. If it fails again, tell the maintainers.",
        context=(
            (
                "Either somebody changed the file after it was signed, or the download was damaged, or the bundle is "
                "that of another file or release."
            ),
            *_both(case),
            *_same_name(case),
        ),
    )


def other_entry(case: Evidence) -> Cause | None:
    """The public log holds another signature than the bundle: the log was not told of this one."""
    if case.check not in {Check.signature, Check.log} or _INCONSISTENT not in case.detail:
        return None
    return Cause(
        slug="entry-of-another",
        what=f"got a bundle whose log entry is about another signature, expected one about this file's: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=(
            "Somebody may have put a real entry of the log into a bundle that is their own.",
            f"The entry: number {case.facts.log_index}.",
        ),
    )


def bad_signature(case: Evidence) -> Cause | None:
    """The digest is the documented one, and the signature is not by the certificate's key."""
    if case.check is not Check.signature:
        return None
    return Cause(
        slug="bad-signature",
        what=f"got a bundle whose signature is not that of its certificate's key over {cut(case.name)}, expected one "
        f"that is: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=("The bundle was damaged or put together from parts by somebody.", *_both(case)),
    )


def _owner(case: Evidence) -> str:
    """Return the name of the file that the bundle is for, where it is known."""
    wanted = case.facts.sha256
    if not wanted or wanted == case.subject.sha256:
        return ""
    names = [one.path.name for one in case.nearby if one.sha256 == wanted]
    names += [name for name, sha256 in case.listed.items() if sha256 == wanted]
    return next((name for name in names if name != case.name), "")


def _same_name(case: Evidence) -> Sequence[str]:
    """Say where a good copy lies."""
    good = [one for one in case.nearby if one.sha256 and one.sha256 == case.facts.sha256]
    return tuple(f"The bytes that were signed lie in {cut(str(one.path))}, {one.size} bytes." for one in good)


def _both(case: Evidence) -> Sequence[str]:
    published = case.published
    return (
        f"Got      {case.subject.size} bytes, SHA-256 {case.subject.sha256}.",
        *([f"Signed   SHA-256 {case.facts.sha256}."] if case.facts.sha256 else []),
        *([f"Listed   SHA-256 {case.listed[case.name]} in SHA256SUMS."] if case.name in case.listed else []),
        *(
            [f"Released {published.size} bytes, SHA-256 {published.sha256 or 'not told'}, as GitHub says."]
            if published
            else []
        ),
    )


def _right_file(case: Evidence) -> str:
    """Say what is known of the right file: its size from the release, its digest from the bundle."""
    size = f"{case.published.size} bytes" if case.published and case.published.size else ""
    digest = f"SHA-256 {case.facts.sha256}" if case.facts.sha256 else ""
    return " with ".join(part for part in (size, digest) if part) or "the bytes that were signed"


def _size(case: Evidence) -> str:
    return f"{case.subject.size} bytes"


def _beginning(head: bytes) -> str:
    return cut(head[:80].decode("utf-8", "replace"))


# What a person can see at once comes before digests; whose the bundle is, before what may have happened to the file.
RULES = (
    # Nothing to compare.
    *beside.ABSENT,
    # A page instead of the file explains every digest.
    saved_page,
    # As does nothing at all.
    empty,
    # Nobody ever signed it, whatever its name.
    beside.source_archive,
    # A bundle that fits another file says nothing about this one.
    other_files_bundle,
    # Nor does a name that was given to other bytes.
    renamed_file,
    # The list is signed: what it says about the name counts.
    checksum_differs,
    # A list that says what two readers take differently.
    bad_list,
    # Another bundle may be the right one.
    beside.legacy_fits,
    # Before "changed": the same, with a reason that can be seen.
    truncated,
    # The digests differ.
    changed,
    # They agree, and the log tells of another signature.
    other_entry,
    # They agree, and the signature is wrong.
    bad_signature,
)
