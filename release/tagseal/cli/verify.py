"""``tagseal verify``: what a stranger runs on downloaded files. It reads no configuration, and needs no token."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tagseal.cli import explain
from tagseal.cli.status import PATIENCE
from tagseal.errors import UsageError
from tagseal.names import printable

if TYPE_CHECKING:
    from tagseal.report.plain import Report
    from tagseal.services.retry import Retry
    from tagseal.verification.result import Expected
    from tagseal.verification.trust import Trust

LOOPBACK = "the loopback, where anybody signs as anybody"
"""Its origin, so that nobody takes a rehearsal's verdict for one on a release: a variable alone leads there."""
EXAMPLES = """\
examples:
  tagseal verify . --repo octo/widget --tag v1.2.3
      every file in this folder; its bundle, FILE.sigstore.json, lies beside it
  tagseal verify --release octo/widget v1.2.3
      download that release, and verify all of it; it must have a signed
      SHA256SUMS, without which names can be exchanged and files left out
  tagseal verify --explain
      paste what sigstore or cosign said, then Ctrl-D

Exit codes: 0 all verified, 1 something was not, 2 the command line, 4 no
network."""
"""Kept as they are: a command that is wrapped cannot be copied."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "verify",
        help="verify that files are signed by the publisher you name",
        description="Verify files by the bundles beside them. Nothing is said to be verified that\n"
        "was not; exit code 0 means that everything that was asked for has been. No\n"
        "configuration is read.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files, folders or patterns")
    parser.add_argument(
        "--release", nargs=2, metavar=("OWNER/REPO", "TAG"), help="download a published release, and verify all of it"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep what --release downloads here")
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
    explain.add_to(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    _check(options)
    if options.explain is not None:
        return explain.run(explain.read(options.explain), report)
    expected, default = _expected_signer(options)
    trust = _trust(options, report)
    from tagseal.report import verified  # noqa: PLC0415 - with what is verified
    from tagseal.verification.files import verify_files  # noqa: PLC0415 - sigstore
    from tagseal.verification.found import find_kits  # noqa: PLC0415 - with what is verified

    with ExitStack() as stack:
        files = options.files
        if options.release:
            files, commit = _download_release(options, report, stack)
            expected = replace(expected, commit=expected.commit or commit)
        for line in verified.head(expected, trust, default=default):
            report.line(line)
        report.say("verifying")
        results = verify_files(files, expected, trust, whole=bool(options.release))
    if options.release and options.out is None:
        results = tuple(map(verified.without_paths, results))
    kits = () if options.release else find_kits(files)
    for line in (*verified.lines(results), *verified.kits(kits)):
        report.line(line)
    report.line(verified.summary(results, expected))
    document = verified.document(results, expected, trust) | {"kits": [str(folder) for folder in kits]}
    return 0 if document["ok"] else 1, document


def _check(options: argparse.Namespace) -> None:
    """Refuse options that do not go together, before anything is read."""
    if options.explain is not None:
        if options.files or options.release or options.repo is not None or options.identity is not None:
            raise _unclear("got --explain with something to verify, expected one or the other")
        return
    if options.release and (options.files or options.repo is not None or options.tag is not None):
        raise _unclear("got --release with FILE, --repo or --tag, expected it alone: it names all of them")
    if not options.release and not options.files:
        raise _unclear("got no FILE, expected at least one, or --release OWNER/REPO TAG")
    if options.out is not None and not options.release:
        raise _unclear("got --out without --release, expected both: nothing else is downloaded")
    if options.offline and (options.release or options.trust_config is None):
        raise UsageError(
            "got --offline with --release, or without --trust-config, expected files and a root of trust at hand",
            context=("A root of trust that was kept from earlier may be expired, and nothing here could tell.",),
            hint="Name files that are here, and a trusted_root.json or a kit from somebody you trust: "
            "--trust-config FILE.",
            slug="offline-without-root",
        )


def _expected_signer(options: argparse.Namespace) -> tuple[Expected, str]:
    """Return who should have signed; and the workflow file, where nobody named one."""
    from tagseal.verification.publishers import DEFAULT_WORKFLOW, named, publisher  # noqa: PLC0415 - cryptography

    repository, tag = options.release or (options.repo, options.tag)
    by_name = options.identity is not None or options.issuer is not None
    if by_name and (options.repo is not None or options.tag is not None or options.workflow is not None):
        raise _unclear("got --identity or --issuer with --repo, --tag or --workflow, expected one or the other")
    if not by_name and (repository is None or tag is None):
        got = (
            "--repo without --tag" if repository else "--tag without --repo" if tag else "nobody who should have signed"
        )
        from tagseal.cli.proposal import propose  # noqa: PLC0415 - reads bundles

        what = f"got {got}, expected --repo and --tag, or --identity and --issuer"
        raise propose(options, what) or _unclear(what)
    workflow = DEFAULT_WORKFLOW if options.workflow is None else options.workflow
    found = publisher(repository, tag, workflow=workflow, commit=options.commit) if repository and tag else None
    if by_name or found is None:
        return named(options.identity or "", options.issuer or "", commit=options.commit), ""
    return found, DEFAULT_WORKFLOW if options.workflow is None else ""


def _download_release(options: argparse.Namespace, report: Report, stack: ExitStack) -> tuple[tuple[Path, ...], str]:
    """Download a release; return its files, and the commit that its tag names now."""
    from tagseal.services.github.published import download, find_published  # noqa: PLC0415 - PyGithub

    repository, tag = options.release
    retry = _patience(report)
    found = find_published(repository, tag, os.environ, retry)
    report.line(f"release: {printable(found.release.url)}")
    size = sum(asset.size for asset in found.release.assets)
    report.say(f"downloading {len(found.release.assets)} files, {size / 1e6:,.1f} MB")
    folder = options.out or Path(stack.enter_context(TemporaryDirectory(prefix="tagseal-verify-")))
    return download(repository, found.release, folder, os.environ, retry), found.commit


def _trust(options: argparse.Namespace, report: Report) -> Trust:
    """Choose the root of trust: the one that was named; inside the loopback the loopback's; else the public one."""
    from tagseal.machine import actions  # noqa: PLC0415 - with what is verified
    from tagseal.services.sigstore import Sigstore  # noqa: PLC0415 - signing as well: a third of all that is imported
    from tagseal.verification.trust import PUBLIC, Trust  # noqa: PLC0415 - sigstore

    if options.trust_config is not None:
        return Trust.of_file(options.trust_config)
    if actions.loopback(os.environ):
        return Trust.of_file(Path(os.environ[actions.TRUST_CONFIG]), origin=LOOPBACK)
    report.say("asking for the root of trust")
    return Trust.public(lambda: Sigstore(origin=PUBLIC, document="", retry=_patience(report)).trusted_root)


def _patience(report: Report) -> Retry:
    from tagseal.services.retry import Retry  # noqa: PLC0415 - stamina

    return Retry(patience=PATIENCE, waiting=report.waiting)


def _unclear(what: str) -> UsageError:
    return UsageError(
        what,
        hint="Say what, and who should have signed it: tagseal verify FILE --repo OWNER/REPO --tag TAG, or "
        "--identity URI --issuer URL; or --release OWNER/REPO TAG.",
        slug="nothing-to-verify",
    )
