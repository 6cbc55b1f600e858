"""Installers: a tool that no runner has is there afterwards, and was not before.

Which version plays is the rehearsal's business: the person's own, or a stand-in, and the report says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.workflow.play.action import Done, StepFailedError

if TYPE_CHECKING:
    from tagseal.workflow.play.action import Call


def cosign(call: Call) -> Done:
    """sigstore/cosign-installer."""
    return _install(call, "cosign", "cosign-release")


def crane(call: Call) -> Done:
    """imjasonh/setup-crane."""
    return _install(call, "crane", "version")


def _install(call: Call, tool: str, version: str) -> Done:
    folder = call.host.tools.get(tool)
    if folder is None:
        raise StepFailedError(f"this rehearsal has no {tool}: the project has nothing that it is for")
    if asked := call.input_text(version):
        call.log(f"{tool} {asked} is asked for; the rehearsal's own is played")
    return Done(path=(str(folder),))
