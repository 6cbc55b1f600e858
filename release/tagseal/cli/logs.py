"""``--log``: which version of the transparency log is signed in, of the commands that play services."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--log",
        choices=("v1", "v2"),
        default="v1",
        help="version of the transparency log that is signed in: production's today, v1, by default; v2 promises "
        "nothing, so only timestamps tell when something was signed. Both are trusted",
    )
