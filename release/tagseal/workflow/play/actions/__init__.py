"""The actions that are played: those that a release workflow of ours names, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagseal.errors import UsageError
from tagseal.names import show
from tagseal.workflow.play.action import Action
from tagseal.workflow.play.actions import artifacts, checkout, installers, python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagseal.workflow.document import WorkflowStep

ACTIONS: Mapping[str, Action] = {
    # The tag's own files.
    "actions/checkout": Action(
        play=checkout.play,
        played=frozenset(("fetch-depth", "persist-credentials", "ref", "submodules")),
        ignored=frozenset(("clean", "fetch-tags", "set-safe-directory", "show-progress")),
    ),
    # What runs Nox.
    "actions/setup-python": Action(
        play=python.play,
        played=frozenset(("python-version",)),
        ignored=frozenset(("check-latest", "update-environment")),
    ),
    # What is handed from one job to the next.
    "actions/upload-artifact": Action(
        play=artifacts.upload,
        played=frozenset(("if-no-files-found", "include-hidden-files", "name", "overwrite", "path")),
        ignored=frozenset(("compression-level", "retention-days")),
    ),
    "actions/download-artifact": Action(
        play=artifacts.download,
        played=frozenset(("artifact-ids", "merge-multiple", "name", "path", "pattern")),
    ),
    # What the notes' commands need, and no runner has.
    "sigstore/cosign-installer": Action(play=installers.cosign, played=frozenset(("cosign-release",))),
    "imjasonh/setup-crane": Action(play=installers.crane, played=frozenset(("version",))),
}
"""By the action without its ref, in small letters."""


def problems(step: WorkflowStep, file: str) -> Iterator[UsageError]:
    """Yield the errors for an action that is not played, or not with these inputs."""
    action = ACTIONS.get(step.action)
    if action is None:
        yield UsageError(
            f"got the action {show(step.uses)} at {file}:{step.at.line}, expected one that is played: "
            f"{', '.join(ACTIONS)}",
            context=("A played workflow runs no stranger's code: what these six do is played, as they document it.",),
            hint="Let shell lines do it, or another workflow. Without --workflow the usual jobs are played, and "
            "--packages DIR brings what earlier jobs build.",
            slug="action-not-played",
        )
        return
    for name, at in step.at.below("with").items():
        if name not in action.played | action.ignored:
            yield UsageError(
                f"got the input {show(name)} of {step.action} at {file}:{at.line}, expected one that is played: "
                f"{', '.join(sorted(action.played))}",
                hint="Take it out of the release workflow if it can go; else rehearse without --workflow, which plays "
                "the usual jobs.",
                slug="action-input-not-played",
            )
