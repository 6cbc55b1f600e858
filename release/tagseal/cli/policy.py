"""``tagseal policy``: what a cluster needs to admit the project's image and no other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "policy",
        help="print a Kubernetes admission policy for the image",
        description="Print an admission policy in YAML: the project's image is admitted as its release signed it.",
    )
    parser.add_argument("evaluator", choices=("kyverno", "policy-controller"), help="what evaluates it in your cluster")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tag", help="admit this release only, by its exact identity")
    which.add_argument("--every-tag", action="store_true", help="admit every release (the default)")
    parser.add_argument(
        "--mode", choices=("audit", "enforce"), default="audit", help="report or refuse; default: audit"
    )
    parser.add_argument("--pods", action="store_true", help="print two pods to try it with: one passes, one is denied")
    parser.add_argument("--digest", metavar="sha256:…", help="the image's digest, for --pods")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, report: Report) -> tuple[int, object]:
    from tagseal.project.policy import pods, policies  # noqa: PLC0415 - templates and parsers

    if options.pods:
        if options.digest is None:
            sys.stderr.write("tagseal: DIGEST is a placeholder: --digest sha256:… puts the image's there\n")
        report.page(pods(Path.cwd(), digest=options.digest).rstrip())
    else:
        enforce = options.mode == "enforce"
        report.page(policies(Path.cwd(), options.evaluator, tag=options.tag, enforce=enforce).rstrip())
    return 0, None
