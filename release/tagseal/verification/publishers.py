"""Who should have signed, from what a person knows: a repository and a tag, or a name and its issuer."""

from __future__ import annotations

import re

from tagseal.errors import Refused, UsageError
from tagseal.names import WORKFLOW, safe_repository, safe_tag, show
from tagseal.records import WORKFLOWS, Identity
from tagseal.verification.result import Expected

DEFAULT_WORKFLOW = "release.yml"
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?github\.com/([\w.-]+/[\w.-]+)(?:/.*)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


def publisher(repository: str, tag: str, *, workflow: str = DEFAULT_WORKFLOW, commit: str | None = None) -> Expected:
    """Expect a release of this repository: signed by its workflow, on its tag, by GitHub's issuer.

    Args:
        repository: OWNER/REPO, spelled as on GitHub.
        tag: Such as v1.2.3.
        workflow: The file in ``.github/workflows/`` that signs.
        commit: 40 hexadecimal digits, or None where it is not known.

    Raises:
        UsageError: One of them has another form.
    """
    name = workflow.removeprefix(f"{WORKFLOWS}/")
    if WORKFLOW.fullmatch(name) is None:
        raise _unclear(f"got the workflow {show(workflow)}, expected a file name such as release.yml")
    try:
        where, ref = safe_repository(repository), f"refs/tags/{safe_tag(tag)}"
    except Refused as error:
        raise _unclear(error.what, _repository_of_address(repository)) from error
    identity = Identity(repository=where, workflow=f"{WORKFLOWS}/{name}", ref=ref)
    return Expected(identity=identity, uri=identity.uri, issuer=identity.issuer, commit=_commit(commit))


def named(uri: str, issuer: str, *, commit: str | None = None) -> Expected:
    """Expect another signer, by the certificate's name and who vouched for it.

    Args:
        uri: The only subject alternative name: a URI, or an e-mail address.
        issuer: URL.
        commit: As above.

    Raises:
        UsageError: One of them is empty, or the commit has another form.
    """
    if not uri or not issuer:
        raise _unclear(f"got the identity {show(uri)} and the issuer {show(issuer)}, expected both")
    return Expected(uri=uri, issuer=issuer, commit=_commit(commit))


def _commit(commit: str | None) -> str | None:
    if commit is not None and _COMMIT.fullmatch(commit.lower()) is None:
        raise UsageError(
            f"got the commit {show(commit)}, expected 40 hexadecimal digits",
            hint="Give the commit itself: in a clone of the project, `git rev-parse TAG^{commit}` prints it.",
            slug="unknown-signer",
        )
    return commit.lower() if commit is not None else None


def _repository_of_address(repository: str) -> str:
    """Return the repository that an address names, as a browser shows it; nothing where it is none."""
    found = _ADDRESS.fullmatch(repository)
    return f"Say --repo {found[1].removesuffix('.git')}. " if found else ""


def _unclear(what: str, meant: str = "") -> UsageError:
    return UsageError(
        what,
        hint=f"{meant}Name who should have signed: --repo OWNER/REPO --tag TAG, or --identity URI --issuer URL.",
        slug="unknown-signer",
    )
