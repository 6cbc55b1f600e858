"""Fill the notes' templates, and hold that the page is sound before anybody sees it.

Names, tags and the changelog are data: they are passed to the templates, never read as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagseal.errors import ConfigError, Refused
from tagseal.names import safe_tag
from tagseal.notes import changelog, clients, page
from tagseal.notes import commands as instructions
from tagseal.notes.dialect import clean, restrict
from tagseal.notes.escape import escape
from tagseal.notes.templates import fill
from tagseal.notes.values import values
from tagseal.records import GITHUB, Artifact, Command, Kind, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagseal.notes.templates import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The rendered notes."""

    text: str
    """Markdown, as GitHub gets it."""
    commands: tuple[Command, ...]
    """Those of the verify section, in order; they cover every artifact."""


def render(  # noqa: PLR0913 - all that a page depends on
    *,
    tag: str,
    plan: Plan,
    artifacts: Sequence[Artifact],
    override: Templates | None,
    above: str = "",
    minimum: clients.MinimumClients = clients.PLANNED,
) -> Page:
    """Render the notes of one release from its sealed artifacts, and check them.

    A section that makes the page too long is cut, and a link leads to the rest; the instructions never are.

    Args:
        tag: The tag.
        plan: Its section is the notes' first part.
        artifacts: What the instructions are for.
        override: The project's own templates.
        above: What somebody else wrote, and the notes stand below; Markdown, kept as it is.
        minimum: The clients that the instructions need; before anything is signed, those that it will be.

    Raises:
        ConfigError: A template is absent or wrong; the error names its file and line.
        Refused: A name is unsafe, the changelog's section hides the instructions, or the page is too long.
        VerificationFailed: The instructions leave an artifact out, or have a word that was not planned.
    """
    expected = instructions.ExpectedRelease.of_plan(plan, safe_tag(tag), artifacts)
    _hold_planned_files(plan, artifacts)
    known = values(plan, artifacts, expected) | {"minimum": minimum}
    verify = fill("verify/section.md.j2", known, override).strip("\n") + "\n"

    def assemble(section: str) -> str:
        page = fill("notes.md.j2", known | {"section": section, "verify": verify}, override)
        return above + page.strip("\n") + "\n"

    section, rest = clean(plan.section).strip("\n"), _rest(plan, expected.tag)
    section = restrict(section if len(section) <= page.LIMIT else changelog.shorten(section, page.LIMIT, rest))
    text = assemble(section)
    if len(text) > page.LIMIT:
        text = assemble(changelog.shorten(section, page.LIMIT - (len(text) - len(section)), rest))
    if not text.endswith(verify):
        raise ConfigError(
            "got a page that does not end in the verify section, expected `{{ verify }}` as its last words",
            hint="Move `{{ verify }}` to the end of notes.md.j2 in the folder that `templates` names.",
            slug="notes-without-instructions",
        )
    page.hold_length(
        text, f"{len(verify):,} of them are the instructions, {len(above):,} are what stands above the notes"
    )
    page.check(text.removesuffix(verify), verify)
    found = instructions.commands(verify)
    instructions.require_purposes(found, expected, artifacts)
    return Page(text=text, commands=found)


def _hold_planned_files(plan: Plan, artifacts: Sequence[Artifact]) -> None:
    got, expected = (
        [artifact.name for artifact in artifacts if artifact.kind is Kind.kit],
        [plan.kit] if plan.kit else [],
    )
    if got != expected:
        raise Refused(
            f"got {', '.join(got) or 'no offline kit'} among the files, expected {plan.kit or 'no offline kit'}",
            hint="The records are not those of this configuration. Re-run all jobs.",
            slug="kit-not-planned",
        )


def _rest(plan: Plan, tag: str) -> str:
    """Return where the rest of a section that was cut can be read."""
    if plan.changelog == "commits":
        return "*The list goes on.*"
    url = f"{GITHUB}/{plan.identity.repository}/blob/{quote(tag)}/{quote(plan.changelog)}"
    return f"*This is a part. The whole: [{escape(plan.changelog)}]({url}).*"
