"""Rules about the signer's name: the certificate is genuine, and names somebody else.

What differs decides, the most dangerous first. A wrong name is either somebody else's work or a mistake in the
command, and no fact in a bundle tells which: so both are said, the danger first.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tagseal.verification.diagnosis.wording import (
    again,
    capital,
    cut,
    download,
    run,
    subjects,
    theirs,
    with_identity,
    with_workflow,
)
from tagseal.verification.result import Cause, Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.verification.diagnosis.evidence import Evidence, Signed

_ALIKE = 0.85
"""Of 1, from which on two names are easily taken for each other."""


def renamed(case: Evidence) -> Cause | None:
    """GitHub ignores case and forwards old names; certificates do neither."""
    got, wanted = case.got, case.wanted
    alike = got.repository.casefold() == wanted.repository.casefold()
    if case.check is not Check.identity or not got.repository or not alike or got.repository == wanted.repository:
        return None
    return Cause(
        slug="other-case",
        what=f"got a signature of {cut(got.repository)}, expected {cut(wanted.repository)}: the same but for capitals",
        next=f"{capital(again(case, repository=got.repository, tag=got.tag))}.",
        context=(
            "An identity is compared letter by letter, as the token spelled the repository when it signed.",
            "GitHub takes both spellings for one repository; another forge may not.",
            *_more(case, "repository"),
        ),
    )


def fork(case: Evidence) -> Cause | None:
    """A fork runs the same workflow file, and signs as itself."""
    got, wanted = case.got, case.wanted
    same = got.repository.partition("/")[2].casefold() == wanted.repository.partition("/")[2].casefold()
    if case.check is not Check.identity or not got.repository or not same or got.repository == wanted.repository:
        return None
    return Cause(
        slug="fork",
        what=f"got {case.thing} that {cut(got.repository)} signed, expected one of {cut(wanted.repository)}: "
        f"{case.danger} unless you meant to get it from {cut(got.owner)}",
        next=f"For the original: {download(case)}. Only if you meant theirs: {theirs(case)}.",
        context=(
            (
                f"Either somebody offers you their own build as that of {cut(wanted.owner)}, or the repository changed "
                "its owner, or you took a fork's release on purpose."
            ),
            *_alike(got, wanted),
            *_more(case, "repository"),
            *run(case),
        ),
    )


def other_repository(case: Evidence) -> Cause | None:
    """Neither owner nor name are alike."""
    got, wanted = case.got, case.wanted
    if case.check is not Check.identity or not got.repository or got.repository == wanted.repository:
        return None
    shared = case.source == wanted.repository
    return Cause(
        slug="shared-workflow" if shared else "other-repository",
        what=f"got {case.thing} that {case.was} signed by a workflow of {cut(got.repository)}, expected one of "
        f"{cut(wanted.repository)}: {case.danger} unless their pages name that workflow",
        next=f"If they do: {with_identity(case)}. Else {download(case)}."
        if shared
        else f"For the original: {download(case)}. Only if you meant theirs: {theirs(case)}.",
        context=(
            f"The run was one of {cut(wanted.repository)} all the same: it called a workflow that "
            f"{cut(got.repository)} shares, and whose name is in the certificate."
            if shared
            else "Either somebody else's file was put in its place, or the command names the wrong repository.",
            *_alike(got, wanted),
            *_more(case, "repository"),
            *run(case),
        ),
    )


def other_workflow(case: Evidence) -> Cause | None:
    """Every workflow of a repository may sign: a test run that a pull request changed is not its release."""
    got, wanted = case.got, case.wanted
    if case.check is not Check.identity or not got.workflow or got.workflow == wanted.workflow:
        return None
    return Cause(
        slug="other-workflow",
        what=f"got {case.thing} that the workflow {cut(got.workflow)} signed, expected {cut(wanted.workflow)}: "
        f"{case.danger} unless the maintainers' pages name that workflow",
        next=f"If they do: {with_workflow(case)}. Else {download(case)}.",
        context=(
            (
                "Either a workflow that is not the release's was made to sign it, or the release's file has another "
                "name than you expect."
            ),
            *_more(case, "workflow"),
            *run(case),
        ),
    )


def branch(case: Evidence) -> Cause | None:
    """What a branch signs is whatever was on it that day; a run by hand takes its ref from the person."""
    got, wanted = case.got, case.wanted
    if case.check is not Check.identity or not got.ref or got.tag or not wanted.tag:
        return None
    by_hand = case.signer.trigger == "workflow_dispatch"
    how = "a run by hand for" if by_hand else "a run for"
    return Cause(
        slug="manual-run" if by_hand else "branch",
        what=f"got {case.thing} that {case.was} signed by {how} {cut(got.ref)}, expected one for {cut(wanted.ref)}: "
        f"{case.danger} as the release {cut(wanted.tag)}",
        next=f"For the release: {download(case)}.",
        context=(
            (
                "Either code that never was a release was put in its place, or you have a development build "
                '("latest", "nightly"), or the maintainers started the workflow on the branch instead of the tag.'
            ),
            *run(case),
        ),
    )


def other_tag(case: Evidence) -> Cause | None:
    """An older release is genuine as well, and may have the hole that the newer one mends."""
    got, wanted = case.got, case.wanted
    if case.check is not Check.identity or not got.tag or got.tag == wanted.tag:
        return None
    return Cause(
        slug="other-tag",
        what=f"got {case.thing} that {case.was} signed for the tag {cut(got.tag)}, expected {cut(wanted.tag)}: "
        f"{case.danger} as {cut(wanted.tag)}",
        next=f"If you meant {cut(got.tag)}: {again(case, tag=got.tag)}. Else {download(case)}.",
        context=(
            (
                f"Either somebody offers another release of {cut(got.repository)} under this name, such as one with a "
                "known hole, or the tag in the command is not that of the file."
            ),
            *_spelling(got, wanted),
            *run(case),
        ),
    )


def no_workflow(case: Evidence) -> Cause | None:
    """A person, or a service, may sign as well: by an e-mail address."""
    if case.check is not Check.identity or not case.facts.subjects or case.got.repository:
        return None
    (name,) = case.facts.subjects
    return Cause(
        slug="no-workflow",
        what=f"got {case.thing} that {cut(name)} signed, expected {cut(case.expected.uri)}: {case.danger} unless the "
        "maintainers' pages name that signer",
        next=f"If they do: {with_identity(case)}. Else {download(case)}.",
        context=("Anybody can sign under a name of their own; that proves nothing about this project.", *run(case)),
    )


def other_name(case: Evidence) -> Cause | None:
    """Whatever is left: an extension that lacks, or differs in a way that no rule above knows."""
    if case.check is not Check.identity:
        return None
    return Cause(
        slug="other-identity",
        what=f"got a certificate that is not {cut(case.expected.uri)}'s in every part: {case.danger}",
        next=f"{capital(download(case))}.",
        context=subjects(case),
    )


def _more(case: Evidence, but: str) -> Sequence[str]:
    """Say what else differs."""
    parts = [one for one in ("repository", "workflow", "ref") if one != but]
    differing = [part for part in parts if getattr(case.got, part) != getattr(case.wanted, part)]
    return tuple(
        f"The {one} differs as well: got {cut(getattr(case.got, one))}, expected {cut(getattr(case.wanted, one))}."
        for one in differing
    )


def _alike(got: Signed, wanted: Signed) -> Sequence[str]:
    """Point at a name that was perhaps chosen to be read as the other."""
    if SequenceMatcher(None, got.repository[:200], wanted.repository[:200]).ratio() < _ALIKE:
        return ()
    return ("The two names are nearly alike: somebody may have chosen one that is easily taken for the other.",)


def _spelling(got: Signed, wanted: Signed) -> Sequence[str]:
    if got.tag.removeprefix("v") == wanted.tag.removeprefix("v"):
        return ("The two differ in the letter v only: this project may tag its releases that way.",)
    return ()


# The order decides which of several differences names the cause.
RULES = (
    # Capitals before owners: a fork has another owner, however it is spelled.
    renamed,
    # An owner before a name: a fork is the commonest stranger.
    fork,
    # Whose repository, before what in it.
    other_repository,
    # The file before the ref: each workflow may run for the right tag.
    other_workflow,
    # No tag at all, before another tag.
    branch,
    # The least: the same release process, for another release.
    other_tag,
    # The name is no workflow of GitHub.
    no_workflow,
    # What the rules above did not foresee.
    other_name,
)
