"""The run that tests of the loopback play: a tag of ``octo/widget``."""

from plans import PLAN
from tagseal.loopback.actions import Run

RUN = Run(
    repository="octo/widget",
    repository_id=74,
    owner_id=65,
    workflow=".github/workflows/release.yml",
    ref="refs/tags/v1",
    sha=PLAN.commit,
)
