"""``--fault``: what goes wrong on purpose, of the commands that play services."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report

_LIST = "list"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[,KEY=VALUE]",
        help="let this go wrong on purpose; repeatable. Keys choose the requests: host, method and path, by regular "
        "expressions; skip and count, by numbers. `--fault list` explains each name",
    )


def wants_list(options: argparse.Namespace) -> bool:
    """Tell whether the person only wants to know which there are."""
    return _LIST in options.fault


def tell_list(report: Report) -> tuple[int, object]:
    """Print every fault, with what happens then and the report behind it."""
    from tagseal.rehearsal import faults  # noqa: PLC0415 - loads the loopback

    for line in faults.explain_all():
        report.line(line)
    return 0, faults.document()
