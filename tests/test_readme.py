"""The README's first screen: what it shows is what the tool prints."""

from __future__ import annotations

import re

from source import ROOT
from tagseal.pipeline import VERBS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_story_is_a_whole_rehearsal() -> None:
    """The first screen shows a rehearsal that went well: every verb in order, and no bug."""
    story = README.split("```text\n", 1)[1].split("\n```", 1)[0]
    told = re.findall(r"^([a-z]+) +ok +[0-9.]+s", story, re.MULTILINE)
    assert [verb for verb in told if verb not in {"wheel", "attacks", "guide"}] == list(VERBS)
    assert "READY to be tagged" in story
    assert "bug:" not in story


def test_both_commands_stand_on_the_first_screen() -> None:
    """Whoever opens the page finds how to run it and how to test it before anything else."""
    first = README.splitlines()[:12]
    assert any("python3 -m pip install nox && python3 -m nox -s rehearse" in line for line in first)
    assert any("python3 -m nox -s tests" in line for line in first)


def test_its_links_lead_somewhere() -> None:
    """Every relative link names a file of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
