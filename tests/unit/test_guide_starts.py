"""What starts a workflow, as its file says, and what the guide makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

import guides
from tagseal.project.guide import page
from tagseal.workflow.signing import Triggers, starts

if TYPE_CHECKING:
    from pathlib import Path

BY_HAND = "A run by hand (`workflow_dispatch`) signs with this identity if it was started on the tag"
OF_RELEASE = "A run that a release starts is on the release's tag"
OF_BRANCH = "A run for a pushed branch would sign as `refs/heads/…`, which the commands refuse."
CALLED = "Other workflows may call this one (`workflow_call`)."
ONLY = "starts on pushed tags only and does not offer `workflow_dispatch`"
NEVER = "nothing starts it on a tag: no run of it can sign as these commands expect"
UNKNOWN = "What else starts it could not be read"
SENTENCES = (BY_HAND, OF_RELEASE, OF_BRANCH, CALLED, ONLY, NEVER, UNKNOWN)

# The `on` of a workflow; what it says; the sentences of the page.
CASES = {
    "tags": ("{push: {tags: ['v*']}}", Triggers(tags=True), [ONLY]),
    "all tags but some": ("{push: {tags-ignore: ['x*']}}", Triggers(tags=True), [ONLY]),
    "tags, and by hand": (
        "{push: {tags: ['v*']}, workflow_dispatch: }",
        Triggers(tags=True, by_hand=True),
        [BY_HAND],
    ),
    "a release": ("{release: {types: [published]}}", Triggers(release=True), [OF_RELEASE]),
    "a release, and by hand": (
        "[release, workflow_dispatch]",
        Triggers(release=True, by_hand=True),
        [BY_HAND, OF_RELEASE],
    ),
    "by hand": ("workflow_dispatch", Triggers(by_hand=True), [BY_HAND]),
    "every push": ("push", Triggers(tags=True, branches=True), [OF_BRANCH]),
    "a push without a filter": ("{push: }", Triggers(tags=True, branches=True), [OF_BRANCH]),
    "a push with a filter of paths": ("{push: {paths: [x]}}", Triggers(tags=True, branches=True), [OF_BRANCH]),
    "tags and branches": (
        "{push: {tags: ['v*'], branches: [main]}}",
        Triggers(tags=True, branches=True),
        [OF_BRANCH],
    ),
    "branches": ("{push: {branches: [main]}}", Triggers(branches=True), [NEVER]),
    "branches but some": ("{push: {branches-ignore: [main]}}", Triggers(branches=True), [NEVER]),
    "a calendar": ("{schedule: [{cron: '0 0 * * *'}]}", Triggers(others=("`schedule`",)), [NEVER]),
    "a pull request beside tags": (
        "{push: {tags: ['v*']}, pull_request: {}}",
        Triggers(tags=True, others=("`pull_request`",)),
        [],
    ),
    "a created tag or branch": ("create", Triggers(others=("`create`",)), []),
    "a call": ("workflow_call", Triggers(callable=True), [CALLED]),
    "tags, and a call": ("{push: {tags: [v*]}, workflow_call: {}}", Triggers(tags=True, callable=True), [CALLED]),
    "everything": (
        "[push, release, workflow_dispatch, workflow_call, schedule]",
        Triggers(tags=True, branches=True, release=True, by_hand=True, callable=True, others=("`schedule`",)),
        [BY_HAND, OF_RELEASE, OF_BRANCH, CALLED],
    ),
    "no event that there is": ("{push: {tags: [v*]}, '</b>`$(id)': {}}", Triggers(tags=True), [ONLY]),
    "nothing": ("[]", Triggers(known=False), [UNKNOWN]),
    "no workflow": ("3: [", Triggers(known=False), [UNKNOWN]),
}


@pytest.mark.parametrize("name", [name for name in CASES if name != "no workflow"])
def test_what_starts_a_workflow(name: str) -> None:
    """Every form of `on`; a push without a filter of refs is one of tags as well."""
    on, expected, _ = CASES[name]
    content = yaml.load(f"on: {on}", Loader=yaml.BaseLoader)  # noqa: S506 - makes strings only
    assert starts(content) == expected


@pytest.mark.system
@pytest.mark.parametrize("name", CASES)
def test_the_guide_says_what_is_true_of_it(name: str, tmp_path: Path) -> None:
    """The sentences about events are those that hold for this workflow, and no other."""
    on, _, expected = CASES[name]
    root = guides.checkout(tmp_path, 'workflow = "release.yml"\n', workflow=f"on: {on}\n")
    text = page(root, "v1.2.3")
    assert [sentence for sentence in SENTENCES if sentence in text] == expected


@pytest.mark.system
def test_other_events_are_named(tmp_path: Path) -> None:
    """A reader sees all that starts the workflow, and what becomes of a run that is not on the tag."""
    root = guides.checkout(tmp_path, workflow="on: {push: {tags: [v*]}, schedule: [], pull_request: }\n")
    text = page(root, None)
    assert "starts on pushed tags, `schedule`, `pull_request`; what the commands" in text
    assert "The same holds for `schedule`, `pull_request`: a run that is not on the tag names what it is on" in text


@pytest.mark.system
def test_a_workflow_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The page does not say what nobody could read."""
    root = guides.checkout(tmp_path, 'workflow = "publish.yml"\n')
    assert UNKNOWN in page(root, None)
