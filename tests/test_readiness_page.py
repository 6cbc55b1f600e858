"""The page of reasons: what the code can say is on it, and nothing else."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from mistakes import mistakes
from source import ROOT, modules
from tagseal.project.readiness.workflow import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / ".github" / "docs" / "readiness.md"
MAKERS = {"Reason", "Reason.broken", "Reason.not_yet", "_broken", "_reason", "_verb_reason"}
ROOMS = ("tagseal.project.readiness", "tagseal.rehearsal.packages", "tagseal.rehearsal.project.clone")


def said() -> Iterator[str]:
    """Yield the slugs of the reasons that the package makes."""
    yield from REFUSED
    yield "changelog-section-missing"  # the error of a step
    for module in modules():
        for node in ast.walk(module.tree) if module.name.startswith(ROOMS) else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS:
                named = [keyword.value for keyword in node.keywords if keyword.arg == "slug"]
                texts = [str(one.value) for one in (*named, *node.args[:2]) if isinstance(one, ast.Constant)]
                yield from (text for text in texts if re.fullmatch(r"[a-z]+(-[a-z]+)+", text))


def test_every_reason_is_on_the_page() -> None:
    """By its slug, in the first column of the table."""
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert sorted(slug for row in rows for slug in re.findall(r"`([a-z-]+)`", row)) == sorted({*said()})


def test_most_reasons_have_a_mistake_that_shows_them() -> None:
    """Those without one are held by tests of their own."""
    shown = {mistake.slug for mistake in mistakes()}
    others = {
        "branch-can-sign",  # tests/assets/workflows
        "configuration-missing",  # tests/rehearsal/test_projects.py
        "identity-beside-code",  # tests/assets/workflows
        "tool-missing-in-workflow",  # tests/rehearsal/test_images.py
        "sdist-builds-another-wheel",  # tests/rehearsal/test_packages.py
        "sdist-does-not-build",  # the same
        "wheel-not-installable",  # the same
    }
    assert {*said()} - shown == others
