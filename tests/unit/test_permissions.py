"""Which line a played job that failed is told to add."""

from __future__ import annotations

import pytest

from tagseal.rehearsal.workflow import permissions
from tagseal.workflow.document import parse

RUN = "nox -s guard plan build check sign upload prove publish witness"
ONE_JOB = "on: push\npermissions: {{}}\njobs:\n  all:\n    permissions:\n{}    steps: [{{ run: '{}' }}]\n"


@pytest.mark.parametrize("granted", ["      id-token: write\n", "      contents: read\n"])
def test_a_job_of_all_verbs_is_told_the_most_that_they_take(granted: str) -> None:
    """Whichever of them was refused first, and whichever comes last."""
    workflow = parse(ONE_JOB.format(granted, RUN).encode(), ".github/workflows/release.yml")
    (job,) = workflow.jobs
    found = permissions.lacking(workflow, job, {("contents", "read"): False}, "")
    assert [(scope, level) for scope, level, _ in found] == [("contents", "write")]
