"""``tagseal verify`` without a signer: what the bundles claim, and the whole command, if the person knows the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import number_of, quote_word
from tagseal.verification.claims import claims
from tagseal.verification.diagnosis.wording import MOST_NAMED, cut, shell, workflow_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from tagseal.verification.claims import Claim

_SHOWN = 3
"""Claims that are told, where there are several."""
_WARNING = (
    "A claim is no proof. Anyone can sign files under a repository of their own, and nothing has been verified yet.",
    (
        "You must know the name from elsewhere, such as the project's own pages: not from the place that these files "
        "came from."
    ),
)


def propose(options: argparse.Namespace, what: str) -> UsageError | None:
    """Return the error for a signer that was not named, with what the bundles claim; None where they claim nothing."""
    found = claims(options.files)
    fitting = [claim for claim, _ in found if _fits(claim, options)]
    if not found:
        return None
    return UsageError(
        what,
        context=(*_told(found), *_WARNING),
        hint=_hint(fitting[0], options)
        if len(fitting) == 1
        else "Name who should have signed: --repo OWNER/REPO --tag TAG, or --identity URI --issuer URL.",
        slug="signer-not-named",
    )


def _fits(claim: Claim, options: argparse.Namespace) -> bool:
    """Tell whether a claim agrees with the half that was named."""
    signed = claim.signed
    return options.repo in {None, signed.repository} and options.tag in {None, signed.tag}


def _told(found: Sequence[tuple[Claim, int]]) -> Iterator[str]:
    for claim, count in found[:_SHOWN]:
        yield f"{number_of(count, 'bundle')} here claim{'s' * (count == 1)} to be signed by {_who(claim)}."
    if more := found[_SHOWN:]:
        yield f"{number_of(sum(count for _, count in more), 'bundle')} more name other signers."


def _who(claim: Claim) -> str:
    signed = claim.signed
    if not signed.repository:
        return f"{cut(claim.uri)}, for whom {cut(claim.issuer)} vouches"
    ref = f"the tag {cut(signed.tag)}" if signed.tag else f"{cut(signed.branch)}, which is no tag and so no release"
    return f"the workflow {cut(signed.workflow)} of {cut(signed.repository)}, for {ref}"


def _hint(claim: Claim, options: argparse.Namespace) -> str:
    """Return the command, all of it, and when to run it."""
    signed = claim.signed
    if signed.safe and signed.tag:
        known = f"{signed.repository} and {signed.tag} are what you expect"
        who = f"--repo {quote_word(signed.repository)} --tag {quote_word(signed.tag)}"
        who += workflow_option(signed.workflow)
    else:
        known = "this signer is who you expect"
        who = f"--identity {quote_word(claim.uri)} --issuer {quote_word(claim.issuer)}"
    few = len(options.files) <= MOST_NAMED
    words = ["tagseal verify", *map(quote_word, options.files)] if few else []
    line = shell(" ".join([*words, who, *_kept(options)]), "--identity URI --issuer URL")
    return f"Only if {known}: {line}." if few else f"Only if {known}, run the same command with {line} added."


def _kept(options: argparse.Namespace) -> Iterator[str]:
    """Yield the options that were given, for a command that was all but complete."""
    if options.commit is not None:
        yield f"--commit {quote_word(options.commit)}"
    if options.trust_config is not None:
        yield f"--trust-config {quote_word(str(options.trust_config))}"
    yield from (word for word, given in (("--offline", options.offline), ("--json", options.json)) if given)
