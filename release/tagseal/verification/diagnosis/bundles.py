"""Rules about the bundle: it is not there, is another thing, or is of a form that is not read here."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress

from tagseal.names import quote_word
from tagseal.records import BUNDLE
from tagseal.verification.diagnosis import beside, contents
from tagseal.verification.diagnosis.evidence import PEEK, Evidence
from tagseal.verification.diagnosis.wording import bundle_name, capital, cut, download, shell
from tagseal.verification.found import KIT
from tagseal.verification.result import Cause, Check

NEWEST = (0, 3)
"""The newest bundle version that this client reads."""

_VERSION = re.compile(r"application/vnd\.dev\.sigstore\.bundle(?:\.v|\+json;version=)(\d+)\.(\d+)(?:\+json)?")
_TOO_LARGE = re.compile(r"got a bundle of \d+ bytes, expected at most \d+")
_NEWER_ENTRY = re.compile(r"Expected log entry version|Unsupported hashedrekord version|Unsupported DSSE log entry")
_AMBIGUOUS = re.compile(r"got a duplicate key|got a bundle that two readers")
_NO_ENTRY = re.compile(
    r"expected exactly one log entry|entry must contain inclusion proof|expected checkpoint in"
    r"|tlogEntries\.0\.inclusionProof Field required"
)


def unreadable(case: Evidence) -> Cause | None:
    """A link, a pipe, or a file of somebody else."""
    there = os.path.lexists(case.subject.path.parent / bundle_name(case))
    if case.check is not Check.bundle or case.bundle is not None or not there:
        return None
    look = shell(f"ls -l {quote_word(bundle_name(case))}", "list the folder")
    return Cause(
        slug="bundle-irregular",
        what=f"got {cut(bundle_name(case))}, which cannot be read, expected a regular file: {case.danger} until it can",
        next=f"See what it is: {look}; then {download(case)}.",
    )


def of_the_kit(case: Evidence) -> Cause | None:
    """The kit's archive is signed, and no release has these as files of their own."""
    if case.check is not Check.bundle or case.bundle is not None or case.name not in KIT:
        return None
    return Cause(
        slug="kit-file",
        what=f"got {cut(case.name)}, which is part of the offline kit and has no bundle of its own, expected a file of "
        f"the release: {case.danger} until the kit is verified",
        next="Verify the kit's archive, which is called NAME-VERSION-verify.zip, then unpack it again.",
        context=("A page and a root of trust that came with the files prove nothing by themselves.",),
    )


def absent(case: Evidence) -> Cause | None:
    """Without a bundle nothing is proven, and the file may be anybody's."""
    if case.check is not Check.bundle or case.bundle is not None:
        return None
    return Cause(
        slug="no-bundle",
        what=f"got no bundle for {cut(case.name)}, expected {cut(bundle_name(case))} beside it: {case.danger} until it "
        "is there",
        next=f"{capital(download(case))}.",
        context=(
            (
                "Either the bundle was not downloaded, or the release does not sign this file, or the file is not of "
                "that release at all."
            ),
        ),
    )


def saved_page(case: Evidence) -> Cause | None:
    """A download by a browser, or without a login, saves whatever came."""
    kind = contents.page(_head(case))
    if case.check is not Check.bundle or not kind:
        return None
    return Cause(
        slug="bundle-saved-page",
        what=f"got {kind} under the name {cut(bundle_name(case))}, expected the bundle itself",
        next=f"{capital(download(case))}.",
        context=(
            "The download did not give you the bundle: a login page, an error, or the asset's description was saved.",
            f"It begins: {cut(_head(case)[:80].decode('utf-8', 'replace'))}",
        ),
    )


def another_form(case: Evidence) -> Cause | None:
    """Signatures were published in other forms before there were bundles."""
    kind = contents.signature(_head(case))
    if case.check is not Check.bundle or not kind:
        return None
    return Cause(
        slug="not-a-bundle",
        what=f"got {kind}, expected a Sigstore bundle ({BUNDLE})",
        next=f"See whether the release has {cut(bundle_name(case))}: {download(case)}. If it has none, only the tool "
        "that its pages name can verify it.",
        context=("It may be a good signature; it holds no proof that the log knows it, which is asked for here.",),
    )


def too_large(case: Evidence) -> Cause | None:
    """Real ones have some 10 kB; a huge one is no bundle, or is meant to exhaust its reader."""
    if case.check is not Check.bundle or not _TOO_LARGE.search(case.detail):
        return None
    return Cause(
        slug="bundle-too-large",
        what=f"{case.detail.partition(':')[0]}: {case.danger}",
        next=f"{capital(download(case))}.",
        context=("Perhaps file and bundle were exchanged, or somebody wants to exhaust this machine.",),
    )


def newer(case: Evidence) -> Cause | None:
    """A version that did not exist when this client was made."""
    version = _VERSION.fullmatch(case.facts.media_type)
    is_newer = version is not None and (int(version[1]), int(version[2])) > NEWEST
    if case.check is not Check.bundle or not (is_newer or _NEWER_ENTRY.search(case.detail)):
        return None
    found = case.facts.media_type if is_newer else f"a log entry {case.facts.entry}"
    return Cause(
        slug="bundle-newer",
        what=f"got a bundle of a form that this client does not know, {cut(found)}, expected one up to version "
        f"{NEWEST[0]}.{NEWEST[1]}",
        next=f"Update the client: `pip install --upgrade tagseal sigstore`. Until it verifies, {case.danger}.",
        context=("Nothing in it has been verified. A bundle that was made up may name any version, too.",),
    )


