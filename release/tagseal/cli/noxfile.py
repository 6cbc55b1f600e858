"""``tagseal noxfile``: where the noxfile lies that a release's jobs give to Nox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tagseal

if TYPE_CHECKING:
    import argparse

    from tagseal.report.plain import Report


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "noxfile",
        help="print the path of the noxfile that runs the verbs",
        description='Print the path of the noxfile that runs the verbs, for `nox --noxfile "$(python -P -m tagseal '
        'noxfile)" -s guard plan build check`.',
    )
    parser.set_defaults(run=_run)


def _run(_options: argparse.Namespace, _report: Report) -> tuple[int, object]:
    # A shell puts all that is printed into its command, so there is no other line, in Actions neither.
    sys.stdout.write(f"{Path(tagseal.__file__).with_name('noxfile.py')}\n")
    return 0, None
