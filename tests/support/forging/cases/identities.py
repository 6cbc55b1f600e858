"""Certificates of somebody else, honestly made: everything verifies but who signed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from forging.case import attack, table
from forging.certificates import DNS, EMAIL, GENUINE, URI, Leaf, utf8
from instance import IDENTITY, RUN
from tagseal.records import ISSUER
from tagseal.verification.result import Check

if TYPE_CHECKING:
    from forging.release import Document, Workshop
    from tagseal.loopback.actions import Run

_NAME = IDENTITY.uri.encode()
_FOREIGN = replace(RUN, repository="evil/widget")
_RUNS = {
    "another-tag": ("Another tag of the same repository.", replace(RUN, ref="refs/tags/v1.2.4")),
    "longer-tag": ("A tag whose name begins with ours.", replace(RUN, ref="refs/tags/v1.2.3.1")),
    "branch-of-the-tags-name": ("A branch may have a tag's name.", replace(RUN, ref="refs/heads/v1.2.3")),
    "branch": ("The main branch, in a manual run.", replace(RUN, ref="refs/heads/main", event="workflow_dispatch")),
    "pull-request": ("A pull request.", replace(RUN, ref="refs/pull/7/merge", event="pull_request")),
    "fork": ("A fork of the repository, at the same commit and tag.", _FOREIGN),
    "another-repository-of-the-owner": ("The owner's next repository.", replace(RUN, repository="octo/widget2")),
    "another-case": ("GitHub does not tell upper from lower case; we do.", replace(RUN, repository="Octo/widget")),
    "another-workflow": ("Another workflow.", replace(RUN, workflow=".github/workflows/ci.yml")),
    "workflow-in-a-folder": ("A file of ours elsewhere.", replace(RUN, workflow=".github/workflows/x/release.yml")),
}
_NAMES: dict[str, tuple[str, tuple[tuple[int, bytes], ...]]] = {
    "name-with-prefix": ("Something stands before the name.", ((URI, b"https://evil.example/" + _NAME),)),
    "name-with-suffix": ("Something follows the name.", ((URI, _NAME + b".evil"),)),
    "name-cut-short": ("The name ends early.", ((URI, _NAME[:-2]),)),
    "name-in-upper-case": (
        "The host in capital letters is the same host, and another name.",
        ((URI, _NAME.replace(b"https://github.com", b"HTTPS://GITHUB.COM")),),
    ),
    "name-percent-encoded": (
        "A letter is percent-encoded: the same address, and another name.",
        ((URI, _NAME.replace(b"widget", b"%77idget", 1)),),
    ),
    "name-with-newline": ("A line ends after the name.", ((URI, _NAME + b"\n"),)),
    "name-with-space": ("A space follows the name.", ((URI, _NAME + b" "),)),
    "name-with-zero-byte": ("A string of C ends at the zero byte.", ((URI, _NAME + b"\0.evil.example"),)),
    "name-with-cyrillic-letter": (
        "A Cyrillic letter looks like the Latin one.",
        ((URI, _NAME.replace(b"octo", "\N{CYRILLIC SMALL LETTER O}cto".encode(), 1)),),
    ),
    "name-with-dots": ("A path that leads back to the name.", ((URI, _NAME.replace(b"/octo/", b"/evil/../octo/", 1)),)),
    "name-with-slash": ("A path with a slash too many.", ((URI, _NAME.replace(b"/octo/", b"//octo/", 1)),)),
    "name-with-user": (
        "What looks like the host is a user's name.",
        ((URI, _NAME.replace(b"github.com", b"github.com@evil.example", 1)),),
    ),
    "name-with-port": ("The host with its port.", ((URI, _NAME.replace(b"github.com", b"github.com:443", 1)),)),
    "name-of-type-mail": ("The name, as if it were a mail address.", ((EMAIL, _NAME),)),
    "name-of-type-host": ("The name, as if it were a host's.", ((DNS, _NAME),)),
    "mail-address": ("A person signed, and no workflow.", ((EMAIL, b"octocat@github.com"),)),
    "two-names": ("Our name, and a stranger's beside it.", (GENUINE, (URI, b"https://github.com/evil/widget"))),
    "two-names-the-stranger-first": (
        "As before, in the other order.",
        ((URI, b"https://github.com/evil/widget"), GENUINE),
    ),
    "same-name-twice": ("Our name twice: nobody has said what that means.", (GENUINE, GENUINE)),
    "name-and-mail-address": ("Our name, and a person's beside it.", (GENUINE, (EMAIL, b"evil@evil.example"))),
}
_EVIL = "https://evil.example"
_EXTENSIONS: dict[str, tuple[str, dict[int, bytes | None]]] = {
    "issuer-missing": ("Neither extension names who vouched for the signer.", {1: None, 8: None}),
    "issuer-only-in-new-place": ("The older extension is absent.", {1: None}),
    "issuer-only-in-old-place": ("The newer extension is absent.", {8: None}),
    "issuers-disagree-old-place": ("The older extension names another issuer.", {1: _EVIL.encode()}),
    "issuers-disagree-new-place": ("The newer extension names another issuer.", {8: utf8(_EVIL)}),
    "issuer-empty": ("Both extensions are there, and empty.", {1: b"", 8: utf8("")}),
    "issuer-of-another": ("Somebody else vouched, who may say what they like.", {1: _EVIL.encode(), 8: utf8(_EVIL)}),
    "issuer-with-slash": (
        "An address with a slash at its end is another one.",
        {1: f"{ISSUER}/".encode(), 8: utf8(f"{ISSUER}/")},
    ),
    "issuer-without-header": ("The newer extension holds bare text, as the older one does.", {8: ISSUER.encode()}),
    "issuer-with-trailing-byte": ("The newer extension has a byte too many.", {8: utf8(ISSUER) + b"\0"}),
    "issuer-not-text": ("The older extension is no UTF-8.", {1: b"\xff\xfe" + ISSUER.encode()}),
    "repository-missing": ("No extension names the source repository.", {12: None}),
    "repository-of-another": ("The source repository is another one.", {12: utf8("https://github.com/evil/widget")}),
    "ref-missing": ("No extension names the source ref.", {14: None}),
    "ref-of-another": ("The source ref is another one.", {14: utf8("refs/heads/main")}),
    "signer-missing": ("No extension names the workflow that asked for the certificate.", {9: None}),
    "signer-of-another": ("Another workflow asked for the certificate.", {9: utf8("https://github.com/evil/x@y")}),
    "commit-missing": ("No extension names the commit.", {13: None}),
}


def _run(shop: Workshop, run: Run) -> Document:
    return shop.bundle(leaf=Leaf(run=run))


def _named(shop: Workshop, names: tuple[tuple[int, bytes], ...]) -> Document:
    return shop.bundle(leaf=Leaf(names=names))


def _extended(shop: Workshop, extensions: dict[int, bytes | None]) -> Document:
    return shop.bundle(leaf=Leaf(extensions=extensions))


table(_RUNS, Check.identity, "the certificate names .*, expected only ", _run)
table(_NAMES, Check.identity, "the certificate names .*, expected only ", _named)
table(_EXTENSIONS, Check.identity, "OIDC|asn1|utf-8", _extended)


@attack(Check.identity, "OIDCSourceRepositoryURI")
def foreign_caller_of_our_workflow(shop: Workshop) -> Document:
    """Another repository called our workflow with workflow_call: name and issuer are ours, the source is not."""
    return shop.bundle(leaf=Leaf(run=replace(_FOREIGN, job_workflow=RUN.workflow_ref)))


@attack(Check.identity, "OIDCSourceRepositoryRef")
def our_branch_calls_the_tags_workflow(shop: Workshop) -> Document:
    """A branch of our own repository called the workflow as it is at the tag."""
    return shop.bundle(leaf=Leaf(run=replace(RUN, ref="refs/heads/main", job_workflow=RUN.workflow_ref)))


@attack(Check.identity, "OIDCSourceRepositoryDigest")
def another_commit(shop: Workshop) -> Document:
    """The tag was moved: the same name, at another commit."""
    return shop.bundle(leaf=Leaf(run=replace(RUN, sha="e" * 40)))
