"""``tagseal rehearse --fault``: what goes wrong at a service goes wrong for the shipped commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsing import VARIED, project, rehearse

if TYPE_CHECKING:
    from pathlib import Path


@VARIED
def test_a_job_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """The rehearsal ends as the job did, told as a shell tells of SIGKILL; nothing is published, nothing is left."""
    fault = "kill-within,host=uploads.github.com"
    ended = rehearse(project(tmp_path / "widget").root, "--fault", fault, out=tmp_path / "out")

    assert (ended.code, ended.published, ended.leftovers) == (137, False, ()), ended.output + ended.errors
    assert f"fault:   {fault} hit 1 request\nFAILED in the job seal" in ended.output
    assert "starter" in [asset["state"] for asset in ended.release["assets"]]
