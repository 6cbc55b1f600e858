"""Rules about the certificate as a whole, and about the run behind a name that is right.

Source: Fulcio's ``docs/oid-info.md``: .1 and .8 issuer, .12 source repository, .13 source commit, .14 source ref.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from tagseal.names import quote_word
from tagseal.records import GITHUB
from tagseal.verification.diagnosis.evidence import Signed
from tagseal.verification.diagnosis.wording import (
    cut,
    download,
    or_none,
    run,
    shell,
    subjects,
    with_identity,
)
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from tagseal.verification.diagnosis.evidence import Evidence

_COMMITS = re.compile(r"got files signed at \d+ commits")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/@+!$&'()*,;=?#[]")
"""What a URI may hold as it stands (RFC 3986 section 2); no forge's names hold a percent sign."""


def issuers_disagree(case: Evidence) -> Cause | None:
    """Two extensions hold the issuer, and Fulcio writes both alike."""
    new, old = case.signer.issuer, case.signer.issuer_v1
    if case.check is not Check.identity or not (new and old) or new == old:
        return None
    return Cause(
        slug="issuers-disagree",
        what=f"got a certificate that names two issuers, {cut(new)} and {cut(old)}, expected one: {case.danger}",
        next=f"Report it to whoever runs the Sigstore instance behind {case.trust}; then {download(case)}.",
        context=("No authority that is in order writes such a certificate.",),
    )


def other_issuer(case: Evidence) -> Cause | None:
    """The same name vouched for by somebody else is not the same name."""
    issuer = case.signer.issuer or case.signer.issuer_v1
    if case.check is not Check.identity or issuer == case.expected.issuer:
        return None
    return Cause(
        slug="other-issuer",
        what=f"got a signature vouched for by {or_none(issuer)}, expected {cut(case.expected.issuer)}: {case.danger}",
        next=f"If its maintainers name that issuer, on a page that you trust: {with_identity(case)}. "
        f"Else {download(case)}.",
        context=(
            *subjects(case),
            "Either somebody else signed the file, or its maintainers sign in another way than you expect.",
        ),
    )


def several_names(case: Evidence) -> Cause | None:
    """One certificate is for one signer; a second name would let two readers see two signers."""
    if case.check is not Check.identity or len(case.facts.subjects) == 1:
        return None
    found = ", ".join(cut(subject) for subject in case.facts.subjects) or "none"
    return Cause(
        slug="several-names",
        what=f"got a certificate with {len(case.facts.subjects)} names ({found}), expected exactly one: {case.danger}",
        next=f"Report it to whoever runs the Sigstore instance behind {case.trust}; then {download(case)}.",
        context=("Sigstore's authority puts one name into a certificate.",),
    )


def lookalike(case: Evidence) -> Cause | None:
    """A name made to be read as another is an attack: nobody types such letters by mistake."""
    odd = next(filter(None, map(_odd, case.facts.subjects)), "")
    if case.check is not Check.identity or not odd:
        return None
    return Cause(
        slug="lookalike-name",
        what=f"got a signer whose name {odd}, expected {cut(case.expected.uri)}: {case.danger}",
        next=f"Tell the maintainers where you got it; then {download(case)}.",
        context=(*subjects(case), "Somebody may have chosen a name that looks like the right one."),
    )


def foreign_caller(case: Evidence) -> Cause | None:
    """The name is right and the run was another's: a workflow with ``workflow_call`` lends its name to each caller."""
    if not _right_name(case) or not case.source or case.source == case.wanted.repository:
        return None
    return Cause(
        slug="foreign-caller",
        what=f"got {case.thing} that {case.was} signed in a run of {cut(case.source)}, through the workflow of "
        f"{cut(case.wanted.repository)}, expected a run of {cut(case.wanted.repository)} itself: {case.danger}",
        next=f"Tell the maintainers of {case.wanted.repository} that their signing workflow can be called by others; "
        f"then {download(case)}.",
        context=(
            f"The certificate's name is right, and its source repository (extension .12) is {cut(case.source)}.",
            "`sigstore verify identity` and `cosign verify-blob` accept such a file, for they compare the name only.",
            *run(case),
        ),
    )


