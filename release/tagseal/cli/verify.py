"""``tagseal verify``: what a stranger runs on downloaded files. It reads no configuration, and needs no token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tagseal.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report
    from tagseal.verification.result import Expected
    from tagseal.verification.trust import Trust

PATIENCE = 20
"""Seconds at most: a person looks on, and nothing is lost by asking again."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "verify",
        help="verify downloaded files: who signed them, where, and that they are whole",
        description="Verify files by the bundles beside them. Nothing but these files is read, and nothing is said to "
        "be verified that was not. Exit code 0 means that everything that was asked for has been verified.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or patterns")
    who = parser.add_argument_group("who should have signed")
    who.add_argument("--repo", metavar="OWNER/REPO", help="the repository of the release")
    who.add_argument("--tag", metavar="TAG", help="the release's tag, such as v1.2.3")
    who.add_argument("--workflow", metavar="FILE", help="the workflow that signs; default: release.yml")
    who.add_argument("--identity", metavar="URI", help="another signer: the only name in the certificate")
    who.add_argument("--issuer", metavar="URL", help="who vouched for that name")
    who.add_argument("--commit", metavar="SHA", help="the commit that the files were made from")
    trust = parser.add_argument_group("what to trust")
    trust.add_argument("--trust-config", type=Path, metavar="FILE", help="a root of trust; default: the public one")
    trust.add_argument("--offline", action="store_true", help="ask no network; needs --trust-config")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    expected = _expected(options)
    if not options.files:
        raise _unsaid("got no file, expected at least one", hint="Name files, folders or patterns: tagseal verify FILE")
    if options.offline and options.trust_config is None:
        raise UsageError(
            "got --offline without --trust-config, expected a root of trust that needs no network",
            context=("A cached root may be expired, and nothing here could tell.",),
            hint="Name the trusted_root.json of a kit, or one from somebody you trust: --trust-config FILE.",
            slug="offline-without-root",
        )
    from tagseal.report import verified  # noqa: PLC0415 - sigstore
    from tagseal.verification.files import verify_files  # noqa: PLC0415 - sigstore

    trust = _trust(options, report)
    default = expected.identity is not None and options.workflow is None
    for line in verified.head(expected, trust, default="release.yml" if default else ""):
        report.line(line)
    results = verify_files(options.files, expected, trust)
    for result in results:
        for line in verified.lines(result):
            report.line(line)
    report.line(verified.summary(results, expected))
    document = verified.document(results, expected, trust)
    return 0 if document["ok"] else 1, document


def _expected(options: argparse.Namespace) -> Expected:
    from tagseal.verification.publisher import DEFAULT_WORKFLOW, named, publisher  # noqa: PLC0415 - cryptography

    if options.identity is not None or options.issuer is not None:
        if options.repo is not None or options.tag is not None or options.workflow is not None:
            raise _unsaid("got --identity or --issuer with --repo, --tag or --workflow, expected one or the other")
        return named(options.identity or "", options.issuer or "", commit=options.commit)
    if options.repo is None or options.tag is None:
        raise _unsaid("got no signer to compare with, expected --repo and --tag, or --identity and --issuer")
    workflow = DEFAULT_WORKFLOW if options.workflow is None else options.workflow
    return publisher(options.repo, options.tag, workflow=workflow, commit=options.commit)


def _trust(options: argparse.Namespace, report: Report) -> Trust:
    """Choose the root of trust: the one that was named; inside the loopback the loopback's; else the public one."""
    from tagseal.services import actions  # noqa: PLC0415
    from tagseal.services.retry import Retry  # noqa: PLC0415 - stamina
    from tagseal.verification.trust import Trust  # noqa: PLC0415 - sigstore

    if options.trust_config is not None:
        return Trust.of_file(options.trust_config)
    if actions.loopback(os.environ):
        return Trust.of_file(Path(os.environ[actions.TRUST_CONFIG]), origin="the loopback")
    return Trust.public(Retry(patience=PATIENCE, waiting=report.waiting))


def _unsaid(what: str, *, hint: str = "") -> UsageError:
    return UsageError(
        what,
        hint=hint or "Say who should have signed: --repo OWNER/REPO --tag TAG, or --identity URI --issuer URL.",
        slug="nothing-to-verify",
    )
