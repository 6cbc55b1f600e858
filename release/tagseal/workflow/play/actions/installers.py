"""Installers: a tool that no runner has is there afterwards, and was not before.

Which version plays is the rehearsal's business: the person's own, or a stand-in, and the report says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.workflow.play.action import StepEffects, StepFailedError

if TYPE_CHECKING:
    from tagseal.workflow.play.action import StepCall


def cosign(call: StepCall) -> StepEffects:
    """sigstore/cosign-installer."""
    return _install(call, "cosign", "cosign-release")


def crane(call: StepCall) -> StepEffects:
    """imjasonh/setup-crane."""
    return _install(call, "crane", "version")


def _install(call: StepCall, tool: str, version: str) -> StepEffects:
    folder = call.host.tools.get(tool)
    if folder is None:
        raise StepFailedError(f"this rehearsal has no {tool}: the project has nothing that it is for")
    if asked := call.input_text(version):
        call.log(f"{tool} {asked} is asked for; the rehearsal's own is played")
    return StepEffects(path=(str(folder),))
