"""The command line: argv, then options, then one call, then an exit code.

Nothing heavy is imported before a command needs it: ``--help`` and a refusal are quick.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from tagseal.cli import (
    doctor,
    guide,
    init,
    interrupts,
    loopback,
    notes,
    noxfile,
    policy,
    rehearse,
    status,
    verbs,
    verify,
)
from tagseal.errors import TagsealError, UsageError
from tagseal.machine.actions import EVENTS
from tagseal.names import show
from tagseal.report import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.report.plain import Report

BUG = 70

_GROUPS = {
    "commands for a person": (rehearse, doctor, init, status, verify, notes, guide, policy, loopback),
    "commands for the release workflow, in their order": (verbs, noxfile),
}
"""By the title in the help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (design, section 5)."""
    interrupts.raise_on_interrupt()
    if not (root := logging.getLogger()).handlers:
        # The report is the only printer: else what libraries log goes to standard error, addresses and all, and what
        # they warn of as well: a stranger's certificate can make them.
        root.addHandler(logging.NullHandler())
        logging.captureWarnings(capture=True)
    arguments = sys.argv[1:] if argv is None else list(argv)
    report = choose(os.environ, json=_wants_json(arguments))
    options = argparse.Namespace(interrupted="interrupted; run the same command again, it resumes")
    try:
        refuse_planted_option(arguments)
        _parser().parse_args(arguments, options)
        code, document = options.run(options, report)
    except TagsealError as error:
        report.fail(error)
        report.close()
        return error.exit_code
    except KeyboardInterrupt:
        interrupts.ignore_interrupts()
        if EVENTS not in os.environ:  # in a rehearsal the parent says it
            report.line(options.interrupted)
        report.close({"ok": False, "exit": interrupts.INTERRUPTED})
        return interrupts.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _report_os_error(report, error)
    except Exception as error:  # noqa: BLE001 - whatever is left is a bug, and must not print a traceback
        return _bug(report, error)
    report.close(document)
    return int(code)


def refuse_planted_option(words: Sequence[str]) -> None:
    """Refuse an option that is a file's name: of ``*``, a shell makes options out of a stranger's files.

    One could bring its own root of trust to ``tagseal verify``; another, called ``--help``, would end it with 0.

    Raises:
        UsageError: There is one, before the word that ends options.
    """
    options = words[: words.index("--") + 1] if "--" in words else words
    planted = next((option for option in options if option.startswith("-") and os.path.lexists(option)), None)
    if planted is not None:
        raise UsageError(
            f"got {show(planted)}, which is a file's name here as well, expected an option or a file",
            context=("Whoever put it here may have wanted a pattern of yours to become an option.",),
            hint="Name the folder instead of a pattern, or write ./* for *: tagseal verify . --repo OWNER/REPO --tag "
            "TAG.",
            slug="option-is-a-file",
        )


def _wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether the result is asked for as JSON; what follows ``--`` belongs to another program."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of ours, and that takes no option cut short."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the library's own
        """Refuse what is left over here, where it is known which command it was meant for."""
        found, extra = super().parse_known_args(*arguments, **options)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return found, extra

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"got a command line that does not parse: {message}",
            hint=f"`{self.prog} --help` shows what it takes.",
            slug="bad-command-line",
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tagseal",
        usage="tagseal [-h] [--version] COMMAND ...",
        description="Cut a tagged release that anyone can verify, and rehearse it on a laptop first.",
        epilog="Exit codes: 0 done, 1 did not verify, 2 usage or configuration, 3 refused, 4 a service failed, "
        "70 a bug, 130 interrupted. After 4 and 130 the same command resumes.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the installed version and exit")
    parser.set_defaults(run=partial(_show_help, parser))
    commands = parser.add_subparsers(prog="tagseal", metavar="COMMAND", parser_class=_Parser, help=argparse.SUPPRESS)
    for title, modules in _GROUPS.items():
        known = len(commands._choices_actions)  # noqa: SLF001 - argparse lists all commands under one title only
        for module in modules:
            module.add(commands)
        section = parser.add_argument_group(title)
        section._group_actions.extend(commands._choices_actions[known:])  # noqa: SLF001 - as above
    return parser


def _show_help(parser: argparse.ArgumentParser, *_: object) -> tuple[int, None]:
    """Print what there is, for whoever typed the name alone."""
    parser.print_help()
    return 0, None


class _Version(argparse.Action):
    """Prints the installed version, which is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415 - for --version only

        sys.stdout.write(f"tagseal {version('tagseal')}\n")
        parser.exit()


def _report_os_error(report: Report, error: OSError) -> int:
    """Turn a full disk or a folder that may not be written into an error with its path."""
    target = error.filename2 or error.filename  # of a copy, the place that it goes to
    if error.errno == errno.ENOSPC:
        from tagseal.machine import process  # noqa: PLC0415 - only for a full disk

        full = process.no_room(str(target or ""), "this command")
        report.fail(full)
        report.close()
        return full.exit_code
    named = UsageError(
        f"the system refused: {error.strerror or error}",
        context=(str(target),) if target else (),
        hint="Make room, or give this folder to the user that runs this; then run the same command again.",
        slug="system-refused",
    )
    report.fail(named)
    report.close()
    return named.exit_code


def _bug(report: Report, error: Exception) -> int:
    """Print one line; put the traceback, without values of variables, into a file that only the user reads."""
    import tempfile  # noqa: PLC0415 - only for bugs
    import traceback  # noqa: PLC0415 - only for bugs

    with tempfile.NamedTemporaryFile("w", prefix="tagseal-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    report.line(f"bug: {type(error).__name__}; the traceback is in {file.name}, please report it")
    report.close({"ok": False, "exit": BUG})
    return BUG