def unknown_form(case: Evidence) -> Cause | None:
    """Named, and by another name than a bundle's."""
    kind = case.facts.media_type
    if case.check is not Check.bundle or not kind or _VERSION.fullmatch(kind):
        return None
    return Cause(
        slug="not-a-bundle",
        what=f"got a document that calls itself {cut(kind)}, expected a Sigstore bundle",
        next=f"{capital(download(case))}.",
    )


def attestation(case: Evidence) -> Cause | None:
    """An envelope says something about a file; it need not be that its project released it."""
    if case.facts.content != "dsseEnvelope":
        return None
    repository = quote_word(case.wanted.repository or "OWNER/REPO")
    named = f"{quote_word(case.name)} --repo {repository} --bundle {quote_word(bundle_name(case))}"
    command = f"gh attestation verify {named}"
    return Cause(
        slug="attestation",
        what=f"got an attestation (a DSSE envelope) for {cut(case.name)}, expected a signature of the file itself",
        next=f"If you want the signature: {download(case)}. If you want the attestation: "
        f"{shell(command, 'use gh attestation verify')}.",
        context=(
            "A genuine attestation may say anything, even that the file is bad: one alone is no reason to use it.",
        ),
    )


def by_key(case: Evidence) -> Cause | None:
    """A key of one's own names nobody."""
    if case.check is not Check.bundle or b'"publicKey"' not in _head(case) or case.facts.subjects:
        return None
    command = f"cosign verify-blob --key KEY --bundle {quote_word(bundle_name(case))} {quote_word(case.name)}"
    return Cause(
        slug="signed-by-key",
        what="got a bundle that was made with a key, expected one with a certificate that names its signer",
        next=f"Verify it with the key that the maintainers publish: {shell(command, 'use cosign verify-blob --key')}.",
        context=("Whose key it is stands nowhere in the bundle: anybody can make one.",),
    )


def ambiguous(case: Evidence) -> Cause | None:
    """What two readers take differently was made so: one of them is to be fooled."""
    if case.check is not Check.bundle or not _AMBIGUOUS.match(case.detail):
        return None
    return Cause(
        slug="bundle-ambiguous",
        what=f"got a bundle that two readers may take for different things, expected one meaning: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=("No signing tool writes such a bundle: somebody may have made it to fool one of the readers.",),
    )


def no_entry(case: Evidence) -> Cause | None:
    """A signature that the log was never told of could have been made at any time, with a key that leaked."""
    if case.check not in {Check.bundle, Check.log} or not _NO_ENTRY.search(case.detail):
        return None
    return Cause(
        slug="entry-missing",
        what=f"got a bundle that does not prove that the public log knows the signature, expected one entry with its "
        f"proof: {case.danger}",
        next=f"{capital(download(case))}. If it fails again, tell the maintainers.",
        context=(
            (
                "Either somebody kept a signature out of the log, where its owner would see it, or the signing tool "
                "could not reach the log."
            ),
        ),
    )


def damaged(case: Evidence) -> Cause | None:
    """Whatever else cannot be read."""
    if case.check is not Check.bundle:
        return None
    text = case.bundle or b""
    broken = contents.is_json(text[:PEEK]) and not _parses(text)
    size = f"{len(text)} bytes"
    return Cause(
        slug="bundle-damaged",
        what=f"got a bundle of {size} that is cut short or damaged, expected whole JSON"
        if broken
        else f"got {size} that cannot be read as a bundle, expected a Sigstore bundle",
        next=f"{capital(download(case))}. Until then, {case.danger}.",
    )


def _parses(text: bytes) -> bool:
    with suppress(ValueError, RecursionError):
        json.loads(text)
        return True
    return False


def _head(case: Evidence) -> bytes:
    return (case.bundle or b"")[:PEEK]


RULES = (
    # Not even read.
    too_large,
    # Several, and none was chosen.
    beside.several,
    # There, and out of reach.
    unreadable,
    # A bundle, by its older name.
    beside.legacy_name,
    # Nothing there of a name that a browser made up.
    beside.second_download,
    # Nothing there, nor will there ever be.
    beside.source_archive,
    # Nothing there, nor of its own anywhere.
    of_the_kit,
    # Nothing there.
    absent,
    # Of another kind at first sight.
    saved_page,
    # A signature, in another form.
    another_form,
    # Whatever a newer form holds, an older client misreads.
    newer,
    # A document of Sigstore's, or of somebody else's.
    unknown_form,
    # Well-formed, and says another thing.
    attestation,
    # Well-formed, and names nobody.
    by_key,
    # Well-formed in two ways.
    ambiguous,
    # Well-formed, and without its entry.
    no_entry,
    # It cannot be read, and is not the only one.
    beside.both,
    # What is left cannot be read.
    damaged,
)
