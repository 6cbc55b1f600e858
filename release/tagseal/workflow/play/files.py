"""The files that a step writes to: GITHUB_ENV, GITHUB_OUTPUT, GITHUB_PATH, GITHUB_STATE.

Source: "Workflow commands for GitHub Actions", sections "Environment files" and "Multiline strings".
"""

from __future__ import annotations

from tagseal.machine.actions import read_command_file
from tagseal.workflow.play.action import StepFailedError

NAMES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
_RESERVED = ("GITHUB_", "RUNNER_")


def read(text: str) -> dict[str, str]:
    """Return what ``NAME=value`` lines and ``NAME<<END … END`` blocks say; the last one of a name counts.

    Raises:
        StepFailedError: A line is neither, or a block does not end: the runner fails the step as well.
    """
    try:
        return read_command_file(text)
    except ValueError as error:
        raise StepFailedError(str(error)) from error


def variables(text: str) -> dict[str, str]:
    """Return what GITHUB_ENV says, without the names that the runner keeps for itself.

    Raises:
        StepFailedError: As :func:`read`, or for NODE_OPTIONS, which the runner refuses.
    """
    found = read(text)
    if "NODE_OPTIONS" in {name.upper() for name in found}:
        raise StepFailedError("got NODE_OPTIONS in GITHUB_ENV, which the runner refuses")
    return {name: content for name, content in found.items() if not name.upper().startswith(_RESERVED)}
