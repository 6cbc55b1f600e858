"""The sentences and commands that several rules share.

A command is made only of what is safe to paste: an attacker chooses what a certificate says, and a file's name.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.names import quote_word, show
from tagseal.records import BUNDLE, GITHUB
from tagseal.verification.diagnosis.evidence import Signed
from tagseal.verification.publishers import DEFAULT_WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.verification.diagnosis.evidence import Evidence

MOST_NAMED = 5
"""Files that a command names one by one."""


def cut(text: str) -> str:
    """Show text from outside, in quotes, and without what would begin a command here."""
    return show(text.replace("`", "\\u0060"), 200)


def or_none(text: str) -> str:
    """Show text from outside; nobody for none."""
    return cut(text) if text else "nobody"


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


def shell(command: str, otherwise: str) -> str:
    """Return a command in backticks; other words where a name in it holds what would end, or hide, a part of it."""
    return f"`{command}`" if command.isascii() and command.isprintable() and "`" not in command else otherwise


def bundle_name(case: Evidence) -> str:
    """Return what the file's bundle is called."""
    return case.name + BUNDLE


def download(case: Evidence) -> str:
    """Return what fetches file and bundle once more, from the place that was meant; of an image, what verifies it."""
    wanted = case.wanted
    if case.image:
        return f"take the digest from the release's page, and verify that: {cosign(case.expected.uri, case)}"
    if case.alike:
        return _download_release(case)
    patterns = " ".join(f"--pattern {quote_word(name)}" for name in (case.name, bundle_name(case)))
    command = (
        f"gh release download {quote_word(wanted.tag)} --repo {quote_word(wanted.repository)} {patterns} --clobber"
    )
    plain = f"download {cut(case.name)} and its bundle again, both from the page of the same release"
    named = not {*case.name} & {*"*?["}  # else gh would take whatever else it matches
    return shell(command, plain) if wanted.safe and wanted.tag and named else plain


def _download_release(case: Evidence) -> str:
    """Return what fetches and verifies all files of the release that was meant."""
    wanted, plain = case.wanted, "download the files and their bundles again, all from the page of the same release"
    command = f"tagseal verify --release {quote_word(wanted.repository)} {quote_word(wanted.tag)}"
    whole = shell(command + workflow_option(wanted.workflow), "")
    return f"{whole} downloads that release, and verifies all of it" if whole and wanted.safe and wanted.tag else plain


def again(case: Evidence, *, tag: str = "", repository: str = "", workflow: str = "") -> str:
    """Return the verification with another tag, repository or workflow."""
    one = Signed(
        repository=repository or case.wanted.repository,
        workflow=workflow or case.wanted.workflow,
        ref=f"refs/tags/{tag or case.wanted.tag}",
    )
    if case.image:
        uri = f"{GITHUB}/{one.repository}/{one.workflow}@{one.ref}"
        return cosign(uri, case) if one.safe and one.tag else "verify it again"
    if case.whole:
        command = f"tagseal verify --release {quote_word(one.repository)} {quote_word(one.tag)}"
    else:
        command = f"tagseal verify {_files(case)} --repo {quote_word(one.repository)} --tag {quote_word(one.tag)}"
    command += workflow_option(one.workflow)
    return shell(command, "verify it again") if one.safe and one.tag else "verify it again"


def _files(case: Evidence) -> str:
    """Return the files as words of a command: the one, those that failed alike, or the folder that has all of these."""
    if len(case.alike) > MOST_NAMED and (folder := _folder(case.alike)):
        return quote_word(folder)
    return " ".join(map(quote_word, case.alike or (case.name,)))


def _folder(paths: Sequence[str]) -> str:
    """Return the folder that has all of these, as they are named; nothing where that is the whole disk."""
    parents = [Path(path).parent for path in paths]
    mixed = len({parent.is_absolute() for parent in parents}) > 1
    folder = Path(os.path.commonpath([parent.absolute() if mixed else parent for parent in parents]))
    return "" if folder == Path(folder.anchor) and folder.anchor else str(folder)


def workflow_option(path: str) -> str:
    """Return what names a workflow to `tagseal verify`; nothing for the one that it takes by itself."""
    file = path.rpartition("/")[2]
    return f" --workflow {quote_word(file)}" if file != DEFAULT_WORKFLOW else ""


def cosign(uri: str, case: Evidence) -> str:
    """Return the verification of an image by its digest."""
    options = f"--certificate-identity {quote_word(uri)} --certificate-oidc-issuer {quote_word(case.expected.issuer)}"
    command = f"cosign verify IMAGE@sha256:DIGEST {options}"
    return shell(command, "verify it again")


def theirs(case: Evidence) -> str:
    """Return the verification of the file as its signer's."""
    got = case.got
    safe = got.safe and got.tag
    return again(case, repository=got.repository, tag=got.tag, workflow=got.workflow) if safe else "verify it as theirs"


def with_workflow(case: Evidence) -> str:
    """Return the verification with the workflow that signed."""
    return again(case, workflow=case.got.workflow) if case.got.safe else "verify it again"


def with_identity(case: Evidence) -> str:
    """Return the verification by the certificate's name and issuer."""
    (name, *others) = case.facts.subjects or ("",)
    issuer = case.signer.issuer or case.signer.issuer_v1
    otherwise = "verify it with --identity and --issuer"
    if others or not name or not issuer:
        return otherwise
    if case.image:
        return cosign(name, case)
    wanted = case.wanted
    whole = case.whole and wanted.safe and wanted.tag
    files = f"--release {quote_word(wanted.repository)} {quote_word(wanted.tag)}" if whole else _files(case)
    command = f"tagseal verify {files} --identity {quote_word(name)} --issuer {quote_word(issuer)}"
    return shell(command, otherwise)


def subjects(case: Evidence) -> Sequence[str]:
    """Say whom the certificate names."""
    return tuple(f"The certificate {case.says} {cut(subject)}." for subject in case.facts.subjects)


def run(case: Evidence) -> Sequence[str]:
    """Name the run, where somebody can go and look."""
    address = case.signer.run
    return (f"The run: {cut(address)}.",) if address.startswith(f"{GITHUB}/") else ()


def verifier(case: Evidence) -> Sequence[str]:
    """Quote the verifier."""
    return (f"The verifier says: {case.detail}",) if case.detail else ()


def moment(seconds: int) -> str:
    """Show a time, given in seconds since the epoch."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"
