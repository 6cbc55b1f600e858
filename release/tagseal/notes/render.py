"""Fill the notes' templates, and hold that the page is sound before anybody sees it.

Names, tags and the changelog are data: they are passed to the templates, never read as one. The templates are the
packaged ones, or the project's own of the same name; those run sandboxed, for the job that renders the notes holds
a token.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tagseal.errors import ConfigError, Refused
from tagseal.names import enclosed, quoted, safe_tag, shown
from tagseal.notes import changelog, clients, page
from tagseal.notes import commands as instructions
from tagseal.notes.dialect import clean, restrict
from tagseal.notes.text import escape
from tagseal.notes.values import values
from tagseal.records import GITHUB, Artifact, Command, Kind, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
    override: Path | None,
    above: str = "",
    minimum: clients.Minimum = clients.PLANNED,
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
    expected = instructions.Expected.planned(plan, safe_tag(tag), artifacts)
    environment = _environment(override)
    _planned(plan, artifacts)
    known = values(plan, artifacts, expected) | {"minimum": minimum}
    verify = _filled(environment, "verify/section.md.j2", known).strip("\n") + "\n"

    def filled(section: str) -> str:
        page = _filled(environment, "notes.md.j2", known | {"section": section, "verify": verify})
        return above + page.strip("\n") + "\n"

    section, rest = clean(plan.section).strip("\n"), _rest(plan, expected.tag)
    section = restrict(section if len(section) <= page.LIMIT else changelog.shortened(section, page.LIMIT, rest))
    text = filled(section)
    if len(text) > page.LIMIT:
        text = filled(changelog.shortened(section, page.LIMIT - (len(text) - len(section)), rest))
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
    instructions.required(found, expected, artifacts)
    return Page(text=text, commands=found)


def filled(name: str, values: Mapping[str, Any], override: Path | None) -> str:
    """Return one template with these values in it, as the notes' own are filled: sandboxed, the values as data.

    Raises:
        ConfigError: The template is absent or wrong; the error names its file and line.
    """
    return _filled(_environment(override), name, values)


def packaged() -> Path:
    """Return the folder of the packaged templates: inside the wheel, or at the top of the checkout."""
    package = Path(__file__).parents[1]
    return inside if (inside := package / "templates").is_dir() else package.parents[1] / "templates"


def _planned(plan: Plan, artifacts: Sequence[Artifact]) -> None:
    got, expected = [one.name for one in artifacts if one.kind is Kind.kit], [plan.kit] if plan.kit else []
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


def _environment(override: Path | None) -> ImmutableSandboxedEnvironment:
    return _of(packaged()) if override is None else _of(_own(override), packaged())


@cache
def _of(*folders: Path) -> ImmutableSandboxedEnvironment:
    """Return what finds templates in these folders, and compiles each once: a job renders its page several times."""
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown: page.check holds what becomes of it
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": quoted, "enclosed": enclosed}
    return environment


def _own(folder: Path) -> Path:
    """Return the project's folder of templates, which must be one and lead nowhere else."""
    if not folder.is_dir() or folder.is_symlink():
        raise ConfigError(
            f"templates: got {shown(folder.name)}, expected a folder of the project",
            hint="Create it, or remove `templates` from [tool.tagseal].",
            slug="templates-not-found",
        )
    if link := next((path for path in folder.rglob("*") if path.is_symlink()), None):
        raise ConfigError(
            f"templates: got the link {shown(link.name)}, expected regular files: a link may lead out of the project",
            hint="Put a copy in its place.",
            slug="templates-link",
        )
    return folder


def _filled(environment: ImmutableSandboxedEnvironment, name: str, values: Mapping[str, Any]) -> str:
    try:
        return environment.get_template(name).render(values)
    except Exception as error:  # a template may raise anything
        where = _place(error) or name
        raise ConfigError(
            f"{where}: {shown(str(error) or type(error).__name__, 300)}",
            hint="Correct the template; `tagseal notes`, or `tagseal guide`, renders it.",
            slug="template-error",
        ) from error


def _place(error: Exception) -> str:
    """Return ``file:line`` of the template that failed; Jinja puts template lines into tracebacks."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name}:{error.lineno}"
    if isinstance(error, TemplateNotFound):
        return f"{error.name}:0"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.endswith(".j2")]
    return f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else ""
