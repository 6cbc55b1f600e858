"""actions/checkout: the tag's own files. Source: its README and action.yml, version 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.workflow.play.action import StepEffects

if TYPE_CHECKING:
    from tagseal.workflow.play.action import StepCall


def play(call: StepCall) -> StepEffects:
    """Put the checkout into the workspace.

    Raises:
        UsageError: It is to be of something else than the run's ref.
        StepFailedError: The job may not read the repository.
    """
    own = {"", call.environ["GITHUB_REF"], call.environ["GITHUB_REF_NAME"], call.environ["GITHUB_SHA"]}
    if call.input_text("ref") not in own:
        raise UsageError(
            f"got `ref: {show(call.input_text('ref'))}` at {call.place}, expected the ref that started the run",
            hint="Take `ref` out: a release is made of the tag that started it, and the guard refuses another commit.",
            slug="checkout-of-another-ref",
        )
    whole = call.input_text("fetch-depth", "1") == "0"
    call.host.checkout(call.workspace, whole=whole)
    if call.input_text("persist-credentials", "true").lower() != "false":
        call.log("a runner keeps the token where every later step can read it: write `persist-credentials: false`")
    call.log(f"{'everything' if whole else 'one commit'} of {call.environ['GITHUB_REF']}")
    return StepEffects(outputs={"ref": call.environ["GITHUB_REF"], "commit": call.environ["GITHUB_SHA"]})
