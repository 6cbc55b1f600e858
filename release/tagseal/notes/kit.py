"""The page of the offline kit: the commands for a machine without a network, each word of them held.

They name the trust that lies in the kit, which no command of the notes may do. So they have forms of their own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tagseal.errors import VerificationFailed
from tagseal.names import number_of, safe_tag
from tagseal.notes import clients
from tagseal.notes import commands as instructions
from tagseal.notes.commands import ExpectedRelease, Purpose, Use
from tagseal.notes.known import KIT_FORMS
from tagseal.notes.render import Page
from tagseal.notes.templates import fill
from tagseal.notes.values import values
from tagseal.records import Kind, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagseal.notes.templates import Templates
    from tagseal.records import Artifact, Command, Plan

TEMPLATE = "kit.md.j2"


def render(  # noqa: PLR0913 - all that the page depends on
    *,
    tag: str,
    plan: Plan,
    artifacts: Sequence[Artifact],
    since: int,
    override: Templates | None,
    minimum: clients.MinimumClients = clients.PLANNED_OFFLINE,
) -> Page:
    """Render the kit's page from the artifacts that it covers, and check its commands.

    Args:
        tag: The tag.
        plan: It names the kit.
        artifacts: Those of the release; neither the kit itself nor an image is covered.
        since: Seconds since the epoch: the root of trust in the kit is not older.
        override: The project's own templates.
        minimum: The clients that the commands need; before anything is signed, those that they will.

    Raises:
        ConfigError: The template is absent or wrong; the error names its file and line.
        Refused: A name is unsafe.
        VerificationFailed: The commands leave a file out, or have a word that was not planned.
    """
    covered = [artifact for artifact in artifacts if artifact.kind not in {Kind.kit, Kind.image}]
    expected = expectations(tag, plan, covered)
    more = {
        "kit": plan.kit,
        "date": datetime.fromtimestamp(since, UTC).date().isoformat(),
        "with_image": bool(plan.image),
        "minimum": minimum,
    }
    text = fill(TEMPLATE, values(plan, covered, expected) | more, override).strip("\n") + "\n"
    found = instructions.commands(text, KIT_FORMS)
    require_purposes(found, expected, covered)
    return Page(text=text, commands=found)


def expectations(tag: str, plan: Plan, covered: Sequence[Artifact]) -> ExpectedRelease:
    """Return what the kit's commands may speak of."""
    return replace(ExpectedRelease.of(plan.identity, safe_tag(tag), covered), commit=plan.commit)


def require_purposes(
    commands: Sequence[Command], expected: ExpectedRelease, covered: Sequence[Artifact]
) -> tuple[Purpose, ...]:
    """Return each command's purpose, having held that together they cover every file.

    Raises:
        VerificationFailed: A command is wrong, or a file is not hashed or verified.
    """
    purposes = tuple(instructions.classify(command, expected=expected, forms=KIT_FORMS) for command in commands)
    run = [purpose for purpose in purposes if purpose.phase is not Phase.shown]
    if missing := tuple(_find_uncovered(run, covered)):
        raise VerificationFailed(
            f"got an offline kit whose commands leave out {number_of(len(missing), 'thing')}, "
            "expected every file to be covered",
            context=missing,
            hint=f"Add the commands to the template that overrides {TEMPLATE}, or remove the override.",
            slug="kit-incomplete",
        )
    return purposes


def _find_uncovered(run: Sequence[Purpose], covered: Sequence[Artifact]) -> Iterator[str]:
    for tool in ("sigstore", "cosign"):
        said = {name for one in run if one.kind is Use.verify and one.tool == tool for name in one.files}
        yield from (f"{one.name}: no {tool} command" for one in covered if one.name not in said)
    hashed = {name for one in run if one.kind is Use.hash for name in one.files}
    lists = (one.name for one in covered if one.kind is Kind.checksums)
    yield from (f"{name}: nothing reads it" for name in lists if name not in hashed)
