"""The run that tests of the loopback play: a tag of ``octo/widget``."""

from tagseal.loopback.actions import Run

RUN = Run(
    repository="octo/widget",
    repository_id=74,
    owner_id=65,
    workflow=".github/workflows/release.yml",
    ref="refs/tags/v1",
    sha="4f2c1e9" + "0" * 33,
)
