"""What is wrong with a project before anything is tagged. Nothing is changed, nothing of the project is run."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagseal import config
from tagseal.errors import ServiceError, UsageError
from tagseal.names import quoted, shown
from tagseal.records import WORKFLOWS
from tagseal.services import process, workflows
from tagseal.services.git import Git, repository
from tagseal.tags import pattern
from tagseal.workflow.acts import can_release
from tagseal.workflow.document import read
from tagseal.workflow.lint import lint
from tagseal.workflow.rules import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tagseal.config import Settings

_PAGE = 1024 * 1024
"""Bytes of a page that are read."""
_PATIENCE = 60.0
"""Seconds that another linter may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report."""

    check: str
    level: Literal["ok", "warning", "error"]
    text: str
    """What was found, with its place where it has one."""
    fix: str = ""
    """What to do; empty where all is well."""
    slug: str = ""
    file: str = ""
    line: int = 0
    """From 1; 0 without a place."""
    column: int = 0
    """As the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at."""

    environ: Mapping[str, str]
    files: tuple[tuple[Path, str], ...]
    """Workflow files, each with the path to name it by."""
    named: bool
    """Whether a person named the files: all of them are judged then, not only those that can release."""
    git: Git | None
    """None outside of a checkout."""
    settings: Settings | None


def examine(folder: Path, files: Sequence[Path], environ: Mapping[str, str]) -> tuple[Row, ...]:
    """Return what every check says of the project that ``folder`` is in, or of these workflow files alone.

    Raises:
        UsageError: A file cannot be read, or none is named and this is no checkout.
        ConfigError: The configuration is wrong.
    """
    try:
        git = Git.at(folder, environ)
    except UsageError:
        if not files:
            raise
        git = None
    settings = config.load(git.root) if git else None
    found = [(file, str(file)) for file in files]
    if git and not files:
        found = [(file, f"{WORKFLOWS}/{file.name}") for file in workflows.files(git.root)]
    subject = Subject(environ=environ, files=tuple(found), named=bool(files), git=git, settings=settings)
    return tuple(row for check in CHECKS for row in check(subject))


def _workflows(subject: Subject) -> Iterator[Row]:
    """Judge the workflows that can release."""
    judged, known = 0, _known(subject)
    for file, path in subject.files:
        try:
            workflow = read(file, path)
        except OSError as error:
            raise UsageError(
                f"got {shown(path)}, which cannot be read ({error.strerror}), expected a workflow file",
                hint="Name a file, such as .github/workflows/release.yml; without one, all of them are looked at.",
                slug="workflow-not-readable",
            ) from error
        wanted = subject.named or can_release(workflow)
        if not (wanted or workflow.problems):
            continue
        judged += 1
        findings = lint(workflow, known(workflow.file)) if wanted else ()
        for one in findings or workflow.problems:
            yield Row(
                check="workflow",
                level=one.level,
                text=f"{one.place}: {one.what}",
                fix=one.hint,
                slug=one.slug,
                file=one.file,
                line=one.line,
                column=one.column,
            )
        if not findings and not workflow.problems:
            yield Row(check="workflow", level="ok", text=path)
    if not judged:
        yield Row(
            check="workflow",
            level="warning",
            text=f"no file in {WORKFLOWS} releases on a tag",
            fix="Write one, or name the file: tagseal doctor FILE.",
            slug="no-release-workflow",
        )


def _known(subject: Subject) -> Callable[[str], Known]:
    """Return what tells what the project says about the workflow of a name; the project is read once."""
    if subject.git is None or subject.settings is None:
        return lambda _: Known()
    settings, tags = subject.settings, subject.git.tags()
    way = pattern(tags, settings.tag)
    told = settings.tag is not None or bool(way.versions(tags))
    there = {path.name for path in workflows.files(subject.git.root)}
    publisher = settings.index.publisher if settings.index else None
    names = {settings.workflow, publisher.workflow if publisher else None} - {None}
    signing = workflows.signing(subject.git.root, settings.workflow, {}).file
    # Where the documented file is there, another that signs is for something else: an image, say.
    documented = tuple(sorted(name for name in names if name is not None and not names & there))
    tag = way.tag("1.2.3") if told else None
    return lambda file: Known(tag=tag if file == signing else None, documented=documented)


def _pages(subject: Subject) -> Iterator[Row]:
    """Hold the identities on the project's pages against the files that there are."""
    if subject.git is None or subject.settings is None or subject.named:
        return
    name = repository(subject.settings.repository, subject.environ, subject.git.origin())
    if name is None:
        return
    there = {path.name for path in workflows.files(subject.git.root)}
    identity = re.compile(
        rf"github\.com/{re.escape(name)}/\.github/workflows/([\w.-]+\.ya?ml)@", re.ASCII | re.IGNORECASE
    )
    for path in subject.git.tracked_files():
        file = subject.git.root / path
        if path.endswith((".md", ".rst", ".txt")) and file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                text = opened.read(_PAGE).decode("utf-8", "replace")
            yield from _identities(text, path, identity, there)


def _identities(text: str, path: str, identity: re.Pattern[str], there: set[str]) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        for found in identity.finditer(line):
            if found[1] not in there:
                yield Row(
                    check="page",
                    level="error",
                    text=f"{path}:{number}:{found.start() + 1}: the identity names {shown(found[1])}, and there is no "
                    "such workflow",
                    fix="Name the file that signs, or give it its old name back: `tagseal guide` renders the page.",
                    slug="page-identity",
                    file=path,
                    line=number,
                    column=found.start() + 1,
                )


_LINTERS = (
    # Syntax, types of expressions, shell lines.
    ("actionlint", ("-format", "{{json .}}"), "go install github.com/rhysd/actionlint/cmd/actionlint@latest"),
    # Attacks on workflows of any kind.
    ("zizmor", ("--offline", "--no-progress", "--format", "json"), "pipx install zizmor"),
)
"""Program, arguments that make it print JSON, how to install it."""


def _linters(subject: Subject) -> Iterator[Row]:
    """Ask the linters that are installed how much they find; they say it better themselves."""
    paths = [str(file.resolve()) for file, _ in subject.files]
    words = " ".join(quoted(path) for _, path in subject.files)
    for program, arguments, install in _LINTERS if paths else ():
        if shutil.which(program, path=subject.environ.get("PATH")) is None:
            yield Row(check=program, level="ok", text=f"not installed; it looks at more: `{install}`")
            continue
        count = _count((program, *arguments, *paths), subject)
        if count is None:
            text = "gave no list of findings"
            yield Row(
                check=program, level="warning", text=text, fix=f"Run it: `{program} {words}`", slug="linter-failed"
            )
        elif count:
            text = f"{count} finding{'s' * (count > 1)} in {len(paths)} file{'s' * (len(paths) > 1)}"
            yield Row(
                check=program, level="warning", text=text, fix=f"Run it: `{program} {words}`", slug="linter-finds"
            )
        else:
            yield Row(check=program, level="ok", text="no findings")


def _count(argv: tuple[str, ...], subject: Subject) -> int | None:
    """Return the number of findings, or None where the program gave no list; it gets no token."""
    environ = {name: value for name, value in subject.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    try:
        done = process.run(argv, cwd=subject.files[0][0].resolve().parent, environ=environ, timeout=_PATIENCE)
        found = json.loads(done.output)
    except (ServiceError, UsageError, ValueError):
        return None
    return len(found) if isinstance(found, list) else None


CHECKS: tuple[Callable[[Subject], Iterator[Row]], ...] = (
    # What the release will run.
    _workflows,
    # What strangers will copy.
    _pages,
    # What others know better.
    _linters,
)