def other_caller(case: Evidence) -> Cause | None:
    """The same, within the repository: the workflow file of a tag, called by a run of another ref."""
    ref = case.signer.ref
    if not _right_name(case) or not ref or ref == case.wanted.ref:
        return None
    return Cause(
        slug="called-from-another-ref",
        what=f"got {case.thing} that {case.was} signed in a run for {cut(ref)}, through the workflow file of "
        f"{cut(case.wanted.ref)}, expected a run for {cut(case.wanted.ref)}: {case.danger}",
        next=f"Ask the maintainers of {case.wanted.repository} what that run was; then {download(case)}.",
        context=("The certificate's name is the right one, and its source ref (extension .14) is not.", *run(case)),
    )


def moved_tag(case: Evidence) -> Cause | None:
    """A tag is a name that can be given to another commit; the identity stays the same."""
    commit = case.signer.commit
    if not _right_name(case) or commit in {"", case.expected.commit} or not case.expected.commit:
        return None
    remote = quote_word(f"{GITHUB}/{case.wanted.repository}")
    tag = case.wanted.tag
    command = f"git ls-remote {remote} {quote_word(f'refs/tags/{tag}')} {quote_word(f'refs/tags/{tag}^{{}}')}"
    ask = shell(command, "git ls-remote")
    return Cause(
        slug="moved-tag",
        what=f"got {case.thing} that {case.was} signed for {cut(tag or case.wanted.ref)} at commit {cut(commit)}, "
        f"expected commit {cut(case.expected.commit)}: {case.danger} before you know why",
        next=f"See where the tag points now: {ask}; then ask the maintainers."
        if case.wanted.safe
        else "Ask the maintainers which commit is the release.",
        context=(
            (
                "Either the tag was moved to other source, by its owner or by somebody who broke in, and the file was "
                "signed before or after that; or the commit that you gave is not this release's."
            ),
            *run(case),
        ),
    )


def several_commits(case: Evidence) -> Cause | None:
    """Each file is genuine, and together they are no release."""
    if not _right_name(case) or not _COMMITS.match(case.detail):
        return None
    return Cause(
        slug="several-commits",
        what=f"{case.detail}: do not use these files together",
        next=f"Name the commit that you expect, with --commit; or {download(case)}, and the others as well.",
        context=(
            (
                "Either the tag was moved between two releases of that name, by its owner or by somebody who broke in, "
                "or the files are of two runs."
            ),
            f"This one was signed at commit {or_none(case.signer.commit)}.",
            *run(case),
        ),
    )


def _right_name(case: Evidence) -> bool:
    return case.check is Check.identity and case.facts.subjects == (case.expected.uri,)


def _odd(name: str) -> str:
    """Say what is odd about a name, as the end of a sentence; nothing for a plain one."""
    if strange := next((c for c in name if c not in _PLAIN), ""):
        name = unicodedata.name(strange, f"U+{ord(strange):04X}")
        return f"holds a character that no such name has, {cut(strange)} ({name})"
    address, _, path = name.casefold().partition("github.com")
    dots = {"", ".", ".."} & set(path.removeprefix("/").partition("@")[0].split("/"))
    if path and "@" not in address and (dots or not Signed.parse(name).repository):
        return "is written like one at GitHub, and is none"
    return ""


RULES = (
    # A certificate that no honest authority writes comes before all that it says.
    issuers_disagree,
    # Who vouches decides what a name means.
    other_issuer,
    # With two names, "the name" is nothing that later rules could compare.
    several_names,
    # Before its parts are compared: they would be shown as if a person could read them.
    lookalike,
    # The name is equal: then the run behind it decides, whose repository first.
    foreign_caller,
    # The repository's own run, for another ref.
    other_caller,
    # The right run for the right tag, of other source.
    moved_tag,
    # Each right, and not together.
    several_commits,
)
