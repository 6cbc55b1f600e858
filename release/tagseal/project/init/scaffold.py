"""The workflows, from their templates: what is filled in is checked or quoted, for YAML reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tagseal.notes import templates
from tagseal.project.init.look import SELF
from tagseal.records import WORKFLOWS
from tagseal.services.index import sites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.project.init.look import FoundProject

REHEARSE = f"{WORKFLOWS}/rehearse.yml"
_SPECIAL = re.compile(r"[*?+\[\]!\\]")


def release(found: FoundProject) -> str:
    """Return the workflow that releases."""
    return templates.fill(
        "scaffold/release.yml.j2",
        {
            **_shared_values(found),
            "tags": [glob(found.pattern.template)],
            "dispatch": bool(found.bots),
            "repository": found.repository,
            "image": found.settings.image is not None,
            "index": sites.trusts(found.settings.index),
            "environment": found.environment,
        },
        own=None,
    )


def rehearse(found: FoundProject) -> Mapping[str, str]:
    """Return the workflow that rehearses every pull request; this tool's own checks do that already."""
    if found.is_tool:
        return {}
    values = {**_shared_values(found), "requirements": found.rehearse_requirements}
    return {REHEARSE: templates.fill("scaffold/rehearse.yml.j2", values, own=None)}


def glob(template: str) -> str:
    """Return what the tags of a pattern look like to a workflow's filter: a version begins with a digit."""
    before, after = (_SPECIAL.sub(r"\\\g<0>", part) for part in template.split("{version}"))
    return f"{before}[0-9]*{after}"


def _shared_values(found: FoundProject) -> dict[str, object]:
    return {
        "python": found.python,
        "requirements": found.requirements,
        "checkout": SELF if found.is_tool else "",
    }
