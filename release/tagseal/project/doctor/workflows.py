"""The workflows that can release: what the lint says of each."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from tagseal.errors import Refused, UsageError
from tagseal.machine import files
from tagseal.names import show
from tagseal.project.doctor.row import DoctorRow
from tagseal.project.init.lock import PARTIAL
from tagseal.records import WORKFLOWS
from tagseal.services.index import sites
from tagseal.tags import pattern
from tagseal.workflow import signing as workflows
from tagseal.workflow.acts import can_release
from tagseal.workflow.document import read
from tagseal.workflow.lint import lint
from tagseal.workflow.play import setup
from tagseal.workflow.rules import ProjectFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tagseal.project.doctor.row import ExaminedProject
    from tagseal.workflow.document import Workflow

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
_TOOL = re.compile(r"/tagseal-([\w.]+)-py3-none-any\.whl", re.ASCII)


def open_workflow(file: Path, path: str) -> Workflow:
    """Read a workflow.

    Raises:
        UsageError: It cannot be opened.
    """
    try:
        return read(file, path)
    except (OSError, Refused) as error:
        why = error.strerror if isinstance(error, OSError) else error.what
        raise UsageError(
            f"got {show(path)}, which cannot be read ({why}), expected a workflow file",
            hint="Name a file, such as .github/workflows/release.yml; without one, all of them are looked at.",
            slug="workflow-not-readable",
        ) from error


def look(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Judge the workflows that can release."""
    judged, known = 0, _known_about(subject)
    for _, workflow in subject.files:
        wanted = subject.named or can_release(workflow)
        if not (wanted or workflow.problems):
            continue
        judged += 1
        findings = lint(workflow, known(workflow.file)) if wanted else ()
        for finding in findings or workflow.problems:
            yield DoctorRow(
                check="workflow",
                level=finding.level,
                text=f"{finding.place}: {finding.what}",
                fix=finding.hint,
                slug=finding.slug,
                file=finding.file,
                line=finding.line,
                column=finding.column,
            )
        if not findings and not workflow.problems:
            yield DoctorRow.ok("workflow", workflow.path)
    if not judged:
        text, fix = f"no file in {WORKFLOWS} releases on a tag", "Write one, or name the file: tagseal doctor FILE."
        yield DoctorRow.warning("workflow", text, fix, "no-release-workflow")


def _known_about(subject: ExaminedProject) -> Callable[[str], ProjectFacts]:
    """Return what tells what the project says about the workflow of a name; the project is read once."""
    if subject.git is None or subject.settings is None:
        return lambda _: ProjectFacts()
    settings = subject.settings
    way = pattern(subject.git.tags(), settings.tag)
    there = {path.name for path in workflows.files(subject.git.root)}
    publisher = settings.index.publisher if settings.index else None
    names = {settings.workflow, publisher.workflow if publisher else None} - {None}
    signing = workflows.signing(subject.git.root, settings.workflow, {}).file
    # Where the documented file is there, another that signs is for something else: an image, say.
    documented = tuple(sorted(name for name in names if name is not None and not names & there))
    tag = way.tag("1.2.3") if way.told else None
    index = sites.trusts(settings.index)
    return lambda file: ProjectFacts(tag=tag if file == signing else None, documented=documented, index=index)


def locks(subject: ExaminedProject) -> Iterator[DoctorRow]:
    """Judge the requirements that release workflows install: hashes alone, and this very tool."""
    if subject.git is None:
        return
    releasing = [workflow for _, workflow in subject.files if can_release(workflow)]
    runs = [step.run for workflow in releasing for job in workflow.jobs for step in job.steps]
    installing = [(name, run) for run in runs if (name := setup.requirements_file(run))]
    for name in dict.fromkeys(name for name, _ in installing):
        resolved = any(setup.resolves_dependencies(run) for wanted, run in installing if wanted == name)
        yield _lock(subject.git.root, name, resolved=resolved)


def _lock(root: Path, name: str, *, resolved: bool) -> DoctorRow:
    file = root / name
    if not file.is_file():
        return _broken(name, "is not there, and the release's jobs install it", "lock-missing")
    text = files.read(file, follow=True).decode("utf-8", "replace").replace("\r\n", "\n")
    entries = [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith(("#", "-"))
    ]
    if bare := [entry.split()[0] for entry in entries if _HASH.search(entry) is None]:
        return _broken(name, f"names {show(bare[0])} without a hash", "lock-without-hash")
    if resolved and PARTIAL in text:
        what = f"{name} leaves out what no verb imports, and pip refuses that where a job installs it without --no-deps"
        fix = "`tagseal init --replace-workflow` writes that step; or add --no-deps to it."
        return DoctorRow.error("lock", what, fix, "lock-without-no-deps", name)
    own = version("tagseal")
    if (locked := _TOOL.search(text)) and locked[1] != own:
        text = f"{name} locks Tagseal {locked[1]}, and this is {own}"
        return DoctorRow.warning("lock", text, "`tagseal init` locks this one.", "lock-differs")
    return DoctorRow.ok("lock", f"{name}: {len(entries)} files, each by its hashes")


def _broken(name: str, what: str, slug: str) -> DoctorRow:
    return DoctorRow.error("lock", f"{name} {what}", "`tagseal init` writes it.", slug, name)
